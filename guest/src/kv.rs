//! Key-value stores: what `cf.kvs()` asks of the host (spec: CloudFront Functions section 8.1).
//!
//! A store is too large to travel with each event, so this is the one thing that the engine imports: a question about
//! one key, answered into a room that was there before the memory image was taken. Off the sandbox there is no host;
//! tests put a store of their own in its place.

use std::cell::RefCell;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::{AlignedVec, JsArray, JsArrayBuffer};
use boa_engine::property::PropertyKey;
use boa_engine::string::JsStrVariant;
use boa_engine::{
    Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string,
};

use crate::host::prelude_part;
use crate::looks;
use crate::maps::{data, dictionary};
use crate::wire::{
    KV_EXISTS, KV_FOUND, KV_GET, KV_META, KV_NO_STORE, KV_NOT_FOUND, KV_OTHER_STORE, KV_ROOM_BYTES,
    reads,
};

/// What boa calls: `this`, the arguments, the context.
type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// Where answers arrive, and what waits for the call.
#[derive(Default)]
struct Asking {
    room: Vec<u8>,
    /// Whether a call runs; what is asked before waits for it.
    begun: bool,
    /// Whether something waits.
    waiting: bool,
    /// Lets go on what waits.
    begin: Option<JsObject>,
}

thread_local! {
    static ASKING: RefCell<Asking> = RefCell::new(Asking::default());
}

#[cfg(target_family = "wasm")]
mod host {
    #[link(wasm_import_module = "verge")]
    // SAFETY: the host defines it with this type (`function/js/kv.rs`).
    unsafe extern "C" {
        /// Status in the upper half, length of the answer in the lower one.
        fn kv(
            question: u32,
            id: *const u8,
            id_bytes: usize,
            key: *const u8,
            key_bytes: usize,
            room: *mut u8,
            room_bytes: usize,
        ) -> u64;
    }

    pub fn ask(question: u32, id: &[u8], key: &[u8], room: &mut [u8]) -> u64 {
        let (id_bytes, key_bytes, room_bytes) = (id.len(), key.len(), room.len());
        // SAFETY: the host reads the first two and writes the third, each within its length.
        unsafe {
            kv(
                question,
                id.as_ptr(),
                id_bytes,
                key.as_ptr(),
                key_bytes,
                room.as_mut_ptr(),
                room_bytes,
            )
        }
    }
}

#[cfg(not(any(target_family = "wasm", test)))]
mod host {
    /// There is no host off the sandbox.
    pub fn ask(_question: u32, _id: &[u8], _key: &[u8], _room: &mut [u8]) -> u64 {
        u64::from(crate::wire::KV_NO_STORE) << 32
    }
}

#[cfg(test)]
use tests::double as host;

/// Gives the prelude its part: `natives.kvs`, which makes `cf.kvs`.
///
/// # Errors
/// When that part of the prelude does not run: a defect.
pub fn install(natives: &JsObject, context: &mut Context) -> JsResult<()> {
    const FUNCTIONS: [(&str, Native); 6] = [
        ("atBegin", at_begin),
        ("hasBegun", has_begun),
        ("text", text),
        ("bytes", bytes),
        ("exists", exists),
        ("meta", meta),
    ];
    ASKING.set(Asking { room: vec![0; KV_ROOM_BYTES], ..Asking::default() });
    let own = dictionary(context);
    for (name, function) in FUNCTIONS {
        let function = NativeFunction::from_fn_ptr(function);
        let function = FunctionObjectBuilder::new(context.realm(), function).name(name).build();
        own.insert_property(PropertyKey::from(JsString::from(name)), data(function));
    }
    let made = prelude_part(include_str!("prelude/kvs.js"), &[own.into()], context)?;
    natives.insert_property(js_string!("kvs"), data(made));
    Ok(())
}

/// A call begins: from now on questions are answered, and those of the top level first.
///
/// # Errors
/// Never in fact: a promise that is settled runs nothing of the function's yet.
pub fn begin(context: &mut Context) -> JsResult<()> {
    let begin = ASKING.with_borrow_mut(|asking| {
        asking.begun = true;
        std::mem::take(&mut asking.waiting).then(|| asking.begin.clone()).flatten()
    });
    if let Some(begin) = begin {
        begin.call(&JsValue::undefined(), &[], context)?;
    }
    Ok(())
}

