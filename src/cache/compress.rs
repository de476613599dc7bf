//! What the edge compresses before it stores it (spec: CDN behaviours section 10). Each coding that a viewer may accept has
//! a key of its own, so a stored object has the coding of its key.

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::key::AcceptEncoding;
use crate::limits::{COMPRESSED_OBJECT_BYTES_MAX, COMPRESSED_OBJECT_BYTES_MIN};

/// How a body is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932), preferred: it makes text smaller.
    Brotli,
}

impl Coding {
    /// As in `Content-Encoding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// CloudFront's list: subtypes of `application`.
const APPLICATION: [&str; 28] = [
    "dash+xml",
    "eot",
    "font",
    "font-sfnt",
    "javascript",
    "json",
    "opentype",
    "otf",
    "pkcs7-mime",
    "protobuf",
    "rss+xml",
    "truetype",
    "ttf",
    "vnd.apple.mpegurl",
    "vnd.mapbox-vector-tile",
    "vnd.ms-fontobject",
    "xhtml+xml",
    "xml",
    "x-font-opentype",
    "x-font-truetype",
    "x-font-ttf",
    "x-httpd-cgi",
    "x-javascript",
    "x-mpegurl",
    "x-opentype",
    "x-otf",
    "x-perl",
    "x-ttf",
];
const FONT: [&str; 4] = ["eot", "opentype", "otf", "ttf"];
const TEXT: [&str; 12] = [
    "css",
    "csv",
    "html",
    "javascript",
    "js",
    "plain",
    "richtext",
    "tab-separated-values",
    "xml",
    "x-component",
    "x-java-source",
    "x-script",
];
const IMAGE: [&str; 2] = ["svg+xml", "vnd.apple.mpegurl"];

/// How the body of this response is compressed for viewers who accept `accepted`, and its length; `None`: it is not.
#[must_use]
pub fn coding(
    accepted: AcceptEncoding,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<(Coding, u64)> {
    let coding = match accepted {
        AcceptEncoding::Absent | AcceptEncoding::Identity => return None,
        AcceptEncoding::Gzip => Coding::Gzip,
        AcceptEncoding::Brotli | AcceptEncoding::BrotliAndGzip => Coding::Brotli,
    };
    let length: u64 = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    let sizes = COMPRESSED_OBJECT_BYTES_MIN..=COMPRESSED_OBJECT_BYTES_MAX;
    (sizes.contains(&length) && negotiates(status, headers)).then_some((coding, length))
}

/// Whether a response of this kind has the coding that its viewer accepts: what others get is not the same.
#[must_use]
pub fn negotiates(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 200 | 403 | 404)
        && !headers.contains_key(CONTENT_ENCODING)
        && headers.get(CONTENT_TYPE).is_some_and(|value| is_listed(value.as_bytes()))
        && !forbids_transformation(headers)
}

fn is_listed(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    let mut parts = essence.trim_ascii().splitn(2, |&byte| byte == b'/');
    let (Some(kind), Some(subtype)) = (parts.next(), parts.next()) else { return false };
    let listed: &[&str] = match kind.to_ascii_lowercase().as_slice() {
        b"application" => &APPLICATION,
        b"text" => &TEXT,
        b"font" => &FONT,
        b"image" => &IMAGE,
        _ => return false,
    };
    listed.iter().any(|name| subtype.eq_ignore_ascii_case(name.as_bytes()))
}

/// `no-transform` (RFC 9111 section 5.2.2.6).
fn forbids_transformation(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

/// The entity tag of a compressed body, from that of the plain one: no longer the same bytes, so weak (RFC 9110 section
/// 8.8.1). `None` for what is no entity tag.
#[must_use]
pub fn weakened(tag: &HeaderValue) -> Option<HeaderValue> {
    let bytes = tag.as_bytes();
    let opaque = bytes.strip_prefix(b"W/").unwrap_or(bytes);
    let inner = opaque.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.iter().any(|&byte| byte == b'"' || byte <= b' ') {
        return None;
    }
    HeaderValue::from_bytes(&[b"W/", opaque].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let fields = fields.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        });
        fields.collect()
    }

    fn compressed(status: u16, fields: &[(&'static str, &str)]) -> bool {
        let status = StatusCode::from_u16(status).expect("a status");
        coding(AcceptEncoding::Gzip, status, &headers(fields)).is_some()
    }

    #[test]
    fn what_the_list_the_size_and_the_status_allow_is_compressed() {
        let of = |kind: &str, length: &str| {
            compressed(200, &[("content-type", kind), ("content-length", length)])
        };
        for kind in ["text/html", "Text/CSS; charset=utf-8", "application/json", "image/svg+xml"] {
            assert!(of(kind, "1000"), "{kind}");
        }
        for kind in ["image/png", "text/markdown", "application/wasm", "font/woff2", "text", ""] {
            assert!(!of(kind, "1000"), "{kind}");
        }
        assert!(of("text/plain", "10000000"));
        for length in ["999", "10000001", "x", "-1000"] {
            assert!(!of("text/plain", length), "{length}");
        }
        let page = [("content-type", "text/html"), ("content-length", "5000")];
        for (status, expected) in
            [(200, true), (403, true), (404, true), (206, false), (500, false)]
        {
            assert_eq!(compressed(status, &page), expected, "{status}");
        }
    }

    #[test]
    fn what_is_encoded_of_unknown_length_or_not_to_be_transformed_stays() {
        let kind = ("content-type", "text/html");
        let length = ("content-length", "5000");
        assert!(!compressed(200, &[kind]));
        assert!(!compressed(200, &[length]));
        assert!(!compressed(200, &[kind, length, ("content-encoding", "gzip")]));
        let kept = ("cache-control", "max-age=9, No-Transform");
        assert!(!compressed(200, &[kind, length, kept]));
    }

    #[test]
    fn brotli_is_preferred() {
        let fields = headers(&[("content-type", "text/html"), ("content-length", "5000")]);
        for (accepted, expected) in [
            (AcceptEncoding::BrotliAndGzip, Some(Coding::Brotli)),
            (AcceptEncoding::Brotli, Some(Coding::Brotli)),
            (AcceptEncoding::Gzip, Some(Coding::Gzip)),
            (AcceptEncoding::Identity, None),
            (AcceptEncoding::Absent, None),
        ] {
            let chosen = coding(accepted, StatusCode::OK, &fields).map(|(coding, _)| coding);
            assert_eq!(chosen, expected);
        }
    }

    #[test]
    fn a_tag_becomes_weak_and_nonsense_goes() {
        let weak = |tag: &str| {
            let tag = weakened(&HeaderValue::from_str(tag).expect("a value"))?;
            Some(tag.to_str().expect("ASCII").to_owned())
        };
        assert_eq!(weak("\"a\"").as_deref(), Some("W/\"a\""));
        assert_eq!(weak("W/\"a\"").as_deref(), Some("W/\"a\""));
        for nonsense in ["a", "\"a", "w/\"a\"", "\"a\"b\"", ""] {
            assert_eq!(weak(nonsense), None, "{nonsense}");
        }
    }
}
