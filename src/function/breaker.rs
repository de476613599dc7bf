//! Whether a viewer function may be called: one that keeps using up its budget only costs others their time, so it is
//! throttled at once, and tried again now and then (spec: CloudFront Functions section 4, throttle).

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use super::{Invocation, aside};
use crate::error::{FunctionError, FunctionFailure};
use crate::limits::{
    VIEWER_BREAKER_OVERRUNS, VIEWER_BREAKER_PAUSE, VIEWER_FUNCTION_CPU_BUDGET,
    VIEWER_FUNCTION_LONG_CALL, VIEWER_SECOND_CALLS_MAX, VIEWER_SECOND_TRY_QUICK_CALLS,
};

/// Quick calls that are counted at most.
const CREDIT_MAX: u32 = VIEWER_SECOND_CALLS_MAX * VIEWER_SECOND_TRY_QUICK_CALLS;

/// What one version of a function did lately.
#[derive(Debug)]
pub struct Breaker {
    made: Instant,
    /// Calls in a row that were cut off.
    overruns: AtomicU32,
    /// Milliseconds after `made` at which the next one is tried, once too many were.
    next_probe_ms: AtomicU64,
    /// Quick calls that no second try was paid with yet.
    credit: AtomicU32,
    /// Whether the last call was a long one.
    long: AtomicBool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            made: Instant::now(),
            overruns: AtomicU32::new(0),
            next_probe_ms: AtomicU64::new(0),
            credit: AtomicU32::new(CREDIT_MAX),
            long: AtomicBool::new(false),
        }
    }
}

impl Breaker {
    /// Calls the function, unless it is throttled.
    ///
    /// One that uses up its budget though it is quick otherwise gets it once more: after a pause, code and memory have to
    /// come back into the processor's caches, and pages into a new instance, which alone can take most of a millisecond.
    /// The next try finds them there.
    pub(super) fn guard<T>(&self, mut call: impl FnMut() -> Invocation<T>) -> Invocation<T> {
        if let Err(error) = self.permit(Instant::now) {
            return Invocation::unmade(error);
        }
        let mut tries = || {
            let mut run = call();
            while overran(&run) && self.spend_credit() {
                run = call();
            }
            run
        };
        let run = match self.long.load(Ordering::Relaxed) {
            true => aside::run(tries),
            false => tries(),
        };
        self.note(&run, Instant::now);
        run
    }

