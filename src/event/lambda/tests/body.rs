//! `request.body`: what may be returned of it, and what becomes of that.

use bytes::Bytes;

use super::*;
use crate::event::lambda::body::shown_json;
use crate::event::{BodyEncoding, BodyView, ReplacedBody};
use crate::limits::ORIGIN_REQUEST_BODY_BYTES_MAX;

/// What becomes of the body of a request that had `given`, when a function returns `body` as its member.
fn returned(
    method: &'static str,
    given: Option<(&Bytes, bool)>,
    body: Value,
) -> Result<Option<ReplacedBody>, String> {
    let headers = headers();
    let mut request = event(&headers, None)["Records"][0]["cf"]["request"].take();
    request["method"] = method.into();
    request["body"] = body;
    let view = RequestView {
        method,
        path: b"/a",
        query: Some(b"q=1"),
        headers: &headers,
        body: given.map(|(data, truncated)| BodyView { data, truncated }),
    };
    let edits = request_result_from_json(EventType::OriginRequest, &request.to_string()).and_then(
        |returned| {
            let ReturnedAction::Forward(returned) = returned else { panic!("{returned:?}") };
            check_request(&view, &origin(), returned)
        },
    );
    edits.map(|(edits, _)| edits.body).map_err(|error| error.message)
}

#[test]
fn only_what_says_replace_replaces() {
    let given = Bytes::from_static(b"was");
    let post = |body| returned("POST", Some((&given, true)), body);
    let text =
        |data: &'static str| Some(ReplacedBody { data: data.into(), encoding: BodyEncoding::Text });
    for kept in [
        json!(null),
        json!({}),
        json!({ "action": "read-only", "data": "edited", "encoding": "base64" }),
        json!({ "data": 1 }),
    ] {
        assert_eq!(post(kept.clone()), Ok(None), "{kept}");
    }
    assert_eq!(post(json!({"action": "replace", "encoding": "text", "data": "ü"})), Ok(text("ü")));
    assert_eq!(post(json!({"action": "replace", "encoding": "text", "data": ""})), Ok(text("")));
    // The default encoding is the one that it was given in.
    let bytes = ReplacedBody { data: "hi".into(), encoding: BodyEncoding::Base64 };
    assert_eq!(post(json!({ "action": "replace", "data": "aGk=" })), Ok(Some(bytes)));
}

#[test]
fn a_wrong_body_is_refused_by_member() {
    let given = Bytes::from_static(b"was");
    let replace = |encoding: &str, data: Value| json!({ "action": "replace", "encoding": encoding, "data": data });
    let large = "a".repeat(ORIGIN_REQUEST_BODY_BYTES_MAX + 1);
    for (body, part) in [
        (json!("text"), "request.body is a string, not an object"),
        (json!({ "action": "append" }), "request.body.action must be read-only or replace"),
        (replace("text", json!(1)), "request.body.data must be a string"),
        (replace("utf8", json!("a")), "request.body.encoding must be text or base64"),
        (replace("base64", json!("a!")), "request.body.data is not base64"),
        (replace("text", json!(large)), "has 1048577 bytes; at most 1048576"),
    ] {
        let error = returned("POST", Some((&given, false)), body).expect_err(part);
        assert!(error.contains(part), "{error}");
    }
    let largest = Value::from("a".repeat(ORIGIN_REQUEST_BODY_BYTES_MAX));
    assert!(returned("POST", Some((&given, false)), replace("text", largest)).is_ok());
    let error = returned("POST", None, replace("text", json!(""))).expect_err("not included");
    assert!(error.contains("include_body = true"), "{error}");
    let none = Bytes::new();
    assert_eq!(returned("GET", Some((&none, false)), replace("text", json!(""))), Ok(None));
    let error = returned("HEAD", Some((&none, false)), replace("text", json!("a")));
    assert!(error.expect_err("no body").contains("a HEAD request cannot be given a body"));
}

#[test]
fn an_edited_request_shows_the_body_as_it_was_returned() {
    let (headers, given) = (headers(), Bytes::from_static(b"was"));
    let mut shown = event(&headers, None);
    shown["Records"][0]["cf"]["request"]["method"] = "POST".into();
    shown["Records"][0]["cf"]["request"]["body"] =
        json!({ "inputTruncated": true, "action": "read-only", "encoding": "text", "data": "was" });
    let parsed = parse_event(&shown).expect("an event with a body");
    let body = parsed.request().body.expect("it has one");
    assert_eq!((body.data, body.truncated), (&given, true));
    let show = |body| {
        let edits = crate::event::RequestEdits { body, ..Default::default() };
        let mut edited = edited_request_json(
            parsed.event_type,
            &parsed.context(),
            &parsed.request(),
            parsed.origin(),
            &edits,
        );
        edited["body"].take()
    };
    assert_eq!(
        show(None),
        json!({ "inputTruncated": true, "action": "read-only", "encoding": "base64", "data": "d2Fz" })
    );
    for (encoding, word, text) in
        [(BodyEncoding::Text, "text", "is"), (BodyEncoding::Base64, "base64", "aXM=")]
    {
        assert_eq!(
            show(Some(ReplacedBody { data: "is".into(), encoding })),
            json!({ "inputTruncated": true, "action": "replace", "encoding": word, "data": text })
        );
    }
}

proptest! {
    /// Whatever a body is, it can be shown, returned as it came and replaced by itself.
    #[test]
    fn any_body_survives_its_json(data in prop::collection::vec(any::<u8>(), 0..200), truncated: bool) {
        let data = Bytes::from(data);
        let shown = shown_json(&BodyView { data: &data, truncated });
        prop_assert_eq!(returned("POST", Some((&data, truncated)), shown.clone()), Ok(None));
        let mut replaced = shown;
        replaced["action"] = "replace".into();
        let expected = ReplacedBody { data: data.clone(), encoding: BodyEncoding::Base64 };
        prop_assert_eq!(returned("POST", Some((&data, truncated)), replaced), Ok(Some(expected)));
    }
}
