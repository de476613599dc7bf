//! Texts between Rust and JavaScript.

use boa_engine::JsString;
use boa_engine::property::PropertyKey;
use boa_engine::string::JsStrVariant;

use crate::wire::Writer;

/// A JavaScript text in Rust; what is not Unicode becomes U+FFFD. The engine's own conversion goes through a formatter,
/// character by character; most texts are ASCII and need no more than a copy.
#[must_use]
pub fn of(text: &JsString) -> String {
    match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) => match std::str::from_utf8(bytes) {
            Ok(ascii) if ascii.is_ascii() => ascii.to_owned(),
            _ => of_bytes(bytes),
        },
        JsStrVariant::Utf16(units) => String::from_utf16_lossy(units),
    }
}

/// A text of bytes with some beyond ASCII, each of which takes two in UTF-8.
fn of_bytes(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        if byte.is_ascii() {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[0xc0 | byte >> 6, 0x80 | byte & 0x3f]);
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Writes a JavaScript text to a message; what is not Unicode becomes U+FFFD.
pub fn write(out: &mut Writer, text: &JsString) {
    match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) if bytes.is_ascii() => match std::str::from_utf8(bytes) {
            Ok(ascii) => out.text(ascii),
            Err(_) => out.text(""),
        },
        _ => out.text(&of(text)),
    }
}

/// The text of a property's name; `None` for a symbol.
#[must_use]
pub fn of_key(key: &PropertyKey) -> Option<JsString> {
    match key {
        PropertyKey::String(text) => Some(text.clone()),
        PropertyKey::Index(index) => Some(JsString::from(index.get().to_string().as_str())),
        PropertyKey::Symbol(_) => None,
    }
}
