//! The engine off the sandbox: what functions see, and what is read back.

use super::*;
use crate::wire::{
    ABSENT, ENTRY_UNTOUCHED, ENTRY_VALUES, EVENT_REQUEST, EVENT_RESPONSE, MAP, RESULT_REQUEST,
    RESULT_RESPONSE, Reader, TEXT, UNTOUCHED,
};

pub(crate) fn section(out: &mut Writer, write: impl FnOnce(&mut Writer)) {
    let place = out.count();
    write(out);
    let length = out.as_bytes().len() - place;
    out.fill_count(place, length);
}

pub(crate) fn list(out: &mut Writer, texts: &[&str]) {
    out.u32(texts.len() as u32);
    for text in texts {
        out.text(text);
    }
}

pub(crate) fn fields(out: &mut Writer, fields: &[(&str, &[&str])]) {
    out.u32(fields.len() as u32);
    for (name, values) in fields {
        out.text(name);
        list(out, values);
    }
}

pub(crate) fn request_event(kind: u8) -> Writer {
    let mut out = Writer::default();
    out.u8(kind);
    out.u64(1_700_000_000_000);
    out.u64(42);
    section(&mut out, |out| {
        for text in ["d1.example", "E1", "id-1", "198.51.100.7", "IAD", "192.0.2.1", "us-east-1"] {
            out.text(text);
        }
    });
    section(&mut out, |out| {
        out.text("GET");
        out.text("/a/b");
        out.optional(Some(b"x=1&y=2&x=3&z"));
    });
    section(&mut out, |out| fields(out, &[("host", &["h.example"]), ("x-a", &["1", "2"])]));
    section(&mut out, |out| list(out, &["c=1; d=2"]));
    out
}

pub(crate) fn response_event() -> Writer {
    let mut out = request_event(EVENT_RESPONSE);
    section(&mut out, |out| {
        out.u16(200);
        out.text("OK");
    });
    section(&mut out, |out| fields(out, &[("server", &["o"])]));
    section(&mut out, |out| list(out, &["s=1; Path=/"]));
    out
}

pub(crate) fn machine(source: &str) -> Machine {
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    machine.load(source, false, 128).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    machine
}

/// The result alone.
pub(crate) fn answer(machine: &mut Machine, event: &Writer) -> Vec<u8> {
    let mut answer = whole_answer(machine, event);
    answer.truncate(answer.len() - 4 - 4 * reads_of(&answer).len());
    answer
}

/// What the call looked at.
pub(crate) fn reads_of(answer: &[u8]) -> Vec<u32> {
    let (rest, count) = answer.split_last_chunk().expect("a count");
    let reads = &rest[rest.len() - 4 * u32::from_le_bytes(*count) as usize..];
    reads.as_chunks().0.iter().map(|read| u32::from_le_bytes(*read)).collect()
}

pub(crate) fn whole_answer(machine: &mut Machine, event: &Writer) -> Vec<u8> {
    let bytes = event.as_bytes();
    event::with(|event| event.room(bytes.len())[..bytes.len()].copy_from_slice(bytes));
    machine.call(bytes.len()).to_vec()
}

pub(crate) fn run(source: &str) -> Vec<u8> {
    answer(&mut machine(source), &request_event(EVENT_REQUEST))
}

/// The value that `expression` has in a handler, as JSON, through a thrown message.
pub(crate) fn eval(expression: &str) -> String {
    let source = format!(
        "async function handler(event) {{ const request = event.request;
           throw new Error(JSON.stringify({expression}) ?? 'undefined'); }}"
    );
    let message = failure(&run(&source)).1;
    let value = message.strip_prefix("Error: ").expect("thrown");
    value.split_once(", at line ").map_or(value, |parts| parts.0).to_owned()
}

pub(crate) fn failure(answer: &[u8]) -> (u8, String) {
    let mut reader = Reader::new(answer);
    let kind = reader.u8().expect("a kind");
    assert!(kind <= RESULT_INVALID, "no failure: {answer:?}");
    (kind, reader.text().expect("a message").to_owned())
}

fn refused(source: &str) -> Refusal {
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    machine.load(source, false, 128).expect_err("refused")
}

