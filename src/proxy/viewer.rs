//! The viewer's side of a request: admission, protocol policy, viewer-request and viewer-response functions.

mod component;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::proxy::Session;

use super::context::{Context, ReplacedBody, Route};
use super::{
    Edge, added, answer, body, cache_status, connection, debug, framing, head, policy, record,
    trace,
};
use crate::distribution::{Behavior, RequestAssociation, ViewerPeer, ViewerProtocolPolicy};
use crate::error::{EdgeError, FunctionError, FunctionKind, ViewerFailure};
use crate::event::{EventType, GeneratedResponse, RequestOutcome};
use crate::function::js::{Budget, Setting, ViewerFunction};
use crate::function::wasm::OriginFunction;
use crate::function::{Breaker, Function};
use crate::ids::FunctionId;
use crate::limits::VIEWER_KEEPALIVE_TIMEOUT_SECONDS;
use crate::origin::change::Choice;

/// Notes who is asking and chooses distribution and behavior, once, from what the viewer sent.
///
/// # Errors
/// A request that no distribution can answer.
pub fn admit(session: &mut Session, ctx: &mut Context) -> Result<(), EdgeError> {
    ctx.version = session.req_header().version;
    ctx.peer = viewer_peer(session);
    normalize_host(session.req_header_mut());
    keep_connection(session);
    record::note_request(session.req_header(), ctx);
    framing::check(session.req_header(), || session.to_h1_raw()).map_err(EdgeError::Viewer)?;
    debug::take(session.req_header_mut(), ctx);
    route(session.req_header(), ctx)?;
    added::put(session, ctx);
    Ok(())
}

/// Chooses distribution and behavior.
///
/// # Errors
/// No distribution answers to the host.
pub fn route(request: &RequestHeader, ctx: &mut Context) -> Result<(), EdgeError> {
    let host = request.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let distribution = ctx
        .published
        .distribution_for(host)
        .ok_or(EdgeError::Viewer(ViewerFailure::UnknownHost))?
        .clone();
    let (path, _) = head::path_and_query(request);
    let behavior = distribution
        .behavior_for(path)
        .ok_or_else(|| EdgeError::Internal("no default behavior".into()))?
        .clone();
    let route = Route { distribution, behavior };
    record::note_route(&route, ctx);
    ctx.route = Some(route);
    Ok(())
}

/// The viewer may send its next request before it has this one's answer, and has a minute to send it: pingora would drop
/// the one, and wait for ever for the other.
fn keep_connection(session: &mut Session) {
    session.as_mut().set_pipelining_enabled(true);
    // None where the viewer wants the connection to end.
    if session.as_mut().get_keepalive().is_some() {
        session.set_keepalive(Some(VIEWER_KEEPALIVE_TIMEOUT_SECONDS));
    }
}

fn viewer_peer(session: &Session) -> ViewerPeer {
    let (ip, port) = match session.client_addr() {
        Some(SocketAddr::Inet(address)) => (address.ip(), address.port()),
        _ => (std::net::Ipv4Addr::UNSPECIFIED.into(), 0),
    };
    let server_ip = match session.server_addr() {
        Some(SocketAddr::Inet(address)) => address.ip(),
        _ => std::net::Ipv4Addr::UNSPECIFIED.into(),
    };
    let tls = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
    ViewerPeer { ip, port, server_ip, tls }
}

/// HTTP/2 and absolute-form name the host in the target; functions and policies look for `host`.
fn normalize_host(request: &mut RequestHeader) {
    let Some(authority) = request.uri.authority() else { return };
    if let Ok(value) = HeaderValue::from_str(authority.as_str()) {
        // RFC 9112 section 3.2.2: the authority of an absolute-form target replaces the received Host.
        let _ = request.insert_header(HOST, value);
    }
}

/// What the method and protocol policy makes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It goes on.
    Admitted,
    /// It is sent to HTTPS.
    Redirect,
}

/// Method and protocol policy.
///
/// # Errors
/// A request that the behavior does not allow.
pub fn policy(request: &RequestHeader, ctx: &Context) -> Result<Admission, EdgeError> {
    let behavior = &ctx.route()?.behavior;
    if !ctx.peer.tls {
        match behavior.viewer_protocol_policy {
            ViewerProtocolPolicy::AllowAll => {}
            ViewerProtocolPolicy::HttpsOnly => {
                return Err(EdgeError::Viewer(ViewerFailure::HttpsOnly));
            }
            ViewerProtocolPolicy::RedirectToHttps => {
                let safe = matches!(request.method, Method::GET | Method::HEAD);
                if !safe && ctx.version < Version::HTTP_11 {
                    return Err(EdgeError::Viewer(ViewerFailure::HttpsOnly));
                }
                return Ok(Admission::Redirect);
            }
        }
    }
    check_method(request, behavior).map(|()| Admission::Admitted)
}

