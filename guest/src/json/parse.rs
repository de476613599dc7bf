//! A JSON text into a value (ECMA-404), without a recursion: what is open is a list.

use boa_engine::object::builtins::JsArray;
use boa_engine::property::PropertyKey;
use boa_engine::string::{JsStr, JsStrVariant};
use boa_engine::{Context, JsObject, JsString, JsValue};

use super::out::plain_length;
use crate::maps::{data, dictionary, plain_object};

/// Members of an object up to which it shares its layout with others of the same names: places in the source that look at
/// such objects find their members at once. With more of them it is a table with names of its own.
const SHARED_MEMBERS_MAX: usize = 8;

/// Digits of an integer that is read without a thought about rounding: all of them are exact in a double.
const EXACT_DIGITS_MAX: usize = 15;

/// Why a text is no JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong, in njs's words.
    pub what: &'static str,
    /// Where, in UTF-16 units.
    pub at: usize,
}

/// A character of the text: the engine has texts of bytes and of UTF-16 units.
trait Unit: Copy + Into<u16> {
    /// A text of these.
    fn text(part: &[Self]) -> JsString;

    /// How many of these stand before a quotation mark, a backslash or a control character.
    fn plain(part: &[Self]) -> usize;
}

impl Unit for u8 {
    fn text(part: &[Self]) -> JsString {
        JsString::from(JsStr::latin1(part))
    }

    fn plain(part: &[Self]) -> usize {
        plain_length(part)
    }
}

impl Unit for u16 {
    /// In bytes where it can be: everything about such a text is cheaper.
    fn text(part: &[Self]) -> JsString {
        if part.iter().all(|unit| *unit < 0x100) {
            let bytes: Vec<u8> = part.iter().map(|unit| unit.to_le_bytes()[0]).collect();
            return JsString::from(JsStr::latin1(&bytes));
        }
        JsString::from(JsStr::utf16(part))
    }

    fn plain(part: &[Self]) -> usize {
        let special = |unit: &u16| *unit < 0x20 || *unit == 0x22 || *unit == 0x5c;
        part.iter().position(special).unwrap_or(part.len())
    }
}

/// The value of a text.
///
/// # Errors
/// When it is no JSON.
pub fn parse(text: &JsString, context: &mut Context) -> Result<JsValue, Wrong> {
    match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) => Parser { text: bytes, at: 0 }.document(context),
        JsStrVariant::Utf16(units) => Parser { text: units, at: 0 }.document(context),
    }
}

struct Parser<'a, U> {
    text: &'a [U],
    at: usize,
}

/// What was begun and has not ended.
enum Open {
    Array(Vec<JsValue>),
    /// Its members so far, and the name of the next one.
    Object(Vec<(PropertyKey, JsValue)>, PropertyKey),
}

