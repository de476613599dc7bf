//! Objects that are still arriving: readers that came for the same object read along with the one
//! who asked.
//!
//! A body is kept chunk by chunk until it is complete. One that turns out too large, or that would
//! take the arriving bodies together beyond their bound, is *passed*: it will not be stored, nobody
//! new may join, and its chunks are let go as soon as the readers it has have read them.
//!
//! The writer of a passed body must not wait for its reader: pingora drives the origin and the viewer
//! of one request in one task, and lets them take turns. So a reader takes all there is in one turn,
//! and while pingora writes that to a slow viewer, the origin waits. A reader that is too far behind
//! all the same (it joined, and its viewer is slower than the first one) loses the body, because its
//! memory has to end somewhere.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use pingora::{Error, ErrorType, Result};
use tokio::sync::watch;

use super::Slot;
use super::object::Head;
use crate::cache::range::{Part, Wanted};

/// How an arriving body stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// More may come.
    Open,
    /// All of it is there.
    Complete,
    /// It broke off.
    Failed,
}

/// One answer on its way into the store.
pub(super) struct Fill {
    pub(super) head: Arc<Head>,
    /// Which part of the body it is; `None` for a whole answer.
    pub(super) part: Option<Part>,
    slot: Slot,
    tag: [u8; 8],
    window: Mutex<Window>,
    /// Bumped on every change of `window`.
    changed: watch::Sender<()>,
    /// Bytes of all arriving bodies of the store.
    bytes_together: Arc<AtomicU64>,
    object_bytes_max: u64,
}

struct Window {
    /// The chunks from number `first` on.
    chunks: VecDeque<Bytes>,
    first: usize,
    /// Bytes in `chunks`, and bytes that ever arrived.
    bytes_held: u64,
    bytes_total: u64,
    end: End,
    passed: bool,
    /// The last chunk is for no reader yet: see [`Fill::write`].
    is_last_withheld: bool,
    /// For each reader its number and the chunk it wants next.
    readers: Vec<(u64, usize)>,
    readers_ever: u64,
}

impl Window {
    fn push(&mut self, chunk: Bytes) {
        self.bytes_held += chunk.len() as u64;
        self.bytes_total += chunk.len() as u64;
        self.chunks.push_back(chunk);
    }

    /// Lets go of what every reader has read, if nothing else needs it. Returns the bytes that
    /// became free.
    fn release_read(&mut self) -> u64 {
        if !self.passed {
            return 0;
        }
        let end = self.first + self.chunks.len();
        let keep_from = self.readers.iter().map(|&(_, next)| next).min().unwrap_or(end);
        let mut freed = 0;
        while self.first < keep_from
            && let Some(chunk) = self.chunks.pop_front()
        {
            self.first += 1;
            freed += chunk.len() as u64;
        }
        self.bytes_held -= freed;
        freed
    }

    /// Gives up the readers that hold on to more than `bytes_max`. Returns the bytes that became
    /// free.
    fn give_up_laggards(&mut self, bytes_max: u64) -> u64 {
        let mut freed = 0;
        while self.passed && self.bytes_held > bytes_max && !self.readers.is_empty() {
            let oldest = self.first;
            self.readers.retain(|&(_, next)| next > oldest);
            freed += self.release_read();
        }
        freed
    }

    /// What a reader at chunk `next` can have now. A passed body is handed out all at once: see the
    /// head of this file.
    fn available(&self, next: usize) -> Available {
        let Some(skip) = next.checked_sub(self.first) else { return Available::Lost };
        if self.is_last_withheld && skip + 1 >= self.chunks.len() {
            return Available::Nothing;
        }
        let mut chunks = self.chunks.iter().skip(skip);
        match chunks.next() {
            None => Available::Nothing,
            Some(chunk) if !self.passed || self.chunks.len() == skip + 1 => {
                Available::Bytes(chunk.clone(), next + 1)
            }
            Some(first) => {
                let mut all = BytesMut::from(&first[..]);
                chunks.for_each(|chunk| all.extend_from_slice(chunk));
                Available::Bytes(all.freeze(), self.first + self.chunks.len())
            }
        }
    }
}

/// What is there for a reader.
enum Available {
    /// These bytes, and the chunk that comes after them.
    Bytes(Bytes, usize),
    /// It has read everything that arrived.
    Nothing,
    /// It was given up.
    Lost,
}

