//! Where stored responses are: in memory, bounded by what they really weigh.
//!
//! A hit is one lookup, one comparison of the full key and one write of one buffer. Eviction is
//! quick_cache's: S3-FIFO with a ghost queue resists scans, weighs bytes, and its hits take a
//! shared lock only (measured beside moka and foyer behind the same interface, it had the cheapest
//! hits and no thread of its own). pingora's eviction managers are not used: they would keep a
//! second index of every key and could not see what a head allocates.
//!
//! With a [`disk`] tier objects survive the process: see [`tiers`].
//!
//! This file and its folder are the only part of the cache that names pingora.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use pingora::Result;
use pingora::cache::eviction::CacheEntryKey;
use pingora::cache::key::{CacheHashKey, CompactCacheKey, HashBinary};
use pingora::cache::storage::{
    HitHandler, MissHandler, PurgeOutcome, PurgeTarget, PurgeType, Storage,
};
use pingora::cache::trace::SpanHandle;
use pingora::cache::{CacheKey, CacheMeta};
use quick_cache::sync::{Cache, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use twox_hash::XxHash3_128;

use crate::cache::invalidate::{Item, Mode, Target};
use crate::cache::key;
use crate::cache::range::{Part, Wanted};
use crate::distribution::policy::CachePolicy;
use crate::limits::CACHE_ARRIVING_SHARE;

mod arriving;
mod disk;
mod generations;
mod handles;
mod object;
mod parts;
mod tiers;

pub use disk::{DiskError, DiskSettings, DiskStats};
pub use generations::{Stamp, Tags};

use arriving::{Arriving, Fill, Reader};
use disk::Disk;
use generations::{Generations, Standing};
use handles::{Stored, Writer};
use object::{Body, Head, Object};

/// Where an object is kept: the hash of its key, and which variant it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Slot {
    primary: HashBinary,
    variance: Option<HashBinary>,
}

impl Slot {
    fn of(key: &impl CacheHashKey) -> Self {
        Self { primary: key.primary_bin(), variance: key.variance_bin() }
    }
}

type Objects = Cache<Slot, Arc<Object>, Weight, DefaultHashBuilder, Evictions>;

/// The store. pingora wants it for ever: see [`Store::leak`].
pub struct Store {
    objects: Arc<Objects>,
    disk: Option<Disk>,
    arriving: Arriving,
    generations: Arc<Generations>,
    object_bytes_max: u64,
    arriving_bytes_max: u64,
    evictions: Arc<AtomicU64>,
    refused: AtomicU64,
    /// Keeps viewers from finding keys whose hashes collide.
    seed: u64,
}

/// What the store holds and did, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats {
    /// Stored objects.
    pub objects: u64,
    /// Bytes they take, heads and bookkeeping included.
    pub bytes: u64,
    /// Bytes of bodies that are still arriving.
    pub arriving_bytes: u64,
    /// Objects pushed out by others, since the start.
    pub evictions: u64,
    /// Answers not stored because they were too large or too much was arriving, since the start.
    pub refused: u64,
    /// The disk tier, if there is one.
    pub disk: Option<DiskStats>,
}

impl Store {
    /// An empty store. `memory_bytes` bounds what is stored, `object_bytes_max` one body; bodies
    /// that are arriving come on top, up to a quarter of `memory_bytes`.
    #[must_use]
    pub fn new(memory_bytes: u64, object_bytes_max: u64) -> Self {
        Self::with_seed(memory_bytes, object_bytes_max, RandomState::new().hash_one(memory_bytes))
    }

