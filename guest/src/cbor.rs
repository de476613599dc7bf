//! CBOR (RFC 8949), as much of it as a token needs: definite lengths, any nesting up to a depth.
//!
//! Reading is total: every length is compared with what is left before anything is taken or allocated.

/// Levels of arrays, maps and tags: a token has five.
pub const DEPTH_MAX: usize = 16;

/// A data item.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// 0 and above.
    Unsigned(u64),
    /// Below 0: the number is -1 minus this.
    Negative(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// A list.
    Array(Vec<Item>),
    /// Pairs, in the order in which they are written.
    Map(Vec<(Item, Item)>),
    /// A tagged item.
    Tag(u64, Box<Item>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// A floating-point number.
    Float(f64),
}

/// Why bytes are no item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// They end in the middle of one.
    Short,
    /// Bytes follow the item.
    Trailing,
    /// Nested deeper than [`DEPTH_MAX`].
    Deep,
    /// A text is not UTF-8.
    Text,
    /// An encoding that tokens do not use: indefinite lengths, reserved or unassigned values.
    Unknown,
}

impl Broken {
    /// For a message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "its CBOR ends too early",
            Self::Trailing => "bytes follow its CBOR",
            Self::Deep => "its CBOR is nested too deeply",
            Self::Text => "its CBOR has a text that is not UTF-8",
            Self::Unknown => "its CBOR has an indefinite length or an unknown value",
        }
    }
}

/// Reads the one item that `bytes` are.
///
/// # Errors
/// When they are anything else.
pub fn decode(bytes: &[u8]) -> Result<Item, Broken> {
    let mut reader = Reader { bytes };
    let item = reader.item(0)?;
    if reader.bytes.is_empty() { Ok(item) } else { Err(Broken::Trailing) }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], Broken> {
        let count = usize::try_from(count).map_err(|_| Broken::Short)?;
        let (head, rest) = self.bytes.split_at_checked(count).ok_or(Broken::Short)?;
        self.bytes = rest;
        Ok(head)
    }

    fn number(&mut self, bytes: u64) -> Result<u64, Broken> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn argument(&mut self, info: u8) -> Result<u64, Broken> {
        match info {
            0..=23 => Ok(u64::from(info)),
            24..=27 => self.number(1 << (info - 24)),
            _ => Err(Broken::Unknown),
        }
    }

    fn text(&mut self, length: u64) -> Result<String, Broken> {
        let text = self.take(length)?.to_vec();
        String::from_utf8(text).map_err(|_| Broken::Text)
    }

    /// Each element takes a byte at least, so a count beyond the rest is known to be wrong before it is followed.
    fn count(&self, count: u64) -> Result<usize, Broken> {
        let count = usize::try_from(count).map_err(|_| Broken::Short)?;
        if count > self.bytes.len() { Err(Broken::Short) } else { Ok(count) }
    }

    fn item(&mut self, depth: usize) -> Result<Item, Broken> {
        if depth > DEPTH_MAX {
            return Err(Broken::Deep);
        }
        let first = self.take(1)?.first().copied().ok_or(Broken::Short)?;
        let (major, info) = (first >> 5, first & 31);
        if major == 7 {
            return self.simple(info);
        }
        let argument = self.argument(info)?;
        Ok(match major {
            0 => Item::Unsigned(argument),
            1 => Item::Negative(argument),
            2 => Item::Bytes(self.take(argument)?.to_vec()),
            3 => Item::Text(self.text(argument)?),
            4 => {
                let count = self.count(argument)?;
                let items = (0..count).map(|_| self.item(depth + 1));
                Item::Array(items.collect::<Result<_, _>>()?)
            }
            5 => {
                let count = self.count(argument)?;
                let pairs = (0..count).map(|_| Ok((self.item(depth + 1)?, self.item(depth + 1)?)));
                Item::Map(pairs.collect::<Result<_, _>>()?)
            }
            _ => Item::Tag(argument, Box::new(self.item(depth + 1)?)),
        })
    }

    fn simple(&mut self, info: u8) -> Result<Item, Broken> {
        Ok(match info {
            20 => Item::Bool(false),
            21 => Item::Bool(true),
            22 => Item::Null,
            23 => Item::Undefined,
            25 => Item::Float(half(u16::try_from(self.number(2)?).unwrap_or_default())),
            26 => Item::Float(
                f32::from_bits(u32::try_from(self.number(4)?).unwrap_or_default()).into(),
            ),
            27 => Item::Float(f64::from_bits(self.number(8)?)),
            _ => return Err(Broken::Unknown),
        })
    }
}

