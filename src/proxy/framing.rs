//! Requests that two readers could frame differently are refused before anything reaches an origin.
//!
//! RFC 9112 sections 6.1, 6.3 and 11.2: request smuggling lives on such differences. Pingora lets some of these pass.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::{Method, Version};
use pingora::http::RequestHeader;

use super::head;
use crate::error::ViewerFailure;
use crate::limits::{REQUEST_HEAD_BYTES_MAX, URL_BYTES_MAX};

/// Checks framing, host and sizes of a request's head; `received` gives it as it came in.
///
/// # Errors
/// What the viewer did wrong.
pub fn check(
    request: &RequestHeader,
    received: impl FnOnce() -> Bytes,
) -> Result<(), ViewerFailure> {
    let headers = &request.headers;
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let codings: Vec<&[u8]> =
        headers.get_all(TRANSFER_ENCODING).iter().map(http::HeaderValue::as_bytes).collect();
    let listed = |length: &http::HeaderValue| length.as_bytes().contains(&b',');
    let ambiguous = lengths > 1
        || headers.get(CONTENT_LENGTH).is_some_and(listed)
        || (!codings.is_empty() && names_content_length(&received()))
        || codings.len() > 1
        || codings.first().is_some_and(|coding| !coding.eq_ignore_ascii_case(b"chunked"))
        || (!codings.is_empty() && request.version < Version::HTTP_11);
    // RFC 9112 section 3.2: exactly one Host in HTTP/1.1; in HTTP/2 the authority takes its place.
    let hosts = headers.get_all(HOST).iter().count();
    let hostless = hosts == 0 && request.version == Version::HTTP_11;
    let no_host = headers.get(HOST).is_some_and(|host| !is_host(host.as_bytes()));
    if ambiguous || hosts > 1 || hostless || no_host || request.method == Method::CONNECT {
        return Err(ViewerFailure::Malformed);
    }
    check_target(request)?;
    if head_bytes(headers) > REQUEST_HEAD_BYTES_MAX {
        return Err(ViewerFailure::TooLarge);
    }
    Ok(())
}

/// Whether this can be a host with or without a port (RFC 9110 section 7.2, RFC 3986 section 3.2.2). What it names is
/// the business of whoever looks for it.
fn is_host(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte);
    !text.is_empty() && text.iter().all(allowed)
}

/// Whether the head as received names `Content-Length`: pingora takes it away beside a transfer
/// coding, but who sends both is refused (RFC 9112 section 6.1).
fn names_content_length(received: &[u8]) -> bool {
    received.split(|&byte| byte == b'\n').any(|line| {
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"content-length")
    })
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

    fn check_fields(fields: &[(&str, &str)]) -> Result<(), ViewerFailure> {
        let mut request = RequestHeader::build("POST", b"/", None).expect("a constant head");
        let mut received = "POST / HTTP/1.1\r\n".to_owned();
        for (name, value) in fields {
            request
                .append_header((*name).to_owned(), (*value).to_owned())
                .expect("constant header fields");
            received.push_str(&format!("{name}: {value}\r\n"));
        }
        check(&request, || Bytes::from(received))
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
        for fields in bad {
            assert_eq!(check_fields(fields), Err(ViewerFailure::Malformed), "{fields:?}");
        }
        assert_eq!(check_fields(&[host, ("transfer-encoding", "chunked")]), Ok(()));
        assert_eq!(check_fields(&[host, ("content-length", "3")]), Ok(()));
    }
}
