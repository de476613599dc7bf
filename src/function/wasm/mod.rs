//! Origin functions: WebAssembly components that see a request before the origin and its answer
//! before the cache, or either on the viewer's side ([`viewer`]).
//!
//! A component exports one of the worlds in `wit/`. A typed one gets an instance of its own for
//! every call and loses it afterwards; one of the `lambda` world keeps it for the next call, as
//! Lambda's execution environments do ([`Isolation`]). An instance serves one call at a time.

mod answer;
mod bindings;
mod console;
mod convert;
mod disk;
mod environment;
mod files;
mod host;
mod identity;
mod load;
mod outbound;
mod pool;
mod run;
mod settings;
mod stores;
mod viewer;
mod wasi;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::InstancePre;

use crate::error::FunctionError;
use crate::event::lambda::{
    ReturnedAction, ReturnedResponse, check_generated, check_request, check_response, event_json,
    request_result_from_json, response_result_from_json,
};
use crate::event::{
    CustomOrigin, EventContext, EventType, OriginRequestOutcome, RequestView, ResponseEdits,
    ResponseView,
};
use crate::function::Invocation;
use crate::function::engine::Sandbox;
use crate::kv::NamedStore;
use crate::limits::ORIGIN_FUNCTION_CONCURRENCY_MAX;
use environment::{Environment, GuestStore, Handlers, LambdaHandler};
use host::HostState;
use identity::Identity;
use outbound::Client;
use pool::Pool;
use run::{Fault, Run};

pub use answer::{Asking, TooLarge};
pub use load::LoadError;
pub use settings::{Isolation, Settings};

/// A loaded origin function: compiled, linked, its exports found. Shared by all requests.
#[derive(Clone)]
pub struct OriginFunction {
    identity: Arc<Identity>,
    sandbox: Sandbox,
    linked: InstancePre<HostState>,
    entry: load::Entry,
    budget: Duration,
    viewer_budget: Duration,
    /// The key-value store that is associated with it.
    store: Option<Arc<NamedStore>>,
    client: Arc<Client>,
    /// Environments that wait; `None`: every call gets a fresh one.
    pool: Option<Arc<Pool>>,
    share: Share,
}

/// What a function may run of at a time.
#[derive(Clone, Debug)]
pub(in crate::function) enum Share {
    /// What is its own.
    Reserved(u32, Arc<Semaphore>),
    /// What no function reserves, with all others that reserve nothing.
    Common(Arc<Semaphore>),
}

impl Share {
    /// What is left when functions reserve so many.
    pub(in crate::function) fn common(reserved: u32) -> Self {
        Self::Common(semaphore(ORIGIN_FUNCTION_CONCURRENCY_MAX.saturating_sub(reserved)))
    }

    fn reserved(calls: u32) -> Self {
        Self::Reserved(calls, semaphore(calls))
    }

    fn semaphore(&self) -> &Semaphore {
        match self {
            Self::Reserved(_, semaphore) | Self::Common(semaphore) => semaphore,
        }
    }
}

fn semaphore(permits: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(permits).unwrap_or(Semaphore::MAX_PERMITS)))
}

impl std::fmt::Debug for OriginFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not its variables, which may be secret.
        let Identity { name, version, .. } = &*self.identity;
        let mut shown = f.debug_struct("OriginFunction");
        shown.field("name", name).field("version", version).finish_non_exhaustive()
    }
}

