//! Lambda@Edge's JSON: the event as a function of the `lambda` world gets it, and what it returns
//! read back.
//!
//! Order of members and spelling follow the event structure page, so that handlers written for it
//! run unchanged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::{
    ReturnedAction, ReturnedHeader, ReturnedOrigin, ReturnedRequest, ReturnedResponse, body, shown,
    visible_headers,
};
use crate::error::FunctionError;
use crate::event::{
    CustomOrigin, EventContext, EventType, GeneratedResponse, RequestEdits, RequestView,
    ResponseEdits, ResponseView, apply_header_edits,
};

pub(super) type Read<T> = Result<T, FunctionError>;

pub(super) fn invalid<T>(message: impl Into<String>) -> Read<T> {
    Err(FunctionError::validation(message))
}

/// The whole event, `{"Records":[{"cf":{…}}]}`, with `response` for response events and the origin for
/// origin events. spec: Lambda@Edge section 2.
#[must_use]
pub fn event_json(
    event: EventType,
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    origin: Option<&CustomOrigin>,
    response: Option<&ResponseView<'_>>,
) -> Value {
    let mut cf = json!({
        "config": {
            "distributionDomainName": context.distribution_domain_name,
            "distributionId": context.distribution_id,
            "eventType": event.as_str(),
            "requestId": context.request_id.as_str(),
        },
        "request": request_json(event, context, request, origin),
    });
    if let Some(response) = response {
        cf["response"] = json!({
            "status": response.status.to_string(),
            "statusDescription": response.reason.unwrap_or_default(),
            "headers": headers_json(visible_headers(event, response.headers)),
        });
    }
    json!({ "Records": [{ "cf": cf }] })
}

fn request_json(
    event: EventType,
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    origin: Option<&CustomOrigin>,
) -> Value {
    let mut object = json!({
        "clientIp": context.viewer_ip.to_string(),
        "headers": headers_json(visible_headers(event, request.headers)),
        "method": request.method,
        "querystring": shown(request.query.unwrap_or_default()),
        "uri": shown(request.path),
    });
    if let Some(origin) = origin {
        object["origin"] = json!({ "custom": origin_json(origin) });
    }
    if let Some(body) = &request.body {
        object["body"] = body::shown_json(body);
    }
    object
}

fn origin_json(origin: &CustomOrigin) -> Value {
    let headers = origin.custom_headers.iter();
    json!({
        "customHeaders": headers_json(
            headers.map(|(name, value)| (name.as_str(), shown(value.as_bytes()))),
        ),
        "domainName": origin.domain_name,
        "keepaliveTimeout": origin.keepalive_timeout_seconds,
        "path": origin.path,
        "port": origin.port,
        "protocol": if origin.tls { "https" } else { "http" },
        "readTimeout": origin.read_timeout_seconds,
        "sslProtocols": origin.ssl_protocols,
    })
}

fn headers_json<'a>(
    headers: impl Iterator<Item = (&'a str, std::borrow::Cow<'a, str>)>,
) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in headers {
        let line = json!({ "key": title_case(name), "value": value });
        match object.get_mut(name) {
            Some(Value::Array(lines)) => lines.push(line),
            _ => {
                object.insert(name.to_owned(), Value::Array(vec![line]));
            }
        }
    }
    object
}

/// `accept-encoding` as `Accept-Encoding`: what the edge shows as `key`, because it keeps no
/// original spelling.
fn title_case(name: &str) -> String {
    let mut upper_next = true;
    name.chars()
        .map(|character| {
            let shown = if upper_next { character.to_ascii_uppercase() } else { character };
            upper_next = character == '-';
            shown
        })
        .collect()
}

/// A request after a function's edits, as the function would have returned it. For golden files and
/// `verge test`.
#[must_use]
pub fn edited_request_json(
    event: EventType,
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    origin: Option<&CustomOrigin>,
    edits: &RequestEdits,
) -> Value {
    let mut headers = request.headers.clone();
    apply_header_edits(&mut headers, &edits.headers);
    let query = match &edits.query {
        Some(query) => query.as_ref().map(String::as_bytes),
        None => request.query,
    };
    let edited = RequestView {
        method: edits.method.as_ref().map_or(request.method, http::Method::as_str),
        path: edits.path.as_ref().map_or(request.path, String::as_bytes),
        query,
        headers: &headers,
        body: request.body,
    };
    let mut object = request_json(event, context, &edited, origin);
    if let Some(new) = &edits.body {
        let truncated = request.body.is_some_and(|body| body.truncated);
        object["body"] = body::replaced_json(new, truncated);
    }
    object
}

