//! Requests that functions make: `wasi:http/outgoing-handler`.
//!
//! ```text
//! mod      one guest's side: what is allowed, how many at a time, what is counted
//! client   one function's side: connections that wait for the next request
//! connect  from a name to a connection at an address that was checked
//! body     answers on their way to the guest, requests' bodies on their way out
//! failure  what went wrong, as wasi:http says it
//! whole    the same requests with whole bodies: verge:edge/fetch
//! ```
//! The types of `wasi:http` and the guest's ends of the streams are wasmtime's. Redirects are answers like any other.

mod body;
mod client;
mod connect;
mod failure;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::console::Console;
use crate::limits::{
    ORIGIN_FUNCTION_WRITE_BYTES_MAX, OUTBOUND_BODY_BYTES_MAX, OUTBOUND_CONNECT_TIME,
    OUTBOUND_REQUESTS_MAX,
};
use crate::observe::Outbound;
use body::{AnswerBody, Lease, SentBody};
use client::{Connection, Place};

pub(super) use client::Client;

/// What waits for an answer's body, beside the body.
type Waiting = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// One guest's requests.
pub(super) struct Requests {
    caller: Arc<Caller>,
    /// When the call in progress is ended.
    pub(super) deadline: Instant,
    whole: whole::Exchanges,
}

/// What the requests of one guest share.
struct Caller {
    client: Arc<Client>,
    console: Console,
    free: Arc<Semaphore>,
    answered: AtomicU32,
    refused: AtomicU32,
    failed: AtomicU32,
}

impl Requests {
    /// Requests through `client`; refused ones are told on `console`.
    pub(super) fn new(client: &Arc<Client>, console: &Console) -> Self {
        let caller = Caller {
            client: Arc::clone(client),
            console: console.clone(),
            free: Arc::new(Semaphore::new(OUTBOUND_REQUESTS_MAX)),
            answered: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            failed: AtomicU32::new(0),
        };
        Self {
            caller: Arc::new(caller),
            deadline: Instant::now(),
            whole: whole::Exchanges::default(),
        }
    }

    /// Whether one is under way, its answer's body included.
    pub(super) fn are_under_way(&self) -> bool {
        self.caller.free.available_permits() < OUTBOUND_REQUESTS_MAX
    }

