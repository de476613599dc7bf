//! An event file read back into the types: what `verge test` and golden tests start from.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::json::header_lines;
use super::{body, shown};
use crate::event::{BodyView, CustomOrigin, EventContext, EventType, RequestView, ResponseView};
use crate::ids::RequestId;

/// Why an event file cannot be used: the member and what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// An event that owns its parts; the methods lend the views that functions are called with.
#[derive(Clone, Debug)]
pub struct LambdaEvent {
    /// One of the four.
    pub event_type: EventType,
    origin: CustomOrigin,
    distribution_domain_name: String,
    distribution_id: String,
    request_id: RequestId,
    viewer_ip: IpAddr,
    method: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Option<(Bytes, bool)>,
    response: Option<(u16, String, HeaderMap)>,
}

impl LambdaEvent {
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
            body: self
                .body
                .as_ref()
                .map(|(data, truncated)| BodyView { data, truncated: *truncated }),
        }
    }

    /// The origin of `request.origin.custom`; viewer events have none.
    #[must_use]
    pub fn origin(&self) -> Option<&CustomOrigin> {
        let is_origins =
            matches!(self.event_type, EventType::OriginRequest | EventType::OriginResponse);
        is_origins.then_some(&self.origin)
    }

    /// The response; there is one exactly when the event is a response event.
    #[must_use]
    pub fn response(&self) -> Option<ResponseView<'_>> {
        let (status, reason, headers) = self.response.as_ref()?;
        Some(ResponseView { status: *status, reason: Some(reason), headers })
    }
}

/// Reads `{"Records":[{"cf":{…}}]}`. Members that a function could do without may be missing.
///
/// # Errors
/// When a member has the wrong type.
pub fn parse_event(event: &Value) -> Result<LambdaEvent, ParseError> {
    let cf = object_at(event, "/Records/0/cf")?;
    let config = object_at(event, "/Records/0/cf/config")?;
    let request = object_at(event, "/Records/0/cf/request")?;
    let event_type = match text(config, "config.eventType", "eventType", "") {
        Ok("viewer-request") => EventType::ViewerRequest,
        Ok("origin-request") => EventType::OriginRequest,
        Ok("origin-response") => EventType::OriginResponse,
        Ok("viewer-response") => EventType::ViewerResponse,
        other => {
            return fail(format!(
                "config.eventType must be viewer-request, origin-request, origin-response or \
                 viewer-response, not {:?}",
                other?
            ));
        }
    };
    let has_response = matches!(event_type, EventType::OriginResponse | EventType::ViewerResponse);
    let response = match cf.get("response").filter(|_| has_response) {
        Some(Value::Object(response)) => Some(parse_response(response)?),
        _ if has_response => return fail(format!("an {event_type} event needs `response`")),
        _ => None,
    };
    let viewer_ip = text(request, "request.clientIp", "clientIp", "192.0.2.1")?;
    let Ok(viewer_ip) = viewer_ip.parse() else {
        return fail(format!("request.clientIp is not an address: {viewer_ip:?}"));
    };
    let query = text(request, "request.querystring", "querystring", "")?;
    Ok(LambdaEvent {
        event_type,
        origin: parse_origin(request)?,
        distribution_domain_name: text(
            config,
            "config.distributionDomainName",
            "distributionDomainName",
            "d111111abcdef8.cloudfront.net",
        )?
        .to_owned(),
        distribution_id: text(config, "config.distributionId", "distributionId", "EXAMPLE")?
            .to_owned(),
        request_id: request_id(text(config, "config.requestId", "requestId", "")?),
        viewer_ip,
        method: text(request, "request.method", "method", "GET")?.to_owned(),
        path: text(request, "request.uri", "uri", "/")?.to_owned(),
        query: (!query.is_empty()).then(|| query.to_owned()),
        headers: headers(request, "request", "headers")?,
        body: body::of_event(request).map_err(|error| ParseError(error.message))?,
        response,
    })
}

fn fail<T>(message: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError(message.into()))
}

fn object_at<'a>(event: &'a Value, pointer: &str) -> Result<&'a Map<String, Value>, ParseError> {
    match event.pointer(pointer).and_then(Value::as_object) {
        Some(object) => Ok(object),
        None => fail(format!("the event has no object at {pointer}")),
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
        Some(_) => fail(format!("{place} must be a string")),
    }
}

/// Ids in event files have any length; ours have one. The file's characters come first, so that
/// both can be compared.
pub(in crate::event) fn request_id(text: &str) -> RequestId {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let usable = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let padded: Vec<u8> = usable.chain(std::iter::repeat(b'A')).take(RequestId::LEN).collect();
    let bytes = URL_SAFE_NO_PAD.decode(padded).unwrap_or_default();
    let mut entropy = [0; 42];
    for (place, byte) in entropy.iter_mut().zip(bytes) {
        *place = byte;
    }
    RequestId::from_entropy(&entropy)
}

fn headers(
    object: &Map<String, Value>,
    place: &str,
    member: &str,
) -> Result<HeaderMap, ParseError> {
    let mut map = HeaderMap::new();
    if !object.contains_key(member) {
        return Ok(map);
    }
    let lines = header_lines(&mut object.clone(), place, member)
        .map_err(|error| ParseError(error.message))?;
    for (name, value) in lines {
        let pair =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()));
        let (Ok(name), Ok(value)) = pair else {
            return fail(format!("{place}.{member}.{name} has control characters"));
        };
        map.append(name, value);
    }
    Ok(map)
}

fn parse_response(response: &Map<String, Value>) -> Result<(u16, String, HeaderMap), ParseError> {
    let status = text(response, "response.status", "status", "200")?;
    let Ok(status) = status.parse() else {
        return fail(format!("response.status is not a number: {status:?}"));
    };
    let reason = text(response, "response.statusDescription", "statusDescription", "")?;
    Ok((status, reason.to_owned(), headers(response, "response", "headers")?))
}

fn parse_origin(request: &Map<String, Value>) -> Result<CustomOrigin, ParseError> {
    const PLACE: &str = "request.origin.custom";
    let empty = Map::new();
    let custom = match request.get("origin").map(|origin| origin.get("custom")) {
        None => &empty,
        Some(Some(Value::Object(custom))) => custom,
        Some(_) => return fail(format!("{PLACE} must be an object; S3 origins are not offered")),
    };
    let number = |member: &str, default: u16| match custom.get(member) {
        None => Ok(default),
        Some(value) => match value.as_u64().and_then(|number| u16::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => fail(format!("{PLACE}.{member} must be a whole number")),
        },
    };
    let versions = match custom.get("sslProtocols") {
        None => vec![Value::from("TLSv1.2")],
        Some(Value::Array(versions)) => versions.clone(),
        Some(_) => return fail(format!("{PLACE}.sslProtocols must be an array")),
    };
    let custom_headers = headers(custom, PLACE, "customHeaders")?;
    Ok(CustomOrigin {
        domain_name: text(custom, PLACE, "domainName", "example.org")?.to_owned(),
        port: number("port", 443)?,
        tls: text(custom, PLACE, "protocol", "https")? == "https",
        path: text(custom, PLACE, "path", "")?.to_owned(),
        custom_headers: custom_headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        read_timeout_seconds: number("readTimeout", 30)?,
        keepalive_timeout_seconds: number("keepaliveTimeout", 5)?,
        ssl_protocols: versions
            .iter()
            .filter_map(Value::as_str)
            .map(|version| shown(version.as_bytes()).into_owned())
            .collect(),
    })
}
