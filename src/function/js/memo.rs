//! Answers that are remembered. A call begins in memory that is the same each time, so what it does depends on what it
//! looks at and on nothing else: a function that looked at the same things and saw the same would answer the same.
//!
//! Answers are kept in a tree. A node names the next thing that is looked at, its branches are what was seen there, and
//! a leaf has the engine's answer, which is then read for the request at hand like a fresh one. What a call looks at
//! next follows from what it saw before, so all answers of a function share one tree.
//!
//! Not remembered are calls that were cut off, and calls that looked at something that is another each time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::viewer::{Look, ViewerEvent};
use crate::limits::{
    VIEWER_MEMO_BYTES_MAX, VIEWER_MEMO_HITS_PER_TRIAL_MIN, VIEWER_MEMO_PAUSE_CALLS,
    VIEWER_MEMO_TRIAL_CALLS,
};

/// What a node with one branch takes besides key and answer, bytes: the smallest table of branches has room for four.
const NODE_BYTES: usize = 512;

/// The answer of a call.
#[derive(Debug)]
pub(super) struct Kept {
    /// As the engine wrote it.
    pub(super) answer: Box<[u8]>,
    /// What the call logged.
    pub(super) logs: Vec<String>,
}

enum Node {
    Ask { look: Look, branches: HashMap<Box<[u8]>, Node> },
    Answer(Arc<Kept>),
}

/// The trees of one generation: for requests and for responses.
#[derive(Default)]
struct Generation {
    trees: [Option<Node>; 2],
    bytes: usize,
}

/// Two generations: when the young one is full it becomes the old one, whose answers are used until the next is full.
/// What is asked for after that is learnt anew.
#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

/// The remembered answers of one version of a function.
#[derive(Default)]
pub(super) struct Memo {
    generations: RwLock<Generations>,
    trial: Trial,
}

impl Memo {
    /// Whether the answer to `event` is looked for, and remembered if it is not known. It is asked once for each call.
    pub(super) fn is_open(&self, event: &ViewerEvent<'_>) -> bool {
        event.is_small() && self.trial.is_open()
    }

    /// The answer to `event`, if it is known.
    pub(super) fn recall(&self, event: &ViewerEvent<'_>) -> Option<Arc<Kept>> {
        let mut seen = Vec::with_capacity(512);
        let kept = {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            let young = generations.young.find(event, &mut seen);
            young.or_else(|| generations.old.find(event, &mut seen))
        };
        if kept.is_some() {
            self.trial.note_hit();
        }
        kept
    }

    /// Remembers what a call answered to `event` after it had looked at `reads`, in that order.
    pub(super) fn learn(&self, event: &ViewerEvent<'_>, reads: &[u8], kept: Kept) {
        let reads = reads.as_chunks().0.iter().map(|read| event.look(u32::from_le_bytes(*read)));
        let Some(looks) = reads.collect::<Option<Vec<Look>>>() else { return };
        let path = looks.into_iter().map(|look| {
            let mut seen = Vec::new();
            event.write(&look, &mut seen)?;
            Some((look, seen.into()))
        });
        let Some(path) = path.collect::<Option<Vec<(Look, Box<[u8]>)>>>() else { return };
        let kept_bytes = kept.answer.len() + kept.logs.iter().map(String::len).sum::<usize>();
        let path_bytes: usize = path.iter().map(|(_, seen)| seen.len() + NODE_BYTES).sum();
        let bytes = kept_bytes + path_bytes + NODE_BYTES;
        if bytes > VIEWER_MEMO_BYTES_MAX / 8 {
            return;
        }
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.bytes + bytes > VIEWER_MEMO_BYTES_MAX / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        let young = &mut generations.young;
        young.bytes += bytes;
        grow(&mut young.trees[usize::from(event.is_response())], path, kept);
    }

    /// Memory it holds, bytes.
    pub(super) fn bytes(&self) -> usize {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.young.bytes + generations.old.bytes
    }
}

impl Generation {
    fn find(&self, event: &ViewerEvent<'_>, seen: &mut Vec<u8>) -> Option<Arc<Kept>> {
        let mut node = self.trees[usize::from(event.is_response())].as_ref()?;
        loop {
            match node {
                Node::Answer(kept) => return Some(Arc::clone(kept)),
                Node::Ask { look, branches } => {
                    seen.clear();
                    event.write(look, seen)?;
                    node = branches.get(seen.as_slice())?;
                }
            }
        }
    }
}

/// Hangs an answer into a tree. Where the tree says that a function which saw the same looks at something else, the
/// answer is not kept: one of the two was read wrong, and the older one is as good.
fn grow(place: &mut Option<Node>, path: Vec<(Look, Box<[u8]>)>, kept: Kept) {
    let mut path = path.into_iter();
    let Some(mut node) = place.as_mut() else {
        *place = Some(chain(path, kept));
        return;
    };
    while let Node::Ask { look, branches } = node {
        let Some((_, seen)) = path.next().filter(|(next, _)| next == look) else { return };
        match branches.entry(seen) {
            Entry::Vacant(end) => {
                end.insert(chain(path, kept));
                return;
            }
            Entry::Occupied(below) => node = below.into_mut(),
        }
    }
}

/// A tree with one answer.
fn chain(path: impl DoubleEndedIterator<Item = (Look, Box<[u8]>)>, kept: Kept) -> Node {
    path.rev().fold(Node::Answer(Arc::new(kept)), |below, (look, seen)| Node::Ask {
        look,
        branches: HashMap::from([(seen, below)]),
    })
}

/// Whether remembering pays: a function of which too few calls are hits is left alone for a while.
struct Trial {
    /// Calls until the trial, or (negative, counting up) the pause, is over.
    calls: AtomicI64,
    hits: AtomicU32,
}

impl Default for Trial {
    fn default() -> Self {
        Self { calls: AtomicI64::new(VIEWER_MEMO_TRIAL_CALLS), hits: AtomicU32::new(0) }
    }
}

impl Trial {
    /// Counts a call. Two threads at the end of a trial may both decide on it; they decide alike or a call later.
    fn is_open(&self) -> bool {
        let calls = self.calls.load(Ordering::Relaxed);
        if calls < 0 {
            let ended = self.calls.fetch_add(1, Ordering::Relaxed) == -1;
            if ended {
                self.restart(VIEWER_MEMO_TRIAL_CALLS);
            }
            return ended;
        }
        if self.calls.fetch_sub(1, Ordering::Relaxed) > 0 {
            return true;
        }
        let pays = self.hits.load(Ordering::Relaxed) >= VIEWER_MEMO_HITS_PER_TRIAL_MIN;
        self.restart(if pays { VIEWER_MEMO_TRIAL_CALLS } else { -VIEWER_MEMO_PAUSE_CALLS });
        pays
    }

    fn restart(&self, calls: i64) {
        self.hits.store(0, Ordering::Relaxed);
        self.calls.store(calls, Ordering::Relaxed);
    }

    fn note_hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
