//! The one thread that writes segments and makes room for them.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::index::Entry;
use super::record::Label;
use super::segment::Segment;
use super::{At, Files, read_object};
use crate::cache::store::object::{Body, Object};
use crate::cache::store::{Slot, checksum};
use crate::limits::{CACHE_DISK_KEPT_SHARE, CACHE_DISK_RETRY_AFTER, CACHE_DISK_SYNC_EVERY};

/// An object to be written.
pub(super) struct Job {
    pub(super) label: Label,
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
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        loop {
            match queue.recv_timeout(CACHE_DISK_SYNC_EVERY) {
                Ok(job) => {
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
        let body = match &job.object.body {
            Body::Whole(body) if job.label.body_at.is_none() => &body[..],
            _ => &[],
        };
        let outcome = self.make_room().and_then(|()| self.append(&job.label, &job.head, body));
        match outcome {
            Ok(at) => {
                let body = job.label.body_at.unwrap_or(at);
                let _ = job.object.on_disk.set(body);
                self.files.counters.writes.fetch_add(1, Ordering::Relaxed);
                if self.rests_until.take().is_some() {
                    self.files.counters.is_failing.store(false, Ordering::Relaxed);
                    tracing::info!("the disk tier of the cache is written again");
                }
            }
            Err(error) => self.rest(&error),
        }
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

    /// Appends a record and lets it be found.
    fn append(&mut self, label: &Label, head: &[u8], body: &[u8]) -> io::Result<At> {
        let mut bytes = Vec::with_capacity(super::LABEL_BYTES + head.len());
        bytes.extend_from_slice(&label.to_bytes());
        bytes.extend_from_slice(head);
        let segment = self.segment_for(label.record_bytes())?;
        let at = segment.append([&bytes, body], label.record_bytes())?;
        // Not when everything was dropped meanwhile.
        let segments = self.files.segments.read().unwrap_or_else(PoisonError::into_inner);
        if segments.contains_key(&at.segment) {
            self.files.index.note(at, label);
        }
        Ok(at)
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
            let mut segments = self.files.segments.write().unwrap_or_else(PoisonError::into_inner);
            let Some((_, oldest)) = segments.pop_first() else { break };
            drop(segments);
            self.evict(&oldest)?;
        }
        Ok(())
    }

    /// Removes a segment that cannot be found any more. What is in use of it is written again first, up to its share.
    fn evict(&mut self, oldest: &Segment) -> io::Result<()> {
        let mut kept_bytes_left = oldest.bytes() / CACHE_DISK_KEPT_SHARE;
        let mut outcome = Ok(());
        oldest.scan(|at, label| {
            let entry = self.files.index.get(&label.slot).filter(|entry| entry.body == at);
            let Some(entry) = entry else { return };
            let is_kept = outcome.is_ok()
                && label.record_bytes() <= kept_bytes_left
                && (entry.is_used || (self.is_in_memory)(&label.slot));
            if is_kept {
                kept_bytes_left -= label.record_bytes();
                outcome = self.keep(&label.slot, &entry, oldest);
            }
            if self.files.index.remove(&label.slot, at) {
                self.files.counters.evictions.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        oldest.remove()?;
        outcome
    }

    /// Writes an object again whose body is in a segment that is to be removed.
    fn keep(&mut self, slot: &Slot, entry: &Entry, oldest: &Segment) -> io::Result<()> {
        let other = self.files.segment(entry.head.segment);
        let head = if entry.head == entry.body { Some(oldest) } else { other.as_deref() };
        let Some(read) = head.and_then(|head| read_object(slot, entry, head, oldest).ok()) else {
            self.files.counters.damaged.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let label = Label { body_at: None, body_checksum: checksum(&read.body), ..read.label };
        self.append(&label, &read.head, &read.body).map(drop)
    }
}
