//! Every limit, with its unit in its name and its reason. A number that bounds something lives
//! here.

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

/// Ticks of [`SANDBOX_TICK`] that a viewer call must have seen before its CPU time is held against it. A call that
/// uses its millisecond sees ten; one that the host of a virtual machine stopped for as long, which the kernel counts
/// as CPU time too, sees one for each time it was stopped, and on a busy machine that is a few.
pub const VIEWER_FUNCTION_TICKS_MIN: u32 = 5;

/// What one viewer call may add to the memory of its sandbox, bytes. CloudFront allows 2 MB to an
/// engine that frees; ours bumps a pointer and frees nothing within a request, so the same programs
/// need more address space.
pub const VIEWER_FUNCTION_MEMORY_BYTES_MAX: usize = 16 << 20;

/// Console output of one run, bytes (CloudFront's quota).
pub const FUNCTION_LOG_BYTES_MAX: usize = 10 * 1024;

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

/// `verge.toml` and `function.toml`, bytes: far beyond any hand-written file, small enough to read
/// whole.
pub const CONFIG_FILE_BYTES_MAX: u64 = 4 << 20;

/// Certificates, keys and secrets that the configuration names, bytes each: a chain is a few KiB, a
/// bundle of all public authorities some 250 KiB.
pub const CONFIG_MATERIAL_BYTES_MAX: u64 = 4 << 20;

/// A secret that is sent as a header field, bytes: CloudFront's quota for the value of a custom
/// header.
pub const CUSTOM_HEADER_VALUE_BYTES_MAX: usize = 1_783;

/// Origins of a distribution (CloudFront's quota).
pub const ORIGINS_MAX: usize = 100;

/// Origin groups of a distribution (CloudFront's quota).
pub const ORIGIN_GROUPS_MAX: usize = 10;

/// Cache behaviors of a distribution, the default among them (CloudFront's quota). They are tried
/// in order.
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

/// Memory an origin function may be given, bytes: more than a rewriting function needs, less than
/// hurts a machine that runs a few of them at once.
pub const ORIGIN_FUNCTION_MEMORY_BYTES_CEILING: u64 = 1 << 30;

/// Memory of the cache, bytes: below, hardly an object fits; above, the number is a slip.
pub const CACHE_MEMORY_BYTES: (u64, u64) = (1 << 20, 1 << 40);
/// Instances of the JavaScript engine's guest that may exist at once. A call runs inline on the
/// thread that asks for it, so this is worker threads and the few that publish; 256 covers the
/// largest machine with room to spare.
pub const VIEWER_FUNCTION_INSTANCES_MAX: u32 = 256;

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

/// Entries of one table. The largest guest, the JavaScript engine, has some ten thousand functions
/// that are called through its table.
pub const SANDBOX_TABLE_ELEMENTS_MAX: usize = 1 << 16;

/// What the host keeps about one core instance, bytes. Grows with the number of functions and
/// imports.
pub const SANDBOX_INSTANCE_BYTES_MAX: usize = 4 << 20;

/// Native stack of a guest, bytes. Half of what a worker thread has, so that the host's own frames
/// always fit.
pub const SANDBOX_STACK_BYTES_MAX: usize = 1 << 20;

/// Native stack of a fibre that an origin function runs on, bytes: the guest's share and as much
/// for host calls.
pub const SANDBOX_FIBRE_STACK_BYTES: usize = 2 << 20;

/// Memory of a finished instance that stays mapped for the next one, bytes. Pages a call dirtied
/// are copied back, which is cheaper than faulting them in again; beyond this they are given back
/// to the system.
pub const SANDBOX_RESIDENT_BYTES_MAX: usize = 1 << 20;

/// Memories of finished instances that wait for the same function to come again. The rest are
/// handed to any function.
pub const SANDBOX_WARM_MEMORIES_MAX: u32 = 256;

/// Period of the epoch ticker while a guest runs: how stale a guest's view of its deadline may be.
/// A tenth of the viewer functions' budget.
pub const SANDBOX_TICK: Duration = Duration::from_micros(100);

/// How long the ticker goes on after the last guest finished, so that steady traffic never has to
/// wake it.
pub const SANDBOX_TICKER_LINGER: Duration = Duration::from_millis(5);