/// A response after a function's edits, as the function would have returned it. For golden files
/// and `verge test`.
#[must_use]
pub fn edited_response_json(response: &ResponseView<'_>, edits: &ResponseEdits) -> Value {
    let mut headers = response.headers.clone();
    apply_header_edits(&mut headers, &edits.headers);
    let status = edits.status.unwrap_or(response.status);
    let reason = edits.reason.as_deref().or(response.reason);
    response_json(status, reason, &headers, edits.body.as_ref())
}

/// A response that a function made up, as the function would have returned it. For golden files and
/// `verge test`.
#[must_use]
pub fn generated_response_json(response: &GeneratedResponse) -> Value {
    let body = (!response.body.is_empty()).then_some(&response.body);
    response_json(response.status, response.reason.as_deref(), &response.headers, body)
}

fn response_json(
    status: u16,
    reason: Option<&str>,
    headers: &HeaderMap<HeaderValue>,
    body: Option<&Bytes>,
) -> Value {
    let mut object = json!({
        "status": status.to_string(),
        "statusDescription": reason.unwrap_or_default(),
        "headers": headers_json(visible_headers(EventType::OriginResponse, headers)),
    });
    if let Some(body) = body {
        let (encoding, text) = match std::str::from_utf8(body) {
            Ok(text) => ("text", text.to_owned()),
            Err(_) => ("base64", STANDARD.encode(body)),
        };
        object["body"] = Value::String(text);
        object["bodyEncoding"] = Value::String(encoding.to_owned());
    }
    object
}

/// What a function returned for a request event: a response if it has a `status`, else a request.
/// spec: Lambda@Edge section 3.
///
/// # Errors
/// A validation error that names the member that is missing or has the wrong type.
pub fn request_result_from_json(event: EventType, text: &str) -> Read<ReturnedAction> {
    let object = object_from_json(text)?;
    if object.contains_key("status") {
        response(object).map(ReturnedAction::Respond)
    } else {
        request(event, object).map(ReturnedAction::Forward)
    }
}

/// What a function returned for a response event. spec: Lambda@Edge section 3.
///
/// # Errors
/// A validation error that names the member that is missing or has the wrong type.
pub fn response_result_from_json(text: &str) -> Read<ReturnedResponse> {
    response(object_from_json(text)?)
}

fn object_from_json(text: &str) -> Read<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => invalid(format!("returned {}, not a request or response", noun(&other))),
        Err(error) => invalid(format!("returned text that is not JSON: {error}")),
    }
}

pub(super) fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn request(event: EventType, mut object: Map<String, Value>) -> Read<ReturnedRequest> {
    let body = body::returned(&mut object)?;
    let origin = match (event, object.remove("origin")) {
        (EventType::ViewerRequest, None) => None,
        (EventType::ViewerRequest, Some(_)) => {
            return invalid("request.origin is for origin-request: a viewer-request has none");
        }
        (_, Some(origin)) => Some(either_origin(origin)?),
        (_, None) => {
            return invalid("request.origin is missing: return the request you were given, edited");
        }
    };
    Ok(ReturnedRequest {
        method: text(&mut object, "request", "method")?,
        uri: text(&mut object, "request", "uri")?,
        querystring: text(&mut object, "request", "querystring")?,
        headers: header_lines(&mut object, "request", "headers")?,
        origin,
        body,
    })
}

fn either_origin(mut origin: Value) -> Read<ReturnedOrigin> {
    match ["custom", "s3"].map(|kind| origin.get_mut(kind).map(Value::take)) {
        [Some(Value::Object(custom)), None] => self::origin(custom),
        [None, Some(Value::Object(bucket))] => bucket_origin(bucket),
        _ => invalid("request.origin must have either `custom` or `s3`, an object"),
    }
}

/// `request.origin.s3`: a bucket is asked as any other origin that speaks HTTPS; `region` only says how CloudFront would
/// sign the request. spec: Lambda@Edge section 2.1.
fn bucket_origin(mut object: Map<String, Value>) -> Read<ReturnedOrigin> {
    const PLACE: &str = "request.origin.s3";
    let signs = object.get("authMethod").and_then(Value::as_str).unwrap_or("none");
    if signs != "none" {
        return invalid(format!(
            "{PLACE}.authMethod must be none, not {signs:?}: requests are not signed here"
        ));
    }
    let path = match object.contains_key("path") {
        true => text(&mut object, PLACE, "path")?,
        false => String::new(),
    };
    let custom_headers = match object.contains_key("customHeaders") {
        true => header_lines(&mut object, PLACE, "customHeaders")?,
        false => Vec::new(),
    };
    Ok(ReturnedOrigin {
        domain_name: text(&mut object, PLACE, "domainName")?,
        port: 443,
        tls: true,
        path,
        custom_headers,
        // CloudFront's own for buckets, which cannot be chosen.
        read_timeout: 30,
        keepalive_timeout: 5,
        ssl_protocols: vec!["TLSv1.2".to_owned()],
    })
}

