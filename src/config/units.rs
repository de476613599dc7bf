//! Times and sizes as people write them: `30s`, `5m`, `64MiB`.

use std::time::Duration;

/// Milliseconds in each unit of time.
const TIME_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes in each unit of size. Powers of two only: a `MB` that means either is worse than an error.
const SIZE_UNITS: [(&str, u64); 4] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// What a time may look like.
pub(super) const TIME_SHAPE: &str = "a whole number of seconds, or a text such as \"250ms\", \
                                     \"30s\", \"5m\", \"1h\", \"7d\"";

/// What a size may look like.
pub(super) const SIZE_SHAPE: &str = "a whole number of bytes, or a text such as \"512KiB\", \
                                     \"64MiB\", \"2GiB\"";

/// Reads `250ms`, `30s`, `5m`, `1h`, `7d`. `None`: not a time, or beyond what 64 bits of
/// milliseconds hold.
#[must_use]
pub fn parse_time(text: &str) -> Option<Duration> {
    scaled(text, &TIME_UNITS).map(Duration::from_millis)
}

/// Reads `512KiB`, `64MiB`, `2GiB`, `1TiB`; the result is in bytes. `None`: not a size, or beyond
/// 64 bits.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    scaled(text, &SIZE_UNITS)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Spells a time the way [`parse_time`] reads it, in the largest unit that is exact.
#[must_use]
pub fn spell_time(time: Duration) -> String {
    spell(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), &TIME_UNITS, "s")
}

/// Spells a size the way [`parse_size`] reads it, in the largest unit that is exact; plain bytes if
/// there is none.
#[must_use]
pub fn spell_size(bytes: u64) -> String {
    spell(bytes, &SIZE_UNITS, " bytes")
}

fn spell(amount: u64, units: &[(&str, u64)], of_zero: &str) -> String {
    let exact = units.iter().rev().find(|(_, scale)| amount != 0 && amount.is_multiple_of(*scale));
    match exact {
        Some((unit, scale)) => format!("{}{unit}", amount / scale),
        None => format!("{amount}{of_zero}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_read_and_anything_else_is_refused() {
        let times = [
            ("0s", Some(0)),
            ("250ms", Some(250)),
            ("30s", Some(30_000)),
            ("7d", Some(604_800_000)),
            ("30", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, milliseconds) in times {
            assert_eq!(parse_time(text), milliseconds.map(Duration::from_millis), "{text}");
        }
        let sizes = [("64MiB", Some(64 << 20)), ("1MB", None), ("1TiB", Some(1 << 40)), ("", None)];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_spelt_reads_back(milliseconds in 0..u64::from(u32::MAX)) {
            let time = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_time(&spell_time(time)), Some(time));
            let size = milliseconds << 10;
            let spelt = spell_size(size);
            prop_assert_eq!(if size == 0 { Some(0) } else { parse_size(&spelt) }, Some(size));
        }
    }
}
