//! One function, one event, one run.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Loaded;
use crate::error::{EdgeError, FunctionError, FunctionKind};
use crate::event::origin::origin_change_json;
use crate::event::viewer::{Moment, json as viewer};
use crate::event::{
    CustomOrigin, EventType, OriginRequestOutcome, RequestEdits, RequestOutcome, alb, lambda,
};
use crate::function::js::{self, Budget, ViewerFunction};
use crate::function::wasm::OriginFunction;
use crate::function::{Function, Invocation};
use crate::kv::NamedStore;
use crate::limits::{VIEWER_FUNCTION_CPU_BUDGET, VIEWER_FUNCTION_FUEL_BUDGET};

/// One run: what the function decided as `FunctionOutput` shows it, and what it cost.
pub(super) type Outcome = Invocation<Value>;

/// What a run depends on besides function and event.
#[derive(Clone, Default)]
pub(super) struct Setting {
    /// The event's type, where it is not the event's own.
    pub event_type: Option<EventType>,
    /// Milliseconds since 1970; `None`: the system's time.
    pub now_ms: Option<u64>,
    /// Where random numbers start; `None`: from the request's id and the time.
    pub seed: Option<u64>,
    /// What `cf.kvs()` and `wasi:keyvalue` read.
    pub store: Option<Arc<NamedStore>>,
}

/// Runs a function.
///
/// # Errors
/// When the event cannot be used for it.
pub(super) fn run(loaded: &Loaded, event: &Value, setting: &Setting) -> Result<Outcome, String> {
    match &loaded.function {
        Function::Viewer(function) => run_viewer(function, event, setting).map(|ran| ran.0),
        Function::Origin(function) => run_component(function, event, setting),
    }
}

/// Runs a viewer function; beside what came of it, what the origin helpers did: a list, or null.
///
/// # Errors
/// When the event cannot be used for it.
pub(super) fn run_viewer(
    function: &ViewerFunction,
    event: &Value,
    setting: &Setting,
) -> Result<(Outcome, Value), String> {
    let event = viewer::parse_event(event, setting.event_type).map_err(unusable)?;
    let (context, request) = (event.context(), event.request());
    let mut moment = js::moment(&context, setting.now_ms.unwrap_or_else(js::now_ms));
    moment.seed = setting.seed.unwrap_or(moment.seed);
    let mut budget = Budget::default();
    let with_store = setting.store.clone().map(|store| function.with_store(Some(store)));
    let function = with_store.as_ref().unwrap_or(function);
    match (event.event_type, event.response()) {
        (EventType::ViewerRequest, _) => {
            let called =
                function.on_request_at(setting_of(moment), &context, &request, &mut budget);
            let mut origin = Value::Null;
            let outcome = map(called, |outcome| match outcome {
                RequestOutcome::Continue(edits) => {
                    if !edits.origin.is_empty() {
                        origin = edits.origin.iter().map(origin_change_json).collect();
                    }
                    json!({ "request": viewer::edited_request_json(&request, &edits) })
                }
                RequestOutcome::Respond(response) => {
                    json!({ "response": viewer::generated_response_json(&response) })
                }
            });
            Ok((outcome, origin))
        }
        (EventType::ViewerResponse, Some(response)) => {
            let called = function.on_response_at(
                setting_of(moment),
                &context,
                &request,
                &response,
                &mut budget,
            );
            let outcome = map(
                called,
                |edits| json!({ "response": viewer::edited_response_json(&response, &edits) }),
            );
            Ok((outcome, Value::Null))
        }
        (other, _) => Err(format!("JavaScript functions do not run on {other}")),
    }
}

/// A test calls the function whatever it did before.
fn setting_of(moment: Moment) -> js::Setting<'static> {
    js::Setting { moment: Some(moment), breaker: None }
}

