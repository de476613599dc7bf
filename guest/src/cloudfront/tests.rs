//! The `cloudfront` module off the sandbox.

use crate::machine::tests::{answer, eval, failure, machine, request_event, response_event, run};
use crate::wire::{EVENT_REQUEST, RESULT_FAILED, RESULT_REQUEST, RESULT_RESPONSE, Reader};

/// The calls that a handler with this body leaves behind an untouched request.
fn calls(body: &str) -> Vec<(String, String)> {
    let source =
        format!("import cf from 'cloudfront'; function handler(e) {{ {body}; return e.request; }}");
    let answer = run(&source);
    assert_eq!(
        answer[..6],
        [RESULT_REQUEST, 0, 0, 0, 0, 0],
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let mut reader = Reader::new(&answer[6..]);
    if reader.rest().is_empty() {
        return Vec::new();
    }
    let count = reader.count().expect("a count");
    let text = |reader: &mut Reader<'_>| reader.text().expect("a text").to_owned();
    let calls = (0..count).map(|_| (text(&mut reader), text(&mut reader))).collect();
    assert!(reader.rest().is_empty());
    calls
}

fn with_module(expression: &str) -> String {
    eval(&format!("(() => {{ const cf = require('cloudfront'); return {expression}; }})()"))
}

#[test]
fn calls_are_noted_in_their_order_with_all_arguments() {
    crate::cloudfront::forget_changes();
    assert!(calls("cf.edgeLocation").is_empty());
    let noted = calls(
        "cf.selectRequestOriginById('a', {sni: 's'}); cf.updateRequestOrigin({domainName: 'b.example', sni: undefined});
         cf.createRequestOriginGroup()",
    );
    crate::cloudfront::forget_changes();
    let noted: Vec<_> = noted.iter().map(|(name, json)| (name.as_str(), json.as_str())).collect();
    assert_eq!(
        noted,
        [
            ("selectRequestOriginById", r#"["a",{"sni":"s"}]"#),
            ("updateRequestOrigin", r#"[{"domainName":"b.example"}]"#),
            ("createRequestOriginGroup", "[]"),
        ]
    );
}

#[test]
fn a_made_up_response_says_nothing_about_the_origin() {
    let answer = run(
        "import cf from 'cloudfront'; function handler() { cf.updateRequestOrigin({}); return {statusCode: 200}; }",
    );
    crate::cloudfront::forget_changes();
    assert_eq!(answer.len(), 8, "kind, status, and four absent members: {answer:?}");
    assert_eq!(answer[0], RESULT_RESPONSE);
}

#[test]
fn outside_of_a_viewer_request_the_helpers_throw_and_the_location_is_empty() {
    let source = "import cf from 'cloudfront'; function handler(e) {
        e.response.headers['x-at'] = { value: JSON.stringify(cf.edgeLocation) };
        cf.updateRequestOrigin({}); return e.response; }";
    let (kind, message) = failure(&answer(&mut machine(source), &response_event()));
    assert_eq!(kind, RESULT_FAILED);
    let words =
        "TypeError: cf.updateRequestOrigin is only available while a viewer-request is handled";
    assert!(message.starts_with(words), "{message}");
    let source = "import cf from 'cloudfront'; const at = JSON.stringify(cf.edgeLocation);
        function handler(e) { e.request.uri = '/' + at + JSON.stringify(cf.edgeLocation); return e.request; }";
    let told =
        String::from_utf8_lossy(&answer(&mut machine(source), &request_event(EVENT_REQUEST)))
            .into_owned();
    let here = r#"/{}{"name":"IAD","serverIp":"192.0.2.1","region":"us-east-1"}"#;
    assert!(told.contains(here), "{told}");
}

#[test]
fn what_throws_while_it_is_noted_throws_in_the_function() {
    for (argument, words) in [
        ("{ get domainName() { throw new Error('mine') } }", "Error: mine"),
        ("(() => { const o = {}; o.o = o; return o; })()", "TypeError"),
        ("{ port: 1n }", "TypeError"),
    ] {
        let source = format!(
            "import cf from 'cloudfront'; function handler(e) {{ cf.updateRequestOrigin({argument}); return e.request; }}"
        );
        let (kind, message) = failure(&run(&source));
        assert_eq!(kind, RESULT_FAILED, "{argument}");
        assert!(message.starts_with(words), "{argument}: {message}");
    }
}

#[test]
fn what_this_edge_has_not_says_so() {
    let caught = |access: &str| {
        with_module(&format!("(() => {{ try {{ {access} }} catch (e) {{ return String(e) }} }})()"))
    };
    let tenant = r#""TypeError: distributionTenant module is not available""#;
    assert_eq!(caught("cf.distributionTenant.id"), tenant);
    assert_eq!(caught("cf.distributionTenant.parameters.get('a')"), tenant);
    assert!(
        caught("cf.mtls.combinePemHeaders()")
            .contains("cf.mtls.combinePemHeaders is not available")
    );
    assert_eq!(with_module("Object.keys(cf).includes('distributionTenant')"), "false");
}

#[test]
fn tokens_go_out_and_come_back_in_both_orders_and_shapes() {
    for call in [
        "cf.cwt.generateToken({cwtTag: true, coseTag: 'MAC0', key: 'k'}, token)",
        "cf.cwt.generateToken(token, {cwtTag: true, coseTag: 'MAC0', key: Buffer.from('k')})",
    ] {
        let expression = format!(
            "(() => {{ const token = {{ protected: {{1: '5'}}, unprotected: {{4: Buffer.from('kid')}},
                payload: {{1: 'me', 4: 1740000000, '-5': -1, deep: {{a: [true, null, 1.5, 'ü']}}, gone: undefined}} }};
               const bytes = {call};
               const read = cf.cwt.validateToken(bytes, {{key: 'k'}});
               return [Buffer.isBuffer(bytes), bytes.toString('hex').slice(0, 6), read,
                 read.unprotectedHeaders[4].toString()]; }})()"
        );
        assert_eq!(
            with_module(&expression),
            r#"[true,"d83dd1",{"protectedHeaders":{"1":5},"unprotectedHeaders":{"4":{"type":"Buffer","data":[107,105,100]}},"payload":{"1":"me","4":1740000000,"-5":-1,"deep":{"a":[true,null,1.5,"ü"]}}},"kid"]"#,
            "{call}"
        );
    }
    let again = "(() => { const c = {coseTag: 'MAC0', key: 'k'};
        const read = cf.cwt.validateToken(cf.cwt.generateToken(c, {sub: 'x', 4: 9}), c); read.payload[4]++;
        return cf.cwt.validateToken(cf.cwt.generateToken(read, c), c).payload; })()";
    assert_eq!(with_module(again), r#"{"4":10,"sub":"x"}"#);
}

