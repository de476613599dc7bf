//! What loading a function changes in the engine's memory, kept as runs of bytes.

/// Equal bytes between two runs that are not worth a run of their own: a copy costs more to start than this.
const GAP: usize = 32;

/// One stretch of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    /// Where it goes.
    offset: usize,
    /// Where it is in [`Delta::bytes`], and how long.
    start: usize,
    length: usize,
}

/// The difference between two images of the same memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Delta {
    runs: Vec<Run>,
    bytes: Vec<u8>,
}

impl Delta {
    /// What turns `base` into `loaded`; what `base` lacks at its end counts as zeros.
    pub(super) fn between(base: &[u8], loaded: &[u8]) -> Self {
        const BLOCK: usize = 256;
        let mut delta = Self::default();
        let mut offset = 0;
        for (block, was) in loaded.chunks(BLOCK).zip(base.chunks(BLOCK)) {
            if block != was {
                delta.add_block(offset, block, was);
            }
            offset += block.len();
        }
        let tail = loaded.get(base.len()..).unwrap_or_default();
        let zeros = [0; BLOCK];
        for (index, block) in tail.chunks(BLOCK).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                delta.add_block(base.len() + index * BLOCK, block, &zeros[..block.len()]);
            }
        }
        delta.runs.shrink_to_fit();
        delta.bytes.shrink_to_fit();
        delta
    }

    fn add_block(&mut self, offset: usize, block: &[u8], was: &[u8]) {
        for (index, (byte, old)) in block.iter().zip(was).enumerate() {
            if byte != old {
                self.add(offset + index, block, index);
            }
        }
    }

    /// Adds one changed byte, `block[index]` at `offset`, to the last run if that is near.
    fn add(&mut self, offset: usize, block: &[u8], index: usize) {
        if let Some(last) = self.runs.last_mut() {
            let gap = offset - (last.offset + last.length);
            // The bytes of the gap have to be at hand: they are when they lie in the same block.
            if gap <= GAP && gap <= index {
                self.bytes.extend_from_slice(&block[index - gap..=index]);
                last.length += gap + 1;
                return;
            }
        }
        self.runs.push(Run { offset, start: self.bytes.len(), length: 1 });
        self.bytes.push(block[index]);
    }

    /// Lays the difference over `memory`, which must be at least as long as what it was taken from.
    pub(super) fn apply(&self, memory: &mut [u8]) -> bool {
        self.runs.iter().all(|run| {
            let target = memory.get_mut(run.offset..run.offset + run.length);
            let source = self.bytes.get(run.start..run.start + run.length);
            match (target, source) {
                (Some(target), Some(source)) => {
                    target.copy_from_slice(source);
                    true
                }
                _ => false,
            }
        })
    }

    /// Memory it takes, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.runs.len() * size_of::<Run>()
    }

    /// Runs, changed bytes and touched pages of 4 KiB: for the bench.
    #[cfg(test)]
    pub(super) fn shape(&self) -> (usize, usize, usize) {
        let mut pages: Vec<usize> = self
            .runs
            .iter()
            .flat_map(|run| run.offset >> 12..=(run.offset + run.length - 1) >> 12)
            .collect();
        pages.dedup();
        (self.runs.len(), self.bytes.len(), pages.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn laid_over_the_base_it_gives_the_other(
            base in proptest::collection::vec(0u8..3, 0..2_000),
            changes in proptest::collection::vec((0usize..2_500, any::<u8>()), 0..200),
        ) {
            let mut loaded = base.clone();
            loaded.resize(base.len() + 500, 0);
            for (at, byte) in changes {
                let at = at % loaded.len();
                loaded[at] = byte;
            }
            let delta = Delta::between(&base, &loaded);
            let mut memory = base.clone();
            memory.resize(loaded.len(), 0);
            prop_assert!(delta.apply(&mut memory));
            prop_assert_eq!(memory, loaded);
        }
    }

    #[test]
    fn near_changes_share_a_run_and_far_ones_do_not() {
        let base = vec![0; 1_000];
        let mut loaded = base.clone();
        for at in [10, 20, 600] {
            loaded[at] = 1;
        }
        let (runs, bytes, pages) = Delta::between(&base, &loaded).shape();
        assert_eq!((runs, bytes, pages), (2, 12, 1));
    }
}
