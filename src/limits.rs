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

/// `verge.toml` and `function.toml`, bytes: far beyond any hand-written file, small enough to read whole.
pub const CONFIG_FILE_BYTES_MAX: u64 = 4 << 20;

/// Certificates, keys and secrets that the configuration names, bytes each: a chain is a few KiB, a bundle of all
/// public authorities some 250 KiB.
pub const CONFIG_MATERIAL_BYTES_MAX: u64 = 4 << 20;

/// A secret that is sent as a header field, bytes: CloudFront's quota for the value of a custom header.
pub const CUSTOM_HEADER_VALUE_BYTES_MAX: usize = 1_783;

/// Origins of a distribution (CloudFront's quota).
pub const ORIGINS_MAX: usize = 100;

/// Origin groups of a distribution (CloudFront's quota).
pub const ORIGIN_GROUPS_MAX: usize = 10;

/// Cache behaviors of a distribution, the default among them (CloudFront's quota). They are tried in order.
pub const BEHAVIORS_MAX: usize = 75;

/// Functions in one association: they share one budget, so more would only share less.
pub const FUNCTION_CHAIN_MAX: usize = 8;

/// Custom header fields of an origin (CloudFront's quota).
pub const ORIGIN_CUSTOM_HEADERS_MAX: usize = 30;

/// Header fields, cookies or query parameters that a policy names, each (CloudFront's quota).
pub const POLICY_NAMES_MAX: usize = 10;

/// All names of a cache policy together, characters (CloudFront's quota).
pub const CACHE_POLICY_NAMES_CHARS_MAX: usize = 1_024;

/// Custom header fields of a response headers policy (CloudFront's quota).
pub const POLICY_CUSTOM_HEADERS_MAX: usize = 10;

/// A `Content-Security-Policy` of a response headers policy, characters (CloudFront's quota).
pub const CONTENT_SECURITY_POLICY_CHARS_MAX: usize = 1_783;

/// A path pattern, an origin path or a default root object, characters (CloudFront's quota).
pub const PATH_PATTERN_CHARS_MAX: usize = 255;

/// The name of a function (CloudFront's quota), of an origin or a distribution's id, characters.
pub const NAME_CHARS_MAX: usize = 64;

/// A DNS name, characters. RFC 1035 section 2.3.4.
pub const HOST_NAME_CHARS_MAX: usize = 253;

/// A lifetime in a cache policy: CloudFront's hundred years.
pub const TTL_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Time an origin function may be given: Lambda@Edge's limit for origin events.
pub const ORIGIN_FUNCTION_BUDGET_MAX: Duration = Duration::from_secs(30);

/// Memory an origin function may be given, bytes: more than a rewriting function needs, less than hurts a machine
/// that runs a few of them at once.
pub const ORIGIN_FUNCTION_MEMORY_BYTES_CEILING: u64 = 1 << 30;

/// Memory of the cache, bytes: below, hardly an object fits; above, the number is a slip.
pub const CACHE_MEMORY_BYTES: (u64, u64) = (1 << 20, 1 << 40);
