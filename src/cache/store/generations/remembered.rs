//! What is remembered of invalidations: the last ones under each name.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::Stamp;
use crate::cache::invalidate::Mode;
use crate::cache::store::checksum;
use serde::{Deserialize, Serialize};

/// A name that invalidations know objects by, as a hash. A collision costs an object, which is a miss and never a
/// wrong answer.
pub(in crate::cache::store) type Place = u64;

pub(super) fn place(bytes: &[u8]) -> Place {
    checksum(bytes)
}

/// The generations of the last invalidations under one name; 0: none.
#[derive(Clone, Copy, Default)]
pub(super) struct Last {
    pub(super) hard: u64,
    pub(super) soft: u64,
}

impl Last {
    fn note(&mut self, generation: u64, mode: Mode) {
        match mode {
            Mode::Hard => self.hard = generation,
            Mode::Soft => self.soft = generation,
        }
    }

    pub(super) fn newest(self, other: Self) -> Self {
        Self { hard: self.hard.max(other.hard), soft: self.soft.max(other.soft) }
    }

    fn is_none(self) -> bool {
        self.hard == 0 && self.soft == 0
    }

    /// As notes under a name.
    fn notes(self, name: Name) -> impl Iterator<Item = Note> {
        [(self.hard, Mode::Hard), (self.soft, Mode::Soft)]
            .into_iter()
            .filter(|&(generation, _)| generation != 0)
            .map(move |(generation, mode)| Note { generation, mode, name: name.clone() })
    }

    /// What is left when everything up to `generation` is forgotten.
    fn after(self, generation: u64) -> Self {
        let keep = |last| if last > generation { last } else { 0 };
        Self { hard: keep(self.hard), soft: keep(self.soft) }
    }
}

#[derive(Default)]
struct Known {
    last: Last,
    /// Objects of this name that its last hard invalidation did not reach.
    objects: u32,
}

/// Independent locks of the places.
const SHARDS: usize = 16;

/// Bytes of a place, with the room that a hash table keeps free.
const PLACE_BYTES: usize = 64;

/// The places that have objects, or invalidations to remember.
#[derive(Default)]
pub(super) struct Places([Mutex<HashMap<Place, Known>>; SHARDS]);

impl Places {
    fn shard(&self, name: Place) -> MutexGuard<'_, HashMap<Place, Known>> {
        let index = usize::try_from(name % SHARDS as Place).unwrap_or_default();
        self.0[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, name: Place, stamp: Stamp) {
        let mut shard = self.shard(name);
        let known = shard.entry(name).or_default();
        if stamp.0 >= known.last.hard {
            known.objects += 1;
        }
    }

    pub(super) fn uncount(&self, name: Place, stamp: Stamp) {
        let mut shard = self.shard(name);
        let Some(known) = shard.get_mut(&name) else { return };
        if stamp.0 >= known.last.hard {
            known.objects = known.objects.saturating_sub(1);
        }
        if known.objects == 0 && known.last.is_none() {
            shard.remove(&name);
        }
    }

    /// How many objects of this name the last hard invalidation did not reach.
    pub(super) fn known_at(&self, name: Place) -> u64 {
        self.shard(name).get(&name).map_or(0, |known| known.objects.into())
    }

    fn last(&self, name: Place) -> Last {
        self.shard(name).get(&name).map(|known| known.last).unwrap_or_default()
    }

    /// Notes an invalidation. Returns the objects of this name, and the bytes that are remembered in addition.
    fn invalidate(&self, name: Place, generation: u64, mode: Mode) -> (u64, usize) {
        let mut shard = self.shard(name);
        let known = shard.entry(name).or_default();
        let bytes = if known.last.is_none() { PLACE_BYTES } else { 0 };
        known.last.note(generation, mode);
        let objects = u64::from(known.objects);
        if mode == Mode::Hard {
            known.objects = 0;
        }
        (objects, bytes)
    }

