//! What the origin gets to see: the viewer's request after viewer-request, cut down to what the cache policy and the
//! origin request policy let through, with the fields that the edge adds.
//!
//! spec: CDN behaviours section 4. The result is also what an origin-request function sees.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};

use crate::distribution::policy::{
    CachePolicy, HeaderSelection, NameSelection, OriginRequestPolicy,
};
use crate::distribution::{Behavior, HostField, Origin};
use crate::ids::RequestId;

/// The viewer's request, after viewer-request functions.
#[derive(Clone, Copy, Debug)]
pub struct ViewerRequest<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path, percent-encoded.
    pub path: &'a [u8],
    /// Query string without `?`.
    pub query: Option<&'a [u8]>,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// HTTP version the viewer spoke, for `Via`.
    pub version: Version,
    /// TCP peer address, for `X-Forwarded-For`.
    pub viewer_ip: IpAddr,
}

/// The request for an origin, framing aside: the proxy adds length and conditionals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginRequest {
    /// Path without the origin's prefix.
    pub path: Vec<u8>,
    /// Query string without `?`.
    pub query: Option<Vec<u8>>,
    /// Header fields, `host` included.
    pub headers: HeaderMap,
}

/// Forwarded whatever the policies say: fields that describe the body or the exchange, not the viewer.
///
/// Length, transfer coding, conditionals and `Range` are left to the proxy, which knows what the cache needs.
const ALWAYS_FORWARDED: [HeaderName; 13] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_DISPOSITION,
    header::CACHE_CONTROL,
    header::PRAGMA,
    header::DATE,
    header::FROM,
    header::MAX_FORWARDS,
    header::WARNING,
    header::ACCESS_CONTROL_REQUEST_HEADERS,
    header::ACCESS_CONTROL_REQUEST_METHOD,
];

/// Never forwarded, whatever the policies say: hop-by-hop fields (RFC 9110 section 7.6.1), those the edge writes
/// itself, and those the proxy decides on.
const NEVER_FORWARDED: [&str; 24] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "transfer-encoding",
    "content-length",
    "expect",
    "host",
    "cookie",
    "accept-encoding",
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
    "x-amz-cf-id",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
];

impl OriginRequest {
    /// Composes what `origin` gets to see of `viewer`'s request under `behavior`'s policies.
    #[must_use]
    pub fn compose(
        viewer: &ViewerRequest<'_>,
        behavior: &Behavior,
        origin: &Origin,
        request_id: &RequestId,
    ) -> Self {
        let key = behavior.cache_policy.as_ref();
        let extra = behavior.origin_request_policy.as_deref();
        let mut headers = HeaderMap::with_capacity(viewer.headers.len() + 6);
        for (name, value) in viewer.headers {
            if forwards_header(name, viewer, key, extra) {
                headers.append(name.clone(), value.clone());
            }
        }
        let cookies = union(&key.cookies, extra.map(|policy| &policy.cookies));
        if cookies == NameSelection::All {
            // All of them: as they were sent, byte for byte.
            for line in viewer.headers.get_all(header::COOKIE) {
                headers.append(header::COOKIE, line.clone());
            }
        } else if let Some(cookie) = selected_cookies(viewer.headers, &cookies) {
            headers.insert(header::COOKIE, cookie);
        }
        add_accept_encoding(&mut headers, viewer, key, extra);
        add_edge_fields(&mut headers, viewer, origin, request_id, extra, key);
        let query_strings = union(&key.query_strings, extra.map(|policy| &policy.query_strings));
        let query = viewer.query.and_then(|query| selected_query(query, &query_strings));
        Self { path: viewer.path.to_vec(), query, headers }
    }

