//! How memory and the disk work together.
//!
//! What is stored whole goes to both; what memory does not have is looked for on the disk, and comes back to memory.

use std::sync::Arc;

use pingora::cache::CacheKey;
use quick_cache::sync::{EntryAction, EntryResult};

use super::disk::{Disk, DiskError, DiskSettings, Files};
use super::generations::{Generations, Journal, Noted, Stamp, Standing};
use super::object::{Body, Head, Object};
use super::{Slot, Store};

impl Store {
    /// Adds a disk tier, with what it holds. Before the store is used: keys are hashed as they were when that was written.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn with_disk(mut self, settings: &DiskSettings) -> Result<Self, DiskError> {
        let failed = |error| DiskError::Io(settings.directory.clone(), error);
        let memory_bytes = self.objects.capacity();
        let found = Files::open(settings, memory_bytes, self.object_bytes_max, self.seed)?;
        let files = found.files;
        let newest = Stamp::from_number(found.newest);
        let opened = Journal::open(&files.journal(), files.has_objects(), newest);
        let (journal, written) = opened.map_err(failed)?;
        if written.is_damaged {
            tracing::warn!(
                "nobody knows any more what was invalidated: the objects on the disk are dropped"
            );
            files.clear();
        }
        self.seed = files.seed();
        self.generations = Arc::new(Generations::restored(journal, &written, newest));
        let (objects, generations) = (Arc::clone(&self.objects), Arc::clone(&self.generations));
        let is_in_memory = move |slot: &Slot| objects.peek(slot).is_some();
        self.disk = Some(Disk::start(files, is_in_memory, move || generations.sync())?);
        Ok(self)
    }

    /// The object that the disk has for a key, if it may be served; it is in memory then.
    pub(super) async fn read_from_disk(
        &self,
        key: &CacheKey,
        slot: &Slot,
    ) -> Option<(Arc<Object>, Standing)> {
        let disk = self.disk.as_ref().filter(|disk| disk.knows(slot))?;
        let turn = disk.turn(slot).await?;
        if let Some(found) = self.stored(key, slot) {
            return Some(found);
        }
        let read = disk.read(*slot, turn).await?;
        let head = Head::from_bytes(&read.head, &slot.primary, &self.generations);
        let standing = head.as_ref().map_or(Standing::Gone, |head| self.standing(head));
        let (Ok(head), true) = (head, standing != Standing::Gone) else {
            disk.remove(slot, read.body_at);
            return None;
        };
        if head.key() != key.primary_key() {
            return None;
        }
        let object = Arc::new(Object::new(head, Body::Whole(read.body)));
        object.set_on_disk(read.body_at);
        match self.objects.entry(slot, None, |_, newer| EntryAction::Retain(Arc::clone(newer))) {
            EntryResult::Vacant(place) => drop(place.insert(Arc::clone(&object))),
            EntryResult::Retained(_) => return self.stored(key, slot),
            _ => {}
        }
        Some((object, standing))
    }

    /// Writes an object that was stored to the disk too.
    pub(super) async fn write_to_disk(&self, slot: Slot, object: &Arc<Object>) {
        if let Some(disk) = &self.disk {
            disk.write(slot, object).await;
        }
    }

    /// Once in some 200,000 invalidations every object in memory is looked at, so that they need not be remembered;
    /// those that are on the disk only are given up.
    pub(super) fn follow(&self, noted: &Noted) {
        let mut is_written = !noted.is_unwritten;
        if noted.is_full {
            let stamp = self.stamp();
            self.objects.retain(|_, object| self.standing(&object.head) != Standing::Gone);
            is_written &= self.generations.forget(stamp);
        }
        if let Some(disk) = &self.disk
            && !is_written
        {
            tracing::warn!(
                "an invalidation cannot be written to the disk; the objects there are dropped, so that none comes back"
            );
            disk.distrust(self.stamp());
        }
    }
}
