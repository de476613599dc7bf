//! Ranges of bytes: what a request asks for (RFC 9110 section 14.2) and what a 206 holds (section 14.4).

use std::fmt;
use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};

/// One range as a request names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// `bytes=first-last`, both included, or `bytes=first-` to the end.
    From(u64, Option<u64>),
    /// `bytes=-length`: the last bytes.
    Last(u64),
}

impl Asked {
    /// The range of a request that names exactly one; `None` without one, for several and for what cannot be read.
    #[must_use]
    pub fn one(request: &HeaderMap) -> Option<Self> {
        let mut lines = request.get_all(header::RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let (unit, range) = line.to_str().ok()?.split_once('=')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.trim(), last.trim());
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        if first.is_empty() {
            return number(last).map(Self::Last);
        }
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        last.is_none_or(|last| last >= first).then_some(Self::From(first, last))
    }

    /// Whether it is all there is, whatever that is.
    #[must_use]
    pub fn is_everything(self) -> bool {
        self == Self::From(0, None)
    }

    /// The bytes it means in a representation of `length` bytes; `None` when it has none of them.
    #[must_use]
    pub fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, None) => first..length,
            Self::From(first, Some(last)) => first..last.saturating_add(1).min(length),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(first, Some(last)) => write!(f, "bytes={first}-{last}"),
            Self::From(first, None) => write!(f, "bytes={first}-"),
            Self::Last(count) => write!(f, "bytes=-{count}"),
        }
    }
}

/// What a 206 holds: `Content-Range: bytes first-last/length`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Where its bytes belong.
    pub bytes: Range<u64>,
    /// Length of the whole.
    pub length: u64,
}

impl Part {
    /// Reads a response's `Content-Range`.
    ///
    /// A `Content-Length` that says less means the first bytes of the range: a body breaks off at its end. `None` where it
    /// says more, for several ranges in one body, and for a whole of unknown length.
    #[must_use]
    pub fn of(response: &HeaderMap) -> Option<Self> {
        let mut lines = response.get_all(header::CONTENT_RANGE).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let multipart = b"multipart/byteranges";
        let media_type = response.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let begin = media_type.get(..multipart.len()).unwrap_or_default();
        if begin.eq_ignore_ascii_case(multipart) {
            return None;
        }
        let (unit, range) = line.to_str().ok()?.trim().split_once(' ')?;
        let (range, length) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, length) = (number(first)?, number(last)?, number(length)?);
        let sound = unit.eq_ignore_ascii_case("bytes") && first <= last && last < length;
        let promised = sound.then(|| last + 1 - first)?;
        let told = match response.get(header::CONTENT_LENGTH) {
            Some(value) => content_length(value)?,
            None => promised,
        };
        (1..=promised).contains(&told).then(|| Self { bytes: first..first + told, length })
    }
}

fn content_length(value: &HeaderValue) -> Option<u64> {
    number(value.to_str().ok()?.trim())
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Whether two responses are byte for byte parts of the same representation: both have the same strong entity tag
/// (RFC 9111 section 3.4, RFC 9110 section 8.8.3.2). `Last-Modified` alone is too weak to put bytes together by.
#[must_use]
pub fn combine(one: &HeaderMap, other: &HeaderMap) -> bool {
    let strong = |headers: &HeaderMap| {
        let mut tags = headers.get_all(header::ETAG).iter();
        let (Some(tag), None) = (tags.next().cloned(), tags.next()) else { return None };
        tag.as_bytes().starts_with(b"\"").then_some(tag)
    };
    strong(one).is_some_and(|tag| strong(other) == Some(tag))
}

/// The one range that a request is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The range.
    pub range: Asked,
    /// `If-Range`: the response that it is to be a range of.
    condition: Option<HeaderValue>,
}

impl Wanted {
    /// What a request wants; `None` for one that wants everything, or several ranges.
    #[must_use]
    pub fn of(request: &HeaderMap) -> Option<Self> {
        let range = Asked::one(request).filter(|asked| !asked.is_everything())?;
        Some(Self { range, condition: request.get(header::IF_RANGE).cloned() })
    }

    /// The value of `If-Range`.
    #[must_use]
    pub fn condition(&self) -> Option<&HeaderValue> {
        self.condition.as_ref()
    }

