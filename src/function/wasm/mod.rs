//! Origin functions: WebAssembly components that see a request before the origin and its answer
//! before the cache.
//!
//! A component exports one of the worlds in `wit/`. Every call gets an instance of its own and
//! loses it afterwards, so that nothing passes from one request to another.

mod bindings;
mod convert;
mod host;
mod load;
mod run;

use std::time::Duration;

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
use host::HostState;
use run::{Fault, Run};

pub use load::LoadError;

/// A loaded origin function: compiled, linked, its exports found. Shared by all requests.
pub struct OriginFunction {
    name: std::sync::Arc<str>,
    sandbox: Sandbox,
    linked: InstancePre<HostState>,
    entry: load::Entry,
    budget: Duration,
    memory_bytes_max: usize,
}

impl std::fmt::Debug for OriginFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OriginFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OriginFunction {
    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &std::sync::Arc<str> {
        &self.name
    }

    /// Whether the component has a handler for this event. A function of the `lambda` world takes
    /// both.
    #[must_use]
    pub fn handles(&self, event: EventType) -> bool {
        self.entry.handles(event)
    }

    /// Runs the function for origin-request. Takes at most the function's budget of wall-clock
    /// time, and gives its thread back every millisecond.
    pub async fn on_request(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: &CustomOrigin,
    ) -> Invocation<OriginRequestOutcome> {
        let Some(_permit) = self.sandbox.origin_permit() else {
            return run::no_permit(&self.name);
        };
        let mut run = Run::new(self);
        let returned = run
            .within_budget(async |store| {
                self.call_for_request(store, context, request, origin).await
            })
            .await;
        run.finish(returned.and_then(|action| {
            match action {
                ReturnedAction::Forward(returned) => check_request(request, origin, returned)
                    .map(|(edits, origin)| OriginRequestOutcome::Continue(edits, origin)),
                ReturnedAction::Respond(returned) => {
                    check_generated(returned).map(OriginRequestOutcome::Respond)
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
        let Some(_permit) = self.sandbox.origin_permit() else {
            return run::no_permit(&self.name);
        };
        let mut run = Run::new(self);
        let returned = run
            .within_budget(async |store| {
                self.call_for_response(store, context, request, origin, response).await
            })
            .await;
        run.finish(returned.and_then(|returned| check_response(response, returned)))
    }

    async fn call_for_request(
        &self,
        store: &mut run::GuestStore,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: &CustomOrigin,
    ) -> Result<ReturnedAction, Fault> {
        match &self.entry {
            load::Entry::Typed { request: Some(export), .. } => {
                let config = convert::config(EventType::OriginRequest, context);
                let request = convert::request(context, request, origin);
                let instance = self.linked.instantiate_async(&mut *store).await?;
                let guest = export.load(&mut *store, &instance)?;
                let action = guest.call_handle(store, &config, &request).await?;
                Ok(convert::returned_action(action.map_err(Fault::Returned)?))
            }
            load::Entry::Typed { request: None, .. } => {
                Err(Fault::Failed(self.no_handler(EventType::OriginRequest)))
            }
            load::Entry::Lambda(_) => {
                let event = event_json(EventType::OriginRequest, context, request, origin, None);
                let text = self.call_lambda(store, &event.to_string()).await?;
                request_result_from_json(&text).map_err(Fault::Failed)
            }
        }
    }

    async fn call_for_response(
        &self,
        store: &mut run::GuestStore,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        origin: &CustomOrigin,
        response: &ResponseView<'_>,
    ) -> Result<ReturnedResponse, Fault> {
        match &self.entry {
            load::Entry::Typed { response: Some(export), .. } => {
                let config = convert::config(EventType::OriginResponse, context);
                let request = convert::request(context, request, origin);
                let response = convert::response(response);
                let instance = self.linked.instantiate_async(&mut *store).await?;
                let guest = export.load(&mut *store, &instance)?;
                let returned = guest.call_handle(store, &config, &request, &response).await?;
                Ok(convert::returned_response(returned.map_err(Fault::Returned)?))
            }
            load::Entry::Typed { response: None, .. } => {
                Err(Fault::Failed(self.no_handler(EventType::OriginResponse)))
            }
            load::Entry::Lambda(_) => {
                let event =
                    event_json(EventType::OriginResponse, context, request, origin, Some(response));
                let text = self.call_lambda(store, &event.to_string()).await?;
                response_result_from_json(&text).map_err(Fault::Failed)
            }
        }
    }

    async fn call_lambda(&self, store: &mut run::GuestStore, event: &str) -> Result<String, Fault> {
        let load::Entry::Lambda(export) = &self.entry else {
            return Err(Fault::Failed(self.no_handler(EventType::OriginRequest)));
        };
        let instance = self.linked.instantiate_async(&mut *store).await?;
        let handle =
            instance.get_typed_func::<(&str,), (Result<String, String>,)>(&mut *store, export)?;
        let (result,) = handle.call_async(store, (event,)).await?;
        result.map_err(Fault::Returned)
    }

    fn no_handler(&self, event: EventType) -> FunctionError {
        FunctionError::execution(format!(
            "{} exports no handler for {event}; remove that event from its function.toml",
            self.name
        ))
    }
}

#[cfg(test)]
mod tests;
