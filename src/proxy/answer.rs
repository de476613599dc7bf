//! Answers that the edge itself gives: failures, redirects, what viewer-request made up.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, VIA};
use http::{Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::context::{Context, ReplacedBody};
use super::error_page::Page;
use super::viewer::Made;
use super::{debug, error_page, head, policy};
use crate::error::{Answer, EdgeError, FunctionKind, ViewerFailure};
use crate::ids::RequestId;
use crate::origin::forward;

/// `X-Cache`: how the answer came about (spec: CDN behaviours section 9).
pub const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
/// The request's id, on every answer.
pub const X_AMZ_CF_ID: HeaderName = HeaderName::from_static("x-amz-cf-id");

/// Answers a failed request, and remembers the failure for the record.
///
/// # Errors
/// The viewer is gone.
pub async fn failure(
    session: &mut Session,
    ctx: &mut Context,
    error: EdgeError,
) -> pingora::Result<()> {
    if matches!(error, EdgeError::Viewer(ViewerFailure::Malformed)) {
        // What follows on this connection cannot be framed with certainty either.
        session.set_keepalive(None);
    }
    let page = error_page::for_failure(session, ctx, &error).await;
    let (mut response, body) = failure_response(ctx, &error, session.req_header().method.clone())?;
    ctx.failure = Some(error);
    if let Some(page) = page {
        return with_page(session, ctx, page).await;
    }
    policy::apply(session.req_header(), &mut response, ctx);
    send(session, ctx, response, body).await
}

/// Sends a page in place of an error.
async fn with_page(session: &mut Session, ctx: &mut Context, page: Page) -> pingora::Result<()> {
    let mut response = page.head()?;
    stamp(&mut response, ctx)?;
    policy::apply(session.req_header(), &mut response, ctx);
    let head_only = session.req_header().method == Method::HEAD;
    let body = if head_only { Bytes::new() } else { page.into_body() };
    send(session, ctx, response, body).await
}

/// Turns the answer that is on its way into the answer to a failure; its body is replaced as it passes.
///
/// # Errors
/// Pingora refused the head: a defect of the edge.
pub fn replace_by_failure(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
    error: EdgeError,
) -> pingora::Result<()> {
    let bodyless = is_bodyless(session, response);
    let (mut replacement, body) =
        failure_response(ctx, &error, session.req_header().method.clone())?;
    if bodyless {
        // Pingora sends no body after this head, so none may be announced.
        replacement.insert_header(CONTENT_LENGTH, "0")?;
    }
    ctx.failure = Some(error);
    *response = replacement;
    ctx.replaced_body = Some(ReplacedBody { body: (!bodyless).then_some(body) });
    Ok(())
}

/// Whether pingora will send no body after this head.
#[must_use]
pub fn is_bodyless(session: &Session, response: &ResponseHeader) -> bool {
    session.req_header().method == Method::HEAD
        || matches!(response.status.as_u16(), 100..=199 | 204 | 304 | 416)
        || response.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0")
}

/// What a viewer reads about a failure.
#[must_use]
pub fn page(answer: &Answer, id: &RequestId) -> String {
    let title = StatusCode::from_u16(answer.status).map(title).unwrap_or_default();
    format!("{title}{}\nRequest id: {id}\n", answer.sentence)
}

/// A status as a line of text.
#[must_use]
pub fn title(status: StatusCode) -> String {
    format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default())
}

fn failure_response(
    ctx: &mut Context,
    error: &EdgeError,
    method: Method,
) -> pingora::Result<(ResponseHeader, Bytes)> {
    let answer = error.answer();
    ctx.result_type = Some(answer.result_type);
    let body = Bytes::from(page(&answer, &ctx.id));
    let mut response = ResponseHeader::build(answer.status, Some(8))?;
    response.insert_header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
    response.insert_header(CONTENT_LENGTH, body.len().to_string())?;
    stamp(&mut response, ctx)?;
    let body = if method == Method::HEAD { Bytes::new() } else { body };
    Ok((response, body))
}

