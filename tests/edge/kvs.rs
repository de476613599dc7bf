//! Key-value stores: what functions read from them, and when new content counts.

use crate::scene::commands::{self, SMALLEST_DISTRIBUTION, verge};
use crate::scene::{Answer, Origin, Scene, component};
use wit_parser::Resolve;

fn origin() -> Origin {
    Origin::answering(|request| Answer::cacheable(request.target()))
}

/// Answers with the value of the key in the path, or says why there is none.
const LOOKUP: &str = r#"
import cf from 'cloudfront';
const kvs = cf.kvs();
async function handler(event) {
    const key = decodeURIComponent(event.request.uri.slice(event.request.uri.lastIndexOf('/') + 1));
    try {
        const value = await kvs.get(key);
        return { statusCode: 200, body: value };
    } catch (error) {
        return { statusCode: 404, body: error.message };
    }
}"#;

#[test]
fn a_redirect_table_is_kept_in_a_store() {
    let table = r#"
import cf from 'cloudfront';
async function handler(event) {
    const request = event.request;
    const kvs = cf.kvs('a1b2c3d4-5678');
    if (await kvs.exists(request.uri)) {
        const target = await kvs.get(request.uri, { format: 'json' });
        return { statusCode: target.status, headers: { location: { value: target.to } } };
    }
    const meta = await kvs.meta();
    request.uri += '-of-' + meta.keyCount;
    return request;
}"#;
    let origin = origin();
    let edge = Scene::with(&origin)
        .store(
            "redirects",
            &[("/old", r#"{"to":"/new","status":301}"#), ("/broken", "not JSON")],
            "id = \"arn:aws:cloudfront::123456789012:key-value-store/a1b2c3d4-5678\"",
        )
        .reading("table", "redirects", table)
        .behavior("*", "viewer_request = \"table\"")
        .start();
    let moved = edge.get("/old");
    assert_eq!((moved.status, moved.header("location").as_str()), (301, "/new"));
    assert_eq!(moved.x_cache(), "FunctionGeneratedResponse");
    assert_eq!(edge.get("/elsewhere").text(), "/elsewhere-of-2");
    let broken = edge.get("/broken");
    assert_eq!((broken.status, broken.x_cache().as_str()), (503, "FunctionExecutionError"));
    let log = edge.stop();
    let line = log.iter().find(|line| line["path"] == "/broken").expect("the request is logged");
    assert!(line.to_string().contains("the value of the key '/broken' is not JSON"), "{line}");
}

#[test]
fn formats_missing_keys_and_hostile_keys() {
    let bytes = r#"
import cf from 'cloudfront';
async function handler(event) {
    const value = await cf.kvs().get('bytes', { format: 'bytes' });
    return { statusCode: 200, body: value.toString('hex') };
}"#;
    let careless = "import cf from 'cloudfront';
        async function handler(event) { return await cf.kvs().get('lost'); }";
    let hostile = r#"
import cf from 'cloudfront';
const kvs = cf.kvs();
async function handler(event) {
    const keys = ['', 'k'.repeat(600), '\ud800', 'a\0', Symbol('s'), { toString() { throw new Error('own'); } }];
    const said = [];
    for (const key of keys) {
        try { said.push(await kvs.get(key)); } catch (error) { said.push(error.name); }
    }
    return { statusCode: 200, body: said.join() };
}"#;
    let origin = origin();
    let edge = Scene::with(&origin)
        .store("s", &[("a", "1"), ("ä/€", "found"), ("bytes", "ä"), ("\u{fffd}", "no")], "")
        .reading("lookup", "s", LOOKUP)
        .reading("bytes", "s", bytes)
        .reading("careless", "s", careless)
        .reading("hostile", "s", hostile)
        .behavior("/lookup/*", "viewer_request = \"lookup\"")
        .behavior("/bytes", "viewer_request = \"bytes\"")
        .behavior("/careless", "viewer_request = \"careless\"")
        .behavior("/hostile", "viewer_request = \"hostile\"")
        .start();
    assert_eq!(edge.get("/lookup/a").text(), "1");
    assert_eq!(edge.get("/lookup/%C3%A4%2F%E2%82%AC").text(), "found");
    let lost = edge.get("/lookup/lost");
    assert_eq!(lost.status, 404);
    assert_eq!(lost.text(), "KeyNotFound: the key-value store has no key 'lost'");
    assert_eq!(edge.get("/bytes").text(), "c3a4");
    assert_eq!(edge.get("/careless").status, 503, "a key that nobody catches fails the call");
    let names = "KeyNotFound,KeyNotFound,KeyNotFound,KeyNotFound,TypeError,Error";
    assert_eq!(edge.get("/hostile").text(), names);
    let log = edge.stop();
    let line = log.iter().find(|line| line["path"] == "/careless").expect("it is logged");
    assert!(line.to_string().contains("has no key 'lost'"), "{line}");
}

#[test]
fn two_functions_read_two_stores_and_a_third_has_none() {
    let origin = origin();
    let other_id = LOOKUP.replace("cf.kvs()", "cf.kvs('id-b')");
    let edge = Scene::with(&origin)
        .store("a", &[("k", "from a")], "id = \"id-a\"")
        .settings("[[key_value_store]]\nname = \"b\"\nid = \"id-b\"\nentries = { k = \"from b\" }")
        .reading("reads-a", "a", LOOKUP)
        .reading("reads-b", "b", &other_id)
        .reading("asks-for-b", "a", &other_id)
        .javascript("reads-none", LOOKUP)
        .behavior("/a/*", "viewer_request = \"reads-a\"")
        .behavior("/b/*", "viewer_request = \"reads-b\"")
        .behavior("/ab/*", "viewer_request = \"asks-for-b\"")
        .behavior("/none/*", "viewer_request = \"reads-none\"")
        .start();
    for _ in 0..5 {
        assert_eq!(edge.get("/a/k").text(), "from a");
        assert_eq!(edge.get("/b/k").text(), "from b");
        let other = "the key-value store 'id-b' is not associated with this function";
        assert_eq!(edge.get("/ab/k").text(), other);
        let none = "no key-value store is associated with this function";
        assert_eq!(edge.get("/none/k").text(), none);
    }
}

#[test]
fn a_reload_publishes_new_content_and_keeps_the_old_when_it_is_wrong() {
    let origin = origin();
    let edge = Scene::with(&origin)
        .store("s", &[("k", "first")], "")
        .reading("f", "s", LOOKUP)
        .behavior("*", "viewer_request = \"f\"")
        .start();
    assert_eq!(edge.get("/k").text(), "first");
    edge.rewrite_store("s", &[("k", "second"), ("new", "there")]);
    assert_eq!(edge.get("/k").text(), "first", "nobody said that it changed");
    edge.signal("-HUP");
    edge.said("reloaded");
    assert_eq!((edge.get("/k").text(), edge.get("/new").text()), ("second".into(), "there".into()));
    edge.rewrite_store("s", &[("k", "third"), ("k", "third again")]);
    edge.signal("-HUP");
    let problem = edge.said("not reloaded");
    assert!(problem.contains("s.json:1: data[1].key: the key \"k\" is there twice"), "{problem}");
    assert_eq!(edge.get("/k").text(), "second");
}

/// A component of the `lambda` world that answers with the value of the key `k` and the variable `COLOUR`.
pub fn telling() -> Vec<u8> {
    let module = format!(
        r#"(module
        (import "wasi:keyvalue/store@0.2.0-draft" "open" (func $open (param i32 i32 i32)))
        (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.get" (func $get (param i32 i32 i32 i32)))
        (import "wasi:config/store@0.2.0-rc.1" "get" (func $variable (param i32 i32 i32)))
        {}
        (data (i32.const 1024) "k") (data (i32.const 1040) "COLOUR") (data (i32.const 1072) "\"}}")
        (data (i32.const 2048) "{{\"status\":\"200\",\"body\":\"")
        (global $end (mut i32) (i32.const 0))
        (func $append (param i32 i32)
            (memory.copy (global.get $end) (local.get 0) (local.get 1))
            (global.set $end (i32.add (global.get $end) (local.get 1))))
        (func (export "handle") (param i32 i32) (result i32)
            (call $begin)
            (global.set $end (i32.const 2072))
            (call $open (i32.const 0) (i32.const 0) (i32.const 512))
            (call $get (i32.load (i32.const 516)) (i32.const 1024) (i32.const 1) (i32.const 512))
            (call $append (i32.load (i32.const 520)) (i32.load (i32.const 524)))
            (call $variable (i32.const 1040) (i32.const 6) (i32.const 512))
            (call $append (i32.load (i32.const 520)) (i32.load (i32.const 524)))
            (call $append (i32.const 1072) (i32.const 2))
            (i32.store (i32.const 0) (i32.const 0))
            (i32.store (i32.const 4) (i32.const 2048))
            (i32.store (i32.const 8) (i32.sub (global.get $end) (i32.const 2048)))
            (i32.const 0)))"#,
        component::MEMORY
    );
    let mut resolve = Resolve::default();
    resolve.push_dir("wit").expect("valid wit");
    let world = "package test:stores;
        world telling { include verge:edge/lambda@0.1.0; include verge:edge/stores@0.1.0; }";
    let package = resolve.push_str("stores.wit", world).expect("valid wit");
    component::of_package(&resolve, package, "telling", &module)
}

#[test]
fn components_read_the_same_stores() {
    let origin = origin();
    let edge = Scene::with(&origin)
        .store("s", &[("k", "first")], "")
        .function("tells", "wasm", "wasm", &telling())
        .function_words("key_value_stores = [\"s\"]\nenvironment = { COLOUR = \" and ${COLOUR}\" }")
        .reading("f", "s", LOOKUP)
        .environment("COLOUR", "blue".into())
        .behavior("/k", "viewer_request = \"f\"")
        .behavior("*", "origin_request = \"tells\"\ncache_policy = \"CachingDisabled\"")
        .start();
    assert_eq!(
        (edge.get("/k").text(), edge.get("/").text()),
        ("first".into(), "first and blue".into())
    );
    edge.rewrite_store("s", &[("k", "second")]);
    edge.signal("-HUP");
    edge.said("reloaded");
    assert_eq!(
        (edge.get("/k").text(), edge.get("/").text()),
        ("second".into(), "second and blue".into())
    );
}

#[test]
fn a_test_gives_a_component_its_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &[u8]| {
        std::fs::write(folder.path().join(name), text).expect("the folder is writable");
    };
    write("tells.wasm", &telling());
    write(
        "function.toml",
        b"name = \"tells\"\nruntime = \"wasm\"\ncode = \"tells.wasm\"\n[environment]\nCOLOUR = \" and red\"\n",
    );
    write("kvs.json", br#"{"data": [{"key": "k", "value": "tested"}]}"#);
    let event = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/functions/header-signing/events/signed.json"
    ));
    write("event.json", &event.expect("the sample is there"));
    let run = commands::verge_in(
        folder.path(),
        &["test", "--event", "event.json", "--kvs", "kvs.json", "./"],
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("tested and red"), "{run:?}");
}

