//! One engine, many short lives: instances of the guest, their limits, and what ended them.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{
    Instance, InstancePre, Linker, Memory, ModuleExport, ResourceLimiter, Store, Trap, TypedFunc,
    UpdateDeadline,
};

use super::Budget;
use super::delta::Delta;
use super::idle::Idle;
use super::kv;
use super::reaper::Reaper;
use crate::error::FunctionError;
use crate::function::Invocation;
use crate::function::engine::{Mode, Sandbox, SandboxError, keep_pages_small};
use crate::kv::Reading;
use crate::limits;

/// The guest with its memory as it is after starting; `guest/rebuild.sh` makes it.
const GUEST: &[u8] = include_bytes!("../../../guest/engine.wasm.zst");
/// What the guest's module may have unpacked, bytes.
const GUEST_BYTES_MAX: u64 = 64 << 20;
/// Ends a line in the guest's log; never part of UTF-8.
const LINE_END: u8 = 0xff;

/// The JavaScript engine, compiled, and the addresses it has in every instance.
pub struct JsEngine {
    sandbox: Sandbox,
    linked: InstancePre<Limits>,
    exports: Exports,
    layout: Layout,
    idle: Idle,
    reaper: Reaper<Alive>,
}

impl fmt::Debug for JsEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsEngine").field("sandbox", &self.sandbox).finish_non_exhaustive()
    }
}

/// Exports by number: finding them by name costs a hash for each call.
struct Exports {
    memory: ModuleExport,
    call: ModuleExport,
    room: ModuleExport,
}

/// Where the guest keeps what the host reads and writes.
#[derive(Clone, Copy, Default, Debug)]
struct Layout {
    room: usize,
    room_bytes: usize,
    log_length: usize,
    log: usize,
    exhausted: usize,
}

/// What belongs to one instance besides its memory.
pub(super) struct Limits {
    /// CPU time of the thread at which it is stopped.
    cpu_end: Duration,
    /// The same for the wall clock.
    wall_end: Instant,
    /// Ticks of the sandbox's clock that its call has seen.
    ticks: u32,
    /// Whether its memory may grow: only while a function is loaded.
    may_grow: bool,
    /// The key-value store of its call.
    pub(super) store: Option<Reading>,
}

impl Limits {
    /// The limits of a run that begins at `now`, as the calling thread's CPU clock has it.
    fn from(now: Duration, budget: Budget, may_grow: bool) -> Self {
        let wall = budget.cpu * limits::VIEWER_FUNCTION_WALL_SHARE;
        Self {
            cpu_end: now + budget.cpu,
            wall_end: Instant::now() + wall.max(limits::VIEWER_FUNCTION_WALL_BACKSTOP),
            ticks: 0,
            may_grow,
            store: None,
        }
    }

    /// Called at each tick that the call sees.
    ///
    /// Where the machine is a virtual one, the time it was not given by its host counts as CPU time of whoever ran.
    /// A call that was stopped that way saw no ticks while it lasted; one that used its budget itself saw many.
    fn over_at_tick(&mut self) -> bool {
        self.ticks += 1;
        let seen = self.ticks >= limits::VIEWER_FUNCTION_TICKS_MIN;
        (seen && thread_cpu() >= self.cpu_end) || Instant::now() >= self.wall_end
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.may_grow && desired <= limits::VIEWER_FUNCTION_MEMORY_BYTES_MAX * 4)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The engine's own table passes by here when an instance is made; the guest never grows it.
        Ok(desired <= limits::SANDBOX_TABLE_ELEMENTS_MAX)
    }
}

/// CPU time that this thread has used.
pub(super) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// An instance with its store, ready to be called.
pub(super) struct Alive {
    pub(super) store: Store<Limits>,
    pub(super) instance: Instance,
    pub(super) memory: Memory,
    call: TypedFunc<u32, u64>,
    /// Whose pages are laid over the image.
    pub(super) home: Weak<Delta>,
    /// Where its memory was ever written: ascending, whole pages.
    pub(super) written: Vec<Range<usize>>,
    /// What [`thread_faults`](crate::function::engine::thread_faults) said when it was taken for its call; `None` while
    /// `written` is not known.
    pub(super) faults: Option<i64>,
}

