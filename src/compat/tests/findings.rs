//! What is found: a row for each rule and runtime.

use super::super::Dialect::{One, Two};
use super::compare;

#[test]
fn declarations() {
    compare(&[
        (One, "let a = 1;\nconst b = 2;", "let-const 1:1, let-const 2:1"),
        (Two, "{ using a = b(); }\nfunction b() {}", "using 1:3"),
        (One, "function f(a, b = 1) {}", "default-parameter 1:15"),
        (Two, "var f = (a = 1) => a;", "default-parameter 1:10"),
        (One, "var { a } = { a: 1 };", "destructuring 1:5"),
        (Two, "const [a, [b]] = [];", "destructuring 1:7"),
        (Two, "function f({ a }) {}\nf(([b]) => b);", "destructuring 1:12, destructuring 2:4"),
        (
            Two,
            "var a, b;\n[a, b] = [b, a];\n({ a: [b] } = {});",
            "destructuring 2:1, destructuring 3:2",
        ),
        (Two, "try {} catch ({ message }) {}", "destructuring 1:15"),
        (One, "class A { m() { return super.m(); } }", "class 1:1"),
        (Two, "var A = class {};", "class 1:9"),
        (Two, "var o = { m() { return super.m(); } };", "super 1:24"),
        (One, "function* g() { yield 1; }", "generator 1:1"),
        (Two, "var o = { *g() {} };", "generator 1:11"),
        (One, "async function f() {}", "async-function 1:1"),
        (One, "var f = async () => 1;", "async-function 1:9"),
        (Two, "var f = async () => 1;", "async-closure 1:9~"),
        (Two, "var o = { async m() {} };", "async-closure 1:11~"),
    ]);
}

#[test]
fn expressions_and_statements() {
    compare(&[
        (One, "var a = [1];\nMath.max(...a);", "spread 2:10"),
        (Two, "var a = [...[1]];\nvar o = { ...a };", "spread 1:10, spread 2:11"),
        (One, "function f(a) { return a?.b; }", "optional-chaining 1:25"),
        (
            Two,
            "function f(a) {\n  return a.b?.c?.[0] + a?.();\n}",
            "optional-chaining 2:13, optional-chaining 2:16, optional-chaining 2:25",
        ),
        (One, "var a;\na ||= 1;", "logical-assignment 2:1"),
        (Two, "var a;\na ??= 1;\na &&= 2;", "logical-assignment 2:1, logical-assignment 3:1"),
        (One, "function t() {}\nt`a`;", "tagged-template 2:1"),
        (Two, "var a = String.raw`\\a`;", "tagged-template 1:9, missing-member 1:16"),
        (One, "var a = 1n;", "bigint 1:9"),
        (Two, "function F() { return new.target; }", "new-target 1:23"),
        (Two, "var a = import.meta;", "import-meta 1:9"),
        (
            Two,
            "async function f(a) {\n  g(1, [await a]);\n}\nfunction g() {}",
            "await-in-arguments 2:9",
        ),
        (Two, "async function f(a) { return new Error(await a); }", "await-in-arguments 1:40"),
        (Two, "await Promise.resolve();", "top-level-await 1:1"),
        (One, "var a = /a/u;\nvar b = /a/y;", "regexp-flag 1:9, regexp-flag 2:9"),
        (Two, "var a = /a/su;\nvar b = /a/v;", "regexp-flag 1:9, regexp-flag 1:9, regexp-flag 2:9"),
        (Two, "var a = /a/d;\nvar b = new RegExp('a', 'gs');", "regexp-flag 1:9, regexp-flag 2:25"),
        (
            Two,
            "var a = /[\\w-.]/;\nvar b = new RegExp('(?<=a+)b');",
            "regexp-pattern 1:9?, regexp-pattern 2:20?",
        ),
        (One, "var a = 017;\nvar b = 08 + 0 + 0.5;", "legacy-number 1:9, legacy-number 2:9"),
        (
            Two,
            "var größe = { \\u0061: 1 };\ngröße.a;",
            "identifier 1:5, identifier 1:15, identifier 2:1",
        ),
        (Two, "var o = {};\nwith (o) {}", "with 2:1"),
        (One, "for (var a of [1]) {}", "for-of 1:1"),
        (Two, "async function f(a) { for await (const b of a) {} }", "for-of 1:23"),
        (One, "try {} catch {}", "catch-without-binding 1:8"),
        (Two, "try {\n} catch {\n}", "catch-without-binding 2:3"),
        (Two, "#!/usr/bin/env node\nvar a;", "hashbang 1:1"),
        (Two, "var a = ;", "syntax 1:9"),
        (Two, "const a = 1;\nconst a = 2;", "redeclared 2:7"),
        (Two, "function f() { let a; var a; }", "redeclared 1:27"),
        (Two, "function f(a) { let a; }", "redeclared 1:21"),
        (Two, "function a() {} function a() {} var a;", ""),
        (Two, "import c from 'crypto';\nlet b; let b;", "redeclared 2:12"),
    ]);
}

