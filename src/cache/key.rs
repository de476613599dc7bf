//! What makes two requests the same object: CloudFront's cache key (spec: CDN behaviours section
//! 3).
//!
//! The key is the distribution's domain name, the path, and of query string, header fields and
//! cookies what the cache policy names; never the method (but OPTIONS), the scheme, the viewer's
//! `Host` or the origin that was chosen.
//!
//! The bytes are a list of fields, each with a tag and a length, so that no value can run into its
//! neighbour and two different requests never have the same key. Header fields carry their name: a
//! configuration that is loaded later may select other fields, and its keys must not be mistaken
//! for those of the one before.
//!
//! What is in the key is also what the origin gets to see, so the functions that select are public:
//! [`selected_query`], [`selected_cookies`], [`normalized_accept_encoding`].

mod parts;

use http::{HeaderMap, Method, header};

use crate::distribution::policy::{CachePolicy, NameSelection};

pub use parts::{Part, parts};

/// Tags of the optional fields. A key begins with domain name and path, which have none.
mod tag {
    pub const QUERY: u8 = b'q';
    pub const OPTIONS: u8 = b'o';
    pub const HEADER: u8 = b'h';
    pub const COOKIE: u8 = b'c';
    pub const ACCEPT_ENCODING: u8 = b'e';
}

/// The compressions that a viewer accepts, as far as the cache policy cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AcceptEncoding {
    /// Not in the key and not sent: the policy ignores compression, or the viewer sent no
    /// `Accept-Encoding`.
    Absent,
    /// Not in the key; the origin gets `identity`, because the viewer accepts nothing the policy
    /// knows.
    Identity,
    /// gzip alone.
    Gzip,
    /// Brotli alone.
    Brotli,
    /// Both.
    BrotliAndGzip,
}

impl AcceptEncoding {
    /// The field's value towards the origin; `None` when it is not sent.
    #[must_use]
    pub const fn as_header_value(self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Identity => Some("identity"),
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::BrotliAndGzip => Some("br,gzip"),
        }
    }

    /// The byte that stands for it in the key; `None` for what the key leaves out.
    const fn key_byte(self) -> Option<u8> {
        match self {
            Self::Absent | Self::Identity => None,
            Self::Gzip => Some(b'g'),
            Self::Brotli => Some(b'b'),
            Self::BrotliAndGzip => Some(b'a'),
        }
    }
}

/// Writes a request's cache key into `out`, which is emptied first.
///
/// `domain_name` is the distribution's; `path` and `query` are those of the request after viewer
/// functions, undecoded; `query` is `None` when there is no `?`. Allocates for `out` at most, and
/// once more when the policy selects cookies.
pub fn primary_key(
    domain_name: &str,
    method: &Method,
    path: &[u8],
    query: Option<&[u8]>,
    headers: &HeaderMap,
    policy: &CachePolicy,
    out: &mut Vec<u8>,
) {
    out.clear();
    let location_bytes = domain_name.len() + path.len() + query.map_or(0, <[u8]>::len);
    out.reserve(location_bytes + variant_bytes_max(headers, policy));
    write_location(domain_name, path, query, &policy.query_strings, out);
    // OPTIONS is the one method with objects of its own; HEAD is answered from GET's.
    if method == Method::OPTIONS {
        out.push(tag::OPTIONS);
    }
    for name in &policy.headers {
        let mut lines = headers.get_all(name).iter().peekable();
        if lines.peek().is_none() {
            continue;
        }
        out.push(tag::HEADER);
        write_field(name.as_str().as_bytes(), out);
        let count_at = reserve_length(out);
        let mut count = 0;
        for line in lines {
            write_field(line.as_bytes(), out);
            count += 1;
        }
        fill_length(count_at, count, out);
    }
    for cookie in selected_cookies(headers, &policy.cookies) {
        out.push(tag::COOKIE);
        write_field(cookie, out);
    }
    if let Some(byte) = normalized_accept_encoding(headers, policy).key_byte() {
        out.extend_from_slice(&[tag::ACCEPT_ENCODING, byte]);
    }
}

/// An upper bound for what a key holds beside the location's text, so that its bytes are allocated
/// once.
fn variant_bytes_max(headers: &HeaderMap, policy: &CachePolicy) -> usize {
    // Lengths and tags of the location, OPTIONS and Accept-Encoding.
    const FIXED: usize = 3 * LENGTH_BYTES + 4;
    const PER_FIELD: usize = 3 * LENGTH_BYTES + 1;
    let fields = policy.headers.iter().map(|name| {
        let lines = headers.get_all(name).iter();
        lines.map(|line| name.as_str().len() + line.len() + PER_FIELD).sum::<usize>()
    });
    let cookies = match policy.cookies {
        NameSelection::None => 0,
        // A cookie takes at least its separator in the request and its tag and length in the key.
        _ => cookies(headers).map(|cookie| cookie.len() + PER_FIELD).sum(),
    };
    FIXED + fields.sum::<usize>() + cookies
}

/// Writes the part of the key that says where: domain name, path, and the selected query. All
/// variants of an object share it, so it is what an invalidation names.
pub fn write_location(
    domain_name: &str,
    path: &[u8],
    query: Option<&[u8]>,
    selected: &NameSelection,
    out: &mut Vec<u8>,
) {
    write_field(domain_name.as_bytes(), out);
    write_field(path, out);
    let before_query = out.len();
    out.push(tag::QUERY);
    let length_at = reserve_length(out);
    if selected_query(query, selected, out) {
        fill_length(length_at, out.len() - length_at - LENGTH_BYTES, out);
    } else {
        out.truncate(before_query);
    }
}