    /// The request target for an origin with this path prefix.
    #[must_use]
    pub fn target(&self, origin_path: &str) -> Vec<u8> {
        let query_len = self.query.as_ref().map_or(0, |query| query.len() + 1);
        let mut target = Vec::with_capacity(origin_path.len() + self.path.len() + query_len);
        target.extend_from_slice(origin_path.as_bytes());
        target.extend_from_slice(&self.path);
        if let Some(query) = &self.query {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        target
    }
}

fn forwards_header(
    name: &HeaderName,
    viewer: &ViewerRequest<'_>,
    key: &CachePolicy,
    extra: Option<&OriginRequestPolicy>,
) -> bool {
    if NEVER_FORWARDED.contains(&name.as_str())
        || name.as_str().starts_with("x-edge-")
        || named_by_connection(viewer.headers, name)
    {
        return false;
    }
    let in_key = key.headers.contains(name);
    // RFC 9110 section 11.6.2 and spec section 4: credentials reach the origin on GET and HEAD only when the key
    // tells them apart or the policy forwards everything the viewer sent.
    if name == header::AUTHORIZATION && !matches!(*viewer.method, Method::GET | Method::HEAD) {
        return true;
    }
    in_key
        || ALWAYS_FORWARDED.contains(name)
        || extra.is_some_and(|policy| selects_header(&policy.headers, name))
}

fn selects_header(selection: &HeaderSelection, name: &HeaderName) -> bool {
    match selection {
        HeaderSelection::None => false,
        HeaderSelection::Whitelist(names) => names.contains(name) && name != header::AUTHORIZATION,
        HeaderSelection::AllViewer | HeaderSelection::AllViewerAndWhitelistCloudFront(_) => true,
        HeaderSelection::AllExcept(names) => !names.contains(name),
    }
}

fn named_by_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(header::CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
    })
}

/// Union of what the key and the origin request policy select (spec section 4).
fn union(key: &NameSelection, extra: Option<&NameSelection>) -> NameSelection {
    let Some(extra) = extra else { return key.clone() };
    match (key, extra) {
        (NameSelection::All, _) | (_, NameSelection::All) => NameSelection::All,
        (NameSelection::None, other) | (other, NameSelection::None) => other.clone(),
        (NameSelection::Whitelist(a), NameSelection::Whitelist(b)) => {
            NameSelection::Whitelist(a.iter().chain(b).cloned().collect())
        }
        (NameSelection::Whitelist(allowed), NameSelection::AllExcept(blocked))
        | (NameSelection::AllExcept(blocked), NameSelection::Whitelist(allowed)) => {
            NameSelection::AllExcept(
                blocked.iter().filter(|name| !allowed.contains(name)).cloned().collect(),
            )
        }
        // Two block lists: everything except the names in either list, as the specification has it.
        (NameSelection::AllExcept(a), NameSelection::AllExcept(b)) => {
            NameSelection::AllExcept(a.iter().chain(b).cloned().collect())
        }
    }
}

fn selected_cookies(headers: &HeaderMap, selection: &NameSelection) -> Option<HeaderValue> {
    if *selection == NameSelection::None {
        return None;
    }
    let mut joined: Vec<u8> = Vec::new();
    for value in headers.get_all(header::COOKIE) {
        for pair in value.as_bytes().split(|&byte| byte == b';') {
            let pair = pair.trim_ascii();
            let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
            if pair.is_empty() || !selection.selects(name.trim_ascii()) {
                continue;
            }
            if !joined.is_empty() {
                joined.extend_from_slice(b"; ");
            }
            joined.extend_from_slice(pair);
        }
    }
    if joined.is_empty() { None } else { HeaderValue::from_bytes(&joined).ok() }
}

fn selected_query(query: &[u8], selection: &NameSelection) -> Option<Vec<u8>> {
    match selection {
        NameSelection::None => None,
        NameSelection::All => Some(query.to_vec()),
        NameSelection::Whitelist(_) | NameSelection::AllExcept(_) => {
            let kept: Vec<&[u8]> = query
                .split(|&byte| byte == b'&')
                .filter(|pair| {
                    let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
                    selection.selects(name)
                })
                .collect();
            (!kept.is_empty()).then(|| kept.join(&b'&'))
        }
    }
}