fn origin(mut object: Map<String, Value>) -> Read<ReturnedOrigin> {
    const PLACE: &str = "request.origin.custom";
    let tls = match text(&mut object, PLACE, "protocol")?.as_str() {
        "https" => true,
        "http" => false,
        other => return invalid(format!("{PLACE}.protocol must be http or https, not {other:?}")),
    };
    let Some(Value::Array(versions)) = object.remove("sslProtocols") else {
        return invalid(format!("{PLACE}.sslProtocols must be an array of strings"));
    };
    let mut ssl_protocols = Vec::with_capacity(versions.len());
    for version in versions {
        let Value::String(version) = version else {
            return invalid(format!("{PLACE}.sslProtocols must be an array of strings"));
        };
        ssl_protocols.push(version);
    }
    Ok(ReturnedOrigin {
        domain_name: text(&mut object, PLACE, "domainName")?,
        port: small_number(&object, PLACE, "port")?,
        tls,
        path: text(&mut object, PLACE, "path")?,
        custom_headers: header_lines(&mut object, PLACE, "customHeaders")?,
        read_timeout: small_number(&object, PLACE, "readTimeout")?,
        keepalive_timeout: small_number(&object, PLACE, "keepaliveTimeout")?,
        ssl_protocols,
    })
}

fn response(mut object: Map<String, Value>) -> Read<ReturnedResponse> {
    let status = match object.get("status") {
        Some(Value::String(digits)) => digits.parse().ok(),
        Some(Value::Number(number)) => number.as_u64().and_then(|code| u16::try_from(code).ok()),
        _ => None,
    };
    let Some(status) = status else {
        return invalid("response.status must be a string of three digits, such as \"200\"");
    };
    let status_description = match object.remove("statusDescription") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            return invalid(format!(
                "response.statusDescription is {}, not a string",
                noun(&other)
            ));
        }
    };
    let headers = match object.contains_key("headers") {
        true => header_lines(&mut object, "response", "headers")?,
        false => Vec::new(),
    };
    Ok(ReturnedResponse { status, status_description, headers, body: response_body(&mut object)? })
}

fn response_body(object: &mut Map<String, Value>) -> Read<Option<Bytes>> {
    let text = match object.remove("body") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => return invalid(format!("response.body is {}, not a string", noun(&other))),
    };
    match object.get("bodyEncoding").map(Value::as_str) {
        None | Some(Some("text")) => Ok(Some(text.into())),
        Some(Some("base64")) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) => invalid(format!("response.body is not base64: {error}")),
        },
        Some(_) => invalid("response.bodyEncoding must be text or base64"),
    }
}

fn text(object: &mut Map<String, Value>, place: &str, member: &str) -> Read<String> {
    match object.remove(member) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => invalid(format!("{place}.{member} is {}, not a string", noun(&other))),
        None => invalid(format!("{place}.{member} is missing")),
    }
}

fn small_number(object: &Map<String, Value>, place: &str, member: &str) -> Read<u16> {
    let number = object.get(member).and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
    number.map_or_else(|| invalid(format!("{place}.{member} must be a whole number")), Ok)
}

/// `{"name": [{"key": "Name", "value": "…"}, …], …}`, keys optional but then equal to the name but
/// for case.
pub(super) fn header_lines(
    object: &mut Map<String, Value>,
    place: &str,
    member: &str,
) -> Read<Vec<ReturnedHeader>> {
    let Some(Value::Object(headers)) = object.remove(member) else {
        return invalid(format!("{place}.{member} must be an object of arrays"));
    };
    let mut lines = Vec::with_capacity(headers.len());
    for (name, values) in headers {
        if HeaderName::from_lowercase(name.as_bytes()).is_err() {
            return invalid(format!("{place}.{member}: {name:?} is not a lower-case header name"));
        }
        let Value::Array(values) = values else {
            return invalid(format!("{place}.{member}.{name} must be an array of key and value"));
        };
        for mut line in values {
            let key = line.get("key").and_then(Value::as_str);
            if key.is_some_and(|key| !key.eq_ignore_ascii_case(&name)) {
                return invalid(format!("{place}.{member}.{name}: its key is another header's"));
            }
            let Some(Value::String(value)) = line.get_mut("value").map(Value::take) else {
                return invalid(format!("{place}.{member}.{name}: each value must be a string"));
            };
            lines.push((name.clone(), value));
        }
    }
    Ok(lines)
}
