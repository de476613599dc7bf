//! Viewer events and results as JSON: what `verge test` and golden tests read and print.
//! spec: CloudFront Functions section 2.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::encode::{reason, texts, visible};
use crate::event::{
    EventContext, EventType, GeneratedResponse, RequestEdits, RequestView, ResponseEdits,
    ResponseView, apply_header_edits, lambda,
};
use crate::ids::RequestId;
use crate::wire;

/// Why an event file cannot be used: the member, and what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

fn fail<T>(message: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError(message.into()))
}

/// A viewer event that owns its parts; the methods lend the views that functions are called with.
#[derive(Clone, Debug)]
pub struct ViewerEvent {
    /// Viewer-request or viewer-response.
    pub event_type: EventType,
    distribution_domain_name: String,
    distribution_id: String,
    request_id: RequestId,
    viewer_ip: IpAddr,
    method: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    response: Option<(u16, String, HeaderMap)>,
}

impl ViewerEvent {
    /// The event's read-only part.
    #[must_use]
    pub fn context(&self) -> EventContext<'_> {
        EventContext {
            distribution_domain_name: &self.distribution_domain_name,
            distribution_id: &self.distribution_id,
            request_id: &self.request_id,
            viewer_ip: self.viewer_ip,
            edge: crate::event::EdgeLocation::DEFAULT,
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> RequestView<'_> {
        RequestView {
            method: &self.method,
            path: self.path.as_bytes(),
            query: self.query.as_ref().map(String::as_bytes),
            headers: &self.headers,
            body: None,
        }
    }

    /// The response; there is one exactly when the event is viewer-response.
    #[must_use]
    pub fn response(&self) -> Option<ResponseView<'_>> {
        let (status, reason, headers) = self.response.as_ref()?;
        Some(ResponseView { status: *status, reason: Some(reason), headers })
    }
}

/// Reads an event. Members that a function could do without may be missing. `event_type` wins over
/// the one in the file.
///
/// # Errors
/// When a member has the wrong type, or the event is no viewer event.
pub fn parse_event(
    event: &Value,
    event_type: Option<EventType>,
) -> Result<ViewerEvent, ParseError> {
    let Some(event) = event.as_object() else { return fail("an event must be an object") };
    let context = object(event, "context")?;
    let request = object(event, "request")?;
    if !event.contains_key("request") {
        return fail("the event has no `request`");
    }
    let written = text(&context, "context", "eventType", "viewer-request")?;
    let event_type = match (event_type, written) {
        (Some(event_type), _) => event_type,
        (None, "viewer-request") => EventType::ViewerRequest,
        (None, "viewer-response") => EventType::ViewerResponse,
        (None, other) => {
            let wanted = "viewer-request or viewer-response";
            return fail(format!("context.eventType must be {wanted}, not {other:?}"));
        }
    };
    let response = match event_type {
        EventType::ViewerResponse if event.contains_key("response") => {
            Some(parse_response(&object(event, "response")?)?)
        }
        EventType::ViewerResponse => return fail("a viewer-response event needs `response`"),
        _ => None,
    };
    let viewer = object(event, "viewer")?;
    let ip = text(&viewer, "viewer", "ip", "192.0.2.1")?;
    let Ok(viewer_ip) = ip.parse() else {
        return fail(format!("viewer.ip is not an address: {ip:?}"));
    };
    let name = "d111111abcdef8.cloudfront.net";
    Ok(ViewerEvent {
        event_type,
        distribution_domain_name: text(&context, "context", "distributionDomainName", name)?.into(),
        distribution_id: text(&context, "context", "distributionId", "EXAMPLE")?.into(),
        request_id: lambda::request_id(text(&context, "context", "requestId", "")?),
        viewer_ip,
        method: text(&request, "request", "method", "GET")?.to_owned(),
        path: text(&request, "request", "uri", "/")?.to_owned(),
        query: query(&request)?,
        headers: request_headers(&request)?,
        response,
    })
}

/// A member that is an object; empty when it is missing.
fn object(parent: &Map<String, Value>, member: &str) -> Result<Map<String, Value>, ParseError> {
    match parent.get(member) {
        None => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => fail(format!("{member} must be an object")),
    }
}

fn text<'a>(
    object: &'a Map<String, Value>,
    place: &str,
    member: &str,
    default: &'a str,
) -> Result<&'a str, ParseError> {
    match object.get(member) {
        None => Ok(default),
        Some(Value::String(text)) => Ok(text),
        Some(_) => fail(format!("{place}.{member} must be a string")),
    }
}

