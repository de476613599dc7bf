//! Hostile results of viewer functions: each gets one well-formed answer and a log line that names the member.

use crate::scene::{Answer, Edge, Origin, Response, Scene};

/// What a viewer-request handler does to `r`, the request, and what the log has to say of it.
const REQUESTS: &[(&str, u16, &str)] = &[
    // Line breaks and other control characters, everywhere.
    ("r.headers['x-a\\r\\nb'] = { value: '1' }", 502, "request.headers: 'x-a\r\nb' is no name"),
    ("r.headers['x-b'] = { value: 'a\\r\\nc: d' }", 502, "request.headers['x-b'] contains"),
    ("r.headers['x-b'] = { value: 'a\\nc' }", 502, "request.headers['x-b'] contains"),
    ("r.headers['x-b'] = { value: 'a\\0c' }", 502, "request.headers['x-b'] contains"),
    ("r.headers.accept.multiValue[1].value = '\\r\\n'", 502, "request.headers['accept'] contains"),
    ("r.uri = '/a\\r\\nHost: b'", 502, "request.uri contains '\\r'"),
    ("r.uri = '/a b'", 502, "request.uri contains ' '"),
    ("r.querystring = 'a=\\n'", 502, "request.querystring contains '\\n'"),
    ("r.querystring = { 'a\\n': { value: '' } }", 502, "request.querystring: the name 'a\n'"),
    ("r.cookies['a\\r\\n'] = { value: '' }", 502, "request.cookies['a\r\n'] contains"),
    ("r.cookies.a = { value: '1\\r\\n' }", 502, "request.cookies['a'] contains '\\r'"),
    ("r.cookies.a = { value: '1; b=2' }", 502, "request.cookies['a'] contains ';'"),
    // Names.
    ("r.headers['X-B'] = { value: '1' }", 502, "not 'X-B'"),
    ("r.headers[''] = { value: '1' }", 502, "request.headers: ''"),
    ("r.headers.host = { value: 'other' }", 502, "request.headers['host'] is read-only"),
    ("delete r.headers.host", 502, "request.headers['host'] is read-only"),
    ("r.headers = {}", 502, "request.headers['host'] is read-only"),
    ("r.headers.via = { value: 'a' }", 502, "request.headers['via'] is read-only"),
    ("r.headers['content-length'] = { value: '1' }", 502, "['content-length'] is read-only"),
    ("r.headers.connection = { value: 'close' }", 502, "request.headers['connection'] must not"),
    ("r.headers['x-edge-a'] = { value: '1' }", 502, "request.headers['x-edge-a'] must not"),
    ("r.method = 'PUT'", 502, "request.method is read-only"),
    // Cycles.
    ("r.headers['x-b'] = r.headers", 502, "request.headers['x-b'] must have a value"),
    ("r.headers['x-b'] = { value: r }", 502, "request.headers['x-b'] must have a value"),
    (
        "const m = []; m.push(m); r.headers['x-b'] = { value: '', multiValue: m }",
        502,
        "request.headers['x-b'] must have a value",
    ),
    // Sizes.
    ("r.uri = '/' + 'a'.repeat(9000)", 502, "request.uri and request.querystring have 9004"),
    ("r.querystring = 'a='.repeat(6000)", 502, "request.uri and request.querystring have"),
    ("r.headers['x-b'] = { value: 'a'.repeat(40000) }", 502, "the fields set in request.headers"),
    ("r.headers['x-b'] = { value: 'a'.repeat(1 << 28) }", 503, "memory"),
    ("for (let i = 0;; i++) r.headers['x-' + i] = { value: '' }", 503, "ran longer than"),
    // Types.
    ("r.headers = null", 502, "request.headers must be an object"),
    ("r.headers = 'a'", 502, "request.headers must be an object"),
    ("r.headers['x-b'] = 'a'", 502, "request.headers['x-b'] must be an object"),
    ("r.headers['x-b'] = null", 502, "request.headers['x-b'] must be an object"),
    ("r.headers['x-b'] = { value: 1 }", 502, "request.headers['x-b'] must have a value"),
    ("r.headers['x-b'] = { value: '', multiValue: 1 }", 502, "['x-b'] has a multiValue that"),
    ("r.headers['x-b'] = { value: '', multiValue: [,] }", 502, "['x-b'] has a multiValue entry"),
    ("r.uri = 1", 502, "request.uri is no string"),
    ("delete r.uri", 502, "request.uri is missing"),
    ("r.uri = 'a'", 502, "request.uri must begin with /"),
    ("r.cookies = 1", 502, "request.cookies must be an object"),
    ("return null", 502, "it returned null"),
    ("return 'a'", 502, "it returned string"),
    ("return [r]", 502, "request.method is missing"),
    ("return new Date()", 502, "request.method is missing"),
    ("return () => r", 502, "request.method is missing"),
    // What throws, or does not end, when it is looked at.
    (
        "Object.defineProperty(r.headers, 'x-b', { enumerable: true, get() { throw new Error('no') } })",
        503,
        "request.headers['x-b'] cannot be read: Error: no",
    ),
    (
        "r.headers['x-b'] = { get value() { throw new Error('no') } }",
        503,
        "request.headers['x-b'] cannot be read: Error: no",
    ),
    (
        "r.cookies.a = { value: '', get multiValue() { throw 1 } }",
        503,
        "request.cookies['a'] cannot be read: threw 1",
    ),
    (
        "return { method: 'GET', get uri() { throw new Error('no') } }",
        503,
        "request.uri cannot be read: Error: no",
    ),
    (
        "r.headers = new Proxy({}, { ownKeys() { throw new Error('no') } })",
        503,
        "request.headers cannot be read: Error: no",
    ),
    (
        "return new Proxy(r, { get(t, key) { throw new Error(key) } })",
        503,
        "statusCode cannot be read: Error: statusCode",
    ),
    ("r.headers['x-b'] = { get value() { for (;;); } }", 503, "ran longer than"),
    // Promises and what looks like one.
    ("return new Promise(() => {})", 503, "promise is never settled"),
    ("return (async () => { await new Promise(() => {}) })()", 503, "promise is never settled"),
    ("return { then() {} }", 502, "request.method is missing"),
    ("return { then() { throw new Error('no') } }", 502, "request.method is missing"),
    ("return Promise.resolve({ then() {} })", 503, "promise is never settled"),
    ("return Promise.reject(new Error('no'))", 503, "Error: no"),
    ("return Promise.reject()", 503, "threw undefined"),
    // Symbols.
    ("r[Symbol('s')] = 1", 502, "request has a symbol as a name"),
    ("r.headers[Symbol('s')] = { value: '1' }", 502, "request.headers has a symbol as a name"),
    ("r.headers['x-b'] = { value: Symbol('s') }", 502, "['x-b'] must have a value"),
    ("r.uri = Symbol('s')", 502, "request.uri is no string"),
    // Polluted prototypes.
    ("Object.prototype.statusCode = 'x'", 502, "response.statusCode must be"),
    (
        "Object.prototype.multiValue = [{ value: '\\r\\n' }]; r.headers['x-b'] = { value: '1' }",
        502,
        "request.headers['x-b'] contains",
    ),
    (
        "Object.defineProperty(Object.prototype, 'uri', { get() { throw new Error('no') } }); return { method: 'GET' }",
        503,
        "request.uri cannot be read: Error: no",
    ),
];

