//! One call of an origin function: its deadline, what it uses, and what its faults mean.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

use super::OriginFunction;
use super::environment::Environment;
use super::host::{Body, HostState, Refusal};
use crate::error::FunctionError;
use crate::function::Invocation;
use crate::function::engine::RunningGuest;
use crate::limits::FUNCTION_ERROR_CHARS_MAX;
use crate::observe::function_log::Report;

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
    environment: Environment,
    started: Instant,
    budget: Duration,
    deadline: Instant,
    cpu: Duration,
    /// How long the start of a new instance took; `None` in a warm one.
    init: Option<Duration>,
    /// Whether the guest was stopped in the middle of something.
    in_doubt: bool,
    _running: RunningGuest<'a>,
}

impl<'a> Run<'a> {
    /// Takes a warm environment, or prepares a new one, for a call of so much wall-clock time.
    pub(super) fn new(function: &'a OriginFunction, budget: Duration) -> Self {
        let started = Instant::now();
        let deadline = started + budget;
        let warm = function.pool.as_ref().and_then(|pool| pool.take());
        let mut environment = warm.unwrap_or_else(|| Environment::new(function));
        environment.begin(deadline, function.store.as_ref());
        Self {
            function,
            environment,
            started,
            budget,
            deadline,
            cpu: Duration::ZERO,
            init: None,
            in_doubt: false,
            _running: function.sandbox.running_guest(),
        }
    }

    /// Runs `call` until it ends or the deadline passes, after a new environment was started, and
    /// counts the CPU time both take on whatever threads.
    pub(super) async fn within_budget<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut Environment) -> Result<T, Fault>,
    ) -> Result<T, FunctionError> {
        let Self { function, environment, cpu, deadline, init, started, .. } = self;
        let outcome = {
            let work = async {
                if !environment.is_started() {
                    environment.start(function).await?;
                    *init = Some(started.elapsed());
                }
                call(environment).await
            };
            let mut work = pin!(work);
            let counted = poll_fn(|context| {
                let before = thread_cpu_time();
                let polled = work.as_mut().poll(context);
                *cpu += thread_cpu_time().saturating_sub(before);
                polled
            });
            tokio::time::timeout_at((*deadline).into(), counted).await
        };
        let (function, budget) = (self.function, self.budget);
        match outcome {
            Ok(Ok(returned)) => Ok(returned),
            Ok(Err(Fault::Failed(error))) => Err(error),
            Ok(Err(Fault::Returned(text))) => Err(FunctionError::execution(format!(
                "the handler returned an error: {}",
                cut(&text)
            ))),
            Ok(Err(Fault::Stopped(error))) => {
                self.in_doubt = true;
                Err(describe(&error, self.environment.store.data(), function, budget))
            }
            Err(_elapsed) => {
                self.in_doubt = true;
                Err(over_budget(budget))
            }
        }
    }

    /// Whether the guest asked for another request body and nobody took it.
    pub(super) fn has_replaced_body(&self) -> bool {
        self.environment.store.data().body.replacement.is_some()
    }

    /// Closes the call: its result with what was logged and used. The environment waits for the
    /// next one where it may.
    pub(super) fn finish<T>(mut self, result: Result<T, FunctionError>) -> Invocation<T> {
        let store = &mut self.environment.store;
        let fuel = store.get_fuel().ok().map(|left| u64::MAX - left);
        let logs = store.data().console.take();
        store.data_mut().body = Body::default();
        let (outbound, asks) = store.data_mut().end_requests();
        let report = Report {
            request_id: std::mem::take(&mut store.data_mut().request_id),
            version: self.function.identity.version.clone(),
            duration: self.started.elapsed().saturating_sub(self.init.unwrap_or_default()),
            init: self.init,
            memory_bytes_max: self.function.identity.memory_bytes_max,
            memory_bytes_used: store.data().memory_bytes,
            as_lambda: self.function.is_lambda(),
            outbound,
        };
        let Self { function, environment, in_doubt, cpu, .. } = self;
        if let Some(pool) = &function.pool
            && !in_doubt
            // Requests end with the call that made them; what the guest holds of them goes with it.
            && !asks
            && environment.is_reusable(function.identity.memory_bytes_max)
        {
            pool.give(&function.sandbox, environment);
        }
        let report = Some(Box::new(report));
        Invocation { result, logs, cpu, fuel, remembered: false, report }
    }
}

/// What it means that the engine stopped a guest. spec: Lambda@Edge section 6.
pub(super) fn describe(
    error: &wasmtime::Error,
    state: &HostState,
    function: &OriginFunction,
    budget: Duration,
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
            function.identity.memory_bytes_max >> 20,
            error
        ));
    }
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return FunctionError::execution(refusal.to_string());
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return FunctionError::execution(format!("ended its process with status {status}"));
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
