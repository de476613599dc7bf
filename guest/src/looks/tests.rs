//! What calls look at, and that looking late changes nothing.

use crate::machine::tests::{
    answer, failure, fields, list, machine, reads_of, request_event, section, whole_answer,
};
use crate::wire::{EVENT_REQUEST, Writer, reads};

#[test]
fn what_a_call_looks_at_is_told_in_order() {
    let entry = |map: u32, index: u32| (map | reads::ENTRY) << 16 | index;
    let whole = |what: u32| what << 16;
    for (body, expected) in [
        ("", vec![]),
        ("request.uri = '/x'; request.headers = {}", vec![]),
        ("request.uri; request.method; request.uri", vec![whole(reads::URI), whole(reads::METHOD)]),
        (
            "request.headers['x-a'].value; request.headers.none",
            vec![whole(reads::HEADERS), entry(reads::HEADERS, 1)],
        ),
        ("request.headers['x-a'] = { value: 'n' }", vec![whole(reads::HEADERS)]),
        (
            "request.headers['x-a'] = { value: 'n', multiValue: [{ value: 'n' }] }",
            vec![whole(reads::HEADERS), entry(reads::HEADERS, 1)],
        ),
        ("delete request.cookies.c", vec![whole(reads::COOKIES)]),
        ("request.querystring.z", vec![whole(reads::QUERY), entry(reads::QUERY, 2)]),
        ("request.rawQueryString()", vec![whole(reads::RAW_QUERY)]),
        ("event.context.distributionId", vec![whole(reads::CONTEXT)]),
        ("event.context.requestId", vec![whole(reads::CONTEXT), whole(reads::UNREPEATABLE)]),
        ("Date.now(); Math.random()", vec![whole(reads::UNREPEATABLE)]),
        ("new Date()", vec![whole(reads::UNREPEATABLE)]),
        ("new Date(0).getTime(); event.viewer.ip", vec![whole(reads::VIEWER)]),
    ] {
        let source = format!(
            "function handler(event) {{ const request = event.request; {body}; return request; }}"
        );
        let event = request_event(EVENT_REQUEST);
        let answer = whole_answer(&mut machine(&source), &event);
        assert_eq!(reads_of(&answer), expected, "{body}");
    }
}

#[test]
fn maps_with_many_entries_are_whole() {
    let query: Vec<String> = (0..50).map(|number| format!("p{number}={number}")).collect();
    let source = "function handler(event) { const query = event.request.querystring;
        throw new Error(Object.keys(query).map((name) => query[name].value).join()); }";
    let mut out = Writer::default();
    out.u8(EVENT_REQUEST);
    out.u64(0);
    out.u64(0);
    section(&mut out, |out| (0..4).for_each(|_| out.text("")));
    section(&mut out, |out| {
        out.text("GET");
        out.text("/");
        out.optional(Some(query.join("&").as_bytes()));
    });
    section(&mut out, |out| fields(out, &[]));
    section(&mut out, |out| list(out, &[]));
    let expected: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let (_, message) = failure(&answer(&mut machine(source), &out));
    assert!(message.contains(&expected.join(",")), "{message}");
}
