//! A load balancer's event read back into the request that it tells of: what `verge test` starts from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::Value;

/// A load balancer's event.
#[derive(Clone, Debug)]
pub struct AlbEvent {
    /// As it was written.
    pub json: String,
    /// The request, for a handler that has no event.
    pub request: Request<Bytes>,
    /// Whether the viewer spoke TLS.
    pub tls: bool,
    /// Whether headers and parameters have lists of values.
    pub multi_value: bool,
}

/// Whether an event is a load balancer's: it alone has `requestContext.elb`.
#[must_use]
pub fn is_event(event: &Value) -> bool {
    event.pointer("/requestContext/elb").is_some()
}

/// Reads an event.
///
/// # Errors
/// The member and what it should be.
pub fn parse_event(event: &Value) -> Result<AlbEvent, String> {
    let multi_value = event.get("multiValueHeaders").is_some();
    let (parameters, fields) = if multi_value {
        ("multiValueQueryStringParameters", "multiValueHeaders")
    } else {
        ("queryStringParameters", "headers")
    };
    let mut headers = HeaderMap::new();
    for (name, value) in values(event, fields, multi_value)? {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{fields}: {name:?} is no header name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| format!("{fields}.{name} has control characters"))?;
        headers.append(name, value);
    }
    let query: Vec<String> = values(event, parameters, multi_value)?
        .map(
            |(name, value)| if value.is_empty() { name.clone() } else { format!("{name}={value}") },
        )
        .collect();
    let method = Method::from_bytes(text(event, "httpMethod")?.as_bytes())
        .map_err(|_| "httpMethod is no method, such as GET")?;
    let path = text(event, "path")?;
    if !path.starts_with('/') {
        return Err("path must begin with a slash".to_owned());
    }
    let target =
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    let target: Uri = target.parse().map_err(|error| format!("path and parameters: {error}"))?;
    let tls = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let mut request = Request::new(body(event)?);
    *request.method_mut() = method;
    *request.uri_mut() = target;
    *request.headers_mut() = headers;
    Ok(AlbEvent { json: event.to_string(), request, tls, multi_value })
}

fn text<'e>(event: &'e Value, member: &str) -> Result<&'e str, String> {
    event.get(member).and_then(Value::as_str).ok_or_else(|| format!("{member} must be a text"))
}

/// Names and values; none where the member is missing.
fn values<'e>(
    event: &'e Value,
    member: &str,
    multi_value: bool,
) -> Result<impl Iterator<Item = (&'e String, &'e str)>, String> {
    let shape = || {
        let of = if multi_value { "lists of texts" } else { "texts" };
        format!("{member} must be an object of {of}")
    };
    let mut all = Vec::new();
    let map = match event.get(member) {
        None | Some(Value::Null) => return Ok(all.into_iter()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(shape()),
    };
    for (name, value) in map {
        let one = std::slice::from_ref(value);
        let values = if multi_value { value.as_array().ok_or_else(shape)?.as_slice() } else { one };
        for value in values {
            all.push((name, value.as_str().ok_or_else(shape)?));
        }
    }
    Ok(all.into_iter())
}

fn body(event: &Value) -> Result<Bytes, String> {
    let body = match event.get("body") {
        None | Some(Value::Null) => "",
        Some(_) => text(event, "body")?,
    };
    match event.get("isBase64Encoded") {
        None | Some(Value::Null | Value::Bool(false)) => Ok(Bytes::from(body.to_owned())),
        Some(Value::Bool(true)) => match BASE64.decode(body) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(format!("body is no base64 though isBase64Encoded is true: {error}")),
        },
        Some(_) => Err("isBase64Encoded must be true or false".to_owned()),
    }
}