impl Alive {
    /// Whether its memory is what calls of `delta`'s function begin with.
    pub(super) fn is_at_home_with(&self, delta: &Arc<Delta>) -> bool {
        std::ptr::eq(self.home.as_ptr(), Arc::as_ptr(delta))
    }
}

impl JsEngine {
    /// Unpacks and compiles the guest; takes seconds unless the sandbox has its code already.
    ///
    /// # Errors
    /// When the guest cannot be compiled or started.
    pub fn new(sandbox: &Sandbox) -> Result<Arc<Self>, SandboxError> {
        let module = sandbox.load_module("JavaScript engine", &unpack()?)?;
        let broken = |what: &str| SandboxError::guest(format!("the JavaScript engine {what}"));
        let export = |name: &str| {
            module.get_export_index(name).ok_or_else(|| broken(&format!("lacks its {name}")))
        };
        let mut linker = Linker::new(sandbox.engine());
        let linked = kv::define(&mut linker, export("memory")?, sandbox.mode())
            .and_then(|()| linker.instantiate_pre(&module))
            .map_err(|error| broken(&format!("cannot be linked: {error:#}")))?;
        let exports =
            Exports { memory: export("memory")?, call: export("call")?, room: export("room")? };
        let reaper = Reaper::start().map_err(|error| broken(&format!("has no reaper: {error}")))?;
        let (layout, idle) = (Layout::default(), Idle::new(&[], 0));
        let mut engine = Self { sandbox: sandbox.clone(), linked, exports, layout, idle, reaper };
        let unstarted = |error| broken(&format!("does not start: {error:#}"));
        let _running = sandbox.running_guest();
        let mut alive = engine.instantiate(Budget::for_loading()).map_err(unstarted)?;
        let instances_max = usize::try_from(sandbox.viewer_instances_max()).unwrap_or(0);
        engine.idle = Idle::new(alive.memory.data(&alive.store), instances_max);
        // The image was just read from disk: on a busy machine the time for that is not the guest's.
        *alive.store.data_mut() = Limits::from(thread_cpu(), Budget::for_loading(), true);
        engine.layout = Self::read_layout(&mut alive).map_err(unstarted)?;
        Ok(Arc::new(engine))
    }

    fn read_layout(alive: &mut Alive) -> wasmtime::Result<Layout> {
        let layout = alive.instance.get_typed_func::<(), u32>(&mut alive.store, "layout")?;
        let place = layout.call(&mut alive.store, ())? as usize;
        let mut parts = [0; 5];
        for (index, part) in parts.iter_mut().enumerate() {
            *part = read_u32(alive.memory.data(&alive.store), place + index * 4);
        }
        let [room, room_bytes, log_length, log, exhausted] = parts;
        Ok(Layout { room, room_bytes, log_length, log, exhausted })
    }

