//! JSON against the language's rules, and against another reader of it.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::machine::tests::eval;

/// What `JSON.parse` makes of a text, written again; the words of its error otherwise.
fn again(text: &JsString, context: &mut Context) -> Result<String, String> {
    let members = Members::new(context).expect("a realm");
    let undefined = JsValue::undefined();
    let parsed = parse_text(&undefined, &[text.clone().into()], &members, context);
    let parsed = parsed.map_err(|error| error.to_string())?;
    let written = stringify::run(&undefined, &[parsed], &members, context);
    let written = written.map_err(|error| error.to_string())?;
    Ok(written.as_string().expect("what was parsed has JSON").to_std_string_lossy())
}

fn js(text: &str) -> JsString {
    JsString::from(text)
}

/// What JSON says of both implementations' numbers is the same number.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-(1i64 << 53)..1 << 53).prop_map(Value::from),
        (any::<i32>(), 1u32..10).prop_map(|(number, bits)| {
            Value::from(f64::from(number) / f64::from(1u32 << bits))
        }),
        any::<String>().prop_map(Value::from),
        "[a-z\u{e9}\"\\\\\n\u{1}]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 12, |inner| {
        let name = prop_oneof![any::<String>(), "[a-z]{1,3}", "-?[0-9]{1,11}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..12)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A number as a double, as JavaScript has it.
fn as_doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64()),
        Value::Array(items) => items.into_iter().map(as_doubles).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(name, value)| (name, as_doubles(value))).collect()
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn what_is_parsed_and_written_again_is_the_same(value in json(), pretty: bool) {
        let mut context = Context::default();
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let written = again(&js(&text), &mut context).expect("it is JSON");
        let read: Value = serde_json::from_str(&written).expect("it is JSON again");
        prop_assert_eq!(as_doubles(read), as_doubles(value), "{}", written);
        // From then on nothing changes.
        prop_assert_eq!(again(&js(&written), &mut context), Ok(written));
    }

    #[test]
    fn what_is_json_is_agreed_on(
        text in prop_oneof![
            "[\\[\\]{}:,\"a1 ]{0,12}",
            "-?[0-9.eE+-]{1,6}",
            "[ \\t\\n\\r\u{a0}]?(true|false|null|nul|True|\"\\\\[bfnrtux/\"]?[0-9a-f]{0,3}\")[ ,]?",
            any::<String>(),
        ],
    ) {
        let expected = serde_json::from_str::<Value>(&text);
        // What the other reader refuses of JSON: numbers beyond a double.
        if expected.as_ref().is_err_and(|error| error.to_string().contains("out of range")) {
            return Ok(());
        }
        let got = again(&js(&text), &mut Context::default());
        prop_assert_eq!(got.is_ok(), expected.is_ok(), "{}: {:?}", text, got);
    }

    #[test]
    fn numbers_are_read_as_rust_reads_them(number: f64, integer: i64) {
        let mut context = Context::default();
        for text in [format!("{number:e}"), format!("{number}"), integer.to_string()] {
            let expected: f64 = text.parse().expect("a number");
            if expected.is_finite() {
                let value = parse::parse(&js(&text), &mut context).expect("JSON");
                prop_assert_eq!(value.as_number().map(f64::to_bits), Some(expected.to_bits()));
            }
        }
    }

    #[test]
    fn no_units_make_it_fall(units in prop::collection::vec(any::<u16>(), 0..20)) {
        let mut context = Context::default();
        let _ = again(&JsString::from(units.as_slice()), &mut context);
        // As a text within JSON it comes back unit by unit.
        let mut quoted = out::Out::new();
        quoted.quoted(&JsString::from(units.as_slice()));
        let value = parse::parse(&quoted.finish(), &mut context).expect("JSON");
        prop_assert_eq!(value.as_string().expect("a text").to_vec(), units);
    }
}

