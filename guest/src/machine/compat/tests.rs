//! What CloudFront's engine prints and answers, value by value.

use super::*;

/// Lines that `source`, a handler's body, logs.
fn logged(source: &str) -> Vec<String> {
    let _ = console::take_lines();
    let source = format!("function handler(event) {{ {source}; return event.request; }}");
    assert_eq!(run(&source)[0], RESULT_REQUEST, "{source}");
    console::take_lines()
}

/// The expected lines are what njs 0.7.12 prints.
#[test]
fn values_are_logged_as_njs_prints_them() {
    for (value, line) in [
        ("'a\\nb', 1, -0, null, undefined, Symbol('q')", "a\nb 1 -0 null undefined Symbol(q)"),
        ("{ s: 'it\\'s\\n\\u0001\\\\' }", r"{s:'it's\n\u0001\\'}"),
        (
            "[1, , 3], Array(3), [, , 1, , ]",
            "[1,<empty>,3] [<3 empty items>] [<2 empty items>,1,<empty>]",
        ),
        ("Object.assign([1], { x: 2 })", "[1,x:2]"),
        ("function f() {}, () => 1, { g() {} }", "[Function: f] [Function] {g:[Function: g]}"),
        ("new Date(0), new Date(NaN), /a/g", "1970-01-01T00:00:00.000Z Invalid Date /a/g"),
        ("new TypeError('x'), [new Error('in')], new Error()", "TypeError: x [Error: in] Error"),
        ("Buffer.from('ab'), new Uint16Array([1, 300])", "Buffer [97,98] Uint16Array [1,300]"),
        ("new ArrayBuffer(3), Promise.resolve(1), Math", "ArrayBuffer {} Promise {} Math {}"),
        (
            "new String('x'), new Number(5), new Boolean(true)",
            "[String: 'x'] [Number: 5] [Boolean: true]",
        ),
        ("{ get a() { throw 1 }, set b(x) {} }", "{a:'[Getter]',b:'[Setter]'}"),
        ("require('crypto').createHash('md5')", "Hash {}"),
        ("Object.defineProperty({ a: 1 }, 'h', { value: 2 })", "{a:1}"),
        (
            "(() => { const o = {}; o.self = o; o.l = [o]; return o })()",
            "{self:[Circular],l:[[Circular]]}",
        ),
        (
            "(() => { let o = {}; for (let i = 0; i < 40; i++) o = { o }; return o })()",
            "TypeError: Nested too deep or a cyclic structure",
        ),
        (
            "event.viewer, event.request.cookies",
            "{ip:'198.51.100.7'} {c:{value:'1'},d:{value:'2'}}",
        ),
        (
            "event.version, { r: event.request }.r.uri, Object.keys(event)",
            "1.0 /a/b ['version','context','viewer','request']",
        ),
    ] {
        assert_eq!(logged(&format!("console.log({value})")), [line], "{value}");
    }
    let whole = logged("console.log(event)").concat();
    assert!(whole.contains("uri:'/a/b'") && !whole.contains("Getter"), "{whole}");
}

