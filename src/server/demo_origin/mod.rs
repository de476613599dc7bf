//! The built-in demo origin: a real HTTP server (1.1, and 2 by prior knowledge) for trying the edge with nothing else.
//!
//! Its pages differ in how long they may be cached, it shows what it received, and it misbehaves on request. Every
//! answer carries [`REQUESTS_HEADER`], so that a hit shows an old number and a miss a new one.

mod pages;
mod wire;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use self::pages::Page;
use self::wire::{DemoBody, Spoiled, SpoiledStream};
use super::listen;
use crate::limits::{
    DEMO_ORIGIN_BODY_BYTES_MAX, DEMO_ORIGIN_CONNECTIONS_MAX, DEMO_ORIGIN_READ_TIMEOUT,
    DEMO_ORIGIN_SLOW_MILLISECONDS_MAX,
};

/// How many requests the demo origin has answered, this one included.
pub const REQUESTS_HEADER: HeaderName = HeaderName::from_static("x-origin-requests");

/// What all connections share.
#[derive(Debug, Default)]
struct Demo {
    requests: AtomicU64,
}

/// Listens on `address` (port 0: any free one) and gives the address and the task that serves it. Dropping the task
/// ends the listener and its connections.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn bind(
    address: SocketAddr,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send + 'static)> {
    let listener = listen::bind("demo origin", address).await?;
    let local = listener.local_addr()?;
    let demo = Arc::new(Demo::default());
    let task = listen::serve(listener, DEMO_ORIGIN_CONNECTIONS_MAX, move |stream| {
        serve_connection(stream, demo.clone())
    });
    Ok((local, task))
}

async fn serve_connection(stream: TcpStream, demo: Arc<Demo>) {
    let (stream, spoiled) = SpoiledStream::new(stream);
    let service = service_fn(move |request| {
        let (demo, spoiled) = (demo.clone(), spoiled.clone());
        async move { Ok::<_, Infallible>(demo.answer(request, &spoiled).await) }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(DEMO_ORIGIN_READ_TIMEOUT);
    server.http2().timer(TokioTimer::new());
    if let Err(error) = server.serve_connection(stream, service).await {
        tracing::debug!(%error, "demo origin connection");
    }
}

impl Demo {
    async fn answer(&self, request: Request<Incoming>, spoiled: &Spoiled) -> Response<DemoBody> {
        let mut response = match *request.method() {
            Method::GET | Method::HEAD => answer_get(&request, spoiled).await,
            Method::OPTIONS => Response::builder()
                .status(StatusCode::NO_CONTENT)
                .header("allow", "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE")
                .body(DemoBody::default())
                .unwrap_or_default(),
            _ => echo(request).await,
        };
        let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        response.headers_mut().insert(REQUESTS_HEADER, HeaderValue::from(count));
        response
    }
}

async fn answer_get(request: &Request<Incoming>, spoiled: &Spoiled) -> Response<DemoBody> {
    if let Some(page) = pages::find(request.uri().path()) {
        return answer_page(page, request.headers());
    }
    let query = request.uri().query();
    match request.uri().path() {
        "/cookies" => json(&pages::cookies(request.headers()), "private, no-store"),
        "/headers" => json(&pages::request_head(request), "no-store"),
        "/search" => json(&pages::query(query), "max-age=60"),
        "/slow" => {
            let wanted = parameter(query, "ms").unwrap_or(1_000);
            let pause = wanted.min(DEMO_ORIGIN_SLOW_MILLISECONDS_MAX);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            text(StatusCode::OK, format!("answered after {pause} ms\n"))
        }
        "/fail" => {
            let status = parameter(query, "status")
                .and_then(|status| u16::try_from(status).ok())
                .filter(|status| (400..600).contains(status))
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            text(status, format!("{status}, as asked for\n"))
        }
        "/broken" => broken(),
        "/nonsense" => {
            spoiled.spoil();
            text(StatusCode::OK, "never sent\n")
        }
        path => text(StatusCode::NOT_FOUND, format!("the demo origin has no {path}\n")),
    }
}

/// A page, or 304 when the client has it (RFC 9110 section 13.1.2).
fn answer_page(page: &Page, request: &HeaderMap) -> Response<DemoBody> {
    let tag = HeaderValue::from_static(page.tag);
    let known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == "*" || known == page.tag);
    let mut response = if known {
        let mut response = Response::new(DemoBody::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        reply(StatusCode::OK, page.content_type, page.body)
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(page.cache_control));
    headers.insert(ETAG, tag);
    response
}

/// Promises a thousand bytes, sends a few and closes the connection.
fn broken() -> Response<DemoBody> {
    let mut response = Response::new(DemoBody::broken("the connection breaks here: "));
    response.headers_mut().insert("content-length", HeaderValue::from_static("1000"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    response
}

/// Sends a request's body back, up to the limit.
async fn echo(request: Request<Incoming>) -> Response<DemoBody> {
    let too_large = || {
        let limit = format!("at most {DEMO_ORIGIN_BODY_BYTES_MAX} bytes\n");
        text(StatusCode::PAYLOAD_TOO_LARGE, limit)
    };
    // A declared length is refused at once, an undeclared one when it has been received.
    if request.body().size_hint().lower() > DEMO_ORIGIN_BODY_BYTES_MAX as u64 {
        return too_large();
    }
    let (head, body) = request.into_parts();
    let body = Limited::new(body, DEMO_ORIGIN_BODY_BYTES_MAX).collect();
    match tokio::time::timeout(DEMO_ORIGIN_READ_TIMEOUT, body).await {
        Ok(Ok(body)) => {
            let mut response = Response::new(DemoBody::from(body.to_bytes()));
            let unknown = HeaderValue::from_static("application/octet-stream");
            let content_type = head.headers.get(CONTENT_TYPE).cloned().unwrap_or(unknown);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => too_large(),
        Ok(Err(_)) => text(StatusCode::BAD_REQUEST, "the body ended early\n"),
        Err(_) => text(StatusCode::REQUEST_TIMEOUT, "the body did not come\n"),
    }
}

fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<DemoBody> {
    let mut response = Response::new(DemoBody::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<DemoBody> {
    let mut response = reply(status, "text/plain; charset=utf-8", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(value: &serde_json::Value, cache_control: &'static str) -> Response<DemoBody> {
    let mut response = reply(StatusCode::OK, "application/json", format!("{value:#}\n"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    response
}

/// A number in the query string, `None` when it is missing or not a number.
fn parameter(query: Option<&str>, name: &str) -> Option<u64> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok())
}

#[cfg(test)]
mod tests;
