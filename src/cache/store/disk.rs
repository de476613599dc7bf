//! The disk tier: objects that survive the process, and more of them than memory holds.
//!
//! Every object that is stored whole is appended to a *segment*, a file that is written once from beginning to end. The
//! index of where things are is in memory and is read from the segments at start. Room is made by removing the oldest
//! segment whole; of its objects, those in use are written again. So the disk sees long writes only, and nothing needs
//! repair after a crash: a record that is not whole is not found, and what a record says of itself is checked with
//! every read.
//!
//! An answer's end waits for its write, so who has the whole answer finds it after a crash of the process; a power cut
//! takes what the system had not brought to the disk yet. A disk that fails, or is full, is left alone for a while:
//! the cache is then in memory only.
//!
//! | what | file |
//! |---|---|
//! | the folder, its lock, its format | [`folder`] |
//! | a record's bytes | [`record`] |
//! | a file of records | [`segment`] |
//! | where an object is | [`index`] |
//! | the one thread that writes and makes room | [`writer`] |
//! | what was invalidated | [`super::generations`]'s journal |

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Semaphore, oneshot};

use super::object::{Body, Object};
use super::{Slot, checksum};
use crate::limits::{
    CACHE_DISK_INDEX_ENTRY_BYTES, CACHE_DISK_INDEX_SHARE, CACHE_DISK_QUEUE_BYTES_MAX,
    CACHE_DISK_READS_CONCURRENCY_MAX, CACHE_DISK_SEGMENT_BYTES, CACHE_DISK_SEGMENT_SHARE,
    CACHE_DISK_WAIT_MAX,
};

mod folder;
mod index;
mod record;
mod segment;
mod writer;

pub use folder::DiskError;

use folder::Folder;
use index::{Entry, Index};
use record::{LABEL_BYTES, Label};
use segment::Segment;
use writer::{Job, Writer};

/// Where a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct At {
    segment: u32,
    /// From the beginning of the file, bytes.
    offset: u32,
}

/// Where a disk tier is and how much of the disk it may take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskSettings {
    /// The folder; made if it is not there.
    pub directory: PathBuf,
    /// Bytes for segments.
    pub bytes_max: u64,
}

/// What a disk tier holds and did, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskStats {
    /// Objects that can be found.
    pub objects: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Objects read, since the start.
    pub hits: u64,
    /// Objects written, since the start.
    pub writes: u64,
    /// Objects that were to be written and were not, since the start.
    pub refused: u64,
    /// Objects whose room was needed, since the start.
    pub evictions: u64,
    /// Objects that could not be read or were not what had been written, since the start.
    pub damaged: u64,
    /// Whether it is left alone after a failure.
    pub is_failing: bool,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    writes: AtomicU64,
    refused: AtomicU64,
    evictions: AtomicU64,
    damaged: AtomicU64,
    is_failing: AtomicBool,
    /// Somebody waited as long as one may, and nothing was written since.
    is_stalled: AtomicBool,
}

/// The tier.
pub(super) struct Disk {
    files: Arc<Files>,
    jobs: mpsc::Sender<Job>,
    /// Bytes that may still be queued.
    room: Arc<Semaphore>,
    /// Requests for the same object take turns, so that one reads it for all.
    turns: [tokio::sync::Mutex<()>; CACHE_DISK_READS_CONCURRENCY_MAX],
}

/// What readers and the writer share.
pub(super) struct Files {
    folder: Folder,
    segments: RwLock<BTreeMap<u32, Arc<Segment>>>,
    index: Index,
    counters: Counters,
    bytes_max: u64,
    segment_bytes: u64,
    entries_max: u64,
}

/// An object as it was read.
pub(super) struct Read {
    label: Label,
    pub(super) head: Vec<u8>,
    pub(super) body: Bytes,
    /// Where the body is.
    pub(super) body_at: At,
}

/// What was found in a folder.
pub(super) struct Found {
    pub(super) files: Arc<Files>,
    /// The newest stamp of a record.
    pub(super) newest: u64,
}

