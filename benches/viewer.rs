//! What a call of a viewer function costs, in fresh memory each time, and how soon hostile ones are answered.
//!
//!     cargo bench --bench viewer
//!
//! First what does not depend on the machine (instructions, bytes laid over an instance), then times. The functions are
//! called in turn, round after round, so that a busy moment hits all of them.

#[path = "../tests/hostile/mod.rs"]
mod hostile;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use verge::event::{EventContext, RequestView};
use verge::function::engine::{Mode, Sandbox};
use verge::function::js::{Budget, JsEngine, ViewerFunction};
use verge::function::wasm::Settings;
use verge::function::{Runtime, Source};
use verge::ids::RequestId;
use verge::limits::VIEWER_MEMOS_BYTES_MAX;

const WARM_UP_ROUNDS: usize = 300;
const ROUNDS: usize = 5_000;
const ATTACKS: usize = 10_000;

/// The four typical functions.
const FUNCTIONS: [(&str, &str); 4] = [
    ("no-op", "function handler(event) { return event.request; }"),
    (
        "header",
        "function handler(event) {
            var request = event.request, headers = request.headers;
            var agent = headers['user-agent'] ? headers['user-agent'].value : '';
            headers['x-device'] = { value: agent.indexOf('Mobile') >= 0 ? 'phone' : 'desk' };
            headers['x-forwarded-host'] = { value: headers.host.value };
            delete headers['x-debug'];
            return request;
        }",
    ),
    (
        "url",
        "var page = /^\\/([a-z]{2})\\/products\\/(\\d+)(?:-[a-z0-9-]+)?\\/?$/;
        function handler(event) {
            var found = page.exec(event.request.uri);
            if (found) { event.request.uri = '/product/' + found[2] + '/index.' + found[1] + '.html'; }
            return event.request;
        }",
    ),
    (
        "key",
        "function handler(event) {
            var request = event.request, kept = [], query = request.querystring;
            Object.keys(query).sort().forEach(function (name) {
                if (name.indexOf('utm_') !== 0) { kept.push(name.toLowerCase() + '=' + query[name].value); }
            });
            request.querystring = kept.join('&');
            var group = request.cookies.group ? request.cookies.group.value : 'a';
            request.cookies = { group: { value: group } };
            return request;
        }",
    ),
];

/// A request of some hundred bytes with twelve header fields.
struct Subject {
    id: RequestId,
    headers: HeaderMap,
}

