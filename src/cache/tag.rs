//! Cache tags: names that an answer gives itself, to be invalidated by (spec: CDN behaviours section 7).
//!
//! They stand in a header field of the answer, separated by commas or blanks, so that both `Cache-Tag: a, b` and
//! `Surrogate-Key: a b` are read.

use std::fmt;

use http::{HeaderMap, HeaderName};

use crate::limits::{CACHE_TAG_CHARS_MAX, CACHE_TAG_NAMES_MAX};

/// A tag, lower case: tags are compared without regard to case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag(Box<str>);

/// Why a text is no tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagError {
    /// Nothing is there.
    Empty,
    /// It is longer than CloudFront allows.
    TooLong,
    /// It has a character that a tag cannot have.
    Character,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a tag follows the #, as in #product-17"),
            Self::TooLong => write!(f, "a tag has at most {CACHE_TAG_CHARS_MAX} characters"),
            Self::Character => {
                f.write_str("a tag has visible ASCII characters only, without blanks and commas")
            }
        }
    }
}

impl std::error::Error for TagError {}

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &[u8]) -> Result<Self, TagError> {
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        if text.len() > CACHE_TAG_CHARS_MAX {
            return Err(TagError::TooLong);
        }
        match std::str::from_utf8(text) {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') => {
                Ok(Self(text.to_ascii_lowercase().into()))
            }
            _ => Err(TagError::Character),
        }
    }

    /// Its text, lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tags of an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tagged {
    /// The first ones, in the order of the header.
    pub tags: Vec<Tag>,
    /// How many more there were, or were no tags.
    pub dropped: usize,
}

/// Reads the tags in all lines of a header field.
#[must_use]
pub fn of_response(headers: &HeaderMap, name: &HeaderName) -> Tagged {
    let mut tagged = Tagged::default();
    for line in headers.get_all(name) {
        let words = line.as_bytes().split(|byte| matches!(byte, b',' | b' ' | b'\t'));
        for word in words.filter(|word| !word.is_empty()) {
            match Tag::parse(word) {
                Ok(tag) if tagged.tags.len() < CACHE_TAG_NAMES_MAX => tagged.tags.push(tag),
                _ => tagged.dropped += 1,
            }
        }
    }
    tagged
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("cache-tag");

    fn read(lines: &[&[u8]]) -> Tagged {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(NAME, HeaderValue::from_bytes(line).expect("a header value"));
        }
        of_response(&headers, &NAME)
    }

    #[test]
    fn commas_and_blanks_separate_tags_and_case_does_not_count() {
        let tagged = read(&[b"One,two , THREE\tfour", b"", b"five,,"]);
        let tags: Vec<_> = tagged.tags.iter().map(Tag::as_str).collect();
        assert_eq!((tags.join(" ").as_str(), tagged.dropped), ("one two three four five", 0));
    }

    #[test]
    fn what_is_no_tag_and_what_is_too_much_is_dropped_and_counted() {
        let longest = "a".repeat(CACHE_TAG_CHARS_MAX);
        let too_long = "a".repeat(CACHE_TAG_CHARS_MAX + 1);
        let tagged = read(&[longest.as_bytes(), too_long.as_bytes(), b"caf\xc3\xa9 ok"]);
        assert_eq!((tagged.tags.len(), tagged.dropped), (2, 2));
        let many: Vec<_> = (0..60).map(|number| number.to_string()).collect();
        let tagged = read(&[many.join(",").as_bytes()]);
        assert_eq!((tagged.tags.len(), tagged.dropped), (50, 10));
        assert_eq!(Tag::parse(b""), Err(TagError::Empty));
        assert_eq!(Tag::parse(b"a b"), Err(TagError::Character));
        assert_eq!(Tag::parse(too_long.as_bytes()), Err(TagError::TooLong));
    }

    proptest! {
        #[test]
        fn any_value_is_read_within_the_bounds(
            line in proptest::collection::vec(prop_oneof![0x20_u8..=0x7e, 0x80_u8..=0xff], 0..3_000)
        ) {
            let tagged = read(&[&line]);
            prop_assert!(tagged.tags.len() <= CACHE_TAG_NAMES_MAX);
            for tag in &tagged.tags {
                prop_assert_eq!(Tag::parse(tag.as_str().as_bytes()), Ok(tag.clone()));
            }
        }
    }
}
