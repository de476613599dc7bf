//! Limits of origin functions and their environments.

use std::time::Duration;

/// Compiled or componentised origin function, bytes (Lambda@Edge's package quota).
pub const ORIGIN_FUNCTION_BYTES_MAX: usize = 50 << 20;

/// Default wall-clock budget of an origin function. The product's promise.
pub const ORIGIN_FUNCTION_BUDGET: Duration = Duration::from_secs(10);

/// Default memory of an origin function, bytes (Lambda@Edge's 128 MB).
pub const ORIGIN_FUNCTION_MEMORY_BYTES_MAX: usize = 128 << 20;

/// Origin functions that may run at the same time. Beyond it a request is throttled at once instead
/// of queued.
pub const ORIGIN_FUNCTION_CONCURRENCY_MAX: u32 = 1_000;

/// What functions may reserve of [`ORIGIN_FUNCTION_CONCURRENCY_MAX`] together: Lambda keeps the
/// other hundred for those that reserve nothing.
pub const ORIGIN_FUNCTION_RESERVED_CONCURRENCY_MAX: u32 = 900;

/// Environments that wait for their next call, of all functions together. An idle one holds its
/// memory, some hundred kilobytes where a language has its own runtime.
pub const ORIGIN_ENVIRONMENTS_IDLE_INSTANCES_MAX: u32 = 1_000;

/// How long an environment waits for its next call before it is given up; Lambda's wait some
/// minutes.
pub const ORIGIN_ENVIRONMENT_IDLE_TIME: Duration = Duration::from_secs(300);

/// Calls of one environment. A guest that leaks a little with every call is made anew before it
/// comes to its limit.
pub const ORIGIN_ENVIRONMENT_CALLS_MAX: u32 = 100_000;

/// Share of its memory limit, per cent, to which an environment may grow and still be used again.
pub const ORIGIN_ENVIRONMENT_MEMORY_PERCENT_MAX: usize = 75;

/// Variables of `[function.environment]`, names and values together, bytes (Lambda's quota).
pub const FUNCTION_ENVIRONMENT_BYTES_MAX: usize = 4 << 10;

/// Response that an origin event generates, headers and body, bytes (Lambda@Edge origin quota).
pub const ORIGIN_GENERATED_RESPONSE_BYTES_MAX: usize = 1 << 20;

/// What an origin-request function is shown of a request's body, and what it may put in its place, bytes (Lambda@Edge
/// quota of 1 MB; in base64 a third more).
pub const ORIGIN_REQUEST_BODY_BYTES_MAX: usize = 1 << 20;

/// Request bodies that are kept for origin functions at a time, bytes: 128 of the largest. A call holds some four times as
/// much for a moment, because event and result have the body in base64.
pub const ORIGIN_REQUEST_BODIES_BYTES_MAX: usize = 128 << 20;

/// Body of a request that a load balancer's event carries, bytes (AWS's limit).
pub const ALB_REQUEST_BYTES_MAX: usize = 1 << 20;

/// Answer of a function to a load balancer's event, bytes of JSON (AWS's limit).
pub const ALB_RESPONSE_BYTES_MAX: usize = 1 << 20;

/// Body of an answer through `wasi:http`, bytes: as much as Lambda lets a function return. It is kept whole until the
/// function is done.
pub const FUNCTION_ANSWER_BYTES_MAX: usize = 6 << 20;

/// What waits between the proxy and a function in the place of an origin, bytes in each direction.
pub const FUNCTION_ORIGIN_PIPE_BYTES: usize = 64 << 10;

/// Header fields of a request to a function in the place of an origin: more than the proxy takes from a viewer.
pub const FUNCTION_ORIGIN_HEADERS_MAX: usize = 512;

/// Time an origin function may be given: Lambda@Edge's limit for origin events.
pub const ORIGIN_FUNCTION_BUDGET_MAX: Duration = Duration::from_secs(30);

/// Memory an origin function may be given, bytes: more than a rewriting function needs, less than
/// hurts a machine that runs a few of them at once.
pub const ORIGIN_FUNCTION_MEMORY_BYTES_CEILING: u64 = 1 << 30;

