//! Which header fields a function may see and change at which event.
//!
//! Source: spec CloudFront Functions section 5 and Lambda@Edge section 5. No other file knows a
//! header by its rule.

use http::HeaderName;

use super::EventType;

/// Fields no function sees or sets, besides the families of [`DISALLOWED_PREFIXES`].
const DISALLOWED: &[&str] = &[
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "trailer",
    "upgrade",
    "x-accel-buffering",
    "x-accel-charset",
    "x-accel-limit-rate",
    "x-accel-redirect",
    "x-amzn-auth",
    "x-amzn-cf-billing",
    "x-amzn-cf-id",
    "x-amzn-cf-xff",
    "x-amzn-errortype",
    "x-amzn-fle-profile",
    "x-amzn-header-count",
    "x-amzn-header-order",
    "x-amzn-lambda-integration-tag",
    "x-amzn-requestid",
    "x-cache",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Families of fields no function sees or sets.
const DISALLOWED_PREFIXES: &[&str] = &["x-amz-cf-", "x-edge-"];

/// Whether a field is hidden from functions; setting it is an error.
#[must_use]
pub fn is_disallowed(name: &HeaderName) -> bool {
    let name = name.as_str();
    // Most fields of a request begin with none of these letters: one comparison instead of thirty.
    matches!(name.as_bytes().first(), Some(b'c' | b'e' | b'k' | b'p' | b't' | b'u' | b'x'))
        && (DISALLOWED.contains(&name)
            || DISALLOWED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

/// Whether a function may read a field at this event but not add, change or remove it.
#[must_use]
pub fn is_read_only(event: EventType, name: &HeaderName) -> bool {
    let names: &[&str] = match event {
        EventType::ViewerRequest => {
            &["cdn-loop", "content-length", "host", "transfer-encoding", "via"]
        }
        EventType::OriginRequest => &[
            "accept-encoding",
            "cdn-loop",
            "content-length",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "transfer-encoding",
            "via",
        ],
        EventType::OriginResponse => &["transfer-encoding", "via"],
        EventType::ViewerResponse => &["warning", "via"],
        EventType::Origin => &[],
    };
    names.contains(&name.as_str())
}

/// The same for a function of Lambda@Edge, which cannot change the body of an answer that goes to a viewer.
#[must_use]
pub fn is_read_only_for_lambda(event: EventType, name: &HeaderName) -> bool {
    let frames = ["content-encoding", "content-length", "transfer-encoding"];
    is_read_only(event, name)
        || (event == EventType::ViewerResponse && frames.contains(&name.as_str()))
}

/// Whether a field is hidden from a function of Lambda@Edge at this event; setting it is an error. What the edge says of
/// the viewer is added behind viewer-request.
#[must_use]
pub fn is_hidden_from_lambda(event: EventType, name: &HeaderName) -> bool {
    is_disallowed(name)
        || (event == EventType::ViewerRequest && name.as_str().starts_with("cloudfront-"))
}

/// Fields that no origin gets as custom ones: the edge writes them, or they frame and condition the request.
const NEVER_CUSTOM: &[&str] = &[
    "cdn-loop",
    "content-length",
    "cookie",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "request-range",
    "te",
    "transfer-encoding",
    "via",
];

/// Whether a field that is not disallowed still cannot be one of an origin's custom header fields
/// (spec: CDN behaviours section 4).
#[must_use]
pub fn is_never_custom(name: &HeaderName) -> bool {
    NEVER_CUSTOM.contains(&name.as_str())
}
