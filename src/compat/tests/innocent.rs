//! What CloudFront takes, and the lint must not complain about.

use std::path::Path;

use super::super::Dialect::{self, One, Two};
use super::compare;

/// What both runtimes take.
const BOTH: &[&str] = &[
    "var a = 1, b;\nouter: for (var i = 0; i < 2; i++) { continue outer; }\nswitch (a) { case 1: break; default: }\ndo { a--; } while (a > 0);\nfor (var k in { x: 1 }) { b = k; }\ntry { throw new TypeError('t'); } catch (error) { b = error.message; } finally { a = 0; }",
    "var f = a => a ** 2;\nvar g = (a, ...rest) => `${a} ${rest.length}`;\nf(g(1, 2,));",
    "var k = 'n';\nvar o = { k, [k]: 1, m() { return this.k; }, get x() { return 1; }, set x(v) {} };\no.m();",
    "var m = /(?<year>\\d{4})(?<=4)(?!5)/gim.exec('2024');\nvar n = 1_000_000;\nvar q = m ?? null;",
    "if (true) { function inner() { return 1; } inner(); }",
    "function f() { return arguments.length; }\nf.call(null, 1);\nf.name;",
    "globalThis.handler = function (event) { return event.request; };\nglobal.x = 1;\nx + 1;",
    "Object.keys({}).map(String).filter(Boolean).sort().join('&').split(',').concat([1]).includes('a');",
    "Object.prototype.hasOwnProperty.call({}, 'a');\nArray.prototype.slice.call([], 0);",
    "JSON.parse(JSON.stringify({ a: Math.floor(Math.random()), d: Date.now() }));",
    "new Promise(function (resolve) { resolve(1); }).then(function (a) { console.log(a); });",
    "encodeURIComponent('a') + decodeURI('b') + parseInt('1', 10) + isNaN(NaN) + Infinity + undefined;",
    "new TextEncoder().encode('a');\nnew Uint8Array(4).fill(1);\nSymbol.iterator;",
    // Guards, and what the source makes for itself.
    "var u = typeof URL === 'undefined' ? null : new URL('https://a/');",
    "if (typeof module !== 'undefined' && module.exports) { module.exports = { a: 1 }; }",
    "typeof process !== 'undefined' && process.env;",
    "function URL(text) { this.href = text; }\nnew URL('a').href;",
    "function f(Map, fetch) { var Set = Map; return new Set(fetch('a')); }",
    "if (!Array.prototype.flat) { Array.prototype.flat = function () { return this; }; }\n[1].flat();",
    "Object.fromEntries = Object.fromEntries || function (a) { return a; };\nObject.fromEntries([]);",
    "Object.defineProperty(String.prototype, 'at', { value: function (i) { return this[i]; } });\n'a'.at(0);",
    "var own = { at(i) { return i; }, flat: function () { return 1; } };\nown.at(1) + own.flat();",
    "var o = { URL: 1, Map: 2 };\no.URL + o.Map;\nURL: for (;;) { break URL; }",
    "var r = { with: 1 };\nr.with;",
    "function f(h) { var x = h.flat; return x; }",
];

#[test]
fn what_both_runtimes_take() {
    for dialect in [One, Two] {
        let rows: Vec<_> = BOTH.iter().map(|source| (dialect, *source, "")).collect();
        compare(&rows);
    }
}

#[test]
fn what_one_runtime_takes() {
    compare(&[
        (One, "var b = String.bytesFrom([1]);\nb.toUTF8();\n'a'.toBytes().toString('base64');", ""),
        (
            One,
            "var c = require('crypto');\nc.createHmac('sha1', 'k').update('a').digest('hex');",
            "",
        ),
        (One, "var q = require('querystring');\nq.parse('a=1');\nq.stringify({ a: 1 });", ""),
        (
            Two,
            "const a = 1;\nlet b = 2;\nfor (const k in { a }) { b = k; }\nfor (let i = 0; i < 1; i++) {}",
            "",
        ),
        (
            Two,
            "async function handler(e) {\n  const v = await get();\n  if (await get()) { return { a: [await get()], t: `${await get()}` }; }\n  return (await get()).request;\n}\nasync function get() {}",
            "",
        ),
        (Two, "async function f(a) { return a.map(async function (b) { return await b; }); }", ""),
        (
            Two,
            "import cf from 'cloudfront';\nimport q from 'querystring';\nvar c = require('crypto');\nconst kvs = cf.kvs('id');\ncf.updateRequestOrigin({});\nq.escape(c.createHash('md5').update('a').digest('hex'));\nkvs.get('a');",
            "",
        ),
        (
            Two,
            "import buffer from 'buffer';\nbuffer.Buffer.from('a').toString('base64');\nBuffer.concat([Buffer.alloc(1)]);",
            "",
        ),
        (
            Two,
            "Promise.all([]);\nPromise.allSettled([]);\nPromise.any([]);\nPromise.race([]);\nSymbol.for('a');",
            "",
        ),
        (
            Two,
            "atob(btoa('a'));\n'a'.replaceAll('a', 'b');\n/a/y.sticky;\nnew DataView(new ArrayBuffer(8));",
            "",
        ),
        (Two, "Uint8Array.from([1]).map(function (a) { return a; });\nArray.from([1]);", ""),
    ]);
}

#[test]
fn the_sample_functions_pass_strict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions");
    let mut looked_at = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(source) = std::fs::read_to_string(path.join("index.js")) else { continue };
        let description = std::fs::read_to_string(path.join("function.toml")).unwrap();
        let old = description.contains(Dialect::One.as_str());
        assert_eq!(super::found(if old { One } else { Two }, &source), "", "{}", path.display());
        looked_at += 1;
    }
    assert!(looked_at >= 8, "only {looked_at} samples: where are they?");
}
