//! One function, one event, one run.

use serde_json::{Value, json};

use super::Loaded;
use super::store::Store;
use crate::error::{EdgeError, FunctionError, FunctionKind};
use crate::event::viewer::json as viewer;
use crate::event::{EventType, OriginRequestOutcome, RequestOutcome, lambda};
use crate::function::js::{self, Budget, ViewerFunction};
use crate::function::wasm::OriginFunction;
use crate::function::{Function, Invocation};
use crate::limits::{VIEWER_FUNCTION_CPU_BUDGET, VIEWER_FUNCTION_FUEL_BUDGET};

/// One run: what the function decided as `FunctionOutput` shows it, and what it cost.
pub(super) type Outcome = Invocation<Value>;

/// What a run depends on besides function and event.
#[derive(Clone, Copy, Default)]
pub(super) struct Setting<'a> {
    /// The event's type, where it is not the event's own.
    pub event_type: Option<EventType>,
    /// Milliseconds since 1970; `None`: the system's time.
    pub now_ms: Option<u64>,
    /// Where random numbers start; `None`: from the request's id and the time.
    pub seed: Option<u64>,
    /// What `cf.kvs()` reads.
    pub store: Option<&'a Store>,
}

/// Runs a function.
///
/// # Errors
/// When the event cannot be used for it.
pub(super) fn run(
    loaded: &Loaded,
    event: &Value,
    setting: &Setting<'_>,
) -> Result<Outcome, String> {
    match &loaded.function {
        Function::Viewer(function) => run_viewer(function, event, setting),
        Function::Origin(function) => run_origin(function, event, setting.event_type),
    }
}

/// Runs a viewer function.
///
/// # Errors
/// When the event cannot be used for it.
pub(super) fn run_viewer(
    function: &ViewerFunction,
    event: &Value,
    setting: &Setting<'_>,
) -> Result<Outcome, String> {
    let event = viewer::parse_event(event, setting.event_type).map_err(unusable)?;
    let (context, request) = (event.context(), event.request());
    let mut moment = js::moment(&context, setting.now_ms.unwrap_or_else(js::now_ms));
    moment.seed = setting.seed.unwrap_or(moment.seed);
    let mut budget = Budget::default();
    give_store(setting.store);
    match (event.event_type, event.response()) {
        (EventType::ViewerRequest, _) => {
            let called = function.on_request_at(moment, &context, &request, &mut budget);
            Ok(map(called, |outcome| match outcome {
                RequestOutcome::Continue(edits) => {
                    json!({ "request": viewer::edited_request_json(&request, &edits) })
                }
                RequestOutcome::Respond(response) => {
                    json!({ "response": viewer::generated_response_json(&response) })
                }
            }))
        }
        (EventType::ViewerResponse, Some(response)) => {
            let called =
                function.on_response_at(moment, &context, &request, &response, &mut budget);
            Ok(map(
                called,
                |edits| json!({ "response": viewer::edited_response_json(&response, &edits) }),
            ))
        }
        (other, _) => Err(format!("JavaScript functions do not run on {other}")),
    }
}

/// The seam to the key-value store: hands the store's content to the run that follows. Viewer functions have no store
/// yet, so nobody takes it.
fn give_store(_store: Option<&Store>) {}

fn run_origin(
    function: &OriginFunction,
    event: &Value,
    event_type: Option<EventType>,
) -> Result<Outcome, String> {
    let mut event = event.clone();
    if let (Some(event_type), Some(config)) =
        (event_type, event.pointer_mut("/Records/0/cf/config").and_then(Value::as_object_mut))
    {
        config.insert("eventType".to_owned(), event_type.as_str().into());
    }
    let event = lambda::parse_event(&event).map_err(unusable)?;
    if !function.handles(event.event_type) {
        return Err(format!("{} has no handler for {}", function.name(), event.event_type));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (context, request, origin) = (event.context(), event.request(), &event.origin);
    Ok(match event.response() {
        None => {
            let called = runtime.block_on(function.on_request(&context, &request, origin));
            map(called, |outcome| match outcome {
                OriginRequestOutcome::Continue(edits, chosen) => {
                    let origin = chosen.as_ref().unwrap_or(origin);
                    lambda::edited_request_json(&context, &request, origin, &edits)
                }
                OriginRequestOutcome::Respond(response) => {
                    lambda::generated_response_json(&response)
                }
            })
        }
        Some(response) => {
            let run = function.on_response(&context, &request, origin, &response);
            map(runtime.block_on(run), |edits| lambda::edited_response_json(&response, &edits))
        }
    })
}

fn unusable(error: impl std::fmt::Display) -> String {
    format!("the event cannot be used: {error}")
}

fn map<T>(called: Invocation<T>, show: impl FnOnce(T) -> Value) -> Outcome {
    let Invocation { result, logs, cpu, fuel } = called;
    Invocation { result: result.map(show), logs, cpu, fuel }
}

/// `FunctionErrorMessage` of CloudFront's `TestResult`.
pub(super) fn error_message(loaded: &Loaded, error: &FunctionError) -> String {
    format!("{} Error: {error}", sentence(loaded, error))
}

/// What the viewer would be told.
pub(super) fn sentence(loaded: &Loaded, error: &FunctionError) -> &'static str {
    let kind = match loaded.function {
        Function::Viewer(_) => FunctionKind::Viewer,
        Function::Origin(_) => FunctionKind::Origin,
    };
    let name = loaded.subject.source.name.clone();
    EdgeError::Function { kind, name, error: error.clone() }.answer().sentence
}

/// Per cent of the budget that a run used, 0 to 100, from counted instructions: the same number on a busy and on an
/// idle machine. The viewer functions' budget says how many instructions a time stands for.
pub(super) fn utilization(loaded: &Loaded, outcome: &Outcome) -> u8 {
    let times = loaded.subject.source.budget.as_nanos() / VIEWER_FUNCTION_CPU_BUDGET.as_nanos();
    share(outcome, u64::try_from(times).unwrap_or(u64::MAX))
}

/// The same for the budget of `times` viewer functions.
pub(super) fn share(outcome: &Outcome, times: u64) -> u8 {
    let allowed = u128::from(VIEWER_FUNCTION_FUEL_BUDGET).saturating_mul(u128::from(times)).max(1);
    let used = u128::from(outcome.fuel.unwrap_or_default()) * 100;
    u8::try_from(used.div_ceil(allowed).min(100)).unwrap_or(100)
}
