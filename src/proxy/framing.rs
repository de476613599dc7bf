//! Requests that two readers could frame differently are refused before anything reaches an origin.
//!
//! RFC 9112 sections 6.1, 6.3 and 11.2: request smuggling lives on such differences. Pingora lets some of these pass.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::{Method, Version};
use pingora::http::RequestHeader;

use super::head;
use crate::error::ViewerFailure;
use crate::limits::{REQUEST_HEAD_BYTES_MAX, URL_BYTES_MAX};

/// Checks framing, host and sizes of a request's head.
///
/// # Errors
/// What the viewer did wrong.
pub fn check(request: &RequestHeader) -> Result<(), ViewerFailure> {
    let headers = &request.headers;
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let codings: Vec<&[u8]> =
        headers.get_all(TRANSFER_ENCODING).iter().map(http::HeaderValue::as_bytes).collect();
    let ambiguous = lengths > 1
        || (lengths == 1 && !codings.is_empty())
        || codings.len() > 1
        || codings.first().is_some_and(|coding| !coding.eq_ignore_ascii_case(b"chunked"))
        || (!codings.is_empty() && request.version < Version::HTTP_11);
    // RFC 9112 section 3.2: exactly one Host in HTTP/1.1; in HTTP/2 the authority takes its place.
    let hosts = headers.get_all(HOST).iter().count();
    let hostless = hosts == 0 && request.version == Version::HTTP_11;
    if ambiguous || hosts > 1 || hostless || request.method == Method::CONNECT {
        return Err(ViewerFailure::Malformed);
    }
    check_target(request)?;
    if head_bytes(headers) > REQUEST_HEAD_BYTES_MAX {
        return Err(ViewerFailure::TooLarge);
    }
    Ok(())
}

fn check_target(request: &RequestHeader) -> Result<(), ViewerFailure> {
    let (path, query) = head::path_and_query(request);
    if path.len() + query.map_or(0, |query| query.len() + 1) > URL_BYTES_MAX {
        return Err(ViewerFailure::TooLarge);
    }
    // RFC 9112 section 3.2: a target has no control characters, no white space and no fragment.
    let valid = |byte: &u8| *byte > b' ' && *byte != 0x7f && *byte != b'#';
    if path.iter().all(valid) && query.unwrap_or_default().iter().all(valid) {
        Ok(())
    } else {
        Err(ViewerFailure::Malformed)
    }
}

fn head_bytes(headers: &HeaderMap) -> usize {
    // `name: value\r\n`
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Whether the request announces a body.
#[must_use]
pub fn announces_body(request: &RequestHeader) -> bool {
    request.headers.contains_key(TRANSFER_ENCODING)
        || request.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> RequestHeader {
        let mut request = RequestHeader::build("POST", b"/", None).expect("a constant head");
        for (name, value) in headers {
            request
                .append_header((*name).to_owned(), (*value).to_owned())
                .expect("constant header fields");
        }
        request
    }

    #[test]
    fn ambiguous_framing_is_malformed() {
        let host = ("host", "a");
        let bad: [&[(&str, &str)]; 7] = [
            &[host, ("content-length", "1"), ("transfer-encoding", "chunked")],
            &[host, ("content-length", "1"), ("content-length", "1")],
            &[host, ("transfer-encoding", "identity, chunked")],
            &[host, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[host, ("transfer-encoding", "\tchunked")],
            &[host, host],
            &[],
        ];
        for headers in bad {
            assert_eq!(check(&request(headers)), Err(ViewerFailure::Malformed), "{headers:?}");
        }
        assert_eq!(check(&request(&[host, ("transfer-encoding", "chunked")])), Ok(()));
        assert_eq!(check(&request(&[host, ("content-length", "3")])), Ok(()));
    }
}