    /// The sandbox that the engine lives in.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A fresh instance that may use `budget` from now on. A running guest has to be announced by the caller.
    pub(super) fn instantiate(&self, budget: Budget) -> wasmtime::Result<Alive> {
        let mut store = Store::new(self.sandbox.engine(), Limits::from(thread_cpu(), budget, true));
        store.limiter(|limits| limits);
        if self.sandbox.mode() == Mode::Metered {
            store.set_fuel(budget.fuel)?;
        }
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| {
            let over = store.data_mut().over_at_tick();
            Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
        });
        let instance = self.linked.instantiate(&mut store)?;
        let memory = instance.get_module_export(&mut store, &self.exports.memory);
        let memory = memory.and_then(wasmtime::Extern::into_memory);
        let memory = memory.ok_or_else(|| wasmtime::Error::msg("the memory is not exported"))?;
        let call = instance.get_module_export(&mut store, &self.exports.call);
        let call = call.and_then(wasmtime::Extern::into_func);
        let call = call.ok_or_else(|| wasmtime::Error::msg("call is not exported"))?;
        let call = call.typed(&store)?;
        keep_pages_small(memory.data_mut(&mut store));
        let (home, written, faults) = (Weak::new(), Vec::new(), None);
        Ok(Alive { store, instance, memory, call, home, written, faults })
    }

    /// An instance for one call whose memory is the engine's image with `delta`: one that waited, or a new one.
    fn fresh(&self, delta: &Arc<Delta>, budget: Budget) -> wasmtime::Result<Alive> {
        if let Some(mut alive) = self.idle.take(delta) {
            if self.sandbox.mode() == Mode::Metered {
                alive.store.set_fuel(budget.fuel)?;
            }
            alive.store.set_epoch_deadline(1);
            return Ok(alive);
        }
        let mut alive = self.instantiate(budget)?;
        if !delta.apply(alive.memory.data_mut(&mut alive.store)) {
            return Err(wasmtime::Error::msg("the function does not fit this engine"));
        }
        Ok(alive)
    }

    /// Ends an instance's call, which `returned` or was stopped.
    fn finish(&self, alive: Alive, delta: &Arc<Delta>, returned: bool) {
        let spent = if returned { self.idle.give_back(alive, delta) } else { Some(alive) };
        if let Some(alive) = spent {
            self.reaper.bury(alive);
        }
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> &Idle {
        &self.idle
    }

    /// The memory of an instance that has just started, without the zeros at its end.
    pub(super) fn image(&self) -> &[u8] {
        self.idle.image()
    }

    /// Writes `bytes` where the guest expects its input.
    pub(super) fn write_input(&self, alive: &mut Alive, bytes: &[u8]) -> wasmtime::Result<()> {
        let mut place = self.layout.room;
        if bytes.len() > self.layout.room_bytes {
            let room = alive.instance.get_module_export(&mut alive.store, &self.exports.room);
            let room = room.and_then(wasmtime::Extern::into_func);
            let room = room.ok_or_else(|| wasmtime::Error::msg("room is not exported"))?;
            let room: TypedFunc<u32, u32> = room.typed(&alive.store)?;
            let length = u32::try_from(bytes.len())?;
            place = room.call(&mut alive.store, length)? as usize;
        }
        alive.memory.write(&mut alive.store, place, bytes)?;
        Ok(())
    }

    /// A fresh instance for `delta`'s function, given back at once.
    pub(super) fn dry_run(&self, delta: &Arc<Delta>) -> bool {
        let _running = self.sandbox.running_guest();
        let fresh = self.fresh(delta, Budget::default());
        fresh.map(|alive| self.finish(alive, delta, true)).is_ok()
    }

    /// Runs one call from a fresh instance to the end of it.
    pub(super) fn call<T>(
        &self,
        delta: &Arc<Delta>,
        event: &[u8],
        store: Option<Reading>,
        budget: Budget,
        read: impl FnOnce(&Answer<'_>) -> Result<T, FunctionError>,
    ) -> Invocation<T> {
        let _running = self.sandbox.running_guest();
        let metered = self.sandbox.mode() == Mode::Metered;
        // A metered sandbox is limited by what it counts; its code is slower, so time would be unfair.
        let granted = if metered {
            Budget { cpu: limits::METERED_FUNCTION_CPU_BUDGET, ..budget }
        } else {
            budget
        };
        let mut alive = match self.fresh(delta, granted) {
            Ok(alive) => alive,
            Err(error) => return Invocation::unmade(no_instance(&error)),
        };
        // The budget is the function's: it begins when everything is ready for it.
        let started = thread_cpu();
        *alive.store.data_mut() = Limits { store, ..Limits::from(started, granted, false) };
        let called = self.call_in(&mut alive, event);
        let cpu = thread_cpu().saturating_sub(started);
        let logs = self.logs(&alive);
        let fuel = metered.then(|| budget.fuel - alive.store.get_fuel().unwrap_or_default());
        let returned = called.is_ok();
        let result = match called {
            Ok((place, length)) => {
                let memory = alive.memory.data(&alive.store);
                let answer = memory.get(place..place.saturating_add(length));
                read(&Answer::new(answer.unwrap_or_default(), &logs))
            }
            Err(error) => Err(self.explain(&alive, &error)),
        };
        // An instance that waits must not keep a store alive that was replaced.
        alive.store.data_mut().store = None;
        self.finish(alive, delta, returned);
        Invocation { result, logs, cpu, fuel, remembered: false, report: None }
    }

    fn call_in(&self, alive: &mut Alive, event: &[u8]) -> wasmtime::Result<(usize, usize)> {
        self.write_input(alive, event)?;
        let packed = alive.call.call(&mut alive.store, u32::try_from(event.len())?)?;
        Ok(unpack_answer(packed))
    }

    /// The lines that were logged, also when the call was cut off.
    fn logs(&self, alive: &Alive) -> Vec<String> {
        let memory = alive.memory.data(&alive.store);
        let length = read_u32(memory, self.layout.log_length);
        if length == 0 {
            return Vec::new();
        }
        let length = length.min(limits::FUNCTION_LOG_BYTES_MAX);
        let bytes = memory.get(self.layout.log..self.layout.log + length).unwrap_or_default();
        let lines = bytes.strip_suffix(&[LINE_END]).unwrap_or(bytes);
        let lines = lines.split(|byte| *byte == LINE_END);
        lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// What a trap means for the function's author.
    pub(super) fn explain(&self, alive: &Alive, error: &wasmtime::Error) -> FunctionError {
        let exhausted = read_u32(alive.memory.data(&alive.store), self.layout.exhausted) & 0xff;
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt | Trap::OutOfFuel) => FunctionError::throttled(format!(
                "ran longer than its {} ms of CPU time",
                limits::VIEWER_FUNCTION_CPU_BUDGET.as_millis()
            )),
            Some(Trap::StackOverflow) => {
                FunctionError::execution("RangeError: calls are nested too deeply")
            }
            _ if exhausted != 0 => FunctionError::execution(format!(
                "used more than its {} bytes of memory",
                limits::VIEWER_FUNCTION_MEMORY_BYTES_MAX
            )),
            Some(Trap::MemoryOutOfBounds) => {
                FunctionError::execution("RangeError: calls are nested too deeply")
            }
            _ => FunctionError::execution(format!("the JavaScript engine gave up: {error:#}")),
        }
    }
}