    fn with_seed(memory_bytes: u64, object_bytes_max: u64, seed: u64) -> Self {
        // An object has to fit into one shard beside others, or the eviction queues would refuse
        // it.
        let object_bytes_max = object_bytes_max.min(memory_bytes / 4);
        let shards_that_fit = memory_bytes / (4 * object_bytes_max.max(1));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shards = usize::try_from(shards_that_fit).unwrap_or(usize::MAX).clamp(1, 4 * cores);
        // quick_cache rounds up to a power of two; rounding down keeps the shards large enough.
        let shards = 1 << shards.ilog2();
        let evictions = Arc::new(AtomicU64::new(0));
        let options = OptionsBuilder::new()
            .shards(shards)
            .weight_capacity(memory_bytes)
            .estimated_items_capacity(
                usize::try_from(memory_bytes / ESTIMATED_OBJECT_BYTES)
                    .unwrap_or(usize::MAX)
                    .max(32 * shards),
            )
            .build()
            // The builder fails only when a capacity was not given, and both are given above.
            .expect("both capacities are set");
        Self {
            objects: Arc::new(Cache::with_options(
                options,
                Weight,
                DefaultHashBuilder::default(),
                Evictions(Arc::clone(&evictions)),
            )),
            disk: None,
            arriving: Arriving::new(),
            generations: Arc::new(Generations::new()),
            object_bytes_max,
            arriving_bytes_max: memory_bytes / CACHE_ARRIVING_SHARE,
            evictions,
            refused: AtomicU64::new(0),
            seed,
        }
    }

    /// Gives the store to the process for good: pingora's interface takes `&'static dyn Storage`.
    /// Once per process start; a reload of the configuration keeps the store it has.
    #[must_use]
    pub fn leak(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// The largest body that is stored, bytes. An answer whose `Content-Length` says more is better not
    /// given to the store at all: pingora then waits for slow viewers by itself.
    #[must_use]
    pub fn object_bytes_max(&self) -> u64 {
        self.object_bytes_max
    }

    /// pingora's key for the bytes of [`key::primary_key`].
    #[must_use]
    pub fn key(&self, primary_key: Vec<u8>) -> CacheKey {
        let hash = XxHash3_128::oneshot_with_seed(self.seed, &primary_key);
        let mut key = CacheKey::new(primary_key, String::new());
        key.set_primary_bin_override(hash.to_be_bytes());
        key
    }

    /// Taken before the origin is asked and handed over with [`Stamp::mark`], it keeps an answer
    /// from being served after an invalidation that came while it was on its way.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.generations.stamp()
    }

    /// Drops, or makes stale, all variants of what lies at `target`, stored or arriving. Returns how many objects were known there.
    pub fn invalidate_target(
        &self,
        domain_name: &str,
        target: &Target,
        policy: &CachePolicy,
        mode: Mode,
    ) -> u64 {
        let mut location = Vec::new();
        let (query, selected) = (target.query.as_deref(), &policy.query_strings);
        key::write_location(domain_name, &target.path, query, selected, &mut location);
        let noted = self.generations.invalidate_place(&location, mode);
        self.follow(&noted);
        noted.objects.into_iter().flatten().sum()
    }

    /// Drops, or makes stale, all that the items name of a distribution, stored or arriving. Returns for each item how
    /// many objects were known under it; `None` for a prefix, which is compared when objects are asked for.
    pub fn invalidate(&self, domain_name: &str, items: &[Item], mode: Mode) -> Vec<Option<u64>> {
        let noted = self.generations.invalidate(domain_name, items, mode);
        self.follow(&noted);
        noted.objects
    }

    /// How many objects are known where this key's object lies, stored or arriving: its variants.
    #[must_use]
    pub fn known_at(&self, key: &CacheKey) -> u64 {
        let location = key::location(key.primary_key());
        location.map_or(0, |location| self.generations.known_at(location.bytes))
    }

