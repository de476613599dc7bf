//! What a function returned, checked against the rules and reduced to what it changed.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    ReturnedHeader, ReturnedOrigin, ReturnedRequest, ReturnedResponse, body, shown, visible_headers,
};
use crate::error::FunctionError;
use crate::event::{
    CustomOrigin, EventType, GeneratedResponse, HeaderEdit, RequestEdits, RequestView,
    ResponseEdits, ResponseView, has_after_edits, rules,
};
use crate::limits::{
    ORIGIN_DOMAIN_NAME_CHARS_MAX, ORIGIN_GENERATED_RESPONSE_BYTES_MAX, ORIGIN_PATH_CHARS_MAX,
    ORIGIN_TIMEOUT_SECONDS_MAX, URI_AND_QUERY_CHARS_LIMIT, VIEWER_GENERATED_RESPONSE_BYTES_MAX,
};

type Checked<T> = Result<T, FunctionError>;

fn invalid<T>(message: impl Into<String>) -> Checked<T> {
    Err(FunctionError::validation(message))
}

/// Checks a request that an origin-request function returned; yields its changes, and the origin if
/// that changed.
///
/// # Errors
/// A validation error that names the member. spec: Lambda@Edge sections 2.1, 4 and 5.
pub fn check_request(
    request: &RequestView<'_>,
    origin: &CustomOrigin,
    mut returned: ReturnedRequest,
) -> Checked<(RequestEdits, Option<CustomOrigin>)> {
    let chosen = returned.origin.take();
    let edits = request_edits(EventType::OriginRequest, request, returned)?;
    let chosen = match chosen {
        Some(chosen) => check_origin(origin, chosen, request.headers, &edits.headers)?,
        None => None,
    };
    Ok((edits, chosen))
}

/// Checks a request that a viewer-request function returned; yields its changes.
///
/// # Errors
/// As [`check_request`].
pub fn check_viewer_request(
    request: &RequestView<'_>,
    returned: ReturnedRequest,
) -> Checked<RequestEdits> {
    request_edits(EventType::ViewerRequest, request, returned)
}

fn request_edits(
    event: EventType,
    request: &RequestView<'_>,
    returned: ReturnedRequest,
) -> Checked<RequestEdits> {
    if returned.method != request.method {
        return invalid(format!(
            "request.method is read-only: it was {} and came back as {:?}",
            request.method, returned.method
        ));
    }
    let headers = header_edits(event, request.headers, returned.headers)?;
    let edits = RequestEdits {
        body: body::check(event, request, returned.body)?,
        method: None,
        path: changed_path(request.path, returned.uri)?,
        query: changed_query(request.query, returned.querystring)?,
        headers,
        origin: Vec::new(),
    };
    check_uri_length(request, &edits)?;
    Ok(edits)
}

fn changed_path(original: &[u8], uri: String) -> Checked<Option<String>> {
    if uri == shown(original) {
        return Ok(None);
    }
    if !uri.starts_with('/') {
        return invalid(format!("request.uri must begin with a slash, but is {uri:?}"));
    }
    if !uri.bytes().all(|byte| is_target_byte(byte) && byte != b'?') {
        return invalid(format!(
            "request.uri must be printable ASCII without '?' and '#': percent-encode {uri:?}"
        ));
    }
    Ok(Some(uri))
}

fn changed_query(original: Option<&[u8]>, query: String) -> Checked<Option<Option<String>>> {
    if query == shown(original.unwrap_or_default()) {
        return Ok(None);
    }
    if !query.bytes().all(is_target_byte) {
        return invalid(format!(
            "request.querystring must be printable ASCII without '#': percent-encode {query:?}"
        ));
    }
    Ok(Some((!query.is_empty()).then_some(query)))
}

/// RFC 9112 section 3.2: a request target has no white space and no controls; a fragment is never
/// sent.
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

