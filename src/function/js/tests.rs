//! Viewer functions through the real engine in the real sandbox.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::error::FunctionFailure;
use crate::event::HeaderEdit;
use crate::function::engine::{Mode, Sandbox};
use crate::function::wasm::Settings;
use crate::function::{LoadError, Runtime, Source};
use crate::ids::RequestId;

mod compat;
mod cost;
mod leaks;
mod page;

/// Machine code stays under `target/` between runs: compiling the engine takes seconds.
pub(super) fn engine(mode: Mode) -> Arc<JsEngine> {
    static PRODUCTION: OnceLock<Arc<JsEngine>> = OnceLock::new();
    static METERED: OnceLock<Arc<JsEngine>> = OnceLock::new();
    let cell = if mode == Mode::Production { &PRODUCTION } else { &METERED };
    Arc::clone(cell.get_or_init(|| {
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-code");
        let sandbox = Sandbox::new(mode, Some(&cache)).expect("a sandbox");
        JsEngine::new(&sandbox).expect("the engine starts")
    }))
}

pub(super) fn load_in(mode: Mode, code: &str) -> Result<ViewerFunction, LoadError> {
    load_as(mode, Runtime::CloudfrontJs20, code)
}

fn load_as(mode: Mode, runtime: Runtime, code: &str) -> Result<ViewerFunction, LoadError> {
    let source = Source {
        name: "test".into(),
        runtime,
        code: code.as_bytes().to_vec(),
        settings: Settings::default(),
        memo_bytes_max: None,
        store: None,
    };
    ViewerFunction::load(&engine(mode), &source)
}

fn function(code: &str) -> ViewerFunction {
    load_in(Mode::Production, code).unwrap_or_else(|error| panic!("{error}"))
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
    }
    headers
}

/// A budget that no noise of the machine exhausts: these tests are about results.
pub(super) fn patient() -> Budget {
    Budget { cpu: Duration::from_millis(400), ..Budget::default() }
}

/// The context of a request from this machine.
pub(super) fn context(request_id: &RequestId) -> EventContext<'_> {
    EventContext {
        distribution_domain_name: "d1.example",
        distribution_id: "E1",
        request_id,
        viewer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        edge: crate::event::EdgeLocation::DEFAULT,
    }
}

pub(super) fn on_request(
    function: &ViewerFunction,
    fields: &HeaderMap,
    budget: &mut Budget,
) -> Invocation<RequestOutcome> {
    let id = RequestId::from_entropy(&[7; 42]);
    let context = context(&id);
    let request = RequestView {
        method: "GET",
        path: b"/a/b",
        query: Some(b"b=2&a=1&a=3&flag"),
        headers: fields,
        body: None,
    };
    function.on_request(&context, &request, budget)
}

fn edits(code: &str, fields: &HeaderMap) -> crate::event::RequestEdits {
    match on_request(&function(code), fields, &mut patient()).result {
        Ok(RequestOutcome::Continue(edits)) => edits,
        other => panic!("{other:?}"),
    }
}

fn failure(code: &str) -> FunctionError {
    on_request(&function(code), &plain(), &mut patient()).result.expect_err("fails")
}

fn plain() -> HeaderMap {
    headers(&[("host", "h.example"), ("accept", "a"), ("accept", "b"), ("cookie", "c=1; d=2")])
}

#[test]
fn an_untouched_request_stays_as_it_is() {
    let nothing = crate::event::RequestEdits::default();
    assert_eq!(edits("function handler(e) { return e.request }", &plain()), nothing);
    let looked = "function handler(e) { JSON.stringify(e); return e.request }";
    assert_eq!(edits(looked, &plain()), nothing, "looking is not touching");
    let copied = "function handler(e) { return JSON.parse(JSON.stringify(e.request)) }";
    assert_eq!(edits(copied, &plain()), nothing, "an equal copy changes nothing");
}

