//! Pingora's heads as the events see them, and edits written back to them.

use http::header::{HeaderName, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::error::EdgeError;
use crate::event::{HeaderEdit, RequestEdits, RequestView, ResponseEdits, ResponseView};

/// Path and query of a request target, as sent. Absolute-form and CONNECT targets give their path.
#[must_use]
pub fn path_and_query(request: &RequestHeader) -> (&[u8], Option<&[u8]>) {
    let raw = request.raw_path();
    let target = if raw.starts_with(b"/") {
        raw
    } else {
        request.uri.path_and_query().map_or(&b"/"[..], |target| target.as_str().as_bytes())
    };
    split_target(target)
}

/// Splits a target at its first `?`.
#[must_use]
pub fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
        None => (target, None),
    }
}

/// The request as an event shows it.
#[must_use]
pub fn request_view(request: &RequestHeader) -> RequestView<'_> {
    let (path, query) = path_and_query(request);
    RequestView {
        method: request.method.as_str(),
        path,
        query,
        headers: &request.headers,
        body: None,
    }
}

/// The response's head as an event shows it.
#[must_use]
pub fn response_view(response: &ResponseHeader) -> ResponseView<'_> {
    ResponseView {
        status: response.status.as_u16(),
        reason: response.get_reason_phrase(),
        headers: &response.headers,
    }
}

/// Writes a function's edits into the request.
///
/// # Errors
/// The edge's own defect: the edits were validated before, so a refusal here is a rule that is missing there.
pub fn edit_request(request: &mut RequestHeader, edits: &RequestEdits) -> Result<(), EdgeError> {
    if let Some(method) = &edits.method {
        request.set_method(method.clone());
    }
    if edits.path.is_some() || edits.query.is_some() {
        let (path, query) = path_and_query(request);
        let path = edits.path.as_ref().map_or(path, |path| path.as_bytes());
        let query = match &edits.query {
            Some(query) => query.as_ref().map(String::as_bytes),
            None => query,
        };
        let target = join_target(path, query);
        set_target(request, &target)?;
    }
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Remove(name) => {
                request.remove_header(name);
            }
            HeaderEdit::Set(name, values) => {
                request.remove_header(name);
                for value in values {
                    append(request, name, value)?;
                }
            }
        }
    }
    Ok(())
}

fn append(
    request: &mut RequestHeader,
    name: &HeaderName,
    value: &HeaderValue,
) -> Result<(), EdgeError> {
    request.append_header(name.clone(), value.clone()).map_err(internal)?;
    Ok(())
}

/// `path`, and `?query` if there is one.
#[must_use]
pub fn join_target(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    let mut target = path.to_vec();
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}

/// Sets the request target in origin-form.
///
/// # Errors
/// The edge's own defect, as for [`edit_request`].
pub fn set_target(request: &mut RequestHeader, target: &[u8]) -> Result<(), EdgeError> {
    request.set_raw_path(target).map_err(internal)
}

/// Writes a function's edits into a response's head; the body is the caller's business.
///
/// # Errors
/// As [`edit_request`].
pub fn edit_response(
    response: &mut ResponseHeader,
    edits: &ResponseEdits,
) -> Result<(), EdgeError> {
    if let Some(status) = edits.status {
        response.set_status(status).map_err(internal)?;
    }
    if let Some(reason) = &edits.reason {
        response.set_reason_phrase(Some(reason)).map_err(internal)?;
    }
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Remove(name) => {
                response.remove_header(name);
            }
            HeaderEdit::Set(name, values) => {
                response.remove_header(name);
                for value in values {
                    response.append_header(name.clone(), value.clone()).map_err(internal)?;
                }
            }
        }
    }
    Ok(())
}

/// A refusal by pingora of something the edge wrote.
#[must_use]
pub fn internal(error: Box<pingora::Error>) -> EdgeError {
    EdgeError::Internal(error.to_string())
}