/// Machine code kept on disk, bytes; the oldest goes first. The JavaScript engine is some 17 MB, an
/// origin function a few hundred kilobytes, and every version of verge or of a function adds its
/// own.
pub const COMPILED_CODE_CACHE_BYTES_MAX: u64 = 1 << 30;
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
/// Longest lifetime that is guessed: RFC 9111 section 4.2.2 asks for caution beyond a day.
pub const HEURISTIC_LIFETIME_MAX: Duration = Duration::from_secs(24 * 3_600);

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
/// arrive while an origin answers, its answer is not stored: safe, and rarer than an operator
/// types.
pub const CACHE_WILDCARDS_REMEMBERED: usize = 64;

/// An invalidation path, characters (CloudFront's quota).
pub const INVALIDATION_PATH_CHARS_MAX: usize = 4_000;

/// Host name of an origin that a function chose, characters (Lambda@Edge's bound for custom
/// origins).
pub const ORIGIN_DOMAIN_NAME_CHARS_MAX: usize = 253;

/// Path prefix of an origin that a function chose, characters, percent-encoded (Lambda@Edge's
/// bound).
pub const ORIGIN_PATH_CHARS_MAX: usize = 255;

/// Timeouts of an origin that a function chose, seconds (CloudFront's quota; its event page still
/// says 60).
pub const ORIGIN_TIMEOUT_SECONDS_MAX: u16 = 120;

/// What an origin function may hand to the host in one call or result, bytes: a generated response,
/// its copies as headers and log lines, and slack. The host allocates what a guest claims to
/// return; this bounds the claim.
pub const ORIGIN_FUNCTION_EXCHANGE_BYTES_MAX: usize = 8 << 20;

/// Input of one host hash, bytes. Hashing is not interrupted: a mebibyte takes a millisecond or
/// two.
pub const ORIGIN_FUNCTION_HASH_BYTES_MAX: usize = 1 << 20;

/// Text of a function's own error that goes into the log, characters.
pub const FUNCTION_ERROR_CHARS_MAX: usize = 1_024;

/// How long an origin's address is remembered: long enough to keep lookups off the misses, short enough to follow a
/// moved origin within one error caching time.
pub const ORIGIN_DNS_TTL: Duration = Duration::from_secs(10);

/// Origin names remembered; origin functions may choose any.
pub const ORIGIN_DNS_ENTRIES_MAX: usize = 1_024;

/// Background revalidations that were decided on and have not started yet; each holds a request's head.
pub const PENDING_REVALIDATION_REQUESTS_MAX: usize = 1_024;

/// How long an error is kept when the distribution does not say (spec: CDN behaviours section 6).
pub const ERROR_CACHING_MIN_TTL_DEFAULT: Duration = Duration::from_secs(10);

/// How long a viewer's connection is kept without a request, seconds; as long as pingora waits for the first one.
pub const VIEWER_KEEPALIVE_TIMEOUT_SECONDS: u64 = 60;

/// Viewer connections at a time, count, of one listener: what a process with the common limit of 65,536 file
/// descriptors can serve when each also needs one to an origin.
pub const VIEWER_CONNECTIONS_MAX: usize = 30_000;

/// How long a viewer may take for a TLS handshake.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request waits for another one to fill the cache for both before it asks the origin itself.
pub const COLLAPSED_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often one request may go upstream: three attempts for each member of an origin group, one to play what
/// origin-response returned, and one to spare.
pub const UPSTREAM_ATTEMPTS_MAX: usize = 8;

/// How long requests under way are waited for when the edge stops: a little longer than an origin function may run.
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(15);

/// How long a stopping edge waits for its access log to be written.
pub const ACCESS_LOG_FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// CPU time for loading one viewer function, parsing and running its top level: a function of the largest size takes
/// some five milliseconds, so this only stops sources that never finish.
pub const VIEWER_FUNCTION_LOAD_CPU_BUDGET: Duration = Duration::from_millis(500);

/// Fuel that stands for [`VIEWER_FUNCTION_CPU_BUDGET`] when `verge test` counts instructions instead of time: typical
/// functions run 6,000 to 7,200 instructions in a microsecond (`cargo bench --bench viewer`).
pub const VIEWER_FUNCTION_FUEL_BUDGET: u64 = 6_000_000;

/// CPU time of a viewer function in `verge test`, where counted instructions are its budget. Those take milliseconds;
/// this only ends what would count nothing, and must not end an innocent run on a busy machine.
pub const METERED_FUNCTION_CPU_BUDGET: Duration = Duration::from_secs(60);

