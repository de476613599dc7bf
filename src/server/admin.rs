//! The admin listener: `/metrics`, `/healthz` and `/readyz`, for the operator's machines only.
//!
//! It answers one request a connection, so that no idle client holds one of its few places.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::listen;
use crate::limits::{ADMIN_CONNECTION_TIME_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD_TIMEOUT};
use crate::observe::metrics::Metrics;

/// Media type of the OpenMetrics text format, version 1.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// What the admin listener tells about.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Whether the edge takes traffic: set once everything is loaded, cleared when it drains.
    pub ready: Arc<AtomicBool>,
}

impl Admin {
    /// Listens on `address` (port 0: any free one) and gives the address and the task that serves it.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(
        self,
        address: SocketAddr,
    ) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send + 'static)> {
        let listener = listen::bind("admin listener", address).await?;
        let local = listener.local_addr()?;
        let task = listen::serve(listener, ADMIN_CONNECTIONS_MAX, move |stream| {
            serve_connection(stream, self.clone())
        });
        Ok((local, task))
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = reply(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "GET or HEAD only\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/metrics" => reply(StatusCode::OK, OPENMETRICS, self.metrics.render()),
            "/healthz" => reply(StatusCode::OK, PLAIN, "alive\n"),
            "/readyz" if self.ready.load(Ordering::Acquire) => {
                reply(StatusCode::OK, PLAIN, "ready\n")
            }
            "/readyz" => reply(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "not ready\n"),
            _ => {
                let paths = "not found; there are /metrics, /healthz and /readyz\n";
                reply(StatusCode::NOT_FOUND, PLAIN, paths)
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, admin: Admin) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = admin.answer(&request);
        async move { Ok::<_, Infallible>(response) }
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

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_answers_its_three_paths_and_nothing_else() {
        let admin = Admin { metrics: Arc::default(), ready: Arc::default() };
        let ready = admin.ready.clone();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (address, task) = admin.bind(address).await.unwrap();
        let task = tokio::spawn(task);
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n");
        let metrics = exchange(address, &get("/metrics")).await;
        assert!(metrics.starts_with("HTTP/1.1 200") && metrics.ends_with("# EOF\n"), "{metrics}");
        assert!(exchange(address, &get("/healthz")).await.ends_with("\r\n\r\nalive\n"));
        assert!(exchange(address, &get("/readyz")).await.starts_with("HTTP/1.1 503"));
        ready.store(true, Ordering::Release);
        assert!(exchange(address, &get("/readyz")).await.starts_with("HTTP/1.1 200"));
        assert!(exchange(address, &get("/")).await.starts_with("HTTP/1.1 404"));
        let post = "POST /metrics HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\n\r\n";
        assert!(exchange(address, post).await.starts_with("HTTP/1.1 405"));
        assert!(exchange(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
        task.abort();
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = taken.local_addr().unwrap();
        let admin = Admin { metrics: Arc::default(), ready: Arc::default() };
        let Err(error) = admin.bind(address).await else { panic!("the address was taken") };
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