impl<U: Unit> Parser<'_, U> {
    fn document(&mut self, context: &mut Context) -> Result<JsValue, Wrong> {
        let mut open = Vec::new();
        loop {
            let mut value = match self.begin(context)? {
                Begun::Whole(value) => value,
                Begun::Open(begun) => {
                    open.push(begun);
                    continue;
                }
            };
            // What is whole may be the last part of what is around it.
            loop {
                let Some(around) = open.last_mut() else {
                    self.skip_blanks();
                    return if self.at < self.text.len() { Err(self.wrong()) } else { Ok(value) };
                };
                if self.add(value, around)? {
                    break;
                }
                value = match open.pop() {
                    Some(Open::Array(values)) => JsArray::from_iter(values, context).into(),
                    Some(Open::Object(members, _)) => object(members, context).into(),
                    // There was one just above.
                    None => return Err(self.wrong()),
                };
            }
        }
    }

    /// Reads a value, or the beginning of one that has parts.
    fn begin(&mut self, context: &mut Context) -> Result<Begun, Wrong> {
        self.skip_blanks();
        let whole = match self.peek() {
            Some(0x7b) => {
                self.at += 1;
                self.skip_blanks();
                if self.peek() != Some(0x7d) {
                    return Ok(Begun::Open(Open::Object(Vec::new(), self.name()?)));
                }
                self.at += 1;
                plain_object(context).into()
            }
            Some(0x5b) => {
                self.at += 1;
                self.skip_blanks();
                if self.peek() != Some(0x5d) {
                    return Ok(Begun::Open(Open::Array(Vec::new())));
                }
                self.at += 1;
                JsArray::from_iter([], context).into()
            }
            Some(0x22) => self.string()?.into(),
            Some(0x2d | 0x30..=0x39) => self.number()?,
            Some(0x74) => self.word(b"true", JsValue::from(true))?,
            Some(0x66) => self.word(b"false", JsValue::from(false))?,
            Some(0x6e) => self.word(b"null", JsValue::null())?,
            _ => return Err(self.wrong()),
        };
        Ok(Begun::Whole(whole))
    }

    /// Adds a value to what is around it and reads what follows: whether another one does.
    fn add(&mut self, value: JsValue, around: &mut Open) -> Result<bool, Wrong> {
        self.skip_blanks();
        let next = self.peek();
        let more = match (&*around, next) {
            (_, Some(0x2c)) => true,
            (Open::Array(_), Some(0x5d)) | (Open::Object(..), Some(0x7d)) => false,
            _ => return Err(self.wrong()),
        };
        self.at += 1;
        match around {
            Open::Array(values) => values.push(value),
            Open::Object(members, name) => {
                let next = if more {
                    self.skip_blanks();
                    self.name()?
                } else {
                    PropertyKey::from(0u8)
                };
                members.push((std::mem::replace(name, next), value));
            }
        }
        Ok(more)
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Result<PropertyKey, Wrong> {
        if self.peek() != Some(0x22) {
            return Err(self.wrong());
        }
        let name = PropertyKey::from(self.string()?);
        self.skip_blanks();
        if self.peek() != Some(0x3a) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(name)
    }

    fn peek(&self) -> Option<u16> {
        self.text.get(self.at).map(|unit| (*unit).into())
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(0x20 | 0x09 | 0x0a | 0x0d)) {
            self.at += 1;
        }
    }

    /// What stands here does not belong here.
    fn wrong(&self) -> Wrong {
        let ended = self.at >= self.text.len();
        let what = if ended { "Unexpected end of input" } else { "Unexpected token" };
        Wrong { what, at: self.at.min(self.text.len()) }
    }

    fn word(&mut self, word: &[u8], value: JsValue) -> Result<JsValue, Wrong> {
        for letter in word {
            if self.peek() != Some(u16::from(*letter)) {
                return Err(self.wrong());
            }
            self.at += 1;
        }
        Ok(value)
    }

    /// A text; its quotation mark stands here.
    fn string(&mut self) -> Result<JsString, Wrong> {
        self.at += 1;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (plain, _) = rest.split_at(U::plain(rest));
        self.at += plain.len();
        match self.peek() {
            Some(0x22) => {
                self.at += 1;
                Ok(U::text(plain))
            }
            Some(0x5c) => self.escaped(plain),
            Some(_) => Err(Wrong { what: "Forbidden source char", at: self.at }),
            None => Err(self.wrong()),
        }
    }

    /// The rest of a text that begins with `plain` and goes on with an escape.
    fn escaped(&mut self, plain: &[U]) -> Result<JsString, Wrong> {
        let mut units: Vec<u16> = plain.iter().map(|unit| (*unit).into()).collect();
        loop {
            match self.peek() {
                Some(0x22) => {
                    self.at += 1;
                    return Ok(<u16 as Unit>::text(&units));
                }
                Some(0x5c) => units.push(self.escape()?),
                Some(..0x20) => return Err(Wrong { what: "Forbidden source char", at: self.at }),
                Some(_) => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let (plain, _) = rest.split_at(U::plain(rest));
                    units.extend(plain.iter().map(|unit| (*unit).into()));
                    self.at += plain.len();
                }
                None => return Err(self.wrong()),
            }
        }
    }

    fn escape(&mut self) -> Result<u16, Wrong> {
        self.at += 1;
        let unit = match self.peek().ok_or_else(|| self.wrong())? {
            0x62 => 0x08,
            0x66 => 0x0c,
            0x6e => 0x0a,
            0x72 => 0x0d,
            0x74 => 0x09,
            same @ (0x22 | 0x2f | 0x5c) => same,
            0x75 => return self.hexadecimal(),
            _ => return Err(Wrong { what: "Unknown escape char", at: self.at }),
        };
        self.at += 1;
        Ok(unit)
    }

    /// The four digits after `\u`, whose `u` stands here. Surrogates are taken as they come.
    fn hexadecimal(&mut self) -> Result<u16, Wrong> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            let digit = self.peek().ok_or_else(|| self.wrong())?;
            let digit = char::from_u32(u32::from(digit)).and_then(|digit| digit.to_digit(16));
            let wrong = Wrong { what: "Invalid Unicode escape sequence", at: self.at };
            // Four digits of four bits.
            unit = unit << 4 | digit.and_then(|digit| u16::try_from(digit).ok()).ok_or(wrong)?;
        }
        self.at += 1;
        Ok(unit)
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        if !matches!(self.peek(), Some(0x30..=0x39)) {
            return Err(self.wrong());
        }
        while matches!(self.peek(), Some(0x30..=0x39)) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<JsValue, Wrong> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(0x2d));
        let whole = self.at;
        match self.peek() {
            Some(0x30) => self.at += 1,
            _ => self.digits()?,
        }
        let integer = !matches!(self.peek(), Some(0x2e | 0x65 | 0x45));
        if integer && self.at - whole <= EXACT_DIGITS_MAX {
            let digits = self.text.get(whole..self.at).unwrap_or_default().iter();
            let value = digits.fold(0, |value, unit| value * 10 + i64::from((*unit).into()) - 0x30);
            return Ok(integer_value(value, whole > start));
        }
        if self.peek() == Some(0x2e) {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(0x65 | 0x45)) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(0x2b | 0x2d)));
            self.digits()?;
        }
        let written = self.text.get(start..self.at).unwrap_or_default().iter();
        let written: String = written.map(|unit| char::from((*unit).into() as u8)).collect();
        // JSON's numbers are some of Rust's, which rounds to the nearest and beyond the largest to infinity, as
        // JavaScript does.
        let number: f64 =
            written.parse().map_err(|_| Wrong { what: "Unexpected token", at: start })?;
        Ok(JsValue::from(number))
    }
}

enum Begun {
    Whole(JsValue),
    Open(Open),
}

/// The value of an integer of at most [`EXACT_DIGITS_MAX`] digits.
fn integer_value(value: i64, negative: bool) -> JsValue {
    match i32::try_from(value) {
        Ok(0) if negative => JsValue::from(-0.0),
        Ok(small) => JsValue::from(if negative { -small } else { small }),
        Err(_) => JsValue::from(if negative { -(value as f64) } else { value as f64 }),
    }
}

/// Members as they were written; of those with one name the last one counts, in the first one's place. `__proto__` is a
/// name like any other.
fn object(members: Vec<(PropertyKey, JsValue)>, context: &Context) -> JsObject {
    let shared = members.len() <= SHARED_MEMBERS_MAX;
    let object = if shared { plain_object(context) } else { dictionary(context) };
    for (name, value) in members {
        object.insert_property(name, data(value));
    }
    object
}
