//! The one record of a request: noted on the way, completed at its end.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, REFERER, USER_AGENT};
use pingora::Error;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::context::{Context, Route};
use super::head;
use crate::error::{EdgeError, FunctionKind, OriginFailure};
use crate::event::{
    EventType, GeneratedResponse, OriginRequestOutcome, RequestOutcome, ResponseEdits,
};
use crate::function::Invocation;
use crate::observe::{FunctionOutcome, FunctionRun, OriginAttempt, Record, function_log};

/// Notes what the viewer asked for, before any function changes it.
pub fn note_request(request: &RequestHeader, ctx: &mut Context) {
    let (path, query) = head::path_and_query(request);
    let target = Bytes::from(head::join_target(path, query));
    let record = &mut ctx.record;
    record.viewer_ip = ctx.peer.ip;
    record.viewer_port = ctx.peer.port;
    record.tls = ctx.peer.tls;
    record.http_version = ctx.version;
    record.method = Some(request.method.clone());
    record.query = query.map(|_| target.slice(path.len() + 1..));
    record.path = target.slice(..path.len());
    record.host = request.headers.get(HOST).cloned();
    record.referer = request.headers.get(REFERER).cloned();
    record.user_agent = request.headers.get(USER_AGENT).cloned();
}

/// Notes which distribution and behavior answer.
pub fn note_route(route: &Route, ctx: &mut Context) {
    ctx.record.distribution_id = Some(route.distribution.id.clone());
    ctx.record.behavior = Some(route.behavior.name.clone());
}

/// Notes that an origin is being asked.
pub fn note_origin(id: &Arc<str>, ctx: &mut Context) {
    ctx.record.origins.push(OriginAttempt { id: id.clone(), failure: None });
}

/// Notes that the origin asked last failed.
pub fn note_origin_failure(failure: OriginFailure, ctx: &mut Context) {
    if let Some(attempt) = ctx.record.origins.last_mut() {
        attempt.failure = Some(failure);
    }
}

/// What a function returned, as far as the record cares.
pub trait Outcome {
    /// Whether the request goes on.
    fn outcome(&self) -> FunctionOutcome;
}

impl Outcome for RequestOutcome {
    fn outcome(&self) -> FunctionOutcome {
        match self {
            Self::Continue(_) => FunctionOutcome::Continued,
            Self::Respond(GeneratedResponse { .. }) => FunctionOutcome::Responded,
        }
    }
}

impl Outcome for OriginRequestOutcome {
    fn outcome(&self) -> FunctionOutcome {
        match self {
            Self::Continue(..) => FunctionOutcome::Continued,
            Self::Respond(_) => FunctionOutcome::Responded,
        }
    }
}

impl Outcome for ResponseEdits {
    fn outcome(&self) -> FunctionOutcome {
        FunctionOutcome::Continued
    }
}

/// A function in the place of an origin.
impl Outcome for () {
    fn outcome(&self) -> FunctionOutcome {
        FunctionOutcome::Responded
    }
}

/// Notes a function's run and turns a failed one into the request's failure.
///
/// # Errors
/// The function's failure.
pub fn note_function<T: Outcome>(
    ctx: &mut Context,
    kind: FunctionKind,
    name: &Arc<str>,
    event: EventType,
    run: Invocation<T>,
) -> Result<T, EdgeError> {
    let failure = run.result.as_ref().err();
    let distribution_id = ctx.record.distribution_id.as_deref().unwrap_or_default();
    let source = function_log::Run {
        function: name,
        event,
        request_id: &ctx.id,
        distribution_id,
        report: run.report.as_deref(),
    };
    function_log::write(source, &run.logs, failure);
    let outcome = match &run.result {
        Ok(value) => value.outcome(),
        Err(error) => FunctionOutcome::Failed(error.failure),
    };
    let message = failure.map(|error| error.message.clone());
    let name = name.clone();
    ctx.record.functions.push(FunctionRun {
        name: name.clone(),
        event,
        outcome,
        time: run.cpu,
        remembered: run.remembered,
        cold_start: run.report.as_ref().is_some_and(|report| report.init.is_some()),
        outbound: run.report.as_ref().map(|report| report.outbound).unwrap_or_default(),
        message,
    });
    run.result.map_err(|error| EdgeError::Function { kind, name: name.to_string(), error })
}

/// Completes the record when the request is over. The context's own is left empty.
pub fn complete(session: &mut Session, error: Option<&Error>, ctx: &mut Context) -> Record {
    let viewer_ip = ctx.peer.ip;
    let empty = Record::new(ctx.id.clone(), ctx.record.time, viewer_ip, ctx.peer.port);
    let mut record = std::mem::replace(&mut ctx.record, empty);
    record.time_taken = ctx.started.elapsed();
    record.bytes_sent = session.body_bytes_sent() as u64;
    if let Some(response) = session.response_written() {
        record.status = response.status.as_u16();
        record.content_type = response.headers.get(CONTENT_TYPE).cloned();
        record.content_length =
            response.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    }
    let failed = ctx.failure.as_ref();
    record.result_type = ctx.result_type.unwrap_or("Error");
    record.detailed_result_type =
        failed.map_or(record.result_type, |failure| failure.answer().detailed_result_type);
    record.error = failed.map(ToString::to_string).or_else(|| error.map(ToString::to_string));
    record
}