#[test]
fn modules() {
    compare(&[
        (One, "import crypto from 'crypto';", "import 1:1"),
        (Two, "import { createHash } from 'crypto';", "named-import 1:10"),
        (Two, "import * as crypto from 'crypto';", "namespace-import 1:8"),
        (Two, "import 'crypto';", "bare-import 1:1"),
        (Two, "import a from 'crypto' with { type: 'json' };", "import-attributes 1:29"),
        (Two, "import axios from 'axios';", "unknown-module 1:19"),
        (One, "var b = require('buffer');", "unknown-module 1:17"),
        (One, "var cf = require('cloudfront');", "unknown-module 1:18"),
        (Two, "var fs = require('fs');", "unknown-module 1:18"),
        (Two, "var a = 'cry';\nvar b = require(a + 'pto');", "dynamic-require 2:17?"),
        (Two, "function f() { return import('crypto'); }", "dynamic-import 1:23"),
        (One, "export function handler(event) { return event; }", "export 1:1"),
        (Two, "export default { a: 1 };", "export 1:1"),
        (Two, "function h() {}\nexport { h as handler };", "export 2:1"),
        (Two, "import c from 'crypto';\nc.randomBytes(8);", "module-member 2:3"),
        (One, "var c = require('crypto');\nc.createSign('RSA-SHA256');", "module-member 2:3"),
        (Two, "import cf from 'cloudfront';\ncf.fetch('/');", "module-member 2:4"),
        (One, "var c = require('crypto');\nc.createHash('sha512');", "hash-algorithm 2:14"),
        (Two, "import c from 'crypto';\nc.createHmac('sha384', 'k');", "hash-algorithm 2:14"),
    ]);
}

