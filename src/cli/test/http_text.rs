//! A raw HTTP request (RFC 9112) as a viewer-request event: the request line, header fields, and a body that functions
//! do not see.

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use crate::limits::REQUEST_HEAD_BYTES_MAX;
use crate::wire::text_of;

/// Reads a request; lines may end in LF alone, as editors write them.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn event(request: &[u8]) -> Result<Value, String> {
    let mut lines = request.split(|byte| *byte == b'\n').map(without_carriage_return);
    let first = lines.next().map(text_of).unwrap_or_default();
    let mut request = request_line(&first).map_err(|error| format!("line 1: {error}"))?;
    let mut bytes = first.len();
    let mut headers = Map::new();
    for (index, line) in lines.enumerate() {
        if line.is_empty() {
            break;
        }
        bytes += line.len() + 2;
        if bytes > REQUEST_HEAD_BYTES_MAX {
            return Err(format!("the head is longer than {REQUEST_HEAD_BYTES_MAX} bytes"));
        }
        let at = |error: &str| format!("line {}: {error}", index + 2);
        let (name, value) = field(line).map_err(at)?;
        add(&mut headers, &name, &value);
    }
    request.insert("headers".to_owned(), headers.into());
    Ok(
        json!({ "version": "1.0", "context": { "eventType": "viewer-request" }, "request": request }),
    )
}

fn without_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn request_line(line: &str) -> Result<Map<String, Value>, &'static str> {
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
    let mut request = Map::new();
    request.insert("method".to_owned(), method.into());
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    request.insert("uri".to_owned(), path.into());
    if let Some(query) = query {
        request.insert("querystring".to_owned(), query.into());
    }
    Ok(request)
}

/// Name in lower case, and value, of a header field's line.
fn field(line: &[u8]) -> Result<(String, String), &'static str> {
    const SHAPE: &str = "is no header field, such as Accept: text/html";
    let colon = line.iter().position(|byte| *byte == b':').ok_or(SHAPE)?;
    let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..));
    let name = HeaderName::from_bytes(name).map_err(|_| SHAPE)?;
    let value = value.unwrap_or_default().trim_ascii();
    HeaderValue::from_bytes(value).map_err(|_| "the value has control characters")?;
    Ok((name.as_str().to_owned(), text_of(value).into_owned()))
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
