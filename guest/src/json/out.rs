//! A text under construction: a byte a character until one needs two.

use boa_engine::JsString;
use boa_engine::string::{JsStr, JsStrVariant};

/// Bytes that are looked at together for one that needs an escape.
const STRIDE: usize = 16;

/// The text.
pub enum Out {
    /// Characters to U+00FF.
    Narrow(Vec<u8>),
    /// UTF-16.
    Wide(Vec<u16>),
}

impl Out {
    /// An empty text.
    pub fn new() -> Self {
        Self::Narrow(Vec::new())
    }

    /// The text as the engine has it.
    pub fn finish(&self) -> JsString {
        match self {
            Self::Narrow(bytes) => JsString::from(JsStr::latin1(bytes)),
            Self::Wide(units) => JsString::from(JsStr::utf16(units)),
        }
    }

    /// Appends characters to U+00FF.
    pub fn narrow(&mut self, part: &[u8]) {
        match self {
            Self::Narrow(bytes) => bytes.extend_from_slice(part),
            Self::Wide(units) => units.extend(part.iter().copied().map(u16::from)),
        }
    }

    fn wide(&mut self, part: &[u16]) {
        if let Self::Narrow(bytes) = self {
            *self = Self::Wide(bytes.iter().copied().map(u16::from).collect());
        }
        if let Self::Wide(units) = self {
            units.extend_from_slice(part);
        }
    }

    /// Appends a text as it is.
    pub fn text(&mut self, text: &JsString) {
        match text.as_str().variant() {
            JsStrVariant::Latin1(bytes) => self.narrow(bytes),
            JsStrVariant::Utf16(units) => self.wide(units),
        }
    }

    /// QuoteJSONString.
    pub fn quoted(&mut self, text: &JsString) {
        self.narrow(b"\"");
        match text.as_str().variant() {
            JsStrVariant::Latin1(bytes) => self.escaped_narrow(bytes),
            JsStrVariant::Utf16(units) => self.escaped_wide(units),
        }
        self.narrow(b"\"");
    }

    fn escaped_narrow(&mut self, mut bytes: &[u8]) {
        loop {
            let plain = plain_length(bytes);
            let (head, rest) = bytes.split_at(plain);
            self.narrow(head);
            let Some((first, rest)) = rest.split_first() else { return };
            self.escape(u16::from(*first));
            bytes = rest;
        }
    }

    fn escaped_wide(&mut self, units: &[u16]) {
        let mut plain = 0;
        let mut at = 0;
        while let Some(unit) = units.get(at) {
            let pair = matches!(unit, 0xd800..=0xdbff)
                && units.get(at + 1).is_some_and(|next| (0xdc00..=0xdfff).contains(next));
            if pair {
                at += 2;
                continue;
            }
            if is_escaped(*unit) {
                self.wide(units.get(plain..at).unwrap_or_default());
                self.escape(*unit);
                plain = at + 1;
            }
            at += 1;
        }
        self.wide(units.get(plain..).unwrap_or_default());
    }

    /// Appends a unit that a JSON text cannot hold itself.
    fn escape(&mut self, unit: u16) {
        let short = match unit {
            0x08 => b"\\b",
            0x09 => b"\\t",
            0x0a => b"\\n",
            0x0c => b"\\f",
            0x0d => b"\\r",
            0x22 => b"\\\"",
            0x5c => b"\\\\",
            _ => return self.narrow(format!("\\u{unit:04x}").as_bytes()),
        };
        self.narrow(short);
    }
}

/// Whether a unit needs an escape; half of a pair of surrogates only where the other half is missing.
fn is_escaped(unit: u16) -> bool {
    unit < 0x20 || unit == 0x22 || unit == 0x5c || (0xd800..=0xdfff).contains(&unit)
}

/// How many bytes stand before the first one that needs an escape, or that ends a text.
pub fn plain_length(bytes: &[u8]) -> usize {
    let special = |byte: u8| (byte < 0x20) | (byte == 0x22) | (byte == 0x5c);
    // Without an early exit within a stride the compiler looks at all its bytes at once.
    let strides = bytes.as_chunks::<STRIDE>().0.iter();
    let plain = strides
        .take_while(|stride| !stride.iter().fold(false, |any, byte| any | special(*byte)))
        .count();
    let rest = bytes.get(plain * STRIDE..).unwrap_or_default();
    plain * STRIDE + rest.iter().position(|byte| special(*byte)).unwrap_or(rest.len())
}