#[test]
fn what_is_wrong_with_stores_is_listed_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("the folder is writable");
    };
    write("bad.json", "{\"data\":[\n{\"key\":\"\",\"value\":\"1\"},\n{\"key\":\"a\"}]}");
    write("f.js", "function handler(event) { return event.request; }");
    write(
        "verge.toml",
        &format!(
            "[state]\ndirectory = \"{}\"\n\
             [[key_value_store]]\nname = \"bad\"\nfile = \"bad.json\"\n\
             [[function]]\nname = \"f\"\nruntime = \"cloudfront-js-2.0\"\nfile = \"f.js\"\n\
             key_value_stores = [\"baad\"]\n{SMALLEST_DISTRIBUTION}",
            commands::state_directory().display()
        ),
    );
    let file = folder.path().join("verge.toml");
    let run = verge(&["check", "--config", &file.to_string_lossy()]);
    assert_eq!(run.code, 78, "{run:?}");
    for words in [
        "bad.json:2: data[0].key: is empty",
        "bad.json:3: data[1]: is no entry: missing field `value`",
        "function[0].key_value_stores[0]: there is no key-value store \"baad\" (did you mean \"bad\"?)",
        "3 problems",
    ] {
        assert!(run.stderr.contains(words), "{words} is not in {}", run.stderr);
    }
}
