//! Limits of connections, requests, logs, the admin page and the demo origin.

use std::time::Duration;

/// URI and query string together after a function changed them, characters (exclusive bound).
pub const URI_AND_QUERY_CHARS_LIMIT: usize = 8_192;

/// A viewer's URL, bytes; more is answered 413.
pub const URL_BYTES_MAX: usize = 8_192;

/// Request line and header fields together, bytes; more is answered 413. A viewer function may set no more than that.
pub const REQUEST_HEAD_BYTES_MAX: usize = 32_768;

/// Access log records that may wait for the disk, count. About a second of a busy edge's traffic
/// and some 8 MB; beyond it lines are dropped and counted.
pub const ACCESS_LOG_QUEUE_RECORDS_MAX: usize = 16_384;

/// Access log text written with one system call, bytes. Large enough to spread the call's cost,
/// small enough for a reader to see lines soon.
pub const ACCESS_LOG_BATCH_BYTES_MAX: usize = 64 * 1024;

/// Pause after a connection could not be accepted: long enough not to spin while no file descriptor
/// is free.
pub const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Admin connections at a time, count: a scraper, a prober and a few people.
pub const ADMIN_CONNECTIONS_MAX: usize = 16;

/// How long an admin client may take to send its request's head.
pub const ADMIN_HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an admin connection may last in all, so that a client that does not read frees its
/// place.
pub const ADMIN_CONNECTION_TIME_MAX: Duration = Duration::from_secs(30);

/// Body of a request to the admin listener, bytes: a full invalidation of long paths has less.
pub const ADMIN_BODY_BYTES_MAX: usize = 16 << 20;

/// An answer of the admin listener that commands read, bytes: all items of a full invalidation.
pub const ADMIN_ANSWER_BYTES_MAX: u64 = 64 << 20;

/// How long a command waits for the admin listener: as long as that lets a connection last.
pub const ADMIN_CLIENT_TIMEOUT: Duration = ADMIN_CONNECTION_TIME_MAX;

/// A value in an explanation, characters: what is longer is cut.
pub const EXPLAINED_VALUE_CHARS_MAX: usize = 200;

/// An explanation in an answer's header, bytes: what common clients and proxies take of a head with one more field.
pub const EXPLANATION_BYTES_MAX: usize = 6 << 10;

/// How long a signature for the debug header may count: a day of looking for something.
pub const EXPLAIN_TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The secret that signs for the debug header, bytes: a random one of 128 bits or more, as text.
pub const EXPLAIN_SECRET_BYTES: (usize, usize) = (22, 1_024);

/// Connections to the demo origin at a time, count: more than a load generator on the same machine
/// opens.
pub const DEMO_ORIGIN_CONNECTIONS_MAX: usize = 4_096;

/// Body that the demo origin takes and echoes, bytes.
pub const DEMO_ORIGIN_BODY_BYTES_MAX: usize = 1 << 20;

/// How long the demo origin waits for a request's head or body.
pub const DEMO_ORIGIN_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest wait that a request may ask of the demo origin, milliseconds: beyond the default
/// origin timeout of 30 s, so that a timeout can be shown.
pub const DEMO_ORIGIN_SLOW_MILLISECONDS_MAX: u64 = 60_000;

/// Lifetime of the self-made server certificate: what the strictest client libraries accept of a
/// private authority.
pub const SELF_MADE_CERTIFICATE_LIFETIME: Duration = Duration::from_secs(397 * 24 * 3_600);

/// Time before its end at which the self-made certificate is renewed at a start.
pub const SELF_MADE_CERTIFICATE_RENEWAL_MARGIN: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Lifetime of the self-made certificate authority: a developer trusts it once and forgets about
/// it.
pub const SELF_MADE_AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// How long an origin's address is remembered: long enough to keep lookups off the misses, short enough to follow a
/// moved origin within one error caching time.
pub const ORIGIN_DNS_TTL: Duration = Duration::from_secs(10);

/// Origin names remembered; origin functions may choose any.
pub const ORIGIN_DNS_ENTRIES_MAX: usize = 1_024;

/// How long a viewer's connection is kept without a request, seconds; as long as pingora waits for the first one.
pub const VIEWER_KEEPALIVE_TIMEOUT_SECONDS: u64 = 60;

/// Viewer connections at a time, count, of one listener: what a process with the common limit of 65,536 file
/// descriptors can serve when each also needs one to an origin.
pub const VIEWER_CONNECTIONS_MAX: usize = 30_000;

/// How long a viewer may take for a TLS handshake.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often one request may go upstream: three attempts for each member of an origin group, one to play what
/// origin-response returned, and one to spare.
pub const UPSTREAM_ATTEMPTS_MAX: usize = 8;

/// How long requests under way are waited for when the edge stops: a little longer than an origin function may run.
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(15);

/// How long a stopping edge waits for its access log to be written.
pub const ACCESS_LOG_FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// Notices that a function passed something without effect, remembered so that each is given once.
pub const NOTICE_ENTRIES_MAX: usize = 1_024;

/// What is gathered of an answer before it is sent to the viewer, bytes: a head and a small body. A larger part of a body
/// goes as it is; more would hold back what an origin sends slowly.
pub const VIEWER_WRITE_BUFFER_BYTES: usize = 4 << 10;

/// The same for a connection over HTTP/2, bytes: what its streams have to say together fills a record of TLS.
pub const VIEWER_HTTP2_WRITE_BUFFER_BYTES: usize = 16 << 10;

/// `CloudFront-Viewer-Header-Order`, characters (CloudFront's figure).
pub const VIEWER_HEADER_ORDER_CHARS_MAX: usize = 7_680;

/// How many flushes of such a connection are put off in a row: head, body and end of an answer come with three, and an
/// answer that is whole should not wait for others that are not.
pub const VIEWER_HTTP2_FLUSH_PUT_OFF_CALLS_MAX: u8 = 4;