#[test]
fn only_what_changed_is_an_edit() {
    let code = "function handler({request: r}) {
        r.uri = '/new'; r.headers['x-new'] = {value: 'ä'}; delete r.headers.accept;
        r.cookies.c.value = '9'; delete r.querystring.a; r.querystring.z = {value: 'y'}; return r; }";
    let edits = edits(code, &plain());
    assert_eq!(edits.path.as_deref(), Some("/new"));
    assert_eq!(edits.query, Some(Some("b=2&flag&z=y".into())), "flag keeps its bytes");
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).expect("a value");
    assert_eq!(
        edits.headers,
        [
            HeaderEdit::Set(HeaderName::from_static("x-new"), vec![value("ä")]),
            HeaderEdit::Remove(http::header::ACCEPT),
            HeaderEdit::Set(http::header::COOKIE, vec![value("c=9; d=2")]),
        ]
    );
}

#[test]
fn the_query_may_become_a_text() {
    let code = "function handler({request: r}) { r.querystring = 'q=1'; return r; }";
    assert_eq!(edits(code, &plain()).query, Some(Some("q=1".into())));
    let code = "function handler({request: r}) { r.querystring = {}; return r; }";
    assert_eq!(edits(code, &plain()).query, Some(None));
}

#[test]
fn a_response_is_sent_as_it_was_made() {
    let code = "function handler() { return { statusCode: 302, statusDescription: 'Found',
        headers: { location: {value: '/x'}, 'set-cookie': {value: 'h=1'} },
        cookies: { s: {value: '1', attributes: 'Path=/'} }, body: {encoding: 'base64', data: 'aGk='} } }";
    match on_request(&function(code), &plain(), &mut patient()).result {
        Ok(RequestOutcome::Respond(response)) => {
            assert_eq!((response.status, response.reason.as_deref()), (302, Some("Found")));
            assert_eq!(response.body, "hi");
            let cookies: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
            assert_eq!(cookies, ["s=1; Path=/", "h=1"]);
            assert_eq!(response.headers.get("location").expect("kept"), "/x");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_of_the_edge_are_named() {
    for (body, message) in [
        (
            "r.headers['X-A'] = {value: ''}",
            "request.headers must have names in lower case, not 'X-A'",
        ),
        ("r.headers['x a'] = {value: ''}", "request.headers: 'x a' is no name of a field"),
        (
            "r.headers.connection = {value: ''}",
            "request.headers['connection'] must not be set by a function",
        ),
        (
            "r.headers['x-edge-a'] = {value: ''}",
            "request.headers['x-edge-a'] must not be set by a function",
        ),
        (
            "r.headers.host.value = 'other'",
            "request.headers['host'] is read-only at viewer-request",
        ),
        ("delete r.headers.host", "request.headers['host'] is read-only at viewer-request"),
        ("r.headers = {}", "request.headers['host'] is read-only at viewer-request"),
        ("r.headers.via = {value: ''}", "request.headers['via'] is read-only at viewer-request"),
        (
            "r.headers.a = {value: 'x\\r\\ny: z'}",
            "request.headers['a'] contains a control character, such as a line break",
        ),
        (
            "r.headers.cookie = {value: 'a=b'}",
            "request.headers['cookie'] must not be set; use request.cookies",
        ),
        ("r.cookies.a = {value: 'x; y=z'}", "request.cookies['a'] contains ';'"),
        ("r.uri = 'x'", "request.uri must begin with /; it is 'x'"),
        ("r.uri = '/a b'", "request.uri contains ' ', which must be percent-encoded"),
        ("r.uri = '/a?b'", "request.uri must not contain ?; set request.querystring"),
        (
            "r.querystring = 'a b'",
            "request.querystring contains ' ', which must be percent-encoded",
        ),
        (
            "r.querystring.a = {value: '#'}",
            "request.querystring['a'] contains '#', which must be percent-encoded",
        ),
        ("r.method = 'POST'", "request.method is read-only"),
        (
            "r.uri = '/' + 'a'.repeat(8200)",
            "request.uri and request.querystring have 8217 characters together; fewer than 8192 are allowed",
        ),
    ] {
        let error = failure(&format!("function handler({{request: r}}) {{ {body}; return r; }}"));
        assert_eq!((error.failure, error.message.as_str()), (FunctionFailure::Validation, message));
    }
    let error = failure(
        "function handler() { return {statusCode: 200, body: {encoding: 'base64', data: '?'}} }",
    );
    assert!(error.message.starts_with("response.body.data is not base64"), "{error}");
    let error = failure("function handler() { return {statusCode: 200, body: 'x'.repeat(50000)} }");
    assert!(error.message.starts_with("the response has 50000 bytes"), "{error}");
}

#[test]
fn viewer_response_edits_status_headers_cookies_and_body() {
    let code = "function handler({request, response: r}) { r.statusCode = 404; delete r.headers.server;
        r.headers['x-uri'] = {value: request.uri}; r.cookies.s.value = '2'; r.body = ''; return r; }";
    let id = RequestId::from_entropy(&[7; 42]);
    let context = context(&id);
    let fields = plain();
    let request =
        RequestView { method: "GET", path: b"/p", query: None, headers: &fields, body: None };
    let sent = headers(&[("server", "o"), ("set-cookie", "s=1; Secure"), ("via", "1.1 x")]);
    let response = ResponseView { status: 200, reason: None, headers: &sent };
    let run =
        |code| function(code).on_response(&context, &request, &response, &mut patient()).result;
    let edits = run(code).expect("valid");
    assert_eq!(
        (edits.status, edits.reason, edits.body),
        (Some(404), None, Some(bytes::Bytes::new()))
    );
    let value = HeaderValue::from_static;
    assert_eq!(
        edits.headers,
        [
            HeaderEdit::Set(HeaderName::from_static("x-uri"), vec![value("/p")]),
            HeaderEdit::Remove(http::header::SERVER),
            HeaderEdit::Set(http::header::SET_COOKIE, vec![value("s=2; Secure")]),
        ]
    );
    assert_eq!(
        run("function handler(e) { return e.response }").expect("valid"),
        ResponseEdits::default()
    );
    let error = run("function handler(e) { delete e.response.headers.via; return e.response }");
    assert_eq!(
        error.expect_err("read-only").message,
        "response.headers['via'] is read-only at viewer-response"
    );
    let error = run("function handler(e) { return e.request }").expect_err("no response");
    assert_eq!(error.failure, FunctionFailure::Validation);
}

#[test]
fn logs_come_back_even_when_the_call_is_cut_off() {
    let function = function("function handler() { console.log('here', {a: 1}); for (;;); }");
    let run = on_request(&function, &plain(), &mut Budget::default());
    assert_eq!(run.logs, ["here {a:1}"]);
    let error = run.result.expect_err("cut off");
    assert_eq!(error.failure, FunctionFailure::Throttled);
    assert_eq!(error.message, "ran longer than its 1 ms of CPU time");
}

#[test]
fn a_chain_shares_one_budget() {
    let spin = function("function handler() { for (;;); }");
    let mut budget = Budget::default();
    on_request(&spin, &plain(), &mut budget).result.expect_err("cut off");
    assert_eq!(budget.cpu, Duration::ZERO);
    let next = on_request(&function("function handler(e) { for (;;); }"), &plain(), &mut budget);
    assert!(next.cpu < Duration::from_millis(1) * 5, "{:?}", next.cpu);
    assert_eq!(next.result.expect_err("nothing left").failure, FunctionFailure::Throttled);
}

#[test]
fn fuel_is_the_same_on_every_run() {
    let function =
        load_in(Mode::Metered, "function handler(e) { e.request.uri += 'x'; return e.request }");
    let function = function.unwrap_or_else(|error| panic!("{error}"));
    let fuel = || on_request(&function, &plain(), &mut Budget::default()).fuel.expect("metered");
    let first = fuel();
    assert!(first > 1_000, "{first}");
    assert_eq!((fuel(), fuel()), (first, first));
}

/// The number must not depend on what ran in the instance before, on which instance it is, or on other threads.
#[test]
fn fuel_is_the_same_in_a_thousand_runs_among_others() {
    let load = |code: &str| load_in(Mode::Metered, code).unwrap_or_else(|error| panic!("{error}"));
    let counted = load(
        "const crypto = require('crypto'); let calls = 0; function handler({request: r}) {
         r.headers['x-d'] = {value: crypto.createHash('sha256').update(r.uri).digest('hex')};
         for (const name in r.querystring) calls += name.length; r.uri += '/' + calls; return r; }",
    );
    let others = [
        "function handler(e) { console.log(JSON.stringify(e)); return { statusCode: 200, body: 'b'.repeat(9000) }; }",
        "let kept = []; function handler(e) { for (let i = 0; i < 900; i++) kept.push({ i }); return e.request; }",
        "function handler(e) { Object.prototype.leak = e.request.uri; null.x; }",
        "function handler(e) { for (;;); }",
    ]
    .map(load);
    let fuel = || on_request(&counted, &plain(), &mut Budget::default()).fuel.expect("metered");
    let first = fuel();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (fuel, others) = (&fuel, &others);
            scope.spawn(move || {
                for run in 0..250 {
                    let other = &others[(thread + run) % others.len()];
                    // The endless one uses its whole budget: now and then is enough.
                    if run % 10 == 0 || (thread + run) % others.len() != 3 {
                        drop(on_request(other, &plain(), &mut Budget::default()));
                    }
                    assert_eq!(fuel(), first, "thread {thread}, run {run}");
                }
            });
        }
    });
}