#[test]
fn errors_say_where() {
    let mut context = Context::default();
    for (text, words) in [
        ("", "Unexpected end of input at position 0"),
        ("[1,", "Unexpected end of input at position 3"),
        ("[1,]", "Unexpected token at position 3"),
        ("{\"a\" 1}", "Unexpected token at position 5"),
        ("{\"a\":1]", "Unexpected token at position 6"),
        ("1 2", "Unexpected token at position 2"),
        ("01", "Unexpected token at position 1"),
        ("\"a\nb\"", "Forbidden source char at position 2"),
        ("\"\\t\nb\"", "Forbidden source char at position 3"),
        ("\"\\x\"", "Unknown escape char at position 2"),
        ("\"\\u12g4\"", "Invalid Unicode escape sequence at position 5"),
        ("\"€€\\x\"", "Unknown escape char at position 4"),
        ("\u{feff}1", "Unexpected token at position 0"),
    ] {
        let error = again(&js(text), &mut context).expect_err("no JSON");
        assert_eq!(error, format!("SyntaxError: {words} (native)"), "{text}");
    }
}

/// Expected is what Node.js 20 answers.
#[test]
fn parse_keeps_to_the_language() {
    for (expression, expected) in [
        ("Object.is(JSON.parse('-0'), -0)", "true"),
        ("[JSON.parse('1e400') === Infinity, JSON.parse('-1e-400')]", "[true,0]"),
        ("JSON.parse('{\"a\":1,\"b\":2,\"a\":3}')", r#"{"a":3,"b":2}"#),
        ("JSON.parse('{\"b\":1,\"2\":2,\"1\":3}')", r#"{"1":3,"2":2,"b":1}"#),
        ("Object.keys(JSON.parse('{\"__proto__\":[]}'))", r#"["__proto__"]"#),
        ("JSON.parse('{\"__proto__\":[]}') instanceof Array", "false"),
        ("JSON.parse('\"\\\\ud800\"').charCodeAt(0)", "55296"),
        ("JSON.parse('\"\\\\ud83d\\\\ude00\"')", r#""😀""#),
        ("JSON.parse([1])", "1"),
        ("JSON.parse(null)", "null"),
        ("JSON.parse({ toString: () => '[2]' })", "[2]"),
        ("JSON.parse('[1,{\"a\":2}]', (k, v) => v)", r#"[1,{"a":2}]"#),
        (
            "(l => (JSON.parse('{\"a\":[1,2],\"b\":{\"c\":3}}', (k, v) => { l.push(k); return v }), l))([])",
            r#"["0","1","a","c","b",""]"#,
        ),
        ("JSON.parse('{\"a\":1,\"b\":2}', (k, v) => v === 1 ? undefined : v)", r#"{"b":2}"#),
        ("JSON.parse('[1,2]', (k, v) => v === 1 ? undefined : v).hasOwnProperty(0)", "false"),
        ("typeof JSON.parse('[]', () => undefined)", r#""undefined""#),
        ("JSON.parse('1', function (k, v) { return [this, k, v] })", r#"[{"":1},"",1]"#),
        (
            "JSON.parse('[0,1]', function (k, v) { if (k === '0') this[1] = new Proxy([7], {}); return v })",
            "[0,[7,[7]]]",
        ),
        (
            "JSON.parse('{\"a\":1,\"b\":2}', function (k, v) { if (k === 'a') delete this.b; return v })",
            r#"{"a":1}"#,
        ),
        (
            "JSON.parse('{\"a\":1,\"b\":2}', function (k, v) { if (k === 'a') Object.defineProperty(this, 'b', { value: 3, configurable: false }); if (k === 'b') return; return v }).b",
            "3",
        ),
        ("[JSON.parse.length, JSON.parse.name, Object.keys(JSON)]", r#"[2,"parse",[]]"#),
        (
            "[JSON.stringify.length, JSON.stringify.name, String(JSON)]",
            r#"[3,"stringify","[object JSON]"]"#,
        ),
        (
            "(() => { try { JSON.parse(Symbol()) } catch (e) { return e instanceof TypeError } })()",
            "true",
        ),
        ("(() => { try { JSON.parse('[0]', () => { throw 5 }) } catch (e) { return e } })()", "5"),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

/// Expected is what Node.js 20 answers.
#[test]
fn stringify_keeps_to_the_language() {
    for (expression, expected) in [
        ("{ a: undefined, b: () => 1, c: Symbol(), d: 1 }", r#"{"d":1}"#),
        (
            "[undefined, () => 1, Symbol(), , NaN, -0, 1e21, -Infinity]",
            "[null,null,null,null,null,0,1e+21,null]",
        ),
        (
            "[new String('a'), new Number(2), new Boolean(false), Object(1.5)]",
            r#"["a",2,false,1.5]"#,
        ),
        ("Object.assign(new Number(2), { valueOf: () => 7 })", "7"),
        (
            "[new Date(0), /a/, new Map([[1, 2]]), new Error('x')]",
            r#"["1970-01-01T00:00:00.000Z",{},{},{}]"#,
        ),
        ("{ 2: 1, b: 1, 1: 1, [Symbol('s')]: 1 }", r#"{"1":1,"2":1,"b":1}"#),
        (
            "'\\ud800\\u2028😀\\udc00\\\\\"\\b\\f\\n\\r\\t\\u0001\\x7fé'",
            "\"\\ud800\u{2028}😀\\udc00\\\\\\\"\\b\\f\\n\\r\\t\\u0001\u{7f}é\"",
        ),
        ("'é\\u0002é'", "\"é\\u0002é\""),
        ("{ toJSON(k) { return [k, this.v] }, v: 1 }", r#"["",1]"#),
        (
            "{ a: { toJSON(k) { return k } }, b: [{ toJSON(k) { return typeof k } }] }",
            r#"{"a":"a","b":["string"]}"#,
        ),
        (
            "Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true }, hidden: { value: 2 } })",
            r#"{"own":1}"#,
        ),
        ("new Proxy({ a: 1, b: 2 }, { ownKeys: () => ['b', 'a'] })", r#"{"b":2,"a":1}"#),
        ("new Proxy([1, 2], { get: (t, k) => k === '0' ? 9 : t[k] })", "[9,2]"),
        ("Object.assign([1], { x: 2 })", "[1]"),
        ("new Uint8Array([1, 2])", r#"{"0":1,"1":2}"#),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

/// Expected is what Node.js 20 answers.
#[test]
fn stringify_takes_its_arguments_as_the_language_says() {
    for (expression, expected) in [
        ("JSON.parse(JSON.stringify({ a: [1, { b: 2 }] }, null, 2))", r#"{"a":[1,{"b":2}]}"#),
        (
            "JSON.stringify({ a: [1, { b: 2 }], c: {}, d: [] }, null, '\\t')",
            r#""{\n\t\"a\": [\n\t\t1,\n\t\t{\n\t\t\t\"b\": 2\n\t\t}\n\t],\n\t\"c\": {},\n\t\"d\": []\n}""#,
        ),
        (
            "[JSON.stringify([1], null, 11), JSON.stringify([1], null, 1.9)]",
            r#"["[\n          1\n]","[\n 1\n]"]"#,
        ),
        (
            "[JSON.stringify([1], null, '0123456789x'), JSON.stringify([1], null, -1)]",
            r#"["[\n01234567891\n]","[1]"]"#,
        ),
        (
            "[JSON.stringify([1], null, new Number(1)), JSON.stringify([1], null, new String('é€'))]",
            r#"["[\n 1\n]","[\né€1\n]"]"#,
        ),
        (
            "JSON.stringify({ a: 1, b: { c: 2, a: 3 }, 1: 4 }, ['b', 'a', 'a', new String('c'), 1])",
            r#""{\"b\":{\"a\":3,\"c\":2},\"a\":1,\"1\":4}""#,
        ),
        ("JSON.stringify({ a: 1, b: 2 }, (k, v) => k === 'a' ? undefined : v)", r#""{\"b\":2}""#),
        (
            "JSON.stringify([1], function (k, v) { return Array.isArray(this) ? v + 1 : v })",
            r#""[2]""#,
        ),
        (
            "JSON.stringify({ a: 1 }, function (k, v) { return k === '' ? { b: this[''] === v } : v })",
            r#""{\"b\":true}""#,
        ),
        (
            "[JSON.stringify(), JSON.stringify(() => 1), JSON.stringify(Symbol()), typeof JSON.stringify(undefined)]",
            r#"[null,null,null,"undefined"]"#,
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

/// Expected is what Node.js 20 answers.
#[test]
fn what_runs_meanwhile_is_seen() {
    for (expression, expected) in [
        (
            "(() => { BigInt.prototype.toJSON = function () { 'use strict'; return typeof this }; return [1n] })()",
            r#"["bigint"]"#,
        ),
        (
            "(l => (JSON.stringify({ get a() { l.push('a'); this.c = 1; return 1 }, get b() { l.push('b'); return 1 } }), l))([])",
            r#"["a","b"]"#,
        ),
        (
            "(o => (Object.defineProperty(o, 'a', { get() { delete o.b; return 1 }, enumerable: true }), o))({ a: 0, b: 1 })",
            r#"{"a":1}"#,
        ),
        (
            "(o => (Object.defineProperty(o, 'a', { get() { o.b = 5; return 1 }, enumerable: true }), o))({ a: 0, b: 1 })",
            r#"{"a":1,"b":5}"#,
        ),
        ("(o => (o.toJSON = 1, o))({})", r#"{"toJSON":1}"#),
        (
            "(() => { Object.prototype.toJSON = function () { return 'own' }; const t = JSON.stringify({}); delete Object.prototype.toJSON; return t })()",
            r#""\"own\"""#,
        ),
        ("(a => [a, a])({ shared: 1 })", r#"[{"shared":1},{"shared":1}]"#),
        (
            "(log => (JSON.stringify(new Proxy({ a: 1 }, new Proxy({}, { get(t, trap) { log.push(trap) } }))), log))([])",
            r#"["get","ownKeys","getOwnPropertyDescriptor","get"]"#,
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}

#[test]
fn what_has_no_json_is_an_error() {
    assert_eq!(eval("Object.getOwnPropertyNames(JSON)"), r#"["parse","stringify"]"#);
    for (expression, kind) in [
        ("JSON.stringify([1n])", "TypeError"),
        ("JSON.stringify(Object(1n))", "TypeError"),
        ("(o => { o.o = [o]; JSON.stringify(o) })({})", "TypeError"),
        ("JSON.stringify({ get a() { throw new RangeError() } })", "RangeError"),
        ("(r => { r.revoke(); JSON.stringify(r.proxy) })(Proxy.revocable({}, {}))", "TypeError"),
    ] {
        let caught =
            format!("(() => {{ try {{ {expression} }} catch (e) {{ return e.name }} }})()");
        assert_eq!(eval(&caught), format!("\"{kind}\""), "{expression}");
    }
}

/// Neither parsing, reviving nor writing recurses, so that no depth is too much for a stack.
#[test]
fn depth_takes_no_stack() {
    let nest = |expression: &str| eval(&format!("(n => {{ {expression} }})(5000)"));
    assert_eq!(nest("return JSON.parse('['.repeat(n) + ']'.repeat(n)).length"), "1");
    let both = "const t = '{\"a\":'.repeat(n) + '1' + '}'.repeat(n);";
    assert_eq!(nest(&format!("{both} return JSON.stringify(JSON.parse(t)) === t")), "true");
    let revived = "let c = 0; JSON.parse(t, (k, v) => { c++; return v }); return c";
    assert_eq!(nest(&format!("{both} {revived}")), "5001");
    let unfinished = "try { JSON.parse('['.repeat(100000)) } catch (e) { return e.message }";
    assert_eq!(nest(unfinished), r#""Unexpected end of input at position 100000""#);
}

#[test]
fn long_texts_come_back() {
    for text in ["'a'.repeat(1 << 20)", "'é\"'.repeat(1 << 18)", "'€\\n'.repeat(1 << 18)"] {
        let whole = format!("(t => JSON.parse(JSON.stringify([t]))[0] === t)({text})");
        assert_eq!(eval(&whole), "true", "{text}");
    }
}
