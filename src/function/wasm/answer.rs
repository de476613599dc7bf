//! A function in the place of an origin: `wasi:http/incoming-handler`, or Lambda's handler with the event of a load
//! balancer.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler::Guest;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, WasiHttpView};

use super::environment::{Environment, GuestStore, Handlers};
use super::run::{Fault, Run};
use super::{OriginFunction, call_lambda};
use crate::error::FunctionError;
use crate::event::alb::{AlbEvent, AlbRequest, AnswerTo, answer_from_json, event_json};
use crate::event::{EventType, GeneratedResponse};
use crate::function::Invocation;
use crate::limits::{ALB_REQUEST_BYTES_MAX, FUNCTION_ANSWER_BYTES_MAX};

/// How a function's answer is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asking {
    /// Whether the viewer spoke TLS.
    pub tls: bool,
    /// Whether the load balancer's event has lists of values.
    pub multi_value: bool,
}

/// A request whose body is larger than the load balancer would pass on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

impl OriginFunction {
    /// Whether it answers through `wasi:http`, which has no event.
    #[must_use]
    pub fn speaks_http(&self) -> bool {
        matches!(self.entry, super::load::Entry::Http(_))
    }

    /// Asks the function for its answer to `request`, with the limits of [`Self::on_request`].
    ///
    /// # Errors
    /// Nothing ran: the body is too large for an event.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        asking: Asking,
    ) -> Result<Invocation<GeneratedResponse>, TooLarge> {
        let asked = if self.speaks_http() {
            Asked::Http(request)
        } else {
            Asked::Event(whole(request).await?, None)
        };
        Ok(self.ask(asked, asking).await)
    }

    /// Asks the function for its answer to a load balancer's event, with the limits of [`Self::on_request`]; one that
    /// speaks `wasi:http` gets the request of which the event tells.
    pub async fn answer_event(&self, event: AlbEvent) -> Invocation<GeneratedResponse> {
        let AlbEvent { json, request, tls, multi_value } = event;
        let asked = if self.speaks_http() {
            Asked::Http(request.map(Full::new))
        } else {
            Asked::Event(request, Some(json))
        };
        self.ask(asked, Asking { tls, multi_value }).await
    }

    async fn ask<B: HttpBody>(
        &self,
        asked: Asked<B>,
        asking: Asking,
    ) -> Invocation<GeneratedResponse> {
        let _permits = match self.permits() {
            Ok(permits) => permits,
            Err(error) => return Invocation::unmade(error),
        };
        let mut run = Run::new(self, self.budget);
        let returned = run
            .within_budget(async |environment| {
                self.call_for_answer(environment, asked, asking).await
            })
            .await;
        run.finish(returned)
    }

    async fn call_for_answer<B: HttpBody>(
        &self,
        environment: &mut Environment,
        asked: Asked<B>,
        asking: Asking,
    ) -> Result<GeneratedResponse, Fault> {
        match (environment.parts(), asked) {
            ((store, Some(Handlers::Http(guest))), Asked::Http(request)) => {
                exchange(store, guest, request, asking).await
            }
            ((store, Some(Handlers::Lambda(handler))), Asked::Event(request, written)) => {
                let made = || event_json(&alb(&self.identity.name, &request, asking));
                let text = call_lambda(store, handler, written.unwrap_or_else(made)).await?;
                let host = request.headers().get(http::header::HOST);
                let host = host.and_then(|host| host.to_str().ok());
                let to = AnswerTo { tls: asking.tls, host, multi_value: asking.multi_value };
                answer_from_json(&text, to).map_err(Fault::Failed)
            }
            _ => Err(Fault::Failed(self.no_handler(EventType::Origin))),
        }
    }
}

/// What the function gets.
enum Asked<B> {
    Http(Request<B>),
    /// A load balancer's event: of this request, or as somebody wrote it.
    Event(Request<Bytes>, Option<String>),
}

/// A body that `wasi:http` can hand to a guest.
trait HttpBody: hyper::body::Body<Data = Bytes, Error: Into<Error>> + Send + 'static {}

impl<B: hyper::body::Body<Data = Bytes, Error: Into<Error>> + Send + 'static> HttpBody for B {}

async fn whole(request: Request<Incoming>) -> Result<Request<Bytes>, TooLarge> {
    let (head, body) = request.into_parts();
    // A body that breaks off ends the connection, and this with it.
    let body = Limited::new(body, ALB_REQUEST_BYTES_MAX).collect().await.map_err(|_| TooLarge)?;
    Ok(Request::from_parts(head, body.to_bytes()))
}

fn alb<'a>(function: &'a str, request: &'a Request<Bytes>, asking: Asking) -> AlbRequest<'a> {
    AlbRequest {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query(),
        headers: request.headers(),
        body: request.body(),
        function,
        tls: asking.tls,
        multi_value: asking.multi_value,
    }
}

/// The guest writes its answer while it runs: both go on until it returned and its body is whole.
async fn exchange<B: HttpBody>(
    store: &mut GuestStore,
    guest: &Guest,
    request: Request<B>,
    asking: Asking,
) -> Result<GeneratedResponse, Fault> {
    let scheme = if asking.tls { Scheme::Https } else { Scheme::Http };
    let (sender, receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(scheme, request)?;
    let out = http.new_response_outparam(sender)?;
    let answer = async {
        let answer = receiver.await.map_err(|_| Fault::Failed(silent()))?;
        collected(answer.map_err(|code| Fault::Failed(refused(&code)))?).await
    };
    let call = async { guest.call_handle(&mut *store, request, out).await.map_err(Fault::Stopped) };
    // A broken answer does not end the call: the guest finds its stream closed.
    let ((), answer) = tokio::try_join!(call, async { Ok(answer.await) })?;
    answer
}

async fn collected(answer: hyper::Response<HyperOutgoingBody>) -> Result<GeneratedResponse, Fault> {
    let (mut head, body) = answer.into_parts();
    // It is counted anew.
    head.headers.remove(http::header::CONTENT_LENGTH);
    let body = Limited::new(body, FUNCTION_ANSWER_BYTES_MAX).collect().await.map_err(|error| {
        let message = match error.downcast::<Error>() {
            Ok(error) => format!("its answer's body broke off: {error}"),
            Err(_) => format!("its answer's body has more than {FUNCTION_ANSWER_BYTES_MAX} bytes"),
        };
        Fault::Failed(FunctionError::validation(message))
    })?;
    let status = head.status.as_u16();
    if !(200..=599).contains(&status) {
        let message = format!("its answer's status must be 200 to 599, but is {status}");
        return Err(Fault::Failed(FunctionError::validation(message)));
    }
    Ok(GeneratedResponse { status, reason: None, headers: head.headers, body: body.to_bytes() })
}

fn silent() -> FunctionError {
    FunctionError::validation("returned without an answer: response-outparam.set was not called")
}

fn refused(code: &ErrorCode) -> FunctionError {
    FunctionError::execution(format!("answered with an error: {code}"))
}