impl Fill {
    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a chunk in. Where the last one is withheld, also one that is the last by `Content-Length`, it is there for
    /// readers at the [end](Self::end) only, unless the body is passed.
    ///
    /// # Errors
    /// When the body is passed and no reader is left.
    pub(super) fn write(
        &self,
        chunk: Bytes,
        is_last: bool,
        withholds_last: bool,
        bytes_together_max: u64,
    ) -> Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        let length = chunk.len() as u64;
        let together = self.bytes_together.fetch_add(length, Ordering::Relaxed) + length;
        let mut window = self.window();
        window.push(chunk);
        if window.bytes_total > self.object_bytes_max || together > bytes_together_max {
            window.passed = true;
        }
        let is_last = is_last || self.head.content_length() == Some(window.bytes_total);
        window.is_last_withheld = withholds_last && is_last && !window.passed;
        let freed = window.release_read() + window.give_up_laggards(self.object_bytes_max);
        let nobody = window.passed && window.readers.is_empty();
        drop(window);
        self.bytes_together.fetch_sub(freed, Ordering::Relaxed);
        if nobody {
            self.end(End::Failed);
            return Error::e_explain(
                ErrorType::WriteError,
                "the body is not stored, and nobody reads it any more",
            );
        }
        self.changed.send_replace(());
        Ok(())
    }

    /// Marks the body as complete or failed; the first word counts. Returns what counts.
    pub(super) fn end(&self, end: End) -> End {
        let mut window = self.window();
        if window.end == End::Open {
            let is_cut_short = end == End::Complete && !self.is_as_long_as_promised(&window);
            window.end = if is_cut_short { End::Failed } else { end };
        }
        window.is_last_withheld = false;
        let end = window.end;
        drop(window);
        self.changed.send_replace(());
        end
    }

    fn is_as_long_as_promised(&self, window: &Window) -> bool {
        self.head.content_length().is_none_or(|expected| expected == window.bytes_total)
    }

    /// Whether nothing is missing, if it ends here.
    pub(super) fn is_whole(&self) -> bool {
        let window = self.window();
        window.end != End::Failed && self.is_as_long_as_promised(&window)
    }

    /// The whole body in one buffer; `None` if it is passed.
    pub(super) fn whole_body(&self) -> Option<Bytes> {
        let window = self.window();
        if window.passed {
            return None;
        }
        let length = usize::try_from(window.bytes_total).ok()?;
        let mut body = BytesMut::with_capacity(length);
        for chunk in &window.chunks {
            body.extend_from_slice(chunk);
        }
        Some(body.freeze())
    }

    /// The bytes that tell this answer from others for the same key.
    pub(super) fn tag(&self) -> &[u8] {
        &self.tag
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Whether a request may read along: who wants the whole with a whole answer, who wants a range with one that has
    /// reached it, or with an answer to the same range.
    fn is_open_to(&self, wanted: Option<&Wanted>) -> bool {
        let window = self.window();
        let range = |length| wanted?.within(self.head.headers(), length);
        let serves = match (&self.part, wanted) {
            (None, None) => true,
            (Some(_), None) => false,
            (Some(part), Some(_)) => range(part.length) == Some(part.bytes.clone()),
            (None, Some(_)) => self
                .head
                .content_length()
                .and_then(range)
                .is_some_and(|range| range.start <= window.bytes_total),
        };
        serves && !window.passed
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        let held = self.window().bytes_held;
        self.bytes_together.fetch_sub(held, Ordering::Relaxed);
    }
}

/// A reader of an arriving body.
pub(super) struct Reader {
    fill: Arc<Fill>,
    number: u64,
    next: usize,
    /// Bytes still to be left out, and bytes that are wanted after them.
    skip: u64,
    left: u64,
    changed: watch::Receiver<()>,
}

impl Reader {
    pub(super) fn new(fill: Arc<Fill>) -> Self {
        let changed = fill.changed.subscribe();
        let mut window = fill.window();
        window.readers_ever += 1;
        let number = window.readers_ever;
        let next = window.first;
        window.readers.push((number, next));
        drop(window);
        Self { fill, number, next, skip: 0, left: u64::MAX, changed }
    }

    /// Reads these bytes only. Before the first is read.
    pub(super) fn limit(&mut self, range: Range<u64>) {
        self.skip = range.start;
        self.left = range.end.saturating_sub(range.start);
    }