/// Every value of every name: `multiValue` if there is one, else `value`. The second text is a
/// cookie's `attributes`.
fn values(object: &Map<String, Value>, place: &str) -> Result<Vec<[String; 3]>, ParseError> {
    let mut all = Vec::new();
    for (name, entry) in object {
        let place = format!("{place}.{name}");
        let several = match entry.get("multiValue") {
            None => std::slice::from_ref(entry),
            Some(Value::Array(several)) => several,
            Some(_) => return fail(format!("{place}.multiValue must be an array")),
        };
        for one in several {
            let Some(value) = one.get("value").and_then(Value::as_str) else {
                return fail(format!("{place} must have a `value` that is a string"));
            };
            let attributes = one.get("attributes").and_then(Value::as_str).unwrap_or_default();
            all.push([name.clone(), value.to_owned(), attributes.to_owned()]);
        }
    }
    Ok(all)
}

fn query(request: &Map<String, Value>) -> Result<Option<String>, ParseError> {
    if let Some(Value::String(text)) = request.get("querystring") {
        return Ok(Some(text.clone()));
    }
    let pairs = values(&object(request, "querystring")?, "request.querystring")?;
    let joined: Vec<_> = pairs.iter().map(|[name, value, _]| format!("{name}={value}")).collect();
    Ok((!joined.is_empty()).then(|| joined.join("&")))
}

fn headers(parent: &Map<String, Value>, place: &str) -> Result<HeaderMap, ParseError> {
    let mut map = HeaderMap::new();
    for [name, value, _] in values(&object(parent, "headers")?, place)? {
        let Ok(field) = HeaderName::from_lowercase(name.as_bytes()) else {
            return fail(format!("{place}: {name:?} is not a lower-case header name"));
        };
        map.append(field, field_value(&value, place)?);
    }
    Ok(map)
}

fn field_value(text: &str, place: &str) -> Result<HeaderValue, ParseError> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| ParseError(format!("{place} has control characters: {text:?}")))
}

fn request_headers(request: &Map<String, Value>) -> Result<HeaderMap, ParseError> {
    let mut map = headers(request, "request.headers")?;
    let cookies = values(&object(request, "cookies")?, "request.cookies")?;
    let pairs: Vec<_> = cookies.iter().map(|[name, value, _]| format!("{name}={value}")).collect();
    if !pairs.is_empty() {
        map.insert(COOKIE, field_value(&pairs.join("; "), "request.cookies")?);
    }
    Ok(map)
}

fn parse_response(response: &Map<String, Value>) -> Result<(u16, String, HeaderMap), ParseError> {
    let status = match response.get("statusCode") {
        None => Some(200),
        Some(status) => status.as_u64().and_then(|status| u16::try_from(status).ok()),
    };
    let Some(status) = status.filter(|status| StatusCode::from_u16(*status).is_ok()) else {
        return fail("response.statusCode must be a status, such as 200");
    };
    let usual = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let known = usual.unwrap_or_default();
    let reason = text(response, "response", "statusDescription", known)?;
    let mut map = headers(response, "response.headers")?;
    for [name, value, attributes] in values(&object(response, "cookies")?, "response.cookies")? {
        let separator = if attributes.is_empty() { "" } else { "; " };
        let line = format!("{name}={value}{separator}{attributes}");
        map.append(SET_COOKIE, field_value(&line, "response.cookies")?);
    }
    Ok((status, reason.to_owned(), map))
}

/// A request after a function's edits, as the function would have returned it.
#[must_use]
pub fn edited_request_json(request: &RequestView<'_>, edits: &RequestEdits) -> Value {
    let mut headers = request.headers.clone();
    apply_header_edits(&mut headers, &edits.headers);
    let query = match &edits.query {
        Some(query) => query.as_ref().map(String::as_bytes),
        None => request.query,
    };
    let query = wire::text_of(query.unwrap_or_default());
    let cookies = texts(&headers, &COOKIE);
    let cookies: Vec<&str> = cookies.iter().map(AsRef::as_ref).collect();
    json!({
        "method": edits.method.as_ref().map_or(request.method, http::Method::as_str),
        "uri": wire::text_of(edits.path.as_ref().map_or(request.path, String::as_bytes)),
        "querystring": grouped(wire::query_groups(&query), |value| json!({ "value": value })),
        "headers": headers_json(&headers),
        "cookies": grouped(wire::cookie_groups(&cookies), |value| json!({ "value": value })),
    })
}

/// A response after a function's edits, as the function would have returned it.
#[must_use]
pub fn edited_response_json(response: &ResponseView<'_>, edits: &ResponseEdits) -> Value {
    let mut headers = response.headers.clone();
    apply_header_edits(&mut headers, &edits.headers);
    let status = edits.status.unwrap_or(response.status);
    let reason = edits.reason.as_deref().unwrap_or_else(|| reason(response));
    response_json(status, reason, &headers, edits.body.as_deref())
}

