//! pingora's handles on the store: reading a stored body, reading an arriving one, writing one.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::cache::CacheKey;
use pingora::cache::storage::{HandleHit, HandleMiss, MissFinishType, Storage};
use pingora::cache::trace::SpanHandle;
use pingora::{Error, ErrorType, Result};

use super::Store;
use super::arriving::{End, Fill, Reader};
use super::object::Object;

/// Reads a stored body: one slice of one buffer, or of each part.
pub(super) struct Stored {
    object: Arc<Object>,
    /// What is still to be read.
    rest: Range<u64>,
}

impl Stored {
    pub(super) fn new(object: Arc<Object>) -> Self {
        let rest = 0..object.body.length();
        Self { object, rest }
    }
}

#[async_trait]
impl HandleHit for Stored {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let Some(piece) = self.object.body.piece(&self.rest) else {
            return Error::e_explain(
                ErrorType::InternalError,
                "bytes of a stored body that are not there",
            );
        };
        self.rest.start += piece.len() as u64;
        Ok(Some(piece))
    }

    async fn finish(
        self: Box<Self>,
        _storage: &'static (dyn Storage + Sync),
        _key: &CacheKey,
        _trace: &SpanHandle,
    ) -> Result<()> {
        Ok(())
    }

    fn can_seek(&self) -> bool {
        true
    }

    fn seek(&mut self, start: usize, end: Option<usize>) -> Result<()> {
        let length = self.object.body.length();
        let start = start as u64;
        let end = end.map_or(length, |end| length.min(end as u64));
        if start >= end || !self.object.body.covers(&(start..end)) {
            return Error::e_explain(
                ErrorType::InternalError,
                format!("range {start}..{end} of a stored body of {length} bytes"),
            );
        }
        self.rest = start..end;
        Ok(())
    }

    fn get_eviction_weight(&self) -> usize {
        usize::try_from(self.object.weight()).unwrap_or(usize::MAX)
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}

#[async_trait]
impl HandleHit for Reader {
    async fn read_body(&mut self) -> Result<Option<Bytes>> {
        self.read().await
    }

    fn can_seek(&self) -> bool {
        true
    }

    /// It reads on and never back; of several ranges pingora takes what it wants out of everything.
    fn can_seek_multipart(&self) -> bool {
        false
    }

    fn seek(&mut self, start: usize, end: Option<usize>) -> Result<()> {
        self.limit(start as u64..end.map_or(u64::MAX, |end| end as u64));
        Ok(())
    }

    async fn finish(
        self: Box<Self>,
        _storage: &'static (dyn Storage + Sync),
        _key: &CacheKey,
        _trace: &SpanHandle,
    ) -> Result<()> {
        Ok(())
    }

    fn should_count_access(&self) -> bool {
        false
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn as_any_mut(&mut self) -> &mut (dyn Any + Send + Sync) {
        self
    }
}

/// Writes an arriving body. Dropped without [`HandleMiss::finish`], the body counts as broken off.
pub(super) struct Writer {
    store: &'static Store,
    fill: Arc<Fill>,
}

impl Writer {
    pub(super) fn new(store: &'static Store, fill: Arc<Fill>) -> Self {
        Self { store, fill }
    }
}

#[async_trait]
impl HandleMiss for Writer {
    async fn write_body(&mut self, data: Bytes, eof: bool) -> Result<()> {
        // The last bytes wait until the object would survive a crash.
        let withholds = self.store.disk.is_some();
        self.fill.write(data, eof, withholds, self.store.arriving_bytes_max)?;
        if eof && !withholds && self.fill.end(End::Complete) == End::Failed {
            return broken_off();
        }
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<MissFinishType> {
        let mut bytes = 0;
        if self.fill.is_whole()
            && let Some(object) = self.store.keep(&self.fill)
        {
            bytes = object.weight();
            self.store.write_to_disk(*self.fill.slot(), &object).await;
        }
        if self.fill.end(End::Complete) == End::Failed {
            return broken_off();
        }
        Ok(MissFinishType::Created(usize::try_from(bytes).unwrap_or(usize::MAX)))
    }

    fn streaming_write_tag(&self) -> Option<&[u8]> {
        Some(self.fill.tag())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After `finish` this changes nothing: the first word counts.
        self.fill.end(End::Failed);
        self.store.arriving.remove(&self.fill);
    }
}

fn broken_off<T>() -> Result<T> {
    Error::e_explain(ErrorType::ReadError, "the body is not as long as its Content-Length says")
}
