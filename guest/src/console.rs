//! `console.log`: lines for the function's author, kept where the host finds them even after a call was cut off.

use std::cell::{Cell, UnsafeCell};

use boa_engine::builtins::object::OrdinaryObject;
use boa_engine::object::builtins::JsArray;
use boa_engine::object::{FunctionObjectBuilder, JsObject};
use boa_engine::property::{Attribute, PropertyKey};
use boa_engine::{Context, JsError, JsResult, JsValue, NativeFunction, js_string};

/// Bytes of all lines of a run (spec: CloudFront Functions section 6, log output).
pub const LOG_BYTES: usize = 10 * 1024;
/// Levels of nested objects that a line shows.
const SHOWN_DEPTH: usize = 4;
/// Members of one object that a line shows.
const SHOWN_MEMBERS: usize = 100;

/// The lines of the call that runs, each ended by a byte that UTF-8 never contains.
pub struct Log {
    used: Cell<u32>,
    bytes: UnsafeCell<[u8; LOG_BYTES]>,
}

/// Ends a line.
pub const LINE_END: u8 = 0xff;

// SAFETY: the wasm machine has one thread; natively each test thread has its own, see `LOG`.
unsafe impl Sync for Log {}

impl Log {
    const fn new() -> Self {
        Self { used: Cell::new(0), bytes: UnsafeCell::new([0; LOG_BYTES]) }
    }

    /// Appends a line, or what of it fits.
    fn line(&self, line: &str) {
        let used = self.used.get() as usize;
        // SAFETY: one thread, and nobody else holds a reference: the host reads between calls.
        let bytes = unsafe { &mut *self.bytes.get() };
        let Some(room) = bytes.get_mut(used..).filter(|room| room.len() > 1) else { return };
        let mut length = line.len().min(room.len() - 1);
        while !line.is_char_boundary(length) {
            length -= 1;
        }
        room[..length].copy_from_slice(&line.as_bytes()[..length]);
        room[length] = LINE_END;
        self.used.set((used + length + 1) as u32);
    }

    /// Addresses for the host: of the count of used bytes, and of the bytes.
    #[must_use]
    #[cfg(target_family = "wasm")]
    pub fn addresses(&self) -> (usize, usize) {
        (self.used.as_ptr().expose_provenance(), self.bytes.get().expose_provenance())
    }
}

#[cfg(target_family = "wasm")]
pub use shared::with_log;

#[cfg(target_family = "wasm")]
mod shared {
    use super::Log;

    static LOG: Log = Log::new();

    /// Gives `f` the log.
    pub fn with_log<T>(f: impl FnOnce(&Log) -> T) -> T {
        f(&LOG)
    }
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    static LOG: Log = const { Log::new() };
}

/// Gives `f` the log.
#[cfg(not(target_family = "wasm"))]
pub fn with_log<T>(f: impl FnOnce(&Log) -> T) -> T {
    LOG.with(f)
}

/// Takes the lines so far.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn take_lines() -> Vec<String> {
    with_log(|log| {
        // SAFETY: one thread, see `Log::line`.
        let bytes = unsafe { &(&*log.bytes.get())[..log.used.get() as usize] };
        log.used.set(0);
        let lines = bytes.split(|byte| *byte == LINE_END);
        let mut lines: Vec<String> =
            lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        lines.pop();
        lines
    })
}

/// Makes the global `console`, with `log` and nothing else (spec: CloudFront Functions section 7.4).
///
/// # Errors
/// When the global object refuses it.
pub fn install(context: &mut Context) -> JsResult<()> {
    let realm = context.realm().clone();
    let log = FunctionObjectBuilder::new(&realm, NativeFunction::from_fn_ptr(log))
        .name("log")
        .length(1)
        .build();
    let prototype = context.intrinsics().constructors().object().prototype();
    let console = JsObject::new_unique(prototype, OrdinaryObject).upcast();
    console.insert_property(js_string!("log"), crate::maps::data(log));
    let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    context.register_global_property(js_string!("console"), console, attributes)
}

fn log(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut line = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            line.push(' ');
        }
        match argument.as_string() {
            Some(text) => line.push_str(&text.to_std_string_lossy()),
            None => show(argument, SHOWN_DEPTH, &mut line, context)?,
        }
    }
    with_log(|log| log.line(&line));
    Ok(JsValue::undefined())
}

/// Writes a value the way njs does: `{a:1,b:'x'}`.
fn show(value: &JsValue, depth: usize, line: &mut String, context: &mut Context) -> JsResult<()> {
    if line.len() > LOG_BYTES {
        return Ok(());
    }
    if let Some(text) = value.as_string() {
        line.push('\'');
        line.push_str(&text.to_std_string_lossy());
        line.push('\'');
        return Ok(());
    }
    let Some(object) = value.as_object() else {
        line.push_str(&value.display().to_string());
        return Ok(());
    };
    if object.is_callable() {
        line.push_str("[Function]");
    } else if let Ok(error) = JsError::from_opaque(value.clone()).try_native(context) {
        line.push_str(&error.to_string());
    } else if depth == 0 {
        line.push_str(if object.is_array() { "[Array]" } else { "[Object]" });
    } else if object.is_array() {
        show_array(object, depth, line, context)?;
    } else {
        show_members(&object, depth, line, context)?;
    }
    Ok(())
}

fn show_array(
    object: JsObject,
    depth: usize,
    line: &mut String,
    context: &mut Context,
) -> JsResult<()> {
    let array = JsArray::from_object(object)?;
    line.push('[');
    for index in 0..array.length(context)?.min(SHOWN_MEMBERS as u64) {
        if index > 0 {
            line.push(',');
        }
        let item = array.get(index, context)?;
        show(&item, depth - 1, line, context)?;
    }
    line.push(']');
    Ok(())
}

fn show_members(
    object: &JsObject,
    depth: usize,
    line: &mut String,
    context: &mut Context,
) -> JsResult<()> {
    line.push('{');
    let keys = object.own_property_keys(context)?;
    let mut first = true;
    for key in keys.into_iter().take(SHOWN_MEMBERS) {
        let hidden = object.borrow().properties().get(&key);
        if hidden.is_some_and(|own| own.enumerable() == Some(false)) {
            continue;
        }
        let name = match &key {
            PropertyKey::Symbol(_) => continue,
            key => crate::text::of_key(key).unwrap_or_default(),
        };
        if !first {
            line.push(',');
        }
        first = false;
        line.push_str(&name.to_std_string_lossy());
        line.push(':');
        let value = object.get(key, context)?;
        show(&value, depth - 1, line, context)?;
    }
    line.push('}');
    Ok(())
}