impl OriginFunction {
    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.identity.name
    }

    /// The same function, associated with another store.
    #[must_use]
    pub fn with_store(&self, store: Option<Arc<NamedStore>>) -> Self {
        Self { store, ..self.clone() }
    }

    /// Whether the component has a handler for this event. A function of the `lambda` world takes
    /// all of them.
    #[must_use]
    pub fn handles(&self, event: EventType) -> bool {
        self.entry.handles(event)
    }

    /// Whether it is of the `lambda` world.
    fn is_lambda(&self) -> bool {
        matches!(self.entry, load::Entry::Lambda(_))
    }

    /// The right to run one call: of the function's share, and of all functions' together, old
    /// versions included.
    fn permits(&self) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), FunctionError> {
        let throttled = |most: u32, who: &str| {
            FunctionError::throttled(format!(
                "{} was not run: {most} calls of {who} run already",
                self.identity.name
            ))
        };
        let own = self.share.semaphore().try_acquire().map_err(|_| match self.share {
            Share::Reserved(most, _) => throttled(most, "it"),
            Share::Common(_) => throttled(ORIGIN_FUNCTION_CONCURRENCY_MAX, "origin functions"),
        })?;
        let all = self.sandbox.origin_permit();
        let all = all.ok_or_else(|| throttled(ORIGIN_FUNCTION_CONCURRENCY_MAX, "origin functions"));
        Ok((own, all?))
    }

    /// Runs the function for origin-request. Takes at most the function's budget of wall-clock
    /// time, and gives its thread back every millisecond.
    pub async fn on_request(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: &CustomOrigin,
    ) -> Invocation<OriginRequestOutcome> {
        let _permits = match self.permits() {
            Ok(permits) => permits,
            Err(error) => return Invocation::unmade(error),
        };
        let mut run = Run::new(self, self.budget);
        let returned = run
            .within_budget(async |environment| {
                self.call_for_request(environment, context, request, Some(origin)).await
            })
            .await;
        run.finish(returned.and_then(|action| {
            match action {
                ReturnedAction::Forward(returned) => check_request(request, origin, returned)
                    .map(|(edits, origin)| OriginRequestOutcome::Continue(edits, origin)),
                ReturnedAction::Respond(returned) => {
                    check_generated(EventType::OriginRequest, returned)
                        .map(OriginRequestOutcome::Respond)
                }
            }
        }))
    }

    /// Runs the function for origin-response, with the limits of [`Self::on_request`].
    pub async fn on_response(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: &CustomOrigin,
        response: &ResponseView<'_>,
    ) -> Invocation<ResponseEdits> {
        let _permits = match self.permits() {
            Ok(permits) => permits,
            Err(error) => return Invocation::unmade(error),
        };
        let mut run = Run::new(self, self.budget);
        let returned = run
            .within_budget(async |environment| {
                self.call_for_response(environment, context, request, Some(origin), response).await
            })
            .await;
        if run.has_replaced_body() {
            return run.finish(Err(FunctionError::validation(
                "body.replace is for origin-request; an origin-response function returns response.body",
            )));
        }
        let event = EventType::OriginResponse;
        run.finish(returned.and_then(|returned| check_response(event, response, returned)))
    }

    /// What the function returns for a request event: viewer-request where there is no origin.
    async fn call_for_request(
        &self,
        environment: &mut Environment,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: Option<&CustomOrigin>,
    ) -> Result<ReturnedAction, Fault> {
        let given = request.body.map(|body| (body.data.clone(), body.truncated));
        environment.store.data_mut().body.given = given;
        let mut action = self.called_for_request(environment, context, request, origin).await?;
        let replacement = environment.store.data_mut().body.replacement.take();
        if let (ReturnedAction::Forward(request), Some(data)) = (&mut action, replacement) {
            request.body = Some(convert::replaced_body(data));
        }
        Ok(action)
    }

    async fn called_for_request(
        &self,
        environment: &mut Environment,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: Option<&CustomOrigin>,
    ) -> Result<ReturnedAction, Fault> {
        let event = match origin {
            Some(_) => EventType::OriginRequest,
            None => EventType::ViewerRequest,
        };
        match (environment.parts(), origin) {
            ((store, Some(Handlers::Typed { request: Some(guest), .. })), Some(origin)) => {
                let config = convert::config(event, context);
                let request = convert::request(event, context, request, origin);
                let action = guest.call_handle(store, &config, &request).await?;
                Ok(convert::returned_action(action.map_err(Fault::Returned)?))
            }
            ((store, Some(Handlers::Lambda(handler))), _) => {
                let shown = event_json(event, context, request, origin, None);
                let text = call_lambda(store, handler, shown.to_string()).await?;
                request_result_from_json(event, &text).map_err(Fault::Failed)
            }
            _ => Err(Fault::Failed(self.no_handler(event))),
        }
    }

    /// What the function returns for a response event: viewer-response where there is no origin.
    async fn call_for_response(
        &self,
        environment: &mut Environment,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: Option<&CustomOrigin>,
        response: &ResponseView<'_>,
    ) -> Result<ReturnedResponse, Fault> {
        let event = match origin {
            Some(_) => EventType::OriginResponse,
            None => EventType::ViewerResponse,
        };
        match (environment.parts(), origin) {
            ((store, Some(Handlers::Typed { response: Some(guest), .. })), Some(origin)) => {
                let config = convert::config(event, context);
                let request = convert::request(event, context, request, origin);
                let response = convert::response(event, response);
                let returned = guest.call_handle(store, &config, &request, &response).await?;
                Ok(convert::returned_response(returned.map_err(Fault::Returned)?))
            }
            ((store, Some(Handlers::Lambda(handler))), _) => {
                let shown = event_json(event, context, request, origin, Some(response));
                let text = call_lambda(store, handler, shown.to_string()).await?;
                response_result_from_json(&text).map_err(Fault::Failed)
            }
            _ => Err(Fault::Failed(self.no_handler(event))),
        }
    }

    fn no_handler(&self, event: EventType) -> FunctionError {
        FunctionError::execution(format!(
            "{} exports no handler for {event}; remove that event from its function.toml",
            self.identity.name
        ))
    }
}

async fn call_lambda(
    store: &mut GuestStore,
    handler: &LambdaHandler,
    event: String,
) -> Result<String, Fault> {
    let (result,) = handler.call_async(store, (event,)).await?;
    result.map_err(Fault::Returned)
}

#[cfg(test)]
mod tests;
