//! Events and results of viewer functions: CloudFront Functions event 1.0 without any engine.
//!
//! [`encode_request`] and [`encode_response`] write what the sandboxed engine reads (see
//! [`crate::wire`]); [`read_request_result`] and [`read_response_result`] turn its answer into
//! edits, after checking every rule that the edge has for what a function may return (spec:
//! CloudFront Functions sections 2, 3 and 5). What was not touched is in no edit, so it keeps the
//! viewer's bytes.

mod cookies;
mod encode;
mod headers;
pub mod json;
mod look;
mod origin;
mod query;

use bytes::Bytes;
use http::HeaderMap;

use super::{
    EventType, GeneratedResponse, HeaderEdit, RequestEdits, RequestOutcome, RequestView,
    ResponseEdits, ResponseView,
};
use crate::error::{Frame, FunctionError};
use crate::limits;
use crate::wire::{
    ABSENT, BASE64, Malformed, RESULT_FAILED, RESULT_INVALID, RESULT_REQUEST, RESULT_RESPONSE,
    Reader, TEXT, UNTOUCHED, text_of,
};

pub use encode::{Moment, encode_request, encode_response};
pub use look::{Look, Map, ViewerEvent};

/// A guest that breaks the protocol is out of order, whatever the function was.
impl From<Malformed> for FunctionError {
    fn from(_: Malformed) -> Self {
        Self::execution("the JavaScript engine's answer cannot be read")
    }
}

type Checked<T> = Result<T, FunctionError>;

fn invalid<T>(message: String) -> Checked<T> {
    Err(FunctionError::validation(message))
}

/// Reads what a viewer-request function returned for `request`.
///
/// # Errors
/// The function's failure, naming the member that cannot be used.
pub fn read_request_result(bytes: &[u8], request: &RequestView<'_>) -> Checked<RequestOutcome> {
    let mut reader = Reader::new(bytes);
    match read_kind(&mut reader)? {
        RESULT_REQUEST => read_request(&mut reader, request).map(RequestOutcome::Continue),
        _ => read_generated(&mut reader).map(RequestOutcome::Respond),
    }
}

/// Reads what a viewer-response function returned for `response`.
///
/// # Errors
/// The function's failure, naming the member that cannot be used.
pub fn read_response_result(bytes: &[u8], response: &ResponseView<'_>) -> Checked<ResponseEdits> {
    let mut reader = Reader::new(bytes);
    if read_kind(&mut reader)? != RESULT_RESPONSE {
        return Err(Malformed.into());
    }
    let status = read_status(&mut reader)?.filter(|status| *status != response.status);
    let known = encode::reason(response);
    let reason = read_reason(&mut reader)?.filter(|reason| *reason != known).map(str::to_owned);
    let headers = read_response_headers(&mut reader, response.headers, EventType::ViewerResponse)?;
    let body = read_body(&mut reader)?;
    Ok(ResponseEdits { status, reason, headers, body })
}

fn read_kind(reader: &mut Reader<'_>) -> Checked<u8> {
    match reader.u8()? {
        RESULT_FAILED => Err(read_thrown(reader)?),
        RESULT_INVALID => Err(FunctionError::validation(reader.text()?)),
        kind @ (RESULT_REQUEST | RESULT_RESPONSE) => Ok(kind),
        _ => Err(Malformed.into()),
    }
}

/// What was thrown, and through which calls.
fn read_thrown(reader: &mut Reader<'_>) -> Checked<FunctionError> {
    let mut error = FunctionError::execution(reader.text()?);
    for _ in 0..reader.count()? {
        let name = reader.text()?.to_owned();
        let mut number = || reader.count().map(|number| u32::try_from(number).unwrap_or_default());
        let (line, column) = (number()?, number()?);
        error.frames.push(Frame { name, place: (line > 0).then_some((line, column)) });
    }
    Ok(error)
}

fn read_request(reader: &mut Reader<'_>, request: &RequestView<'_>) -> Checked<RequestEdits> {
    if read_text(reader)?.is_some_and(|method| method != request.method) {
        return invalid("request.method is read-only".into());
    }
    let known = text_of(request.path);
    let path = read_text(reader)?.filter(|path| *path != known);
    if let Some(path) = path {
        check_path(path)?;
    }
    let query = query::read(reader, request.query)?;
    let headers = headers::read(reader, "request", request.headers, EventType::ViewerRequest)?;
    let mut edits = headers.edits;
    edits.extend(cookies::read_request(reader, request.headers)?);
    check_size("request", &edits)?;
    let origin = origin::read(reader)?;
    origin::check_against_request(&origin, request.headers, &edits)?;
    let path = path.map(str::to_owned);
    let edits = RequestEdits { method: None, path, query, headers: edits, origin, body: None };
    check_length(&edits, request)?;
    Ok(edits)
}

/// spec: CloudFront Functions section 2, `request.uri`.
fn check_path(path: &str) -> Checked<()> {
    if !path.starts_with('/') {
        return invalid(format!("request.uri must begin with /; it is '{}'", shown(path)));
    }
    if path.contains('?') {
        return invalid("request.uri must not contain ?; set request.querystring".into());
    }
    if let Some(bad) = path.chars().find(|character| is_unfit_for_url(*character)) {
        return invalid(format!("request.uri contains {bad:?}, which must be percent-encoded"));
    }
    Ok(())
}

