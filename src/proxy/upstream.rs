//! The origin's side of a request: what it gets to see, origin-request and origin-response functions, failover.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{
    CONTENT_LENGTH, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE, SET_COOKIE, TRANSFER_ENCODING,
};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType};

use super::canned::Canned;
use super::context::{Context, Route};
use super::function_origin::Question;
use super::{Edge, answer, body, compress, error_page, failover, head, record, trace};
use crate::cache::revalidate;
use crate::distribution::policy::NameSelection;
use crate::distribution::{Behavior, Origin, RequestAssociation};
use crate::error::{EdgeError, FunctionError, FunctionKind, OriginFailure, ViewerFailure};
use crate::event::{
    CustomOrigin, EventType, OriginRequestOutcome, RequestEdits, RequestView, ResponseEdits,
};
use crate::function::Function;
use crate::function::wasm::{OriginFunction, TooLarge};
use crate::ids::FunctionId;
use crate::limits::ORIGIN_REQUEST_BODY_BYTES_MAX;
use crate::origin::forward::{OriginRequest, ViewerRequest};
use crate::origin::select;
use crate::origin::{change, peer};

/// Ask again: the secondary, or the answer that origin-response gave.
pub const ASK_AGAIN: ErrorType = ErrorType::Custom("ask again");
/// The request failed for a reason that the context holds.
pub const FAILED: ErrorType = ErrorType::Custom("failed");

/// The connection target for the next attempt: origin-request has run, and may have answered instead.
///
/// # Errors
/// The failure is in the context.
pub async fn choose_peer(
    edge: &Edge,
    session: &mut Session,
    ctx: &mut Context,
) -> pingora::Result<Box<HttpPeer>> {
    if let Err(error) = prepare(edge, session, ctx).await {
        return Err(fail(ctx, error));
    }
    ctx.origin.asked_at = Some(Instant::now());
    ctx.origin.stamp = Some(edge.cache.store.stamp());
    if let Some(canned) = &ctx.origin.canned {
        return Ok(Box::new(canned.peer()));
    }
    let Some(origin) = ctx.origin.origin.clone() else {
        return Err(fail(ctx, EdgeError::Internal("no origin was chosen".into())));
    };
    record::note_origin(&origin.id, ctx);
    if let Some(function) = origin.function {
        let question = Question::new(&ctx.published, function, ctx.peer.tls);
        let peer = question.peer();
        ctx.origin.question = Some(question);
        return Ok(Box::new(peer));
    }
    let tls = peer::speaks_tls(&origin, ctx.peer.tls);
    let port = peer::port(&origin, tls);
    let resolved = edge.resolver.resolve(&origin.domain_name, port, origin.addresses).await;
    ctx.origin.resolving = ctx.origin.asked_at.map(|at| at.elapsed()).unwrap_or_default();
    match resolved {
        Ok(address) => Ok(Box::new(peer::http_peer(&origin, address, tls))),
        Err(detail) => {
            record::note_origin_failure(OriginFailure::Dns, ctx);
            if failover::after_failure(ctx, &session.req_header().method, OriginFailure::Dns) {
                return Err(ask_again());
            }
            Err(fail(ctx, EdgeError::Origin(OriginFailure::Dns, detail)))
        }
    }
}

fn fail(ctx: &mut Context, error: EdgeError) -> Box<Error> {
    ctx.failure = Some(error);
    let mut failed = Error::new(FAILED);
    failed.set_retry(false);
    failed
}

fn ask_again() -> Box<Error> {
    let mut again = Error::create(ASK_AGAIN, ErrorSource::Upstream, None, None);
    again.set_retry(true);
    again
}

