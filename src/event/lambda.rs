//! Events as Lambda@Edge shapes them: what a function is shown, and what becomes of what it
//! returns.
//!
//! Functions see text, requests and responses are bytes. Text goes out through [`shown`]; what
//! comes back is compared with what was shown, and only differences become edits, so that bytes a
//! function never touched are never re-encoded. Source: spec Lambda@Edge sections 2 (events), 3
//! (results), 4 (sizes) and 5 (headers).

mod body;
mod check;
mod json;
mod parse;

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;

use super::{EventType, ReplacedBody, rules};

pub use check::{check_generated, check_request, check_response, check_viewer_request};
pub use json::{
    edited_request_json, edited_response_json, event_json, generated_response_json,
    request_result_from_json, response_result_from_json,
};
pub(in crate::event) use parse::request_id;
pub use parse::{LambdaEvent, ParseError, parse_event};

/// A header field line as a function returns it.
pub type ReturnedHeader = (String, String);

/// A request as a function returned it, nothing checked yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnedRequest {
    /// `request.method`.
    pub method: String,
    /// `request.uri`.
    pub uri: String,
    /// `request.querystring`, without question mark.
    pub querystring: String,
    /// Field lines in order; names in any case.
    pub headers: Vec<ReturnedHeader>,
    /// `request.origin.custom`; at viewer-request there is none.
    pub origin: Option<ReturnedOrigin>,
    /// `request.body`, where it is to be replaced.
    pub body: Option<ReplacedBody>,
}

/// An origin as a function returned it, nothing checked yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnedOrigin {
    /// Host name.
    pub domain_name: String,
    /// TCP port.
    pub port: u16,
    /// Whether TLS is to be spoken.
    pub tls: bool,
    /// Path prefix.
    pub path: String,
    /// Field lines added to the request.
    pub custom_headers: Vec<ReturnedHeader>,
    /// Seconds.
    pub read_timeout: u16,
    /// Seconds.
    pub keepalive_timeout: u16,
    /// Versions by name.
    pub ssl_protocols: Vec<String>,
}

/// A response as a function returned it, nothing checked yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnedResponse {
    /// Status code, any number.
    pub status: u16,
    /// Reason phrase; empty or absent for none.
    pub status_description: Option<String>,
    /// Field lines in order; names in any case.
    pub headers: Vec<ReturnedHeader>,
    /// A new body, if the function gave one.
    pub body: Option<Bytes>,
}

/// What a function returned for a request event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReturnedAction {
    /// A request: go on with it.
    Forward(ReturnedRequest),
    /// A response: answer with it.
    Respond(ReturnedResponse),
}

/// Bytes as a function is shown them: as UTF-8 if they are, else each byte as the ISO-8859-1
/// character it stands for.
#[must_use]
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// The field lines that a function is shown at an event, names in lower case. Those it may never set
/// are hidden from it, and stay as they are.
pub fn visible_headers(
    event: EventType,
    headers: &HeaderMap,
) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    headers
        .iter()
        .filter(move |(name, _)| !rules::is_hidden_from_lambda(event, name))
        .map(|(name, value)| (name.as_str(), shown(value.as_bytes())))
}

#[cfg(test)]
mod tests;
