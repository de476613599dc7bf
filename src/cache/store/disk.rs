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
//! | all of them together | [`files`] |
//! | the one thread that writes and makes room | [`writer`] |
//! | what was invalidated | [`super::generations`]'s journal |

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::Slot;
use super::generations::Stamp;
use super::object::{Body, Object};
use crate::limits::{
    CACHE_DISK_QUEUE_BYTES_MAX, CACHE_DISK_READS_CONCURRENCY_MAX, CACHE_DISK_WAIT_MAX,
};

mod files;
mod folder;
mod index;
mod record;
mod segment;
mod writer;

pub(super) use files::{Files, Read};
pub use folder::DiskError;

use record::LABEL_BYTES;
use writer::{Job, Task, Writer};

/// A turn at reading.
pub(super) type Turn = tokio::sync::OwnedMutexGuard<()>;

/// Where a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct At {
    segment: u32,
    /// From the beginning of the file, bytes.
    offset: u32,
}

impl At {
    /// As a number; segments are numbered from 1, so that it is never 0.
    pub(super) fn number(self) -> u64 {
        u64::from(self.segment) << 32 | u64::from(self.offset)
    }

    pub(super) fn from_number(number: u64) -> Option<Self> {
        let half = |bits| u32::try_from(bits & u64::from(u32::MAX)).ok();
        let at = Self { segment: half(number >> 32)?, offset: half(number)? };
        (number != 0).then_some(at)
    }
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
    /// Somebody waited for the writer as long as one may, and nothing was written since.
    is_stalled: AtomicBool,
    /// Reads that somebody waited for as long as one may, and that are not over.
    hanging_reads: AtomicU64,
}

/// The tier.
pub(super) struct Disk {
    files: Arc<Files>,
    tasks: mpsc::Sender<Task>,
    /// Bytes that may still be queued.
    room: Arc<Semaphore>,
    /// Requests for the same object take turns, so that one reads it for all.
    turns: [Arc<tokio::sync::Mutex<()>>; CACHE_DISK_READS_CONCURRENCY_MAX],
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
        let (tasks, queue) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&files), Box::new(is_in_memory), Box::new(sync));
        std::thread::Builder::new()
            .name("cache-disk".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(|error| DiskError::Io(files.folder.path.clone(), error))?;
        Ok(Self {
            files,
            tasks,
            room: Arc::new(Semaphore::new(CACHE_DISK_QUEUE_BYTES_MAX)),
            turns: std::array::from_fn(|_| Arc::default()),
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

    /// Whether there may be an object, and the disk answers.
    pub(super) fn knows(&self, slot: &Slot) -> bool {
        let hanging_reads = self.files.counters.hanging_reads.load(Ordering::Relaxed);
        hanging_reads == 0 && self.files.index.get(slot).is_some()
    }

    /// A turn at reading objects like this one; `None` if the disk does not answer.
    pub(super) async fn turn(&self, slot: &Slot) -> Option<Turn> {
        let turn = Arc::clone(&self.turns[usize::from(slot.primary[1]) % self.turns.len()]);
        tokio::time::timeout(CACHE_DISK_WAIT_MAX, turn.lock_owned()).await.ok()
    }

    /// Reads an object; `None` if there is none that can be used, or the disk does not answer. While it does not,
    /// nobody else asks it.
    pub(super) async fn read(&self, slot: Slot, turn: Turn) -> Option<Read> {
        let files = Arc::clone(&self.files);
        // Set by who comes first: the end of the read, or the end of the wait for it.
        let is_over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_over);
        let read = tokio::task::spawn_blocking(move || {
            let read = files.read(&slot);
            if ended.swap(true, Ordering::AcqRel) {
                files.counters.hanging_reads.fetch_sub(1, Ordering::Relaxed);
            }
            drop(turn);
            read
        });
        let Ok(read) = tokio::time::timeout(CACHE_DISK_WAIT_MAX, read).await else {
            tracing::warn!("the disk tier of the cache does not answer");
            let hanging_reads = &self.files.counters.hanging_reads;
            hanging_reads.fetch_add(1, Ordering::Relaxed);
            if is_over.swap(true, Ordering::AcqRel) {
                hanging_reads.fetch_sub(1, Ordering::Relaxed);
            }
            return None;
        };
        let read = read.ok()??;
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

    /// Drops every object, and writes none that was asked for before this stamp: an invalidation of then is not in the
    /// journal. Waits for the writer, as long as one may: it may be writing one.
    pub(super) fn distrust(&self, before: Stamp) {
        self.files.stamp_min.fetch_max(before.number(), Ordering::SeqCst);
        let (done, is_done) = mpsc::channel();
        if self.tasks.send(Task::Clear(done)).is_ok() {
            let _ = is_done.recv_timeout(CACHE_DISK_WAIT_MAX);
        }
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
        let bytes = (LABEL_BYTES + head.len() + body.len()) as u64;
        if bytes > self.files.segment_bytes / 2 {
            return false;
        }
        // Also for a new head alone: the body is held until it is written.
        let permits = bytes.min(CACHE_DISK_QUEUE_BYTES_MAX as u64);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(permits);
        let Some(Ok(room)) = self.wait(room).await else { return false };
        let (done, is_done) = oneshot::channel();
        let job = Job { slot, head, object: Arc::clone(object), done, _room: room };
        if self.tasks.send(Task::Write(job)).is_err() {
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