fn check_uri_length(request: &RequestView<'_>, edits: &RequestEdits) -> Checked<()> {
    if edits.path.is_none() && edits.query.is_none() {
        return Ok(());
    }
    let path = edits.path.as_ref().map_or(request.path.len(), String::len);
    let query = match &edits.query {
        Some(query) => query.as_ref().map_or(0, String::len),
        None => request.query.map_or(0, <[u8]>::len),
    };
    if path + query >= URI_AND_QUERY_CHARS_LIMIT {
        return invalid(format!(
            "request.uri and request.querystring have {} characters together; \
             they must have fewer than {URI_AND_QUERY_CHARS_LIMIT}",
            path + query
        ));
    }
    Ok(())
}

/// spec: Lambda@Edge section 2.1. What the configuration itself said is not checked again, only
/// what changed.
fn check_origin(
    original: &CustomOrigin,
    returned: ReturnedOrigin,
    request_headers: &HeaderMap,
    request_edits: &[HeaderEdit],
) -> Checked<Option<CustomOrigin>> {
    let custom_headers = origin_headers(original, &returned.custom_headers)?;
    let edited = CustomOrigin {
        domain_name: returned.domain_name,
        port: returned.port,
        tls: returned.tls,
        path: returned.path,
        custom_headers,
        read_timeout_seconds: returned.read_timeout,
        keepalive_timeout_seconds: returned.keepalive_timeout,
        ssl_protocols: returned.ssl_protocols,
    };
    if edited == *original {
        return Ok(None);
    }
    check_origin_address(original, &edited)?;
    check_origin_settings(original, &edited)?;
    if edited.custom_headers != original.custom_headers {
        for (name, _) in &edited.custom_headers {
            if has_after_edits(request_headers, request_edits, name) {
                return invalid(format!(
                    "origin.custom.customHeaders and request.headers both have {name}: keep one"
                ));
            }
        }
    }
    Ok(Some(edited))
}

fn check_origin_address(original: &CustomOrigin, edited: &CustomOrigin) -> Checked<()> {
    let name = &edited.domain_name;
    if *name != original.domain_name {
        let label_bytes = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let numeric = name.parse::<IpAddr>().is_ok();
        if name.is_empty()
            || name.len() > ORIGIN_DOMAIN_NAME_CHARS_MAX
            || numeric
            || !name.bytes().all(label_bytes)
        {
            return invalid(format!(
                "origin.custom.domainName must be a host name of 1 to \
                 {ORIGIN_DOMAIN_NAME_CHARS_MAX} characters without port, not an address: {name:?}"
            ));
        }
    }
    if edited.port != original.port && !matches!(edited.port, 80 | 443 | 1024..) {
        return invalid(format!(
            "origin.custom.port must be 80, 443 or 1024 to 65535, but is {}",
            edited.port
        ));
    }
    let path = &edited.path;
    let plain = path.is_empty() || (path.starts_with('/') && !path.ends_with('/'));
    let encoded = path.bytes().all(|byte| is_target_byte(byte) && byte != b'?');
    if *path != original.path && !(plain && encoded && path.len() <= ORIGIN_PATH_CHARS_MAX) {
        return invalid(format!(
            "origin.custom.path must begin with a slash, not end with one, be percent-encoded and \
             have at most {ORIGIN_PATH_CHARS_MAX} characters: {path:?}"
        ));
    }
    Ok(())
}

fn check_origin_settings(original: &CustomOrigin, edited: &CustomOrigin) -> Checked<()> {
    let timeouts = [
        ("readTimeout", original.read_timeout_seconds, edited.read_timeout_seconds),
        ("keepaliveTimeout", original.keepalive_timeout_seconds, edited.keepalive_timeout_seconds),
    ];
    for (member, before, after) in timeouts {
        if before != after && !(1..=ORIGIN_TIMEOUT_SECONDS_MAX).contains(&after) {
            return invalid(format!(
                "origin.custom.{member} must be 1 to {ORIGIN_TIMEOUT_SECONDS_MAX} seconds, \
                 but is {after}"
            ));
        }
    }
    const VERSIONS: [&str; 4] = ["TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"];
    let unknown = |version: &&String| {
        !VERSIONS.contains(&version.as_str()) && !original.ssl_protocols.contains(*version)
    };
    if let Some(version) = edited.ssl_protocols.iter().find(unknown) {
        return invalid(format!(
            "origin.custom.sslProtocols knows {}, not {version:?}",
            VERSIONS.join(", ")
        ));
    }
    Ok(())
}

