//! Instances that wait for their next call. What the last one wrote is undone before anybody else comes: every page
//! that is not the engine's image any more is made equal to it again.
//!
//! Memory is all that a call can leave behind. Of the guest's globals only the stack pointer changes, and a call that
//! returns has put it back; its table is never written and its memory does not grow during calls. A call that did not
//! return does not come here: its instance is dropped.

use std::sync::{Mutex, PoisonError};

use super::instance::Alive;
use crate::function::engine::PageMap;
use crate::limits::VIEWER_INSTANCE_RESIDENT_PAGES_MAX;

/// A stack of instances: the one used last has its pages in the processor's caches.
pub(super) struct Idle {
    /// `None` where the kernel cannot say what was written: then no instance is used twice.
    pages: Option<PageMap>,
    /// The memory of an instance that has just started, without the zeros at its end.
    image: Box<[u8]>,
    memory_bytes: usize,
    waiting: Mutex<Vec<Alive>>,
}

impl Idle {
    /// For instances whose memory begins as `memory`.
    pub(super) fn new(memory: &[u8]) -> Self {
        let used = memory.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let image = memory.get(..used).unwrap_or_default().into();
        let pages = PageMap::open();
        Self { pages, image, memory_bytes: memory.len(), waiting: Mutex::default() }
    }

    /// The memory of an instance that has just started, without the zeros at its end.
    pub(super) fn image(&self) -> &[u8] {
        &self.image
    }

    /// An instance whose memory is the image.
    pub(super) fn take(&self) -> Option<Alive> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Takes an instance back after a call that returned; gives it up again if undoing what it wrote is not possible,
    /// or costs more than starting another.
    pub(super) fn give_back(&self, mut alive: Alive) -> Result<(), Alive> {
        if !self.restore(alive.memory.data_mut(&mut alive.store)) {
            return Err(alive);
        }
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(alive);
        Ok(())
    }

    fn restore(&self, memory: &mut [u8]) -> bool {
        let Some(pages) = &self.pages else { return false };
        if memory.len() != self.memory_bytes {
            return false;
        }
        let Some(written) = pages.private(memory, VIEWER_INSTANCE_RESIDENT_PAGES_MAX) else {
            return false;
        };
        for range in written {
            let original = self.image.get(range.start.min(self.image.len())..).unwrap_or_default();
            let Some(written) = memory.get_mut(range) else { return false };
            let (of_image, beyond) = written.split_at_mut(original.len().min(written.len()));
            of_image.copy_from_slice(&original[..of_image.len()]);
            beyond.fill(0);
        }
        true
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
        for round in 0..20 {
            for function in &functions {
                let mut budget = Budget { cpu: Duration::from_millis(400), ..Budget::default() };
                drop(on_request(function, &http::HeaderMap::new(), &mut budget));
                // None where the kernel cannot say what was written, or another test has it.
                let Some(alive) = engine.idle().take() else { continue };
                let memory = alive.memory.data(&alive.store);
                let image = engine.image();
                assert_eq!(&memory[..image.len()], image, "round {round}");
                assert!(memory[image.len()..].iter().all(|byte| *byte == 0), "round {round}");
                assert!(engine.idle().give_back(alive).is_ok(), "round {round}");
            }
        }
    }
}