#[test]
fn an_untouched_request_says_nothing() {
    let answer = run("function handler(event) { return event.request; }");
    assert_eq!(answer, [RESULT_REQUEST, 0, 0, 0, 0, 0].map(|byte: u8| byte));
    assert_eq!(UNTOUCHED, 0);
}

#[test]
fn handlers_are_found_however_they_are_written() {
    for source in [
        "function handler(e) { return e.request }",
        "const handler = (e) => e.request",
        "let handler = async function (e) { return e.request } // the end",
        "var handler = e => e.request;",
        "async function handler(e) { return e.request }",
        "globalThis.handler = function (e) { return e.request }",
        "global.handler = (e) => e.request",
        "import cf from 'cloudfront'; import crypto from 'crypto'; import b from 'buffer';
         const q = require('querystring'); function handler(e) { return e.request }",
    ] {
        assert_eq!(run(source)[0], RESULT_REQUEST, "{source}");
    }
}

#[test]
fn the_event_looks_like_a_plain_object() {
    assert_eq!(
        eval("event"),
        r#"{"version":"1.0","context":{"distributionDomainName":"d1.example","distributionId":"E1","eventType":"viewer-request","requestId":"id-1"},"viewer":{"ip":"198.51.100.7"},"request":{"method":"GET","uri":"/a/b","querystring":{"x":{"value":"1","multiValue":[{"value":"1"},{"value":"3"}]},"y":{"value":"2"},"z":{"value":""}},"headers":{"host":{"value":"h.example"},"x-a":{"value":"1","multiValue":[{"value":"1"},{"value":"2"}]}},"cookies":{"c":{"value":"1"},"d":{"value":"2"}}}}"#
    );
    assert_eq!(
        eval("Object.keys(request)"),
        r#"["method","uri","querystring","headers","cookies"]"#
    );
    assert_eq!(eval("{...request}.uri"), r#""/a/b""#);
    assert_eq!(eval("(delete request.headers, 'headers' in request)"), "false");
    assert_eq!(
        eval("(request.uri = '/x', [request.uri, Object.keys(request).length])"),
        r#"["/x",5]"#
    );
    assert_eq!(eval("request.headers === request.headers"), "true");
    assert_eq!(eval("Object.freeze(request).headers.host.value"), r#""h.example""#);
    assert_eq!(eval("request.rawQueryString()"), r#""x=1&y=2&x=3&z""#);
    assert_eq!(eval("Object.create(request).uri"), r#""/a/b""#);
    assert_eq!(
        eval(
            "(() => { const o = Object.create(request); o.uri = '/y'; return [o.uri, request.uri] })()"
        ),
        r#"["/y","/a/b"]"#
    );
}

/// The engine remembers for each place in the source what it found there.
#[test]
fn members_can_be_used_at_one_place_again_and_again() {
    for (expression, expected) in [
        ("['host', 'x-a'].map((name) => request.headers[name].value)", r#"["h.example","1"]"#),
        (
            "['x', 'y'].map(() => request.headers.host.value + request.uri)",
            r#"["h.example/a/b","h.example/a/b"]"#,
        ),
        ("[1, 2].map((n) => { request.uri += n; return request.uri; })", r#"["/a/b1","/a/b12"]"#),
        (
            "[1, 2].map((n) => { request.headers['x' + n] = { value: 'v' };
               return Object.keys(request.headers).length; })",
            "[3,4]",
        ),
        (
            "[1, 2].map((n) => { request.headers.host = { value: 'h' + n };
               return request.headers.host.value; })",
            r#"["h1","h2"]"#,
        ),
        (
            "[1, 2].map(() => event.viewer.ip + event.context.requestId)",
            r#"["198.51.100.7id-1","198.51.100.7id-1"]"#,
        ),
        (
            "(() => { Object.freeze(request);
               try { request.uri = '/x'; } catch (e) { return [e.name, request.uri]; } })()",
            r#"["TypeError","/a/b"]"#,
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

#[test]
fn what_changed_is_told_and_the_rest_is_not() {
    let answer = run(
        "function handler(event) { const r = event.request; r.uri += 'c'; r.headers['x-new'] = {value: 'n'};
           delete r.cookies.c; r.headers['x-a'].value = '9'; return r; }",
    );
    let mut reader = Reader::new(&answer);
    assert_eq!((reader.u8(), reader.u8()), (Ok(RESULT_REQUEST), Ok(UNTOUCHED)));
    assert_eq!((reader.u8(), reader.text()), (Ok(TEXT), Ok("/a/bc")));
    assert_eq!(reader.u8(), Ok(UNTOUCHED), "the query was not looked at");
    assert_eq!((reader.u8(), reader.count()), (Ok(MAP), Ok(3)));
    assert_eq!(
        (reader.text(), reader.u8(), reader.count()),
        (Ok("host"), Ok(ENTRY_UNTOUCHED), Ok(0))
    );
    assert_eq!((reader.text(), reader.u8(), reader.count()), (Ok("x-a"), Ok(ENTRY_VALUES), Ok(2)));
    assert_eq!((reader.text(), reader.text()), (Ok("9"), Ok("2")), "the first is replaced");
    assert_eq!(
        (reader.text(), reader.u8(), reader.count()),
        (Ok("x-new"), Ok(ENTRY_VALUES), Ok(1))
    );
    assert_eq!(reader.text(), Ok("n"));
    assert_eq!((reader.u8(), reader.count()), (Ok(MAP), Ok(1)));
    assert_eq!((reader.text(), reader.u8(), reader.count()), (Ok("d"), Ok(ENTRY_UNTOUCHED), Ok(1)));
    assert!(reader.rest().is_empty());
}

#[test]
fn a_changed_multi_value_wins_over_value() {
    let answer = run("function handler(event) { const h = event.request.headers['x-a'];
           h.value = 'ignored'; h.multiValue.push({value: '3'}); return event.request; }");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains('3') && !text.contains("ignored"), "{text}");
}

#[test]
fn responses_are_recognised_by_their_status() {
    let answer = run(
        "function handler() { return { statusCode: 403, body: { encoding: 'text', data: 'no' } }; }",
    );
    let mut reader = Reader::new(&answer);
    assert_eq!((reader.u8(), reader.u8(), reader.u16()), (Ok(RESULT_RESPONSE), Ok(TEXT), Ok(403)));
    for member in ["reason", "headers", "cookies"] {
        assert_eq!(reader.u8(), Ok(ABSENT), "{member}");
    }
    assert_eq!((reader.u8(), reader.text()), (Ok(TEXT), Ok("no")));

    let mut machine = machine(
        "async function handler(event) { await null; event.response.headers['x-b'] = {value: event.request.uri};
           event.response.cookies.s.attributes += '; Secure'; return event.response; }",
    );
    let answer = answer_of_response(&mut machine);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("/a/b") && text.contains("Path=/; Secure"), "{text}");
}