    /// What the store holds and did.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            objects: self.objects.len() as u64,
            bytes: self.objects.weight(),
            arriving_bytes: self.arriving.bytes(),
            evictions: self.evictions.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            disk: self.disk.as_ref().map(Disk::stats),
        }
    }

    fn standing(&self, head: &Head) -> Standing {
        self.generations.standing(&head.mark, head.key())
    }

    /// The stored object for a key, if it may be served, and how it stands.
    fn stored(&self, key: &CacheKey, slot: &Slot) -> Option<(Arc<Object>, Standing)> {
        let object = self.objects.get(slot)?;
        if object.head.key() != key.primary_key() {
            return None;
        }
        let standing = self.standing(&object.head);
        if standing == Standing::Gone {
            self.objects.remove_if(slot, |stored| Arc::ptr_eq(stored, &object));
            return None;
        }
        Some((object, standing))
    }

    /// Puts an object into the place of the one it was made from; false if that one is gone. What
    /// came in between is newer.
    fn replace(&self, slot: &Slot, old: &Arc<Object>, new: Arc<Object>) -> bool {
        let outcome = self.objects.entry(slot, None, |_, stored| {
            let same = Arc::ptr_eq(stored, old);
            if same {
                *stored = new;
            }
            EntryAction::Retain(same)
        });
        matches!(outcome, EntryResult::Retained(true))
    }

    /// Stores a body that arrived whole. Returns what is stored now, if it was.
    fn keep(&self, fill: &Fill) -> Option<Arc<Object>> {
        let Some(body) = fill.whole_body() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        if let Some(part) = &fill.part {
            return self.keep_part(fill, part, body);
        }
        let object = Arc::new(Object::new(Arc::clone(&fill.head), Body::Whole(body)));
        self.objects.insert(*fill.slot(), Arc::clone(&object));
        Some(object)
    }

    /// Stores a part of a body beside the parts that are there already. Returns them together.
    fn keep_part(&self, fill: &Fill, part: &Part, body: Bytes) -> Option<Arc<Object>> {
        // Where it begins counts: fewer bytes than Content-Range promised are its first ones, more are none of it.
        if body.len() as u64 > part.bytes.end - part.bytes.start {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let old = self.objects.get(fill.slot()).filter(|old| {
            old.head.key() == fill.head.key() && self.standing(&old.head) == Standing::Valid
        });
        let head = fill.head.of_whole(part.length).ok()?;
        let bytes_max = self.object_bytes_max;
        let new = Arc::new(Object::with_part(old.as_deref(), head, part, body, bytes_max));
        match &old {
            // Another part that came in between is not waited for: it is newer, and this one a miss later on.
            Some(old) => {
                self.replace(fill.slot(), old, Arc::clone(&new));
            }
            None => self.objects.insert(*fill.slot(), Arc::clone(&new)),
        }
        Some(new)
    }
}

/// What an object is taken to weigh for sizing the queues, before any is known.
const ESTIMATED_OBJECT_BYTES: u64 = 16 << 10;

#[derive(Clone)]
struct Weight;

impl Weighter<Slot, Arc<Object>> for Weight {
    fn weight(&self, _slot: &Slot, object: &Arc<Object>) -> u64 {
        object.weight()
    }
}

/// Counts evictions, and drops what was evicted after the shard's lock is released.
#[derive(Clone)]
struct Evictions(Arc<AtomicU64>);

impl Lifecycle<Slot, Arc<Object>> for Evictions {
    type RequestState = Vec<Arc<Object>>;

    fn begin_request(&self) -> Self::RequestState {
        Vec::new()
    }

    fn on_evict(&self, evicted: &mut Self::RequestState, _slot: Slot, object: Arc<Object>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        evicted.push(object);
    }
}

impl Stamp {
    /// Hands the stamp over with the answer.
    pub fn mark(self, meta: &mut CacheMeta) {
        meta.extensions_mut().insert(self);
    }
}

impl Tags {
    /// Hands the tags over with the answer.
    pub fn mark(self, meta: &mut CacheMeta) {
        meta.extensions_mut().insert(self);
    }
}

