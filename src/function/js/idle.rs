//! Instances that wait for their next call. What the last one wrote is undone before anybody else comes: every page
//! that is not the engine's image any more is made equal again to what the function's calls begin with.
//!
//! Memory is all that a call can leave behind. Of the guest's globals only the stack pointer changes, and a call that
//! returns has put it back; its table is never written and its memory does not grow during calls. A call that did not
//! return does not come here: its instance is dropped.
//!
//! An instance waits as its function's, with the function's own pages in place, so that the usual call finds everything
//! ready. Which pages are written is asked of the kernel only when the thread took page faults since the last answer: a
//! page that is written for the first time is one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::delta::Delta;
use super::instance::Alive;
use crate::function::engine::{PageMap, thread_faults};
use crate::limits::{VIEWER_INSTANCE_RESIDENT_PAGES_MAX, VIEWER_INSTANCES_IDLE_MAX};

/// The instances, the one used last at the end: its pages are in the processor's caches.
pub(super) struct Idle {
    /// `None` where the kernel cannot say what was written: then no instance is used twice.
    pages: Option<PageMap>,
    /// The memory of an instance that has just started, without the zeros at its end.
    image: Box<[u8]>,
    memory_bytes: usize,
    waiting_max: usize,
    waiting: Mutex<Vec<Alive>>,
}

impl Idle {
    /// For instances whose memory begins as `memory`, of which at most `instances_max` can be.
    pub(super) fn new(memory: &[u8], instances_max: usize) -> Self {
        let used = memory.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let image = memory.get(..used).unwrap_or_default().into();
        let pages = PageMap::open();
        // Who waits must not keep others from being made.
        let waiting_max = VIEWER_INSTANCES_IDLE_MAX.min(instances_max / 2);
        Self { pages, image, memory_bytes: memory.len(), waiting_max, waiting: Mutex::default() }
    }

    /// The memory of an instance that has just started, without the zeros at its end.
    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    /// An instance whose memory is the image with `delta`: one that waited for it or, when enough wait, another's.
    pub(super) fn take(&self, delta: &Arc<Delta>) -> Option<Alive> {
        let mut alive = {
            let mut waiting = self.waiting();
            match waiting.iter().rposition(|alive| alive.is_at_home_with(delta)) {
                Some(own) => waiting.remove(own),
                None if waiting.len() < self.waiting_max => return None,
                None => waiting.remove(0),
            }
        };
        alive.faults = thread_faults();
        if !alive.is_at_home_with(delta) {
            let memory = alive.memory.data_mut(&mut alive.store);
            let moved = Delta::default().restore(&self.image, &alive.written, memory);
            if !moved || !delta.apply(memory) {
                return None;
            }
        }
        Some(alive)
    }

    /// Takes an instance back after a call of `delta`'s function that returned; hands it out again if undoing what it
    /// wrote is not possible, or costs more than starting another.
    pub(super) fn give_back(&self, mut alive: Alive, delta: &Arc<Delta>) -> Option<Alive> {
        if !self.restore(&mut alive, delta) {
            return Some(alive);
        }
        alive.home = Arc::downgrade(delta);
        let mut waiting = self.waiting();
        if waiting.len() >= self.waiting_max {
            return Some(alive);
        }
        waiting.push(alive);
        None
    }

    fn restore(&self, alive: &mut Alive, delta: &Delta) -> bool {
        let Some(pages) = &self.pages else { return false };
        let memory = alive.memory.data_mut(&mut alive.store);
        if memory.len() != self.memory_bytes {
            return false;
        }
        let faults = thread_faults();
        if faults.is_none() || faults != alive.faults {
            match pages.private(memory, VIEWER_INSTANCE_RESIDENT_PAGES_MAX) {
                Some(written) => alive.written = written.collect(),
                None => return false,
            }
        }
        delta.restore(&self.image, &alive.written, memory)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Alive>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{engine, load_in, on_request};
    use super::super::{Budget, Duration};
    use crate::function::engine::Mode;

    /// What the functions do differs, so that their traces lie in different places.
    const FUNCTIONS: [&str; 4] = [
        "function handler(e) { return e.request; }",
        "let kept = []; function handler(e) { for (let i = 0; i < 5000; i++) kept.push({ i }); return e.request; }",
        "function handler(e) { Object.prototype.leak = e.request.uri; globalThis.leak = 'x'.repeat(90000); throw 1; }",
        "function handler(e) { console.log(JSON.stringify(e)); return { statusCode: 200, body: 'b'.repeat(9000) }; }",
    ];

    #[test]
    fn what_a_call_wrote_is_undone() {
        let engine = engine(Mode::Production);
        let functions = FUNCTIONS.map(|code| load_in(Mode::Production, code).expect("it loads"));
        let mut seen = 0;
        for round in 0..20 {
            for function in &functions {
                let mut budget = Budget { cpu: Duration::from_millis(400), ..Budget::default() };
                drop(on_request(function, &http::HeaderMap::new(), &mut budget));
                // None where the kernel cannot say what was written.
                let Some(mut alive) = engine.idle().take(&function.delta) else { continue };
                seen += 1;
                let mut expected = engine.image().to_vec();
                let memory = alive.memory.data_mut(&mut alive.store);
                expected.resize(memory.len(), 0);
                assert!(function.delta.apply(&mut expected));
                assert!(memory == expected, "round {round}");
                assert!(engine.idle().give_back(alive, &function.delta).is_none(), "round {round}");
            }
        }
        let scans = crate::function::engine::PageMap::open().is_some();
        assert!(!scans || seen > 0, "no instance was used again");
    }

    #[test]
    fn who_waits_does_not_keep_others_from_being_made() {
        for number in 0..100 {
            let code =
                format!("function handler(e) {{ return {{ statusCode: 200 + {number} }}; }}");
            let function = load_in(Mode::Metered, &code).expect("it loads");
            let run = on_request(&function, &http::HeaderMap::new(), &mut Budget::default());
            assert!(run.result.is_ok(), "{:?}", run.result.err());
        }
    }
}
