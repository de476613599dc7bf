//! What functions do most with texts, for texts of one byte a character: the engine's own functions go through an
//! iterator of units, or a formatter, for each of them. All else is left to the engine.

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::string::{JsStr, JsStrVariant};
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction};

use crate::text;

/// Bytes of the texts that are made here. Copying one is a single instruction, which nothing interrupts: longer ones would
/// run far beyond the budget before they are cut off. The engine's own way with them is slow, but ends in time.
const QUICK_BYTES_MAX: usize = 64 << 10;

/// An answer for `this` and the arguments; `None` leaves it to the engine's own function.
type Quick = fn(&JsValue, &[JsValue]) -> Option<JsValue>;

/// Replaces members of `String.prototype` and globals.
///
/// # Errors
/// When the realm lacks what every realm has: a defect.
pub fn install(context: &mut Context) -> JsResult<()> {
    const METHODS: [(&str, usize, Quick); 5] = [
        ("repeat", 1, repeat),
        ("toLowerCase", 0, to_lower_case),
        ("toUpperCase", 0, to_upper_case),
        ("indexOf", 1, index_of),
        ("includes", 1, includes),
    ];
    const GLOBALS: [(&str, usize, Quick); 2] =
        [("encodeURIComponent", 1, encode_component), ("decodeURIComponent", 1, decode_component)];
    let prototype = context.intrinsics().constructors().string().prototype();
    let global = context.global_object();
    let methods = METHODS.map(|method| (&prototype, method));
    let globals = GLOBALS.map(|function| (&global, function));
    for (holder, (name, length, quick)) in methods.into_iter().chain(globals) {
        let missing = || JsNativeError::error().with_message("the realm is not complete");
        let own = holder.get(JsString::from(name), context)?.as_callable().ok_or_else(missing)?;
        let function = NativeFunction::from_copy_closure_with_captures(
            move |this, arguments, own: &JsObject, context| match quick(this, arguments) {
                Some(answer) => Ok(answer),
                None => own.call(this, arguments, context),
            },
            own,
        );
        put(holder, name, length, function, context);
    }
    Ok(())
}

fn put(
    holder: &JsObject,
    name: &str,
    length: usize,
    function: NativeFunction,
    context: &mut Context,
) {
    let function = FunctionObjectBuilder::new(context.realm(), function);
    let function = function.name(name).length(length).build();
    let hidden = PropertyDescriptor::builder().value(function).writable(true);
    let hidden = hidden.enumerable(false).configurable(true).build();
    holder.insert_property(PropertyKey::from(JsString::from(name)), hidden);
}

fn narrow_text(bytes: &[u8]) -> JsValue {
    JsString::from(JsStr::latin1(bytes)).into()
}

/// The bytes of a text that is ASCII, made into another text; `None` for any other value.
fn of_ascii(value: &JsValue, make: impl FnOnce(&[u8]) -> Option<JsValue>) -> Option<JsValue> {
    let text = value.as_string()?;
    match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) if bytes.len() <= QUICK_BYTES_MAX && bytes.is_ascii() => {
            make(bytes)
        }
        _ => None,
    }
}

fn to_lower_case(this: &JsValue, _arguments: &[JsValue]) -> Option<JsValue> {
    of_ascii(this, |bytes| Some(narrow_text(&bytes.to_ascii_lowercase())))
}

fn to_upper_case(this: &JsValue, _arguments: &[JsValue]) -> Option<JsValue> {
    of_ascii(this, |bytes| Some(narrow_text(&bytes.to_ascii_uppercase())))
}

/// Where the one argument stands in `this`, both of them texts of bytes.
fn place(this: &JsValue, arguments: &[JsValue]) -> Option<Option<usize>> {
    let [wanted] = arguments else { return None };
    let (text, wanted) = (this.as_string()?, wanted.as_string()?);
    match (text.as_str().variant(), wanted.as_str().variant()) {
        (JsStrVariant::Latin1(text), JsStrVariant::Latin1(wanted)) => Some(find(text, wanted)),
        _ => None,
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let Some((first, more)) = wanted.split_first() else { return Some(0) };
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = rest.iter().position(|byte| byte == first)?;
        if rest.get(at + 1..)?.starts_with(more) {
            return Some(from + at);
        }
        from += at + 1;
    }
}

fn index_of(this: &JsValue, arguments: &[JsValue]) -> Option<JsValue> {
    let place = place(this, arguments)?;
    Some(JsValue::from(place.map_or(-1, |at| i64::try_from(at).unwrap_or(i64::MAX))))
}

fn includes(this: &JsValue, arguments: &[JsValue]) -> Option<JsValue> {
    place(this, arguments).map(|place| JsValue::from(place.is_some()))
}

/// What is Unicode; half a pair of surrogates is an error, which is the engine's.
fn encode_component(_this: &JsValue, arguments: &[JsValue]) -> Option<JsValue> {
    let text = arguments.first()?.as_string()?;
    let plain = match text.as_str().variant() {
        JsStrVariant::Latin1(_) => text::of(&text),
        JsStrVariant::Utf16(units) => String::from_utf16(units).ok()?,
    };
    Some(narrow_text(escaped(&plain).as_bytes()))
}

/// What is ASCII with well-formed escapes of UTF-8; anything else the engine answers, mostly with an error.
fn decode_component(_this: &JsValue, arguments: &[JsValue]) -> Option<JsValue> {
    of_ascii(arguments.first()?, |bytes| {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            if *first == b'%' {
                let (byte, tail) = hexadecimal(tail)?;
                out.push(byte);
                rest = tail;
            } else {
                out.push(*first);
            }
        }
        // An escape that begins a character and a letter behind it make none, however they are put together.
        Some(JsString::from(std::str::from_utf8(&out).ok()?).into())
    })
}

/// The byte that two digits stand for, and what is behind them.
pub fn hexadecimal(text: &[u8]) -> Option<(u8, &[u8])> {
    let nibble = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let ([high, low], rest) = text.split_first_chunk()?;
    Some((nibble(*high)? << 4 | nibble(*low)?, rest))
}

/// A text as `encodeURIComponent` writes it.
pub fn escaped(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        if plain {
            out.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
            out.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
    out
}

/// The engine's own joins a list with an item for each time.
fn repeat(this: &JsValue, arguments: &[JsValue]) -> Option<JsValue> {
    let text = this.as_string()?;
    let count = arguments.first()?.as_number()?;
    if text.is_empty() && count.is_finite() && count >= 0.0 {
        return Some(narrow_text(&[]));
    }
    let count = usize::try_from(arguments.first()?.as_i32()?).ok()?;
    let unit_bytes = if text.as_str().is_latin1() { 1 } else { 2 };
    let bytes = text.len().checked_mul(count)?.checked_mul(unit_bytes)?;
    if bytes > QUICK_BYTES_MAX {
        return None;
    }
    Some(match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) => narrow_text(&bytes.repeat(count)),
        JsStrVariant::Utf16(units) => JsString::from(JsStr::utf16(&units.repeat(count))).into(),
    })
}

#[cfg(test)]
mod tests;
