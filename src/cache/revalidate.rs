//! What a 304 changes in the stored response, and which fields belong to one connection only.

use http::{HeaderMap, HeaderName, header};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");

/// Fields that a 304 never changes.
///
/// RFC 9111 section 3.2 excepts what is not stored at all, what belongs to the stored bytes (`Content-Encoding`,
/// `Content-Range`) and `Content-Length`. `Vary` is excepted because it chose the place where the object lies: a new one
/// takes effect with the next full response.
const KEPT_FROM_STORED: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::VARY,
];

/// Freshens a stored response's header with that of a 304 (RFC 9111 sections 3.2 and 4.3.4): every field the 304 has
/// replaces all stored lines of its name.
///
/// `fresh` must have been through [`strip_hop_by_hop`].
pub fn merge(stored: &mut HeaderMap, fresh: &HeaderMap) {
    for name in fresh.keys() {
        if KEPT_FROM_STORED.contains(name) {
            continue;
        }
        stored.remove(name);
        for value in fresh.get_all(name) {
            stored.append(name.clone(), value.clone());
        }
    }
}

/// Removes the fields that are about one connection: neither stored nor forwarded (RFC 9110 section 7.6.1, RFC 9111
/// section 3.1). `Transfer-Encoding` stays: it frames the message that is being read.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in [
        header::CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        header::PROXY_AUTHENTICATE,
        PROXY_AUTHENTICATION_INFO,
    ] {
        headers.remove(name);
    }
}

/// What `Connection` names, without what frames the message: a peer that lists `Transfer-Encoding` there must not make
/// us forget how its body ends.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| {
            ![header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::UPGRADE].contains(name)
        })
        .collect()
}