/// Composes the origin request and runs origin-request, once for each member of the target that is asked.
async fn prepare(edge: &Edge, session: &mut Session, ctx: &mut Context) -> Result<(), EdgeError> {
    if ctx.origin.request.is_some() || ctx.origin.canned.is_some() {
        return Ok(());
    }
    let Route { distribution, behavior } = ctx.route()?.clone();
    let mut origin = match &ctx.choice {
        Some(choice) => choice.member(ctx.origin.member),
        None => select::origin(&distribution, behavior.target, ctx.origin.member),
    }
    .ok_or_else(|| EdgeError::Internal("the behavior's target does not exist".into()))?
    .clone();
    let mut request = {
        let header = session.req_header();
        let (path, query) = head::path_and_query(header);
        let viewer = ViewerRequest {
            method: &header.method,
            path,
            query,
            headers: &header.headers,
            version: ctx.version,
            viewer_ip: ctx.peer.ip,
        };
        OriginRequest::compose(&viewer, &behavior, &origin, &ctx.id)
    };
    for association in &behavior.origin_request {
        let outcome = run_request_function(edge, *association, session, ctx, &request, &origin);
        match outcome.await? {
            OriginRequestOutcome::Continue(edits, chosen) => {
                ctx.note_changes(|| trace::request_changes(&edits));
                apply_edits(&mut request, &edits);
                if let Some(chosen) = chosen {
                    redirect_origin(&mut origin, &mut request, chosen);
                }
                if let Some(body) = edits.body {
                    ctx.origin.new_request_body = Some(body.data);
                }
            }
            OriginRequestOutcome::Respond(made) => {
                let reason = made.reason.as_deref();
                ctx.origin.canned =
                    Some(Canned::new(made.status, reason, &made.headers, &made.body));
                ctx.origin.generated = true;
                return Ok(());
            }
        }
    }
    ctx.origin.origin = Some(origin);
    ctx.origin.request = Some(request);
    Ok(())
}

/// Runs one origin-request function, with the request's body where it is to have it.
async fn run_request_function(
    edge: &Edge,
    association: RequestAssociation,
    session: &mut Session,
    ctx: &mut Context,
    request: &OriginRequest,
    origin: &Origin,
) -> Result<OriginRequestOutcome, EdgeError> {
    let published = ctx.published.clone();
    let (name, function) = origin_function(&published, association.function)?;
    if association.include_body {
        let (room, patience) = (&edge.bodies, origin.response_timeout);
        let most = ORIGIN_REQUEST_BODY_BYTES_MAX;
        body::read(room, session, &mut ctx.body, most, patience, &name).await?;
    }
    let run = {
        let event = ctx.event_context()?;
        let mut view = request_view(session.req_header().method.as_str(), request);
        view.body = association.include_body.then(|| body::view(ctx)).flatten();
        let custom = custom_origin(origin, ctx.peer.tls);
        function.on_request(&event, &view, &custom).await
    };
    record::note_function(ctx, FunctionKind::Component, &name, EventType::OriginRequest, run)
}

fn origin_function(
    published: &super::Published,
    id: FunctionId,
) -> Result<(Arc<str>, &OriginFunction), EdgeError> {
    match published.functions.get(id) {
        Some(Function::Origin(function)) => Ok((function.name().clone(), function)),
        _ => Err(EdgeError::Internal("an origin event names no origin function".into())),
    }
}

fn request_view<'a>(method: &'a str, request: &'a OriginRequest) -> RequestView<'a> {
    RequestView {
        method,
        path: &request.path,
        query: request.query.as_deref(),
        headers: &request.headers,
        body: None,
    }
}

fn apply_edits(request: &mut OriginRequest, edits: &RequestEdits) {
    if let Some(path) = &edits.path {
        request.path = path.clone().into_bytes();
    }
    if let Some(query) = &edits.query {
        request.query = query.clone().map(String::into_bytes);
    }
    crate::event::apply_header_edits(&mut request.headers, &edits.headers);
}

/// The configured origin as Lambda@Edge's origin object.
fn custom_origin(origin: &Origin, viewer_tls: bool) -> CustomOrigin {
    let tls = peer::speaks_tls(origin, viewer_tls);
    let seconds = |duration: Duration| u16::try_from(duration.as_secs()).unwrap_or(u16::MAX);
    CustomOrigin {
        domain_name: origin.domain_name.clone(),
        port: peer::port(origin, tls),
        tls,
        path: origin.path.clone(),
        custom_headers: origin.custom_headers.clone(),
        read_timeout_seconds: seconds(origin.response_timeout),
        keepalive_timeout_seconds: seconds(origin.keepalive_timeout),
        ssl_protocols: vec!["TLSv1.2".to_owned()],
    }
}

