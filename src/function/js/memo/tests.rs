//! Remembering must not be seen: whatever functions look at and do, their answers are those of a call.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::event::{EventContext, RequestOutcome, RequestView, ResponseEdits, ResponseView};
use crate::function::engine::Mode;
use crate::function::js::tests::{context, load_in, patient};
use crate::function::js::{ViewerFunction, moment};
use crate::function::{Invocation, js::Budget};
use crate::ids::RequestId;

const MEMO_BYTES_MAX: usize = 2 << 20;

/// Statements of random functions; each looks at something, changes something, or both.
const STATEMENTS: [&str; 28] = [
    "if (request.uri.length % 2) request.uri += '/odd';",
    "request.uri = '/fixed';",
    "request.headers['x-a'] = { value: 'set' };",
    "request.headers['x-uri'] = { value: request.uri };",
    "if (request.headers['x-a']) request.headers['x-seen'] = request.headers['x-a'];",
    "if (request.headers['x-a'] && request.headers['x-a'].value === '1') delete request.headers['x-b'];",
    "delete request.headers['x-a'];",
    "if (request.headers['x-b'] && request.headers['x-b'].multiValue) request.headers['x-b'].multiValue.push({ value: 'more' });",
    "if (request.headers['x-b']) request.headers['x-b'].value = 'first';",
    "request.headers['x-b'] = { value: '1', multiValue: [{ value: '1' }, { value: '2' }] };",
    "Object.keys(request.headers).forEach(function (name) { if (name === 'x-b') delete request.headers[name]; });",
    "for (var name in request.headers) console.log(name + '=' + request.headers[name].value);",
    "delete request.querystring.a;",
    "if (request.querystring.a) request.querystring.c = { value: request.querystring.a.value };",
    "request.querystring = Object.keys(request.querystring).sort().join('&');",
    "request.headers['x-raw'] = { value: String(request.rawQueryString()) };",
    "request.querystring.a = { value: '1' };",
    "if (request.cookies.s) request.uri += request.cookies.s.value;",
    "request.cookies.n = { value: 'new' };",
    "delete request.cookies.s;",
    "if (request.cookies.s && request.cookies.s.value === '1') throw new Error('seen ' + request.uri);",
    "if (request.querystring.b) return { statusCode: 403, headers: { 'x-why': { value: request.querystring.b.value } } };",
    "if (request.method === 'POST') request.headers['x-posted'] = { value: event.viewer.ip };",
    "request.headers['x-from'] = { value: event.context.distributionId };",
    "console.log(JSON.stringify(request.cookies));",
    "request.headers.host = { value: 'other.example' };",
    "if (request.uri === '/a') request.headers = { 'x-only': { value: '1' } };",
    "var copy = Object.assign({}, request); copy.uri = '/copy'; if (request.querystring.b) return copy;",
];

/// One event in few variants, so that looks repeat.
#[derive(Clone, Debug)]
struct Variant {
    method: &'static str,
    path: &'static [u8],
    query: Option<&'static [u8]>,
    fields: Vec<(&'static str, &'static str)>,
    status: u16,
}

