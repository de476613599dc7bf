//! Events and answers, as functions behind a load balancer know them.

use proptest::prelude::*;

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    headers
}

fn event(headers: &HeaderMap, query: Option<&str>, body: &[u8], multi_value: bool) -> Value {
    let request = AlbRequest {
        method: "POST",
        path: "/a%20b",
        query,
        headers,
        body,
        function: "orders",
        tls: true,
        multi_value,
    };
    serde_json::from_str(&event_json(&request)).expect("JSON")
}

#[test]
fn the_last_value_wins_or_all_are_there() {
    let headers =
        headers(&[("host", "a.test"), ("x-a", "1"), ("x-a", "2"), ("content-type", "text/plain")]);
    let query = Some("a=1&b=%20x&a=2&c&&d=e=f");
    let single = event(&headers, query, b"hello", false);
    assert_eq!(single["httpMethod"], "POST");
    assert_eq!(single["path"], "/a%20b");
    assert_eq!(
        single["queryStringParameters"],
        json!({"a": "2", "b": "%20x", "c": "", "d": "e=f"})
    );
    assert_eq!(single["headers"]["x-a"], "2");
    assert_eq!(single["headers"]["x-forwarded-proto"], "https");
    assert_eq!(single["headers"]["x-forwarded-port"], "443");
    let trace = single["headers"]["x-amzn-trace-id"].as_str().expect("added");
    assert!(trace.starts_with("Root=1-") && trace.len() == 40, "{trace}");
    assert!(single.get("multiValueHeaders").is_none());
    assert_eq!(
        (single["body"].as_str(), &single["isBase64Encoded"]),
        (Some("hello"), &json!(false))
    );
    let arn = single["requestContext"]["elb"]["targetGroupArn"].as_str().expect("there");
    assert!(arn.contains(":targetgroup/orders/"), "{arn}");
    let multi = event(&headers, query, b"", true);
    assert_eq!(multi["multiValueQueryStringParameters"]["a"], json!(["1", "2"]));
    assert_eq!(multi["multiValueHeaders"]["x-a"], json!(["1", "2"]));
    assert!(multi.get("headers").is_none() && multi.get("queryStringParameters").is_none());
    assert_eq!((multi["body"].as_str(), &multi["isBase64Encoded"]), (Some(""), &json!(false)));
}

#[test]
fn bodies_are_text_where_their_type_says_so() {
    type Lines = &'static [(&'static str, &'static str)];
    let cases: [(Lines, &[u8], &str, bool); 5] = [
        (&[("content-type", "application/json; charset=utf-8")], b"{}", "{}", false),
        (&[("content-type", "image/png")], b"\x89P", "iVA=", true),
        (&[], b"x", "eA==", true),
        (&[("content-type", "text/plain"), ("content-encoding", "gzip")], b"x", "eA==", true),
        (&[("content-type", "text/plain")], b"\xff", "/w==", true),
    ];
    for (lines, body, text, encoded) in cases {
        let event = event(&headers(lines), None, body, false);
        assert_eq!(
            (event["body"].as_str(), event["isBase64Encoded"].as_bool()),
            (Some(text), Some(encoded))
        );
    }
}

fn answered(returned: &Value, multi_value: bool) -> Checked<GeneratedResponse> {
    answer_from_json(
        &returned.to_string(),
        AnswerTo { tls: false, host: Some("a.test"), multi_value },
    )
}

#[test]
fn answers_are_read() {
    let answer = answered(
        &json!({
            "statusCode": 302, "statusDescription": "302 Found", "isBase64Encoded": true, "body": "aGk=",
            "headers": { "Location": "/next", "X-Number": 7, "Content-Length": "999", "Connection": "close" },
            "cookies": ["a=1", "b=2"],
        }),
        false,
    )
    .expect("valid");
    assert_eq!(
        (answer.status, answer.reason.as_deref(), &answer.body[..]),
        (302, Some("Found"), &b"hi"[..])
    );
    assert_eq!(answer.headers["location"], "http://a.test/next");
    assert_eq!(answer.headers["x-number"], "7");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!(answer.headers.len(), 4, "{:?}", answer.headers);
    let multi =
        json!({ "statusCode": "200", "multiValueHeaders": { "set-cookie": ["a=1", "b=2"] } });
    let answer = answered(&multi, true).expect("valid");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!((answer.reason, answer.body.len()), (None, 0));
}

