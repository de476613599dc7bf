//! Variants of an object: which of its stored responses a request may get (RFC 9111 section 4.1).
//!
//! Only what reaches the origin can have made its answer differ, and what is in the cache key is the same for all
//! requests that come this far. So of `Vary`'s fields those count that the origin request policy forwards and the cache
//! policy does not name (spec: CDN behaviours section 9, `Vary` "cut down to … forwarded headers").

use http::{HeaderMap, HeaderName, header};
use ring::digest;

use crate::distribution::policy::{
    CachePolicy, HeaderSelection, NameSelection, OriginRequestPolicy,
};

/// Whether `Vary: *` is among the lines: no other request may get this response (RFC 9110 section 12.5.5).
#[must_use]
pub fn is_any(response: &HeaderMap) -> bool {
    members(response).any(|member| member == b"*")
}

/// The names in `Vary`, in order; those that are no field names are left out.
pub fn names(response: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    members(response).filter_map(|member| HeaderName::from_bytes(member).ok())
}

fn members(response: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    response
        .get_all(header::VARY)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Whether a viewer's field gets to the origin at all.
#[must_use]
pub fn is_forwarded(
    name: &HeaderName,
    policy: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> bool {
    is_in_key(name, policy) || is_forwarded_beside_key(name, origin_request)
}

/// Whether the cache policy sends it, which also puts it into the key.
fn is_in_key(name: &HeaderName, policy: &CachePolicy) -> bool {
    let compresses = policy.accept_encoding_gzip || policy.accept_encoding_brotli;
    match *name {
        header::ACCEPT_ENCODING if compresses => true,
        header::COOKIE => policy.cookies != NameSelection::None,
        _ => policy.headers.contains(name),
    }
}

/// Whether the origin request policy sends it.
fn is_forwarded_beside_key(
    name: &HeaderName,
    origin_request: Option<&OriginRequestPolicy>,
) -> bool {
    let Some(origin_request) = origin_request else { return false };
    if *name == header::COOKIE {
        return origin_request.cookies != NameSelection::None;
    }
    match &origin_request.headers {
        HeaderSelection::None => false,
        HeaderSelection::Whitelist(names) => names.contains(name),
        HeaderSelection::AllViewer => true,
        HeaderSelection::AllViewerAndWhitelistCloudFront(names) => {
            !name.as_str().starts_with("cloudfront-") || names.contains(name)
        }
        HeaderSelection::AllExcept(names) => !names.contains(name),
    }
}

/// Whether requests with one key can still differ in what the origin sees of this field.
fn varies_within_key(
    name: &HeaderName,
    policy: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> bool {
    // Cookies are selected one by one: the key may hold some of them and the origin see more.
    let decided_by_key = match *name {
        header::COOKIE => policy.cookies == NameSelection::All,
        _ => is_in_key(name, policy),
    };
    !decided_by_key && is_forwarded_beside_key(name, origin_request)
}

/// The variant a request asks for, given the stored response's header; `None` when the response does not vary.
///
/// Values are compared as RFC 9111 section 4.1 allows: lines combined, blanks around members dropped, and case ignored
/// where the field's own definition ignores it.
#[must_use]
pub fn variance(
    stored: &HeaderMap,
    request: &HeaderMap,
    policy: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> Option<[u8; 16]> {
    if !stored.contains_key(header::VARY) {
        return None;
    }
    let mut varying: Vec<HeaderName> =
        names(stored).filter(|name| varies_within_key(name, policy, origin_request)).collect();
    if varying.is_empty() {
        return None;
    }
    // The same set in another order is the same variance.
    varying.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    varying.dedup();
    let mut text = Vec::new();
    for name in &varying {
        write_selecting_field(name, request, &mut text);
    }
    // The stored variant keeps this digest alone, so it has to withstand viewers who look for a value that collides
    // with someone else's: a cryptographic hash, unlike the key's.
    digest::digest(&digest::SHA256, &text).as_ref().first_chunk().copied()
}

/// Writes name and value with their lengths, so that no value can pretend to be another field.
fn write_selecting_field(name: &HeaderName, request: &HeaderMap, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    let ignores_case =
        [header::ACCEPT_LANGUAGE, header::ACCEPT_ENCODING, header::ACCEPT_CHARSET].contains(name);
    let members = request
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii);
    for member in members {
        value.extend_from_slice(member);
        value.push(b',');
    }
    if ignores_case {
        value.make_ascii_lowercase();
    }
    for bytes in [name.as_str().as_bytes(), &value] {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    }
}
