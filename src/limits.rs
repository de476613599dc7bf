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

/// Access log records that may wait for the disk, count. About a second of a busy edge's traffic and some 8 MB; beyond
/// it lines are dropped and counted.
pub const ACCESS_LOG_QUEUE_RECORDS_MAX: usize = 16_384;

/// Access log text written with one system call, bytes. Large enough to spread the call's cost, small enough for a
/// reader to see lines soon.
pub const ACCESS_LOG_BATCH_BYTES_MAX: usize = 64 * 1024;

/// Pause after a connection could not be accepted: long enough not to spin while no file descriptor is free.
pub const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Admin connections at a time, count: a scraper, a prober and a few people.
pub const ADMIN_CONNECTIONS_MAX: usize = 16;

/// How long an admin client may take to send its request's head.
pub const ADMIN_HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an admin connection may last in all, so that a client that does not read frees its place.
pub const ADMIN_CONNECTION_TIME_MAX: Duration = Duration::from_secs(30);

/// Connections to the demo origin at a time, count: more than a load generator on the same machine opens.
pub const DEMO_ORIGIN_CONNECTIONS_MAX: usize = 4_096;

/// Body that the demo origin takes and echoes, bytes.
pub const DEMO_ORIGIN_BODY_BYTES_MAX: usize = 1 << 20;

/// How long the demo origin waits for a request's head or body.
pub const DEMO_ORIGIN_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest wait that a request may ask of the demo origin, milliseconds: beyond the default origin timeout of
/// 30 s, so that a timeout can be shown.
pub const DEMO_ORIGIN_SLOW_MILLISECONDS_MAX: u64 = 60_000;

/// Lifetime of the self-made server certificate: what the strictest client libraries accept of a private authority.
pub const SELF_MADE_CERTIFICATE_LIFETIME: Duration = Duration::from_secs(397 * 24 * 3_600);

/// Time before its end at which the self-made certificate is renewed at a start.
pub const SELF_MADE_CERTIFICATE_RENEWAL_MARGIN: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Lifetime of the self-made certificate authority: a developer trusts it once and forgets about it.
pub const SELF_MADE_AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
