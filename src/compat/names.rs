//! What each runtime has: globals, their members, the methods of arrays and strings, modules.
//!
//! Source: spec CloudFront Functions sections 7.2, 7.3 and 8. These are lists of what is there, so that what nobody thought
//! of is reported; only advice on what to use instead goes by what is not there.

use super::Dialect;

/// Names that only runtime 2.0 has stand in a second list.
struct Names {
    both: &'static [&'static str],
    two: &'static [&'static str],
    one: &'static [&'static str],
}

impl Names {
    fn has(&self, name: &str, dialect: Dialect) -> bool {
        let only = match dialect {
            Dialect::One => self.one,
            Dialect::Two => self.two,
        };
        self.both.contains(&name) || only.contains(&name)
    }
}

const fn both(both: &'static [&'static str]) -> Names {
    Names { both, two: &[], one: &[] }
}

const fn more_in_two(both: &'static [&'static str], two: &'static [&'static str]) -> Names {
    Names { both, two, one: &[] }
}

/// Everything that can be named without a declaration.
static GLOBALS: Names = more_in_two(
    &[
        "Array",
        "ArrayBuffer",
        "Boolean",
        "Date",
        "Error",
        "EvalError",
        "Float32Array",
        "Float64Array",
        "Function",
        "Infinity",
        "Int16Array",
        "Int32Array",
        "Int8Array",
        "InternalError",
        "JSON",
        "Math",
        "MemoryError",
        "NaN",
        "Number",
        "Object",
        "Promise",
        "RangeError",
        "ReferenceError",
        "RegExp",
        "String",
        "Symbol",
        "SyntaxError",
        "TextDecoder",
        "TextEncoder",
        "TypeError",
        "URIError",
        "Uint16Array",
        "Uint32Array",
        "Uint8Array",
        "Uint8ClampedArray",
        "arguments",
        "console",
        "decodeURI",
        "decodeURIComponent",
        "encodeURI",
        "encodeURIComponent",
        "eval",
        "global",
        "globalThis",
        "isFinite",
        "isNaN",
        "parseFloat",
        "parseInt",
        "require",
        "undefined",
    ],
    &["Buffer", "DataView", "atob", "btoa"],
);

/// Members that every function has.
const OF_FUNCTIONS: &[&str] = &[
    "prototype",
    "name",
    "length",
    "constructor",
    "toString",
    "hasOwnProperty",
    "call",
    "apply",
    "bind",
];

const OBJECT: Names = both(&[
    "assign",
    "create",
    "defineProperties",
    "defineProperty",
    "entries",
    "freeze",
    "getOwnPropertyDescriptor",
    "getOwnPropertyDescriptors",
    "getOwnPropertyNames",
    "getPrototypeOf",
    "is",
    "isExtensible",
    "isFrozen",
    "isSealed",
    "keys",
    "preventExtensions",
    "seal",
    "setPrototypeOf",
    "values",
]);
const STRING: Names =
    Names { both: &["fromCharCode", "fromCodePoint"], two: &[], one: &["bytesFrom"] };
const NUMBER: Names = both(&[
    "EPSILON",
    "MAX_SAFE_INTEGER",
    "MAX_VALUE",
    "MIN_SAFE_INTEGER",
    "MIN_VALUE",
    "NEGATIVE_INFINITY",
    "NaN",
    "POSITIVE_INFINITY",
    "isFinite",
    "isInteger",
    "isNaN",
    "isSafeInteger",
    "parseFloat",
    "parseInt",
]);
const MATH: Names = both(&[
    "E", "LN10", "LN2", "LOG10E", "LOG2E", "PI", "SQRT1_2", "SQRT2", "abs", "acos", "acosh",
    "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "clz32", "cos", "cosh", "exp",
    "expm1", "floor", "fround", "hypot", "imul", "log", "log10", "log1p", "log2", "max", "min",
    "pow", "random", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
]);
const SYMBOL: Names = more_in_two(
    &[
        "asyncIterator",
        "hasInstance",
        "isConcatSpreadable",
        "iterator",
        "match",
        "matchAll",
        "replace",
        "search",
        "species",
        "split",
        "toPrimitive",
        "toStringTag",
        "unscopables",
    ],
    &["for", "keyFor"],
);
const BUFFER: Names = both(&[
    "alloc",
    "allocUnsafe",
    "byteLength",
    "compare",
    "concat",
    "from",
    "isBuffer",
    "isEncoding",
]);

/// The members of a global; `None` when it is not known what it has.
fn members_of(global: &str) -> Option<Names> {
    Some(match global {
        "Array" => more_in_two(&["isArray", "of"], &["from"]),
        "ArrayBuffer" => both(&["isView"]),
        "Boolean" | "DataView" | "Function" | "RegExp" | "TextDecoder" | "TextEncoder" => both(&[]),
        "Buffer" => BUFFER,
        "Date" => both(&["UTC", "now", "parse"]),
        "Error" | "EvalError" | "InternalError" | "MemoryError" | "RangeError"
        | "ReferenceError" | "SyntaxError" | "TypeError" | "URIError" => both(&[]),
        "JSON" => both(&["parse", "stringify"]),
        "Math" => MATH,
        "Number" => NUMBER,
        "Object" => OBJECT,
        "Promise" => more_in_two(&["reject", "resolve"], &["all", "allSettled", "any", "race"]),
        "String" => STRING,
        "Symbol" => SYMBOL,
        typed if typed_array(typed) => more_in_two(&["BYTES_PER_ELEMENT"], &["from", "of"]),
        _ => return None,
    })
}