/// Characters that end a URL, or that no request line may have (spec: CloudFront Functions section
/// 2.2).
fn is_unfit_for_url(character: char) -> bool {
    character.is_ascii_control() || matches!(character, ' ' | '#')
}

/// spec: CloudFront Functions section 6, URI and query after a change.
fn check_length(edits: &RequestEdits, request: &RequestView<'_>) -> Checked<()> {
    if edits.path.is_none() && edits.query.is_none() {
        return Ok(());
    }
    let path = edits.path.as_ref().map_or(request.path.len(), |path| path.chars().count());
    let query = match &edits.query {
        Some(query) => query.as_ref().map_or(0, |query| query.chars().count()),
        None => request.query.map_or(0, <[u8]>::len),
    };
    if path + query >= limits::URI_AND_QUERY_CHARS_LIMIT {
        return invalid(format!(
            "request.uri and request.querystring have {} characters together; fewer than {} are allowed",
            path + query,
            limits::URI_AND_QUERY_CHARS_LIMIT
        ));
    }
    Ok(())
}

fn read_generated(reader: &mut Reader<'_>) -> Checked<GeneratedResponse> {
    let Some(status) = read_status(reader)? else { return Err(Malformed.into()) };
    let reason = read_reason(reader)?.map(str::to_owned);
    let edits = read_response_headers(reader, &HeaderMap::new(), EventType::ViewerResponse)?;
    let mut headers = HeaderMap::new();
    super::apply_header_edits(&mut headers, &edits);
    // The body says how long it is; a function's own count could only contradict it.
    headers.remove(http::header::CONTENT_LENGTH);
    let body = read_body(reader)?.unwrap_or_default();
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let bytes = fields.sum::<usize>() + body.len();
    if bytes > limits::VIEWER_GENERATED_RESPONSE_BYTES_MAX {
        return invalid(format!(
            "the response has {bytes} bytes; {} are allowed",
            limits::VIEWER_GENERATED_RESPONSE_BYTES_MAX
        ));
    }
    Ok(GeneratedResponse { status, reason, headers, body })
}

/// A response's status; `None` when untouched. An interim one (RFC 9110 section 15.2) is no answer: the viewer would wait
/// for another.
fn read_status(reader: &mut Reader<'_>) -> Checked<Option<u16>> {
    match reader.u8()? {
        UNTOUCHED => Ok(None),
        TEXT => match reader.u16()? {
            status @ 200..=599 => Ok(Some(status)),
            status => {
                invalid(format!("response.statusCode must be from 200 to 599; it is {status}"))
            }
        },
        _ => Err(Malformed.into()),
    }
}

fn read_reason<'a>(reader: &mut Reader<'a>) -> Checked<Option<&'a str>> {
    let reason = read_text(reader)?;
    let is_fit = |character: char| !character.is_control() || character == '\t';
    match reason {
        Some(reason) if !reason.chars().all(is_fit) => {
            invalid("response.statusDescription contains a control character".into())
        }
        reason => Ok(reason),
    }
}

/// A text member; `None` when it is untouched or absent.
fn read_text<'a>(reader: &mut Reader<'a>) -> Checked<Option<&'a str>> {
    match reader.u8()? {
        UNTOUCHED | ABSENT => Ok(None),
        TEXT => Ok(Some(reader.text()?)),
        _ => Err(Malformed.into()),
    }
}

fn read_response_headers(
    reader: &mut Reader<'_>,
    original: &HeaderMap,
    event: EventType,
) -> Checked<Vec<HeaderEdit>> {
    let headers = headers::read(reader, "response", original, event)?;
    let mut edits = headers.edits;
    edits.extend(cookies::read_response(reader, original, headers.set_cookie)?);
    check_size("response", &edits)?;
    Ok(edits)
}

/// What a function writes is no larger than a head that the edge takes from a viewer.
fn check_size(owner: &str, edits: &[HeaderEdit]) -> Checked<()> {
    let fields = edits.iter().map(|edit| match edit {
        HeaderEdit::Set(name, values) => {
            values.iter().map(|value| name.as_str().len() + value.len() + 4).sum()
        }
        HeaderEdit::Remove(_) => 0,
    });
    let bytes: usize = fields.sum();
    if bytes > limits::REQUEST_HEAD_BYTES_MAX {
        return invalid(format!(
            "the fields set in {owner}.headers and {owner}.cookies have {bytes} bytes; {} are allowed",
            limits::REQUEST_HEAD_BYTES_MAX
        ));
    }
    Ok(())
}

fn read_body(reader: &mut Reader<'_>) -> Checked<Option<Bytes>> {
    use base64::Engine as _;
    match reader.u8()? {
        ABSENT => Ok(None),
        TEXT => Ok(Some(Bytes::copy_from_slice(reader.text()?.as_bytes()))),
        BASE64 => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(reader.text()?);
            match decoded {
                Ok(body) => Ok(Some(body.into())),
                Err(error) => invalid(format!("response.body.data is not base64: {error}")),
            }
        }
        _ => Err(Malformed.into()),
    }
}

/// As much of a text as a message can take.
fn shown(text: &str) -> String {
    const CHARS: usize = 80;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
