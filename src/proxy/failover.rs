//! When an origin failed: another attempt, the group's other member, or the failure that the viewer is told.

use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};

use super::context::{Context, OriginSide};
use super::record;
use crate::distribution::Target;
use crate::error::{EdgeError, OriginFailure, ViewerFailure};
use crate::origin::select::{self, Member, PrimaryResult};

/// Whether this status of the primary means that the secondary is asked; then the context is ready for it. Not when it
/// would get only a part of the request's body.
pub fn after_status(session: &Session, ctx: &mut Context, status: u16) -> bool {
    !session.as_ref().retry_buffer_truncated()
        && moves_to_secondary(ctx, &session.req_header().method, PrimaryResult::Status(status))
}

/// Whether this failure of the primary means that the secondary is asked; then the context is ready for it.
pub fn after_failure(ctx: &mut Context, method: &http::Method, failure: OriginFailure) -> bool {
    moves_to_secondary(ctx, method, PrimaryResult::Failure(failure))
}

/// Statuses that mean "ask the secondary"; `None` where there is none.
fn failover_codes(ctx: &Context) -> Option<&[u16]> {
    if let Some(choice) = &ctx.choice {
        return choice.failover_status_codes();
    }
    let route = ctx.route().ok()?;
    let Target::Group(index) = route.behavior.target else { return None };
    let group = route.distribution.origin_groups.get(index.0)?;
    Some(&group.failover_status_codes)
}

fn moves_to_secondary(ctx: &mut Context, method: &http::Method, result: PrimaryResult) -> bool {
    let Some(codes) = failover_codes(ctx) else { return false };
    if ctx.origin.member == Member::Secondary || !select::fails_over(codes, method, result) {
        return false;
    }
    // origin-request and origin-response run again for the second origin (spec: Lambda@Edge section 1).
    ctx.origin = OriginSide { member: Member::Secondary, ..OriginSide::default() };
    true
}

/// A connection could not be made: try again, ask the secondary, or fail.
pub fn connect_failed(session: &Session, ctx: &mut Context, mut error: Box<Error>) -> Box<Error> {
    let failure = classify(&error);
    record::note_origin_failure(failure, ctx);
    ctx.origin.attempts += 1;
    let attempts = ctx.origin.origin.as_ref().map_or(1, |origin| origin.connection_attempts);
    if ctx.origin.attempts < attempts {
        error.set_retry(true);
        return error;
    }
    if after_failure(ctx, &session.req_header().method, failure) {
        error.set_retry(true);
        return error;
    }
    ctx.failure = Some(EdgeError::Origin(failure, error.to_string()));
    error.set_retry(false);
    error
}

/// The exchange broke after the connection was made.
pub fn exchange_failed(
    session: &mut Session,
    ctx: &mut Context,
    mut error: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if matches!(error.etype(), ErrorType::Custom(_)) || *error.esource() != ErrorSource::Upstream {
        return error;
    }
    let repeatable = session.req_header().method.is_idempotent()
        && !session.as_ref().retry_buffer_truncated()
        && session.response_written().is_none();
    if !repeatable {
        error.set_retry(false);
    } else {
        // A kept connection that the origin closed meanwhile says nothing about the origin.
        error.retry.decide_reuse(reused);
    }
    if error.retry() {
        return error;
    }
    let failure = classify(&error);
    if failure == OriginFailure::ReadTimeout && !session.as_mut().is_body_done() {
        // The origin waits for the request's rest as the edge does.
        ctx.failure = Some(EdgeError::Viewer(ViewerFailure::Stalled));
        return error;
    }
    record::note_origin_failure(failure, ctx);
    if repeatable && after_failure(ctx, &session.req_header().method, failure) {
        error.set_retry(true);
        return error;
    }
    ctx.failure = Some(EdgeError::Origin(failure, error.to_string()));
    error
}

/// A failure that no phase explained: by whose side it happened on.
#[must_use]
pub fn unexplained(error: &Error) -> EdgeError {
    match error.esource() {
        ErrorSource::Upstream => EdgeError::Origin(classify(error), error.to_string()),
        ErrorSource::Downstream => EdgeError::Viewer(ViewerFailure::Malformed),
        ErrorSource::Internal | ErrorSource::Unset => EdgeError::Internal(error.to_string()),
    }
}

/// pingora's error as what went wrong with the origin.
fn classify(error: &Error) -> OriginFailure {
    match error.etype() {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => {
            OriginFailure::ConnectTimeout
        }
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => OriginFailure::ReadTimeout,
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::H2Error => {
            OriginFailure::InvalidResponse
        }
        ErrorType::ReadError | ErrorType::WriteError | ErrorType::ConnectionClosed => {
            OriginFailure::Read
        }
        _ => OriginFailure::Connect,
    }
}