fn origin_headers(
    original: &CustomOrigin,
    returned: &[ReturnedHeader],
) -> Checked<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::with_capacity(returned.len());
    for (name, value) in returned {
        let name = header_name(name)?;
        let known = original
            .custom_headers
            .iter()
            .find(|(known, bytes)| *known == name && shown(bytes.as_bytes()) == *value);
        if let Some(known) = known {
            headers.push(known.clone());
            continue;
        }
        if rules::is_disallowed(&name) {
            return invalid(format!(
                "origin.custom.customHeaders: a function may not set {name}; remove it"
            ));
        }
        let value = header_value(&name, value)?;
        headers.push((name, value));
    }
    Ok(headers)
}

/// Checks the response that a function returned for a response event; yields its changes.
///
/// # Errors
/// A validation error that names the member. spec: Lambda@Edge sections 3 to 5.
pub fn check_response(
    event: EventType,
    response: &ResponseView<'_>,
    returned: ReturnedResponse,
) -> Checked<ResponseEdits> {
    if event == EventType::ViewerResponse {
        check_kept(response, &returned)?;
    }
    check_status(returned.status)?;
    if let Some(body) = &returned.body {
        check_size(event, &returned.headers, body)?;
    }
    let status = (returned.status != response.status).then_some(returned.status);
    let reason = returned
        .status_description
        .filter(|text| text != response.reason.unwrap_or_default())
        .map(check_reason)
        .transpose()?;
    let headers = header_edits(event, response.headers, returned.headers)?;
    Ok(ResponseEdits { status, reason, headers, body: returned.body })
}

/// What goes to the viewer keeps its status and its body.
fn check_kept(response: &ResponseView<'_>, returned: &ReturnedResponse) -> Checked<()> {
    if returned.status != response.status {
        return invalid(format!(
            "response.status cannot be changed at viewer-response: it was {} and came back as {}",
            response.status, returned.status
        ));
    }
    if returned.body.is_some() {
        return invalid("response.body cannot be set at viewer-response; origin-response may");
    }
    Ok(())
}

/// Checks a response that a function made up for a request event.
///
/// # Errors
/// A validation error that names the member. spec: Lambda@Edge sections 3 to 5.
pub fn check_generated(event: EventType, returned: ReturnedResponse) -> Checked<GeneratedResponse> {
    check_status(returned.status)?;
    let body = returned.body.unwrap_or_default();
    if event == EventType::ViewerRequest && returned.status == 204 && !body.is_empty() {
        return invalid("response.body must be empty with status 204");
    }
    check_size(event, &returned.headers, &body)?;
    let mut headers = HeaderMap::with_capacity(returned.headers.len());
    for (name, value) in &returned.headers {
        let name = header_name(name)?;
        if rules::is_hidden_from_lambda(event, &name) {
            return disallowed(&name);
        }
        // The edge frames the response it sends; a length or coding that the function made up could
        // only contradict.
        if rules::is_read_only_for_lambda(event, &name) {
            return read_only(&name);
        }
        let value = header_value(&name, value)?;
        headers.append(name, value);
    }
    let reason = returned.status_description.filter(|text| !text.is_empty());
    let reason = reason.map(check_reason).transpose()?;
    Ok(GeneratedResponse { status: returned.status, reason, headers, body })
}

fn check_status(status: u16) -> Checked<()> {
    if !(200..=599).contains(&status) {
        return invalid(format!("response.status must be 200 to 599, but is {status}"));
    }
    Ok(())
}

