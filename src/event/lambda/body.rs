//! `request.body`: what a function is shown of a request's body, and what it gives back. spec:
//! Lambda@Edge section 3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::json::{Read, invalid, noun};
use crate::event::{BodyEncoding, BodyView, EventType, ReplacedBody, RequestView};
use crate::limits::{ORIGIN_REQUEST_BODY_BYTES_MAX, VIEWER_REQUEST_BODY_BYTES_MAX};

const READ_ONLY: &str = "read-only";
const REPLACE: &str = "replace";

/// A body as a function is shown it.
pub(super) fn shown_json(body: &BodyView<'_>) -> Value {
    json!({
        "inputTruncated": body.truncated,
        "action": READ_ONLY,
        "encoding": "base64",
        "data": STANDARD.encode(body.data),
    })
}

/// A body as a function that replaced it returned it.
pub(super) fn replaced_json(body: &ReplacedBody, truncated: bool) -> Value {
    let (encoding, data) = match body.encoding {
        BodyEncoding::Text => ("text", String::from_utf8_lossy(&body.data).into_owned()),
        BodyEncoding::Base64 => ("base64", STANDARD.encode(&body.data)),
    };
    json!({
        "inputTruncated": truncated,
        "action": REPLACE,
        "encoding": encoding,
        "data": data,
    })
}

/// The new body of a request that a function returned; `None` where it keeps the viewer's, whatever else it
/// wrote there.
///
/// # Errors
/// A validation error that names the member that is missing or wrong.
pub(super) fn returned(request: &mut Map<String, Value>) -> Read<Option<ReplacedBody>> {
    let mut body = match request.remove("body") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(body)) => body,
        Some(other) => {
            return invalid(format!("request.body is {}, not an object", noun(&other)));
        }
    };
    match body.get("action").map(Value::as_str) {
        None | Some(Some(READ_ONLY)) => Ok(None),
        Some(Some(REPLACE)) => content(&mut body).map(Some),
        Some(_) => invalid("request.body.action must be read-only or replace"),
    }
}

fn content(body: &mut Map<String, Value>) -> Read<ReplacedBody> {
    let Some(Value::String(data)) = body.remove("data") else {
        return invalid("request.body.data must be a string");
    };
    match body.get("encoding").map(Value::as_str) {
        Some(Some("text")) => Ok(ReplacedBody { data: data.into(), encoding: BodyEncoding::Text }),
        None | Some(Some("base64")) => match STANDARD.decode(data) {
            Ok(data) => Ok(ReplacedBody { data: data.into(), encoding: BodyEncoding::Base64 }),
            Err(error) => invalid(format!("request.body.data is not base64: {error}")),
        },
        Some(_) => invalid("request.body.encoding must be text or base64"),
    }
}

/// The body of an event file, and whether it is said to be truncated; `None` where the event has none.
///
/// # Errors
/// As [`returned`].
pub(super) fn of_event(request: &Map<String, Value>) -> Read<Option<(Bytes, bool)>> {
    let Some(Value::Object(body)) = request.get("body") else {
        return match request.get("body") {
            None => Ok(None),
            Some(other) => invalid(format!("request.body is {}, not an object", noun(other))),
        };
    };
    let truncated = match body.get("inputTruncated") {
        None => false,
        Some(Value::Bool(truncated)) => *truncated,
        Some(_) => return invalid("request.body.inputTruncated must be true or false"),
    };
    Ok(Some((content(&mut body.clone())?.data, truncated)))
}

/// Checks that a body may be replaced by `new`.
///
/// # Errors
/// A validation error that says why not.
pub(super) fn check(
    event: EventType,
    request: &RequestView<'_>,
    new: Option<ReplacedBody>,
) -> Read<Option<ReplacedBody>> {
    let Some(new) = new else { return Ok(None) };
    if request.body.is_none() {
        return invalid(
            "request.body cannot be replaced, because it is not given to this function: say \
             include_body = true where the behavior names it",
        );
    }
    let most = match event {
        EventType::ViewerRequest => VIEWER_REQUEST_BODY_BYTES_MAX,
        _ => ORIGIN_REQUEST_BODY_BYTES_MAX,
    };
    let size = new.data.len();
    if size > most {
        return invalid(format!("request.body has {size} bytes; at most {most} are allowed"));
    }
    match request.method {
        // There is none to take the place of.
        "GET" | "HEAD" if size == 0 => Ok(None),
        "GET" | "HEAD" => invalid(format!("a {} request cannot be given a body", request.method)),
        _ => Ok(Some(new)),
    }
}