/// A half-precision number (RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    let size = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// Appends an item, in the shortest form of its lengths and integers.
pub fn encode(item: &Item, out: &mut Vec<u8>) {
    match item {
        Item::Unsigned(number) => head(0, *number, out),
        Item::Negative(number) => head(1, *number, out),
        Item::Bytes(bytes) => {
            head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Item::Text(text) => {
            head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Item::Array(items) => {
            head(4, items.len() as u64, out);
            items.iter().for_each(|item| encode(item, out));
        }
        Item::Map(pairs) => {
            head(5, pairs.len() as u64, out);
            for (key, value) in pairs {
                encode(key, out);
                encode(value, out);
            }
        }
        Item::Tag(tag, item) => {
            head(6, *tag, out);
            encode(item, out);
        }
        Item::Bool(value) => out.push(0xf4 + u8::from(*value)),
        Item::Null => out.push(0xf6),
        Item::Undefined => out.push(0xf7),
        Item::Float(number) => {
            out.push(0xfb);
            out.extend_from_slice(&number.to_bits().to_be_bytes());
        }
    }
}

fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    let (info, used) = match argument {
        // The value was just seen to fit a byte.
        0..=23 => return out.push(major | bytes[7]),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major | info);
    out.extend_from_slice(&bytes[8 - used..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items() -> impl Strategy<Value = Item> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Item::Unsigned),
            any::<u64>().prop_map(Item::Negative),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Item::Bytes),
            ".{0,20}".prop_map(Item::Text),
            any::<bool>().prop_map(Item::Bool),
            Just(Item::Null),
            Just(Item::Undefined),
            prop::num::f64::NORMAL.prop_map(Item::Float),
        ];
        leaf.prop_recursive(6, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Item::Array),
                prop::collection::vec((inner.clone(), inner.clone()), 0..8).prop_map(Item::Map),
                (any::<u64>(), inner).prop_map(|(tag, item)| Item::Tag(tag, Box::new(item))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(item in items()) {
            let mut bytes = Vec::new();
            encode(&item, &mut bytes);
            prop_assert_eq!(decode(&bytes), Ok(item));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(item) = decode(&bytes) {
                let mut again = Vec::new();
                encode(&item, &mut again);
                // NaN differs from itself, and has many spellings.
                if !format!("{item:?}").contains("NaN") {
                    prop_assert_eq!(decode(&again), Ok(item));
                }
            }
        }

        #[test]
        fn no_beginning_of_an_item_is_one(item in items(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            encode(&item, &mut bytes);
            let cut = cut.index(bytes.len());
            prop_assert_eq!(decode(&bytes[..cut]), Err(Broken::Short));
        }
    }

    /// RFC 8949 appendix A.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let cases: &[(&[u8], Item)] = &[
            (&[0x00], Item::Unsigned(0)),
            (&[0x18, 0x64], Item::Unsigned(100)),
            (&[0x1b, 0, 0, 0, 0xe8, 0xd4, 0xa5, 0x10, 0], Item::Unsigned(1_000_000_000_000)),
            (&[0x39, 0x03, 0xe7], Item::Negative(999)),
            (&[0xf9, 0x3e, 0x00], Item::Float(1.5)),
            (&[0xf9, 0x00, 0x01], Item::Float(5.960_464_477_539_063e-8)),
            (&[0xf9, 0xc4, 0x00], Item::Float(-4.0)),
            (&[0xfa, 0x47, 0xc3, 0x50, 0x00], Item::Float(100_000.0)),
            (&[0x62, 0xc3, 0xbc], Item::Text("ü".into())),
            (
                &[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0],
                Item::Tag(1, Box::new(Item::Unsigned(1_363_896_240))),
            ),
            (&[0xa1, 0x01, 0x02], Item::Map(vec![(Item::Unsigned(1), Item::Unsigned(2))])),
        ];
        for (bytes, item) in cases {
            assert_eq!(decode(bytes).as_ref(), Ok(item), "{bytes:02x?}");
        }
    }

    #[test]
    fn hostile_lengths_are_refused() {
        for (bytes, broken) in [
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], Broken::Short),
            (&[0x5b, 0, 0, 0, 1, 0, 0, 0, 0], Broken::Short),
            (&[0xbf, 0xff], Broken::Unknown),
            (&[0xf8, 0x20], Broken::Unknown),
            (&[0x1c], Broken::Unknown),
            (&[0x61, 0xff], Broken::Text),
            (&[0x01, 0x01], Broken::Trailing),
            (&[0x81; 64], Broken::Deep),
            (&[], Broken::Short),
        ] {
            assert_eq!(decode(bytes), Err(broken), "{bytes:02x?}");
        }
    }
}
