//! What a function is given and what it gives back, apart from any engine.
//!
//! Shapes: CloudFront Functions event 1.0 for viewer functions, Lambda@Edge's `Records[0].cf` for origin functions.
//! Which header may be touched when is in [`rules`].

pub mod alb;
pub mod lambda;
pub mod origin;
pub mod rules;
pub mod viewer;

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::ids::RequestId;

/// The four moments of a request at which a function may run, and the place it may take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum EventType {
    /// Every viewer request, before the cache lookup.
    ViewerRequest,
    /// Only when the origin would be asked.
    OriginRequest,
    /// When the origin answered, before the answer is stored.
    OriginResponse,
    /// Before any answer goes to the viewer, hit or miss.
    ViewerResponse,
    /// In the place of an origin.
    Origin,
}

impl EventType {
    /// CloudFront's spelling, as in `context.eventType`; it has none for the last.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ViewerRequest => "viewer-request",
            Self::OriginRequest => "origin-request",
            Self::OriginResponse => "origin-response",
            Self::ViewerResponse => "viewer-response",
            Self::Origin => "origin",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an event comes from: the read-only part that every event carries.
#[derive(Clone, Copy, Debug)]
pub struct EventContext<'a> {
    /// `dxxxx.cloudfront.net` in CloudFront; here the distribution's configured domain name.
    pub distribution_domain_name: &'a str,
    /// The distribution's id.
    pub distribution_id: &'a str,
    /// The request's id.
    pub request_id: &'a RequestId,
    /// The viewer's TCP peer address.
    pub viewer_ip: IpAddr,
    /// Where this edge is.
    pub edge: EdgeLocation<'a>,
}

/// `cf.edgeLocation` (spec: CloudFront Functions section 8.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EdgeLocation<'a> {
    /// In CloudFront the IATA code of an airport nearby.
    pub name: &'a str,
    /// In CloudFront the region whose regional cache is used.
    pub region: &'a str,
    /// The address that the viewer connected to.
    pub server_ip: IpAddr,
}

impl EdgeLocation<'static> {
    /// What is said where nothing else is known: CloudFront's home region, and an address of documentation
    /// (RFC 5737), so that a function that looks for a place it knows finds one.
    pub const DEFAULT: Self = Self {
        name: "IAD",
        region: "us-east-1",
        server_ip: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)),
    };
}

/// A request as a function sees it: borrowed, nothing decoded.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, still percent-encoded; raw bytes, because a viewer may send any.
    pub path: &'a [u8],
    /// The query string without `?`; `None` when there was no `?` at all.
    pub query: Option<&'a [u8]>,
    /// Header fields, lower-case names; `cookie` still joined, as received.
    pub headers: &'a HeaderMap,
    /// The body, where the association includes it; viewer functions never see one.
    pub body: Option<BodyView<'a>>,
}

/// A request's body as a function sees it (spec: Lambda@Edge section 3).
#[derive(Clone, Copy, Debug)]
pub struct BodyView<'a> {
    /// Its beginning, up to the event's limit.
    pub data: &'a Bytes,
    /// Whether there is more of it: `inputTruncated`.
    pub truncated: bool,
}

/// A response's head as a function sees it.
#[derive(Clone, Copy, Debug)]
pub struct ResponseView<'a> {
    /// Status code.
    pub status: u16,
    /// Reason phrase, when one is known.
    pub reason: Option<&'a str>,
    /// Header fields; `set-cookie` as received.
    pub headers: &'a HeaderMap,
}

/// One header field's new state; what is not named keeps its original bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeaderEdit {
    /// Replace all field lines of this name by these, in order.
    Set(HeaderName, Vec<HeaderValue>),
    /// Remove all field lines of this name.
    Remove(HeaderName),
}

/// What a function changed in a request. Empty means: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestEdits {
    /// The method; only an origin function may change it.
    pub method: Option<http::Method>,
    /// New path.
    pub path: Option<String>,
    /// New query string (`Some(None)`: removed).
    pub query: Option<Option<String>>,
    /// Header fields, cookies included (as `cookie`).
    pub headers: Vec<HeaderEdit>,
    /// Calls of the origin helpers in their order; only a viewer-request function has them.
    pub origin: Vec<origin::OriginChange>,
    /// What is sent in place of the viewer's body; only an origin function may replace it.
    pub body: Option<ReplacedBody>,
}

/// A request body that a function made up: `action: "replace"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplacedBody {
    /// The new body, decoded; may be empty.
    pub data: Bytes,
    /// How the function wrote it down, to show it so again.
    pub encoding: BodyEncoding,
}

/// How a body is written in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyEncoding {
    /// As it is.
    Text,
    /// RFC 4648 section 4.
    Base64,
}

/// What a function changed in a response. Empty means: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResponseEdits {
    /// New status code.
    pub status: Option<u16>,
    /// New reason phrase.
    pub reason: Option<String>,
    /// Header fields, cookies included (as `set-cookie`).
    pub headers: Vec<HeaderEdit>,
    /// New body; empty removes it, `None` keeps the original.
    pub body: Option<Bytes>,
}

/// A response that a function made up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeneratedResponse {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: Option<String>,
    /// Header fields.
    pub headers: HeaderMap,
    /// Body, possibly empty.
    pub body: Bytes,
}

/// What a viewer-request or origin-request function decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestOutcome {
    /// Go on with these changes.
    Continue(RequestEdits),
    /// Answer with this, go no further.
    Respond(GeneratedResponse),
}

/// Applies header edits in order. Shapes only; whether they were allowed was decided before.
pub fn apply_header_edits(headers: &mut HeaderMap, edits: &[HeaderEdit]) {
    for edit in edits {
        match edit {
            HeaderEdit::Remove(name) => {
                headers.remove(name);
            }
            HeaderEdit::Set(name, values) => {
                headers.remove(name);
                for value in values {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
    }
}

/// Whether a request has a field after its edits.
fn has_after_edits(headers: &HeaderMap, edits: &[HeaderEdit], name: &HeaderName) -> bool {
    let edited = edits.iter().find_map(|edit| match edit {
        HeaderEdit::Set(edited, values) if edited == name => Some(!values.is_empty()),
        HeaderEdit::Remove(edited) if edited == name => Some(false),
        _ => None,
    });
    edited.unwrap_or_else(|| headers.contains_key(name))
}

/// The origin object of an origin event: Lambda@Edge's `request.origin.custom` (spec: Lambda@Edge section 2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomOrigin {
    /// Host name, at most 253 characters, no port.
    pub domain_name: String,
    /// 80, 443 or 1024 to 65535 (any port for origins that the configuration names).
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Prefix of the path, without trailing slash; empty for none.
    pub path: String,
    /// Fields added to the origin request.
    pub custom_headers: Vec<(HeaderName, HeaderValue)>,
    /// Seconds to the first byte and between packets, 1 to 120.
    pub read_timeout_seconds: u16,
    /// Seconds an idle connection is kept, 1 to 120.
    pub keepalive_timeout_seconds: u16,
    /// `TLSv1.2` and so on, as the event shows them.
    pub ssl_protocols: Vec<String>,
}

/// What an origin-request function decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OriginRequestOutcome {
    /// Ask the origin, with these changes; `Some` origin: ask that one instead.
    Continue(RequestEdits, Option<CustomOrigin>),
    /// Answer with this; it is stored as an origin's answer would be.
    Respond(GeneratedResponse),
}
