//! Counters for Prometheus, fed by one call a request.
//!
//! [`Metrics::observe`] allocates nothing for a distribution, function or origin it has seen before: the labelled
//! counters are made at the first sight of a name and found again by it. Names come from the configuration alone,
//! never from a viewer, so the number of series is bounded by what the operator wrote.

use std::sync::{Mutex, OnceLock, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::interned::Interned;
use super::json::origin_failure;
use super::{FunctionOutcome, FunctionRun, Outbound, Record};
use crate::error::FunctionFailure;
use crate::event::EventType;

mod cache;

pub use cache::{CacheNumbers, DiskNumbers};

use cache::CacheGauges;

type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

type CacheSource = Box<dyn Fn() -> CacheNumbers + Send + Sync>;

/// All metrics of one edge.
pub struct Metrics {
    registry: Mutex<Registry>,
    families: Families,
    distributions: Interned<Distribution>,
    functions: Interned<Function>,
    in_progress: Gauge,
    dropped_log_lines: Counter,
    invalidations: Counter,
    dropped_tags: Counter,
    cache: CacheGauges,
    cache_source: OnceLock<CacheSource>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The labelled families, as Prometheus sees them.
struct Families {
    requests: Counters,
    response_bytes: Counters,
    durations: Histograms,
    function_invocations: Counters,
    function_remembered: Counters,
    function_cold_starts: Counters,
    function_errors: Counters,
    function_times: Histograms,
    function_outbound: Counters,
    origin_requests: Counters,
    origin_failures: Counters,
}

/// Result types with a place of their own in [`Distribution`]; any other is counted as the last one.
const RESULT_TYPES: [&str; 17] = [
    "Hit",
    "RefreshHit",
    "Miss",
    "Error",
    "Redirect",
    "Purge",
    "LimitExceeded",
    "CapacityExceeded",
    "FunctionGeneratedResponse",
    "FunctionValidationError",
    "FunctionExecutionError",
    "FunctionThrottledError",
    "LambdaGeneratedResponse",
    "LambdaValidationError",
    "LambdaExecutionError",
    "LambdaLimitExceeded",
    "Other",
];

/// `000` stands for a viewer that was gone before a status could be sent.
const STATUS_CLASSES: [&str; 6] = ["000", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The series of one distribution, each made when it first counts something.
#[derive(Default)]
struct Distribution {
    results: [ResultSeries; RESULT_TYPES.len()],
    bytes: OnceLock<Counter>,
    origins: Interned<Origin>,
}

#[derive(Default)]
struct ResultSeries {
    requests: [OnceLock<Counter>; STATUS_CLASSES.len()],
    duration: OnceLock<Histogram>,
}

#[derive(Default)]
struct Origin {
    requests: OnceLock<Counter>,
}

/// The series of one function, by the event's place in [`EventType`].
#[derive(Default)]
struct Function {
    events: [OnceLock<FunctionSeries>; 5],
}

struct FunctionSeries {
    invocations: Counter,
    remembered: Counter,
    cold_starts: Counter,
    time: Histogram,
}

/// Seconds from 250 µs, a cache hit, to 16 s, beyond an origin function's budget.
fn request_duration_histogram() -> Histogram {
    Histogram::new((0..17).map(|step| 0.000_25 * f64::from(1 << step)))
}

/// Seconds from 10 µs to the viewer function's millisecond in fine steps, then to an origin function's ten seconds.
fn function_time_histogram() -> Histogram {
    const MICROSECONDS: [u32; 16] = [
        10, 20, 50, 100, 200, 300, 500, 700, 1_000, 2_000, 10_000, 50_000, 200_000, 1_000_000,
        5_000_000, 10_000_000,
    ];
    Histogram::new(MICROSECONDS.iter().map(|&micros| f64::from(micros) / 1e6))
}

impl Families {
    fn register(registry: &mut Registry) -> Self {
        let counters = |registry: &mut Registry, name: &str, help: &str| {
            let family = Counters::default();
            registry.register(name, help, family.clone());
            family
        };
        let histograms =
            |registry: &mut Registry, name: &str, help: &str, made: fn() -> Histogram| {
                let family = Histograms::new_with_constructor(made);
                registry.register(name, help, family.clone());
                family
            };
        Self {
            requests: counters(registry, "requests", "Requests answered"),
            response_bytes: counters(registry, "response_bytes", "Bytes sent to viewers"),
            durations: histograms(
                registry,
                "request_duration_seconds",
                "From the request's head to the last byte of the answer",
                request_duration_histogram,
            ),
            function_invocations: counters(registry, "function_invocations", "Function calls"),
            function_remembered: counters(
                registry,
                "function_remembered",
                "Function calls answered from an earlier call that saw the same",
            ),
            function_cold_starts: counters(
                registry,
                "function_cold_starts",
                "Calls of origin functions for which a new instance was made",
            ),
            function_errors: counters(registry, "function_errors", "Function calls that failed"),
            function_times: histograms(
                registry,
                "function_time_seconds",
                "CPU time of a viewer function's call, wall time of an origin function's",
                function_time_histogram,
            ),
            function_outbound: counters(
                registry,
                "function_outbound_requests",
                "Requests that origin functions made themselves",
            ),
            origin_requests: counters(registry, "origin_requests", "Attempts to ask an origin"),
            origin_failures: counters(registry, "origin_failures", "Attempts that failed"),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("verge");
        let families = Families::register(&mut registry);
        let (in_progress, dropped_log_lines) = (Gauge::default(), Counter::default());
        let help = "Requests that have begun and not ended";
        registry.register("requests_in_progress", help, in_progress.clone());
        let help = "Access log lines lost to a full queue or a failing disk";
        registry.register("access_log_dropped_lines", help, dropped_log_lines.clone());
        let (invalidations, dropped_tags) = (Counter::default(), Counter::default());
        let help = "Items of invalidations: paths, prefixes and tags";
        registry.register("cache_invalidations", help, invalidations.clone());
        let help = "Cache tags of answers that were too many, or none";
        registry.register("cache_dropped_tags", help, dropped_tags.clone());
        let cache = CacheGauges::register(&mut registry);
        Self {
            registry: Mutex::new(registry),
            families,
            distributions: Interned::default(),
            functions: Interned::default(),
            in_progress,
            dropped_log_lines,
            invalidations,
            dropped_tags,
            cache,
            cache_source: OnceLock::new(),
        }
    }
}

impl Metrics {
    /// Takes the closure that says what the cache holds; it is asked at every [`Metrics::render`]. The first one stays.
    pub fn watch_cache(&self, source: impl Fn() -> CacheNumbers + Send + Sync + 'static) {
        // A process has one cache; a second source could only be a second wiring of the same one.
        let _ = self.cache_source.set(Box::new(source));
    }

    /// The counter for [`super::access_log::AccessLog::start`].
    #[must_use]
    pub fn dropped_log_lines(&self) -> Counter {
        self.dropped_log_lines.clone()
    }

    /// Counts the items of an invalidation.
    pub fn count_invalidations(&self, items: usize) {
        self.invalidations.inc_by(items as u64);
    }

    /// Counts what an answer had in the field of its cache tags and could not be kept as a tag.
    pub fn count_dropped_tags(&self, tags: usize) {
        self.dropped_tags.inc_by(tags as u64);
    }

    /// Counts a request as in progress until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> InProgress {
        self.in_progress.inc();
        InProgress(self.in_progress.clone())
    }

    /// Counts a finished request.
    pub fn observe(&self, record: &Record) {
        let name = record.distribution_id.as_deref().unwrap_or("none");
        let series = self.distributions.get(name);
        self.count_request(name, &series, record);
        for attempt in &record.origins {
            let (families, labels) =
                (&self.families, || labels(&[("distribution", name), ("origin", &attempt.id)]));
            let origin = series.origins.get(&attempt.id);
            counter(&origin.requests, &families.origin_requests, labels).inc();
            if let Some(failure) = attempt.failure {
                let mut labels = labels();
                labels.push(("failure", origin_failure(failure).into()));
                families.origin_failures.get_or_create(&labels).inc();
            }
        }
        record.functions.iter().for_each(|run| self.count_run(run));
    }

    fn count_request(&self, distribution: &str, series: &Distribution, record: &Record) {
        let place = RESULT_TYPES.iter().position(|known| *known == record.result_type);
        let place = place.unwrap_or(RESULT_TYPES.len() - 1);
        let class = usize::from(record.status / 100).min(STATUS_CLASSES.len() - 1);
        let result = &series.results[place];
        let with_result =
            || labels(&[("distribution", distribution), ("result_type", RESULT_TYPES[place])]);
        counter(&result.requests[class], &self.families.requests, || {
            let mut labels = with_result();
            labels.push(("status_class", STATUS_CLASSES[class].into()));
            labels
        })
        .inc();
        let histogram = result
            .duration
            .get_or_init(|| self.families.durations.get_or_create_owned(&with_result()));
        histogram.observe(record.time_taken.as_secs_f64());
        let alone = || labels(&[("distribution", distribution)]);
        counter(&series.bytes, &self.families.response_bytes, alone).inc_by(record.bytes_sent);
    }

    fn count_run(&self, run: &FunctionRun) {
        let families = &self.families;
        let with_event = || labels(&[("function", &run.name), ("event", run.event.as_str())]);
        let function = self.functions.get(&run.name);
        let series = function.events[place(run.event)].get_or_init(|| FunctionSeries {
            invocations: families.function_invocations.get_or_create_owned(&with_event()),
            remembered: families.function_remembered.get_or_create_owned(&with_event()),
            cold_starts: families.function_cold_starts.get_or_create_owned(&with_event()),
            time: families.function_times.get_or_create_owned(&with_event()),
        });
        series.invocations.inc();
        if run.remembered {
            series.remembered.inc();
        } else {
            series.time.observe(run.time.as_secs_f64());
        }
        if run.cold_start {
            series.cold_starts.inc();
        }
        let Outbound { answered, refused, failed } = run.outbound;
        for (outcome, count) in [("answered", answered), ("refused", refused), ("failed", failed)] {
            if count > 0 {
                let labels = labels(&[("function", &run.name), ("outcome", outcome)]);
                families.function_outbound.get_or_create(&labels).inc_by(count.into());
            }
        }
        if let FunctionOutcome::Failed(failure) = run.outcome {
            let mut labels = with_event();
            labels.push(("kind", failure_kind(failure).into()));
            families.function_errors.get_or_create(&labels).inc();
        }
    }

    /// All metrics in the OpenMetrics text format.
    #[must_use]
    pub fn render(&self) -> String {
        if let Some(source) = self.cache_source.get() {
            self.cache.show(&source());
        }
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing into a `String` fails only when a metric's own encoder does, and all of ours are the library's.
        if encode(&mut text, &registry).is_err() {
            tracing::error!("the metrics could not be written as text");
        }
        text
    }
}

/// One request in progress. Ends when dropped.
#[derive(Debug)]
pub struct InProgress(Gauge);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Finds a counter in its slot; the labels are spelled at its first use only.
fn counter<'a>(
    slot: &'a OnceLock<Counter>,
    family: &Counters,
    labels: impl FnOnce() -> Labels,
) -> &'a Counter {
    slot.get_or_init(|| family.get_or_create_owned(&labels()))
}

fn labels(pairs: &[(&'static str, &str)]) -> Labels {
    pairs.iter().map(|&(name, value)| (name, value.to_owned())).collect()
}

const fn place(event: EventType) -> usize {
    match event {
        EventType::ViewerRequest => 0,
        EventType::OriginRequest => 1,
        EventType::OriginResponse => 2,
        EventType::ViewerResponse => 3,
        EventType::Origin => 4,
    }
}

const fn failure_kind(failure: FunctionFailure) -> &'static str {
    match failure {
        FunctionFailure::Validation => "validation",
        FunctionFailure::Execution => "execution",
        FunctionFailure::Throttled => "throttled",
    }
}

#[cfg(test)]
mod tests;