/// Linear memories of one origin function. A componentised program has one; an adapter may bring a
/// second.
pub const ORIGIN_FUNCTION_MEMORIES_MAX: u32 = 2;

/// Tables of one origin function: the program's, and one for each set of trampolines that
/// componentising adds.
pub const ORIGIN_FUNCTION_TABLES_MAX: u32 = 8;

/// Core modules that one origin function is made of: the program, its trampolines, their wiring, an
/// adapter. componentize-py links Python's libraries at run time, some thirty modules.
pub const ORIGIN_FUNCTION_CORE_INSTANCES_MAX: u32 = 64;

/// Things of the system (streams, clocks to wait for) that a guest holds at once. The host keeps
/// some hundred bytes for each, outside of the guest's own memory.
pub const ORIGIN_FUNCTION_RESOURCES_ENTRIES_MAX: usize = 1_024;

/// Random bytes of one host call: making them is not interrupted, and these take less than a tenth
/// of a millisecond.
pub const ORIGIN_FUNCTION_RANDOM_BYTES_MAX: u64 = 1 << 16;

/// What a guest may write to its standard output in one host call, bytes. The host copies it before
/// it keeps what the log's quota allows.
pub const ORIGIN_FUNCTION_WRITE_BYTES_MAX: usize = 1 << 16;

/// What a guest may read of a file in one host call, bytes.
pub const ORIGIN_FUNCTION_READ_BYTES_MAX: usize = 1 << 16;

/// Default quota of an environment's `/tmp`, bytes (Lambda's 512 MB).
pub const ORIGIN_FUNCTION_STORAGE_BYTES_MAX: u64 = 512 << 20;

/// The largest quota of a `/tmp` that can be configured, bytes (Lambda's 10 GB).
pub const ORIGIN_FUNCTION_STORAGE_BYTES_CEILING: u64 = 10 << 30;

/// What the files of all environments hold together, bytes. They are in memory; this is what one function may ask for at
/// most, and far less than a thousand environments could have together.
pub const ORIGIN_FILES_BYTES_MAX: u64 = 10 << 30;

/// Names of a directory that one host call tells: no call should take long, whatever lies there.
pub const ORIGIN_FILES_LISTED_NAMES_MAX: usize = 1_024;

/// A file's name, bytes (as Linux has it).
pub const ORIGIN_FILE_NAME_BYTES_MAX: usize = 255;

/// A path, and what a symbolic link points to, bytes (as Linux has it).
pub const ORIGIN_FILE_PATH_BYTES_MAX: usize = 4_096;

/// Symbolic links that are followed on one path, depth (as Linux has it).
pub const ORIGIN_FILE_LINKS_DEPTH_MAX: usize = 40;

/// What an origin function may hand to the host in one call or result, bytes: a generated response,
/// its copies as headers and log lines, and slack. The host allocates what a guest claims to
/// return; this bounds the claim.
pub const ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX: usize = 8 << 20;

/// Input of one host hash, bytes. Hashing is not interrupted: a mebibyte takes a millisecond or
/// two.
pub const ORIGIN_FUNCTION_HASH_BYTES_MAX: usize = 1 << 20;

/// How long an origin function runs before it lets other requests of its thread go on: so long
/// that the usual call never pauses, so short that a spinning one hardly delays the others.
pub const ORIGIN_FUNCTION_SLICE: Duration = Duration::from_millis(1);

/// Keys of a key-value store in one answer to an origin function: with keys and values of the longest kind six
/// megabytes, and no turn of a thread that others would notice.
pub const KEY_VALUE_STORE_ANSWER_KEYS_MAX: usize = 1_000;

/// Time of a component at a viewer event (Lambda@Edge's quota): a viewer waits for each of its requests.
pub const VIEWER_COMPONENT_BUDGET_MAX: Duration = Duration::from_secs(5);

/// Memory of a component at a viewer event, bytes (Lambda@Edge's quota).
pub const VIEWER_COMPONENT_MEMORY_BYTES_MAX: usize = 128 << 20;

/// What a component is shown of a request's body at viewer-request, and what it may put in its place, bytes
/// (Lambda@Edge's quota of 40 KB; in base64 a third more).
pub const VIEWER_REQUEST_BODY_BYTES_MAX: usize = 40 << 10;
