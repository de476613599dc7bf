//! What must no longer be served: after an unsafe method (RFC 9111 section 4.4), and when an
//! operator says so (spec: CDN behaviours section 7).

use std::fmt;

use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};

use crate::cache::tag::{Tag, TagError};
use crate::limits::INVALIDATION_PATH_CHARS_MAX;

/// A path and query whose stored responses an unsafe request made invalid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The path, undecoded.
    pub path: Vec<u8>,
    /// The query string; `None` without `?`.
    pub query: Option<Vec<u8>>,
}

impl Target {
    fn parse(text: &str) -> Self {
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query.as_bytes().to_vec())),
            None => (text, None),
        };
        Self { path: path.as_bytes().to_vec(), query }
    }
}

/// What a request invalidates once its response is there; nothing for a safe method or a response
/// that is an error.
///
/// "A cache MUST invalidate the target URI … when it receives a non-error status code in response
/// to an unsafe request method", and may do so for `Location` and `Content-Location` of the same
/// origin (RFC 9111 section 4.4). `host` is the viewer's `Host`, port included if it was sent.
#[must_use]
pub fn by_unsafe_method(
    method: &Method,
    path: &[u8],
    query: Option<&[u8]>,
    host: &[u8],
    status: StatusCode,
    response: &HeaderMap,
) -> Vec<Target> {
    if method.is_safe() || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut targets = vec![Target { path: path.to_vec(), query: query.map(<[u8]>::to_vec) }];
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let reference = response.get(name).and_then(|value| value.to_str().ok());
        if let Some(target) = reference.and_then(|reference| same_origin(reference, host)) {
            targets.push(target);
        }
    }
    targets
}

/// Whether `Content-Location` names the target of the request itself. `path`, `query` and `host` as for
/// [`by_unsafe_method`].
#[must_use]
pub fn names_target(path: &[u8], query: Option<&[u8]>, host: &[u8], response: &HeaderMap) -> bool {
    let location = response.get(header::CONTENT_LOCATION).and_then(|value| value.to_str().ok());
    location
        .and_then(|location| same_origin(location, host))
        .is_some_and(|named| named.path == path && named.query.as_deref() == query)
}

/// Reads an absolute URI of the same host, or an absolute path. References relative to the path are
/// left alone: the rule for them is a "may".
fn same_origin(reference: &str, host: &[u8]) -> Option<Target> {
    // `//host/path` takes the scheme of the request (RFC 3986 section 4.2); which one it is does
    // not matter here.
    let uri: Uri = match reference.strip_prefix("//") {
        Some(after) => format!("http://{after}").parse().ok()?,
        None => reference.parse().ok()?,
    };
    let same_host =
        uri.authority().is_none_or(|named| named.as_str().as_bytes().eq_ignore_ascii_case(host));
    let target = Target {
        path: uri.path().as_bytes().to_vec(),
        query: uri.query().map(|query| query.as_bytes().to_vec()),
    };
    (same_host && target.path.starts_with(b"/")).then_some(target)
}

/// How what is invalidated goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Mode {
    /// It is not used any more.
    #[default]
    Hard,
    /// It is stale from now on: revalidated at the next use, and served meanwhile where its answer allows that.
    Soft,
}

impl Mode {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

/// One item of an invalidation. All variants of what it names go together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// What lies at this path, with exactly this query string.
    Exact(Target),
    /// What lies at a path and query that begin so.
    Prefix(Box<[u8]>),
    /// All of the distribution.
    Everything,
    /// What carries this tag.
    Tag(Tag),
}

