//! What a 304 changes in the stored response, and which fields belong to one connection only.

use http::{HeaderMap, HeaderName, header};

use crate::cache::date;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");

/// Fields that a 304 never changes.
///
/// RFC 9111 section 3.2 excepts what is not stored at all, what belongs to the stored bytes
/// (`Content-Encoding`, `Content-Range`) and `Content-Length`. `Vary` is excepted because it chose
/// the place where the object lies: a new one takes effect with the next full response.
const KEPT_FROM_STORED: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::TRANSFER_ENCODING,
    header::TRAILER,
    header::VARY,
];

/// Freshens a stored response's header with that of a 304 (RFC 9111 sections 3.2 and 4.3.4): every
/// field the 304 has replaces all stored lines of its name.
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

/// Whether a stored response without `Last-Modified` is not modified since the date that a request names: then `Date`
/// takes its place (RFC 9111 section 4.3.2). `If-None-Match` comes first (RFC 9110 section 13.2.2).
#[must_use]
pub fn is_unmodified_by_date(request: &HeaderMap, stored: &HeaderMap) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) || stored.contains_key(header::LAST_MODIFIED) {
        return false;
    }
    let since = request.get(header::IF_MODIFIED_SINCE).and_then(date::read);
    let sent_at = stored.get(header::DATE).and_then(date::read);
    matches!((since, sent_at), (Some(since), Some(sent_at)) if sent_at <= since)
}

/// Removes the fields that are about one connection: neither stored nor forwarded (RFC 9110 section
/// 7.6.1, RFC 9111 section 3.1). `Transfer-Encoding` stays: it frames the message that is being
/// read.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in hop_by_hop(headers) {
        headers.remove(name);
    }
}

/// The names that [`strip_hop_by_hop`] removes, for header types with a setter of their own.
#[must_use]
pub fn hop_by_hop(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut names = named_by_connection(headers);
    names.extend([
        header::CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        header::PROXY_AUTHENTICATE,
        PROXY_AUTHENTICATION_INFO,
    ]);
    names
}

/// What `Connection` names, without what frames the message: a peer that lists `Transfer-Encoding`
/// there must not make us forget how its body ends.
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn lines(map: &HeaderMap) -> Vec<(&str, &str)> {
        let mut lines: Vec<_> = map
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
            .collect();
        lines.sort_by_key(|&(name, _)| name.to_owned());
        lines
    }

    #[test]
    fn a_304_replaces_all_but_what_belongs_to_the_stored_bytes() {
        let mut stored = map(&[
            ("a", "1"),
            ("a", "2"),
            ("b", "1"),
            ("cache-control", "max-age=1"),
            ("content-encoding", "gzip"),
            ("content-length", "3"),
            ("content-type", "text/plain"),
            ("vary", "accept"),
        ]);
        let fresh = map(&[
            ("a", "3"),
            ("c", "4"),
            ("c", "5"),
            ("cache-control", "max-age=2"),
            ("content-encoding", "br"),
            ("content-length", "0"),
            ("content-type", "text/html"),
            ("content-range", "bytes 0-1/3"),
            ("vary", "cookie"),
        ]);
        merge(&mut stored, &fresh);
        let expected = [
            ("a", "3"),
            ("b", "1"),
            ("c", "4"),
            ("c", "5"),
            ("cache-control", "max-age=2"),
            ("content-encoding", "gzip"),
            ("content-length", "3"),
            ("content-type", "text/html"),
            ("vary", "accept"),
        ];
        assert_eq!(lines(&stored), expected);
    }

    #[test]
    fn date_stands_in_for_last_modified() {
        const EARLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const LATE: &str = "Mon, 07 Nov 1994 08:49:37 GMT";
        let unmodified = |request: &[(&'static str, &'static str)], stored| {
            is_unmodified_by_date(&map(request), &map(stored))
        };
        assert!(unmodified(&[("if-modified-since", LATE)], &[("date", EARLY)]));
        assert!(unmodified(&[("if-modified-since", LATE)], &[("date", LATE)]));
        assert!(!unmodified(&[("if-modified-since", EARLY)], &[("date", LATE)]));
        assert!(!unmodified(&[("if-modified-since", "0")], &[("date", EARLY)]));
        assert!(!unmodified(&[("if-modified-since", LATE)], &[]));
        assert!(!unmodified(&[], &[("date", EARLY)]));
        let modified = [("date", EARLY), ("last-modified", EARLY)];
        assert!(!unmodified(&[("if-modified-since", LATE)], &modified));
        let both = [("if-modified-since", LATE), ("if-none-match", "\"1\"")];
        assert!(!unmodified(&both, &[("date", EARLY)]));
    }

    #[test]
    fn what_connection_names_goes_with_it() {
        let mut headers = map(&[
            ("connection", "close, X-A"),
            ("connection", "x-b, transfer-encoding, content-length"),
            ("x-a", "1"),
            ("x-b", "1"),
            ("x-c", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
        ]);
        strip_hop_by_hop(&mut headers);
        let expected = [("content-length", "3"), ("transfer-encoding", "chunked"), ("x-c", "1")];
        assert_eq!(lines(&headers), expected);
    }
}
