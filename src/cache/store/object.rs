//! A stored object: its head, its body, and what it really costs.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use pingora::Result;
use pingora::cache::key::HashBinary;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;

use super::generations::Mark;

/// What an entry costs beside its head and body, bytes: this file's structures, their reference
/// counts, the entry in the eviction queues (key, pointers, hash slot), the place that invalidations know it by, and what
/// an allocator adds to ten small pieces. With a counting allocator, 1 KB bodies and 2 to 28 fields came to within 4 % of
/// the weight.
const ENTRY_BYTES: u64 = 760;

/// `http::HeaderMap`'s bucket (hash, name, value, links) and its slot in the index, bytes.
const HEADER_BUCKET_BYTES: usize = 104;
const HEADER_INDEX_BYTES: usize = 4;

/// Everything about an object but its body.
pub(super) struct Head {
    /// The full primary key: hashes may collide, objects must not.
    key: Box<[u8]>,
    pub(super) mark: Mark,
    header: ResponseHeader,
    times: Times,
    variance: Option<HashBinary>,
    /// pingora's own serialisation, for objects that [`CacheMeta::new`] cannot rebuild (revalidated
    /// ones: it has no way to set the time of creation).
    revalidated: Option<Box<Revalidated>>,
    bytes: u64,
}

/// A serialised [`CacheMeta`] whose header was left out.
struct Revalidated {
    internal: Vec<u8>,
    empty_header: Vec<u8>,
}

struct Times {
    fresh_until: SystemTime,
    created: SystemTime,
    epoch: Option<SystemTime>,
    stale_while_revalidate_seconds: u32,
    stale_if_error_seconds: u32,
}

impl Head {
    /// A head for an answer that arrives now.
    pub(super) fn new(key: &CacheKey, meta: &CacheMeta, mark: Mark) -> Result<Self> {
        Self::build(key, meta, mark)
    }

    /// The head that replaces this one after a revalidation.
    pub(super) fn revalidated(&self, key: &CacheKey, meta: &CacheMeta) -> Result<Self> {
        let (stamp, tags) = (meta.extensions().get().copied(), meta.extensions().get().cloned());
        Self::build(key, meta, self.mark.renewed(stamp, tags))
    }

    fn build(key: &CacheKey, meta: &CacheMeta, mark: Mark) -> Result<Self> {
        let header = compact(meta.response_header())?;
        let as_new = meta.updated() == meta.created() && meta.provenance() == meta.created();
        let revalidated = if as_new { None } else { Some(Box::new(Revalidated::of(meta)?)) };
        let bytes = ENTRY_BYTES
            + mark.bytes()
            + key.primary_key().len() as u64
            + header_bytes(&header)
            + revalidated.as_ref().map_or(0, |kept| kept.bytes());
        Ok(Self {
            key: key.primary_key().into(),
            mark,
            header,
            times: Times {
                fresh_until: meta.fresh_until(),
                created: meta.created(),
                epoch: meta.epoch_override(),
                stale_while_revalidate_seconds: meta.stale_while_revalidate_sec(),
                stale_if_error_seconds: meta.stale_if_error_sec(),
            },
            variance: meta.variance(),
            revalidated,
            bytes,
        })
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The body's length as the header says it; `None` if it does not.
    pub(super) fn content_length(&self) -> Option<u64> {
        let value = self.header.headers.get(http::header::CONTENT_LENGTH)?;
        value.to_str().ok()?.trim().parse().ok()
    }

    /// What pingora wants to see on a hit.
    pub(super) fn meta(&self) -> Result<CacheMeta> {
        if let Some(kept) = &self.revalidated {
            let mut meta = CacheMeta::deserialize(&kept.internal, &kept.empty_header)?;
            *meta.response_header_mut() = self.header.clone();
            return Ok(meta);
        }
        let times = &self.times;
        let mut meta = CacheMeta::new(
            times.fresh_until,
            times.created,
            times.stale_while_revalidate_seconds,
            times.stale_if_error_seconds,
            self.header.clone(),
        );
        if let Some(variance) = self.variance {
            meta.set_variance(variance);
        }
        if let Some(epoch) = times.epoch {
            meta.set_epoch_override(epoch);
        }
        Ok(meta)
    }
}

impl Revalidated {
    fn of(meta: &CacheMeta) -> Result<Self> {
        let (internal, _) = meta.serialize()?;
        let nothing = ResponseHeader::build_no_case(meta.response_header().status, Some(0))?;
        let (_, empty_header) =
            CacheMeta::new(meta.created(), meta.created(), 0, 0, nothing).serialize()?;
        Ok(Self { internal, empty_header })
    }

    fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.internal.capacity() + self.empty_header.capacity()) as u64
    }
}

/// A complete object.
pub(super) struct Object {
    pub(super) head: std::sync::Arc<Head>,
    /// One buffer of exactly the body's length: a hit is one write.
    pub(super) body: Bytes,
}

impl Object {
    /// Bytes it takes while stored.
    pub(super) fn weight(&self) -> u64 {
        self.head.bytes + self.body.len() as u64
    }
}

/// Copies a response's header into a table of its own, all values in one buffer.
///
/// Values that came over a connection are slices of the buffer that was read; kept as they are, a
/// small header would hold on to all of it. The spelling of names is dropped with its second table:
/// field names ignore case.
fn compact(source: &ResponseHeader) -> Result<ResponseHeader> {
    let value_bytes = source.headers.values().map(HeaderValue::len).sum();
    let mut buffer = BytesMut::with_capacity(value_bytes);
    for value in source.headers.values() {
        buffer.extend_from_slice(value.as_bytes());
    }
    let mut values = buffer.freeze();
    let mut header = ResponseHeader::build_no_case(source.status, Some(source.headers.len()))?;
    header.set_version(source.version);
    if let Some(phrase) = source.get_reason_phrase() {
        header.set_reason_phrase(Some(phrase))?;
    }
    for (name, value) in &source.headers {
        // The buffer holds exactly these values, in this order.
        let copy = values.split_to(value.len());
        let copy = HeaderValue::from_maybe_shared(copy).unwrap_or_else(|_| value.clone());
        header.append_header(name.clone(), copy)?;
    }
    Ok(header)
}

/// What a header table allocates: `HeaderMap` rounds its index up to a power of two and its buckets
/// to three quarters of that; names beyond the standard ones and the values are on the heap too.
fn header_bytes(header: &ResponseHeader) -> u64 {
    let fields = header.headers.len();
    let slots = (fields + fields / 3).next_power_of_two();
    let buckets = slots - slots / 4;
    let text: usize =
        header.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (slots * HEADER_INDEX_BYTES + buckets * HEADER_BUCKET_BYTES + text) as u64
}
