//! The clock that interrupts guests: one thread that advances the engine's epoch while any guest
//! runs.
//!
//! Guests check the epoch at loop heads and function entries. An edge without traffic must not burn
//! CPU on ticks nobody looks at, so the thread parks when no guest has run for a while; a call that
//! finds it parked wakes it.

use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

use crate::limits::{SANDBOX_TICK, SANDBOX_TICK_BETWEEN_GUESTS, SANDBOX_TICKER_LINGER};

/// What callers and the ticker's thread both see.
#[derive(Default)]
struct Shared {
    /// Guests that run now.
    running: AtomicUsize,
    /// Whether the thread sleeps until it is unparked, or is about to.
    parked: AtomicBool,
    /// Set once, when the sandbox goes away.
    stopped: AtomicBool,
}

/// The ticker; its thread ends when this is dropped.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread, parked.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn start(engine: Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("verge-epoch".into())
            .spawn(move || tick_until_stopped(&theirs, &engine))?;
        Ok(Self { shared, thread: handle.thread().clone(), handle: Some(handle) })
    }

    /// Marks one guest as running until the returned guard is dropped.
    pub(super) fn enter(&self) -> RunningGuest<'_> {
        // Both sides write their own flag first and read the other's second, sequentially
        // consistent: either this call sees the thread parked and wakes it, or the thread sees this
        // guest and does not park.
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        RunningGuest { running: &self.shared.running }
    }

    /// Whether the thread sleeps. For tests: an idle edge uses no CPU.
    #[cfg(test)]
    pub(super) fn is_parked(&self) -> bool {
        self.shared.parked.load(Ordering::SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(handle) = self.handle.take() {
            // The thread's body cannot panic; were it to, there would be nothing left to clean up.
            let _ = handle.join();
        }
    }
}

/// Proof that the epoch advances. Hold it while a guest runs; dropping it costs one atomic
/// subtraction.
#[must_use = "the epoch stops advancing when this is dropped"]
pub struct RunningGuest<'a> {
    running: &'a AtomicUsize,
}

impl Drop for RunningGuest<'_> {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick_until_stopped(shared: &Shared, engine: &Engine) {
    // The kernel may round a sleep up by the thread's slack, by default half a tick. A refusal only
    // makes ticks longer.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000));
    let mut idle = SANDBOX_TICKER_LINGER;
    while !shared.stopped.load(Ordering::SeqCst) {
        let period = if shared.running.load(Ordering::SeqCst) > 0 {
            idle = Duration::ZERO;
            SANDBOX_TICK
        } else if idle >= SANDBOX_TICKER_LINGER {
            park_until_needed(shared);
            continue;
        } else {
            idle += SANDBOX_TICK_BETWEEN_GUESTS;
            SANDBOX_TICK_BETWEEN_GUESTS
        };
        thread::sleep(period);
        engine.increment_epoch();
    }
}

fn park_until_needed(shared: &Shared) {
    shared.parked.store(true, Ordering::SeqCst);
    let idle = shared.running.load(Ordering::SeqCst) == 0;
    if idle && !shared.stopped.load(Ordering::SeqCst) {
        thread::park();
    }
    shared.parked.store(false, Ordering::SeqCst);
}