impl Subject {
    fn new() -> Self {
        let fields = [
            ("host", "shop.example.com"),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            ),
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("accept-language", "de,en-US;q=0.7,en;q=0.3"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("referer", "https://shop.example.com/de/"),
            ("cookie", "session=0123456789abcdef; group=b; consent=yes"),
            ("cache-control", "no-cache"),
            ("pragma", "no-cache"),
            ("x-debug", "1"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
        ];
        let headers = fields
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Self { id: RequestId::from_entropy(&[7; 42]), headers: headers.collect() }
    }

    fn call(&self, function: &ViewerFunction) -> Called {
        let context = EventContext {
            distribution_domain_name: "d111111abcdef8.cloudfront.net",
            distribution_id: "EDFDVBD6EXAMPLE",
            request_id: &self.id,
            viewer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            edge: verge::event::EdgeLocation::DEFAULT,
        };
        let request = RequestView {
            method: "GET",
            path: b"/de/products/4711-a-fine-thing",
            query: Some(b"utm_source=mail&Size=XL&color=blue&utm_medium=link&page=2"),
            headers: &self.headers,
            body: None,
        };
        let called = function.on_request(&context, &request, &mut Budget::default());
        Called { went_well: called.result.is_ok(), fuel: called.fuel, own: called.cpu }
    }
}

struct Called {
    went_well: bool,
    fuel: Option<u64>,
    /// CPU time from the function's start to its end, without making its instance ready and undoing what it wrote.
    own: Duration,
}

fn load(
    engine: &Arc<JsEngine>,
    name: &str,
    code: &str,
    memo: bool,
) -> Result<ViewerFunction, Box<dyn Error>> {
    let source = Source {
        store: None,
        name: name.into(),
        runtime: Runtime::CloudfrontJs20,
        code: code.as_bytes().to_vec(),
        settings: Settings::default(),
        memo_bytes_max: memo.then_some(VIEWER_MEMOS_BYTES_MAX),
    };
    Ok(ViewerFunction::load(engine, &source)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-code");
    let metered = JsEngine::new(&Sandbox::new(Mode::Metered, Some(&cache))?)?;
    let engine = JsEngine::new(&Sandbox::new(Mode::Production, Some(&cache))?)?;
    let subject = Subject::new();
    println!("{:10} {:>14} {:>12} {:>12}", "function", "instructions", "delta bytes", "loaded in");
    let mut functions = Vec::new();
    for (name, code) in FUNCTIONS {
        let fuel = subject.call(&load(&metered, name, code, false)?).fuel;
        let started = Instant::now();
        let function = load(&engine, name, code, false)?;
        let loaded = started.elapsed();
        let fuel = fuel.unwrap_or_default();
        println!("{name:10} {fuel:>14} {:>12} {loaded:>12.1?}", function.bytes());
        let remembering = load(&engine, name, code, true)?;
        let times = [const { Vec::new() }; 3];
        functions.push((name, function, remembering, times));
    }
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        for (name, function, remembering, [whole, around, known]) in &mut functions {
            let started = Instant::now();
            let went_well = subject.call(function).went_well;
            let called = started.elapsed();
            let started = Instant::now();
            let ready = function.dry_run();
            let dry = started.elapsed();
            let started = Instant::now();
            let went_well = subject.call(remembering).went_well && went_well;
            let recalled = started.elapsed();
            if !went_well || !ready {
                return Err(format!("{name} failed").into());
            }
            if round >= WARM_UP_ROUNDS {
                whole.push(called);
                around.push(dry);
                known.push(recalled);
            }
        }
    }
    println!(
        "\nmicroseconds; around: instance, delta and reset without a call; rest: event, run, read back; \
         known: the same call with remembered answers"
    );
    println!(
        "{:10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "function", "whole", "p90", "p99", "around", "rest", "known"
    );
    for (name, _, _, [whole, around, known]) in &mut functions {
        let (median, p90, p99) = quantiles(whole);
        let (around, ..) = quantiles(around);
        let ((known, ..), rest) = (quantiles(known), median - around);
        println!("{name:10} {median:8.1} {p90:8.1} {p99:8.1} {around:8.1} {rest:8.1} {known:8.1}");
    }
    attack(&engine, &subject)
}

/// Time to answer of the hostile functions, and memory afterwards.
fn attack(engine: &Arc<JsEngine>, subject: &Subject) -> Result<(), Box<dyn Error>> {
    let sources = hostile::functions();
    let mut functions = Vec::new();
    for (name, source) in &sources {
        functions.push((name, load(engine, name, source, false)?, Duration::ZERO));
    }
    let (mut times, mut own) = (Vec::new(), Vec::new());
    let mut before = 0;
    let mut attacks = 0;
    while attacks < ATTACKS {
        for (name, function, worst) in &mut functions {
            let started = Instant::now();
            let called = subject.call(function);
            let took = started.elapsed();
            times.push(took);
            own.push(called.own);
            *worst = took.max(*worst);
            // What a result is worth is judged by its reader; a cyclic or wrong one may pass only as an error.
            if called.went_well {
                return Err(format!("{name} was not refused").into());
            }
            attacks += 1;
        }
        if before == 0 {
            before = resident_kib()?;
        }
    }
    let (median, _, p99) = quantiles(&mut times);
    let max = times.last().map_or(0.0, micros);
    println!(
        "\n{} hostile functions, {attacks} calls: time to answer, microseconds",
        functions.len()
    );
    println!("median {median:.1}  p99 {p99:.1}  max {max:.1}");
    let (median, _, p99) = quantiles(&mut own);
    let max = own.last().map_or(0.0, micros);
    println!(
        "of that from the function's start, CPU time: median {median:.1}  p99 {p99:.1}  max {max:.1}"
    );
    functions.sort_by_key(|(_, _, worst)| std::cmp::Reverse(*worst));
    for (name, _, worst) in functions.iter().take(3) {
        println!("  slowest {name}: {:.1}", micros(worst));
    }
    println!("resident memory: {before} KiB after one round, {} KiB at the end", resident_kib()?);
    Ok(())
}

fn micros(time: &Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Median, ninth decile and 99th percentile, microseconds; sorts.
fn quantiles(times: &mut [Duration]) -> (f64, f64, f64) {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).map_or(0.0, micros);
    (at(50), at(90), at(99))
}

fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
