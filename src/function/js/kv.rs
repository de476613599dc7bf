//! The one thing that the guest may ask of the host: what the call's key-value store says about a key.
//!
//! Whatever a guest asks, it gets an answer: a key that is too long is not there, and addresses outside of its memory
//! are malformed. Time spent here is the calling thread's and counts as the function's; where instructions are
//! counted, a question costs what it would have cost the guest.

use wasmtime::{Caller, Extern, Linker, ModuleExport, Trap};

use super::instance::Limits;
use crate::function::engine::Mode;
use crate::kv::{Reading, Store};
use crate::limits;
use crate::wire::{
    KV_EXISTS, KV_FOUND, KV_GET, KV_MALFORMED, KV_META, KV_NO_STORE, KV_NOT_FOUND, KV_OTHER_STORE,
};

/// The longest key in UTF-8.
const KEY_BYTES_MAX: usize = limits::KEY_VALUE_STORE_KEY_CHARS_MAX * 4;
/// The longest id in UTF-8.
const ID_BYTES_MAX: usize = limits::KEY_VALUE_STORE_ID_CHARS_MAX * 4;

/// A piece of the guest's memory, by its own word.
#[derive(Clone, Copy)]
struct Piece {
    place: u32,
    bytes: u32,
}

impl Piece {
    fn bytes(self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    fn range(self) -> std::ops::Range<usize> {
        let place = usize::try_from(self.place).unwrap_or(usize::MAX);
        place..place.saturating_add(self.bytes())
    }

    fn text(self, memory: &[u8]) -> Option<&str> {
        std::str::from_utf8(memory.get(self.range())?).ok()
    }
}

/// A question as the guest asks it.
struct Question {
    what: u32,
    id: Piece,
    key: Piece,
    room: Piece,
}

/// Defines the guest's import.
pub(super) fn define(
    linker: &mut Linker<Limits>,
    memory: ModuleExport,
    mode: Mode,
) -> wasmtime::Result<()> {
    let import = move |mut caller: Caller<'_, Limits>,
                       what: u32,
                       id: u32,
                       id_bytes: u32,
                       key: u32,
                       key_bytes: u32,
                       room: u32,
                       room_bytes: u32|
          -> wasmtime::Result<u64> {
        let question = Question {
            what,
            id: Piece { place: id, bytes: id_bytes },
            key: Piece { place: key, bytes: key_bytes },
            room: Piece { place: room, bytes: room_bytes },
        };
        let (status, length) = answer(&mut caller, &memory, &question);
        if mode == Mode::Metered {
            charge(&mut caller, &question, length)?;
        }
        Ok(u64::from(status) << 32 | u64::from(length))
    };
    linker.func_wrap("verge", "kv", import)?;
    Ok(())
}

/// Status, and how much of the room was written.
fn answer(
    caller: &mut Caller<'_, Limits>,
    memory: &ModuleExport,
    question: &Question,
) -> (u32, u32) {
    let memory = caller.get_module_export(memory).and_then(Extern::into_memory);
    let Some(memory) = memory else { return (KV_MALFORMED, 0) };
    let (memory, data) = memory.data_and_store_mut(caller);
    let Some(reading) = &data.store else { return (KV_NO_STORE, 0) };
    match ask(reading, memory, question) {
        Ok(length) => (KV_FOUND, length),
        Err(status) => (status, 0),
    }
}

/// The length of what was written into the room, or a status.
fn ask(reading: &Reading, memory: &mut [u8], question: &Question) -> Result<u32, u32> {
    if question.id.bytes() > ID_BYTES_MAX {
        return Err(KV_OTHER_STORE);
    }
    let id = question.id.text(memory).ok_or(KV_MALFORMED)?;
    let store = reading.store(id).map_err(|_| KV_OTHER_STORE)?;
    match question.what {
        KV_GET => {
            let value = value(store, memory, question)?;
            write(memory, question.room, value.as_bytes())
        }
        KV_EXISTS => value(store, memory, question).map(|_| 0),
        KV_META => {
            let count = u64::try_from(store.count()).unwrap_or(u64::MAX);
            let numbers = [store.created_ms(), store.updated_ms(), count].map(u64::to_le_bytes);
            write(memory, question.room, numbers.as_flattened())
        }
        _ => Err(KV_MALFORMED),
    }
}

fn value<'a>(store: &'a Store, memory: &[u8], question: &Question) -> Result<&'a str, u32> {
    if question.key.bytes() > KEY_BYTES_MAX {
        return Err(KV_NOT_FOUND);
    }
    let key = question.key.text(memory).ok_or(KV_MALFORMED)?;
    store.get(key).ok_or(KV_NOT_FOUND)
}

fn write(memory: &mut [u8], room: Piece, bytes: &[u8]) -> Result<u32, u32> {
    let room = memory.get_mut(room.range()).and_then(|room| room.get_mut(..bytes.len()));
    let room = room.ok_or(KV_MALFORMED)?;
    room.copy_from_slice(bytes);
    u32::try_from(bytes.len()).map_err(|_| KV_MALFORMED)
}

/// Takes the fuel that a question costs.
///
/// # Errors
/// When there is not enough: as if the guest had burnt the last of it.
fn charge(
    caller: &mut Caller<'_, Limits>,
    question: &Question,
    length: u32,
) -> wasmtime::Result<()> {
    let key = question.key.bytes().min(KEY_BYTES_MAX) + question.id.bytes().min(ID_BYTES_MAX);
    let bytes = u64::try_from(key).unwrap_or(u64::MAX).saturating_add(u64::from(length));
    let cost = bytes
        .saturating_mul(limits::KEY_VALUE_STORE_BYTE_FUEL)
        .saturating_add(limits::KEY_VALUE_STORE_CALL_FUEL);
    let left = caller.get_fuel()?;
    caller.set_fuel(left.saturating_sub(cost))?;
    if left < cost { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