    /// The bytes of a stored response of `length` bytes that answer the request; `None` when it has none of them, or is
    /// not the response that the condition names by a strong entity tag or its very `Last-Modified` (RFC 9110 section
    /// 13.1.5).
    #[must_use]
    pub fn within(&self, stored: &HeaderMap, length: u64) -> Option<Range<u64>> {
        let holds = self.condition.as_ref().is_none_or(|condition| {
            let is_tag = condition.as_bytes().ends_with(b"\"");
            let name = if is_tag { header::ETAG } else { header::LAST_MODIFIED };
            !condition.as_bytes().starts_with(b"W/") && stored.get(name) == Some(condition)
        });
        holds.then(|| self.range.within(length)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        map
    }

    fn asked(text: &str) -> Option<Asked> {
        Asked::one(&map(&[("range", text)]))
    }

    #[test]
    fn one_range_is_read_and_found_in_a_whole() {
        let cases = [
            ("bytes=0-4", Some(0..5)),
            ("Bytes = 2 - 3 ", Some(2..4)),
            ("bytes=7-", Some(7..10)),
            ("bytes=7-99", Some(7..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=-0", None),
            ("bytes=10-", None),
        ];
        for (text, expected) in cases {
            let asked = asked(text).unwrap_or_else(|| panic!("{text} is a range"));
            assert_eq!(asked.within(10), expected, "{text}");
        }
        let none = [
            "bytes=",
            "bytes=-",
            "bytes=3-2",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes 0-1",
            "bytes=+1-2",
        ];
        for text in none {
            assert_eq!(asked(text), None, "{text}");
        }
        assert_eq!(Asked::one(&map(&[("range", "bytes=0-1"), ("range", "bytes=0-1")])), None);
        assert!(asked("bytes=0-").is_some_and(Asked::is_everything));
    }

    #[test]
    fn a_part_that_contradicts_itself_is_none() {
        let part =
            |range, length| Part::of(&map(&[("content-range", range), ("content-length", length)]));
        assert_eq!(part("bytes 2-4/10", "3"), Some(Part { bytes: 2..5, length: 10 }));
        assert_eq!(part("bytes 2-4/10", "2"), Some(Part { bytes: 2..4, length: 10 }));
        assert_eq!(part("bytes 2-4/10", "4"), None);
        assert_eq!(part("bytes 2-4/10", "0"), None);
        for wrong in
            ["bytes 4-2/10", "bytes 8-10/10", "bytes 2-4/*", "bytes */10", "2-4/10", "lines 2-4/10"]
        {
            assert_eq!(Part::of(&map(&[("content-range", wrong)])), None, "{wrong}");
        }
        let several = [
            ("content-type", "multipart/byteranges; boundary=a"),
            ("content-range", "bytes 2-4/10"),
        ];
        assert_eq!(Part::of(&map(&several)), None);
    }

    #[test]
    fn only_a_shared_strong_tag_puts_parts_together() {
        let tagged = |tag| map(&[("etag", tag)]);
        assert!(combine(&tagged("\"1\""), &tagged("\"1\"")));
        assert!(!combine(&tagged("\"1\""), &tagged("\"2\"")));
        assert!(!combine(&tagged("W/\"1\""), &tagged("W/\"1\"")));
        let dated = map(&[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert!(!combine(&dated, &dated));
    }

    #[test]
    fn if_range_names_what_is_stored() {
        const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        let stored = map(&[("etag", "\"1\""), ("last-modified", DATE)]);
        let within = |condition| {
            let wanted = Wanted::of(&map(&[("range", "bytes=2-3"), ("if-range", condition)]));
            wanted.expect("one range").within(&stored, 10)
        };
        assert_eq!((within("\"1\""), within(DATE)), (Some(2..4), Some(2..4)));
        for other in ["\"2\"", "W/\"1\"", "Mon, 07 Nov 1994 08:49:37 GMT"] {
            assert_eq!(within(other), None, "{other}");
        }
        assert_eq!(Wanted::of(&map(&[("range", "bytes=0-")])), None, "everything is no range");
    }

    proptest! {
        #[test]
        fn what_is_meant_lies_within(text in "bytes=[0-9]{0,21}-[0-9]{0,21}", length in 0_u64..1_000) {
            if let Some(range) = asked(&text).and_then(|asked| asked.within(length)) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }

        #[test]
        fn no_text_is_too_strange(text in "[ -~]{0,40}") {
            asked(&text);
            let _ = Part::of(&map(&[("content-range", &text)]));
        }
    }
}