#[test]
fn malformed_answers_are_named() {
    for (returned, multi_value, said) in [
        (json!("text"), false, "no object"),
        (json!({}), false, "`statusCode`"),
        (json!({"statusCode": 99}), false, "200 to 599"),
        (json!({"statusCode": 200.5}), false, "`statusCode`"),
        (json!({"statusCode": 200, "body": {"a": 1}}), false, "JSON.stringify"),
        (json!({"statusCode": 200, "body": "!", "isBase64Encoded": true}), false, "no base64"),
        (json!({"statusCode": 200, "isBase64Encoded": "true"}), false, "`isBase64Encoded`"),
        (json!({"statusCode": 200, "headers": []}), false, "`headers` is no object"),
        (json!({"statusCode": 200, "headers": {"a b": "c"}}), false, "no valid header name"),
        (json!({"statusCode": 200, "headers": {"a": "b\nc"}}), false, "control characters"),
        (json!({"statusCode": 200, "headers": {"a": ["b"]}}), false, "multi_value_headers = true"),
        (json!({"statusCode": 200, "headers": {"a": "b"}}), true, "return `multiValueHeaders`"),
        (json!({"statusCode": 200, "multiValueHeaders": {"a": "b"}}), true, "no list of values"),
        (json!({"statusCode": 200, "multiValueHeaders": {}}), false, "return `headers`"),
        (json!({"statusCode": 200, "statusDescription": "a\r\nb"}), false, "control characters"),
        (json!({"statusCode": 200, "body": "x".repeat(1 << 20)}), false, "bytes of JSON"),
    ] {
        let error = answered(&returned, multi_value).expect_err("malformed");
        assert!(error.message.contains(said), "{error} does not say {said}");
    }
    let to = AnswerTo { tls: false, host: None, multi_value: false };
    assert!(answer_from_json("{", to).is_err());
}

proptest! {
    #[test]
    fn whatever_is_returned_is_read_or_refused(text in "\\PC{0,80}", multi_value: bool) {
        let _ = answer_from_json(&text, AnswerTo { tls: true, host: Some("a"), multi_value });
        let returned = json!({ "statusCode": 200, "headers": { &text: &text }, "body": &text });
        let _ = answered(&returned, multi_value);
    }

    #[test]
    fn every_query_string_is_shown(query in "[a-c=&%]{0,24}") {
        let headers = HeaderMap::new();
        let all = event(&headers, Some(&query), b"", true);
        let all = all["multiValueQueryStringParameters"].as_object().expect("an object");
        let count: usize = all.values().filter_map(Value::as_array).map(Vec::len).sum();
        prop_assert_eq!(count, query.split('&').filter(|piece| !piece.is_empty()).count());
    }
}