fn answer_of_response(machine: &mut Machine) -> Vec<u8> {
    answer(machine, &response_event())
}

#[test]
fn nonsense_is_named() {
    for (body, message) in [
        ("", "the handler must return a request or a response; it returned undefined"),
        ("return 5", "the handler must return a request or a response; it returned number"),
        ("return {}", "request.method is missing"),
        ("return event", "request.method is missing"),
        ("event.request.uri = 7; return event.request", "request.uri is no string"),
        ("event.request.headers = 7; return event.request", "request.headers must be an object"),
        (
            "event.request.headers.a = 'b'; return event.request",
            "request.headers['a'] must be an object with a value",
        ),
        (
            "event.request.headers.a = {}; return event.request",
            "request.headers['a'] must have a value that is a string",
        ),
        (
            "event.request.headers[Symbol()] = {}; return event.request",
            "request.headers has a symbol as a name",
        ),
        (
            "event.request.querystring.q = {value: '', multiValue: 1}; return event.request",
            "request.querystring['q'] has a multiValue that is no array",
        ),
        ("return {statusCode: '200'}", "response.statusCode must be an integer from 200 to 599"),
        ("return {statusCode: 101}", "response.statusCode must be an integer from 200 to 599"),
        ("return {statusCode: 20.5}", "response.statusCode must be an integer from 200 to 599"),
        ("return {statusCode: 200, body: 5}", "response.body must be a string or {encoding, data}"),
        (
            "return {statusCode: 200, body: {encoding: 'x', data: ''}}",
            "response.body.encoding must be text or base64",
        ),
    ] {
        let source = format!("function handler(event) {{ {body} }}");
        assert_eq!(failure(&run(&source)), (RESULT_INVALID, message.to_owned()), "{body}");
    }
}