fn check_reason(reason: String) -> Checked<String> {
    // RFC 9112 section 4: tabs, spaces and visible characters.
    if reason.chars().any(|character| character.is_control() && character != '\t') {
        return invalid(format!(
            "response.statusDescription must not have control characters: {reason:?}"
        ));
    }
    Ok(reason)
}

fn check_size(event: EventType, headers: &[ReturnedHeader], body: &Bytes) -> Checked<()> {
    let most = match event {
        EventType::ViewerRequest | EventType::ViewerResponse => VIEWER_GENERATED_RESPONSE_BYTES_MAX,
        EventType::OriginRequest | EventType::OriginResponse | EventType::Origin => {
            ORIGIN_GENERATED_RESPONSE_BYTES_MAX
        }
    };
    let head: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let total = head + body.len();
    if total > most {
        return invalid(format!(
            "the body and the headers have {total} bytes together; at most {most} are allowed"
        ));
    }
    Ok(())
}

/// The fields whose lines differ from the original's, checked against the event's rules.
fn header_edits(
    event: EventType,
    original: &HeaderMap,
    returned: Vec<ReturnedHeader>,
) -> Checked<Vec<HeaderEdit>> {
    let unchanged = visible_headers(event, original)
        .eq(returned.iter().map(|(name, value)| (name.as_str(), Cow::Borrowed(value.as_str()))));
    if unchanged {
        return Ok(Vec::new());
    }
    let grouped = group_by_name(returned)?;
    let mut edits = Vec::new();
    for (name, values) in &grouped {
        let same = original
            .get_all(name)
            .iter()
            .map(|value| shown(value.as_bytes()))
            .eq(values.iter().map(String::as_str));
        if !same {
            check_touched(event, name)?;
            edits.push(HeaderEdit::Set(name.clone(), header_values(original, name, values)?));
        }
    }
    for name in original.keys().filter(|name| !rules::is_hidden_from_lambda(event, name)) {
        if !grouped.iter().any(|(theirs, _)| theirs == name) {
            check_touched(event, name)?;
            edits.push(HeaderEdit::Remove(name.clone()));
        }
    }
    Ok(edits)
}

fn group_by_name(returned: Vec<ReturnedHeader>) -> Checked<Vec<(HeaderName, Vec<String>)>> {
    let mut grouped: Vec<(HeaderName, Vec<String>)> = Vec::with_capacity(returned.len());
    for (name, value) in returned {
        let name = header_name(&name)?;
        match grouped.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => grouped.push((name, vec![value])),
        }
    }
    Ok(grouped)
}

/// A line that was there before keeps its bytes, whatever they are; only new text is encoded.
fn header_values(
    original: &HeaderMap,
    name: &HeaderName,
    values: &[String],
) -> Checked<Vec<HeaderValue>> {
    let kept = |text: &str| {
        original.get_all(name).iter().find(|value| shown(value.as_bytes()) == text).cloned()
    };
    values.iter().map(|text| kept(text).map_or_else(|| header_value(name, text), Ok)).collect()
}

fn check_touched(event: EventType, name: &HeaderName) -> Checked<()> {
    if rules::is_hidden_from_lambda(event, name) {
        return disallowed(name);
    }
    if rules::is_read_only_for_lambda(event, name) {
        return read_only(name);
    }
    Ok(())
}

fn disallowed<T>(name: &HeaderName) -> Checked<T> {
    invalid(format!("functions may not add, change or remove the header {name}"))
}

fn read_only<T>(name: &HeaderName) -> Checked<T> {
    invalid(format!(
        "the header {name} is read-only here: return it as it came, do not add or remove it"
    ))
}

fn header_name(name: &str) -> Checked<HeaderName> {
    HeaderName::from_bytes(name.as_bytes())
        .or_else(|_| invalid(format!("{name:?} is not a valid header name")))
}

fn header_value(name: &HeaderName, value: &str) -> Checked<HeaderValue> {
    HeaderValue::from_str(value)
        .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
        .or_else(|_| invalid(format!("the value of {name} has control characters: {value:?}")))
}