    /// Forgets what was invalidated up to `generation`. Returns the bytes that are still remembered.
    pub(super) fn forget(&self, generation: u64) -> usize {
        let mut bytes = 0;
        for shard in &self.0 {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, known| {
                known.last = known.last.after(generation);
                bytes += if known.last.is_none() { 0 } else { PLACE_BYTES };
                known.objects > 0 || !known.last.is_none()
            });
        }
        bytes
    }
}

/// Bytes of a prefix beside its text.
const PREFIX_BYTES: usize = 80;

/// Prefixes of locations: domain name, path, `?` and query, as text. A domain name has no `/`, so they cannot run into
/// each other.
#[derive(Default)]
struct Prefixes(BTreeMap<Box<[u8]>, Last>);

impl Prefixes {
    /// The last invalidations of all prefixes of a location.
    fn last(&self, location: &[u8]) -> Last {
        let mut last = Last::default();
        let mut bound = Bound::Included(location);
        // The greatest entry that is not greater than the location is its longest prefix, or what they share bounds
        // all shorter ones.
        while let Some((prefix, found)) =
            self.0.range::<[u8], _>((Bound::Unbounded, bound)).next_back()
        {
            let shared =
                prefix.iter().zip(location).take_while(|(one, other)| one == other).count();
            bound = if shared == prefix.len() {
                last = last.newest(*found);
                Bound::Excluded(&location[..shared])
            } else {
                Bound::Included(&location[..shared])
            };
        }
        last
    }
}

/// What an invalidation is noted under.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Name {
    Place(Place),
    Prefix(Box<[u8]>),
}

/// One invalidation under one name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::cache::store) struct Note {
    pub(super) generation: u64,
    pub(super) mode: Mode,
    pub(super) name: Name,
}

/// The last invalidations under every name.
#[derive(Default)]
pub(super) struct Remembered {
    pub(super) places: Arc<Places>,
    prefixes: RwLock<Prefixes>,
}

impl Remembered {
    /// Takes in one more. Returns the objects that were known under the name (`None` for a prefix, which is compared
    /// when objects are asked for), and the bytes that are remembered in addition.
    pub(super) fn note(&self, note: &Note) -> (Option<u64>, usize) {
        match &note.name {
            Name::Place(name) => {
                let (objects, bytes) = self.places.invalidate(*name, note.generation, note.mode);
                (Some(objects), bytes)
            }
            Name::Prefix(prefix) => {
                let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
                let last = prefixes.0.entry(prefix.clone()).or_default();
                let bytes = if last.is_none() { PREFIX_BYTES + prefix.len() } else { 0 };
                last.note(note.generation, note.mode);
                (None, bytes)
            }
        }
    }

    /// The last invalidations of these places, and of the prefixes of a location.
    pub(super) fn last(
        &self,
        places: impl Iterator<Item = Place>,
        location: impl FnOnce() -> Vec<u8>,
    ) -> Last {
        let last = places.fold(Last::default(), |last, name| last.newest(self.places.last(name)));
        let prefixes = self.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        if prefixes.0.is_empty() { last } else { last.newest(prefixes.last(&location())) }
    }

    /// Forgets what was invalidated up to `generation`. Returns the bytes that are still remembered.
    pub(super) fn forget(&self, generation: u64) -> usize {
        let mut bytes = self.places.forget(generation);
        let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
        prefixes.0.retain(|prefix, last| {
            *last = last.after(generation);
            bytes += if last.is_none() { 0 } else { PREFIX_BYTES + prefix.len() };
            !last.is_none()
        });
        bytes
    }

    /// All that is remembered.
    pub(super) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for shard in &self.places.0 {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let of_places =
                shard.iter().flat_map(|(name, known)| known.last.notes(Name::Place(*name)));
            notes.extend(of_places);
        }
        let prefixes = self.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        for (prefix, last) in &prefixes.0 {
            notes.extend(last.notes(Name::Prefix(prefix.clone())));
        }
        notes
    }
}