/// Where an object lives, read back from its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location<'a> {
    /// The distribution's domain name.
    pub domain_name: &'a [u8],
    /// The path, undecoded.
    pub path: &'a [u8],
    /// The selected query string; `None` when the key has none.
    pub query: Option<&'a [u8]>,
    /// The bytes of the key that were read: the same for all variants of the object.
    pub bytes: &'a [u8],
}

impl Location<'_> {
    /// Domain name, path, and `?` with the query if there is one: what a prefix is compared with.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let question_mark: &[u8] = if self.query.is_some() { b"?" } else { b"" };
        [self.domain_name, self.path, question_mark, self.query.unwrap_or_default()].concat()
    }
}

/// Reads the location at the head of a key; `None` for bytes that are not a key.
#[must_use]
pub fn location(key: &[u8]) -> Option<Location<'_>> {
    let (domain_name, rest) = read_field(key)?;
    let (path, rest) = read_field(rest)?;
    let (query, rest) = match rest.split_first() {
        Some((&tag::QUERY, after)) => {
            let (query, rest) = read_field(after)?;
            (Some(query), rest)
        }
        _ => (None, rest),
    };
    let (bytes, _) = key.split_at_checked(key.len() - rest.len())?;
    Some(Location { domain_name, path, query, bytes })
}

/// Appends the selected parameters of a query string, in the viewer's order and spelling, joined by
/// `&`.
///
/// False when nothing is left to send, so that not even a `?` remains; `All` keeps an empty query,
/// as it was sent.
pub fn selected_query(query: Option<&[u8]>, selection: &NameSelection, out: &mut Vec<u8>) -> bool {
    let Some(query) = query else { return false };
    match selection {
        NameSelection::None => return false,
        NameSelection::All => {
            out.extend_from_slice(query);
            return true;
        }
        NameSelection::Whitelist(_) | NameSelection::AllExcept(_) => {}
    }
    let mut any = false;
    for parameter in query.split(|&byte| byte == b'&') {
        if parameter.is_empty() || !selection.selects(name_of(parameter)) {
            continue;
        }
        if any {
            out.push(b'&');
        }
        out.extend_from_slice(parameter);
        any = true;
    }
    any
}

/// The selected cookies as `name=value`, sorted by name; cookies of one name keep the viewer's
/// order.
#[must_use]
pub fn selected_cookies<'a>(headers: &'a HeaderMap, selection: &NameSelection) -> Vec<&'a [u8]> {
    if *selection == NameSelection::None {
        return Vec::new();
    }
    let mut cookies: Vec<&[u8]> =
        cookies(headers).filter(|cookie| selection.selects(name_of(cookie))).collect();
    cookies.sort_by_key(|cookie| name_of(cookie));
    cookies
}

/// All cookies of a request as `name=value`, as sent, empty ones left out. RFC 6265 section 4.2.1.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|cookie| !cookie.is_empty())
}

/// `Accept-Encoding` cut down to what the policy knows (spec: CDN behaviours section 3, the table).
///
/// HTTP/1.0 viewers get no compression: their field is removed before this is asked.
#[must_use]
pub fn normalized_accept_encoding(headers: &HeaderMap, policy: &CachePolicy) -> AcceptEncoding {
    let mut sent = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
    let ignored = !policy.accept_encoding_gzip && !policy.accept_encoding_brotli;
    if ignored || sent.peek().is_none() {
        return AcceptEncoding::Absent;
    }
    let (mut gzip, mut brotli) = (false, false);
    for coding in sent.flat_map(|line| line.as_bytes().split(|&byte| byte == b',')) {
        gzip |= policy.accept_encoding_gzip && accepts(coding, b"gzip");
        brotli |= policy.accept_encoding_brotli && accepts(coding, b"br");
    }
    match (brotli, gzip) {
        (true, true) => AcceptEncoding::BrotliAndGzip,
        (true, false) => AcceptEncoding::Brotli,
        (false, true) => AcceptEncoding::Gzip,
        (false, false) => AcceptEncoding::Identity,
    }
}

/// Whether one member of `Accept-Encoding` accepts a coding. Weight 0 means "not acceptable" (RFC
/// 9110 section 12.4.2).
fn accepts(member: &[u8], coding: &[u8]) -> bool {
    let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding)) {
        return false;
    }
    !parts.any(|parameter| {
        let weight = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
        weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
    })
}

/// What stands before the first `=`, or everything.
fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|&byte| byte == b'=').next().unwrap_or(pair)
}

/// Bytes of a length. 32 bits: a request's head is bounded far below it.
const LENGTH_BYTES: usize = size_of::<u32>();

fn write_field(bytes: &[u8], out: &mut Vec<u8>) {
    let length_at = reserve_length(out);
    fill_length(length_at, bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn reserve_length(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    at
}

fn fill_length(at: usize, length: usize, out: &mut [u8]) {
    // A head of 4 GiB cannot arrive; saturating keeps this total without a panic.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..at + LENGTH_BYTES) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

fn read_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests;
