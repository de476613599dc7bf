//! `verge:edge/fetch`: requests with whole bodies. The answers wait in the host until the guest takes
//! them, under one bound for all.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody};

use super::{Caller, Requests, Timers};
use crate::function::wasm::bindings::verge::edge::fetch;
use crate::function::wasm::host::HostState;
use crate::limits::{
    ORIGIN_FUNCTION_RESOURCES_ENTRIES_MAX, OUTBOUND_HEADERS_BYTES_MAX, OUTBOUND_HELD_BYTES_MAX,
};

type Outcome = Result<(fetch::Answer, Held), fetch::Failure>;

/// The requests of one call, by number.
#[derive(Default)]
pub(super) struct Exchanges {
    last: u32,
    started: HashMap<u32, Exchange>,
    /// Bytes of answers that wait.
    held: Arc<AtomicUsize>,
}

enum Exchange {
    UnderWay(AbortOnDropJoinHandle<Outcome>),
    Over(Outcome),
}

impl Exchange {
    fn poll(&mut self, context: &mut std::task::Context<'_>) -> Poll<()> {
        if let Self::UnderWay(task) = self {
            match Pin::new(task).poll(context) {
                Poll::Ready(outcome) => *self = Self::Over(outcome),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }
}

/// Bytes that an answer holds.
struct Held {
    bytes: usize,
    total: Arc<AtomicUsize>,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), fetch::Failure> {
        self.bytes += bytes;
        if self.total.fetch_add(bytes, Ordering::Relaxed) + bytes > OUTBOUND_HELD_BYTES_MAX {
            let message =
                format!("answers that wait have more than {OUTBOUND_HELD_BYTES_MAX} bytes");
            return Err(fetch::Failure { kind: fetch::FailureKind::TooLarge, message });
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Requests {
    fn start(&mut self, request: fetch::Request) -> Exchange {
        let timeout = request.timeout.map(|ms| Duration::from_millis(ms.into()));
        let options = RequestOptions {
            connect_timeout: timeout,
            first_byte_timeout: timeout,
            between_bytes_timeout: timeout,
        };
        let timers = Timers::new(Some(options), self.deadline);
        let request = match as_http(request) {
            Ok(request) => request,
            Err(failure) => return Exchange::Over(Err(failure)),
        };
        let held = Held { bytes: 0, total: Arc::clone(&self.whole.held) };
        let caller = Arc::clone(&self.caller);
        Exchange::UnderWay(wasmtime_wasi::runtime::spawn(exchange(caller, request, timers, held)))
    }
}

async fn exchange(
    caller: Arc<Caller>,
    request: Request<WasiBody>,
    timers: Timers,
    mut held: Held,
) -> Outcome {
    let answer = caller.ask(request, &timers).await;
    caller.count(answer.as_ref().err());
    let (head, mut body) = answer.map_err(failure)?.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(failure)?.into_data() {
            held.grow(data.len())?;
            bytes.extend_from_slice(&data);
        }
    }
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let answer =
        fetch::Answer { status: head.status.as_u16(), headers: headers.collect(), body: bytes };
    Ok((answer, held))
}

/// The guest's request, checked as wasi:http checks its own.
fn as_http(asked: fetch::Request) -> Result<Request<WasiBody>, fetch::Failure> {
    let invalid = |message: String| fetch::Failure { kind: fetch::FailureKind::Invalid, message };
    let body = Full::new(Bytes::from(asked.body)).map_err(Error::from).boxed_unsync();
    let request = Request::builder().method(asked.method.as_str()).uri(asked.url.as_str());
    let mut request = request.body(body).map_err(|error| invalid(error.to_string()))?;
    if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
        return Err(invalid(format!("{} is no address of HTTP", asked.url)));
    }
    let mut bytes = 0;
    for (name, value) in asked.headers {
        bytes += name.len() + value.len();
        let (field, value) = (HeaderName::try_from(&name), HeaderValue::try_from(value));
        let (Ok(field), Ok(value)) = (field, value) else {
            return Err(invalid(format!("the header {name} has a name or value of another form")));
        };
        if DEFAULT_FORBIDDEN_HEADERS.contains(&field) || field == http::header::CONTENT_LENGTH {
            return Err(invalid(format!("the header {name} is set by the edge")));
        }
        if bytes > OUTBOUND_HEADERS_BYTES_MAX
            || request.headers_mut().try_append(field, value).is_err()
        {
            return Err(invalid(format!(
                "has more than {OUTBOUND_HEADERS_BYTES_MAX} bytes of headers"
            )));
        }
    }
    Ok(request)
}

fn failure(error: Error) -> fetch::Failure {
    use fetch::FailureKind as Kind;
    let kind = match &error {
        Error::HttpRequestDenied | Error::DestinationIpProhibited => Kind::Denied,
        Error::HttpRequestMethodInvalid | Error::HttpRequestUriInvalid => Kind::Invalid,
        Error::DnsError { .. } | Error::DestinationNotFound => Kind::NotFound,
        Error::ConnectionRefused => Kind::Refused,
        Error::TlsCertificateError => Kind::Certificate,
        Error::ConnectionTimeout | Error::HttpResponseTimeout | Error::ConnectionReadTimeout => {
            Kind::Timeout
        }
        Error::HttpRequestBodySize(_) | Error::HttpResponseBodySize(_) => Kind::TooLarge,
        _ => Kind::Broken,
    };
    fetch::Failure { kind, message: error.to_string() }
}

impl fetch::Host for HostState {
    fn start(&mut self, request: fetch::Request) -> wasmtime::Result<u32> {
        let requests = self.requests();
        let exchange = if requests.whole.started.len() < ORIGIN_FUNCTION_RESOURCES_ENTRIES_MAX {
            requests.start(request)
        } else {
            let message = "too many requests wait to be taken".to_owned();
            Exchange::Over(Err(fetch::Failure { kind: fetch::FailureKind::Broken, message }))
        };
        requests.whole.last = requests.whole.last.wrapping_add(1);
        requests.whole.started.insert(requests.whole.last, exchange);
        Ok(requests.whole.last)
    }

    async fn wait(
        &mut self,
        numbers: Vec<u32>,
        milliseconds: Option<u64>,
    ) -> wasmtime::Result<Option<u32>> {
        let started = &mut self.requests().whole.started;
        let one = poll_fn(|context| {
            for number in &numbers {
                // One that was taken or never begun is over.
                let is_over =
                    started.get_mut(number).is_none_or(|one| one.poll(context).is_ready());
                if is_over {
                    return Poll::Ready(*number);
                }
            }
            Poll::Pending
        });
        Ok(match milliseconds {
            // The call is given up at its deadline.
            None => Some(one.await),
            Some(patience) => tokio::time::timeout(Duration::from_millis(patience), one).await.ok(),
        })
    }

    fn take(&mut self, number: u32) -> wasmtime::Result<Result<fetch::Answer, fetch::Failure>> {
        let invalid = |message: &str| {
            Err(fetch::Failure { kind: fetch::FailureKind::Invalid, message: message.to_owned() })
        };
        Ok(match self.requests().whole.started.remove(&number) {
            Some(Exchange::Over(outcome)) => outcome.map(|(answer, _held)| answer),
            Some(Exchange::UnderWay(_)) => invalid("the request was not over yet"),
            None => invalid("there is no such request"),
        })
    }

    fn cancel(&mut self, number: u32) -> wasmtime::Result<()> {
        self.requests().whole.started.remove(&number);
        Ok(())
    }
}