#[async_trait]
impl Storage for Store {
    async fn lookup(
        &'static self,
        key: &CacheKey,
        _trace: &SpanHandle,
    ) -> Result<Option<(CacheMeta, HitHandler)>> {
        let slot = Slot::of(key);
        // What arrives is newer than what is stored.
        let wanted = key.extensions.get::<Wanted>();
        if let Some(fill) = self.arriving.joinable(&slot, wanted)
            && fill.head.key() == key.primary_key()
            && self.standing(&fill.head) == Standing::Valid
        {
            return join(fill);
        }
        let found = match self.stored(key, &slot) {
            None => self.read_from_disk(key, &slot).await,
            found => found,
        };
        let Some((object, standing)) = found else { return Ok(None) };
        if let Body::Parts { parts, length } = &object.body {
            let range = wanted.and_then(|wanted| wanted.within(object.head.headers(), *length));
            if range.is_none_or(|range| !parts.cover(&range)) {
                return Ok(None);
            }
        }
        let mut meta = object.head.meta()?;
        if let Standing::StaleSince(instant) = standing {
            meta.expire_at(instant);
        }
        Ok(Some((meta, Box::new(Stored::new(object)))))
    }

    async fn lookup_streaming_write(
        &'static self,
        key: &CacheKey,
        tag: Option<&[u8]>,
        _trace: &SpanHandle,
    ) -> Result<Option<(CacheMeta, HitHandler)>> {
        let fill = tag.and_then(|tag| self.arriving.tagged(&Slot::of(key), tag));
        fill.map_or(Ok(None), join)
    }

    async fn get_miss_handler(
        &'static self,
        key: &CacheKey,
        meta: &CacheMeta,
        _trace: &SpanHandle,
    ) -> Result<MissHandler> {
        let slot = Slot::of(key);
        let stamp = meta.extensions().get().copied().unwrap_or_else(|| self.stamp());
        let tags = meta.extensions().get().cloned();
        let mark = self.generations.mark(stamp, key.primary_key(), &slot.primary, tags);
        let head = Head::new(key, meta, mark)?;
        let fill = self.arriving.add(slot, head, self.object_bytes_max);
        Ok(Box::new(Writer::new(self, fill)))
    }

    async fn purge(
        &'static self,
        target: PurgeTarget<'_>,
        purge_type: PurgeType,
        _trace: &SpanHandle,
    ) -> Result<PurgeOutcome> {
        // This store gives entries no identity beyond their key.
        if matches!(target, PurgeTarget::Exact(CacheEntryKey::Identified { .. })) {
            return Ok(PurgeOutcome::NotFound);
        }
        let key: &CompactCacheKey = target.key();
        let slot = Slot::of(key);
        if matches!(purge_type, PurgeType::Invalidation) {
            let noted = self.generations.invalidate_place(&slot.primary, Mode::Hard);
            self.follow(&noted);
        }
        let on_disk = self.disk.as_ref().is_some_and(|disk| disk.purge(&slot));
        let stored = self.objects.remove(&slot).is_some() || on_disk;
        let arriving = self.arriving.joinable(&slot, None).is_some();
        let found = stored || arriving;
        Ok(if found { PurgeOutcome::Purged(None) } else { PurgeOutcome::NotFound })
    }

    async fn update_meta(
        &'static self,
        key: &CacheKey,
        meta: &CacheMeta,
        _trace: &SpanHandle,
    ) -> Result<bool> {
        let slot = Slot::of(key);
        let Some((old, _)) = self.stored(key, &slot) else { return Ok(false) };
        let head = Arc::new(old.head.revalidated(key, meta)?);
        let new = Arc::new(old.with_head(head));
        let is_replaced = self.replace(&slot, &old, Arc::clone(&new));
        if is_replaced {
            self.write_to_disk(slot, &new).await;
        }
        Ok(is_replaced)
    }

    fn support_streaming_partial_write(&self) -> bool {
        true
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync + 'static) {
        self
    }
}

/// The mode of files that have what origins answered.
const OWNER_ONLY: u32 = 0o600;

/// A hash that is the same in every process: what bytes that come back from a disk are checked with, and what
/// invalidations know names by.
fn checksum(bytes: &[u8]) -> u64 {
    // The low half of a 128-bit hash always fits.
    u64::try_from(XxHash3_128::oneshot(bytes) & u128::from(u64::MAX)).unwrap_or_default()
}

fn join(fill: Arc<Fill>) -> Result<Option<(CacheMeta, HitHandler)>> {
    Ok(Some((fill.head.meta()?, Box::new(Reader::new(fill)))))
}

#[cfg(test)]
mod tests;