    /// The next bytes that are wanted, waiting for them; `None` after the last.
    ///
    /// # Errors
    /// When the body broke off before.
    pub(super) async fn read(&mut self) -> Result<Option<Bytes>> {
        while self.left > 0 {
            let Some(mut chunk) = self.read_chunk().await? else { return Ok(None) };
            let cut = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(chunk.len());
            let (skipped, wanted) = (cut(self.skip), cut(self.skip.saturating_add(self.left)));
            self.skip -= skipped as u64;
            self.left -= (wanted - skipped) as u64;
            chunk.truncate(wanted);
            let chunk = chunk.split_off(skipped);
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// The next chunk, waiting for it; `None` at the end of a complete body.
    ///
    /// # Errors
    /// When the body broke off.
    async fn read_chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            // Marked as seen before looking, so that a change in between wakes us.
            self.changed.borrow_and_update();
            match self.take() {
                Available::Bytes(bytes, _) => return Ok(Some(bytes)),
                Available::Nothing => {}
                Available::Lost => {
                    return Error::e_explain(
                        ErrorType::ReadError,
                        "the viewer is slower than the origin by more than the largest object",
                    );
                }
            }
            match self.fill.window().end {
                End::Complete => return Ok(None),
                End::Failed => {
                    return Error::e_explain(ErrorType::ReadError, "the answer broke off");
                }
                End::Open => {}
            }
            if self.changed.changed().await.is_err() {
                return Error::e_explain(ErrorType::ReadError, "the answer was given up");
            }
        }
    }

    fn take(&mut self) -> Available {
        let mut window = self.fill.window();
        let available = window.available(self.next);
        let Available::Bytes(_, next) = available else { return available };
        self.next = next;
        let number = self.number;
        if let Some(reader) = window.readers.iter_mut().find(|reader| reader.0 == number) {
            reader.1 = next;
        }
        let freed = window.release_read();
        drop(window);
        self.fill.bytes_together.fetch_sub(freed, Ordering::Relaxed);
        available
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut window = self.fill.window();
        let number = self.number;
        window.readers.retain(|reader| reader.0 != number);
        let freed = window.release_read();
        drop(window);
        self.fill.bytes_together.fetch_sub(freed, Ordering::Relaxed);
    }
}

/// Independent locks of the table.
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Slot, Vec<Arc<Fill>>>>;

/// All answers on their way.
pub(super) struct Arriving {
    shards: [Shard; SHARDS],
    /// Entries in all shards: hits do not take a lock while nothing arrives.
    count: AtomicUsize,
    tags: AtomicU64,
    bytes_together: Arc<AtomicU64>,
}

impl Arriving {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            count: AtomicUsize::new(0),
            tags: AtomicU64::new(0),
            bytes_together: Arc::default(),
        }
    }

    /// Bytes of all arriving bodies that are held.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes_together.load(Ordering::Relaxed)
    }

    /// Starts an answer. It stays in the table until [`Arriving::remove`].
    pub(super) fn add(&self, slot: Slot, head: Head, object_bytes_max: u64) -> Arc<Fill> {
        let too_large = head.content_length().is_some_and(|length| length > object_bytes_max);
        let fill = Arc::new(Fill {
            part: head.part(),
            head: Arc::new(head),
            slot,
            tag: self.tags.fetch_add(1, Ordering::Relaxed).to_ne_bytes(),
            window: Mutex::new(Window {
                chunks: VecDeque::new(),
                first: 0,
                bytes_held: 0,
                bytes_total: 0,
                end: End::Open,
                passed: too_large,
                is_last_withheld: false,
                readers: Vec::new(),
                readers_ever: 0,
            }),
            changed: watch::Sender::new(()),
            bytes_together: Arc::clone(&self.bytes_together),
            object_bytes_max,
        });
        self.shard(&slot).entry(slot).or_default().push(Arc::clone(&fill));
        self.count.fetch_add(1, Ordering::Release);
        fill
    }

    pub(super) fn remove(&self, fill: &Arc<Fill>) {
        let mut shard = self.shard(&fill.slot);
        if let Some(fills) = shard.get_mut(&fill.slot) {
            fills.retain(|other| !Arc::ptr_eq(other, fill));
            if fills.is_empty() {
                shard.remove(&fill.slot);
            }
        }
        drop(shard);
        self.count.fetch_sub(1, Ordering::Release);
    }

    /// The newest answer for a key that a request may join.
    pub(super) fn joinable(&self, slot: &Slot, wanted: Option<&Wanted>) -> Option<Arc<Fill>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let shard = self.shard(slot);
        shard.get(slot)?.iter().rev().find(|fill| fill.is_open_to(wanted)).cloned()
    }

    /// The answer with this tag.
    pub(super) fn tagged(&self, slot: &Slot, tag: &[u8]) -> Option<Arc<Fill>> {
        self.shard(slot).get(slot)?.iter().find(|fill| fill.tag == tag).cloned()
    }

    fn shard(&self, slot: &Slot) -> MutexGuard<'_, HashMap<Slot, Vec<Arc<Fill>>>> {
        let index = usize::from(slot.primary[0]) % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
