//! Invalidation that needs no index and cannot be outrun.
//!
//! Finding every variant of a path, and every answer for it that is still on its way, would need an
//! index that is kept up to date on each store and eviction. Instead time is counted in
//! generations. A request takes a [`Stamp`] before it asks the origin; an invalidation starts a new
//! generation and notes it at the *places* it concerns; an object is valid while its stamp is not
//! older than what its places say. So an answer that was asked for before the invalidation is never
//! served after it, however late it is stored.
//!
//! Places are slots of a fixed table, found by hash. Two locations may share one; then an
//! invalidation of the one also costs the other its object, which is a miss and never a wrong
//! answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use twox_hash::XxHash3_128;

use crate::cache::invalidate::Item;
use crate::cache::key;
use crate::limits::CACHE_WILDCARDS_REMEMBERED;

/// Slots of the table: 128 KB, and one unrelated object in 16,384 goes with an invalidation.
const PLACES: usize = 1 << 14;

/// The generation in which a request began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp(u64);

/// What an object carries to be compared with the generations.
#[derive(Debug)]
pub(super) struct Mark {
    stamp: Stamp,
    /// The slot of its location, and that of its primary hash.
    places: [usize; 2],
    /// The newest wildcard invalidation that is known not to concern it.
    wildcards_passed: AtomicU64,
}

impl Mark {
    pub(super) fn new(stamp: Stamp, primary_key: &[u8], primary: &[u8; 16]) -> Self {
        let location = key::location(primary_key).map_or(primary_key, |location| location.bytes);
        Self {
            stamp,
            places: [place(location), place(primary)],
            wildcards_passed: AtomicU64::new(stamp.0),
        }
    }

    /// The mark for a new head of the same stored body: what was said about the old one holds for
    /// it.
    pub(super) fn inherit(&self) -> Self {
        Self {
            stamp: self.stamp,
            places: self.places,
            wildcards_passed: AtomicU64::new(self.wildcards_passed.load(Ordering::Acquire)),
        }
    }
}

fn place(bytes: &[u8]) -> usize {
    // The low bits of a 128-bit hash; PLACES is a power of two.
    (XxHash3_128::oneshot(bytes) as usize) & (PLACES - 1)
}

struct Wildcard {
    generation: u64,
    domain_name: Box<[u8]>,
    item: Item,
}

/// The generations of one store.
pub(super) struct Generations {
    now: AtomicU64,
    /// For each slot the generation of its last invalidation.
    places: Box<[AtomicU64]>,
    /// The newest wildcard invalidation, so that a hit usually compares one number.
    wildcard_newest: AtomicU64,
    wildcards: Mutex<Wildcards>,
}

#[derive(Default)]
struct Wildcards {
    recent: VecDeque<Wildcard>,
    /// The newest wildcard that was dropped from `recent`.
    forgotten: u64,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self {
            now: AtomicU64::new(1),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            wildcard_newest: AtomicU64::new(0),
            wildcards: Mutex::default(),
        }
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp(self.now.load(Ordering::Acquire))
    }

    /// Invalidates what lies at a location, or has a primary hash.
    pub(super) fn invalidate(&self, bytes: &[u8]) {
        let generation = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        if let Some(slot) = self.places.get(place(bytes)) {
            slot.fetch_max(generation, Ordering::AcqRel);
        }
    }

    /// Invalidates what an item matches. The caller then sweeps the store, so that what stays has
    /// passed the item.
    pub(super) fn invalidate_matching(&self, domain_name: &str, item: Item) {
        let mut wildcards = self.wildcards.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        let domain_name = domain_name.as_bytes().into();
        wildcards.recent.push_back(Wildcard { generation, domain_name, item });
        if wildcards.recent.len() > CACHE_WILDCARDS_REMEMBERED
            && let Some(oldest) = wildcards.recent.pop_front()
        {
            wildcards.forgotten = oldest.generation;
        }
        self.wildcard_newest.store(generation, Ordering::Release);
    }

    /// Whether an object may still be served.
    pub(super) fn is_valid(&self, mark: &Mark, primary_key: &[u8]) -> bool {
        let place_allows = |&index: &usize| {
            let newest = self.places.get(index).map_or(0, |slot| slot.load(Ordering::Acquire));
            mark.stamp.0 >= newest
        };
        mark.places.iter().all(place_allows) && self.passes_wildcards(mark, primary_key)
    }

    fn passes_wildcards(&self, mark: &Mark, primary_key: &[u8]) -> bool {
        let newest = self.wildcard_newest.load(Ordering::Acquire);
        let passed = mark.wildcards_passed.load(Ordering::Acquire);
        if passed >= newest {
            return true;
        }
        let wildcards = self.wildcards.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(location) = key::location(primary_key) else { return false };
        let concerned = wildcards.forgotten > passed
            || wildcards.recent.iter().any(|wildcard| {
                wildcard.generation > passed
                    && *wildcard.domain_name == *location.domain_name
                    && wildcard.item.matches(&location)
            });
        if !concerned {
            mark.wildcards_passed.fetch_max(newest, Ordering::AcqRel);
        }
        !concerned
    }
}
