//! An execution environment: one instance of a function with its memory, which serves one call
//! after the other.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::TypedFunc;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler;

use super::OriginFunction;
use super::bindings::exports::verge::edge::{origin_request, origin_response};
use super::host::HostState;
use super::identity;
use super::load::Entry;
use crate::function::engine::{Mode, Sandbox};
use crate::kv::NamedStore;
use crate::limits::{
    ORIGIN_ENVIRONMENT_CALLS_MAX, ORIGIN_ENVIRONMENT_MEMORY_PERCENT_MAX,
    ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX, ORIGIN_FUNCTION_SLICE, SANDBOX_TICK,
};

/// The store a guest lives in.
pub(super) type GuestStore = Store<HostState>;

/// The handler of the `lambda` world.
pub(super) type LambdaHandler = TypedFunc<(String,), (Result<String, String>,)>;

/// The handlers of an instance, found and checked.
pub(super) enum Handlers {
    /// One or both typed handlers.
    Typed {
        /// `origin-request`.
        request: Option<origin_request::Guest>,
        /// `origin-response`.
        response: Option<origin_response::Guest>,
    },
    /// Lambda@Edge's JSON.
    Lambda(LambdaHandler),
    /// `wasi:http/incoming-handler`.
    Http(incoming_handler::Guest),
}

/// One instance with what it lives in. Owned by one call or by the pool, never by two threads.
pub(super) struct Environment {
    /// Where the instance lives.
    pub(super) store: GuestStore,
    handlers: Option<Handlers>,
    calls: u32,
    memory_bytes_at_start: usize,
}

impl Environment {
    /// An environment in which nothing was started yet.
    pub(super) fn new(function: &OriginFunction) -> Self {
        let state = HostState::new(&function.identity, &function.client);
        let store = store(&function.sandbox, state);
        Self { store, handlers: None, calls: 0, memory_bytes_at_start: 0 }
    }

    /// Prepares for a call that is ended at `deadline` and reads `store`: from then on the guest yields every slice.
    pub(super) fn begin(&mut self, deadline: Instant, store: Option<&Arc<NamedStore>>) {
        self.calls += 1;
        let state = self.store.data_mut();
        state.deadline = deadline;
        state.request_id = identity::uuid();
        state.reading = store.map(NamedStore::read);
        self.store.set_epoch_deadline(slice_ticks());
    }

    /// Whether an instance was made already.
    pub(super) fn is_started(&self) -> bool {
        self.handlers.is_some()
    }

    /// Makes the instance, its start function included, and finds its handlers.
    ///
    /// # Errors
    /// What the engine stopped it for.
    pub(super) async fn start(&mut self, function: &OriginFunction) -> wasmtime::Result<()> {
        let store = &mut self.store;
        let instance = function.linked.instantiate_async(&mut *store).await?;
        self.handlers = Some(match &function.entry {
            Entry::Typed { request, response } => {
                let request = request.as_ref().map(|export| export.load(&mut *store, &instance));
                let response = response.as_ref().map(|export| export.load(&mut *store, &instance));
                Handlers::Typed { request: request.transpose()?, response: response.transpose()? }
            }
            Entry::Lambda(export) => {
                Handlers::Lambda(instance.get_typed_func(&mut *store, export)?)
            }
            Entry::Http(export) => Handlers::Http(export.load(&mut *store, &instance)?),
        });
        self.memory_bytes_at_start = self.store.data().memory_bytes;
        Ok(())
    }

    /// The store and the handlers; `None` before [`Self::start`].
    pub(super) fn parts(&mut self) -> (&mut GuestStore, Option<&Handlers>) {
        (&mut self.store, self.handlers.as_ref())
    }

    /// What the instance's memories take, bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }

    /// Whether it may serve another call: not after very many, and not when it has grown so much
    /// that the next call might come to the limit of its memory.
    pub(super) fn is_reusable(&self, memory_bytes_max: usize) -> bool {
        let used = self.memory_bytes();
        let most = memory_bytes_max / 100 * ORIGIN_ENVIRONMENT_MEMORY_PERCENT_MAX;
        let grown = used > self.memory_bytes_at_start && used > most;
        self.is_started() && self.calls < ORIGIN_ENVIRONMENT_CALLS_MAX && !grown
    }
}

/// A store with the bounds every guest has. Ticks only say that it is time to look: the clock
/// decides. Yielding goes through tokio's own queue, so that timers and sockets of the same thread
/// get their turn; the engine's built-in yield starves them.
fn store(sandbox: &Sandbox, state: HostState) -> GuestStore {
    let mut store = Store::new(sandbox.engine(), state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX);
    if sandbox.mode() == Mode::Metered {
        // Fuel is for counting here; the deadline does the stopping. Setting fails only where
        // nothing is counted.
        let _ = store.set_fuel(u64::MAX);
    }
    let slice = slice_ticks();
    store.epoch_deadline_callback(move |context| {
        if Instant::now() >= context.data().deadline {
            return Ok(UpdateDeadline::Interrupt);
        }
        let pause = Box::pin(tokio::task::yield_now());
        Ok(UpdateDeadline::YieldCustom(slice, pause))
    });
    store
}

/// Ticks of one slice, at least one.
fn slice_ticks() -> u64 {
    let ticks = ORIGIN_FUNCTION_SLICE.as_micros() / SANDBOX_TICK.as_micros().max(1);
    u64::try_from(ticks).unwrap_or(1).max(1)
}
