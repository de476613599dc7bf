//! The admin listener: `/metrics`, `/healthz`, `/readyz`, `/invalidations` and `/explain`, for the operator's
//! machines only.
//!
//! It answers one request a connection, so that no idle client holds one of its few places. It asks for no password,
//! so it refuses what web pages send: a browser on the operator's machine reaches the loopback too.

mod explain;
mod invalidations;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::listen;
use crate::limits::{
    ADMIN_BODY_BYTES_MAX, ADMIN_CONNECTION_TIME_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD_TIMEOUT,
};
use crate::observe::metrics::Metrics;
use crate::proxy::Edge;
use invalidations::References;

/// Media type of the OpenMetrics text format, version 1.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What the admin listener tells about and acts on.
#[derive(Clone)]
pub struct Admin {
    /// The numbers.
    metrics: Arc<Metrics>,
    /// Whether the edge takes traffic: set once everything is loaded, cleared when it drains.
    ready: Arc<AtomicBool>,
    edge: Arc<Edge>,
    references: Arc<References>,
}

/// Listens on `address` (port 0: any free one).
///
/// # Errors
/// When the address cannot be listened on.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    listen::bind("admin listener", address).await
}

impl Admin {
    /// The admin page of an edge.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, ready: Arc<AtomicBool>, edge: Arc<Edge>) -> Self {
        Self { metrics, ready, edge, references: Arc::default() }
    }

    /// Serves what connects, until it is dropped.
    pub async fn serve(self, listener: TcpListener) {
        let connection = move |stream| serve_connection(stream, self.clone());
        listen::serve(listener, ADMIN_CONNECTIONS_MAX, connection).await;
    }

    async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    {
        if request.headers().contains_key(ORIGIN) {
            return reply(StatusCode::FORBIDDEN, PLAIN, "not for web pages\n");
        }
        match (request.uri().path(), request.method()) {
            ("/invalidations", &Method::POST) => match read(request.into_body()).await {
                Ok(body) => invalidations::create(&self.edge, &self.references, &body),
                Err(refusal) => refusal,
            },
            ("/explain", &Method::POST) => match read(request.into_body()).await {
                Ok(body) => explain::answer(&self.edge, &body).await,
                Err(refusal) => refusal,
            },
            ("/invalidations" | "/explain", _) => only("POST"),
            (path, &Method::GET | &Method::HEAD) => self.tell(path),
            _ => only("GET, HEAD"),
        }
    }

    fn tell(&self, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/metrics" => reply(StatusCode::OK, OPENMETRICS, self.metrics.render()),
            "/healthz" => reply(StatusCode::OK, PLAIN, "alive\n"),
            "/readyz" if self.ready.load(Ordering::Acquire) => {
                reply(StatusCode::OK, PLAIN, "ready\n")
            }
            "/readyz" => reply(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "not ready\n"),
            _ => {
                let paths = "not found; there are /metrics, /healthz, /readyz, /invalidations and /explain\n";
                reply(StatusCode::NOT_FOUND, PLAIN, paths)
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, admin: Admin) {
    let service = service_fn(|request: Request<Incoming>| {
        let admin = admin.clone();
        async move { Ok::<_, Infallible>(admin.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ADMIN_HEAD_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(ADMIN_CONNECTION_TIME_MAX, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "admin connection"),
        Err(_) => tracing::debug!("an admin connection took too long and was closed"),
    }
}

/// The body, or the answer to one that is too large or breaks off.
async fn read<B>(body: B) -> Result<Bytes, Response<Full<Bytes>>>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
{
    match Limited::new(body, ADMIN_BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            let message = format!("the body is not readable within its bounds: {error}");
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "BatchTooLarge", &message))
        }
    }
}

fn only(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, PLAIN, format!("{methods} only\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// A refusal in the shape of AWS's errors, with their codes.
fn refuse(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    reply_json(status, &json!({ "Error": { "Code": code, "Message": message } }))
}

fn reply_json(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    reply(status, JSON, format!("{value:#}\n"))
}

fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address).await.expect_err("the address was taken");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
