//! A key taken apart again, to be shown.

use super::{LENGTH_BYTES, read_field, tag};

/// One field of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// What it is: `path`, `header accept-language`.
    pub name: String,
    /// Its bytes; lines of a header field are joined by a comma.
    pub value: Vec<u8>,
}

/// The fields of a key in their order; what does not read as one ends the list.
#[must_use]
pub fn parts(key: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = key;
    for name in ["distribution", "path"] {
        let Some((value, after)) = read_field(rest) else { return parts };
        parts.push(Part { name: name.to_owned(), value: value.to_vec() });
        rest = after;
    }
    while let Some((part, after)) = next(rest) {
        parts.push(part);
        rest = after;
    }
    parts
}

fn next(bytes: &[u8]) -> Option<(Part, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let of = |name: &str, value: &[u8]| Part { name: name.to_owned(), value: value.to_vec() };
    match tag {
        tag::OPTIONS => Some((of("method", b"OPTIONS"), rest)),
        tag::QUERY => read_field(rest).map(|(value, rest)| (of("query string", value), rest)),
        tag::COOKIE => read_field(rest).map(|(value, rest)| (of("cookie", value), rest)),
        tag::HEADER => header(rest),
        tag::ACCEPT_ENCODING => {
            let (&byte, rest) = rest.split_first()?;
            let value = match byte {
                b'g' => "gzip",
                b'b' => "br",
                _ => "br,gzip",
            };
            Some((of("accept-encoding", value.as_bytes()), rest))
        }
        _ => None,
    }
}

fn header(bytes: &[u8]) -> Option<(Part, &[u8])> {
    let (name, rest) = read_field(bytes)?;
    let (count, mut rest) = rest.split_first_chunk::<LENGTH_BYTES>()?;
    let mut lines = Vec::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let (line, after) = read_field(rest)?;
        lines.push(line);
        rest = after;
    }
    let name = format!("header {}", String::from_utf8_lossy(name));
    Some((Part { name, value: lines.join(&b", "[..]) }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let parts = parts(&bytes);
            let together: usize = parts.iter().map(|part| part.value.len()).sum();
            prop_assert!(together <= 8 * bytes.len());
        }
    }
}
