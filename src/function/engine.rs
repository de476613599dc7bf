//! The sandbox: one wasmtime engine that both kinds of function run in.
//!
//! Viewer functions (JavaScript, in a guest that holds the interpreter) call it on the thread that
//! asks; origin functions run in it on fibres. This file decides how instances get their memory,
//! how guests are interrupted, and how code is compiled and kept. It knows neither kind's
//! interface.

mod code_cache;
mod pages;
mod ticker;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Module, OptLevel, PoolingAllocationConfig,
};

use crate::limits;
use code_cache::{CodeCache, Kind};
use ticker::Ticker;

pub use pages::{PageMap, keep_pages_small, thread_faults};
pub use ticker::RunningGuest;

/// What a sandbox is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Serving: guests are interrupted by time, nothing is counted.
    Production,
    /// `verge test`: every instruction is counted as fuel as well, the same on a busy and on an
    /// idle machine. Slower. A store starts with no fuel; its owner grants some.
    Metered,
}

/// Why a sandbox could not be made or code could not be loaded: the place and the remedy, for a
/// human.
#[derive(Debug)]
pub struct SandboxError(String);

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SandboxError {}

impl SandboxError {
    /// A guest that belongs to verge itself cannot be used.
    pub(super) fn guest(message: String) -> Self {
        Self(message)
    }
}

/// The engine with its clock, its permits and its compiled code. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    mode: Mode,
    ticker: Ticker,
    cache: Option<CodeCache>,
    origin_permits: Semaphore,
    idle_places: Arc<Semaphore>,
    idle_connections: Arc<Semaphore>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("mode", &self.inner.mode).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Makes a sandbox. With a `cache` directory, compiled code is kept there; a directory that
    /// cannot be trusted is not used, which costs seconds at each start and is logged.
    ///
    /// # Errors
    /// When the address space cannot be reserved or a thread cannot be started.
    pub fn new(mode: Mode, cache: Option<&Path>) -> Result<Self, SandboxError> {
        let origin_functions = match mode {
            Mode::Production => limits::ORIGIN_FUNCTION_CONCURRENCY_MAX,
            Mode::Metered => METERED_FUNCTIONS,
        };
        let engine = Engine::new(&engine_config(mode, origin_functions)).map_err(|error| {
            SandboxError(format!(
                "cannot reserve address space for functions: {error:#}; \
                 lift the limit on virtual memory (ulimit -v unlimited)"
            ))
        })?;
        let ticker = Ticker::start(engine.clone()).map_err(|error| {
            SandboxError(format!(
                "cannot start the thread that interrupts functions: {error}; \
                 raise the limit on threads (ulimit -u)"
            ))
        })?;
        let permits = Semaphore::new(usize::try_from(origin_functions).unwrap_or(usize::MAX));
        let cache = cache.and_then(open_cache);
        let places = usize::try_from(limits::ORIGIN_ENVIRONMENTS_IDLE_INSTANCES_MAX);
        let idle_places = Arc::new(Semaphore::new(places.unwrap_or_default()));
        let idle_connections = Arc::new(Semaphore::new(limits::OUTBOUND_IDLE_CONNECTIONS_MAX));
        let inner = Inner {
            engine,
            mode,
            ticker,
            cache,
            origin_permits: permits,
            idle_places,
            idle_connections,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The engine, to make stores and linkers of.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// What this sandbox is for.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// Keeps the epoch advancing, every [`limits::SANDBOX_TICK`], until the guard is dropped. Every
    /// call into a guest, its start function included, must be made while one is held.
    pub fn running_guest(&self) -> RunningGuest<'_> {
        self.inner.ticker.enter()
    }

    /// Instances of the JavaScript engine that there may be at a time.
    #[must_use]
    pub fn viewer_instances_max(&self) -> u32 {
        viewer_instances_max(self.mode())
    }

    /// A permit to run one origin function; `None` when [`limits::ORIGIN_FUNCTION_CONCURRENCY_MAX`]
    /// run already.
    #[must_use]
    pub fn origin_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.inner.origin_permits.try_acquire().ok()
    }

    /// A place for one idle environment of an origin function; `None` when
    /// [`limits::ORIGIN_ENVIRONMENTS_IDLE_INSTANCES_MAX`] wait already.
    #[must_use]
    pub fn idle_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.inner.idle_places).try_acquire_owned().ok()
    }

    /// A permit for each connection of origin functions that may wait for its next request.
    #[must_use]
    pub fn idle_connections(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.idle_connections)
    }

    /// Loads a core module, from the cache if it was compiled before. Blocks for as long as
    /// compiling takes.
    ///
    /// # Errors
    /// When `wasm` is not a module that this engine accepts. `name` is for the log.
    pub fn load_module(&self, name: &str, wasm: &[u8]) -> Result<Module, SandboxError> {
        let engine = self.engine();
        self.load(name, Kind::Module, wasm, |code| {
            // SAFETY: `code` was serialised either just now by this engine or by a build with the
            // same compatibility hash, and in the second case was read from a file of ours, in a
            // directory that only our account may write to, whose content has the SHA-256 that was
            // stored when it was written. What remains is an attacker who already runs as our
            // account, and such a one needs no forged code.
            unsafe { Module::deserialize(engine, code) }
        })
    }

    /// Loads a component, from the cache if it was compiled before. Blocks for as long as compiling
    /// takes.
    ///
    /// # Errors
    /// When `wasm` is not a component that this engine accepts. `name` is for the log.
    pub fn load_component(&self, name: &str, wasm: &[u8]) -> Result<Component, SandboxError> {
        let engine = self.engine();
        self.load(name, Kind::Component, wasm, |code| {
            // SAFETY: as for modules in `load_module`.
            unsafe { Component::deserialize(engine, code) }
        })
    }

    fn load<T>(
        &self,
        name: &str,
        kind: Kind,
        wasm: &[u8],
        deserialize: impl Fn(&[u8]) -> wasmtime::Result<T>,
    ) -> Result<T, SandboxError> {
        let engine = self.engine();
        let place = self.inner.cache.as_ref().map(|cache| (cache, cache.path(engine, kind, wasm)));
        if let Some((cache, path)) = &place
            && let Some(code) = cache.read(path)
        {
            match deserialize(code.bytes()) {
                Ok(loaded) => return Ok(loaded),
                Err(error) => {
                    tracing::warn!(name, %error, "compiled code refused; compiling again");
                }
            }
        }
        let started = Instant::now();
        tracing::debug!(name, bytes = wasm.len(), "compiling");
        let code = match kind {
            Kind::Module => engine.precompile_module(wasm),
            Kind::Component => engine.precompile_component(wasm),
        }
        .map_err(|error| refused(kind, &error))?;
        let milliseconds = started.elapsed().as_millis();
        tracing::info!(name, milliseconds, machine_code_bytes = code.len(), "compiled");
        if let Some((cache, path)) = &place
            && let Err(error) = cache.write(path, &code)
        {
            tracing::warn!(name, %error, "compiled code not kept; the next start compiles again");
        }
        deserialize(&code).map_err(|error| refused(kind, &error))
    }
}

