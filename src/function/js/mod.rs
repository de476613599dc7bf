//! Viewer functions: JavaScript that sees every request before the cache and every answer after it.
//!
//! The engine is one wasm module that has already started (`guest/`). Each call gets a fresh instance of it, the
//! function's own bytes laid over that (`delta`), the event, and at most a millisecond. Nothing survives the call.

mod blame;
mod delta;
mod idle;
mod instance;
mod kv;
mod load;
mod memo;
mod reaper;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::FunctionError;
use crate::event::viewer::{
    Moment, ViewerEvent, encode_request, encode_response, read_request_result, read_response_result,
};
use crate::event::{EventContext, RequestOutcome, RequestView, ResponseEdits, ResponseView};
use crate::function::{Breaker, Invocation};
use crate::kv::{NamedStore, Reading};
use crate::limits;
use crate::wire::Writer;
use delta::Delta;
use memo::{Kept, Memo};

pub use instance::JsEngine;

/// What the viewer functions of one event may still use: functions in a chain share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// CPU time of the calling thread.
    pub cpu: Duration,
    /// Fuel, in a metered sandbox.
    pub fuel: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { cpu: limits::VIEWER_FUNCTION_CPU_BUDGET, fuel: limits::VIEWER_FUNCTION_FUEL_BUDGET }
    }
}

/// A loaded viewer function, shared by all requests.
pub struct ViewerFunction {
    name: Arc<str>,
    engine: Arc<JsEngine>,
    delta: Arc<Delta>,
    /// For the places in what it throws.
    source: Arc<str>,
    /// `None` when its answers are not to be remembered.
    memo: Option<Box<Memo>>,
    /// Whether its runtime has key-value stores at all.
    takes_store: bool,
    store: Option<Arc<NamedStore>>,
}

impl fmt::Debug for ViewerFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ViewerFunction");
        shown.field("name", &self.name).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

impl ViewerFunction {
    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Memory that this function's version holds, bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.delta.bytes() + self.source.len() + self.memo.as_ref().map_or(0, |memo| memo.bytes())
    }

    /// The same function with another key-value store, or none; cheap. A function of runtime 1.0 never has one.
    #[must_use]
    pub fn with_store(&self, store: Option<Arc<NamedStore>>) -> Self {
        Self {
            name: Arc::clone(&self.name),
            engine: Arc::clone(&self.engine),
            delta: Arc::clone(&self.delta),
            source: Arc::clone(&self.source),
            memo: None,
            takes_store: self.takes_store,
            store: store.filter(|_| self.takes_store),
        }
    }

    /// Makes a fresh instance ready for a call and gives it back without calling: what every call
    /// costs besides its JavaScript. For benches; `false` when no instance was to be had.
    #[must_use]
    pub fn dry_run(&self) -> bool {
        self.engine.dry_run(&self.delta)
    }

    /// Runs the function for viewer-request, on this thread, for at most what is left of `budget`.
    #[must_use]
    pub fn on_request(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        budget: &mut Budget,
    ) -> Invocation<RequestOutcome> {
        self.on_request_at(Setting::default(), context, request, budget)
    }

    /// [`Self::on_request`] in a setting of the caller's choice.
    #[must_use]
    pub fn on_request_at(
        &self,
        setting: Setting<'_>,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        budget: &mut Budget,
    ) -> Invocation<RequestOutcome> {
        let encode =
            |out: &mut Writer| encode_request(context, request, setting.moment_of(context), out);
        let store = self.store.as_ref().map(NamedStore::read);
        let event = ViewerEvent::new(context, request, None, version(store.as_ref()));
        let read = |answer: &[u8]| read_request_result(answer, request);
        self.run(setting.breaker, budget, &event, store, encode, read)
    }

    /// Runs the function for viewer-response, on this thread, for at most what is left of `budget`. `request` is what
    /// the viewer-request functions made of it.
    #[must_use]
    pub fn on_response(
        &self,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        response: &ResponseView<'_>,
        budget: &mut Budget,
    ) -> Invocation<ResponseEdits> {
        self.on_response_at(Setting::default(), context, request, response, budget)
    }

    /// [`Self::on_response`] in a setting of the caller's choice.
    #[must_use]
    pub fn on_response_at(
        &self,
        setting: Setting<'_>,
        context: &EventContext<'_>,
        request: &RequestView<'_>,
        response: &ResponseView<'_>,
        budget: &mut Budget,
    ) -> Invocation<ResponseEdits> {
        let encode = |out: &mut Writer| {
            encode_response(context, request, response, setting.moment_of(context), out);
        };
        let store = self.store.as_ref().map(NamedStore::read);
        let event = ViewerEvent::new(context, request, Some(response), version(store.as_ref()));
        let read = |answer: &[u8]| read_response_result(answer, response);
        self.run(setting.breaker, budget, &event, store, encode, read)
    }

    fn run<T>(
        &self,
        breaker: Option<&Breaker>,
        budget: &mut Budget,
        event: &ViewerEvent<'_>,
        store: Option<Reading>,
        encode: impl Fn(&mut Writer),
        read: impl Fn(&[u8]) -> Result<T, FunctionError>,
    ) -> Invocation<T> {
        let read =
            |answer: &[u8]| read(answer).map_err(|error| blame::at_name(error, &self.source));
        let memo = self.memo.as_ref().filter(|memo| memo.is_open(event));
        if let Some(kept) = memo.and_then(|memo| memo.recall(event)) {
            return Invocation {
                result: read(&kept.answer),
                logs: kept.logs.clone(),
                cpu: Duration::ZERO,
                fuel: None,
                remembered: true,
                report: None,
            };
        }
        let granted = *budget;
        let call = || {
            let mut encoded = Writer::default();
            encode(&mut encoded);
            self.engine.call(&self.delta, encoded.as_bytes(), store.clone(), granted, |answer| {
                if let Some(memo) = memo {
                    let kept = Kept { answer: answer.result.into(), logs: answer.logs.to_vec() };
                    memo.learn(event, answer.reads, kept);
                }
                read(answer.result)
            })
        };
        let called = match breaker {
            Some(breaker) => breaker.guard(call),
            None => call(),
        };
        budget.cpu = budget.cpu.saturating_sub(called.cpu);
        budget.fuel = budget.fuel.saturating_sub(called.fuel.unwrap_or_default());
        called
    }
}

/// What a call depends on besides function and event.
#[derive(Clone, Copy, Default, Debug)]
pub struct Setting<'a> {
    /// What its clock shows, and where its random numbers start; without one it is now.
    pub moment: Option<Moment>,
    /// What says whether the function may be called; without one it is.
    pub breaker: Option<&'a Breaker>,
}

impl Setting<'_> {
    fn moment_of(&self, context: &EventContext<'_>) -> Moment {
        self.moment.unwrap_or_else(|| moment(context, now_ms()))
    }
}

/// What tells the content of a store from others.
fn version(store: Option<&Reading>) -> u128 {
    store.map_or(0, |store| store.version().number())
}

/// The system's time, milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// That time, and random numbers that differ from request to request.
#[must_use]
pub fn moment(context: &EventContext<'_>, now_ms: u64) -> Moment {
    // FNV-1a over the id, which is random; the numbers are not secret (spec: CloudFront Functions section 7.2).
    let id = context.request_id.as_str().bytes();
    let seed = id.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Moment { now_ms, seed: seed ^ now_ms }
}

#[cfg(test)]
mod tests;
