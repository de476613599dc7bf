//! One call of an origin function: its store, its deadline, and what its faults mean.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};

use super::OriginFunction;
use super::host::{HostState, Refusal};
use crate::error::FunctionError;
use crate::function::Invocation;
use crate::function::engine::{Mode, RunningGuest, Sandbox};
use crate::limits::{
    FUNCTION_ERROR_CHARS_MAX, ORIGIN_FUNCTION_CONCURRENCY_MAX, ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX,
    ORIGIN_FUNCTION_SLICE, SANDBOX_TICK,
};

/// The store a guest lives in.
pub(super) type GuestStore = Store<HostState>;

/// Why a call gave nothing to check.
pub(super) enum Fault {
    /// The engine stopped it.
    Stopped(wasmtime::Error),
    /// The handler returned an error of its own.
    Returned(String),
    /// Already classified.
    Failed(FunctionError),
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Stopped(error)
    }
}

/// One call in progress.
pub(super) struct Run<'a> {
    function: &'a OriginFunction,
    store: GuestStore,
    deadline: Instant,
    cpu: Duration,
    _running: RunningGuest<'a>,
}

impl<'a> Run<'a> {
    /// Prepares a store whose guest yields every slice and is stopped at the deadline.
    pub(super) fn new(function: &'a OriginFunction) -> Self {
        let deadline = Instant::now() + function.budget;
        let mut store = store(&function.sandbox, function.memory_bytes_max);
        let slice = slice_ticks();
        store.set_epoch_deadline(slice);
        // Ticks only say that it is time to look: the clock decides. Yielding goes through tokio's
        // own queue, so that timers and sockets of the same thread get their turn; the engine's
        // built-in yield starves them.
        store.epoch_deadline_callback(move |_| {
            if Instant::now() >= deadline {
                return Ok(UpdateDeadline::Interrupt);
            }
            let pause = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(slice, pause))
        });
        let running = function.sandbox.running_guest();
        Self { function, store, deadline, cpu: Duration::ZERO, _running: running }
    }

    /// Runs `call` until it ends or the deadline passes, and counts the CPU time it takes on
    /// whatever threads.
    pub(super) async fn within_budget<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut GuestStore) -> Result<T, Fault>,
    ) -> Result<T, FunctionError> {
        let Self { store, cpu, deadline, .. } = self;
        let outcome = {
            let mut call = pin!(call(store));
            let counted = poll_fn(|context| {
                let before = thread_cpu_time();
                let polled = call.as_mut().poll(context);
                *cpu += thread_cpu_time().saturating_sub(before);
                polled
            });
            tokio::time::timeout_at((*deadline).into(), counted).await
        };
        let function = self.function;
        match outcome {
            Ok(Ok(returned)) => Ok(returned),
            Ok(Err(Fault::Failed(error))) => Err(error),
            Ok(Err(Fault::Returned(text))) => Err(FunctionError::execution(format!(
                "the handler returned an error: {}",
                cut(&text)
            ))),
            Ok(Err(Fault::Stopped(error))) => {
                Err(describe(&error, self.store.data(), function.budget, function.memory_bytes_max))
            }
            Err(_elapsed) => Err(over_budget(function.budget)),
        }
    }

    /// Closes the call: its result with what was logged and used.
    pub(super) fn finish<T>(mut self, result: Result<T, FunctionError>) -> Invocation<T> {
        let fuel = self.store.get_fuel().ok().map(|left| u64::MAX - left);
        let logs = std::mem::take(&mut self.store.data_mut().logs);
        Invocation { result, logs, cpu: self.cpu, fuel, remembered: false }
    }
}

/// A store with the bounds every guest has, its epoch not yet set.
pub(super) fn store(sandbox: &Sandbox, memory_bytes_max: usize) -> GuestStore {
    let mut store = Store::new(sandbox.engine(), HostState::new(memory_bytes_max));
    store.limiter(|state| state);
    store.set_hostcall_fuel(ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX);
    if sandbox.mode() == Mode::Metered {
        // Fuel is for counting here; the deadline does the stopping. Setting fails only where
        // nothing is counted.
        let _ = store.set_fuel(u64::MAX);
    }
    store
}

/// The answer when every permit is taken.
pub(super) fn no_permit<T>(name: &str) -> Invocation<T> {
    let error = FunctionError::throttled(format!(
        "{name} was not run: {ORIGIN_FUNCTION_CONCURRENCY_MAX} origin functions run already"
    ));
    Invocation::unmade(error)
}

/// What it means that the engine stopped a guest. spec: Lambda@Edge section 6.
pub(super) fn describe(
    error: &wasmtime::Error,
    state: &HostState,
    budget: Duration,
    memory_bytes_max: usize,
) -> FunctionError {
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return over_budget(budget);
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return FunctionError::throttled("no instance is free: too many functions run already");
    }
    if state.memory_refused {
        return FunctionError::execution(format!(
            "needed more memory than its {} MiB ({:#})",
            memory_bytes_max >> 20,
            error
        ));
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return FunctionError::execution(refusal.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => FunctionError::execution(format!("trapped: {trap}")),
        // What is neither a trap nor a refusal is a value the engine could not read: a pointer
        // outside the memory, text that is not UTF-8, a case that does not exist.
        None => FunctionError::validation(format!("returned no valid value: {error:#}")),
    }
}

fn over_budget(budget: Duration) -> FunctionError {
    FunctionError::throttled(format!("ran longer than its budget of {budget:?}"))
}

/// Ticks of one slice, at least one.
fn slice_ticks() -> u64 {
    let ticks = ORIGIN_FUNCTION_SLICE.as_micros() / SANDBOX_TICK.as_micros().max(1);
    u64::try_from(ticks).unwrap_or(1).max(1)
}

fn cut(text: &str) -> String {
    text.chars().take(FUNCTION_ERROR_CHARS_MAX).collect()
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel gives non-negative seconds and nanoseconds below a billion.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}
