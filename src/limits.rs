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

/// Instances of the JavaScript engine's guest that may exist at once. A call runs inline on the thread that asks for
/// it, so this is worker threads and the few that publish; 256 covers the largest machine with room to spare.
pub const VIEWER_FUNCTION_INSTANCES_MAX: u32 = 256;

/// Linear memories of one origin function. A componentised program has one; an adapter may bring a second.
pub const ORIGIN_FUNCTION_MEMORIES_MAX: u32 = 2;

/// Tables of one origin function: the program's, and one for each set of trampolines that componentising adds.
pub const ORIGIN_FUNCTION_TABLES_MAX: u32 = 4;

/// Core modules that one origin function is made of: the program, its trampolines, their wiring, an adapter.
pub const ORIGIN_FUNCTION_CORE_INSTANCES_MAX: u32 = 8;

/// Entries of one table. The largest guest, the JavaScript engine, has some ten thousand functions that are called
/// through its table.
pub const SANDBOX_TABLE_ELEMENTS_MAX: usize = 1 << 16;

/// What the host keeps about one core instance, bytes. Grows with the number of functions and imports.
pub const SANDBOX_INSTANCE_BYTES_MAX: usize = 4 << 20;

/// Native stack of a guest, bytes. Half of what a worker thread has, so that the host's own frames always fit.
pub const SANDBOX_STACK_BYTES_MAX: usize = 1 << 20;

/// Native stack of a fibre that an origin function runs on, bytes: the guest's share and as much for host calls.
pub const SANDBOX_FIBRE_STACK_BYTES: usize = 2 << 20;

/// Memory of a finished instance that stays mapped for the next one, bytes. Pages a call dirtied are copied back, which
/// is cheaper than faulting them in again; beyond this they are given back to the system.
pub const SANDBOX_RESIDENT_BYTES_MAX: usize = 4 << 20;

/// Memories of finished instances that wait for the same function to come again. The rest are handed to any function.
pub const SANDBOX_WARM_MEMORIES_MAX: u32 = 256;

/// Period of the epoch ticker while a guest runs: how stale a guest's view of its deadline may be. A tenth of the
/// viewer functions' budget.
pub const SANDBOX_TICK: Duration = Duration::from_micros(100);

/// How long the ticker goes on after the last guest finished, so that steady traffic never has to wake it.
pub const SANDBOX_TICKER_LINGER: Duration = Duration::from_millis(5);

/// Machine code kept on disk, bytes; the oldest goes first. The JavaScript engine is some 17 MB, an origin function a
/// few hundred kilobytes, and every version of verge or of a function adds its own.
pub const COMPILED_CODE_CACHE_BYTES_MAX: u64 = 1 << 30;

/// Host name of an origin that a function chose, characters (Lambda@Edge's bound for custom origins).
pub const ORIGIN_DOMAIN_NAME_CHARS_MAX: usize = 253;

/// Path prefix of an origin that a function chose, characters, percent-encoded (Lambda@Edge's bound).
pub const ORIGIN_PATH_CHARS_MAX: usize = 255;

/// Timeouts of an origin that a function chose, seconds (CloudFront's quota; its event page still says 60).
pub const ORIGIN_TIMEOUT_SECONDS_MAX: u16 = 120;

/// What an origin function may hand to the host in one call or result, bytes: a generated response, its copies as
/// headers and log lines, and slack. The host allocates what a guest claims to return; this bounds the claim.
pub const ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX: usize = 8 << 20;

/// Input of one host hash, bytes. Hashing is not interrupted: a mebibyte takes a millisecond or two.
pub const ORIGIN_FUNCTION_HASH_BYTES_MAX: usize = 1 << 20;

/// Text of a function's own error that goes into the log, characters.
pub const FUNCTION_ERROR_CHARS_MAX: usize = 1_024;

/// Epoch ticks that an origin function runs before it lets other requests of its thread go on: a millisecond, so that
/// the usual call never pauses and a spinning one delays others by no more than that.
pub const ORIGIN_FUNCTION_SLICE_TICKS: u64 = 10;

/// CPU time for loading one viewer function, parsing and running its top level: a function of the largest size takes
/// some five milliseconds, so this only stops sources that never finish.
pub const VIEWER_FUNCTION_LOAD_CPU_BUDGET: Duration = Duration::from_millis(500);

/// Fuel that stands for [`VIEWER_FUNCTION_CPU_BUDGET`] when `verge test` counts instructions instead of time.
pub const VIEWER_FUNCTION_FUEL_BUDGET: u64 = 2_500_000;

/// Finished instances that wait to be cleaned up off the request's path; when it is full a request cleans up itself.
pub const SANDBOX_REAPER_QUEUE_MAX: usize = 32;
