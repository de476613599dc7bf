//! A function in the place of an origin, as an upstream in memory that speaks HTTP/1.1.
//!
//! Its answer passes through everything an origin's answer passes through: failover, origin-response, the storage
//! verdict, collapsing, viewer-response. It is whole before its head is sent, so that a failure is known by then.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::VirtualSocketStream;
use pingora::upstreams::peer::HttpPeer;

use super::Published;
use crate::distribution::FunctionOrigin;
use crate::error::{EdgeError, FunctionError, FunctionKind, ViewerFailure};
use crate::event::GeneratedResponse;
use crate::function::wasm::{Asking, OriginFunction, TooLarge};
use crate::function::{Function, Invocation};
use crate::limits::{FUNCTION_ORIGIN_HEADERS_MAX, FUNCTION_ORIGIN_PIPE_BYTES};
use crate::origin::peer::wrapped::Wrapped;

/// One question to a function.
pub struct Question {
    published: Arc<Published>,
    origin: FunctionOrigin,
    tls: bool,
    outcome: Mutex<Option<Outcome>>,
}

/// What became of a question.
pub type Outcome = Result<Invocation<()>, TooLarge>;

impl Question {
    /// A question to the function of `origin`; `tls`: whether the viewer spoke it.
    #[must_use]
    pub fn new(published: &Arc<Published>, origin: FunctionOrigin, tls: bool) -> Arc<Self> {
        let published = Arc::clone(published);
        Arc::new(Self { published, origin, tls, outcome: Mutex::new(None) })
    }

    /// The function's name; empty for one that does not exist.
    #[must_use]
    pub fn function_name(&self) -> Arc<str> {
        self.function().map_or_else(|| "".into(), |function| Arc::clone(function.name()))
    }

    /// What became of it, once; `None` before the answer's head was sent.
    #[must_use]
    pub fn take_outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A connection target that asks it once.
    #[must_use]
    pub fn peer(self: &Arc<Self>) -> HttpPeer {
        // Connections to it must never be pooled together: each has its own question.
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let nowhere = std::net::SocketAddr::from(([0, 0, 0, 0], 1));
        let mut peer = HttpPeer::new(nowhere, false, String::new());
        peer.group_key = SERIAL.fetch_add(1, Ordering::Relaxed);
        peer.options.custom_l4 = Some(Arc::new(Connect(Arc::clone(self))));
        peer
    }

    fn function(&self) -> Option<&OriginFunction> {
        match self.published.functions.get(self.origin.function) {
            Some(Function::Origin(function)) => Some(function),
            Some(Function::Viewer(_)) | None => None,
        }
    }

    fn failed(&self, error: FunctionError) -> EdgeError {
        let name = self.function_name().to_string();
        EdgeError::Function { kind: FunctionKind::InPlaceOfOrigin, name, error }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(function) = self.function() else { return empty(StatusCode::BAD_GATEWAY) };
        let asking = Asking { tls: self.tls, multi_value: self.origin.multi_value_headers };
        let (outcome, answer) = match function.answer(request, asking).await {
            Err(TooLarge) => (Err(TooLarge), Err(EdgeError::Viewer(ViewerFailure::TooLarge))),
            Ok(run) => {
                let Invocation { result, logs, cpu, fuel, remembered, report } = run;
                let (result, answer) = match result {
                    Ok(answer) => (Ok(()), Ok(answer)),
                    Err(error) => (Err(error.clone()), Err(self.failed(error))),
                };
                (Ok(Invocation { result, logs, cpu, fuel, remembered, report }), answer)
            }
        };
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        match answer {
            Ok(answer) => written(answer),
            Err(error) => empty(StatusCode::from_u16(error.answer().status).unwrap_or_default()),
        }
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn written(answer: GeneratedResponse) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    // The status was checked when the answer was read.
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = answer.headers;
    if let Some(reason) = answer.reason.and_then(|reason| ReasonPhrase::try_from(reason).ok()) {
        response.extensions_mut().insert(reason);
    }
    response
}

struct Connect(Arc<Question>);

impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Connect").field(&self.0.origin).finish()
    }
}

#[async_trait]
impl L4Connect for Connect {
    async fn connect(&self, _address: &SocketAddr) -> pingora::Result<Stream> {
        let (ours, theirs) = tokio::io::duplex(FUNCTION_ORIGIN_PIPE_BYTES);
        let question = Arc::clone(&self.0);
        tokio::spawn(async move {
            let service =
                service_fn(|request| async { Ok::<_, Infallible>(question.answer(request).await) });
            let served = http1::Builder::new()
                .keep_alive(false)
                .max_headers(FUNCTION_ORIGIN_HEADERS_MAX)
                .serve_connection(TokioIo::new(theirs), service)
                .await;
            if let Err(gone) = served {
                tracing::debug!(%gone, "nobody waits for the function's answer any more");
            }
        });
        // When it is dropped, the function's call ends with the other end.
        Ok(Stream::from(VirtualSocketStream::new(Box::new(Wrapped(ours)))))
    }
}