    /// Ends the requests with whole bodies that are under way, and says how those of the call ended.
    pub(super) fn end_call(&mut self) -> Outbound {
        self.whole = whole::Exchanges::default();
        let take = |counter: &AtomicU32| counter.swap(0, Ordering::Relaxed);
        let Caller { answered, refused, failed, .. } = &*self.caller;
        Outbound { answered: take(answered), refused: take(refused), failed: take(failed) }
    }
}

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _written: Waiting,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Waiting), Error>> + Send> {
        let (caller, timers) = (Arc::clone(&self.caller), Timers::new(options, self.deadline));
        Box::new(async move {
            let answer = caller.ask(request, &timers).await;
            caller.count(answer.as_ref().err());
            let answer = answer?.map(BodyExt::boxed_unsync);
            Ok((answer, Box::new(async { Ok(()) }) as Waiting))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        ORIGIN_FUNCTION_WRITE_BYTES_MAX
    }

    fn p2_error_from_hyper(
        &mut self,
        error: &hyper::Error,
    ) -> wasmtime_wasi_http::p2::bindings::http::types::ErrorCode {
        failure::code(error)
    }
}

/// How long the parts of one request may take. Nothing outlasts the call.
struct Timers {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timers {
    fn new(options: Option<RequestOptions>, deadline: Instant) -> Self {
        let left = deadline.saturating_duration_since(Instant::now());
        let options = options.unwrap_or_default();
        Self {
            connect: options.connect_timeout.unwrap_or(OUTBOUND_CONNECT_TIME).min(left),
            first_byte: options.first_byte_timeout.unwrap_or(left).min(left),
            between_bytes: options.between_bytes_timeout.unwrap_or(left).min(left),
        }
    }
}

impl Caller {
    fn count(&self, failure: Option<&Error>) {
        let counter = match failure {
            None => &self.answered,
            Some(Error::HttpRequestDenied | Error::DestinationIpProhibited) => &self.refused,
            Some(_) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// One line for the function's author.
    fn refuse(&self, place: &Place, why: &str, remedy: &str) {
        self.console.line(format!(
            "request to {place} refused: {why}; to allow it, add \"{remedy}\" to `egress` of the function"
        ));
    }

    async fn ask(
        self: &Arc<Self>,
        request: Request<WasiBody>,
        timers: &Timers,
    ) -> Result<Response<AnswerBody>, Error> {
        let place = place(&request)?;
        self.check(&place)?;
        // The semaphore is never closed.
        let permit = Arc::clone(&self.free).acquire_owned().await;
        let permit = permit.map_err(|_| Error::InternalError(None))?;
        let mut request = in_origin_form(request, &place)?;
        let repeatable = repeatable(&request);
        if let Some(mut kept) = self.client.take(&place).await {
            match kept.send(request, timers.first_byte).await {
                Ok(answer) => return Ok(self.answer(answer, kept, place, permit, timers)),
                // The server closed the connection while it waited (RFC 9110 section 9.2.2).
                Err((_, Some(unsent))) => request = unsent,
                Err((error, None)) => {
                    request =
                        repeatable.filter(|_| failure::is_of_connection(&error)).ok_or(error)?;
                }
            }
        }
        let mut connection = self.connect(&place, timers.connect).await?;
        let answer =
            connection.send(request, timers.first_byte).await.map_err(|(error, _)| error)?;
        Ok(self.answer(answer, connection, place, permit, timers))
    }

    /// What can be said before anything is looked up.
    fn check(&self, place: &Place) -> Result<(), Error> {
        let egress = &self.client.egress;
        match place.address() {
            Some(address) if egress.allows_address(address, place.port) => Ok(()),
            Some(_) => {
                self.refuse(
                    place,
                    "no range of addresses in its list covers it",
                    &place.authority(),
                );
                Err(Error::DestinationIpProhibited)
            }
            None if egress.allows_name(&place.host, place.port) => Ok(()),
            None => {
                self.refuse(place, "its list does not name it", &place.authority());
                Err(Error::HttpRequestDenied)
            }
        }
    }

    fn answer(
        &self,
        answer: Response<hyper::body::Incoming>,
        connection: Connection,
        place: Place,
        permit: tokio::sync::OwnedSemaphorePermit,
        timers: &Timers,
    ) -> Response<AnswerBody> {
        let lease = Lease::new(connection, Arc::clone(&self.client), place, permit);
        answer.map(|body| AnswerBody::new(body, lease, timers.between_bytes))
    }
}

/// Where a request goes. Only plain authorities: user names in them would be sent to the server as part of `Host`.
fn place(request: &Request<WasiBody>) -> Result<Place, Error> {
    let uri = request.uri();
    if *request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err(Error::HttpRequestUriInvalid);
    };
    let tls = *scheme == Scheme::HTTPS;
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    if authority.as_str().contains('@') || authority.host().is_empty() || port == 0 {
        return Err(Error::HttpRequestUriInvalid);
    }
    Ok(Place { tls, host: host(authority), port })
}

fn host(authority: &Authority) -> String {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.to_ascii_lowercase()
}

/// The request with the target that a server expects (RFC 9112 section 3.2.1), and its body under its bound.
fn in_origin_form(request: Request<WasiBody>, place: &Place) -> Result<Request<SentBody>, Error> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    head.uri = Uri::try_from(target).map_err(|_| Error::HttpRequestUriInvalid)?;
    let host =
        HeaderValue::try_from(place.host_field()).map_err(|_| Error::HttpRequestUriInvalid)?;
    head.headers.insert(header::HOST, host);
    Ok(Request::from_parts(head, SentBody::new(body, OUTBOUND_BODY_BYTES_MAX)))
}

/// The same request once more, where asking twice does no harm and there is no body to repeat.
fn repeatable(request: &Request<SentBody>) -> Option<Request<SentBody>> {
    use hyper::body::Body as _;
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(SentBody::empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

#[cfg(test)]
mod tests;