/// `atBegin(function)`: called when the call begins, if something waits.
fn at_begin(_this: &JsValue, arguments: &[JsValue], _context: &mut Context) -> JsResult<JsValue> {
    let begin = arguments.first().and_then(JsValue::as_object);
    ASKING.with_borrow_mut(|asking| asking.begin = begin);
    Ok(JsValue::undefined())
}

/// `hasBegun()`: whether questions are answered; who hears no will wait.
fn has_begun(_this: &JsValue, _arguments: &[JsValue], _context: &mut Context) -> JsResult<JsValue> {
    let begun = ASKING.with_borrow_mut(|asking| {
        asking.waiting |= !asking.begun;
        asking.begun
    });
    Ok(begun.into())
}

/// `text(id, key)`: the value, or undefined.
fn text(_this: &JsValue, arguments: &[JsValue], _context: &mut Context) -> JsResult<JsValue> {
    let found = answer(KV_GET, arguments, |value| {
        JsValue::from(JsString::from(String::from_utf8_lossy(value).as_ref()))
    })?;
    Ok(found.unwrap_or_default())
}

/// `bytes(id, key)`: the value as an array buffer, or undefined.
fn bytes(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    match answer(KV_GET, arguments, |value| AlignedVec::from_slice(0, value))? {
        Some(block) => Ok(JsArrayBuffer::from_byte_block(block, context)?.into()),
        None => Ok(JsValue::undefined()),
    }
}

/// `exists(id, key)`: true or false.
fn exists(_this: &JsValue, arguments: &[JsValue], _context: &mut Context) -> JsResult<JsValue> {
    Ok(answer(KV_EXISTS, arguments, |_| ())?.is_some().into())
}

/// `meta(id)`: when it was made and last changed, milliseconds since 1970, and its number of keys.
fn meta(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let id = arguments.get(..1).unwrap_or_default();
    let numbers = answer(KV_META, id, |told| {
        let (numbers, _) = told.as_chunks::<8>();
        numbers.iter().map(|number| u64::from_le_bytes(*number) as f64).collect::<Vec<_>>()
    })?;
    let numbers = numbers.unwrap_or_default().into_iter().map(JsValue::from);
    Ok(JsArray::from_iter(numbers, context).into())
}

/// Asks the host about `[id, key]`; `None` when the store has no such key.
fn answer<T>(
    question: u32,
    arguments: &[JsValue],
    read: impl FnOnce(&[u8]) -> T,
) -> JsResult<Option<T>> {
    let part = |index| arguments.get(index).and_then(JsValue::as_string).unwrap_or_default();
    let (id, key) = (part(0), part(1));
    ASKING.with_borrow_mut(|asking| {
        let room = &mut asking.room;
        let packed = with_utf8(&id, |id| match id {
            Some(id) => with_utf8(&key, |key| match key {
                Some(key) => {
                    looks::note(reads::STORE);
                    host::ask(question, id, key, room)
                }
                None => u64::from(KV_NOT_FOUND) << 32,
            }),
            None => u64::from(KV_OTHER_STORE) << 32,
        });
        let length = usize::try_from(packed & 0xffff_ffff).unwrap_or_default();
        match u32::try_from(packed >> 32) {
            Ok(KV_FOUND) => Ok(Some(read(room.get(..length).unwrap_or_default()))),
            Ok(KV_NOT_FOUND) => Ok(None),
            Ok(KV_NO_STORE) => Err(JsNativeError::error()
                .with_message("no key-value store is associated with this function")
                .into()),
            Ok(KV_OTHER_STORE) => {
                let id = id.to_std_string_lossy();
                let message =
                    format!("the key-value store '{id}' is not associated with this function");
                Err(JsNativeError::error().with_message(message).into())
            }
            _ => Err(JsNativeError::error()
                .with_message("the key-value store cannot be asked this")
                .into()),
        }
    })
}

/// Gives `f` a text as UTF-8, without a copy where it is ASCII; `None` for one that is not Unicode: a store is UTF-8
/// and cannot have it.
fn with_utf8<T>(text: &JsString, f: impl FnOnce(Option<&[u8]>) -> T) -> T {
    let view = text.as_str();
    match view.variant() {
        JsStrVariant::Latin1(ascii) if ascii.is_ascii() => f(Some(ascii)),
        _ => match text.to_std_string() {
            Ok(text) => f(Some(text.as_bytes())),
            Err(_) => f(None),
        },
    }
}

#[cfg(test)]
mod tests;