/// Whether a global is one of the nine kinds of typed arrays.
pub(super) fn typed_array(global: &str) -> bool {
    global.ends_with("Array") && global != "Array" && GLOBALS.both.contains(&global)
}

const ARRAY_METHODS: Names = both(&[
    "concat",
    "copyWithin",
    "entries",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "forEach",
    "hasOwnProperty",
    "includes",
    "indexOf",
    "isPrototypeOf",
    "join",
    "keys",
    "lastIndexOf",
    "map",
    "pop",
    "propertyIsEnumerable",
    "push",
    "reduce",
    "reduceRight",
    "reverse",
    "shift",
    "slice",
    "some",
    "sort",
    "splice",
    "toString",
    "unshift",
    "valueOf",
    "values",
]);

const STRING_METHODS: Names = Names {
    both: &[
        "charAt",
        "charCodeAt",
        "codePointAt",
        "concat",
        "endsWith",
        "hasOwnProperty",
        "includes",
        "indexOf",
        "lastIndexOf",
        "match",
        "padEnd",
        "padStart",
        "repeat",
        "replace",
        "search",
        "slice",
        "split",
        "startsWith",
        "substr",
        "substring",
        "toLowerCase",
        "toString",
        "toUpperCase",
        "trim",
        "trimEnd",
        "trimStart",
        "valueOf",
    ],
    two: &["replaceAll"],
    one: &["fromBytes", "fromUTF8", "toBytes", "toUTF8"],
};

/// Whether a name can be used without a declaration.
pub(super) fn has_global(name: &str, dialect: Dialect) -> bool {
    GLOBALS.has(name, dialect)
}

/// Whether a global has a member; `true` as well when its members are not known.
pub(super) fn has_member(global: &str, name: &str, dialect: Dialect) -> bool {
    OF_FUNCTIONS.contains(&name)
        || members_of(global).is_none_or(|members| members.has(name, dialect))
}

/// Whether arrays have a method.
pub(super) fn array_has(name: &str, dialect: Dialect) -> bool {
    ARRAY_METHODS.has(name, dialect)
}

/// Whether strings have a method.
pub(super) fn string_has(name: &str, dialect: Dialect) -> bool {
    STRING_METHODS.has(name, dialect)
}

/// What to use instead of a global that is not there.
pub(super) fn instead_of_global(name: &str, dialect: Dialect) -> &'static str {
    match name {
        "URL" => "take request.uri and request.querystring apart, they are separate already",
        "URLSearchParams" => "use the querystring module",
        "escape" | "unescape" => "use encodeURIComponent, or escape of the querystring module",
        "structuredClone" => "use JSON.parse(JSON.stringify(value))",
        "Map" | "WeakMap" => "use an object made by Object.create(null)",
        "Set" | "WeakSet" => "use the keys of an object, or an array and includes",
        "BigInt" | "BigInt64Array" | "BigUint64Array" => "use numbers",
        "Intl" => "format by hand",
        "Reflect" => "use the functions of Object",
        "Proxy" | "WeakRef" | "FinalizationRegistry" => "use a plain object",
        "setTimeout" | "setInterval" | "setImmediate" | "clearTimeout" | "clearInterval"
        | "clearImmediate" | "queueMicrotask" => "there are no timers: do it at once",
        "fetch" | "XMLHttpRequest" | "WebSocket" | "Headers" | "Request" | "Response" => {
            "there is no network: use a key-value store, or do it at the origin"
        }
        "process" => "there is no environment: use a key-value store or constants",
        "performance" => "use Date.now(), which stands still during a run",
        "crypto" | "querystring" => match dialect {
            Dialect::One => "add var x = require('x') at the top, for that module",
            Dialect::Two => "import the module at the top: import crypto from 'crypto'",
        },
        "module" | "exports" => "leave it out, or ask typeof module first",
        "Buffer" => "use String.bytesFrom(text, 'base64') and toString('base64')",
        "atob" | "btoa" => "use String.bytesFrom(text, 'base64') and toString('base64')",
        "AggregateError" => "use Error",
        "window" | "self" | "document" | "navigator" => "use globalThis, or leave it out",
        _ => "declare it, or correct its spelling",
    }
}