#[test]
fn what_is_thrown_is_told() {
    for (body, message) in [
        ("throw new TypeError('bad')", "TypeError: bad"),
        ("throw 'text'", "threw \"text\""),
        ("throw {}", "threw an object that is no Error"),
        ("return Promise.reject(new Error('later'))", "Error: later"),
        ("return new Promise(() => {})", "Error: the handler's promise is never settled"),
        (
            "return new Proxy({}, { get() { throw new Error('trap') } })",
            "statusCode cannot be read: Error: trap",
        ),
        ("eval('1')", "Error: Not implemented"),
        ("new Function('')", "EvalError: code cannot be made from text here"),
    ] {
        let source = format!("function handler(event) {{ {body} }}");
        let (kind, told) = failure(&run(&source));
        assert_eq!(kind, RESULT_FAILED, "{body}");
        assert_eq!(told.split(", at line ").next(), Some(message), "{body}");
    }
    let told = failure(&run("function handler() {\n  return nothing.at.all;\n}")).1;
    assert_eq!(told, "ReferenceError: nothing is not defined, at line 2, column 18");
}

/// Message and calls of what a source's handler throws: name, line, column (0: built in).
fn thrown(source: &str) -> (String, Vec<(String, u32, u32)>) {
    let answer = run(source);
    let mut reader = Reader::new(&answer);
    assert_eq!(reader.u8(), Ok(RESULT_FAILED));
    let message = reader.text().expect("a message").to_owned();
    let calls = (0..reader.count().expect("a count")).map(|_| {
        let name = reader.text().expect("a name").to_owned();
        let mut number = || u32::try_from(reader.count().expect("a number")).expect("it is small");
        (name, number(), number())
    });
    (message, calls.collect())
}

#[test]
fn the_calls_on_the_way_to_an_error_are_told() {
    let call = |name: &str, line, column| (name.to_owned(), line, column);
    let (message, calls) = thrown(
        "function inner(o) {\n  return o.a.b;\n}\nconst outer = (o) =>\n  inner(o);\n\
         function handler(e) {\n  return outer({});\n}",
    );
    assert!(message.contains("undefined") && message.contains(", at line 2, column "), "{message}");
    let names: Vec<_> = calls.iter().map(|(name, line, _)| (name.as_str(), *line)).collect();
    assert_eq!(names, [("inner", 2), ("outer", 5), ("handler", 7)]);
    let source = "function handler(e) {\n  return require('crypto').createHash('none');\n}";
    let (message, calls) = thrown(source);
    assert!(message.ends_with(", at line 2, column 38"), "{message}");
    assert_eq!(calls, [call("createHash", 0, 0), call("handler", 2, 38)]);
    let source = "async function late() {\n  await 1;\n  throw new Error('x');\n}\n\
                  async function handler(e) {\n  await late();\n}";
    assert!(thrown(source).0.starts_with("Error: x, at line 3, column "), "{:?}", thrown(source));
    let deep = "function f(n) { return n ? f(n - 1) : null.x; } function handler() { f(500); }";
    assert_eq!(thrown(deep).1.len(), crate::trace::FRAMES_MAX);
}

#[test]
fn bad_sources_are_refused_with_their_place() {
    let refusal = refused("var a = 1;\nfunction handler(e) { return e..request; }");
    assert_eq!(refusal.place.map(|place| place.line), Some(2), "{refusal:?}");
    let refusal = refused("function handler(e) {\n  if (e) {\n");
    assert!(refusal.message.contains("ends before something is closed"), "{refusal:?}");
    assert!(refused("function handle() {}").message.starts_with("there is no handler"));
    assert!(refused("const handler = 5;").message.starts_with("there is no handler"));
    assert_eq!(refused("throw new Error('top')").message, "Error: top");
    assert!(
        refused("import x from 'fs'; function handler() {}").message.contains("no module 'fs'")
    );
    let refusal = refused(&format!("{}{}", "(".repeat(200), ")".repeat(200)));
    assert_eq!(refusal.place, Some(Place { line: 1, column: 129 }));
}

