//! What built-ins cost of a call's budget. Fuel is the same on every machine: the figures are those that were measured,
//! with a fifth of room for another compiler.

use super::*;

/// Percent of a call's budget that `code`, a handler's body, uses.
fn percent(code: &str, fields: &HeaderMap) -> u64 {
    let source = format!(
        "const querystring = require('querystring'); let x;
         function handler(event) {{ {code}; return event.request; }}"
    );
    let function = load_in(Mode::Metered, &source).unwrap_or_else(|error| panic!("{error}"));
    let called = on_request(&function, fields, &mut patient());
    assert!(called.result.is_ok(), "{code}: {:?}", called.result);
    called.fuel.expect("metered") * 100 / limits::VIEWER_FUNCTION_FUEL_BUDGET
}

/// A request with a head of about 4 KB.
fn ordinary() -> HeaderMap {
    let cookies: Vec<String> = (0..20).map(|n| format!("c{n}={}", "d".repeat(40))).collect();
    let mut fields = headers(&[("host", "h.example"), ("cookie", &cookies.join("; "))]);
    for index in 0..12 {
        let name = HeaderName::from_bytes(format!("x-h{index}").as_bytes()).expect("a name");
        let value = HeaderValue::from_bytes("a".repeat(60).as_bytes()).expect("a value");
        fields.append(name, value);
    }
    fields
}

fn table(entries: usize) -> String {
    let entries: Vec<String> = (0..entries).map(|n| format!("\"/old/{n}\":\"/new/{n}\"")).collect();
    format!("{{{}}}", entries.join(","))
}

fn query(parameters: usize) -> String {
    let all: Vec<String> = (0..parameters).map(|n| format!("k{n}=v+{n}%20")).collect();
    all.join("&")
}

#[test]
fn built_ins_cost_little_of_a_budget() {
    for (code, most) in [
        ("x = JSON.stringify(event)".to_owned(), 17),
        ("console.log(JSON.stringify(event))".to_owned(), 17),
        (format!("x = JSON.parse('{}')", table(150)), 13),
        ("x = JSON.parse(JSON.stringify(event))".to_owned(), 22),
        ("for (let i = 0; i < 30; i++) x = atob('dXNlcjpwYXNz')".to_owned(), 6),
        ("for (let i = 0; i < 30; i++) x = btoa('user:pass')".to_owned(), 6),
        (format!("x = querystring.parse('{}')", query(50)), 12),
        (format!("x = querystring.stringify(querystring.parse('{}'))", query(50)), 20),
        ("return { statusCode: 200, body: 'x'.repeat(40000) }".to_owned(), 10),
        ("return { statusCode: 200, body: 'xé'.repeat(13000) }".to_owned(), 40),
        ("for (let i = 0; i < 50; i++) x = 'Mozilla/5.0 (X11)'.toLowerCase()".to_owned(), 6),
        ("for (let i = 0; i < 50; i++) x = 'Mozilla/5.0 (X11)'.includes('zz')".to_owned(), 6),
        ("for (let i = 0; i < 50; i++) x = encodeURIComponent('a b&c=d/é')".to_owned(), 6),
        ("for (let i = 0; i < 50; i++) x = decodeURIComponent('%C3%A9%20a')".to_owned(), 6),
    ] {
        let used = percent(&code, &ordinary());
        assert!(used <= most, "{used} % instead of at most {most} %: {code}");
    }
}

/// Input that is made to be expensive ends in an answer, an error of the function's or its budget; nothing else.
#[test]
fn hostile_json_ends_the_call_and_nothing_else() {
    for code in [
        "JSON.parse('['.repeat(1000000))",
        "JSON.parse('{\"a\":'.repeat(100000) + '1' + '}'.repeat(100000))",
        "JSON.parse('[' + '1,'.repeat(200000) + '1]', (k, v) => v)",
        "JSON.stringify('\\ud800'.repeat(1 << 19))",
        "JSON.parse('\"' + 'a'.repeat(1 << 20) + '\"')",
        "JSON.parse('9'.repeat(1 << 20))",
        "(o => { o.toJSON = () => JSON.stringify(o); JSON.stringify(o) })({})",
        "JSON.stringify({ toJSON() { return { a: this } } })",
        "JSON.parse('[[[1]]]', function f(k, v) { return JSON.parse('[[1]]', f) })",
        "JSON.stringify(JSON.parse('['.repeat(20000) + ']'.repeat(20000)))",
        "JSON.stringify([], (k, v) => [v, v])",
        "JSON.stringify(new Proxy([], { get: (t, k) => k === 'length' ? 2 ** 53 : 1 }))",
        "querystring.parse('a&'.repeat(500000), null, null, { maxKeys: 0 })",
        "atob('A'.repeat(1 << 20)).repeat(1 << 10)",
    ] {
        let source = format!(
            "const querystring = require('querystring');
             function handler(e) {{ {code}; return e.request; }}"
        );
        let ended = on_request(&function(&source), &plain(), &mut patient()).result;
        if let Err(error) = ended {
            let known = [FunctionFailure::Throttled, FunctionFailure::Execution];
            assert!(known.contains(&error.failure), "{code}: {error:?}");
        }
        let after = edits("function handler(e) { return e.request }", &plain());
        assert_eq!(after, crate::event::RequestEdits::default(), "{code}");
    }
}