fn refused(kind: Kind, error: &wasmtime::Error) -> SandboxError {
    let noun = match kind {
        Kind::Module => "module",
        Kind::Component => "component",
    };
    SandboxError(format!("not a WebAssembly {noun} that verge can run: {error:#}"))
}

fn open_cache(directory: &Path) -> Option<CodeCache> {
    match CodeCache::open(directory) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::warn!(
                directory = %directory.display(), %error,
                "compiled code is not kept: functions are compiled at every start"
            );
            None
        }
    }
}

/// Origin functions at a time in a metered sandbox: `verge test` runs one after the other.
const METERED_FUNCTIONS: u32 = 16;

fn viewer_instances_max(mode: Mode) -> u32 {
    match mode {
        Mode::Production => limits::VIEWER_FUNCTION_INSTANCES_MAX,
        Mode::Metered => METERED_FUNCTIONS,
    }
}

fn engine_config(mode: Mode, origin_functions: u32) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(mode == Mode::Metered)
        .max_wasm_stack(limits::SANDBOX_STACK_BYTES_MAX)
        .async_stack_size(limits::SANDBOX_FIBRE_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        // 4 GiB reserved for each memory: every 32-bit address falls inside it or its guard, so the
        // compiled code needs no bounds checks and memories never move.
        .memory_reservation(1 << 32)
        .memory_init_cow(true)
        // Nobody walks guest frames: traps name their kind, and that is what the log shows. Less
        // machine code.
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        // Calls of one store never overlap, so its bookkeeping is left out of every instantiation.
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(mode, origin_functions)));
    config
}

/// Sizes of the pool. Only address space is reserved here: with the production limits 4,256
/// memories of 4 GiB, 17 TiB of the 128 TiB that a process has; memory is used where guests touch
/// it. The numbers are sums of what each kind may need at its own limit, so that no burst of one
/// kind can take the slots of the other, and neither can environments that wait.
fn pool(mode: Mode, origin_functions: u32) -> PoolingAllocationConfig {
    let viewer_instances = viewer_instances_max(mode);
    let idle = match mode {
        Mode::Production => limits::ORIGIN_ENVIRONMENTS_IDLE_INSTANCES_MAX,
        Mode::Metered => 0,
    };
    let origin_functions = origin_functions + idle;
    let total = |each: u32| origin_functions * each + viewer_instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(origin_functions)
        .total_stacks(origin_functions)
        .total_core_instances(total(limits::ORIGIN_FUNCTION_CORE_INSTANCES_MAX))
        .total_memories(total(limits::ORIGIN_FUNCTION_MEMORIES_MAX))
        .total_tables(total(limits::ORIGIN_FUNCTION_TABLES_MAX))
        .max_core_instances_per_component(limits::ORIGIN_FUNCTION_CORE_INSTANCES_MAX)
        .max_memories_per_component(limits::ORIGIN_FUNCTION_MEMORIES_MAX)
        .max_tables_per_component(limits::ORIGIN_FUNCTION_TABLES_MAX)
        .max_core_instance_size(limits::SANDBOX_INSTANCE_BYTES_MAX)
        .max_component_instance_size(limits::SANDBOX_INSTANCE_BYTES_MAX)
        .table_elements(limits::SANDBOX_TABLE_ELEMENTS_MAX)
        .max_memory_size(1 << 32)
        .max_unused_warm_slots(limits::SANDBOX_WARM_MEMORIES_MAX);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        // The kernel says which pages a call dirtied; only those are copied back, and none is
        // faulted in again.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(limits::SANDBOX_RESIDENT_BYTES_MAX)
            .table_keep_resident(limits::SANDBOX_TABLE_ELEMENTS_MAX * size_of::<usize>());
    } else {
        // Resident memory without the scan means copying all of it for each call, which measured
        // slower than letting the copy-on-write mapping fault.
        tracing::info!(
            "this kernel has no PAGEMAP_SCAN (Linux 6.7): instances are reset by page faults, \
             which is slower"
        );
    }
    pool
}

#[cfg(test)]
mod tests;
