//! What functions may return: one row for each rule, and the round trip through JSON.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::{FunctionError, FunctionFailure};
use crate::event::{CustomOrigin, EventContext, EventType, RequestView, ResponseView};
use crate::ids::RequestId;

mod body;

fn origin() -> CustomOrigin {
    CustomOrigin {
        domain_name: "origin.example".into(),
        port: 443,
        tls: true,
        path: "/base".into(),
        custom_headers: vec![(
            HeaderName::from_static("x-key"),
            HeaderValue::from_static("secret"),
        )],
        read_timeout_seconds: 30,
        keepalive_timeout_seconds: 5,
        ssl_protocols: vec!["TLSv1.2".into()],
    }
}

fn headers() -> HeaderMap {
    let lines = [("host", "a.example"), ("via", "1.1 edge"), ("accept", "*/*")];
    lines.into_iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
}

const ID: [u8; 42] = [1; 42];

/// The event's JSON as a function would see it.
fn event(headers: &HeaderMap, response: Option<&ResponseView<'_>>) -> Value {
    let id = RequestId::from_entropy(&ID);
    let context = EventContext {
        distribution_domain_name: "d1.cloudfront.net",
        distribution_id: "E1",
        request_id: &id,
        viewer_ip: [192, 0, 2, 1].into(),
        edge: crate::event::EdgeLocation::DEFAULT,
    };
    let request =
        RequestView { method: "GET", path: b"/a", query: Some(b"q=1"), headers, body: None };
    let kind = match response {
        Some(_) => EventType::OriginResponse,
        None => EventType::OriginRequest,
    };
    event_json(kind, &context, &request, Some(&origin()), response)
}

type CheckedRequest = Result<(crate::event::RequestEdits, Option<CustomOrigin>), FunctionError>;

/// What becomes of the request when a function writes `value` at `pointer` of the request it was
/// given.
fn with_member(pointer: &str, value: Value) -> CheckedRequest {
    let headers = headers();
    let mut event = event(&headers, None);
    let mut request = event["Records"][0]["cf"]["request"].take();
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
    let parent = request.pointer_mut(parent).expect("a member").as_object_mut().expect("object");
    match value {
        Value::Null => parent.remove(member),
        value => parent.insert(member.to_owned(), value),
    };
    let returned = match request_result_from_json(EventType::OriginRequest, &request.to_string())? {
        ReturnedAction::Forward(returned) => returned,
        ReturnedAction::Respond(other) => panic!("a request came back as {other:?}"),
    };
    let view = RequestView {
        method: "GET",
        path: b"/a",
        query: Some(b"q=1"),
        headers: &headers,
        body: None,
    };
    check_request(&view, &origin(), returned)
}