#[test]
fn an_event_is_read_back() {
    let event = json!({
        "requestContext": { "elb": {} }, "httpMethod": "PUT", "path": "/a",
        "multiValueQueryStringParameters": { "x": ["1", "2"], "y": [""] },
        "multiValueHeaders": { "host": ["a.test"], "x-forwarded-proto": ["https"], "x-a": ["1", "2"] },
        "body": "aGk=", "isBase64Encoded": true,
    });
    assert!(is_event(&event) && !is_event(&json!({ "Records": [] })));
    let read = parse_event(&event).expect("an event");
    assert!(read.tls && read.multi_value);
    assert_eq!((read.request.method().as_str(), read.request.body().as_ref()), ("PUT", &b"hi"[..]));
    assert_eq!(read.request.uri(), "/a?x=1&x=2&y");
    assert_eq!(read.request.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(serde_json::from_str::<Value>(&read.json).expect("JSON"), event);
}

#[test]
fn what_is_no_event_is_named_by_its_member() {
    for (member, value, message) in [
        ("httpMethod", json!(7), "httpMethod must be a text"),
        ("httpMethod", json!("A B"), "httpMethod is no method"),
        ("path", json!("a"), "path must begin with a slash"),
        ("path", json!("/a b"), "path and parameters: "),
        ("headers", json!({ "a": ["1"] }), "headers must be an object of texts"),
        ("headers", json!({ "a b": "1" }), "headers: \"a b\" is no header name"),
        ("headers", json!({ "a": "\n" }), "headers.a has control characters"),
        (
            "multiValueHeaders",
            json!({ "a": "1" }),
            "multiValueHeaders must be an object of lists of texts",
        ),
        ("queryStringParameters", json!([]), "queryStringParameters must be an object of texts"),
        ("body", json!({}), "body must be a text"),
        ("isBase64Encoded", json!("yes"), "isBase64Encoded must be true or false"),
        ("isBase64Encoded", json!(true), "body is no base64"),
    ] {
        let mut event = json!({ "httpMethod": "GET", "path": "/", "body": "?" });
        event[member] = value;
        let error = parse_event(&event).expect_err(member);
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn an_answer_is_shown_as_a_function_returns_it() {
    let to = AnswerTo { tls: true, host: None, multi_value: false };
    for returned in [
        json!({ "statusCode": 200, "headers": {}, "body": "", "isBase64Encoded": false }),
        json!({
            "statusCode": 404, "statusDescription": "404 Nothing", "headers": { "content-type": "text/plain", "x-a": "1" },
            "body": "no", "isBase64Encoded": false,
        }),
        json!({ "statusCode": 200, "headers": {}, "body": "/w==", "isBase64Encoded": true }),
    ] {
        let answer = answer_from_json(&returned.to_string(), to).expect("an answer");
        assert_eq!(answer_json(&answer, false), returned);
    }
    let cookies = json!({ "statusCode": 200, "cookies": ["a=1", "b=2"] });
    let answer = answer_from_json(&cookies.to_string(), to).expect("an answer");
    assert_eq!(
        answer_json(&answer, false)["multiValueHeaders"],
        json!({ "set-cookie": ["a=1", "b=2"] })
    );
}

proptest! {
    /// What the edge makes of a request tells of that request.
    #[test]
    fn an_event_tells_of_its_request(
        path in "/[a-zA-Z0-9%._~/-]{0,20}",
        query in "([a-z]{1,3}(=[a-z0-9%]{1,3})?(&[a-z]{1,3}(=[a-z0-9%]{1,3})?){0,3})?",
        values in proptest::collection::vec("[ -~]{0,9}", 0..4),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut headers = headers(&[("host", "a.test")]);
        for value in &values {
            headers.append("x-a", HeaderValue::from_str(value).expect("printable"));
        }
        let event = event_of(&path, &query, &headers, &body);
        let read = parse_event(&event).expect("the edge's own");
        prop_assert_eq!(read.request.uri().path(), path);
        prop_assert_eq!(read.request.body().as_ref(), &body[..]);
        let again: Vec<_> = read.request.headers().get_all("x-a").iter().collect();
        prop_assert_eq!(again, values.iter().collect::<Vec<_>>());
        let sorted = |query: &str| {
            let mut pieces: Vec<String> = query.split('&').map(str::to_owned).collect();
            pieces.sort();
            pieces
        };
        prop_assert_eq!(sorted(read.request.uri().query().unwrap_or_default()), sorted(&query));
    }
}

fn event_of(path: &str, query: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let request = AlbRequest {
        method: "POST",
        path,
        query: Some(query),
        headers,
        body,
        function: "orders",
        tls: true,
        multi_value: true,
    };
    serde_json::from_str(&event_json(&request)).expect("JSON")
}