/// What a handler of either event returns as a response.
const RESPONSES: &[(&str, u16, &str)] = &[
    ("{ statusCode: '200' }", 502, "response.statusCode must be"),
    ("{ statusCode: 99 }", 502, "response.statusCode must be"),
    ("{ statusCode: 200.5 }", 502, "response.statusCode must be"),
    ("{ statusCode: 200, statusDescription: 'a\\r\\nb: c' }", 502, "response.statusDescription"),
    ("{ statusCode: 200, statusDescription: {} }", 502, "response.statusDescription is no string"),
    ("{ statusCode: 200, headers: { 'X-B': { value: '' } } }", 502, "not 'X-B'"),
    ("{ statusCode: 200, headers: { 'x-b': { value: '\\n' } } }", 502, "response.headers['x-b']"),
    (
        "{ statusCode: 200, headers: { connection: { value: '' } } }",
        502,
        "response.headers['connection']",
    ),
    (
        "{ statusCode: 200, cookies: { a: { value: '', attributes: 'Path=/\\r\\nb: c' } } }",
        502,
        "response.cookies['a'].attributes contains",
    ),
    (
        "{ statusCode: 200, cookies: { a: { value: '', attributes: 1 } } }",
        502,
        "response.cookies['a'] has attributes",
    ),
    (
        "{ statusCode: 200, cookies: { 'a=b': { value: '' } } }",
        502,
        "response.cookies['a=b'] contains '='",
    ),
    (
        "{ statusCode: 200, headers: { a: { multiValue: [{ value: '\\n' }] } } }",
        502,
        "response.headers['a'] contains",
    ),
    ("{ statusCode: 200, body: 1 }", 502, "response.body must be"),
    ("{ statusCode: 200, body: { encoding: 'hex', data: '' } }", 502, "response.body.encoding"),
    ("{ statusCode: 200, body: { encoding: 'base64', data: '*' } }", 502, "response.body.data"),
    (
        "{ statusCode: 200, body: { get data() { throw new Error('no') } } }",
        503,
        "response.body cannot be read: Error: no",
    ),
    ("{ statusCode: 200, [Symbol('s')]: 1 }", 502, "response has a symbol as a name"),
];