    fn spend_credit(&self) -> bool {
        let price = VIEWER_SECOND_TRY_QUICK_CALLS;
        let spend = |credit: u32| credit.checked_sub(price);
        self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    /// Leave to call the function; `now` is asked for only when it is in doubt.
    ///
    /// # Errors
    /// The throttled call's failure.
    fn permit(&self, now: impl FnOnce() -> Instant) -> Result<(), FunctionError> {
        if self.overruns.load(Ordering::Relaxed) < VIEWER_BREAKER_OVERRUNS {
            return Ok(());
        }
        let now_ms = self.milliseconds(now());
        let probe_ms = self.next_probe_ms.load(Ordering::Relaxed);
        // Of the threads that see the pause end, one moves it on and tries.
        let mine = now_ms >= probe_ms
            && self
                .next_probe_ms
                .compare_exchange(
                    probe_ms,
                    after_pause(now_ms),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if mine {
            return Ok(());
        }
        Err(FunctionError::throttled(format!(
            "not called: it used up its budget {VIEWER_BREAKER_OVERRUNS} times in a row; tried again every {} ms",
            VIEWER_BREAKER_PAUSE.as_millis()
        )))
    }

    /// Notes how a call ended. Only one that had the whole budget and used it up speaks against its function: another may
    /// have begun with what a chain had left, have waited for a busy machine, or not have begun at all.
    fn note<T>(&self, run: &Invocation<T>, now: impl FnOnce() -> Instant) {
        let long = run.cpu >= VIEWER_FUNCTION_LONG_CALL;
        if self.long.load(Ordering::Relaxed) != long {
            self.long.store(long, Ordering::Relaxed);
        }
        if !overran(run) {
            // A store for each call would keep the line moving between the processors.
            if self.overruns.load(Ordering::Relaxed) > 0 {
                self.overruns.store(0, Ordering::Relaxed);
            }
            let credit = self.credit.load(Ordering::Relaxed);
            if credit < CREDIT_MAX && run.cpu < VIEWER_FUNCTION_CPU_BUDGET / 2 {
                self.credit.store(credit + 1, Ordering::Relaxed);
            }
            return;
        }
        let overruns = self.overruns.load(Ordering::Relaxed).saturating_add(1);
        if overruns == VIEWER_BREAKER_OVERRUNS {
            self.next_probe_ms.store(after_pause(self.milliseconds(now())), Ordering::Relaxed);
        }
        self.overruns.store(overruns.min(VIEWER_BREAKER_OVERRUNS), Ordering::Relaxed);
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.made).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

/// Whether a call had the whole budget and used it up.
fn overran<T>(run: &Invocation<T>) -> bool {
    let cut_off = matches!(&run.result, Err(error) if error.failure == FunctionFailure::Throttled);
    cut_off && run.cpu >= VIEWER_FUNCTION_CPU_BUDGET
}

fn after_pause(now_ms: u64) -> u64 {
    now_ms.saturating_add(u64::try_from(VIEWER_BREAKER_PAUSE.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_opens_after_overruns_in_a_row_and_closes_after_a_probe_that_went_well() {
        let breaker = Breaker::default();
        let start = Instant::now();
        let at = |ms: u64| move || start + Duration::from_millis(ms);
        let pause = u64::try_from(VIEWER_BREAKER_PAUSE.as_millis()).expect("a number");
        let ended = |error: Option<FunctionError>, cpu| Invocation {
            result: error.map_or(Ok(()), Err),
            cpu,
            ..Invocation::unmade(FunctionError::execution(""))
        };
        let whole = VIEWER_FUNCTION_CPU_BUDGET;
        let overran = ended(Some(FunctionError::throttled("slow")), whole);
        let threw = ended(Some(FunctionError::execution("threw")), whole);
        let left_little = ended(Some(FunctionError::throttled("slow")), whole / 2);
        for _ in 0..2 * VIEWER_BREAKER_OVERRUNS {
            breaker.note(&left_little, at(1));
            assert!(breaker.permit(at(1)).is_ok(), "it had only half of the budget");
        }
        for _ in 0..VIEWER_BREAKER_OVERRUNS - 1 {
            breaker.note(&overran, at(1));
        }
        breaker.note(&threw, at(1));
        for _ in 0..VIEWER_BREAKER_OVERRUNS {
            assert!(breaker.permit(at(1)).is_ok(), "they were not in a row");
            breaker.note(&overran, at(1));
        }
        let refused = breaker.permit(at(pause / 2)).expect_err("open");
        assert_eq!(refused.failure, FunctionFailure::Throttled);
        assert!(breaker.permit(at(pause + 10)).is_ok(), "a probe");
        assert!(breaker.permit(at(pause + 10)).is_err(), "one probe only");
        breaker.note(&overran, at(pause + 10));
        assert!(breaker.permit(at(pause + 20)).is_err(), "the probe failed");
        assert!(breaker.permit(at(2 * pause + 30)).is_ok(), "the next one");
        breaker.note(&ended(None, whole / 2), at(2 * pause + 30));
        assert!(breaker.permit(at(2 * pause + 30)).is_ok(), "closed");
    }

    #[test]
    fn a_function_that_is_quick_otherwise_gets_a_second_try() {
        let breaker = Breaker::default();
        let ended = |cut_off: bool| Invocation {
            result: if cut_off { Err(FunctionError::throttled("slow")) } else { Ok(()) },
            cpu: if cut_off { VIEWER_FUNCTION_CPU_BUDGET } else { Duration::ZERO },
            ..Invocation::unmade(FunctionError::execution(""))
        };
        // The calls that a request costs, and how it ends, when the first `slow` calls are cut off.
        let request = |slow: usize| {
            let mut calls = 0;
            let run = breaker.guard(|| {
                calls += 1;
                ended(calls <= slow)
            });
            (calls, run.result.is_ok())
        };
        assert_eq!(request(1), (2, true));
        assert_eq!(request(2), (3, true), "the first calls of a function find everything cold");
        assert_eq!(request(1), (1, false), "they are used up");
        for _ in 0..=VIEWER_SECOND_TRY_QUICK_CALLS {
            assert_eq!(request(0), (1, true));
        }
        assert_eq!(request(2), (2, false), "one was earned, and was in vain");
        assert_eq!(request(1), (1, false));
    }
}
