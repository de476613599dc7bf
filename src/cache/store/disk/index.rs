//! Where the objects are on the disk.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::At;
use super::record::Label;
use crate::cache::store::Slot;

/// Where an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// The record with its head.
    pub(super) head: At,
    /// The record with its body: the same one, or an older one after a revalidation.
    pub(super) body: At,
    /// It was read since it was written.
    pub(super) is_used: bool,
}

/// Independent locks of the index.
const SHARDS: usize = 16;

#[derive(Default)]
pub(super) struct Index {
    shards: [Mutex<HashMap<Slot, Entry>>; SHARDS],
    entries: AtomicU64,
}

impl Index {
    fn shard(&self, slot: &Slot) -> MutexGuard<'_, HashMap<Slot, Entry>> {
        // The hash is even in every byte.
        let index = usize::from(slot.primary[0]) % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    pub(super) fn get(&self, slot: &Slot) -> Option<Entry> {
        self.shard(slot).get(slot).copied()
    }

    /// Notes a record that was written: an object, or the newer head of one whose body is where the record says.
    pub(super) fn note(&self, at: At, label: &Label) {
        let mut shard = self.shard(&label.slot);
        match label.body_at {
            None => {
                let entry = Entry { head: at, body: at, is_used: false };
                if shard.insert(label.slot, entry).is_none() {
                    self.entries.fetch_add(1, Ordering::Relaxed);
                }
            }
            Some(body) => {
                if let Some(entry) = shard.get_mut(&label.slot)
                    && entry.body == body
                {
                    entry.head = at;
                }
            }
        }
    }

    pub(super) fn mark_used(&self, slot: &Slot) {
        if let Some(entry) = self.shard(slot).get_mut(slot) {
            entry.is_used = true;
        }
    }

    /// Removes the object if its body is in this record. Returns whether it was.
    pub(super) fn remove(&self, slot: &Slot, body: At) -> bool {
        let mut shard = self.shard(slot);
        let found = shard.get(slot).is_some_and(|entry| entry.body == body);
        if found {
            shard.remove(slot);
            self.entries.fetch_sub(1, Ordering::Relaxed);
        }
        found
    }

    /// Removes all objects whose body is in this segment. Looks at every entry.
    pub(super) fn remove_all_in(&self, segment: u32) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|_, entry| entry.body.segment != segment);
            self.entries.fetch_sub((before - shard.len()) as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            self.entries.fetch_sub(shard.len() as u64, Ordering::Relaxed);
            shard.clear();
        }
    }
}
