//! Answers that are remembered. A call begins in memory that is the same each time, so what it does depends on what it
//! looks at and on nothing else: a function that looked at the same things and saw the same would answer the same.
//!
//! Answers are kept in a tree. A node names the next thing that is looked at, its branches are what was seen there, and
//! a leaf has the engine's answer, which is then read for the request at hand like a fresh one. What a call looks at
//! next follows from what it saw before, so all answers of a function share one tree.
//!
//! Not remembered are calls that were cut off, and calls that looked at something that is another each time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::viewer::{Look, ViewerEvent};
use crate::limits::{
    VIEWER_MEMO_HITS_PER_TRIAL_MIN, VIEWER_MEMO_PAUSE_CALLS, VIEWER_MEMO_TRIAL_CALLS,
};

/// What a node takes besides what was seen and the answer, bytes: a table that has just grown has room for twice as many.
const NODE_BYTES: usize = 2 * size_of::<(Box<[u8]>, Node)>() + 32;

/// The answer of a call.
#[derive(Debug)]
pub(super) struct Kept {
    /// As the engine wrote it.
    pub(super) answer: Box<[u8]>,
    /// What the call logged.
    pub(super) logs: Vec<String>,
}

enum Node {
    Ask { look: Look, branches: Branches },
    Answer(Arc<Kept>),
}

/// By what was seen. Most nodes have one branch: a table for each would be most of the memory.
enum Branches {
    One(Box<[u8]>, Box<Node>),
    Many(HashMap<Box<[u8]>, Node>),
}

/// What a call looked at, and what it saw there, in its order.
type Path = Vec<(Look, Box<[u8]>)>;

/// The trees of one generation: for requests and for responses.
#[derive(Default)]
struct Generation {
    trees: [Option<Node>; 2],
    bytes: usize,
}

/// Two generations: when the young one is full it becomes the old one. What is asked for of the old one's answers moves
/// to the young one; the others go when that is full.
#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

/// The remembered answers of one version of a function.
pub(super) struct Memo {
    generations: RwLock<Generations>,
    bytes_max: usize,
    trial: Trial,
}

impl Memo {
    /// Remembers nothing yet, and at most `bytes_max`.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { generations: RwLock::default(), bytes_max, trial: Trial::default() }
    }

    /// Whether the answer to `event` is looked for, and remembered if it is not known. It is asked once for each call.
    pub(super) fn is_open(&self, event: &ViewerEvent<'_>) -> bool {
        event.is_small() && self.trial.is_open()
    }

    /// The answer to `event`, if it is known.
    pub(super) fn recall(&self, event: &ViewerEvent<'_>) -> Option<Arc<Kept>> {
        let mut seen = Vec::with_capacity(512);
        let mut path = Path::new();
        let (kept, is_old) = {
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            match generations.young.find(event, &mut seen, |_, _| ()) {
                Some(kept) => (kept, false),
                None => {
                    let note = |look: &Look, seen: &[u8]| path.push((look.clone(), seen.into()));
                    (generations.old.find(event, &mut seen, note)?, true)
                }
            }
        };
        self.trial.note_hit();
        if is_old {
            self.keep(event, path, Arc::clone(&kept));
        }
        Some(kept)
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
        let Some(path) = path.collect::<Option<Path>>() else { return };
        self.keep(event, path, Arc::new(kept));
    }

    fn keep(&self, event: &ViewerEvent<'_>, path: Path, kept: Arc<Kept>) {
        let bytes_max =
            leaf_bytes(&kept) + path.iter().map(|(_, seen)| node_bytes(seen)).sum::<usize>();
        if bytes_max > self.bytes_max / 8 {
            return;
        }
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.bytes + bytes_max > self.bytes_max / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        let young = &mut generations.young;
        young.bytes += grow(&mut young.trees[usize::from(event.is_response())], path, kept);
    }

    /// Memory it holds, bytes.
    pub(super) fn bytes(&self) -> usize {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.young.bytes + generations.old.bytes
    }
}

impl Generation {
    /// The answer to `event`; `step` is told of each look on the way.
    fn find(
        &self,
        event: &ViewerEvent<'_>,
        seen: &mut Vec<u8>,
        mut step: impl FnMut(&Look, &[u8]),
    ) -> Option<Arc<Kept>> {
        let mut node = self.trees[usize::from(event.is_response())].as_ref()?;
        loop {
            match node {
                Node::Answer(kept) => return Some(Arc::clone(kept)),
                Node::Ask { look, branches } => {
                    seen.clear();
                    event.write(look, seen)?;
                    step(look, seen);
                    node = branches.get(seen)?;
                }
            }
        }
    }
}

impl Branches {
    fn get(&self, seen: &[u8]) -> Option<&Node> {
        match self {
            Self::One(only, node) => (**only == *seen).then_some(node),
            Self::Many(nodes) => nodes.get(seen),
        }
    }

    fn get_mut(&mut self, seen: &[u8]) -> Option<&mut Node> {
        match self {
            Self::One(only, node) => (**only == *seen).then_some(node),
            Self::Many(nodes) => nodes.get_mut(seen),
        }
    }

    fn insert(&mut self, seen: Box<[u8]>, node: Node) {
        match self {
            Self::Many(nodes) => drop(nodes.insert(seen, node)),
            Self::One(..) => {
                let only = std::mem::replace(self, Self::Many(HashMap::new()));
                if let (Self::Many(nodes), Self::One(first, below)) = (self, only) {
                    nodes.extend([(first, *below), (seen, node)]);
                }
            }
        }
    }
}

/// Hangs an answer into a tree, and says how many bytes it grew. Where the tree says that a function which saw the same
/// looks at something else, the answer is not kept: one of the two was read wrong, and the older one is as good.
fn grow(place: &mut Option<Node>, path: Path, kept: Arc<Kept>) -> usize {
    let mut path = path.into_iter();
    let Some(mut node) = place.as_mut() else {
        let (tree, bytes) = chain(path, kept);
        *place = Some(tree);
        return bytes;
    };
    while let Node::Ask { look, branches } = node {
        let Some((_, seen)) = path.next().filter(|(next, _)| next == look) else { return 0 };
        if branches.get(&seen).is_none() {
            let (below, bytes) = chain(path, kept);
            let bytes = bytes + node_bytes(&seen);
            branches.insert(seen, below);
            return bytes;
        }
        // Looked up twice: the borrow of a branch that is returned here would last to the end of the loop.
        let Some(below) = branches.get_mut(&seen) else { return 0 };
        node = below;
    }
    0
}

/// A tree with one answer, and its bytes.
fn chain(
    path: impl DoubleEndedIterator<Item = (Look, Box<[u8]>)>,
    kept: Arc<Kept>,
) -> (Node, usize) {
    let leaf = (leaf_bytes(&kept), Node::Answer(kept));
    let (bytes, tree) = path.rev().fold(leaf, |(bytes, below), (look, seen)| {
        let bytes = bytes + node_bytes(&seen);
        (bytes, Node::Ask { look, branches: Branches::One(seen, Box::new(below)) })
    });
    (tree, bytes)
}

fn node_bytes(seen: &[u8]) -> usize {
    NODE_BYTES + seen.len()
}

fn leaf_bytes(kept: &Kept) -> usize {
    NODE_BYTES + kept.answer.len() + kept.logs.iter().map(String::len).sum::<usize>()
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
