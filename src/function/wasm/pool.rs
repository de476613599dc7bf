//! Idle environments of one version of a function, the one used last on top: so that few stay warm
//! when little is asked, and the others grow old and go.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::environment::Environment;
use crate::function::engine::Sandbox;
use crate::limits::ORIGIN_ENVIRONMENT_IDLE_TIME;

/// The idle environments of one function. Dropped with the function's version, and they with it.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<VecDeque<Idle>>,
    /// Whether a task waits for the oldest to grow too old.
    is_swept: AtomicBool,
}

struct Idle {
    environment: Environment,
    since: Instant,
    /// Its place among the idle ones of all functions.
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// The environment that was used last, if one waits.
    pub(super) fn take(&self) -> Option<Environment> {
        let newest = self.idle().pop_back()?;
        let fresh = newest.since.elapsed() < ORIGIN_ENVIRONMENT_IDLE_TIME;
        fresh.then_some(newest.environment)
    }

    /// Lets an environment wait for its next call; where no place is free it is given up.
    pub(super) fn give(self: &Arc<Self>, sandbox: &Sandbox, environment: Environment) {
        let Some(place) = sandbox.idle_place() else { return };
        let idle = Idle { environment, since: Instant::now(), _place: place };
        self.idle().push_back(idle);
        if !self.is_swept.swap(true, Ordering::AcqRel) {
            let broom = Broom(Arc::downgrade(self));
            tokio::spawn(async move { broom.sweep().await });
        }
    }

    /// Gives up what has waited too long at `now`; the moment at which the next one will have.
    fn expire(&self, now: Instant) -> Option<Instant> {
        let mut expired = Vec::new();
        let next = {
            let mut idle = self.idle();
            while let Some(oldest) = idle.front()
                && oldest.since + ORIGIN_ENVIRONMENT_IDLE_TIME <= now
            {
                expired.extend(idle.pop_front());
            }
            idle.front().map(|oldest| oldest.since + ORIGIN_ENVIRONMENT_IDLE_TIME)
        };
        // Giving memory back takes longer than others should wait for the lock.
        drop(expired);
        next
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.idle().len()
    }

    /// As if so much time had passed.
    #[cfg(test)]
    pub(super) fn expire_at(&self, now: Instant) {
        self.expire(now);
    }
}

/// The task that sweeps a pool, while there is something in it.
struct Broom(Weak<Pool>);

impl Broom {
    async fn sweep(self) {
        loop {
            // The pool is not held while the task sleeps: it ends with its function.
            while let Some(next) = self.0.upgrade().and_then(|pool| pool.expire(Instant::now())) {
                tokio::time::sleep_until(next.into()).await;
            }
            let Some(pool) = self.0.upgrade() else { return };
            pool.is_swept.store(false, Ordering::Release);
            // What came in between saw a task at work and started none.
            if pool.idle().is_empty() || pool.is_swept.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

impl Drop for Broom {
    /// Also when the runtime ends before the task. Should another task have taken over, there may be two for a while,
    /// which harms nothing.
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.is_swept.store(false, Ordering::Release);
        }
    }
}