fn run_component(
    function: &OriginFunction,
    event: &Value,
    setting: &Setting,
) -> Result<Outcome, String> {
    let with_store = setting.store.clone().map(|store| function.with_store(Some(store)));
    let function = with_store.as_ref().unwrap_or(function);
    if alb::is_event(event) {
        return answer(function, event, setting.event_type);
    }
    let mut event = event.clone();
    if let (Some(event_type), Some(config)) = (
        setting.event_type,
        event.pointer_mut("/Records/0/cf/config").and_then(Value::as_object_mut),
    ) {
        config.insert("eventType".to_owned(), event_type.as_str().into());
    }
    let event = lambda::parse_event(&event).map_err(unusable)?;
    if !function.handles(event.event_type) {
        return Err(format!("{} has no handler for {}", function.name(), event.event_type));
    }
    Ok(runtime()?.block_on(call_component(function, &event)))
}

async fn call_component(function: &OriginFunction, event: &lambda::LambdaEvent) -> Outcome {
    let (context, request) = (event.context(), event.request());
    let edited = |origin: Option<&CustomOrigin>, edits: &RequestEdits| {
        lambda::edited_request_json(event.event_type, &context, &request, origin, edits)
    };
    match (event.origin(), event.response()) {
        (None, None) => {
            let called = function.on_viewer_request(&context, &request).await;
            map(called, |outcome| match outcome {
                RequestOutcome::Continue(edits) => edited(None, &edits),
                RequestOutcome::Respond(response) => lambda::generated_response_json(&response),
            })
        }
        (Some(origin), None) => {
            let called = function.on_request(&context, &request, origin).await;
            map(called, |outcome| match outcome {
                OriginRequestOutcome::Continue(edits, chosen) => {
                    edited(Some(chosen.as_ref().unwrap_or(origin)), &edits)
                }
                OriginRequestOutcome::Respond(response) => {
                    lambda::generated_response_json(&response)
                }
            })
        }
        (Some(origin), Some(response)) => {
            let called = function.on_response(&context, &request, origin, &response).await;
            map(called, |edits| lambda::edited_response_json(&response, &edits))
        }
        (None, Some(response)) => {
            let called = function.on_viewer_response(&context, &request, &response).await;
            map(called, |edits| lambda::edited_response_json(&response, &edits))
        }
    }
}

/// Runs a function in the place of an origin, on a load balancer's event.
fn answer(
    function: &OriginFunction,
    event: &Value,
    event_type: Option<EventType>,
) -> Result<Outcome, String> {
    if event_type.is_some() {
        return Err("a load balancer's event has no type: leave --event-type out".to_owned());
    }
    let event = alb::parse_event(event).map_err(unusable)?;
    if !function.handles(EventType::Origin) {
        let name = function.name();
        return Err(format!(
            "{name} has no handler for a load balancer's event: it cannot be an origin"
        ));
    }
    if function.speaks_http() && !event.request.headers().contains_key(http::header::HOST) {
        return Err(unusable("a handler of wasi:http needs the header field host"));
    }
    let multi_value = event.multi_value;
    let called = runtime()?.block_on(function.answer_event(event));
    Ok(map(called, |answer| alb::answer_json(&answer, multi_value)))
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())
}

fn unusable(error: impl std::fmt::Display) -> String {
    format!("the event cannot be used: {error}")
}

fn map<T>(called: Invocation<T>, show: impl FnOnce(T) -> Value) -> Outcome {
    let Invocation { result, logs, cpu, fuel, remembered, report } = called;
    Invocation { result: result.map(show), logs, cpu, fuel, remembered, report }
}

/// `FunctionErrorMessage` of CloudFront's `TestResult`.
pub(super) fn error_message(loaded: &Loaded, error: &FunctionError) -> String {
    format!("{} Error: {error}", sentence(loaded, error))
}

/// What the viewer would be told.
pub(super) fn sentence(loaded: &Loaded, error: &FunctionError) -> &'static str {
    let kind = match loaded.function {
        Function::Viewer(_) => FunctionKind::JavaScript,
        Function::Origin(_) => FunctionKind::Component,
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
