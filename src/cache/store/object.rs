//! A stored object: its head, its body, and what it really costs.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use pingora::Result;
use pingora::cache::key::HashBinary;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;

use super::disk::At;
use super::generations::Mark;
use super::parts::Parts;
use crate::cache::range::{self, Part};

mod written;

/// What an entry costs beside its head and body, bytes: this file's structures, their reference
/// counts, the entry in the eviction queues (key, pointers, hash slot), the place that invalidations know it by (up to 75
/// bytes), and what an allocator adds to ten small pieces. With a counting allocator, 1 KB bodies and 2 to 28 fields came to
/// within 4 % of the weight before there were places.
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

#[derive(Clone, Copy)]
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
        let bytes = head_weight(&mark, key.primary_key(), &header, revalidated.as_deref());
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

    /// The head of the whole response of which this is a part (RFC 9111 section 3.4).
    pub(super) fn of_whole(&self, length: u64) -> Result<Self> {
        let mut header = self.header.clone();
        header.set_status(StatusCode::OK)?;
        header.set_reason_phrase(None)?;
        header.remove_header(&CONTENT_RANGE);
        header.insert_header(CONTENT_LENGTH, length)?;
        let header = compact(&header)?;
        Ok(Self {
            key: self.key.clone(),
            mark: self.mark.renewed(None, None),
            times: self.times,
            variance: self.variance,
            revalidated: None,
            bytes: self.bytes - header_bytes(&self.header) + header_bytes(&header),
            header,
        })
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.header.headers
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Which part of a body the answer is; `None` for a whole one.
    pub(super) fn part(&self) -> Option<Part> {
        let is_part = self.header.status == StatusCode::PARTIAL_CONTENT;
        is_part.then(|| Part::of(self.headers())).flatten()
    }

    /// The body's length as the header says it; `None` if it does not.
    pub(super) fn content_length(&self) -> Option<u64> {
        let value = self.header.headers.get(CONTENT_LENGTH)?;
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

/// A stored object.
pub(super) struct Object {
    pub(super) head: Arc<Head>,
    pub(super) body: Body,
    /// Where the disk has the body, as a number.
    on_disk: AtomicU64,
}

/// What is there of a body.
#[derive(Clone)]
pub(super) enum Body {
    /// One buffer of exactly the body's length: a hit is one write.
    Whole(Bytes),
    /// Some of its bytes, which is `length` long. The head is that of the whole.
    Parts { parts: Parts, length: u64 },
}

impl Body {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Parts { length, .. } => *length,
        }
    }

    /// Whether every byte of `range` is there.
    pub(super) fn covers(&self, range: &Range<u64>) -> bool {
        match self {
            Self::Whole(bytes) => range.end <= bytes.len() as u64,
            Self::Parts { parts, .. } => parts.cover(range),
        }
    }

    /// The first bytes of `range`, as many as lie in one piece; `None` when they are not there or the range is empty.
    pub(super) fn piece(&self, range: &Range<u64>) -> Option<Bytes> {
        match self {
            Self::Whole(bytes) => {
                let index = |at: u64| usize::try_from(at).ok();
                let (start, end) = (index(range.start)?, index(range.end)?);
                (start < end && end <= bytes.len()).then(|| bytes.slice(start..end))
            }
            Self::Parts { parts, .. } => parts.piece(range),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Parts { parts, .. } => parts.bytes() + parts.overhead(),
        }
    }
}

impl Object {
    pub(super) fn new(head: Arc<Head>, body: Body) -> Self {
        Self { head, body, on_disk: AtomicU64::new(0) }
    }

    /// The same body with a new head.
    pub(super) fn with_head(&self, head: Arc<Head>) -> Self {
        let on_disk = AtomicU64::new(self.on_disk.load(Ordering::Relaxed));
        Self { head, body: self.body.clone(), on_disk }
    }

    /// Where the disk had the body last.
    pub(super) fn on_disk(&self) -> Option<At> {
        At::from_number(self.on_disk.load(Ordering::Relaxed))
    }

    pub(super) fn set_on_disk(&self, at: At) {
        self.on_disk.store(at.number(), Ordering::Relaxed);
    }

    /// Bytes it takes while stored.
    pub(super) fn weight(&self) -> u64 {
        self.head.bytes + self.body.bytes()
    }

    /// What becomes of this object when a part of the same representation arrived, with `head` for the whole; only the
    /// part is kept when the two do not belong together.
    pub(super) fn with_part(
        old: Option<&Self>,
        head: Head,
        part: &Part,
        bytes: Bytes,
        bytes_max: u64,
    ) -> Self {
        let old = old.filter(|old| {
            old.body.length() == part.length && range::combine(old.head.headers(), head.headers())
        });
        let parts = match old.map(|old| &old.body) {
            Some(Body::Parts { parts, .. }) => parts.with(part.bytes.start, bytes, bytes_max),
            Some(Body::Whole(whole)) => {
                Parts::one(0, whole.clone()).with(part.bytes.start, bytes, bytes_max)
            }
            None => Parts::one(part.bytes.start, bytes),
        };
        let body = match parts.whole(part.length) {
            Some(whole) => Body::Whole(whole),
            None => Body::Parts { parts, length: part.length },
        };
        Self::new(Arc::new(head), body)
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

/// What a head takes, bytes, with all that an entry costs beside its body.
fn head_weight(
    mark: &Mark,
    key: &[u8],
    header: &ResponseHeader,
    revalidated: Option<&Revalidated>,
) -> u64 {
    let kept = revalidated.map_or(0, Revalidated::bytes);
    ENTRY_BYTES + mark.bytes() + key.len() as u64 + header_bytes(header) + kept
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
