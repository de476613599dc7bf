//! `console.log`: lines for the function's author, kept where the host finds them even after a call was cut off.

use std::cell::{Cell, UnsafeCell};

use boa_engine::builtins::object::OrdinaryObject;
use boa_engine::object::{FunctionObjectBuilder, JsObject};
use boa_engine::property::Attribute;
use boa_engine::{Context, JsResult, JsValue, NativeFunction, js_string};

use crate::{dump, text};

/// Bytes of all lines of a run (spec: CloudFront Functions section 6, log output).
pub const LOG_BYTES: usize = 10 * 1024;

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
            Some(text) => line.push_str(&text::of(&text)),
            None => dump::show(argument, LOG_BYTES, &mut line, context)?,
        }
    }
    with_log(|log| log.line(&line));
    Ok(JsValue::undefined())
}