/// The expected values are those on which njs 0.7.12 and Node.js 20 agree, or njs's where they differ.
#[test]
fn buffers_are_made_and_written() {
    for (expression, expected) in [
        ("Buffer.alloc(3, true)", "[1,1,1]"),
        ("Buffer.alloc(3, null)", "[0,0,0]"),
        ("Buffer.alloc(5, '6162', 'hex')", "[97,98,97,98,97]"),
        ("Buffer.alloc(4).fill('6162', 1, 'hex')", "[0,97,98,97]"),
        ("Buffer.alloc(4).fill('ab', 1, 3)", "[0,97,98,0]"),
        ("Buffer.alloc(4).fill(300)", "[44,44,44,44]"),
        ("Buffer.from(new String('abc'))", "[97,98,99]"),
        ("Buffer.from({ valueOf: () => 'abc' })", "[97,98,99]"),
        ("Buffer.from({ length: 2, 0: 5, 1: 6 })", "[5,6]"),
        ("Buffer.from({ type: 'Buffer', data: [1, 2] })", "[1,2]"),
        ("Buffer.from([1, 256, -1, 1.9, '7', 'x'])", "[1,0,255,1,7,0]"),
        ("Buffer.from(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)", "[2,3]"),
        ("Buffer.concat([Buffer.from('abc'), Buffer.from('def')], 4)", "[97,98,99,100]"),
        ("Buffer.concat([Buffer.from('abc')], 5)", "[97,98,99,0,0]"),
        ("Buffer.from('abcd').swap16()", "[98,97,100,99]"),
        ("(() => { const b = Buffer.from('abc'); b.slice(0, 1)[0] = 1; return b })()", "[1,98,99]"),
        (
            "(() => { const b = Buffer.from('abc'); b.subarray(0, 1)[0] = 1; return b })()",
            "[97,98,99]",
        ),
        (
            "(() => { const b = Buffer.from('abcdef'); b.copy(b, 2, 0, 4); return b })()",
            "[97,98,97,98,99,100]",
        ),
        (
            "(() => { const b = Buffer.alloc(6); b.write('616263', 1, 2, 'hex'); return b })()",
            "[0,97,98,0,0,0]",
        ),
        (
            "(() => { const b = Buffer.alloc(6); b.writeInt16BE(-2, 1); return b })()",
            "[0,255,254,0,0,0]",
        ),
        (
            "(() => { const b = Buffer.alloc(6); b.writeIntLE(-3, 1, 3); return b })()",
            "[0,253,255,255,0,0]",
        ),
        (
            "(() => { const b = Buffer.alloc(6); b.writeUIntBE(66051, 1, 4); return b })()",
            "[0,0,1,2,3,0]",
        ),
        ("(() => { const b = Buffer.alloc(4); b.writeFloatBE(5); return b })()", "[64,160,0,0]"),
    ] {
        assert_eq!(eval(&format!("Array.from({expression})")), expected, "{expression}");
    }
}

