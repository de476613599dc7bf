//! What the host calls. One machine, one thread, addresses as integers.
//!
//! The host first asks [`layout`] where things are, which is the same in every instance of one image. It writes a
//! source or an event into the room and calls [`load`] or [`call`]; both give the answer's address in the upper and its
//! length in the lower half. After a trap it may still read the log and the exhaustion flag.

use std::cell::UnsafeCell;

use crate::arena::Arena;
use crate::machine::Machine;
use crate::wire::Writer;
use crate::{console, event};

#[global_allocator]
static ARENA: Arena = Arena::new();

/// Bytes of room for an event without growing: a request's head at its limit, with its context.
const ROOM_BYTES: usize = 48 << 10;
/// Memory beyond the image: what loading a function and one call of it may use together.
const SPARE_BYTES: usize = 20 << 20;

struct Cell<T>(UnsafeCell<T>);

// SAFETY: the wasm machine has one thread.
unsafe impl<T> Sync for Cell<T> {}

static MACHINE: Cell<Option<Machine>> = Cell(UnsafeCell::new(None));
static ANSWER: Cell<Vec<u8>> = Cell(UnsafeCell::new(Vec::new()));
static LAYOUT: Cell<[u32; 6]> = Cell(UnsafeCell::new([0; 6]));

#[expect(clippy::mut_from_ref, reason = "one thread, and exports do not call each other")]
fn get<T>(cell: &Cell<T>) -> &mut T {
    // SAFETY: one thread; each export borrows each cell once.
    unsafe { &mut *cell.0.get() }
}

/// The engine asks for randomness only to seed hash tables; a constant keeps the image reproducible.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(
    destination: *mut u8,
    length: usize,
) -> Result<(), getrandom::Error> {
    // SAFETY: the caller gives `length` writable bytes.
    unsafe { destination.write_bytes(0x5a, length) };
    Ok(())
}

/// Starts the engine; called once, before the memory image is taken.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() -> u32 {
    std::panic::set_hook(Box::new(note_overflow));
    raise_collector_threshold();
    let Ok(machine) = Machine::new(ROOM_BYTES) else { return 0 };
    *get(&MACHINE) = Some(machine);
    boa_gc::force_collect();
    // SAFETY: the arena's region is the memory that it grew itself.
    unsafe { ARENA.blocks().forget_free_blocks() };
    clear_dead_stack();
    1
}

/// A list of more bytes than there are addresses is refused before the arena is asked: memory is exhausted all the same.
fn note_overflow(panic: &std::panic::PanicHookInfo<'_>) {
    ARENA.blocks().exhausted |= panic.payload_as_str() == Some("capacity overflow");
}

// SAFETY: the linker defines the symbol; only its address is taken.
unsafe extern "C" {
    /// The lowest address of the stack: the linker's.
    static __stack_low: u8;
}

/// Zeroes the stack below the caller, where what has returned left its garbage: in the image, and in what a function
/// changes of it, each of its pages would be one more to restore for every call.
#[inline(never)]
fn clear_dead_stack() {
    let here = std::hint::black_box(0u8);
    // Address 0 is no place that Rust may write to.
    let low = (&raw const __stack_low).addr().max(align_of::<usize>());
    let dead = (&raw const here).expose_provenance().saturating_sub(low);
    // SAFETY: the stack grows downwards and this function, whose own frame begins at `here` or above, calls nobody: from
    // `low` to `here` nothing is in use.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(low).write_bytes(0, dead) };
}

/// Makes the engine's collector believe that much memory is normal: it starts to collect when more is in use than it
/// has seen before, and within one request collecting is only a cost. There is no other way to tell it.
fn raise_collector_threshold() {
    const BLOCK: usize = 64 << 10;
    let before = {
        // Lets the collector's own lists grow first, so that they are not in the way of the big blocks.
        let small: Vec<_> = (0..1024).map(|_| boa_gc::Gc::new(0u8)).collect();
        drop(small);
        boa_gc::force_collect();
        (ARENA.blocks().frontier(), ARENA.blocks().live())
    };
    let big: Vec<_> = (0..SPARE_BYTES / BLOCK).map(|_| boa_gc::Gc::new([0u8; BLOCK])).collect();
    drop(big);
    boa_gc::force_collect();
    if ARENA.blocks().live() == before.1 {
        // SAFETY: as many blocks live as before, so none of those cut since does; freed blocks are zeroed.
        unsafe {
            ARENA.blocks().forget_free_blocks();
            ARENA.blocks().rewind(before.0);
        }
    }
}

/// Addresses of: the room, its length, the log's length, the log, the exhaustion flag; and the arena's frontier.
#[unsafe(no_mangle)]
pub extern "C" fn layout() -> *const u32 {
    let room = event::with(|event| event.room(0).as_mut_ptr().expose_provenance());
    let (log_length, log) = console::with_log(console::Log::addresses);
    let exhausted = (&raw const ARENA.blocks().exhausted).expose_provenance();
    let frontier = ARENA.blocks().frontier();
    let parts = [room.unwrap_or_default(), ROOM_BYTES, log_length, log, exhausted, frontier];
    let layout = get(&LAYOUT);
    *layout = parts.map(|part| part as u32);
    layout.as_ptr()
}

/// Makes room for an event that is longer than the usual room, and gives its address.
#[unsafe(no_mangle)]
pub extern "C" fn room(length: usize) -> *mut u8 {
    event::with(|event| event.room(length).as_mut_ptr()).unwrap_or(std::ptr::null_mut())
}

fn packed(answer: &[u8]) -> u64 {
    (answer.as_ptr().expose_provenance() as u64) << 32 | answer.len() as u64
}

/// Loads the source in the room. The answer is empty, or: line, column (0: unknown), message. Afterwards the machine is
/// ready for one call, which may use `memory` bytes. `now` is in milliseconds since 1970.
#[unsafe(no_mangle)]
pub extern "C" fn load(
    length: usize,
    legacy: u32,
    depth_max: usize,
    memory: usize,
    now: u64,
) -> u64 {
    let source = event::with(|event| event.input(length).to_vec()).unwrap_or_default();
    let mut answer = Writer::default();
    let result = match (std::str::from_utf8(&source), get(&MACHINE)) {
        (Ok(source), Some(machine)) => {
            // The top level runs once, now; a call has a clock of its own.
            machine.set_clock(now);
            machine.load(source, legacy != 0, depth_max)
        }
        _ => Err(crate::Refusal { place: None, message: "the source is not UTF-8".into() }),
    };
    if let Err(refusal) = result {
        let (line, column) = refusal.place.map_or((0, 0), |place| (place.line, place.column));
        answer.u32(line);
        answer.u32(column);
        answer.text(&refusal.message);
    }
    event::with(|event| event.room(length).get_mut(..length).map(|used| used.fill(0)));
    drop(source);
    boa_gc::force_collect();
    let kept = get(&ANSWER);
    *kept = answer.into_bytes();
    // SAFETY: the arena's region is the memory that it grew itself.
    unsafe { ARENA.blocks().forget_free_blocks() };
    ARENA.blocks().stop_reusing(memory);
    clear_dead_stack();
    packed(kept)
}

/// Answers the event in the room.
#[unsafe(no_mangle)]
pub extern "C" fn call(length: usize) -> u64 {
    match get(&MACHINE) {
        Some(machine) => packed(machine.call(length)),
        None => 0,
    }
}