fn check_method(request: &RequestHeader, behavior: &Behavior) -> Result<(), EdgeError> {
    if !behavior.allowed_methods.contains(&request.method) {
        return Err(EdgeError::Viewer(ViewerFailure::MethodNotAllowed));
    }
    let bodyless = matches!(request.method, Method::GET | Method::HEAD);
    if bodyless && framing::announces_body(request) {
        return Err(EdgeError::Viewer(ViewerFailure::BodyNotAllowed));
    }
    Ok(())
}

/// An answer that a viewer-request function made up.
pub struct Made {
    /// The answer.
    pub response: GeneratedResponse,
    /// What made it.
    pub by: FunctionKind,
}

/// Reads the request's body where a viewer-request function is to have it.
///
/// # Errors
/// What the viewer did wrong, and that there is no room for the body.
pub async fn read_body(
    edge: &Edge,
    session: &mut Session,
    ctx: &mut Context,
) -> Result<(), EdgeError> {
    let including =
        ctx.route()?.behavior.viewer_request.iter().find(|association| association.include_body);
    match including {
        Some(association) => {
            let id = association.function;
            Box::pin(component::read_body(edge, session, ctx, id)).await
        }
        None => Ok(()),
    }
}

/// Runs the viewer-request functions over the request. `Some`: one of them answered.
///
/// # Errors
/// A function failed; the request fails with it.
pub async fn run_request_functions(
    request: &mut RequestHeader,
    ctx: &mut Context,
) -> Result<Option<Made>, EdgeError> {
    let route = ctx.route()?.clone();
    let mut budget = Budget::default();
    for &RequestAssociation { function: id, include_body } in &route.behavior.viewer_request {
        let published = ctx.published.clone();
        let (outcome, by) = match viewer_function(&published, id)? {
            ViewerSide::JavaScript(function, breaker) => {
                let setting = Setting { breaker: Some(breaker), ..Setting::default() };
                let outcome = call_javascript(function, setting, request, ctx, &mut budget)?;
                (outcome, FunctionKind::JavaScript)
            }
            ViewerSide::Component(function) => {
                let called = component::on_request(function, include_body, request, ctx);
                (Box::pin(called).await?, FunctionKind::Component)
            }
        };
        match outcome {
            RequestOutcome::Continue(edits) => {
                ctx.note_changes(|| trace::request_changes(&edits));
                head::edit_request(request, &edits)?;
                if let Some(body) = edits.body {
                    body::replace(ctx, body.data);
                }
            }
            RequestOutcome::Respond(response) => return Ok(Some(Made { response, by })),
        }
    }
    apply_default_root_object(request, &route)?;
    Ok(None)
}

fn call_javascript(
    function: &ViewerFunction,
    setting: Setting<'_>,
    request: &RequestHeader,
    ctx: &mut Context,
    budget: &mut Budget,
) -> Result<RequestOutcome, EdgeError> {
    let event = ctx.event_context()?;
    let view = head::request_view(request);
    let mut run = function.on_request_at(setting, &event, &view, budget);
    // Before it is noted: a choice that cannot be made is this function's failure.
    run.result = run.result.and_then(|outcome| {
        choose_origin(ctx, function.name(), &outcome)?;
        Ok(outcome)
    });
    let event = EventType::ViewerRequest;
    record::note_function(ctx, FunctionKind::JavaScript, function.name(), event, run)
}

/// Does what the function asked of the origin helpers. Functions of a chain build on what former ones left.
fn choose_origin(
    ctx: &mut Context,
    name: &Arc<str>,
    outcome: &RequestOutcome,
) -> Result<(), FunctionError> {
    let RequestOutcome::Continue(edits) = outcome else { return Ok(()) };
    if edits.origin.is_empty() {
        return Ok(());
    }
    let Some(route) = ctx.route.clone() else { return Ok(()) };
    let before = ctx.choice.as_deref().cloned();
    let configured = || Choice::of(&route.distribution, route.behavior.target);
    let Some(mut choice) = before.or_else(configured) else {
        return Err(FunctionError::execution("the behavior's target does not exist"));
    };
    for change in &edits.origin {
        choice.change(&route.distribution, change)?;
        for member in change.without_effect() {
            ctx.published.notices.give(name, change.helper(), member);
        }
    }
    ctx.choice = Some(Arc::new(choice));
    Ok(())
}