/// Why an item of an invalidation was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ItemError {
    /// It begins with neither `/` nor `#`.
    NotAPath,
    /// It is longer than CloudFront allows.
    TooLong,
    /// It has characters that a URL must encode.
    NotEncoded,
    /// What follows `#` is no tag.
    Tag(TagError),
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPath => f.write_str(
                "an item is a path that begins with /, as in /images/*, or a tag that begins with #",
            ),
            Self::TooLong => {
                write!(
                    f,
                    "an invalidation path has at most {INVALIDATION_PATH_CHARS_MAX} characters"
                )
            }
            Self::NotEncoded => {
                f.write_str("write blanks, control and non-ASCII characters as %XX in the path")
            }
            Self::Tag(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ItemError {}

impl Item {
    /// Reads an item as an operator writes it: `/a.html`, `/a?b=c`, `/images/*`, `/*`, `#tag`. A `*` elsewhere than at
    /// the end is literal.
    ///
    /// # Errors
    /// Says what is wrong with it and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ItemError> {
        if let Some(tag) = text.strip_prefix('#') {
            return Tag::parse(tag.as_bytes()).map(Self::Tag).map_err(ItemError::Tag);
        }
        if !text.starts_with('/') {
            return Err(ItemError::NotAPath);
        }
        if text.len() > INVALIDATION_PATH_CHARS_MAX {
            return Err(ItemError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ItemError::NotEncoded);
        }
        Ok(match text.strip_suffix('*') {
            Some("/") => Self::Everything,
            Some(prefix) => Self::Prefix(prefix.as_bytes().into()),
            None => Self::Exact(Target::parse(text)),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// What a response with these fields invalidates, as `path?query`.
    fn invalidated(
        method: &Method,
        status: u16,
        fields: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let mut response = HeaderMap::new();
        for (name, value) in fields {
            response.append(*name, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        by_unsafe_method(method, b"/a", Some(b"q"), b"h.example:8080", status, &response)
            .into_iter()
            .map(|target| {
                let query =
                    target.query.map(|query| format!("?{}", String::from_utf8_lossy(&query)));
                format!("{}{}", String::from_utf8_lossy(&target.path), query.unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn unsafe_methods_invalidate_what_rfc_9111_section_4_4_says() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(invalidated(&method, 204, &[]), ["/a?q"]);
        }
        let unknown = Method::from_bytes(b"M-SEARCH").expect("a method");
        assert_eq!(invalidated(&unknown, 302, &[]), ["/a?q"], "an unknown method may be unsafe");
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert!(invalidated(&method, 200, &[]).is_empty());
        }
        for status in [404, 500] {
            assert!(invalidated(&Method::POST, status, &[("location", "/b")]).is_empty());
        }
    }

    #[test]
    fn locations_of_the_same_origin_go_too() {
        let cases = [
            ("/b?c", Some("/b?c")),
            ("http://h.example:8080/b", Some("/b")),
            ("https://H.EXAMPLE:8080/b?c", Some("/b?c")),
            ("http://h.example/b", None),
            ("http://other.example/b", None),
            ("//other.example/b", None),
            ("b", None),
            ("", None),
        ];
        for (reference, expected) in cases {
            for name in ["location", "content-location"] {
                let targets = invalidated(&Method::POST, 201, &[(name, reference)]);
                assert_eq!(targets.get(1).map(String::as_str), expected, "{name}: {reference}");
            }
        }
    }

    #[test]
    fn a_wrong_item_says_what_to_write() {
        assert_eq!(Item::parse("a"), Err(ItemError::NotAPath));
        assert_eq!(Item::parse(""), Err(ItemError::NotAPath));
        assert_eq!(Item::parse("*"), Err(ItemError::NotAPath));
        assert_eq!(Item::parse("/\u{e4}"), Err(ItemError::NotEncoded));
        assert_eq!(Item::parse("/a b"), Err(ItemError::NotEncoded));
        let long = format!("/{}", "a".repeat(INVALIDATION_PATH_CHARS_MAX));
        assert_eq!(Item::parse(&long), Err(ItemError::TooLong));
        assert_eq!(Item::parse("#"), Err(ItemError::Tag(TagError::Empty)));
        assert_eq!(Item::parse("#a b"), Err(ItemError::Tag(TagError::Character)));
        assert!(ItemError::TooLong.to_string().contains("4000"));
    }
}