#[test]
fn each_rule_of_a_returned_request_is_kept() {
    let line = |value: &str| json!([{ "value": value }]);
    let rows = [
        ("/method", json!("POST"), "request.method is read-only"),
        ("/uri", json!("a"), "must begin with a slash"),
        ("/uri", json!("/a b"), "percent-encode"),
        ("/uri", json!("/a?b"), "percent-encode"),
        ("/uri", json!("/".repeat(8_200)), "fewer than 8192"),
        ("/uri", json!(7), "request.uri is a number"),
        ("/uri", Value::Null, "request.uri is missing"),
        ("/querystring", json!("a b"), "percent-encode"),
        ("/querystring", json!({"a": "b"}), "request.querystring is an object"),
        ("/headers", Value::Null, "request.headers must be an object"),
        ("/headers/via", line("none"), "via is read-only"),
        ("/headers/via", Value::Null, "via is read-only"),
        ("/headers/if-none-match", line("x"), "if-none-match is read-only"),
        ("/headers/connection", line("close"), "may not add"),
        ("/headers/x-edge-id", line("1"), "may not add"),
        ("/headers/X-Upper", line("1"), "not a lower-case header name"),
        ("/headers/accept", json!("text/html"), "must be an array"),
        ("/headers/accept", json!([{"value": 7}]), "must be a string"),
        ("/headers/accept", json!([{"key": "Other", "value": "a"}]), "another header's"),
        ("/headers/accept", line("a\r\nb: c"), "control characters"),
        ("/origin", Value::Null, "request.origin is missing"),
        ("/origin", json!({}), "must have either `custom` or `s3`"),
        ("/origin", json!({"s3": {}, "custom": {}}), "must have either `custom` or `s3`"),
        ("/origin", json!({"s3": {}}), "request.origin.s3.domainName is missing"),
        (
            "/origin",
            json!({"s3": {"domainName": "b.s3.amazonaws.com", "authMethod": "origin-access-identity"}}),
            "authMethod must be none",
        ),
        ("/origin/custom/domainName", json!(""), "must be a host name"),
        ("/origin/custom/domainName", json!("a:80"), "must be a host name"),
        ("/origin/custom/domainName", json!("10.0.0.1"), "not an address"),
        ("/origin/custom/domainName", json!("a".repeat(254)), "must be a host name"),
        ("/origin/custom/port", json!(81), "must be 80, 443"),
        ("/origin/custom/port", json!(70_000), "port must be a whole number"),
        ("/origin/custom/protocol", json!("ftp"), "must be http or https"),
        ("/origin/custom/path", json!("base"), "must begin with a slash"),
        ("/origin/custom/path", json!("/base/"), "not end with one"),
        ("/origin/custom/readTimeout", json!(0), "1 to 120"),
        ("/origin/custom/keepaliveTimeout", json!(121), "1 to 120"),
        ("/origin/custom/sslProtocols", json!(["TLSv9"]), "not \"TLSv9\""),
        ("/origin/custom/customHeaders", json!({"accept": [{"value": "1"}]}), "both have accept"),
        ("/origin/custom/customHeaders", json!({"upgrade": [{"value": "1"}]}), "may not set"),
        ("/body", json!({"action": "replace", "data": ""}), "cannot be replaced"),
    ];
    for (pointer, value, part) in rows {
        let error = with_member(pointer, value.clone()).expect_err(pointer);
        assert_eq!(error.failure, FunctionFailure::Validation);
        assert!(error.message.contains(part), "{pointer} = {value}: {error}");
    }
}

#[test]
fn what_the_rules_allow_becomes_an_edit() {
    let (edits, origin) = with_member("/uri", json!("/b")).expect("allowed");
    assert_eq!((edits.path.as_deref(), edits.query, origin), (Some("/b"), None, None));
    let (edits, _) = with_member("/querystring", json!("")).expect("allowed");
    assert_eq!(edits.query, Some(None));
    let (edits, _) = with_member("/headers/host", json!([{ "value": "b" }])).expect("writable");
    assert_eq!(edits.headers.len(), 1);
    let (edits, origin) = with_member("/origin/custom/port", json!(8080)).expect("allowed");
    assert_eq!(edits, Default::default());
    assert_eq!(origin.expect("changed").port, 8080);
    let bucket = json!({"s3": {"domainName": "b.s3.amazonaws.com", "region": "", "authMethod": "none",
        "path": "/v1", "customHeaders": {}}});
    let (_, origin) = with_member("/origin", bucket).expect("allowed");
    let origin = origin.expect("changed");
    assert_eq!((origin.domain_name.as_str(), origin.path.as_str()), ("b.s3.amazonaws.com", "/v1"));
    assert!(origin.tls && origin.port == 443);
}

#[test]
fn the_largest_generated_response_is_exactly_the_quota() {
    let response = |bytes: usize| ReturnedResponse {
        status: 200,
        status_description: None,
        headers: vec![("x".into(), "12".into())],
        body: Some(vec![b'a'; bytes].into()),
    };
    assert!(check_generated(EventType::OriginRequest, response((1 << 20) - 3)).is_ok());
    let error = check_generated(EventType::OriginRequest, response((1 << 20) - 2))
        .expect_err("one byte too many");
    assert!(error.message.contains("1048577 bytes"), "{error}");
}