/// One scene with a function on a path of its own for each of `cases`.
fn edge(origin: &Origin, event: &str, cases: &[(String, u16, &str)]) -> Edge {
    let functions = cases.iter().enumerate();
    let scene = functions.fold(Scene::with(origin), |scene, (index, (code, ..))| {
        let words = format!("{event} = \"f{index}\"");
        scene.javascript(&format!("f{index}"), code).behavior(&format!("/f{index}"), &words)
    });
    scene.start()
}

fn get(edge: &Edge, path: &str) -> Response {
    let request = edge.request("GET", path).header("accept", "a").header("accept", "b");
    request.header("cookie", "c=1").send()
}

/// Fetches each function's path and holds answer and log against what is expected.
fn assert_refused(event: &str, cases: &[(String, u16, &str)]) {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    for cases in cases.chunks(60) {
        let edge = edge(&origin, event, cases);
        let mut ids = Vec::new();
        for (index, (code, status, _)) in cases.iter().enumerate() {
            let answer = get(&edge, &format!("/f{index}?q=1"));
            assert_eq!(answer.status, *status, "{code}");
            assert!(answer.x_cache().starts_with("Function"), "{code}: {}", answer.x_cache());
            assert!(answer.text().contains(&answer.header("x-amz-cf-id")), "{code}");
            ids.push(answer.header("x-amz-cf-id"));
            assert_eq!(get(&edge, "/fine").status, 200, "after {code}");
        }
        let records = edge.stop();
        let mut otherwise = Vec::new();
        for (id, (code, _, told)) in ids.iter().zip(cases) {
            let record = records.iter().find(|record| record["request_id"] == id.as_str());
            let said = &record.expect("a record")["functions"][0]["message"];
            if !said.as_str().is_some_and(|said| said.contains(told)) {
                otherwise.push(format!("{code}\n  said {said}"));
            }
        }
        assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    }
}

#[test]
fn a_hostile_request_gets_one_answer_and_a_line_that_names_the_member() {
    let cases: Vec<_> = REQUESTS
        .iter()
        .map(|(code, status, told)| {
            let code = format!("function handler(e) {{ const r = e.request; {code}; return r; }}");
            (code, *status, *told)
        })
        .collect();
    assert_refused("viewer_request", &cases);
}

#[test]
fn a_hostile_response_gets_one_answer_and_a_line_that_names_the_member() {
    let cases: Vec<_> = RESPONSES
        .iter()
        .map(|(result, status, told)| {
            (format!("function handler() {{ return ({result}); }}"), *status, *told)
        })
        .collect();
    assert_refused("viewer_request", &cases);
    assert_refused("viewer_response", &cases);
}