/// Answers a `PURGE`: how many objects were known at its URL.
///
/// # Errors
/// The viewer is gone.
pub async fn purged(session: &mut Session, ctx: &mut Context, objects: u64) -> pingora::Result<()> {
    ctx.result_type = Some("Purge");
    let body = Bytes::from(format!("invalidated; {objects} objects were known there\n"));
    let mut response = ResponseHeader::build(200, Some(6))?;
    response.insert_header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
    response.insert_header(CONTENT_LENGTH, body.len().to_string())?;
    stamp(&mut response, ctx)?;
    send(session, ctx, response, body).await
}

/// Sends what a viewer-request function made up. Never cached.
///
/// # Errors
/// The viewer is gone.
pub async fn generated(
    session: &mut Session,
    ctx: &mut Context,
    made: Made,
) -> pingora::Result<()> {
    let Made { response: generated, by } = made;
    ctx.result_type = Some(match by {
        FunctionKind::JavaScript => "FunctionGeneratedResponse",
        FunctionKind::Component | FunctionKind::InPlaceOfOrigin => "LambdaGeneratedResponse",
    });
    let mut response = ResponseHeader::build(generated.status, Some(generated.headers.len() + 8))?;
    if let Some(reason) = &generated.reason {
        response.set_reason_phrase(Some(reason))?;
    }
    for (name, value) in &generated.headers {
        response.append_header(name.clone(), value.clone())?;
    }
    let bodyless = matches!(generated.status, 204 | 304);
    if bodyless {
        response.remove_header(&CONTENT_LENGTH);
    } else {
        response.insert_header(CONTENT_LENGTH, generated.body.len().to_string())?;
    }
    stamp(&mut response, ctx)?;
    policy::apply(session.req_header(), &mut response, ctx);
    let head_only = bodyless || session.req_header().method == Method::HEAD;
    let body = if head_only { Bytes::new() } else { generated.body };
    send(session, ctx, response, body).await
}

/// Sends a viewer from HTTP to HTTPS (spec: CDN behaviours section 1).
///
/// # Errors
/// The viewer is gone.
pub async fn redirect_to_https(session: &mut Session, ctx: &mut Context) -> pingora::Result<()> {
    ctx.result_type = Some("Redirect");
    let request = session.req_header();
    let safe = matches!(request.method, Method::GET | Method::HEAD);
    let host = host_without_port(request.headers.get(http::header::HOST));
    let port = match ctx.published.https_port {
        Some(443) | None => String::new(),
        Some(port) => format!(":{port}"),
    };
    let (path, query) = head::path_and_query(request);
    let mut location = format!("https://{host}{port}").into_bytes();
    location.extend_from_slice(&head::join_target(path, query));
    let mut response = ResponseHeader::build(if safe { 301 } else { 307 }, Some(6))?;
    if let Ok(location) = HeaderValue::from_bytes(&location) {
        response.insert_header(LOCATION, location)?;
    }
    response.insert_header(CONTENT_LENGTH, "0")?;
    stamp(&mut response, ctx)?;
    send(session, ctx, response, Bytes::new()).await
}

fn host_without_port(host: Option<&HeaderValue>) -> String {
    let host = host.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    let host = host.unwrap_or_default();
    // An IPv6 literal keeps its colons: only what follows the bracket is a port.
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name.to_owned(),
        _ => host,
    }
}

/// Writes the fields that every answer carries.
///
/// # Errors
/// Pingora refused a value: a defect of the edge.
pub fn stamp(response: &mut ResponseHeader, ctx: &Context) -> pingora::Result<()> {
    let result_type = ctx.result_type.unwrap_or("Miss");
    response.insert_header(X_CACHE, format!("{result_type} from cloudfront"))?;
    response.append_header(VIA, forward::via(http::Version::HTTP_11))?;
    response.insert_header(X_AMZ_CF_ID, ctx.id.as_str())?;
    Ok(())
}

async fn send(
    session: &mut Session,
    ctx: &mut Context,
    mut response: ResponseHeader,
    body: Bytes,
) -> pingora::Result<()> {
    debug::answer(session, &mut response, ctx);
    ctx.record.time_to_first_byte = Some(ctx.started.elapsed());
    let end = body.is_empty();
    session.write_response_header(Box::new(response), end).await?;
    if !end {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}
