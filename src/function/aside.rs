//! Long calls of viewer functions, without the requests of their worker waiting behind them.
//!
//! A viewer function runs inline, which is the quickest for what takes microseconds. What takes most of a millisecond
//! would hold up every other request of the worker as long. Tokio lets a thread that is about to be busy hand its tasks
//! to another one; as many calls at a time as there are processors may do so, as more would only share these.

use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Handle, RuntimeFlavor};

static RUNNING: AtomicUsize = AtomicUsize::new(0);
static PROCESSORS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));

/// One call that runs aside, while it lives.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let before = RUNNING.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        (before < *PROCESSORS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `call` on this thread, and meanwhile lets another thread run the tasks that wait for this one.
pub fn run<T>(call: impl FnOnce() -> T) -> T {
    // Outside of a runtime with several threads nobody waits, or nobody could take over.
    let shares = Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    match shares.then(Place::take).flatten() {
        Some(_place) => tokio::task::block_in_place(call),
        None => call(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_tasks_of_the_worker_go_on_meanwhile() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.expect("a runtime");
        let (told, heard) = std::sync::mpsc::channel();
        let long = runtime.spawn(async move {
            // On the one worker: it could not be told if nothing else ran before this returns.
            tokio::spawn(async move { told.send(()) });
            run(|| heard.recv())
        });
        let heard = runtime.block_on(long).expect("the task ends");
        assert_eq!(heard, Ok(()));
    }

    #[test]
    fn outside_of_a_runtime_and_in_one_of_one_thread_it_just_runs() {
        assert_eq!(run(|| 1), 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        assert_eq!(runtime.block_on(async { run(|| 2) }), 2);
    }
}