#[test]
fn digests_and_encodings_are_right() {
    for (expression, expected) in [
        (
            "require('crypto').createHash('sha256').update('a').update('bc').digest('hex')",
            "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"",
        ),
        (
            "require('crypto').createHash('md5').update('abc').digest('hex')",
            "\"900150983cd24fb0d6963f7d28e17f72\"",
        ),
        (
            "require('crypto').createHash('sha1').update('abc').digest('base64')",
            "\"qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\"",
        ),
        (
            "require('crypto').createHmac('sha256', 'key').update('The quick brown fox jumps over the lazy dog').digest('base64url')",
            "\"97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg\"",
        ),
        ("Buffer.from('aGk_', 'base64url').toString()", "\"hi?\""),
        ("Buffer.from('äb').toString('hex')", "\"c3a462\""),
        ("Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()", "\"ab\""),
        ("Buffer.from([1,2,3]).readUInt16BE(1)", "515"),
        ("Buffer.alloc(3, 'ab').toString()", "\"aba\""),
        ("Buffer.from('abcabc').lastIndexOf('bc')", "4"),
        ("Buffer.from('abc').equals(Buffer.from('abc'))", "true"),
        ("btoa('hi') + atob('aGk=')", "\"aGk=hi\""),
        ("new TextDecoder().decode(new TextEncoder().encode('ä€'))", "\"ä€\""),
        ("require('querystring').parse('a=1&a=2&b=%20+')", r#"{"a":["1","2"],"b":"  "}"#),
        ("require('querystring').stringify({a: [1, 2], b: 'x y'})", "\"a=1&a=2&b=x%20y\""),
        ("[Date.now(), new Date().getTimezoneOffset()]", "[1700000000000,0]"),
        ("typeof setTimeout + typeof SharedArrayBuffer", "\"undefinedundefined\""),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
    for bad in ["require('crypto').createHash('sha512')", "atob('a')", "Buffer.from(5)"] {
        let source = format!("function handler() {{ {bad} }}");
        assert_eq!(failure(&run(&source)).0, RESULT_FAILED, "{bad}");
    }
}

#[test]
fn the_top_level_sees_the_clock_of_loading_and_a_call_its_own() {
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    machine.set_clock(1_600_000_000_000);
    let source = "const loaded = Date.now();
        function handler() { throw new Error(loaded + ' ' + Date.now()); }";
    machine.load(source, false, 128).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let (_, message) = failure(&answer(&mut machine, &request_event(EVENT_REQUEST)));
    assert!(message.starts_with("Error: 1600000000000 1700000000000"), "{message}");
}

#[test]
fn random_numbers_follow_the_seed() {
    let numbers = eval("[Math.random(), Math.random()]");
    assert_eq!(numbers, eval("[Math.random(), Math.random()]"));
    let (first, second) = numbers.trim_matches(['[', ']']).split_once(',').expect("two numbers");
    assert_ne!(first, second);
}

#[test]
fn runtime_one_has_strings_of_bytes() {
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    let source =
        "function handler(event) { event.request.uri = '/' + String.bytesFrom('aGk_', 'base64url')
        + 'hi?'.toString('base64'); return event.request; }";
    machine.load(source, true, 128).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let answer = answer(&mut machine, &request_event(EVENT_REQUEST));
    assert!(String::from_utf8_lossy(&answer).contains("/hi?aGk/"), "{answer:?}");
}

#[test]
fn what_is_logged_is_kept_up_to_its_limit() {
    let _ = console::take_lines();
    run(
        "function handler(event) { console.log('a', 1, {b: [true, 'x']}, null); console.log('x'.repeat(20000)); return event.request; }",
    );
    let lines = console::take_lines();
    assert_eq!(lines[0], "a 1 {b:[true,'x']} null");
    assert_eq!(lines[1].len() + lines[0].len() + 2, console::LOG_BYTES);
}

#[path = "compat/tests.rs"]
mod compat;