impl Files {
    /// Takes the folder and finds what is in it. `seed` is for a new cache; bodies go up to `object_bytes_max`.
    pub(super) fn open(
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
            folder,
        };
        let newest = files.find().map_err(failed)?;
        Ok(Found { files: Arc::new(files), newest })
    }

    /// Reads the labels of all records. Returns the newest stamp.
    fn find(&mut self) -> io::Result<u64> {
        let mut newest = 0;
        let mut segments = BTreeMap::new();
        for number in self.folder.segments()? {
            let segment = Segment::open(&self.folder.path, number)?;
            let mut records = 0_u64;
            let end = segment.scan(|at, label| {
                records += 1;
                newest = newest.max(label.stamp);
                self.index.note(at, label);
            })?;
            let lost = segment.bytes() - end;
            if lost > 0 {
                tracing::warn!(
                    segment = number,
                    bytes = lost,
                    "the end of a segment is not whole; it is dropped"
                );
                segment.cut(end);
            }
            if records == 0 {
                segment.remove()?;
            } else {
                segments.insert(number, Arc::new(segment));
            }
        }
        self.segments = RwLock::new(segments);
        Ok(newest)
    }

    pub(super) fn seed(&self) -> u64 {
        self.folder.seed
    }

    pub(super) fn has_objects(&self) -> bool {
        self.index.entries() > 0
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.folder.journal()
    }

    fn segment(&self, number: u32) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.get(&number).cloned()
    }

    fn newest(&self) -> Option<Arc<Segment>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.last_key_value().map(|(_, segment)| Arc::clone(segment))
    }

    fn bytes(&self) -> u64 {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.values().map(|segment| segment.bytes()).sum()
    }

    /// Drops every object, so that none comes back after a start.
    pub(super) fn clear(&self) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        self.index.clear();
        for segment in std::mem::take(&mut *segments).into_values() {
            if let Err(error) = segment.remove() {
                tracing::error!(%error, segment = segment.number, "a segment of the cache cannot be removed");
            }
        }
    }

    /// Reads an object; `None` if there is none. One that is damaged is dropped.
    fn read(&self, slot: &Slot) -> Option<Read> {
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

fn read_object(slot: &Slot, entry: &Entry, head: &Segment, body: &Segment) -> io::Result<Read> {
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

impl Disk {
    /// Starts the writer. `is_in_memory` says whether memory has an object too; `sync` brings the journal to the disk.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(
        files: Arc<Files>,
        is_in_memory: impl Fn(&Slot) -> bool + Send + 'static,
        sync: impl Fn() + Send + 'static,
    ) -> Result<Self, DiskError> {
        let (jobs, queue) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&files), Box::new(is_in_memory), Box::new(sync));
        std::thread::Builder::new()
            .name("cache-disk".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(|error| DiskError::Io(files.folder.path.clone(), error))?;
        Ok(Self {
            files,
            jobs,
            room: Arc::new(Semaphore::new(CACHE_DISK_QUEUE_BYTES_MAX)),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        })
    }

    pub(super) fn stats(&self) -> DiskStats {
        let counters = &self.files.counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DiskStats {
            objects: self.files.index.entries(),
            bytes: self.files.bytes(),
            hits: count(&counters.hits),
            writes: count(&counters.writes),
            refused: count(&counters.refused),
            evictions: count(&counters.evictions),
            damaged: count(&counters.damaged),
            is_failing: counters.is_failing.load(Ordering::Relaxed),
        }
    }

    /// Whether there may be an object.
    pub(super) fn knows(&self, slot: &Slot) -> bool {
        self.files.index.get(slot).is_some()
    }

    /// A turn at reading objects like this one.
    pub(super) async fn turn(&self, slot: &Slot) -> tokio::sync::MutexGuard<'_, ()> {
        self.turns[usize::from(slot.primary[1]) % self.turns.len()].lock().await
    }

    /// Reads an object; `None` if there is none that can be used.
    pub(super) async fn read(&self, slot: Slot) -> Option<Read> {
        let files = Arc::clone(&self.files);
        let read = tokio::task::spawn_blocking(move || files.read(&slot)).await.ok()??;
        self.files.counters.hits.fetch_add(1, Ordering::Relaxed);
        Some(read)
    }

    /// Drops an object that was read.
    pub(super) fn remove(&self, slot: &Slot, body_at: At) {
        self.files.index.remove(slot, body_at);
    }

    /// Drops an object if there is one.
    pub(super) fn purge(&self, slot: &Slot) -> bool {
        self.files.index.get(slot).is_some_and(|entry| self.files.index.remove(slot, entry.body))
    }

    /// Drops every object.
    pub(super) fn clear(&self) {
        self.files.clear();
    }

    /// Writes an object that is whole, or its new head if the disk has the body. Returns when it is written, or when it
    /// took too long.
    pub(super) async fn write(&self, slot: Slot, object: &Arc<Object>) {
        if !self.try_write(slot, object).await {
            self.files.counters.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn try_write(&self, slot: Slot, object: &Arc<Object>) -> bool {
        let Body::Whole(body) = &object.body else { return true };
        let Some(head) = object.head.to_bytes() else { return false };
        let (Ok(head_bytes), Ok(body_bytes)) =
            (u32::try_from(head.len()), u32::try_from(body.len()))
        else {
            return false;
        };
        let on_disk = object.on_disk.get().copied();
        let body_at =
            on_disk.filter(|at| self.files.index.get(&slot).is_some_and(|entry| entry.body == *at));
        let label = Label {
            slot,
            stamp: object.head.mark.stamp().number(),
            head_bytes,
            head_checksum: checksum(&head),
            body_bytes,
            body_checksum: if body_at.is_none() { checksum(body) } else { 0 },
            body_at,
        };
        if label.record_bytes() > self.files.segment_bytes / 2 {
            return false;
        }
        self.enqueue(label, head, Arc::clone(object)).await
    }

    async fn enqueue(&self, label: Label, head: Vec<u8>, object: Arc<Object>) -> bool {
        let bytes = label.record_bytes().min(CACHE_DISK_QUEUE_BYTES_MAX as u64);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(permits);
        let Some(Ok(room)) = self.wait(room).await else { return false };
        let (done, is_done) = oneshot::channel();
        let job = Job { label, head, object, done, _room: room };
        if self.jobs.send(job).is_err() {
            return false;
        }
        // A write that takes longer is finished all the same.
        let _ = self.wait(is_done).await;
        true
    }

    /// Waits for the writer, as long as one may. While it hangs, nobody else waits.
    async fn wait<T>(&self, event: impl Future<Output = T>) -> Option<T> {
        let is_stalled = &self.files.counters.is_stalled;
        let wait =
            if is_stalled.load(Ordering::Relaxed) { Duration::ZERO } else { CACHE_DISK_WAIT_MAX };
        let outcome = tokio::time::timeout(wait, event).await.ok();
        if outcome.is_none() {
            is_stalled.store(true, Ordering::Relaxed);
        }
        outcome
    }
}
