//! Every limit, with its unit in its name and its reason. A number that bounds something lives here.

use std::time::Duration;

/// Source size of a viewer function, bytes: CloudFront's published quota (10 KB).
pub const VIEWER_FUNCTION_SOURCE_BYTES_MAX: usize = 10 * 1024;

/// CPU time of all viewer functions of one event, of the thread that runs them. The product's promise.
pub const VIEWER_FUNCTION_CPU_BUDGET: Duration = Duration::from_millis(1);

/// Wall-clock backstop of a viewer function: an innocent function on a busy machine may wait this long for its
/// millisecond, a thread that is never scheduled must not hold its request for ever.
pub const VIEWER_FUNCTION_WALL_BACKSTOP: Duration = Duration::from_millis(50);

/// What one viewer call may add to the memory of its sandbox, bytes. CloudFront allows 2 MB to an engine that frees;
/// ours bumps a pointer and frees nothing within a request, so the same programs need more address space.
pub const VIEWER_FUNCTION_MEMORY_BYTES_MAX: usize = 16 << 20;

/// Console output of one run, bytes (CloudFront's quota).
pub const FUNCTION_LOG_BYTES_MAX: usize = 10 * 1024;

/// Compiled or componentised origin function, bytes (Lambda@Edge's package quota).
pub const ORIGIN_FUNCTION_BYTES_MAX: usize = 50 << 20;

/// Default wall-clock budget of an origin function. The product's promise.
pub const ORIGIN_FUNCTION_BUDGET: Duration = Duration::from_secs(10);

/// Default memory of an origin function, bytes (Lambda@Edge's 128 MB).
pub const ORIGIN_FUNCTION_MEMORY_BYTES_MAX: usize = 128 << 20;

/// Origin functions that may run at the same time. Beyond it a request is throttled at once instead of queued.
pub const ORIGIN_FUNCTION_CONCURRENCY_MAX: u32 = 1_000;

/// Response that a viewer event generates, headers and body, bytes (Lambda@Edge viewer quota).
pub const VIEWER_GENERATED_RESPONSE_BYTES_MAX: usize = 40 * 1024;

/// Response that an origin event generates, headers and body, bytes (Lambda@Edge origin quota).
pub const ORIGIN_GENERATED_RESPONSE_BYTES_MAX: usize = 1 << 20;

/// URI and query string together after a function changed them, characters (exclusive bound).
pub const URI_AND_QUERY_CHARS_LIMIT: usize = 8_192;

/// A viewer's URL, bytes; more is answered 413.
pub const URL_BYTES_MAX: usize = 8_192;

/// Request line and header fields together, bytes; more is answered 413.
pub const REQUEST_HEAD_BYTES_MAX: usize = 32_768;

/// Nesting of brackets that the guest's parser is given. Its recursion costs stack per level.
pub const SOURCE_NESTING_DEPTH_MAX: usize = 128;

/// Default memory for stored objects, bytes: heads, bodies and bookkeeping. What a small machine
/// can spare.
pub const CACHE_MEMORY_BYTES_DEFAULT: u64 = 256 << 20;

/// Default size of the largest stored body, bytes. Larger ones are handed on: one of them would
/// push out thousands of ordinary objects.
pub const CACHE_OBJECT_BYTES_DEFAULT: u64 = 16 << 20;

/// The share of the cache's memory that bodies may take while they arrive, as a divisor. They come
/// on top of what is stored; a quarter leaves room for several of the largest at once.
pub const CACHE_ARRIVING_SHARE: u64 = 4;

/// Wildcard invalidations that are remembered for answers still on their way. When more than these
/// arrive while an origin answers, its answer is not stored: safe, and rarer than an operator types.
pub const CACHE_WILDCARDS_REMEMBERED: usize = 64;

/// An invalidation path, characters (CloudFront's quota).
pub const INVALIDATION_PATH_CHARS_MAX: usize = 4_000;
