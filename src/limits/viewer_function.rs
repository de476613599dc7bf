//! Limits of viewer functions: time, memory, what is remembered, what their helpers and stores take.

use std::time::Duration;

/// Source size of a viewer function, bytes: CloudFront's published quota (10 KB).
pub const VIEWER_FUNCTION_SOURCE_BYTES_MAX: usize = 10 * 1024;

/// CPU time of all viewer functions of one event, of the thread that runs them. The product's
/// promise.
pub const VIEWER_FUNCTION_CPU_BUDGET: Duration = Duration::from_millis(1);

/// Wall-clock backstop of a viewer function: an innocent function on a busy machine may wait this
/// long for its millisecond, a thread that is never scheduled must not hold its request for ever.
pub const VIEWER_FUNCTION_WALL_BACKSTOP: Duration = Duration::from_millis(50);

/// The same in proportion, for the larger budgets of loading: times the CPU time that was granted.
pub const VIEWER_FUNCTION_WALL_SHARE: u32 = 50;

/// Ticks of [`crate::limits::SANDBOX_TICK`] that a viewer call must have seen before its CPU time is held against it. A call that
/// uses its millisecond sees ten; one that the host of a virtual machine stopped for as long, which the kernel counts
/// as CPU time too, sees one for each time it was stopped, and on a busy machine that is a few.
pub const VIEWER_FUNCTION_TICKS_MIN: u32 = 5;

/// What one viewer call may add to the memory of its sandbox, bytes. CloudFront allows 2 MB to an
/// engine that frees; ours bumps a pointer and frees nothing within a request, so the same programs
/// need more address space.
pub const VIEWER_FUNCTION_MEMORY_BYTES_MAX: usize = 16 << 20;

/// Console output of one run, bytes (CloudFront's quota).
pub const FUNCTION_LOG_BYTES_MAX: usize = 10 * 1024;

/// Response that a viewer event generates, headers and body, bytes (Lambda@Edge viewer quota).
pub const VIEWER_GENERATED_RESPONSE_BYTES_MAX: usize = 40 * 1024;

/// Nesting of brackets that the guest's parser is given. Its recursion costs stack per level.
pub const SOURCE_NESTING_DEPTH_MAX: usize = 128;

/// Instances of the JavaScript engine's guest that may exist at once. A call runs inline on the
/// thread that asks for it, so this is worker threads and the few that publish; 256 covers the
/// largest machine with room to spare.
pub const VIEWER_FUNCTION_INSTANCES_MAX: u32 = 256;

/// Text of a function's own error that goes into the log, characters.
pub const FUNCTION_ERROR_CHARS_MAX: usize = 1_024;

/// CPU time for loading one viewer function, parsing and running its top level: a function of the largest size takes
/// some five milliseconds, so this only stops sources that never finish.
pub const VIEWER_FUNCTION_LOAD_CPU_BUDGET: Duration = Duration::from_millis(500);

/// Fuel that stands for [`VIEWER_FUNCTION_CPU_BUDGET`] when `verge test` counts instructions instead of time: typical
/// functions run 6,000 to 7,200 instructions in a microsecond (`cargo bench --bench viewer`).
pub const VIEWER_FUNCTION_FUEL_BUDGET: u64 = 6_000_000;

/// Pages that an instance of the JavaScript engine may have of its own and still be used again, 1 MiB: copying one back
/// measured a tenth of a microsecond, and beyond this a new instance is cheaper.
pub const VIEWER_INSTANCE_RESIDENT_PAGES_MAX: usize = 256;

/// Instances of the JavaScript engine that wait for their next call, count: one for each of the busiest functions on
/// each worker thread; with the pages that each may keep, 64 MiB at most. Other functions borrow the longest waiting
/// one, which costs a copy of both functions' pages.
pub const VIEWER_INSTANCES_IDLE_MAX: usize = 64;

/// Remembered answers of all viewer functions, bytes; each has an equal part. A quarter of the cache's default memory,
/// for some hundred thousand answers of usual size: the most asked for of any site.
pub const VIEWER_MEMOS_BYTES_MAX: usize = 64 << 20;

/// Calls after which it is judged whether remembering a function's answers pays.
pub const VIEWER_MEMO_TRIAL_CALLS: i64 = 4_096;

/// Hits in [`VIEWER_MEMO_TRIAL_CALLS`] below which it does not: looking costs about a tenth of running a small function.
pub const VIEWER_MEMO_HITS_PER_TRIAL_MIN: u32 = 512;