#[test]
fn buffers_are_searched_compared_and_read() {
    let bytes = "Buffer.from([128,1,254,3,255,5,6,7,8,153])";
    for (expression, expected) in [
        ("Buffer.from('abc').compare(Buffer.from('xabcx'), 1, 4)", "0"),
        ("Buffer.from('zabcz').compare(Buffer.from('xabcx'), 1, 4, 1, 4)", "0"),
        ("Buffer.from('abcabc').indexOf('bc', -2)", "4"),
        ("Buffer.from('abcabc').indexOf('YmM=', 'base64')", "1"),
        ("Buffer.from('abcabc').indexOf(97 + 256)", "0"),
        ("Buffer.from('abcabc').lastIndexOf('bc', -4)", "1"),
        ("Buffer.from('abcabc').lastIndexOf('6162', 'hex')", "3"),
        ("Buffer.from('abcabc').includes('6263', 'hex')", "true"),
        ("Buffer.from('abcdef').toString('hex', 1, 3)", "\"6263\""),
        ("Buffer.from('ab').toJSON()", r#"{"type":"Buffer","data":[97,98]}"#),
        ("Buffer.byteLength('YWI=', 'base64')", "2"),
        (
            "[Buffer.isEncoding('hex'), Buffer.isEncoding('latin1'), Buffer.isEncoding()]",
            "[true,false,false]",
        ),
        (
            "[Buffer.isBuffer(Buffer.alloc(1).slice()), Buffer.isBuffer(new Uint8Array(1))]",
            "[true,false]",
        ),
        (
            "[Buffer.from('a') instanceof Buffer, Buffer.from('a').constructor === Buffer]",
            "[true,true]",
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
    for (call, value) in [
        ("readInt8(0)", "-128"),
        ("readUInt8(9)", "153"),
        ("readInt16LE(2)", "1022"),
        ("readUInt16BE(2)", "65027"),
        ("readInt32BE(0)", "-2147353085"),
        ("readUInt32LE(6)", "2567440134"),
        ("readIntBE(0, 3)", "-8388098"),
        ("readUIntLE(4, 6)", "168259756623359"),
        ("readFloatLE(6) < -1e-24", "true"),
    ] {
        assert_eq!(eval(&format!("{bytes}.{call}")), value, "{call}");
    }
}

/// Checks that each of `calls` throws the error beside it.
fn all_throw(calls: &[(&str, &str)]) {
    for (call, error) in calls {
        let source = format!("function handler() {{ {call} }}");
        let (kind, told) = failure(&run(&source));
        assert_eq!(kind, RESULT_FAILED, "{call}");
        assert_eq!(told.split(", at line ").next(), Some(*error), "{call}");
    }
}

#[test]
fn wrong_arguments_of_buffer_throw_what_they_throw_there() {
    all_throw(&[
        ("Buffer.alloc('5')", "TypeError: \"size\" argument must be of type number"),
        ("Buffer.alloc(-1)", "RangeError: invalid index"),
        (
            "Buffer.from(5)",
            "TypeError: first argument number is not a string or Buffer-like object",
        ),
        (
            "Buffer.from({})",
            "TypeError: first argument object is not a string or Buffer-like object",
        ),
        ("Buffer.from('a', 'bad')", "TypeError: \"bad\" encoding is not supported"),
        ("Buffer.from('a').toString('')", "TypeError: \"\" encoding is not supported"),
        ("Buffer.from('a').toString(null)", "TypeError: encoding must be a string"),
        ("new Buffer('a')", "TypeError: Buffer is not a constructor"),
        (
            "Buffer.compare('a', Buffer.from('a'))",
            "TypeError: \"source\" argument must be an instance of Buffer or Uint8Array",
        ),
        (
            "Buffer.from('a').equals('a')",
            "TypeError: \"target\" argument must be an instance of Buffer or Uint8Array",
        ),
        (
            "Buffer.concat(['a'])",
            "TypeError: \"list[0]\" argument must be an instance of Buffer or Uint8Array",
        ),
        (
            "Buffer.from('abc').compare(Buffer.from('abc'), 0, 9)",
            "RangeError: \"targetEnd\" is out of range: 9",
        ),
        (
            "Buffer.alloc(2).readInt16LE(1)",
            "RangeError: index 1 is outside the bound of the buffer",
        ),
        (
            "Buffer.alloc(2).writeInt16LE(1, 1)",
            "RangeError: index 1 is outside the bound of the buffer",
        ),
        ("Buffer.alloc(9).readIntLE(0, 7)", "TypeError: \"byteLength\" must be <= 6"),
        ("Buffer.alloc(9).readIntLE()", "TypeError: \"byteLength\" is not a number"),
        ("Buffer.alloc(3).swap16()", "RangeError: Buffer size must be a multiple of 16 bits"),
        ("Buffer.alloc(4).fill(1, 0, 5)", "RangeError: \"end\" is out of range"),
    ]);
}

#[test]
fn wrong_arguments_of_other_modules_throw_what_they_throw_there() {
    all_throw(&[
        (
            "require('crypto').createHash('sha512')",
            "TypeError: not supported algorithm: \"sha512\"",
        ),
        (
            "require('crypto').createHash('md5').digest('utf8')",
            "TypeError: Unknown digest encoding: \"utf8\"",
        ),
        (
            "{ const h = require('crypto').createHash('md5'); h.digest(); h.digest() }",
            "Error: Digest already called",
        ),
        (
            "{ const h = require('crypto').createHmac('md5', 'k'); h.digest(); h.update('') }",
            "Error: Digest already called",
        ),
        ("atob('aGk==')", "TypeError: the string to be decoded is not correctly encoded"),
        ("btoa('€')", "TypeError: invalid character (>= U+00FF)"),
        ("new TextDecoder('latin1')", "RangeError: The \"latin1\" encoding is not supported"),
        (
            "new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255]))",
            "TypeError: The encoded data was not valid",
        ),
    ]);
}

#[test]
fn modules_answer_as_they_do_there() {
    for (expression, expected) in [
        (
            "require('querystring').parse('a=1&b=2&c=3', null, null, { maxKeys: 2 })",
            r#"{"a":"1","b":"2"}"#,
        ),
        ("require('querystring').parse('a:1;b:2', ';', ':')", r#"{"a":"1","b":"2"}"#),
        ("require('querystring').parse('a=%E4&b=%zz&c')", r#"{"a":"�","b":"%zz","c":""}"#),
        (
            "require('querystring').stringify({ a: 1, b: ['x y', true] }, null, null)",
            r#""a=1&b=x%20y&b=true""#,
        ),
        ("require('querystring').unescape('a+b%20c')", r#""a b c""#),
        ("require('querystring').stringify({ a: '\\ud800' })", r#""a=%EF%BF%BD""#),
        (
            "require('crypto').createHash('md5').update('a').copy().update('b').digest('hex')",
            r#""187ef4436122d1cc2f40dc2b92f0eba0""#,
        ),
        ("String(require('crypto').createHmac('md5', ''))", r#""[object Hmac]""#),
        ("new TextEncoder().encodeInto('a😀', new Uint8Array(4))", r#"{"read":1,"written":1}"#),
        ("new TextDecoder().decode(new Uint8Array([239, 187, 191, 97]))", r#""a""#),
        (
            "(d => [d.decode(new Uint8Array([226, 130]), { stream: true }), d.decode(new Uint8Array([172]))])(new TextDecoder())",
            r#"["","€"]"#,
        ),
        ("new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from('\\ufffd')).length", "1"),
        (
            "[typeof InternalError, typeof MemoryError, atob('aGk')]",
            r#"["function","function","hi"]"#,
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

#[test]
fn runtime_one_tells_bytes_from_texts() {
    for (expression, expected) in [
        ("'ä'.toString('hex')", "c3a4"),
        ("'€'.toString('base64')", "4oKs"),
        ("String.bytesFrom([0xe4]).toString('hex')", "e4"),
        ("String.bytesFrom('c3a4', 'hex').fromUTF8()", "ä"),
        ("'ä'.toUTF8().toString('hex')", "c3a4"),
        ("'ä'.toBytes().toString('hex')", "e4"),
        ("String('€'.toBytes())", "null"),
        ("String(String.bytesFrom([0xc3]).fromUTF8())", "null"),
        ("'abcd'.toUTF8(1, 2) + 'abcd'.toBytes(1, 3) + 'abcd'.fromUTF8(3)", "bbcd"),
    ] {
        let mut machine = Machine::new(1 << 16).expect("the prelude runs");
        let source = format!(
            "function handler(event) {{ console.log({expression}); return event.request }}"
        );
        machine.load(&source, true, 128).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let _ = console::take_lines();
        answer(&mut machine, &request_event(EVENT_REQUEST));
        assert_eq!(console::take_lines(), [expected], "{expression}");
    }
}

#[test]
fn a_multi_value_that_was_not_there_before_was_written() {
    let answer = run("function handler(event) { const h = event.request.headers.host;
           h.multiValue = [{value: 'h.example'}]; h.value = 'ignored'; return event.request; }");
    assert!(!String::from_utf8_lossy(&answer).contains("ignored"), "{answer:?}");
}

#[test]
fn runtime_one_reads_bytes_as_utf8_and_tests_from_the_start() {
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    let source = "var re = /a/g;
        function handler(event) { var named = JSON.parse(String.bytesFrom('eyJuIjoiSm9zw6kifQ==', 'base64'));
        event.request.uri = '/' + encodeURIComponent(named.n) + re.test('a') + re.test('a'); return event.request; }";
    machine.load(source, true, 128).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let answer = answer(&mut machine, &request_event(EVENT_REQUEST));
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("/Jos%C3%A9truetrue"), "{text}");
}

#[test]
fn functions_and_variables_may_share_a_name() {
    for source in [
        "function a() { return 1 } function a() { return 2 }
           function handler(e) { if (a() === 2) return e.request }",
        "var handler; function handler(e) { return e.request }",
        "function handler(e) { return e.request } var handler;",
    ] {
        assert_eq!(run(source)[0], RESULT_REQUEST, "{source}");
    }
    assert!(refused("const a = 1; const a = 2; function handler() {}").place.is_some());
    let thrown = run("var a; function a() {}\nfunction handler(e) {\n  null.x }");
    assert!(failure(&thrown).1.contains("at line 3"), "{thrown:?}");
}

#[test]
fn what_is_undefined_is_not_there() {
    let answer =
        run("function handler(e) { e.request.headers['x-b'] = e.request.headers['x-none'];
           e.request.headers['x-a'] = undefined; return e.request; }");
    let text = String::from_utf8_lossy(&answer);
    assert!(answer[0] == RESULT_REQUEST && !text.contains("x-"), "{text}");
}

#[test]
fn the_source_of_a_regular_expression_is_as_it_was_written() {
    for (expression, source) in [
        (r"/\/a/.source", r#""\\/a""#),
        (r"new RegExp('/a').source", r#""\\/a""#),
        (r"new RegExp('\\\\/a').source", r#""\\\\\\/a""#),
        (r"/[/]/.source", r#""[\\/]""#),
        (r"String(/\/b/g)", r#""/\\/b/g""#),
        (r"new RegExp(/^\/a/.source).test('/a')", "true"),
    ] {
        assert_eq!(eval(expression), source, "{expression}");
    }
}
