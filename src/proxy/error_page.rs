//! Custom error responses: another page, and maybe another status, in place of an error (spec: CDN behaviours section 6).
//!
//! The page is fetched like any other object of the distribution, through a request of the edge's own: behavior by the
//! page's path, cache, origin functions, failover. Viewer functions do not run for it. When it cannot be had, the viewer
//! gets the error.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{AGE, CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, VIA};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::protocols::http::HttpTask;
use pingora::proxy::Session;
use pingora::proxy::subrequest::{Ctx as Subrequest, UserCtx};
use tokio::sync::mpsc::Receiver;

use super::context::{Context, ReplacedBody, Route};
use super::{added, answer, debug, head, record};
use crate::distribution::{Distribution, ViewerPeer};
use crate::error::{EdgeError, ViewerFailure};
use crate::limits::ERROR_PAGE_BYTES_MAX;

/// A page and the status that it is sent with.
pub struct Page {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// What the edge's own request for a page has to know.
struct Errand {
    distribution: Arc<Distribution>,
    path: String,
    peer: ViewerPeer,
}

/// Fields of the page's answer that say how it came and not what it is.
const OF_THE_WAY: [HeaderName; 6] = [AGE, CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, VIA];

/// Fields of the viewer's request that ask for a part or a change of what it wanted, which is not the page.
const OF_THE_OBJECT: [&str; 8] = [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "cache-control",
    "expect",
];

/// Whether requests of this distribution may need a page.
#[must_use]
pub fn may_be_needed(ctx: &Context) -> bool {
    let Ok(route) = ctx.route() else { return false };
    !ctx.background && route.distribution.custom_error_responses.iter().any(|c| c.page.is_some())
}

/// Whether a page takes the place of this response, which has no body: pingora asks for no other one then, so it has to get
/// one before it is stored.
#[must_use]
pub fn lacks_body(session: &Session, response: &ResponseHeader, ctx: &Context) -> bool {
    session.req_header().method != Method::HEAD
        && response.headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0")
        && ctx.route().is_ok_and(|route| page_for(&route.distribution, response.status).is_some())
}

/// Puts the page for an error that an origin or the cache gave in its place, if there is one.
///
/// # Errors
/// Pingora refused a field: a defect of the edge.
pub async fn replace(
    session: &mut Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
) -> pingora::Result<()> {
    let head_only = session.req_header().method == Method::HEAD;
    if ctx.failure.is_some() || answer::is_bodyless(session, response) && !head_only {
        return Ok(());
    }
    let Some(page) = fetch(session, ctx, response.status).await else { return Ok(()) };
    ctx.result_type = Some("Error");
    *response = page.head()?;
    ctx.replaced_body = Some(ReplacedBody { body: (!head_only).then_some(page.body) });
    Ok(())
}

/// The page for a failure of the edge's or of the way to an origin. What functions answered or how they failed is theirs.
pub async fn for_failure(session: &mut Session, ctx: &Context, error: &EdgeError) -> Option<Page> {
    let replaceable = match error {
        EdgeError::Origin(..) | EdgeError::OnlyIfCached => true,
        EdgeError::Viewer(failure) => *failure != ViewerFailure::Malformed,
        EdgeError::Function { .. } | EdgeError::Internal(_) => false,
    };
    if !replaceable {
        return None;
    }
    let status = StatusCode::from_u16(error.answer().status).ok()?;
    fetch(session, ctx, status).await
}

impl Page {
    /// Its head, with the status that takes the error's place.
    ///
    /// # Errors
    /// Pingora refused a field.
    pub fn head(&self) -> pingora::Result<ResponseHeader> {
        let mut head = ResponseHeader::build(self.status, Some(self.headers.len() + 8))?;
        for (name, value) in &self.headers {
            head.append_header(name.clone(), value.clone())?;
        }
        head.insert_header(CONTENT_LENGTH, self.body.len().to_string())?;
        Ok(head)
    }

    /// Its body.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        self.body
    }
}

/// Status and path of the page for an error.
fn page_for(distribution: &Distribution, error: StatusCode) -> Option<&(u16, String)> {
    distribution.custom_error_response(error.as_u16())?.page.as_ref()
}

async fn fetch(session: &mut Session, ctx: &Context, error: StatusCode) -> Option<Page> {
    if ctx.background {
        return None;
    }
    let distribution = ctx.route().ok()?.distribution.clone();
    let (status, path) = page_for(&distribution, error)?.clone();
    let errand = Errand { distribution, path, peer: ctx.peer };
    let version = session.req_header().version;
    // The request is copied as bytes of HTTP/1.x: another version would end it.
    session.req_header_mut().set_version(http::Version::HTTP_11);
    let started = session.subrequest_spawner.as_ref().map(|spawner| {
        let errand: UserCtx = Box::new(errand);
        let subrequest = Subrequest::builder().user_ctx(errand).build();
        spawner.create_subrequest(&session.downstream_session, subrequest)
    });
    session.req_header_mut().set_version(version);
    let (subrequest, mut answers) = started?;
    tokio::spawn(subrequest.run());
    let (mut headers, body) = whole(&mut answers.rx).await?;
    for name in OF_THE_WAY {
        headers.remove(name);
    }
    Some(Page { status, headers, body: body.freeze() })
}

/// Head and body of an answer that is a page; `None`: another status, too long, or broken off.
async fn whole(answers: &mut Receiver<HttpTask>) -> Option<(HeaderMap, BytesMut)> {
    let mut page = None;
    let mut ended = false;
    while let Some(task) = answers.recv().await {
        match (task, &mut page) {
            (HttpTask::Header(head, end), None) if head.status == 200 => {
                page = Some((head.headers.clone(), BytesMut::new()));
                ended = end;
            }
            (HttpTask::Body(part, end), Some((_, body))) => {
                let part = part.unwrap_or_default();
                if body.len() + part.len() > ERROR_PAGE_BYTES_MAX {
                    return None;
                }
                body.extend_from_slice(&part);
                ended = end;
            }
            (HttpTask::Trailer(_) | HttpTask::Done, Some(_)) => ended = true,
            _ => return None,
        }
    }
    page.filter(|_| ended)
}

/// Makes the edge's own request out of the copy of the viewer's; `false`: this is no request for a page.
pub fn take_over(session: &mut Session, ctx: &mut Context) -> bool {
    let errand = session.subrequest_ctx.as_mut().and_then(|subrequest| subrequest.user_ctx_mut());
    let Some(errand) = errand.and_then(|errand| errand.downcast_mut::<Errand>()) else {
        return false;
    };
    let (distribution, path) = (errand.distribution.clone(), std::mem::take(&mut errand.path));
    ctx.background = true;
    ctx.peer = errand.peer;
    let request = session.req_header_mut();
    request.set_method(Method::GET);
    for name in OF_THE_OBJECT {
        request.remove_header(name);
    }
    request.remove_header(&debug::EXPLAIN);
    let outcome = head::set_target(request, path.as_bytes()).and_then(|()| {
        let behavior = distribution.behavior_for(path.as_bytes()).cloned();
        behavior.ok_or_else(|| EdgeError::Internal("no default behavior".into()))
    });
    record::note_request(session.req_header(), ctx);
    match outcome {
        Ok(behavior) => {
            let route = Route { distribution, behavior };
            record::note_route(&route, ctx);
            ctx.route = Some(route);
            added::put(session, ctx);
        }
        Err(error) => ctx.failure = Some(error),
    }
    true
}