fn variant() -> impl Strategy<Value = Variant> {
    let fields = [
        ("host", "h.example"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("x-b", "1"),
        ("x-b", "2"),
        ("cookie", "s=1; t=2"),
        ("cookie", "s=2"),
    ];
    (
        prop_oneof![Just("GET"), Just("POST")],
        prop_oneof![Just(&b"/a"[..]), Just(&b"/bb"[..]), Just(&b"/\xe4"[..])],
        prop_oneof![
            Just(None),
            Just(Some(&b"a=1&b=2"[..])),
            Just(Some(&b"a=2&a=3"[..])),
            Just(Some(&b"b=&a"[..]))
        ],
        proptest::sample::subsequence(fields.to_vec(), 0..=fields.len()),
        prop_oneof![Just(200), Just(304)],
    )
        .prop_map(|(method, path, query, fields, status)| Variant {
            method,
            path,
            query,
            fields,
            status,
        })
}

impl Variant {
    fn headers(&self) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        self.fields.iter().map(field).collect()
    }

    fn with<T>(
        &self,
        id: &RequestId,
        f: impl FnOnce(&EventContext<'_>, &RequestView<'_>) -> T,
    ) -> T {
        let context = context(id);
        let headers = self.headers();
        let request = RequestView {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &headers,
            body: None,
        };
        f(&context, &request)
    }

    fn request(&self, function: &ViewerFunction, number: u8) -> Invocation<RequestOutcome> {
        self.with(&RequestId::from_entropy(&[number; 42]), |context, request| {
            function.on_request(context, request, &mut patient())
        })
    }

    fn response(&self, function: &ViewerFunction, number: u8) -> Invocation<ResponseEdits> {
        self.with(&RequestId::from_entropy(&[number; 42]), |context, request| {
            let headers = self.headers();
            let response = ResponseView { status: self.status, reason: None, headers: &headers };
            function.on_response(context, request, &response, &mut patient())
        })
    }
}

/// The same function, forgetful and remembering.
fn both(code: &str) -> (ViewerFunction, ViewerFunction) {
    let load = || load_in(Mode::Production, code).unwrap_or_else(|error| panic!("{error}"));
    let mut remembering = load();
    remembering.memo = Some(Box::new(Memo::new(MEMO_BYTES_MAX)));
    (load(), remembering)
}

/// Hits of a remembering function over all of these events, after comparing each answer.
fn compare<T: PartialEq + std::fmt::Debug>(
    code: &str,
    variants: &[Variant],
    call: impl Fn(&Variant, &ViewerFunction, u8) -> Invocation<T>,
) -> Result<usize, TestCaseError> {
    let (forgetful, remembering) = both(code);
    let mut hits = 0;
    for (variant, number) in variants.iter().chain(variants).zip(0u8..) {
        let expected = call(variant, &forgetful, number);
        let given = call(variant, &remembering, number);
        prop_assert!(!expected.remembered);
        prop_assert_eq!(&expected.result, &given.result, "{}\n{:?}", code, variant);
        prop_assert_eq!(&expected.logs, &given.logs, "{}\n{:?}", code, variant);
        hits += usize::from(given.remembered);
    }
    Ok(hits)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn it_cannot_be_seen_at_viewer_request(
        statements in proptest::sample::subsequence(STATEMENTS.to_vec(), 1..5),
        shuffled in any::<bool>(),
        variants in proptest::collection::vec(variant(), 8..16),
    ) {
        let mut statements = statements;
        if shuffled {
            statements.reverse();
        }
        let code = format!(
            "function handler(event) {{ var request = event.request; {} return request; }}",
            statements.join("\n")
        );
        let hits = compare(&code, &variants, Variant::request)?;
        // All that these functions look at repeats, so the second time round everything is known.
        prop_assert!(hits >= variants.len(), "{hits} hits\n{code}");
    }

    #[test]
    fn it_cannot_be_seen_at_viewer_response(
        wanted in prop_oneof![Just("x-a"), Just("x-b"), Just("host")],
        variants in proptest::collection::vec(variant(), 4..10),
    ) {
        let code = format!(
            "async function handler(event) {{
                var response = event.response;
                if (response.statusCode === 200) response.headers['x-uri'] = {{ value: event.request.uri }};
                if (response.headers['{wanted}']) response.statusDescription = response.headers['{wanted}'].value;
                delete response.headers['x-b'];
                if (response.cookies.s) response.cookies.s.attributes = 'Secure';
                return response;
            }}"
        );
        let hits = compare(&code, &variants, Variant::response)?;
        prop_assert!(hits >= variants.len(), "{hits} hits\n{code}");
    }
}

