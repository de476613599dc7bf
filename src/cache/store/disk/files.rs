//! The files of the tier and the index of what is in them: what readers and the writer share.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};

use super::folder::Folder;
use super::index::{Entry, Index};
use super::record::{LABEL_BYTES, Label};
use super::segment::Segment;
use super::{At, Counters, DiskError, DiskSettings};
use crate::cache::store::{Slot, checksum};
use crate::limits::{
    CACHE_DISK_INDEX_ENTRY_BYTES, CACHE_DISK_INDEX_SHARE, CACHE_DISK_SEGMENT_BYTES,
    CACHE_DISK_SEGMENT_SHARE,
};

/// The files.
pub(in crate::cache::store) struct Files {
    pub(super) folder: Folder,
    pub(super) segments: RwLock<BTreeMap<u32, Arc<Segment>>>,
    pub(super) index: Index,
    pub(super) counters: Counters,
    pub(super) bytes_max: u64,
    pub(super) segment_bytes: u64,
    pub(super) entries_max: u64,
    /// Objects that were asked for before this generation are not written: an invalidation of then is not noted in the
    /// journal, so that they would come back.
    pub(super) stamp_min: AtomicU64,
}

/// An object as it was read.
pub(in crate::cache::store) struct Read {
    pub(super) label: Label,
    pub(in crate::cache::store) head: Vec<u8>,
    pub(in crate::cache::store) body: Bytes,
    /// Where the body is.
    pub(in crate::cache::store) body_at: At,
}

/// What was found in a folder.
pub(in crate::cache::store) struct Found {
    pub(in crate::cache::store) files: Arc<Files>,
    /// The newest stamp of a record.
    pub(in crate::cache::store) newest: u64,
}

impl Files {
    /// Takes the folder and finds what is in it. `seed` is for a new cache; bodies go up to `object_bytes_max`.
    pub(in crate::cache::store) fn open(
        settings: &DiskSettings,
        memory_bytes: u64,
        object_bytes_max: u64,
        seed: u64,
    ) -> Result<Found, DiskError> {
        let folder = Folder::open(&settings.directory, seed)?;
        let failed = |error| DiskError::Io(settings.directory.clone(), error);
        let (least, most) = CACHE_DISK_SEGMENT_BYTES;
        // An object with its head takes at most half of a segment, which eviction may keep.
        let segment_bytes = (settings.bytes_max / CACHE_DISK_SEGMENT_SHARE)
            .clamp(least, most)
            .max(object_bytes_max.saturating_mul(2))
            .min(u64::from(u32::MAX));
        let mut files = Self {
            segments: RwLock::default(),
            index: Index::default(),
            counters: Counters::default(),
            bytes_max: settings.bytes_max,
            segment_bytes,
            entries_max: memory_bytes / CACHE_DISK_INDEX_SHARE / CACHE_DISK_INDEX_ENTRY_BYTES,
            stamp_min: AtomicU64::new(0),
            folder,
        };
        let newest = files.find().map_err(failed)?;
        Ok(Found { files: Arc::new(files), newest })
    }

    /// Reads the labels of all records. Returns the newest stamp.
    fn find(&mut self) -> io::Result<u64> {
        let mut newest = 0;
        let mut segments = BTreeMap::new();
        let numbers = self.folder.segments()?;
        for &number in &numbers {
            let segment = Segment::open(&self.folder.path, number)?;
            let mut records = 0_u64;
            let scanned = segment.scan(|at, label| {
                records += 1;
                newest = newest.max(label.stamp);
                self.index.note(at, label);
            });
            self.tell_of_loss(&segment, &scanned);
            if let (Ok(end), true) = (&scanned, Some(&number) == numbers.last()) {
                // It is written on.
                segment.cut(*end);
            }
            if records == 0 && scanned.is_ok() {
                segment.remove()?;
            } else {
                segments.insert(number, Arc::new(segment));
            }
        }
        self.segments = RwLock::new(segments);
        Ok(newest)
    }

    /// Says what cannot be found of a segment any more. The end of the newest one is what was being written.
    fn tell_of_loss(&self, segment: &Segment, scanned: &io::Result<u64>) {
        let number = segment.number;
        match scanned {
            Ok(end) if *end == segment.bytes() => {}
            Ok(end) => {
                let bytes = segment.bytes() - end;
                tracing::warn!(
                    segment = number,
                    bytes,
                    "the end of a segment is not whole; it is dropped"
                );
            }
            Err(error) => {
                self.counters.damaged.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(segment = number, %error, "a segment cannot be read to its end");
            }
        }
    }