/// Makes `origin` the one that the function chose. What Lambda@Edge cannot say is kept from the configuration.
fn redirect_origin(origin: &mut Origin, request: &mut OriginRequest, chosen: CustomOrigin) {
    use crate::distribution::OriginProtocol::{Http, Https};
    for (name, _) in &origin.custom_headers {
        request.headers.remove(name);
    }
    for (name, value) in &chosen.custom_headers {
        request.headers.insert(name.clone(), value.clone());
    }
    origin.protocol = if chosen.tls { Https } else { Http };
    origin.http_port = chosen.port;
    origin.https_port = chosen.port;
    origin.path = chosen.path;
    origin.response_timeout = Duration::from_secs(chosen.read_timeout_seconds.into());
    origin.keepalive_timeout = Duration::from_secs(chosen.keepalive_timeout_seconds.into());
    origin.custom_headers = chosen.custom_headers;
    if origin.domain_name != chosen.domain_name {
        // Another server: its connections are not shared with the configured origin's.
        origin.id = format!("{}>{}", origin.id, chosen.domain_name).into();
        change::rename(origin, chosen.domain_name);
    }
}

/// Writes the composed request over the one that pingora derived from the viewer's.
///
/// Framing and conditionals stay pingora's: it knows the body and what the cache needs.
///
/// # Errors
/// Pingora refused a field: a defect of the edge.
pub fn write_request(upstream: &mut RequestHeader, ctx: &mut Context) -> pingora::Result<()> {
    const KEPT: [HeaderName; 8] = [
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        IF_MATCH,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
        IF_UNMODIFIED_SINCE,
        IF_RANGE,
        RANGE,
    ];
    let (Some(request), Some(origin)) = (&ctx.origin.request, &ctx.origin.origin) else {
        return Ok(());
    };
    let target = request.target(&origin.path);
    let size = request.headers.len() + KEPT.len();
    let mut fresh = RequestHeader::build(upstream.method.clone(), &target, Some(size))?;
    fresh.set_version(upstream.version);
    for (name, value) in &request.headers {
        if !KEPT.contains(name) {
            fresh.append_header(name.clone(), value.clone())?;
        }
    }
    for name in &KEPT {
        for value in upstream.headers.get_all(name) {
            fresh.append_header(name.clone(), value.clone())?;
        }
    }
    if let Some(wanted) = &ctx.wanted
        && !fresh.headers.contains_key(RANGE)
    {
        // Pingora leaves these out, to get the whole.
        fresh.insert_header(RANGE, wanted.range.to_string())?;
        if let Some(condition) = wanted.condition() {
            fresh.insert_header(IF_RANGE, condition.clone())?;
        }
    }
    *upstream = fresh;
    body::frame(upstream, ctx)
}

/// Part of the origin's answer came: is there still time for the rest?
///
/// # Errors
/// The answer takes longer than `responseCompletionTimeout`.
pub fn check_completion(ctx: &Context) -> pingora::Result<()> {
    let limit = ctx.origin.origin.as_ref().and_then(|origin| origin.response_completion_timeout);
    match (limit, ctx.origin.asked_at) {
        (Some(limit), Some(asked_at)) if asked_at.elapsed() > limit => {
            Err(Error::create(ErrorType::ReadTimedout, ErrorSource::Upstream, None, None))
        }
        _ => Ok(()),
    }
}