#[test]
fn tokens_that_cannot_be_throw() {
    let caught = |call: &str| {
        with_module(&format!(
            "(() => {{ try {{ return {call} }} catch (e) {{ return String(e) }} }})()"
        ))
    };
    for (call, words) in [
        ("cf.cwt.validateToken('text', {key: 'k'})", "must be a Buffer"),
        ("cf.cwt.validateToken(Buffer.from('a0', 'hex'), {key: 'k'})", "tag 17 is missing"),
        ("cf.cwt.validateToken(Buffer.from(''))", "`key` must be a string or a Buffer"),
        ("cf.cwt.validateToken(Buffer.from(''), {key: ''})", "`key` must be a string or a Buffer"),
        ("cf.cwt.validateToken(Buffer.alloc(1025), {key: 'k'})", "more than 1024 bytes"),
        ("cf.cwt.generateToken({}, {key: 'k'})", "`coseTag` must be 'MAC0'"),
        ("cf.cwt.generateToken({}, null)", "the context must have"),
        ("cf.cwt.generateToken({coseTag: 'MAC0', key: 'k'})", "the token must be an object"),
        (
            "cf.cwt.generateToken({coseTag: 'MAC0', key: 'k'}, {payload: 1})",
            "`payload` must be an object",
        ),
        (
            "cf.cwt.generateToken({coseTag: 'MAC0', key: 'k'}, {a: 'x'.repeat(2000)})",
            "larger than a token",
        ),
        (
            "cf.cwt.generateToken({coseTag: 'MAC0', key: 'k'}, {a: Array(1e6)})",
            "larger than a token",
        ),
        (
            "cf.cwt.generateToken({coseTag: 'MAC0', key: 'k'}, (() => { const a = {}; a.a = a; return a })())",
            "nested too deeply",
        ),
        (
            "cf.cwt.generateToken({coseTag: 'MAC0', key: 'k'}, {f() {}})",
            "function cannot be in a token",
        ),
    ] {
        let message = caught(call);
        assert!(message.contains(words), "{call}: {message}");
    }
}

#[test]
fn a_token_cannot_reach_a_prototype() {
    let expression = "(() => { const c = {coseTag: 'MAC0', key: 'k'};
        const claims = JSON.parse('{\"__proto__\": {\"polluted\": 1}}');
        const read = cf.cwt.validateToken(cf.cwt.generateToken(c, claims), c).payload;
        return [Object.keys(read), {}.polluted === undefined, read.polluted === undefined]; })()";
    assert_eq!(with_module(expression), r#"[["__proto__"],true,true]"#);
}
