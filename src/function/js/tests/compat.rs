//! What the edge's write-back rules make of what functions return, value by value (spec: CloudFront Functions
//! sections 2, 3 and 5).

use super::*;

fn bytes(value: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(value).expect("a value")
}

fn fields(fields: &[(&str, &[u8])]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_bytes(name.as_bytes()).expect("a name"), bytes(value));
    }
    map
}

fn response_edits(code: &str, sent: &HeaderMap) -> Result<ResponseEdits, FunctionError> {
    let id = RequestId::from_entropy(&[7; 42]);
    let context = context(&id);
    let headers = plain();
    let request =
        RequestView { method: "GET", path: b"/p", query: None, headers: &headers, body: None };
    let response = ResponseView { status: 200, reason: None, headers: sent };
    function(code).on_response(&context, &request, &response, &mut patient()).result
}

#[test]
fn a_cookie_that_was_not_touched_keeps_its_bytes() {
    let sent = fields(&[("cookie", b"a=1;b=\xe4; flag;  c=x"), ("cookie", b"a=2")]);
    let code = "function handler({request: r}) { r.cookies.c.value = 'ä'; return r; }";
    let cookie = "a=1; a=2; b=\u{0}; flag; c=ä".bytes();
    let cookie: Vec<u8> = cookie.map(|byte| if byte == 0 { 0xe4 } else { byte }).collect();
    assert_eq!(
        edits(code, &sent).headers,
        [HeaderEdit::Set(http::header::COOKIE, vec![bytes(&cookie)])]
    );
    let code = "function handler({request: r}) { r.cookies.a.value = '9'; return r; }";
    assert_eq!(
        edits(code, &sent).headers,
        [HeaderEdit::Set(http::header::COOKIE, vec![bytes(b"a=9; a=2; b=\xe4; flag; c=x")])],
        "the first is replaced, the others stay"
    );
}

#[test]
fn a_set_cookie_line_that_was_not_touched_keeps_its_bytes() {
    let sent = fields(&[
        ("set-cookie", b"a=\xe4;Path=/;;x"),
        ("set-cookie", b"b=1"),
        ("set-cookie", b"flag"),
    ]);
    let code = "function handler({response: r}) { r.cookies.b.attributes = 'Secure'; return r; }";
    assert_eq!(
        response_edits(code, &sent).expect("valid").headers,
        [HeaderEdit::Set(
            http::header::SET_COOKIE,
            vec![bytes(b"a=\xe4;Path=/;;x"), bytes(b"b=1; Secure"), bytes(b"flag")]
        )]
    );
}

#[test]
fn the_other_lines_of_a_changed_header_keep_their_bytes() {
    let sent = fields(&[("host", b"h"), ("x-a", b"1"), ("x-a", b"\xe4")]);
    let code = "function handler({request: r}) { r.headers['x-a'].value = '\u{20ac}'; return r; }";
    let name = HeaderName::from_static("x-a");
    let euro = "\u{20ac}".as_bytes();
    assert_eq!(
        edits(code, &sent).headers,
        [HeaderEdit::Set(name, vec![bytes(euro), bytes(b"\xe4")])]
    );
}

#[test]
fn a_polluted_prototype_reaches_no_response() {
    let code = "function handler() { Object.prototype.extra = { value: 'x' };
        Object.prototype.statusDescription = 'Found'; return { statusCode: 302, headers: {} }; }";
    match on_request(&function(code), &plain(), &mut patient()).result {
        Ok(RequestOutcome::Respond(response)) => {
            assert_eq!(response.status, 302);
            assert!(response.headers.is_empty(), "{:?}", response.headers);
        }
        other => panic!("{other:?}"),
    }
}