#[test]
fn what_is_thrown_comes_with_its_calls() {
    let error = failure(
        "function inner(o) {\n return o.a.b; }\nfunction handler() {\n return inner({}); }",
    );
    let names: Vec<_> = error
        .frames
        .iter()
        .map(|frame| (frame.name.as_str(), frame.place.map(|(line, _)| line)))
        .collect();
    assert_eq!(names, [("inner", Some(2)), ("handler", Some(4))]);
    assert_eq!(
        error.message,
        format!(
            "{}, at line 2, column {}",
            error.bare_message(),
            error.place().expect("a place").1
        )
    );
}

#[test]
fn a_name_that_is_not_defined_is_pointed_at() {
    let error = failure("function handler(e) {\n  const a = e.request;\n  return foo.bar(a);\n}");
    assert_eq!(error.message, "ReferenceError: foo is not defined, at line 3, column 10");
    assert_eq!(error.frames[0].place, Some((3, 10)));
}

#[test]
fn the_moment_is_the_callers() {
    let function = function(
        "function handler({request: r}) { r.uri = '/' + Date.now() + '/' + Math.random(); return r; }",
    );
    let run = |moment| {
        let id = RequestId::from_entropy(&[7; 42]);
        let context = context(&id);
        let fields = plain();
        let request =
            RequestView { method: "GET", path: b"/", query: None, headers: &fields, body: None };
        match function
            .on_request_at(
                Setting { moment: Some(moment), breaker: None },
                &context,
                &request,
                &mut patient(),
            )
            .result
        {
            Ok(RequestOutcome::Continue(edits)) => edits.path.expect("it changed"),
            other => panic!("{other:?}"),
        }
    };
    let one = run(Moment { now_ms: 1_000, seed: 5 });
    assert!(one.starts_with("/1000/0."), "{one}");
    assert_eq!(run(Moment { now_ms: 1_000, seed: 5 }), one);
    assert_ne!(run(Moment { now_ms: 1_000, seed: 8 }), one);
}

#[test]
fn a_source_that_cannot_be_used_is_shown_with_its_place() {
    let error =
        load_in(Mode::Production, "var a;\nfunction handler(e) { return ; ]").expect_err("refused");
    assert_eq!(
        (error.line, error.source_line.as_deref()),
        (Some(2), Some("function handler(e) { return ; ]"))
    );
    let shown = error.to_string();
    assert!(shown.starts_with("function test, line 2, column "), "{shown}");
    assert!(shown.ends_with('^'), "{shown}");
    for (code, message) in [
        ("x".repeat(20_000), "the source has 20000 bytes; 10240 are allowed"),
        ("for (;;);".into(), "its top level does not finish"),
        (format!("{}1", "!".repeat(10_000)), "RangeError: calls are nested too deeply"),
    ] {
        let error = load_in(Mode::Production, &code).expect_err("refused");
        assert_eq!(error.message, message);
    }
}