/// The origin answered: failover by status, hop-by-hop fields, origin-response functions.
///
/// # Errors
/// [`ASK_AGAIN`] to play the answer of origin-response or to ask the secondary; [`FAILED`] with the failure in the
/// context.
pub async fn receive(
    session: &mut Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
) -> pingora::Result<()> {
    ctx.origin.response_delay = ctx.origin.asked_at.map(|at| at.elapsed()).unwrap_or_default();
    if ctx.origin.replayed {
        return Ok(());
    }
    let status = response.status.as_u16();
    ctx.origin.status = Some(status);
    let asked = note_answer(ctx);
    if !ctx.origin.generated && failover::after_status(session, ctx, status) {
        return Err(ask_again());
    }
    if let Err(error) = asked {
        return Err(fail(ctx, error));
    }
    for name in revalidate::hop_by_hop(&response.headers) {
        response.remove_header(&name);
    }
    if let Ok(route) = ctx.route()
        && drops_cookies(&route.behavior, &session.req_header().method)
    {
        response.remove_header(&SET_COOKIE);
    }
    if !ctx.origin.generated
        && let Err(error) = run_response_functions(session, response, ctx).await
    {
        return Err(fail(ctx, error));
    }
    if !ctx.origin.replayed && error_page::lacks_body(session, response, ctx) {
        let body = answer::title(response.status).into();
        let (status, reason) = (response.status.as_u16(), response.get_reason_phrase());
        ctx.origin.canned = Some(Canned::new(status, reason, &response.headers, &body));
        ctx.origin.replayed = true;
    }
    if ctx.origin.replayed {
        return Err(ask_again());
    }
    if status == 304 {
        compress::keep_weak_tag(session, response)?;
        ctx.origin.not_modified = Some(Box::new(response.clone()));
    }
    Ok(())
}

/// Notes what became of the question to the function that is the origin, if it is one.
fn note_answer(ctx: &mut Context) -> Result<(), EdgeError> {
    let Some(question) = ctx.origin.question.take() else { return Ok(()) };
    match question.take_outcome() {
        Some(Ok(run)) => {
            let (kind, name) = (FunctionKind::InPlaceOfOrigin, question.function_name());
            record::note_function(ctx, kind, &name, EventType::Origin, run)
        }
        Some(Err(TooLarge)) => Err(EdgeError::Viewer(ViewerFailure::TooLarge)),
        None => Err(EdgeError::Internal("a function answered without having run".into())),
    }
}

/// spec: CDN behaviours section 3: where no cookie is forwarded, none comes back from a cacheable method.
fn drops_cookies(behavior: &Behavior, method: &http::Method) -> bool {
    behavior.cached_methods.contains(method)
        && behavior.cache_policy.cookies == NameSelection::None
        && behavior
            .origin_request_policy
            .as_ref()
            .is_none_or(|policy| policy.cookies == NameSelection::None)
}

async fn run_response_functions(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
) -> Result<(), EdgeError> {
    let behavior = ctx.route()?.behavior.clone();
    for &id in &behavior.origin_response {
        let published = ctx.published.clone();
        let (name, function) = origin_function(&published, id)?;
        let (Some(request), Some(origin)) = (&ctx.origin.request, &ctx.origin.origin) else {
            return Err(EdgeError::Internal("an answer came without a question".into()));
        };
        let custom = custom_origin(origin, ctx.peer.tls);
        let run = {
            let event = ctx.event_context()?;
            let view = request_view(session.req_header().method.as_str(), request);
            let answer = head::response_view(response);
            function.on_response(&event, &view, &custom, &answer).await
        };
        let (kind, event) = (FunctionKind::Component, EventType::OriginResponse);
        let edits = record::note_function(ctx, kind, &name, event, run)?;
        ctx.note_changes(|| trace::response_changes(&edits));
        apply_response_edits(&name, response, ctx, &edits)?;
    }
    Ok(())
}

fn apply_response_edits(
    name: &Arc<str>,
    response: &mut ResponseHeader,
    ctx: &mut Context,
    edits: &ResponseEdits,
) -> Result<(), EdgeError> {
    let was = response.status.as_u16();
    head::edit_response(response, edits)?;
    let now = response.status.as_u16();
    if was == 304 && (now != 304 || edits.body.is_some()) {
        // The stored body is what a 304 stands for; a function cannot give it another status or body.
        return Err(EdgeError::Function {
            kind: FunctionKind::Component,
            name: name.to_string(),
            error: FunctionError::validation(
                "response.status and response.body cannot be changed on a 304 that revalidates a stored object",
            ),
        });
    }
    let bodyless_now = matches!(now, 204 | 304) && was != now;
    if edits.body.is_some() || bodyless_now {
        let body = edits.body.clone().unwrap_or_default();
        let reason = response.get_reason_phrase().map(str::to_owned);
        ctx.origin.canned = Some(Canned::new(now, reason.as_deref(), &response.headers, &body));
        ctx.origin.replayed = true;
    }
    Ok(())
}