    pub(in crate::cache::store) fn seed(&self) -> u64 {
        self.folder.seed
    }

    pub(in crate::cache::store) fn has_objects(&self) -> bool {
        self.index.entries() > 0
    }

    pub(in crate::cache::store) fn journal(&self) -> PathBuf {
        self.folder.journal()
    }

    pub(super) fn segment(&self, number: u32) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.get(&number).cloned()
    }

    /// The oldest segment.
    pub(super) fn oldest(&self) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.first_key_value().map(|(_, segment)| Arc::clone(segment))
    }

    /// Lets nobody find a segment any more.
    pub(super) fn forget(&self, number: u32) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.remove(&number);
    }

    pub(super) fn newest(&self) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.last_key_value().map(|(_, segment)| Arc::clone(segment))
    }

    pub(super) fn bytes(&self) -> u64 {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.values().map(|segment| segment.bytes()).sum()
    }

    /// Drops every object, so that none comes back after a start.
    pub(in crate::cache::store) fn clear(&self) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        self.index.clear();
        segments.retain(|number, segment| match segment.remove() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%error, segment = number, "a segment of the cache cannot be removed");
                true
            }
            _ => false,
        });
    }

    /// Reads an object; `None` if there is none. One that is damaged is dropped.
    pub(super) fn read(&self, slot: &Slot) -> Option<Read> {
        // A second time when the object moved meanwhile.
        for _ in 0..2 {
            let entry = self.index.get(slot)?;
            let (Some(head), Some(body)) =
                (self.segment(entry.head.segment), self.segment(entry.body.segment))
            else {
                continue;
            };
            match read_object(slot, &entry, &head, &body) {
                Ok(read) => {
                    self.index.mark_used(slot);
                    return Some(read);
                }
                Err(error) => {
                    self.damaged(slot, &entry, &error);
                    return None;
                }
            }
        }
        // Its segment is gone, and it was not written again.
        let entry = self.index.get(slot)?;
        if self.segment(entry.body.segment).is_none() {
            self.index.remove(slot, entry.body);
        }
        None
    }

    /// Drops an object that cannot be used.
    fn damaged(&self, slot: &Slot, entry: &Entry, error: &io::Error) {
        self.index.remove(slot, entry.body);
        self.counters.damaged.fetch_add(1, Ordering::Relaxed);
        let (segment, offset) = (entry.body.segment, entry.body.offset);
        tracing::warn!(%error, segment, offset, "an object on the disk is damaged; it is dropped");
    }
}

/// Reads the label of an object's record.
fn read_label(segment: &Segment, at: At, slot: &Slot) -> io::Result<Label> {
    let mut bytes = [0; LABEL_BYTES];
    segment.read(&mut bytes, at.offset.into())?;
    let label = Label::from_bytes(&bytes).ok_or_else(|| damage("its label is not one"))?;
    if label.slot == *slot { Ok(label) } else { Err(damage("its label is another object's")) }
}

pub(super) fn read_object(
    slot: &Slot,
    entry: &Entry,
    head: &Segment,
    body: &Segment,
) -> io::Result<Read> {
    let label = read_label(head, entry.head, slot)?;
    let of_body =
        if entry.head == entry.body { label } else { read_label(body, entry.body, slot)? };
    let after_label = |at: At| u64::from(at.offset) + LABEL_BYTES as u64;
    let length = |bytes: u32| usize::try_from(bytes).map_err(io::Error::other);
    let mut bytes = vec![0; length(label.head_bytes)?];
    head.read(&mut bytes, after_label(entry.head))?;
    if checksum(&bytes) != label.head_checksum {
        return Err(damage("its head is not what was written"));
    }
    let mut content = BytesMut::zeroed(length(of_body.body_bytes)?);
    body.read(&mut content, after_label(entry.body) + u64::from(of_body.head_bytes))?;
    if checksum(&content) != of_body.body_checksum || of_body.body_at.is_some() {
        return Err(damage("its body is not what was written"));
    }
    Ok(Read { label, head: bytes, body: content.freeze(), body_at: entry.body })
}

fn damage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