fn no_instance(error: &wasmtime::Error) -> FunctionError {
    FunctionError::throttled(format!("no instance of the JavaScript engine is free: {error:#}"))
}

/// What the guest answered to an event.
pub(super) struct Answer<'a> {
    /// What the function returned, or how it failed.
    pub(super) result: &'a [u8],
    /// What the call looked at, four bytes each (see [`crate::wire::reads`]).
    pub(super) reads: &'a [u8],
    /// What it logged.
    pub(super) logs: &'a [String],
}

impl<'a> Answer<'a> {
    /// Takes an answer apart; one without its end is an empty result, which no reader accepts.
    fn new(bytes: &'a [u8], logs: &'a [String]) -> Self {
        let parts = bytes.split_last_chunk().and_then(|(rest, count)| {
            let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
            rest.split_at_checked(rest.len().checked_sub(count.checked_mul(4)?)?)
        });
        let (result, reads) = parts.unwrap_or_default();
        Self { result, reads, logs }
    }
}

/// Address and length from the guest's one number.
pub(super) fn unpack_answer(packed: u64) -> (usize, usize) {
    let part = |bits: u64| usize::try_from(bits & 0xffff_ffff).unwrap_or_default();
    (part(packed >> 32), part(packed))
}

fn read_u32(memory: &[u8], place: usize) -> usize {
    let bytes = memory.get(place..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or_default()
}

fn unpack() -> Result<Vec<u8>, SandboxError> {
    let mut module = Vec::new();
    let unpacked = zstd::Decoder::new(GUEST)
        .and_then(|decoder| decoder.take(GUEST_BYTES_MAX).read_to_end(&mut module));
    match unpacked {
        Ok(_) => Ok(module),
        Err(error) => Err(SandboxError::guest(format!(
            "guest/engine.wasm.zst is damaged: {error}; run guest/rebuild.sh"
        ))),
    }
}