/// spec section 3: what the key holds is what the origin sees.
fn add_accept_encoding(
    headers: &mut HeaderMap,
    viewer: &ViewerRequest<'_>,
    key: &CachePolicy,
    extra: Option<&OriginRequestPolicy>,
) {
    let Some(sent) = viewer.headers.get(header::ACCEPT_ENCODING) else { return };
    if !key.accept_encoding_gzip && !key.accept_encoding_brotli {
        let listed = key.headers.contains(&header::ACCEPT_ENCODING)
            || extra.is_some_and(|p| selects_header(&p.headers, &header::ACCEPT_ENCODING));
        if listed {
            headers.insert(header::ACCEPT_ENCODING, sent.clone());
        }
        return;
    }
    let brotli = key.accept_encoding_brotli && accepts(sent, b"br");
    let gzip = key.accept_encoding_gzip && accepts(sent, b"gzip");
    let normalized = match (brotli, gzip) {
        (true, true) => "br,gzip",
        (true, false) => "br",
        (false, true) => "gzip",
        (false, false) => "identity",
    };
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(normalized));
}

fn accepts(value: &HeaderValue, coding: &[u8]) -> bool {
    value.as_bytes().split(|&byte| byte == b',').any(|item| {
        let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        // RFC 9110 section 12.4.2: a weight of zero means "not acceptable".
        named
            && !parts.any(|parameter| {
                matches!(parameter, [b'q' | b'Q', b'=', b'0', rest @ ..]
                    if rest.iter().all(|byte| matches!(byte, b'.' | b'0')))
            })
    })
}

fn add_edge_fields(
    headers: &mut HeaderMap,
    viewer: &ViewerRequest<'_>,
    origin: &Origin,
    request_id: &RequestId,
    extra: Option<&OriginRequestPolicy>,
    key: &CachePolicy,
) {
    let forwards_host = origin.host == HostField::ByPolicy
        && (key.headers.contains(&header::HOST)
            || extra.is_some_and(|policy| selects_header(&policy.headers, &header::HOST)));
    let host = match &origin.host {
        HostField::Fixed(host) => Some(host.clone()),
        HostField::ByPolicy | HostField::Own => {
            viewer.headers.get(header::HOST).filter(|_| forwards_host).cloned()
        }
    };
    if let Some(host) = host.or_else(|| HeaderValue::from_str(&origin_authority(origin)).ok()) {
        headers.insert(header::HOST, host);
    }
    headers
        .entry(header::USER_AGENT)
        .or_insert_with(|| HeaderValue::from_static("Amazon CloudFront"));
    append_to_list(headers, viewer.headers, header::VIA, &via(viewer.version));
    let forwarded_for = HeaderName::from_static("x-forwarded-for");
    append_to_list(headers, viewer.headers, forwarded_for, &viewer.viewer_ip.to_string());
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(HeaderName::from_static("x-amz-cf-id"), id);
    }
    for (name, value) in &origin.custom_headers {
        headers.insert(name.clone(), value.clone());
    }
}

/// `host` or `host:port`, the port only where it is not the scheme's own.
fn origin_authority(origin: &Origin) -> String {
    use crate::distribution::OriginProtocol::{Http, Https, MatchViewer};
    match origin.protocol {
        Http if origin.http_port != 80 => format!("{}:{}", origin.domain_name, origin.http_port),
        Https if origin.https_port != 443 => {
            format!("{}:{}", origin.domain_name, origin.https_port)
        }
        Http | Https | MatchViewer => origin.domain_name.clone(),
    }
}

/// This edge's `Via` entry for a message received in `version` (RFC 9110 section 7.6.3).
#[must_use]
pub fn via(version: Version) -> String {
    let received = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        Version::HTTP_3 => "3.0",
        _ => "1.1",
    };
    format!("{received} verge")
}

fn append_to_list(headers: &mut HeaderMap, received: &HeaderMap, name: HeaderName, entry: &str) {
    let mut list: Vec<u8> = Vec::new();
    for value in received.get_all(&name) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(entry.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}