/// A response that a function made up, as the function would have returned it.
#[must_use]
pub fn generated_response_json(response: &GeneratedResponse) -> Value {
    let body = (!response.body.is_empty()).then_some(&*response.body);
    let reason = response.reason.as_deref().unwrap_or_default();
    response_json(response.status, reason, &response.headers, body)
}

fn response_json(status: u16, reason: &str, headers: &HeaderMap, body: Option<&[u8]>) -> Value {
    let cookies = texts(headers, &SET_COOKIE);
    let cookies: Vec<&str> = cookies.iter().map(AsRef::as_ref).collect();
    let mut object = json!({
        "statusCode": status,
        "statusDescription": reason,
        "headers": headers_json(headers),
        "cookies": grouped(wire::set_cookie_groups(&cookies), |(value, attributes)| {
            if attributes.is_empty() {
                json!({ "value": value })
            } else {
                json!({ "value": value, "attributes": attributes })
            }
        }),
    });
    if let Some(body) = body {
        object["body"] = match std::str::from_utf8(body) {
            Ok(text) => json!({ "encoding": "text", "data": text }),
            Err(_) => json!({ "encoding": "base64", "data": STANDARD.encode(body) }),
        };
    }
    object
}

fn headers_json(headers: &HeaderMap) -> Value {
    let groups = visible(headers).map(|name| {
        let lines = texts(headers, name);
        let lines = lines.into_iter().map(std::borrow::Cow::into_owned).collect();
        wire::Group { name: name.as_str(), values: lines }
    });
    grouped(groups, |value: String| json!({ "value": value }))
}

/// Each name with its first value's members, and with all of them in `multiValue` if there are
/// more.
fn grouped<'a, V>(
    groups: impl IntoIterator<Item = wire::Group<'a, V>>,
    entry: impl Fn(V) -> Value,
) -> Value {
    let mut object = Map::new();
    for group in groups {
        let mut entries: Vec<Value> = group.values.into_iter().map(&entry).collect();
        let shown = if entries.len() > 1 {
            let mut first = entries.first().cloned().unwrap_or_default();
            first["multiValue"] = Value::Array(entries);
            first
        } else {
            entries.pop().unwrap_or_default()
        };
        object.insert(group.name.to_owned(), shown);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untouched_event_is_shown_as_it_was_written() {
        let event = json!({
            "version": "1.0",
            "context": { "eventType": "viewer-response" },
            "viewer": { "ip": "2001:db8::1" },
            "request": {
                "method": "GET",
                "uri": "/a%20b",
                "querystring": { "q": { "value": "1", "multiValue": [{ "value": "1" }, { "value": "2" }] } },
                "headers": { "host": { "value": "a.example" } },
                "cookies": { "s": { "value": "x=y" } },
            },
            "response": {
                "statusCode": 404,
                "statusDescription": "Gone fishing",
                "headers": { "x-a": { "value": "1", "multiValue": [{ "value": "1" }, { "value": "2" }] } },
                "cookies": { "c": { "value": "1", "attributes": "Path=/; Secure" } },
            },
        });
        let parsed = parse_event(&event, None).unwrap();
        assert_eq!(parsed.context().viewer_ip.to_string(), "2001:db8::1");
        assert_eq!(parsed.request().query, Some(&b"q=1&q=2"[..]));
        let request = edited_request_json(&parsed.request(), &RequestEdits::default());
        assert_eq!(request, event["request"]);
        let response = parsed.response().unwrap();
        assert_eq!(edited_response_json(&response, &ResponseEdits::default()), event["response"]);
    }

    #[test]
    fn a_wrong_member_is_named() {
        let cases = [
            (json!([]), "an event must be an object"),
            (json!({}), "the event has no `request`"),
            (json!({ "request": 1 }), "request must be an object"),
            (json!({ "request": { "uri": 1 } }), "request.uri must be a string"),
            (json!({ "request": { "headers": { "A": { "value": "" } } } }), "lower-case"),
            (json!({ "request": { "headers": { "a": "x" } } }), "request.headers.a must have"),
            (json!({ "request": {}, "viewer": { "ip": "x" } }), "viewer.ip is not an address"),
            (
                json!({ "request": {}, "context": { "eventType": "origin-request" } }),
                "viewer-request or viewer-response",
            ),
            (
                json!({ "request": {}, "context": { "eventType": "viewer-response" } }),
                "needs `response`",
            ),
        ];
        for (event, words) in cases {
            let error = parse_event(&event, None).unwrap_err().to_string();
            assert!(error.contains(words), "{event}: {error}");
        }
    }
}