#[test]
fn statuses_outside_200_to_599_are_invalid() {
    for (status, valid) in [(199, false), (200, true), (599, true), (600, false), (101, false)] {
        let text = json!({ "status": status.to_string() }).to_string();
        let returned = response_result_from_json(&text).expect("a response");
        assert_eq!(check_generated(EventType::OriginRequest, returned).is_ok(), valid, "{status}");
    }
    let word = response_result_from_json(r#"{"status":"OK"}"#).expect_err("no number");
    assert!(word.message.contains("three digits"), "{word}");
}

#[test]
fn bodies_are_text_or_base64() {
    let body = |encoding: &str, text: &str| {
        let object = json!({ "status": "200", "body": text, "bodyEncoding": encoding });
        response_result_from_json(&object.to_string()).map(|response| response.body)
    };
    assert_eq!(body("base64", "AP8=").unwrap(), Some(Bytes::from_static(&[0, 255])));
    assert_eq!(body("text", "AP8=").unwrap(), Some(Bytes::from_static(b"AP8=")));
    assert!(body("base64", "?").is_err());
    assert!(body("gzip", "").is_err());
}

#[test]
fn an_origin_response_must_return_what_is_read_only() {
    let headers = headers();
    let view = ResponseView { status: 200, reason: None, headers: &headers };
    let bare =
        ReturnedResponse { status: 200, status_description: None, headers: Vec::new(), body: None };
    let error = check_response(EventType::OriginResponse, &view, bare).expect_err("via is gone");
    assert!(error.message.contains("via is read-only"), "{error}");
}

proptest! {
    /// Whatever bytes a request has, showing it to a function that changes nothing changes nothing.
    #[test]
    fn an_untouched_request_has_no_edits(
        values in prop::collection::vec(
            (0..5_usize, prop::collection::vec(0x20..=0xff_u8, 0..20)),
            0..8,
        ),
        path in prop::collection::vec(any::<u8>(), 0..20),
        query in prop::option::of(prop::collection::vec(any::<u8>(), 1..20)),
    ) {
        let names = ["host", "x-one", "cookie", "x-edge-hidden", "cloudfront-viewer-city"];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(names[name], value);
            }
        }
        let id = RequestId::from_entropy(&ID);
        let context = EventContext {
            distribution_domain_name: "d1.cloudfront.net",
            distribution_id: "E1",
            request_id: &id,
            viewer_ip: [192, 0, 2, 1].into(),
            edge: crate::event::EdgeLocation::DEFAULT,
        };
        let view =
            RequestView { method: "GET", path: &path, query: query.as_deref(), headers: &headers, body: None };
        for (kind, origin) in
            [(EventType::OriginRequest, Some(origin())), (EventType::ViewerRequest, None)]
        {
            let mut event = event_json(kind, &context, &view, origin.as_ref(), None);
            let request = event["Records"][0]["cf"]["request"].take().to_string();
            let Ok(ReturnedAction::Forward(returned)) = request_result_from_json(kind, &request)
            else {
                panic!("{request}");
            };
            let checked = match &origin {
                Some(origin) => check_request(&view, origin, returned),
                None => check_viewer_request(&view, returned).map(|edits| (edits, None)),
            };
            prop_assert_eq!(checked, Ok((Default::default(), None)));
        }
    }

    /// An event file read back gives the views it was made from.
    #[test]
    fn an_event_survives_its_json(status in 100..=599_u16, value in "[ -~]{0,20}") {
        let mut headers = headers();
        headers.insert("x-value", HeaderValue::from_str(value.trim()).expect("visible"));
        let response = ResponseView { status, reason: Some("Because"), headers: &headers };
        let shown = event(&headers, Some(&response));
        let parsed = parse_event(&shown).expect("our own event");
        let again = event_json(
            parsed.event_type,
            &parsed.context(),
            &parsed.request(),
            parsed.origin(),
            parsed.response().as_ref(),
        );
        prop_assert_eq!(shown, again);
    }
}

#[test]
fn broken_event_files_are_refused_by_member() {
    let headers = headers();
    let rows = [
        ("/config/eventType", json!("viewer"), "not \"viewer\""),
        ("/config/eventType", json!("viewer-response"), "needs `response`"),
        ("/config/eventType", json!("origin-response"), "needs `response`"),
        ("/request/clientIp", json!("nobody"), "request.clientIp is not an address"),
        ("/request/uri", json!(1), "request.uri must be a string"),
        ("/request/origin", json!({"s3": {}}), "S3 origins are not offered"),
        ("/request/origin/custom/port", json!("80"), "port must be a whole number"),
    ];
    for (pointer, value, part) in rows {
        let mut event = event(&headers, None);
        let place = format!("/Records/0/cf{pointer}");
        *event.pointer_mut(&place).expect("a member") = value;
        let error = parse_event(&event).expect_err(pointer).to_string();
        assert!(error.contains(part), "{pointer}: {error}");
    }
}
