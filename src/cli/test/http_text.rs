//! A raw HTTP request (RFC 9112) as a viewer-request event, whose functions do not see the body, or as a load balancer's.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use crate::event::alb::{self, AlbRequest};
use crate::limits::REQUEST_HEAD_BYTES_MAX;
use crate::wire::text_of;

/// Reads a request; lines may end in LF alone, as editors write them.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn event(request: &[u8]) -> Result<Value, String> {
    let Parts { line, fields, .. } = Parts::read(request)?;
    let mut request = Map::new();
    request.insert("method".to_owned(), line.method.into());
    request.insert("uri".to_owned(), line.path.into());
    if let Some(query) = line.query {
        request.insert("querystring".to_owned(), query.into());
    }
    let mut headers = Map::new();
    for (name, value) in fields {
        add(&mut headers, name.as_str(), &text_of(value.as_bytes()));
    }
    request.insert("headers".to_owned(), headers.into());
    Ok(
        json!({ "version": "1.0", "context": { "eventType": "viewer-request" }, "request": request }),
    )
}

/// Reads a request as the event that a load balancer makes of it for this function; its trace id is always the same.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn balancer_event(request: &[u8], function: &str) -> Result<Value, String> {
    let Parts { line, fields, body } = Parts::read(request)?;
    let mut headers: HeaderMap = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    let trace = headers.entry("x-amzn-trace-id");
    trace.or_insert(HeaderValue::from_static("Root=1-00000000-000000000000000000000000"));
    let event = alb::event_json(&AlbRequest {
        method: &line.method,
        path: &line.path,
        query: line.query.as_deref(),
        headers: &headers,
        body,
        function,
        tls: true,
        multi_value: false,
    });
    serde_json::from_str(&event).map_err(|error| error.to_string())
}

/// The first line.
struct Line {
    method: String,
    path: String,
    query: Option<String>,
}

/// A request's parts.
struct Parts<'a> {
    line: Line,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(request: &'a [u8]) -> Result<Self, String> {
        let (first, mut rest) = cut_line(request);
        let line = request_line(&text_of(first)).map_err(|error| format!("line 1: {error}"))?;
        let mut bytes = first.len();
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let (line, after) = cut_line(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            bytes += line.len() + 2;
            if bytes > REQUEST_HEAD_BYTES_MAX {
                return Err(format!("the head is longer than {REQUEST_HEAD_BYTES_MAX} bytes"));
            }
            let number = fields.len() + 2;
            fields.push(field(line).map_err(|error| format!("line {number}: {error}"))?);
        }
        Ok(Self { line, fields, body: rest })
    }
}

/// The first line without its end, and what follows.
fn cut_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default())
}

fn request_line(line: &str) -> Result<Line, &'static str> {
    const SHAPE: &str = "is no request line, such as GET /path?query HTTP/1.1";
    let mut words = line.split(' ');
    let (Some(method), Some(target), version, None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(SHAPE);
    };
    if Method::from_bytes(method.as_bytes()).is_err()
        || version.is_some_and(|version| !version.starts_with("HTTP/"))
    {
        return Err(SHAPE);
    }
    if !target.starts_with('/') || target.chars().any(char::is_control) {
        return Err("the request's target must begin with / and hold no control characters");
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    Ok(Line { method: method.to_owned(), path: path.to_owned(), query })
}

/// Name and value of a header field's line.
fn field(line: &[u8]) -> Result<(HeaderName, HeaderValue), &'static str> {
    const SHAPE: &str = "is no header field, such as Accept: text/html";
    let colon = line.iter().position(|byte| *byte == b':').ok_or(SHAPE)?;
    let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..));
    let name = HeaderName::from_bytes(name).map_err(|_| SHAPE)?;
    let value = value.unwrap_or_default().trim_ascii();
    let value = HeaderValue::from_bytes(value).map_err(|_| "the value has control characters")?;
    Ok((name, value))
}

/// Adds a value as events show it: `multiValue` once there are several.
fn add(headers: &mut Map<String, Value>, name: &str, value: &str) {
    let one = json!({ "value": value });
    let Some(known) = headers.get_mut(name) else {
        headers.insert(name.to_owned(), one);
        return;
    };
    match known.get_mut("multiValue").and_then(Value::as_array_mut) {
        Some(several) => several.push(one),
        None => known["multiValue"] = json!([known.clone(), one]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::viewer::json::parse_event;

    #[test]
    fn a_request_becomes_an_event() {
        let text =
            b"GET /a%20b?x=1&y HTTP/1.1\r\nHost: h.example\r\nX-A:  1 \r\nx-a: 2\r\nX-A: 3\r\n\
                     Cookie: c=1; d=2\r\n\r\nbody: no field";
        let event = event(text).expect("it is a request");
        assert_eq!(event["request"]["uri"], "/a%20b");
        assert_eq!(event["request"]["querystring"], "x=1&y");
        let values = json!([{ "value": "1" }, { "value": "2" }, { "value": "3" }]);
        assert_eq!(
            event["request"]["headers"]["x-a"],
            json!({ "value": "1", "multiValue": values })
        );
        assert!(event["request"]["headers"].get("body").is_none());
        let parsed = parse_event(&event, None).expect("it is an event");
        assert_eq!(parsed.request().headers["cookie"], "c=1; d=2");
        assert_eq!(parsed.request().query, Some(&b"x=1&y"[..]));
    }

    #[test]
    fn a_request_becomes_a_balancers_event() {
        let text = b"POST /a?x=1&x=2 HTTP/1.1\r\nHost: h.example\nContent-Type: text/plain\n\nline\n\nline\n";
        let event = balancer_event(text, "orders").expect("it is a request");
        assert_eq!(event["httpMethod"], "POST");
        assert_eq!(event["queryStringParameters"], json!({ "x": "2" }));
        assert_eq!(event["headers"]["x-forwarded-proto"], "https");
        assert_eq!(event["body"], "line\n\nline\n");
        assert_eq!(balancer_event(text, "orders"), Ok(event));
    }

    #[test]
    fn what_is_no_request_is_named_with_its_line() {
        for (text, message) in [
            ("", "line 1: is no request line, such as GET /path?query HTTP/1.1"),
            ("GET / HTTP/1.1 more", "line 1: is no request line, such as GET /path?query HTTP/1.1"),
            (
                "GET http://a/ HTTP/1.1",
                "line 1: the request's target must begin with / and hold no control characters",
            ),
            ("GET / HTTP/1.1\nno field\n", "line 2: is no header field, such as Accept: text/html"),
            ("GET /\na: b\n folded: c\n", "line 3: is no header field, such as Accept: text/html"),
            ("GET /\na: \u{1}\n", "line 2: the value has control characters"),
        ] {
            assert_eq!(event(text.as_bytes()), Err(message.to_owned()), "{text:?}");
        }
        let long = format!("GET /\na: {}\n", "x".repeat(40_000));
        assert!(event(long.as_bytes()).is_err_and(|error| error.contains("longer than")));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_an_event(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            head in "(GET|POST) /[a-z?=&]{0,9}( HTTP/1.1)?\r?\n([a-zA-Z-]{1,4}: ?[ -~]{0,5}\r?\n){0,4}",
        ) {
            for text in [bytes.clone(), [head.as_bytes(), &bytes].concat(), head.into_bytes()] {
                if let Ok(event) = event(&text) {
                    prop_assert!(parse_event(&event, None).is_ok(), "{event}");
                }
            }
        }
    }
}
