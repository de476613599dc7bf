//! Limits of the sandbox that both kinds of function run in.

use std::time::Duration;

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

/// Period of the ticker while it finds no guest running: most calls end between two looks, and each look is a
/// wake-up that a busy core pays for. A call that begins behind one is found at half of the viewer functions' budget.
pub const SANDBOX_TICK_BETWEEN_GUESTS: Duration = Duration::from_micros(500);

/// How long the ticker goes on after the last guest finished, so that steady traffic never has to
/// wake it.
pub const SANDBOX_TICKER_LINGER: Duration = Duration::from_millis(5);

/// Machine code kept on disk, bytes; the oldest goes first. The JavaScript engine is some 17 MB, an
/// origin function a few hundred kilobytes, and every version of verge or of a function adds its
/// own.
pub const COMPILED_CODE_CACHE_BYTES_MAX: u64 = 1 << 30;

/// Finished instances that wait to be cleaned up off the request's path; when it is full a request cleans up itself.
pub const SANDBOX_REAPER_INSTANCES_MAX: usize = 32;
