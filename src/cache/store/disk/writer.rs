//! The one thread that writes segments and makes room for them.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::At;
use super::files::{Files, read_object};
use super::index::Entry;
use super::record::{LABEL_BYTES, Label};
use super::segment::Segment;
use crate::cache::store::object::{Body, Object};
use crate::cache::store::{Slot, checksum};
use crate::limits::{CACHE_DISK_KEPT_SHARE, CACHE_DISK_RETRY_AFTER, CACHE_DISK_SYNC_EVERY};

/// What the writer is told to do.
pub(super) enum Task {
    Write(Job),
    /// Drop every object, and say so.
    Clear(Sender<()>),
}

/// An object to be written.
pub(super) struct Job {
    pub(super) slot: Slot,
    pub(super) head: Vec<u8>,
    pub(super) object: Arc<Object>,
    pub(super) done: oneshot::Sender<()>,
    /// Its bytes in the queue.
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    files: Arc<Files>,
    /// The segment that is being written.
    open: Option<Arc<Segment>>,
    /// Never one that was used before: objects remember where they were.
    next_number: u32,
    /// Until when nothing is written, after a failure.
    rests_until: Option<Instant>,
    synced: Instant,
    is_in_memory: Box<dyn Fn(&Slot) -> bool + Send>,
    sync_journal: Box<dyn Fn() + Send>,
}

impl Writer {
    pub(super) fn new(
        files: Arc<Files>,
        is_in_memory: Box<dyn Fn(&Slot) -> bool + Send>,
        sync_journal: Box<dyn Fn() + Send>,
    ) -> Self {
        let synced = Instant::now();
        let open = files.newest();
        Self {
            files,
            next_number: open.as_ref().map_or(1, |open| open.number.saturating_add(1)),
            open,
            rests_until: None,
            synced,
            is_in_memory,
            sync_journal,
        }
    }

    /// Writes until the store is gone.
    pub(super) fn run(mut self, queue: &Receiver<Task>) {
        loop {
            match queue.recv_timeout(CACHE_DISK_SYNC_EVERY) {
                Ok(Task::Clear(done)) => {
                    self.files.clear();
                    let _ = done.send(());
                }
                Ok(Task::Write(job)) => {
                    self.write(&job);
                    self.files.counters.is_stalled.store(false, Ordering::Relaxed);
                    // Nobody waits any more if it took long.
                    let _ = job.done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.synced.elapsed() >= CACHE_DISK_SYNC_EVERY {
                (self.sync_journal)();
                self.synced = Instant::now();
            }
        }
    }

    fn write(&mut self, job: &Job) {
        let counters = &self.files.counters;
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let outcome = self
            .check_after_rest()
            .and_then(|()| self.make_room())
            .and_then(|()| self.write_object(job));
        match outcome {
            Ok(()) => {
                self.files.counters.writes.fetch_add(1, Ordering::Relaxed);
                if self.rests_until.take().is_some() {
                    self.files.counters.is_failing.store(false, Ordering::Relaxed);
                    tracing::info!("the disk tier of the cache is written again");
                }
            }
            Err(error) => self.rest(&error),
        }
    }

    /// After a failure, the folder may be gone with what is open of it: what is written there would be lost.
    fn check_after_rest(&self) -> io::Result<()> {
        if self.rests_until.is_none() || self.files.folder.is_there() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "the folder was removed; start the edge again"))
    }

    /// Writes an object, or its new head alone when its body is on the disk.
    fn write_object(&mut self, job: &Job) -> io::Result<()> {
        let Body::Whole(body) = &job.object.body else { return Ok(()) };
        let entry = self.files.index.get(&job.slot);
        let body_at =
            job.object.on_disk().filter(|at| entry.is_some_and(|entry| entry.body == *at));
        let length = |bytes: usize| u32::try_from(bytes).map_err(io::Error::other);
        let label = Label {
            slot: job.slot,
            stamp: job.object.head.mark.stamp().number(),
            head_bytes: length(job.head.len())?,
            head_checksum: checksum(&job.head),
            body_bytes: length(body.len())?,
            body_checksum: if body_at.is_none() { checksum(body) } else { 0 },
            body_at,
        };
        let body = if body_at.is_none() { &body[..] } else { &[] };
        if let Some(at) = self.append(&label, &job.head, body)? {
            job.object.set_on_disk(body_at.unwrap_or(at));
        }
        Ok(())
    }