/// Tells a viewer who waits for it that the body may come (RFC 9110 section 10.1.1): nothing refused the request.
///
/// # Errors
/// The viewer is gone.
pub async fn invite_body(session: &mut Session) -> pingora::Result<()> {
    let request = session.req_header();
    let waits = request
        .headers
        .get(EXPECT)
        .is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if waits && request.version == Version::HTTP_11 && framing::announces_body(request) {
        session.write_continue_response().await?;
    }
    Ok(())
}

/// `/` means the distribution's default root object; sub-directories do not have one.
fn apply_default_root_object(request: &mut RequestHeader, route: &Route) -> Result<(), EdgeError> {
    let Some(object) = &route.distribution.default_root_object else { return Ok(()) };
    let (path, query) = head::path_and_query(request);
    if path != b"/" {
        return Ok(());
    }
    let target = head::join_target(format!("/{object}").as_bytes(), query);
    head::set_target(request, &target)
}

/// The last step of every answer that comes from the cache or an origin: viewer-response functions, the response
/// headers policy, the edge's own fields. Nothing done here is stored.
///
/// # Errors
/// Pingora refused a head: a defect of the edge.
pub async fn finish_response(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
) -> pingora::Result<()> {
    if let Some(error) = ctx.failure.take() {
        // An origin-response function failed while a stored object was being revalidated: a gate never fails open.
        answer::replace_by_failure(session, response, ctx, error)?;
    } else {
        // spec: CloudFront Functions section 1: not run when the origin's status is 400 or above, whatever page stands for it.
        let runs = response.status.as_u16() < 400 && ctx.replaced_body.is_none();
        let ran = if runs { run_response_functions(session, response, ctx).await } else { Ok(()) };
        match ran {
            Ok(()) => {
                answer::stamp(response, ctx)?;
                cache_status::append(session, response, ctx)?;
            }
            Err(error) => answer::replace_by_failure(session, response, ctx, error)?,
        }
    }
    policy::apply(session.req_header(), response, ctx);
    debug::answer(session, response, ctx);
    connection::keep_date(response);
    ctx.record.time_to_first_byte = Some(ctx.started.elapsed());
    Ok(())
}

async fn run_response_functions(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
) -> Result<(), EdgeError> {
    let behavior = ctx.route()?.behavior.clone();
    let mut budget = Budget::default();
    for &id in &behavior.viewer_response {
        let bodyless = answer::is_bodyless(session, response);
        let published = ctx.published.clone();
        let edits = match viewer_function(&published, id)? {
            ViewerSide::JavaScript(function, breaker) => {
                let event = ctx.event_context()?;
                let request = head::request_view(session.req_header());
                let view = head::response_view(response);
                let setting = Setting { breaker: Some(breaker), ..Setting::default() };
                let run = function.on_response_at(setting, &event, &request, &view, &mut budget);
                let (kind, event) = (FunctionKind::JavaScript, EventType::ViewerResponse);
                record::note_function(ctx, kind, function.name(), event, run)?
            }
            ViewerSide::Component(function) => {
                Box::pin(component::on_response(function, session, response, ctx)).await?
            }
        };
        ctx.note_changes(|| trace::response_changes(&edits));
        head::edit_response(response, &edits)?;
        if let Some(body) = edits.body {
            response.remove_header(&TRANSFER_ENCODING);
            let length = if bodyless { 0 } else { body.len() };
            response.insert_header(CONTENT_LENGTH, length.to_string()).map_err(head::internal)?;
            ctx.replaced_body = Some(ReplacedBody { body: (!bodyless).then_some(body) });
        }
    }
    Ok(())
}

/// A function on the viewer's side.
enum ViewerSide<'a> {
    JavaScript(&'a ViewerFunction, &'a Breaker),
    Component(&'a OriginFunction),
}

fn viewer_function(
    published: &super::Published,
    id: FunctionId,
) -> Result<ViewerSide<'_>, EdgeError> {
    match (published.functions.get(id), published.functions.breaker(id)) {
        (Some(Function::Viewer(function)), Some(breaker)) => {
            Ok(ViewerSide::JavaScript(function, breaker))
        }
        (Some(Function::Origin(function)), _) => Ok(ViewerSide::Component(function)),
        _ => Err(EdgeError::Internal("a viewer event names no function".into())),
    }
}