/// What to use instead of a member of a global.
pub(super) fn instead_of_member(global: &str, name: &str) -> &'static str {
    match (global, name) {
        ("Object", "fromEntries") => "fill an object in a loop",
        ("Object", "hasOwn") => "use Object.prototype.hasOwnProperty.call(object, name)",
        ("Object" | "Map", "groupBy") => "group with reduce",
        ("Object", "getOwnPropertySymbols") => "use getOwnPropertyNames",
        ("Array", "from") => "use Array.prototype.slice.call or a loop",
        ("Promise", _) => "await one after the other",
        ("Symbol", "for" | "keyFor") => "keep the symbol in a variable",
        ("String", "raw") => "escape the backslashes",
        ("Error", "captureStackTrace") => "leave it out",
        _ => "do it by hand; docs/runtimes.md lists what is there",
    }
}

/// Methods that the language has and no runtime has (or only 2.0): name, what has it, what to use instead. For values of
/// unknown kind, where the list of what is there says nothing.
static MISSING: &[(&str, &str, &str)] = &[
    ("at", "Array.prototype.at or String.prototype.at", "a[a.length - 1] or charAt"),
    ("flat", "Array.prototype.flat", "reduce and concat"),
    ("flatMap", "Array.prototype.flatMap", "map, reduce and concat"),
    ("findLast", "Array.prototype.findLast", "a loop from the end"),
    ("findLastIndex", "Array.prototype.findLastIndex", "a loop from the end"),
    ("toSorted", "Array.prototype.toSorted", "slice().sort()"),
    ("toReversed", "Array.prototype.toReversed", "slice().reverse()"),
    ("toSpliced", "Array.prototype.toSpliced", "slice() and splice"),
    ("with", "Array.prototype.with", "slice() and an assignment"),
    (
        "matchAll",
        "String.prototype.matchAll",
        "exec of a regular expression with flag g, in a loop",
    ),
    ("normalize", "String.prototype.normalize", "replace"),
    ("replaceAll", "String.prototype.replaceAll", "replace with a regular expression and flag g"),
    ("localeCompare", "String.prototype.localeCompare", "< and >"),
    ("toLocaleLowerCase", "String.prototype.toLocaleLowerCase", "toLowerCase"),
    ("toLocaleUpperCase", "String.prototype.toLocaleUpperCase", "toUpperCase"),
    ("trimLeft", "String.prototype.trimLeft", "trimStart"),
    ("trimRight", "String.prototype.trimRight", "trimEnd"),
    ("isWellFormed", "String.prototype.isWellFormed", "a loop over charCodeAt"),
    ("toWellFormed", "String.prototype.toWellFormed", "a loop over charCodeAt"),
    ("fromBytes", "String.prototype.fromBytes", "Buffer.from"),
    ("fromUTF8", "String.prototype.fromUTF8", "Buffer.from"),
    ("toBytes", "String.prototype.toBytes", "Buffer.from"),
    ("toUTF8", "String.prototype.toUTF8", "Buffer.from"),
];

/// Whether AWS documents a method of strings for the first runtime only.
pub(super) fn of_runtime_one(name: &str) -> bool {
    STRING_METHODS.one.contains(&name)
}

/// A method of the language that a runtime does not have: what it is a method of, and what to use instead.
pub(super) fn missing_method(name: &str, dialect: Dialect) -> Option<(&'static str, &'static str)> {
    if array_has(name, dialect) || string_has(name, dialect) {
        return None;
    }
    let row = MISSING.iter().find(|(missing, ..)| *missing == name)?;
    Some((row.1, row.2))
}

/// The modules of a runtime.
pub(super) fn modules(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::One => &["crypto", "querystring"],
        Dialect::Two => &["crypto", "querystring", "buffer", "cloudfront"],
    }
}

/// The members of a module; `None`: not a module.
pub(super) fn module_members(module: &str) -> Option<&'static [&'static str]> {
    Some(match module {
        "crypto" => &["createHash", "createHmac"],
        "querystring" => &["decode", "encode", "escape", "parse", "stringify", "unescape"],
        "buffer" => &["Buffer"],
        "cloudfront" => &[
            "createRequestOriginGroup",
            "cwt",
            "distributionTenant",
            "edgeLocation",
            "kvs",
            "mtls",
            "selectRequestOriginById",
            "updateRequestOrigin",
        ],
        _ => return None,
    })
}

/// What to use instead of a module that is not there.
pub(super) fn instead_of_module(name: &str, dialect: Dialect) -> String {
    match (name.strip_prefix("node:").unwrap_or(name), dialect) {
        ("fs" | "path" | "os" | "process", _) => {
            "there are no files and no environment: use constants or a key-value store".to_owned()
        }
        ("http" | "https" | "net" | "dns" | "aws-sdk" | "axios" | "node-fetch", _) => {
            "there is no network: use a key-value store, or do it at the origin".to_owned()
        }
        ("url", _) => "take request.uri apart by hand".to_owned(),
        ("buffer" | "cloudfront", Dialect::One) => "set runtime = \"cloudfront-js-2.0\"".to_owned(),
        _ => format!("use one of {}, or write it into this file", modules(dialect).join(", ")),
    }
}

/// The digests of the crypto module.
pub(super) const HASHES: &[&str] = &["md5", "sha1", "sha256"];

#[cfg(test)]
mod tests;