    /// Leaves the disk alone for a while. Said once, until it works again.
    fn rest(&mut self, error: &io::Error) {
        let counters = &self.files.counters;
        counters.refused.fetch_add(1, Ordering::Relaxed);
        if self.rests_until.is_none() {
            let folder = self.files.folder.path.display();
            tracing::warn!(%folder, %error, "the disk tier of the cache cannot be written; the cache is in memory only until it can");
        }
        counters.is_failing.store(true, Ordering::Relaxed);
        self.rests_until = Some(Instant::now() + CACHE_DISK_RETRY_AFTER);
    }

    /// Appends a record and lets it be found, unless it is not to be trusted.
    fn append(&mut self, label: &Label, head: &[u8], body: &[u8]) -> io::Result<Option<At>> {
        if label.stamp < self.files.stamp_min.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(LABEL_BYTES + head.len());
        bytes.extend_from_slice(&label.to_bytes());
        bytes.extend_from_slice(head);
        let segment = self.segment_for(label.record_bytes())?;
        let at = segment.append([&bytes, body], label.record_bytes())?;
        self.files.index.note(at, label);
        Ok(Some(at))
    }

    /// The segment that has room for a record.
    fn segment_for(&mut self, record_bytes: u64) -> io::Result<Arc<Segment>> {
        if let Some(open) = self.open.take() {
            let has_room = open.bytes() + record_bytes <= self.files.segment_bytes;
            let is_there = self.files.segment(open.number).is_some();
            if has_room && is_there && !open.is_sealed() {
                self.open = Some(Arc::clone(&open));
                return Ok(open);
            }
            open.sync()?;
        }
        let number = self.next_number;
        self.next_number = number
            .checked_add(1)
            .ok_or_else(|| io::Error::other("no number is left for a segment"))?;
        let segment = Arc::new(Segment::create(&self.files.folder.path, number)?);
        let mut segments = self.files.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.insert(number, Arc::clone(&segment));
        drop(segments);
        self.open = Some(Arc::clone(&segment));
        Ok(segment)
    }

    /// Evicts the oldest segments until there is room for another one.
    fn make_room(&mut self) -> io::Result<()> {
        while self.files.bytes() + self.files.segment_bytes > self.files.bytes_max
            || self.files.index.entries() >= self.files.entries_max
        {
            let Some(oldest) = self.files.oldest() else { break };
            self.open = self.open.take().filter(|open| open.number != oldest.number);
            self.evict(&oldest)?;
        }
        Ok(())
    }

    /// Removes a segment. What is in use of it is written again first, up to its share, and found until then.
    fn evict(&mut self, oldest: &Arc<Segment>) -> io::Result<()> {
        let before = self.files.index.entries();
        let mut kept_bytes_left = oldest.bytes() / CACHE_DISK_KEPT_SHARE;
        let mut outcome = Ok(());
        let scanned = oldest.scan(|at, label| {
            let entry = self.files.index.get(&label.slot).filter(|entry| entry.body == at);
            let Some(entry) = entry else { return };
            let is_kept = outcome.is_ok()
                && label.record_bytes() <= kept_bytes_left
                && (entry.is_used || (self.is_in_memory)(&label.slot));
            if is_kept {
                kept_bytes_left -= label.record_bytes();
                outcome = self.keep(&label.slot, &entry, oldest);
            }
            self.files.index.remove(&label.slot, at);
        });
        if !matches!(scanned, Ok(end) if end == oldest.bytes()) {
            self.files.index.remove_all_in(oldest.number);
        }
        let gone = before.saturating_sub(self.files.index.entries());
        self.files.counters.evictions.fetch_add(gone, Ordering::Relaxed);
        self.files.forget(oldest.number);
        oldest.remove()?;
        outcome
    }

    /// Writes an object again whose body is in a segment that is to be removed.
    fn keep(&mut self, slot: &Slot, entry: &Entry, oldest: &Segment) -> io::Result<()> {
        let other = self.files.segment(entry.head.segment);
        let Some(read) = other.and_then(|head| read_object(slot, entry, &head, oldest).ok()) else {
            self.files.counters.damaged.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let label = Label { body_at: None, body_checksum: checksum(&read.body), ..read.label };
        self.append(&label, &read.head, &read.body).map(drop)
    }
}
