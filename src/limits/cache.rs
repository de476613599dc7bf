//! Limits of the cache.

use std::time::Duration;

/// A lifetime in a cache policy: CloudFront's hundred years.
pub const TTL_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Memory of the cache, bytes: below, hardly an object fits; above, the number is a slip.
pub const CACHE_MEMORY_BYTES: (u64, u64) = (1 << 20, 1 << 40);

/// Longest lifetime that is guessed: RFC 9111 section 4.2.2 asks for caution beyond a day.
pub const HEURISTIC_LIFETIME_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Default memory for stored objects, bytes: heads, bodies and bookkeeping. What a small machine
/// can spare.
pub const CACHE_MEMORY_BYTES_DEFAULT: u64 = 256 << 20;

/// Default size of the largest stored body, bytes. Larger ones are handed on: one of them would
/// push out thousands of ordinary objects.
pub const CACHE_OBJECT_BYTES_DEFAULT: u64 = 16 << 20;

/// Parts of one body that are kept while others are missing: a player that jumps about makes some dozens; more would only
/// be looked through.
pub const CACHE_PART_ENTRIES_MAX: usize = 64;

/// The share of the cache's memory that bodies may take while they arrive, as a divisor. They come
/// on top of what is stored; a quarter leaves room for several of the largest at once.
pub const CACHE_ARRIVING_SHARE: u64 = 4;

/// Invalidations that are remembered, bytes together: some 200,000 of tags and paths. When they are full, the store is
/// swept once, and answers that are on their way at that moment are not stored.
pub const CACHE_INVALIDATIONS_BYTES_MAX: usize = 16 << 20;

/// The journal of invalidations beside a disk tier, bytes: beyond, it is written anew with what is remembered, which takes
/// less than [`CACHE_INVALIDATIONS_BYTES_MAX`].
pub const CACHE_JOURNAL_BYTES_MAX: u64 = 32 << 20;

/// Disk for the cache, bytes: below, segments of some megabytes would be too few; above, the number is a slip.
pub const CACHE_DISK_BYTES: (u64, u64) = (64 << 20, 1 << 50);

/// A disk tier is divided into at least so many segments, which are evicted whole: more than the share of a single one
/// is not lost at once.
pub const CACHE_DISK_SEGMENT_SHARE: u64 = 32;

/// A segment, bytes: the smallest spares small tiers a crowd of files, the largest keeps the time short in which one is
/// evicted.
pub const CACHE_DISK_SEGMENT_BYTES: (u64, u64) = (4 << 20, 256 << 20);

/// The share of the cache's memory that the index of a disk tier may take, as a divisor; on top of what is stored. When
/// it is full, the oldest segment goes although there is room on the disk.
pub const CACHE_DISK_INDEX_SHARE: u64 = 4;

/// What one entry of that index takes, bytes: key and places, with the room that a hash table keeps free.
pub const CACHE_DISK_INDEX_ENTRY_BYTES: u64 = 96;

/// The share of an evicted segment that may be written again because it is in use, as a divisor: so each eviction makes
/// room.
pub const CACHE_DISK_KEPT_SHARE: u64 = 2;

/// Bodies that wait for the disk, bytes: when there are more, answers wait with them.
pub const CACHE_DISK_QUEUE_BYTES_MAX: usize = 64 << 20;

/// How long the end of an answer waits for the disk. Usually microseconds: who has the whole answer may then rely on
/// finding it after a crash. When a disk hangs, one answer waits so long, and no other until it writes again.
pub const CACHE_DISK_WAIT_MAX: Duration = Duration::from_secs(1);

/// How long a disk that failed is left alone.
pub const CACHE_DISK_RETRY_AFTER: Duration = Duration::from_secs(10);

/// How often invalidations are brought to the disk itself: what a power cut may take with it.
pub const CACHE_DISK_SYNC_EVERY: Duration = Duration::from_secs(1);

/// Objects that are read from the disk at the same time: more would not be quicker on any disk, and each is held in memory.
pub const CACHE_DISK_READS_CONCURRENCY_MAX: usize = 64;

/// An invalidation path, characters (CloudFront's quota).
pub const INVALIDATION_PATH_CHARS_MAX: usize = 4_000;

/// Items of one invalidation (CloudFront's quota of files in progress).
pub const INVALIDATION_ITEMS_MAX: usize = 3_000;

/// A `CallerReference`, characters: an identifier of any usual make.
pub const CALLER_REFERENCE_CHARS_MAX: usize = 256;

/// Caller's references remembered: a repetition comes within seconds or not at all.
pub const CALLER_REFERENCE_ENTRIES_MAX: usize = 1_024;

/// A cache tag, characters (spec: CDN behaviours section 7).
pub const CACHE_TAG_CHARS_MAX: usize = 256;

/// Cache tags of one object; the rest is dropped (spec: CDN behaviours section 7).
pub const CACHE_TAG_NAMES_MAX: usize = 50;

/// Background revalidations that were decided on and have not started yet; each holds a request's head.
pub const PENDING_REVALIDATION_REQUESTS_MAX: usize = 1_024;

/// How long an error is kept when the distribution does not say (spec: CDN behaviours section 6).
pub const ERROR_CACHING_MIN_TTL_DEFAULT: Duration = Duration::from_secs(10);

/// How long a request waits for another one to fill the cache for both before it asks the origin itself.
pub const COLLAPSED_WAIT_MAX: Duration = Duration::from_secs(10);

/// The smallest body that is compressed, bytes (CloudFront's figure): below, the coding's own bytes eat the gain.
pub const COMPRESSED_OBJECT_BYTES_MIN: u64 = 1_000;

/// The largest body that is compressed, bytes (CloudFront's figure).
pub const COMPRESSED_OBJECT_BYTES_MAX: u64 = 10_000_000;

/// The page of a custom error response, bytes: it is held in memory while it takes an error's place.
pub const ERROR_PAGE_BYTES_MAX: usize = 4 << 20;
