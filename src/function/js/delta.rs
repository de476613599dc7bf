//! What loading a function changes in the engine's memory, kept as whole pages: memory is shared, written and undone by
//! the page, so a changed byte costs a page in every instance anyway.

use std::ops::Range;

/// Bytes of a page as this file counts them: the smallest that a kernel has, so a kernel's page is one or more of them.
pub(super) const PAGE: usize = 4_096;

/// The difference between two images of the same memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Delta {
    /// Numbers of the pages that differ, ascending.
    numbers: Vec<usize>,
    /// What they hold, one after the other.
    bytes: Vec<u8>,
}

impl Delta {
    /// What turns `base` into `loaded`, which is a whole number of pages; what `base` lacks at its end counts as zeros.
    pub(super) fn between(base: &[u8], loaded: &[u8]) -> Self {
        let mut delta = Self::default();
        for (number, page) in loaded.chunks_exact(PAGE).enumerate() {
            if !holds(page, original(base, number)) {
                delta.numbers.push(number);
                delta.bytes.extend_from_slice(page);
            }
        }
        delta.numbers.shrink_to_fit();
        delta.bytes.shrink_to_fit();
        delta
    }

    /// Lays the difference over `memory`, which holds what it was taken from.
    pub(super) fn apply(&self, memory: &mut [u8]) -> bool {
        self.numbers.iter().zip(self.bytes.chunks_exact(PAGE)).all(|(number, page)| {
            let target = memory.get_mut(number * PAGE..(number + 1) * PAGE);
            target.map(|target| target.copy_from_slice(page)).is_some()
        })
    }

    /// Makes the pages in `written`, ascending ranges of bytes, what `base` with this difference has there.
    pub(super) fn restore(&self, base: &[u8], written: &[Range<usize>], memory: &mut [u8]) -> bool {
        let pages = written.iter().flat_map(|range| range.start / PAGE..range.end.div_ceil(PAGE));
        let mut own = self.numbers.iter().zip(self.bytes.chunks_exact(PAGE)).peekable();
        for number in pages {
            while own.next_if(|(changed, _)| **changed < number).is_some() {}
            let Some(target) = memory.get_mut(number * PAGE..(number + 1) * PAGE) else {
                return false;
            };
            match own.next_if(|(changed, _)| **changed == number) {
                Some((_, page)) => target.copy_from_slice(page),
                None => {
                    let page = original(base, number);
                    let (held, beyond) = target.split_at_mut(page.len());
                    held.copy_from_slice(page);
                    beyond.fill(0);
                }
            }
        }
        true
    }

    /// Memory it takes, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.numbers.len() * size_of::<usize>()
    }
}

/// Page `number` of `base`, shorter or empty where `base` ends.
fn original(base: &[u8], number: usize) -> &[u8] {
    let start = (number * PAGE).min(base.len());
    let end = (start + PAGE).min(base.len());
    base.get(start..end).unwrap_or_default()
}

/// Whether `page` is `original` and zeros behind it.
fn holds(page: &[u8], original: &[u8]) -> bool {
    let (held, beyond) = page.split_at(original.len());
    held == original && beyond.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGES: usize = 6;

    fn changed(base: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
        let mut memory = base.to_vec();
        memory.resize(PAGES * PAGE, 0);
        for (at, byte) in changes {
            let at = at % memory.len();
            memory[at] = *byte;
        }
        memory
    }

    fn changes(most: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
        proptest::collection::vec((0..PAGES * PAGE, any::<u8>()), 0..most)
    }

    proptest! {
        #[test]
        fn laid_over_the_base_it_gives_the_other_and_what_a_call_wrote_is_undone(
            base in proptest::collection::vec(0u8..3, 0..3 * PAGE),
            loading in changes(8),
            calling in changes(8),
        ) {
            let loaded = changed(&base, &loading);
            let delta = Delta::between(&base, &loaded);
            let mut memory = changed(&base, &[]);
            prop_assert!(delta.apply(&mut memory));
            prop_assert_eq!(&memory, &loaded);

            let mut memory = changed(&loaded, &calling);
            let written: Vec<_> = (0..PAGES)
                .map(|page| page * PAGE..(page + 1) * PAGE)
                .filter(|range| memory[range.clone()] != loaded[range.clone()])
                .collect();
            prop_assert!(delta.restore(&base, &written, &mut memory));
            prop_assert_eq!(memory, loaded);
        }
    }

    #[test]
    fn only_pages_that_differ_are_kept() {
        let base = vec![0; 4 * PAGE];
        let mut loaded = base.clone();
        for at in [10, 20, 3 * PAGE] {
            loaded[at] = 1;
        }
        let delta = Delta::between(&base, &loaded);
        assert_eq!(delta.numbers, [0, 3]);
    }
}
