//! Paths as behaviors are matched against them: two spellings of one path (RFC 3986 section 6.2.2) must not reach two
//! behaviors, or a gate could be walked around. The origin gets the path as the viewer sent it.

use std::borrow::Cow;

/// `path` without dot segments, and with unreserved characters that were percent-encoded spelled out. Most paths are
/// normal already and cost one look.
#[must_use]
pub fn normalized(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') && !path.windows(2).any(|pair| pair == b"/.") {
        return Cow::Borrowed(path);
    }
    Cow::Owned(without_dot_segments(&decode_unreserved(path)))
}

/// RFC 3986 section 2.3: `%41` and `A` are the same, `%2F` and `/` are not.
fn decode_unreserved(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
            && is_unreserved(high << 4 | low)
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986 section 5.2.4, for paths that begin with a slash.
fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments =
        path.strip_prefix(b"/").unwrap_or(path).split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
        // `/a/.` and `/a/b/..` are the folder `/a/`.
        if segments.peek().is_none() && matches!(segment, b"." | b"..") {
            kept.push(b"");
        }
    }
    let mut whole = vec![b'/'];
    whole.extend(kept.join(&b'/'));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_has_one_spelling() {
        for (sent, normal) in [
            ("/", "/"),
            ("/a/b.html", "/a/b.html"),
            ("/x/../private/report", "/private/report"),
            ("/./private/./report", "/private/report"),
            ("/../../private", "/private"),
            ("/%70rivate/%72eport", "/private/report"),
            ("/x/%2e%2E/private/", "/private/"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/a/.b/..c/...", "/a/.b/..c/..."),
            ("//private", "//private"),
            ("/a%2Fb/%", "/a%2Fb/%"),
            ("/%2", "/%2"),
            ("/%zz%4", "/%zz%4"),
            ("/%E4%2a", "/%E4%2a"),
        ] {
            assert_eq!(String::from_utf8_lossy(&normalized(sent.as_bytes())), normal, "{sent}");
        }
    }
}
