//! The event of an Application Load Balancer, for a function that answers in place of an origin.
//!
//! spec: control-plane section 5, from the page "Using Lambda functions as targets of an Application Load Balancer".
//! Of repeated headers and parameters the single-value form keeps the last; the multi-value form has all. Query
//! strings are not decoded.

mod parse;

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use serde_json::{Map, Value, json};

use super::GeneratedResponse;
use super::lambda::shown;
use crate::error::FunctionError;
use crate::limits::ALB_RESPONSE_BYTES_MAX;

pub use parse::{AlbEvent, is_event, parse_event};

/// A request as the load balancer would show it.
#[derive(Clone, Copy, Debug)]
pub struct AlbRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, percent-encoded.
    pub path: &'a str,
    /// The query string without `?`.
    pub query: Option<&'a str>,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// The body, possibly empty.
    pub body: &'a [u8],
    /// The function's name: that of its target group.
    pub function: &'a str,
    /// Whether the viewer spoke TLS.
    pub tls: bool,
    /// Whether headers and parameters have lists of values (`lambda.multi_value_headers.enabled`).
    pub multi_value: bool,
}

/// The event as JSON.
#[must_use]
pub fn event_json(request: &AlbRequest<'_>) -> String {
    let AlbRequest { method, path, query, body, multi_value, .. } = *request;
    let function = request.function;
    let arn = format!(
        "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{function}/0000000000000000"
    );
    let pieces = query.unwrap_or_default().split('&').filter(|piece| !piece.is_empty());
    let parameters = pieces.map(|piece| piece.split_once('=').unwrap_or((piece, "")));
    let parameters = parameters.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
    let (parameters, headers) =
        (pairs(parameters, multi_value), pairs(header_lines(request), multi_value));
    let (of_parameters, of_headers) = if multi_value {
        ("multiValueQueryStringParameters", "multiValueHeaders")
    } else {
        ("queryStringParameters", "headers")
    };
    let (body, encoded) = body_text(request.headers, body);
    let event = json!({
        "requestContext": { "elb": { "targetGroupArn": arn } },
        "httpMethod": method,
        "path": path,
        of_parameters: parameters,
        of_headers: headers,
        "body": body,
        "isBase64Encoded": encoded,
    });
    event.to_string()
}

/// The fields, and those that the load balancer adds.
fn header_lines<'a>(
    request: &AlbRequest<'a>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
    let AlbRequest { headers, tls, .. } = *request;
    let given = headers.iter();
    let given = given.map(|(name, value)| (Cow::Borrowed(name.as_str()), shown(value.as_bytes())));
    let (scheme, port) = if tls { ("https", "443") } else { ("http", "80") };
    let added = [
        ("x-forwarded-proto", scheme.to_owned()),
        ("x-forwarded-port", port.to_owned()),
        ("x-amzn-trace-id", trace_id()),
    ];
    let missing = added.into_iter().filter(|(name, _)| !headers.contains_key(*name));
    given.chain(missing.map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value))))
}

/// `Root=1-` with the time and random digits, as AWS X-Ray has them.
fn trace_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.unwrap_or_default().as_secs();
    let mut id = format!("Root=1-{seconds:08x}-");
    // Writing into a text cannot fail.
    let _ = write!(id, "{:024x}", fastrand::u128(..) >> 32);
    id
}

fn pairs<'a>(
    lines: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    multi_value: bool,
) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in lines {
        let value = Value::from(value.into_owned());
        match (multi_value, map.get_mut(&*name)) {
            (true, Some(Value::Array(values))) => values.push(value),
            (true, _) => drop(map.insert(name.into_owned(), Value::Array(vec![value]))),
            (false, _) => drop(map.insert(name.into_owned(), value)),
        }
    }
    map
}

/// The body as text where its type is one of text and nothing encodes it, else in base64.
fn body_text(headers: &HeaderMap, body: &[u8]) -> (String, bool) {
    let media = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let media = shown(media).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = media.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&&*media);
    let plain = is_text && !headers.contains_key(CONTENT_ENCODING);
    match std::str::from_utf8(body) {
        Ok(text) if plain || body.is_empty() => (text.to_owned(), false),
        _ => (BASE64.encode(body), true),
    }
}

/// Where an answer goes, to make a relative `Location` absolute as the load balancer does.
#[derive(Clone, Copy, Debug)]
pub struct AnswerTo<'a> {
    /// Whether the viewer spoke TLS.
    pub tls: bool,
    /// What the function saw as `Host`.
    pub host: Option<&'a str>,
    /// As in [`AlbRequest`].
    pub multi_value: bool,
}

/// A checked answer as `verge test` shows it: as a function would return it, with lists of values where a name has
/// several or `multi_value` says so.
#[must_use]
pub fn answer_json(answer: &GeneratedResponse, multi_value: bool) -> Value {
    let GeneratedResponse { status, reason, headers, body } = answer;
    let multi_value = multi_value || headers.len() > headers.keys_len();
    let lines = headers.iter();
    let lines = lines.map(|(name, value)| (Cow::Borrowed(name.as_str()), shown(value.as_bytes())));
    let lines = pairs(lines, multi_value);
    let (body, encoded) = body_text(headers, body);
    let mut shown = Map::new();
    shown.insert("statusCode".to_owned(), (*status).into());
    if let Some(reason) = reason {
        shown.insert("statusDescription".to_owned(), format!("{status} {reason}").into());
    }
    let member = if multi_value { "multiValueHeaders" } else { "headers" };
    shown.insert(member.to_owned(), lines.into());
    shown.insert("body".to_owned(), body.into());
    shown.insert("isBase64Encoded".to_owned(), encoded.into());
    shown.into()
}