/// Calls for which a function is then left alone, before it is tried again: traffic changes.
pub const VIEWER_MEMO_PAUSE_CALLS: i64 = 65_536;

/// Calls in a row that used up a viewer function's budget, after which it is throttled: a busy machine may cost an
/// innocent function one call or two, not ten.
pub const VIEWER_BREAKER_OVERRUNS: u32 = 10;

/// Quick calls, of at most half of the budget, after which a call that uses up its budget is tried once more. A function
/// that is slow now and then costs its worker at most a hundredth more; one that always is, nothing.
pub const VIEWER_SECOND_TRY_QUICK_CALLS: u32 = 100;

/// Second tries that may be saved up; a function begins with as many, since its first calls find the caches coldest.
pub const VIEWER_SECOND_CALLS_MAX: u32 = 3;

/// Time between two calls that are tried of a throttled viewer function: a fixed function is back within a second, and a
/// broken one takes a thousandth of a worker's time.
pub const VIEWER_BREAKER_PAUSE: Duration = Duration::from_secs(1);

/// Calls of the origin helpers in one run of a function. One is usual; a chain of changes has a few.
pub const ORIGIN_CHANGE_ITEMS_MAX: usize = 16;

/// Arguments of one call of an origin helper, as JSON, bytes: thirty custom header fields at their limits.
pub const ORIGIN_CHANGE_BYTES_MAX: usize = 64 << 10;

/// Names in `allowedCertificateNames` (CloudFront's quota).
pub const ALLOWED_CERTIFICATE_NAMES_MAX: usize = 20;

/// One of these names, characters (CloudFront's quota).
pub const CERTIFICATE_NAME_CHARS_MAX: usize = 64;

/// Host name of an S3 bucket as an origin, characters (CloudFront's quota).
pub const BUCKET_DOMAIN_NAME_CHARS_MAX: usize = 128;

/// `connectionTimeout` of an origin that a function changed, seconds (CloudFront's quota).
pub const ORIGIN_CONNECTION_SECONDS_MAX: u16 = 10;

/// `responseCompletionTimeout` of an origin that a function changed, seconds. CloudFront names no figure; an hour is
/// longer than a connection between edge and origin usefully lasts.
pub const ORIGIN_COMPLETION_SECONDS_MAX: u16 = 3_600;

/// A key-value store, bytes: CloudFront's quota of 5 MB for a store, and for the file that fills it.
pub const KEY_VALUE_STORE_BYTES_MAX: usize = 5 << 20;

/// A key of a key-value store, characters (CloudFront's quota for imports).
pub const KEY_VALUE_STORE_KEY_CHARS_MAX: usize = 512;

/// A value of a key-value store, characters (CloudFront's quota for imports).
pub const KEY_VALUE_STORE_VALUE_CHARS_MAX: usize = 1_024;

/// A key-value store's id, characters: an ARN with a name of the greatest length has half of that.
pub const KEY_VALUE_STORE_ID_CHARS_MAX: usize = 256;

/// Faults of one key-value store that are listed: a file made by a faulty program has one in each of its entries.
pub const KEY_VALUE_STORE_FAULT_ITEMS_MAX: usize = 20;

/// What a question to a key-value store costs in fuel besides [`KEY_VALUE_STORE_BYTE_FUEL`]. The host answers it, and
/// the host burns no fuel; a look-up takes about as long as this many instructions.
pub const KEY_VALUE_STORE_CALL_FUEL: u64 = 500;

/// What each byte of a key and of its value costs in fuel: it is hashed, or copied.
pub const KEY_VALUE_STORE_BYTE_FUEL: u64 = 2;

/// Headers and query of an event whose answer is remembered, bytes: beyond, the engine takes new memory for the event,
/// which a function can notice; and looking at what is larger would cost more than it saves.
pub const MEMO_EVENT_BYTES_MAX: usize = 8 << 10;

/// Parameters, cookies or lines of cookies of such an event, each: grouping them by name compares each with each, in no
/// function's budget; 64 take some microseconds.
pub const MEMO_PIECES_MAX: usize = 64;

/// CPU time from which a call is a long one. A function whose last call was long lets others go on while the next one runs,
/// which costs waking a thread, some ten microseconds; below this it is cheaper for everybody to wait.
pub const VIEWER_FUNCTION_LONG_CALL: Duration = Duration::from_micros(250);
