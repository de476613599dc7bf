//! Texts between Rust and JavaScript.

use boa_engine::JsString;
use boa_engine::property::PropertyKey;
use boa_engine::string::JsStrVariant;

use crate::wire::Writer;

/// Writes a JavaScript text to a message; what is not Unicode becomes U+FFFD.
pub fn write(out: &mut Writer, text: &JsString) {
    let view = text.as_str();
    match view.variant() {
        JsStrVariant::Latin1(bytes) if bytes.is_ascii() => match std::str::from_utf8(bytes) {
            Ok(ascii) => out.text(ascii),
            Err(_) => out.text(""),
        },
        _ => out.text(&text.to_std_string_lossy()),
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