type Checked<T> = Result<T, FunctionError>;

fn invalid<T>(message: impl Into<String>) -> Checked<T> {
    Err(FunctionError::validation(message))
}

/// What the function returned as a response. Members it does not know are ignored, as the load balancer does.
///
/// # Errors
/// A validation error that names the member.
pub fn answer_from_json(text: &str, to: AnswerTo<'_>) -> Checked<GeneratedResponse> {
    if text.len() > ALB_RESPONSE_BYTES_MAX {
        return invalid(format!(
            "the response has {} bytes of JSON; at most {ALB_RESPONSE_BYTES_MAX} are allowed",
            text.len()
        ));
    }
    let returned: Value = match serde_json::from_str(text) {
        Ok(returned) => returned,
        Err(error) => return invalid(format!("returned no valid JSON: {error}")),
    };
    let Value::Object(returned) = returned else {
        return invalid("returned no object; return { statusCode, headers, body }");
    };
    let status = status(&returned)?;
    let mut headers = HeaderMap::new();
    let (own, other) = if to.multi_value {
        ("multiValueHeaders", "headers")
    } else {
        ("headers", "multiValueHeaders")
    };
    if returned.get(other).is_some_and(|value| !value.is_null()) && returned.get(own).is_none() {
        return invalid(format!(
            "returned `{other}`, but the origin is configured with multi_value_headers = {}; return `{own}`",
            to.multi_value
        ));
    }
    add_headers(&mut headers, own, returned.get(own), to)?;
    if let Some(cookies) = returned.get("cookies").filter(|value| !value.is_null()) {
        let Value::Array(cookies) = cookies else { return invalid("`cookies` is no list") };
        cookies
            .iter()
            .try_for_each(|cookie| add(&mut headers, "cookies", &SET_COOKIE, cookie, to))?;
    }
    let reason = reason(&returned, status)?;
    Ok(GeneratedResponse { status, reason, headers, body: body(&returned)? })
}

fn status(returned: &Map<String, Value>) -> Checked<u16> {
    let status = match returned.get("statusCode") {
        Some(Value::Number(number)) => {
            number.as_u64().and_then(|number| u16::try_from(number).ok())
        }
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    match status {
        Some(status @ 200..=599) => Ok(status),
        _ => invalid("`statusCode` must be a number from 200 to 599"),
    }
}

/// `200 OK` and `OK` mean the same.
fn reason(returned: &Map<String, Value>, status: u16) -> Checked<Option<String>> {
    let text = match returned.get("statusDescription") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return invalid("`statusDescription` is no text"),
    };
    if text.chars().any(char::is_control) {
        return invalid("`statusDescription` must not have control characters");
    }
    let reason = text.strip_prefix(&status.to_string()).unwrap_or(text).trim();
    Ok((!reason.is_empty()).then(|| reason.to_owned()))
}

fn body(returned: &Map<String, Value>) -> Checked<Bytes> {
    let encoded = match returned.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(encoded)) => *encoded,
        Some(_) => return invalid("`isBase64Encoded` is neither true nor false"),
    };
    match returned.get("body") {
        None | Some(Value::Null) => Ok(Bytes::new()),
        Some(Value::String(text)) if encoded => match BASE64.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => {
                invalid(format!("`body` is no base64 though `isBase64Encoded` is true: {error}"))
            }
        },
        Some(Value::String(text)) => Ok(text.clone().into()),
        Some(_) => invalid("`body` is no text; JSON.stringify what it should be"),
    }
}

fn add_headers(
    headers: &mut HeaderMap,
    member: &str,
    written: Option<&Value>,
    to: AnswerTo<'_>,
) -> Checked<()> {
    let written = match written {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(written)) => written,
        Some(_) => return invalid(format!("`{member}` is no object")),
    };
    for (name, value) in written {
        let Ok(field) = HeaderName::from_bytes(name.as_bytes()) else {
            return invalid(format!("{member}: {name:?} is no valid header name"));
        };
        match value {
            Value::Array(values) if to.multi_value => {
                values.iter().try_for_each(|value| add(headers, member, &field, value, to))?;
            }
            Value::Array(_) | Value::Object(_) if !to.multi_value => {
                return invalid(format!(
                    "{member}.{name} has more than one value; set multi_value_headers = true"
                ));
            }
            value if !to.multi_value => add(headers, member, &field, value, to)?,
            _ => return invalid(format!("{member}.{name} is no list of values")),
        }
    }
    Ok(())
}

/// The framing is the edge's: what says how a message is sent is left out, and the length counted anew.
fn add(
    headers: &mut HeaderMap,
    member: &str,
    name: &HeaderName,
    value: &Value,
    to: AnswerTo<'_>,
) -> Checked<()> {
    let own = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    if own.contains(name) || name == "keep-alive" || name == "proxy-connection" {
        return Ok(());
    }
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        Value::Number(_) | Value::Bool(_) => Cow::Owned(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return invalid(format!("{member}.{name} is no text"));
        }
    };
    let text = match to.host.filter(|_| *name == LOCATION && text.starts_with('/')) {
        Some(_) if text.starts_with("//") => text,
        Some(host) => format!("{}://{host}{text}", if to.tls { "https" } else { "http" }).into(),
        None => text,
    };
    match HeaderValue::from_bytes(text.as_bytes()) {
        Ok(value) => {
            headers.append(name, value);
            Ok(())
        }
        Err(_) => invalid(format!("the value of {name} has control characters")),
    }
}

#[cfg(test)]
mod tests;