/// An event, an expected output or a key-value file of `verge test`, bytes: CloudFront takes test events of 40 KB
/// and key-value files of 5 MB.
pub const TEST_FILE_BYTES_MAX: u64 = 8 << 20;

/// Lists and tables inside each other in a YAML file of `verge test`: what the JSON reader allows too.
pub const TEST_YAML_DEPTH_MAX: usize = 128;

/// Differences of one test that are told: who reads more has another problem.
pub const TEST_DIFFERENCES_ITEMS_MAX: usize = 50;

/// A value in a difference that is shown to people, characters.
pub const TEST_SHOWN_VALUE_CHARS_MAX: usize = 300;

/// A source line in an error text, characters: around the column, because minified code is one line.
pub const TEST_SHOWN_LINE_CHARS_MAX: usize = 120;

/// How long files must stay as they are before `verge test --watch` runs again: editors write in several steps.
pub const TEST_WATCH_QUIET: Duration = Duration::from_millis(100);

/// A line of `verge test --batch`, bytes: the largest source and event, and a full key-value store beside them.
pub const TEST_BATCH_LINE_BYTES_MAX: usize = 16 << 20;

/// Functions that `verge test --batch` keeps loaded. Each holds some hundred kilobytes; a stream that changes among
/// more loads them again, milliseconds each.
pub const TEST_BATCH_FUNCTIONS_ITEMS_MAX: usize = 256;

/// Pages that an instance of the JavaScript engine may have of its own and still be used again, 1 MiB: copying one back
/// measured a tenth of a microsecond, and beyond this a new instance is cheaper.
pub const VIEWER_INSTANCE_RESIDENT_PAGES_MAX: usize = 256;

/// Instances of the JavaScript engine that wait for their next call, count: one for each of the busiest functions on
/// each worker thread; with the pages that each may keep, 64 MiB at most. Other functions borrow the longest waiting
/// one, which costs a copy of both functions' pages.
pub const VIEWER_INSTANCES_IDLE_MAX: usize = 64;

/// Finished instances that wait to be cleaned up off the request's path; when it is full a request cleans up itself.
pub const SANDBOX_REAPER_INSTANCES_MAX: usize = 32;
/// How long an origin function runs before it lets other requests of its thread go on: so long
/// that the usual call never pauses, so short that a spinning one hardly delays the others.
pub const ORIGIN_FUNCTION_SLICE: Duration = Duration::from_millis(1);

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
/// Stack of the thread that the compatibility lint reads a source on, bytes. The parser recurses, and a source of
/// [`VIEWER_FUNCTION_SOURCE_BYTES_MAX`] has at most that many levels. Seventy shapes of nesting, brackets among them, need less
/// than 32 MiB in a debug build. It is address space: the kernel gives memory to what is touched.
pub const LINT_STACK_BYTES: usize = 128 << 20;

/// How many definitions the compatibility lint follows to tell what a value is, depth. Real code needs three or four; each
/// level may ask for two more.
pub const LINT_INFERENCE_DEPTH_MAX: usize = 10;

/// Part of a source's line that is shown with a finding, characters: what fits on a wide terminal.
pub const SOURCE_EXCERPT_CHARS_MAX: usize = 120;

/// Findings of the compatibility lint that are reported of one function, count: nobody reads more, and a source of
/// the largest size can have five thousand.
pub const LINT_FINDINGS_ITEMS_MAX: usize = 200;
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

/// Notices that a function passed something without effect, remembered so that each is given once.
pub const NOTICE_ENTRIES_MAX: usize = 1_024;
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

/// What is gathered of an answer before it is sent to the viewer, bytes: a head and a small body. A larger part of a body
/// goes as it is; more would hold back what an origin sends slowly.
pub const VIEWER_WRITE_BUFFER_BYTES: usize = 4 << 10;

/// Headers and query of an event whose answer is remembered, bytes: beyond, the engine takes new memory for the event,
/// which a function can notice; and looking at what is larger would cost more than it saves.
pub const MEMO_EVENT_BYTES_MAX: usize = 8 << 10;

/// Parameters, cookies or lines of cookies of such an event, each: grouping them by name compares each with each, in no
/// function's budget; 64 take some microseconds.
pub const MEMO_PIECES_MAX: usize = 64;