#[test]
fn what_is_another_each_time_is_not_remembered() {
    for looked in ["Date.now()", "Math.random()", "event.context.requestId", "new Date().getTime()"]
    {
        let code = format!(
            "function handler(event) {{ event.request.headers['x-it'] = {{ value: String({looked}) }}; return event.request; }}"
        );
        let (_, remembering) = both(&code);
        let variant =
            Variant { method: "GET", path: b"/", query: None, fields: vec![], status: 200 };
        for number in 0..3 {
            assert!(!variant.request(&remembering, number).remembered, "{looked}");
        }
    }
}

#[test]
fn a_call_that_was_cut_off_is_not_remembered() {
    let (_, remembering) = both("function handler(event) { for (;;) {} }");
    let variant = Variant { method: "GET", path: b"/", query: None, fields: vec![], status: 200 };
    for number in 0..2 {
        let id = RequestId::from_entropy(&[number; 42]);
        let called = variant.with(&id, |context, request| {
            remembering.on_request(context, request, &mut Budget::default())
        });
        assert!(called.result.is_err() && !called.remembered);
    }
}

/// An answer of `bytes` bytes to a request for `/number`.
fn learn(memo: &Memo, number: usize, bytes: usize) {
    with_path(number, |event| {
        let reads = (crate::wire::reads::URI << 16).to_le_bytes();
        memo.learn(event, &reads, Kept { answer: vec![1; bytes].into(), logs: Vec::new() });
    });
}

fn knows(memo: &Memo, number: usize) -> bool {
    with_path(number, |event| memo.recall(event).is_some())
}

fn with_path<T>(number: usize, f: impl FnOnce(&ViewerEvent<'_>) -> T) -> T {
    let id = RequestId::from_entropy(&[7; 42]);
    let context = context(&id);
    let (path, headers) = (format!("/{number}"), HeaderMap::new());
    let request = RequestView {
        method: "GET",
        path: path.as_bytes(),
        query: None,
        headers: &headers,
        body: None,
    };
    let (context, request) = (&context, &request);
    f(&ViewerEvent::new(context, request, None, 0))
}

#[test]
fn its_memory_is_bounded_and_what_is_recent_stays() {
    let memo = Memo::new(MEMO_BYTES_MAX);
    for number in 0..20_000 {
        learn(&memo, number, 1_000);
        assert!(memo.bytes() <= MEMO_BYTES_MAX, "after {number}");
        assert!(knows(&memo, number));
    }
    assert!(knows(&memo, 19_500) && !knows(&memo, 0));
    learn(&memo, 50_000, MEMO_BYTES_MAX);
    assert!(!knows(&memo, 50_000), "one answer would have pushed out all others");
}

#[test]
fn what_is_asked_for_again_and_again_is_never_forgotten() {
    let memo = Memo::new(MEMO_BYTES_MAX);
    learn(&memo, 0, 1_000);
    for number in 1..20_000 {
        learn(&memo, number, 1_000);
        assert!(number % 100 > 0 || knows(&memo, 0), "after {number}");
    }
}

#[test]
fn a_function_of_which_nothing_repeats_is_left_alone_and_tried_again() {
    let memo = Memo::new(MEMO_BYTES_MAX);
    let opened = |calls: i64, hits: bool| {
        let mut open = 0;
        for _ in 0..calls {
            if memo.trial.is_open() {
                open += 1;
                if hits {
                    memo.trial.note_hit();
                }
            }
        }
        open
    };
    assert_eq!(opened(VIEWER_MEMO_TRIAL_CALLS, false), VIEWER_MEMO_TRIAL_CALLS);
    assert_eq!(opened(VIEWER_MEMO_PAUSE_CALLS, false), 0, "it did not pay");
    assert!(opened(10, true) > 0, "it is tried again");
    let calls = 3 * VIEWER_MEMO_TRIAL_CALLS;
    assert!(opened(calls, true) > calls - 10, "it pays now");
}

#[test]
fn random_numbers_start_differently_for_each_request() {
    let seed = |number| {
        let variant =
            Variant { method: "GET", path: b"/", query: None, fields: vec![], status: 200 };
        variant.with(&RequestId::from_entropy(&[number; 42]), |context, _| moment(context, 0).seed)
    };
    assert_ne!(seed(1), seed(2));
}