#[test]
fn globals() {
    compare(&[
        (Two, "new URL('https://a/');", "missing-global 1:5"),
        (One, "var p = new URLSearchParams('a=1');", "missing-global 1:13"),
        (Two, "escape('a') + unescape('b');", "missing-global 1:1, missing-global 1:15"),
        (Two, "structuredClone({});\nIntl;", "missing-global 1:1, missing-global 2:1"),
        (
            Two,
            "new Map();\nnew Set();\nnew WeakMap();",
            "missing-global 1:5, missing-global 2:5, missing-global 3:5",
        ),
        (Two, "new Proxy({}, {});\nReflect.ownKeys({});", "missing-global 1:5, missing-global 2:1"),
        (
            Two,
            "BigInt(1);\nsetTimeout(f, 1);\nfunction f() {}",
            "missing-global 1:1, missing-global 2:1",
        ),
        (Two, "fetch('/');\nprocess.env.A;", "missing-global 1:1, missing-global 2:1"),
        (One, "Buffer.from('a');\natob('b');", "missing-global 1:1, missing-global 2:1"),
        (One, "new DataView(new ArrayBuffer(1));", "missing-global 1:5"),
        (Two, "globalThis.setTimeout(1);", "missing-global 1:12"),
        (Two, "function f() { return evnet; }", "missing-global 1:23"),
        (Two, "crypto.createHash('md5');", "missing-global 1:1"),
        (Two, "handler = function (e) { return e; };", "undeclared-assignment 1:1"),
        (
            One,
            "function f() { for (i = 0; i < 1; i++) {} }",
            "undeclared-assignment 1:21, missing-global 1:28, undeclared-assignment 1:35",
        ),
        (One, "eval('1');", "eval 1:1"),
        (
            Two,
            "new Function('return 1');\nFunction('1');",
            "function-constructor 1:5, function-constructor 2:1",
        ),
        (Two, "console.error('a');", "console-method 1:9"),
        (One, "console.log('a', 1);", "console-log-arguments 1:18"),
        // A guard speaks for its own branch only.
        (
            Two,
            "typeof URL;\nvar u = typeof URL === 'undefined' ? null : 1;\nnew URL('a');",
            "missing-global 3:5",
        ),
    ]);
}

#[test]
fn members() {
    compare(&[
        (
            Two,
            "Object.fromEntries([]);\nObject.hasOwn({}, 'a');",
            "missing-member 1:8, missing-member 2:8",
        ),
        (Two, "Object.groupBy([], f);\nfunction f() {}", "missing-member 1:8"),
        (Two, "Object['fromEntries']([]);", "missing-member 1:8"),
        (Two, "var O = Object;\nO.fromEntries([]);", "missing-member 2:3"),
        (One, "Promise.all([]);\nSymbol.for('a');", "missing-member 1:9, missing-member 2:8"),
        (One, "Uint8Array.from([1]);\nArray.from([]);", "missing-member 1:12, missing-member 2:7"),
        (Two, "String.bytesFrom([1]);", "njs-method 1:8?"),
        (
            Two,
            "Error.captureStackTrace({});\nMath.sumPrecise([]);",
            "missing-member 1:7, missing-member 2:6",
        ),
        (Two, "Object.create(null, {});", "object-create-properties 1:21"),
    ]);
}

#[test]
fn methods() {
    compare(&[
        (
            Two,
            "[1, [2]].flat();\n[1].flatMap(f);\nfunction f() {}",
            "missing-method 1:10, missing-method 2:5",
        ),
        (
            Two,
            "var a = 'b,c'.split(',');\na.at(-1);\na.findLast(Boolean);",
            "missing-method 2:3, missing-method 3:3",
        ),
        (
            Two,
            "Object.keys({}).toSorted().toReversed();",
            "missing-method 1:17, missing-method 1:28?",
        ),
        (
            Two,
            "'a'.at(0);\n`b`.matchAll(/b/g);\n'c'.normalize();",
            "missing-method 1:5, missing-method 2:5, missing-method 3:5",
        ),
        (Two, "('a' + 1).localeCompare('b');", "missing-method 1:11"),
        (
            Two,
            "Array.prototype.flat.call([]);\nString.prototype.at;",
            "missing-method 1:17, missing-method 2:18",
        ),
        (Two, "'a'.made_up();", "missing-method 1:5"),
        (One, "'a'.replaceAll('a', 'b');", "missing-method 1:5"),
        (One, "function f(a) { return a.replaceAll('a', 'b'); }", "missing-method 1:26?"),
        (Two, "function f(a) { return a.flat(); }", "missing-method 1:26?"),
        (
            Two,
            "function f(a) { return a.at(-1) + a.with(0, 1); }",
            "missing-method 1:26?, missing-method 1:37?",
        ),
        (
            Two,
            "'a'.toBytes();\nfunction f(a) { return a.toUTF8(); }",
            "njs-method 1:5?, njs-method 2:26?",
        ),
    ]);
}
