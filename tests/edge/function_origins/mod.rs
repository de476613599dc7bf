//! Functions in the place of origins.

use std::time::{Duration, Instant};

use wit_parser::Resolve;

use crate::scene::{Answer, Edge, Origin, Scene, commands, component};

const MEMORY: &str = r#"
    (memory (export "memory") 64)
    (global $top (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
"#;

/// A function of the `lambda` world that logs its event and returns this text, or fails with it.
fn lambda(returned: &str, fails: bool) -> Vec<u8> {
    let text = returned.replace('\\', "\\\\").replace('"', "\\\"");
    let module = format!(
        r#"(module
        (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
        {MEMORY}
        (data (i32.const 1024) "{text}")
        (func (export "handle") (param $at i32) (param $length i32) (result i32)
            (global.set $top (i32.const 65536))
            (call $log (local.get $at) (local.get $length))
            (i32.store (i32.const 0) (i32.const {}))
            (i32.store (i32.const 4) (i32.const 1024))
            (i32.store (i32.const 8) (i32.const {}))
            (i32.const 0)))"#,
        i32::from(fails),
        returned.len()
    );
    component::of("lambda", &module)
}

/// A server of `wasi:http` that answers 203 with the path and query it was asked for.
fn server() -> Vec<u8> {
    let module = format!(
        r#"(module
        (import "wasi:http/types@0.2.0" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
        (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-response.set-status-code"
            (func $status (param i32 i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-response.body" (func $body (param i32 i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-body.write" (func $stream (param i32 i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
            (func $write (param i32 i32 i32 i32)))
        (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $close (param i32)))
        (import "wasi:http/types@0.2.0" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
        (import "wasi:http/types@0.2.0" "[static]response-outparam.set"
            (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
        {MEMORY}
        (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
            (local $response i32) (local $body i32) (local $stream i32)
            (call $path (local.get $request) (i32.const 512))
            (local.set $response (call $response (call $fields)))
            (drop (call $status (local.get $response) (i32.const 203)))
            (call $body (local.get $response) (i32.const 528))
            (local.set $body (i32.load (i32.const 532)))
            (call $stream (local.get $body) (i32.const 536))
            (local.set $stream (i32.load (i32.const 540)))
            (call $set (local.get $out) (i32.const 0) (local.get $response) (i32.const 0) (i64.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (call $write (local.get $stream) (i32.load (i32.const 516)) (i32.load (i32.const 520)) (i32.const 544))
            (call $close (local.get $stream))
            (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 576))))"#
    );
    let mut resolve = Resolve::default();
    let package = resolve.push_str("server.wit", include_str!("server.wit")).expect("valid wit");
    component::of_package(&resolve, package, "server", &module)
}

/// A scene whose origin `orders` is a function of this code.
fn scene(origin: &Origin, code: &[u8], words: &str) -> Scene {
    Scene::with(origin).function("orders", "wasm", "wasm", code).origin(&format!(
        "[[distribution.origin]]\nid = \"orders\"\nfunction = \"orders\"\n{words}"
    ))
}

fn nobody() -> Origin {
    Origin::answering(|_| Answer::new(500, &[], "nobody should ask"))
}

fn calls(edge: &Edge, expected: f64) {
    let patience = Instant::now() + Duration::from_secs(10);
    let count =
        || edge.metric("verge_function_invocations_total{function=\"orders\",event=\"origin\"}");
    while count() < expected && Instant::now() < patience {}
    assert_eq!(count(), expected);
}

const CREATED: &str = r#"{"statusCode":201,"statusDescription":"201 Created","isBase64Encoded":true,"body":"aGVsbG8=","headers":{"location":"/orders/7","x-order":7}}"#;
const PAGE: &str = r#"{"statusCode":200,"headers":{"cache-control":"max-age=60"},"body":"page"}"#;

#[test]
fn a_function_answers_a_load_balancers_event() {
    let origin = nobody();
    let edge = scene(&origin, &lambda(CREATED, false), "custom_headers = { x-key = \"k3y\" }\n")
        .behavior(
            "*",
            "target = \"orders\"\ncache_policy = \"CachingDisabled\"\norigin_request_policy = \"AllViewer\"\n\
             allowed_methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]",
        )
        .start();
    let request = edge.request("POST", "/a%20b?x=1&x=%20").header("Content-Type", "text/plain");
    let answer = request.body(b"hi \"there\"").send();
    assert_eq!((answer.status, answer.text().as_str()), (201, "hello"));
    assert_eq!(answer.header("location"), "http://edge.test/orders/7");
    assert_eq!(answer.header("x-order"), "7");
    let line = edge.said("httpMethod");
    let (_, event) = line.split_once('{').expect("the event");
    // The logger's own fields follow.
    let event = format!("{{{event}");
    let mut values = serde_json::Deserializer::from_str(&event).into_iter::<serde_json::Value>();
    let event = values.next().expect("a value").expect("the event is JSON");
    assert_eq!(event["httpMethod"], "POST");
    assert_eq!(event["path"], "/a%20b");
    assert_eq!(event["queryStringParameters"], serde_json::json!({ "x": "%20" }));
    assert_eq!(event["body"], "hi \"there\"");
    assert_eq!(event["headers"]["host"], "edge.test");
    assert_eq!(event["headers"]["x-key"], "k3y");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(origin.hits(), 0);
}

#[test]
fn its_answer_is_kept_and_functions_run_around_it() {
    let origin = nobody();
    let edge = scene(&origin, &lambda(PAGE, false), "")
        .javascript(
            "mark",
            "function handler(event) { event.response.headers['x-mark'] = { value: 'yes' }; return event.response; }",
        )
        .behavior("*", "target = \"orders\"\nviewer_response = \"mark\"")
        .start();
    for cache in ["Miss", "Hit"] {
        let answer = edge.get("/page");
        assert_eq!((answer.status, answer.text().as_str()), (200, "page"));
        assert_eq!(answer.header("x-mark"), "yes");
        assert_eq!(answer.x_cache(), cache);
    }
    calls(&edge, 1.0);
}

#[test]
fn lists_of_values_are_a_word_of_the_origin() {
    let origin = nobody();
    let returned = r#"{"statusCode":200,"multiValueHeaders":{"x-list":["1","2"]},"body":"ok"}"#;
    let edge = scene(&origin, &lambda(returned, false), "multi_value_headers = true\n")
        .behavior("*", "target = \"orders\"")
        .start();
    let answer = edge.get("/a?b=1&b=2");
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    assert_eq!(answer.header("x-list"), "1|2");
    assert!(
        edge.said("httpMethod").contains(r#""multiValueQueryStringParameters":{"b":["1","2"]}"#)
    );
}

#[test]
fn what_goes_wrong_is_a_bad_gateway() {
    let origin = nobody();
    for (code, said) in [
        (lambda("not json", false), "returned no valid JSON"),
        (lambda(r#"{"body":"x"}"#, false), "`statusCode` must be"),
        (lambda("thrown", true), "the handler returned an error: thrown"),
    ] {
        let edge = scene(&origin, &code, "").behavior("*", "target = \"orders\"").start();
        let answer = edge.get("/");
        assert_eq!(answer.status, 502);
        edge.said(said);
    }
    assert_eq!(origin.hits(), 0);
}

/// A function that never returns, in the `lambda` world or as a server of `wasi:http`.
fn endless(is_server: bool) -> Vec<u8> {
    let spin = "(loop $on (br $on))";
    if !is_server {
        let handle =
            format!("(func (export \"handle\") (param i32 i32) (result i32) {spin} (i32.const 0))");
        return component::lambda(&format!("(module {MEMORY} {handle})"));
    }
    let handle = format!(
        "(func (export \"wasi:http/incoming-handler@0.2.0#handle\") (param i32 i32) {spin})"
    );
    let mut resolve = Resolve::default();
    let package = resolve.push_str("server.wit", include_str!("server.wit")).expect("valid wit");
    component::of_package(&resolve, package, "server", &format!("(module {MEMORY} {handle})"))
}

#[test]
fn too_much_time_is_a_bad_gateway_and_fails_over() {
    let group = "[[distribution.origin_group]]\nid = \"both\"\nprimary = \"orders\"\nsecondary = \"origin\"\n\
                 failover_status_codes = [502]\n";
    for is_server in [false, true] {
        let origin = Origin::answering(|_| Answer::new(200, &[], "the server"));
        let edge = scene(&origin, &endless(is_server), group)
            .function_words("timeout = \"50ms\"")
            .behavior("/both", "target = \"both\"")
            .behavior("*", "target = \"orders\"")
            .start();
        let answer = edge.get("/");
        let told = (answer.status, answer.x_cache());
        assert_eq!(told, (502, "LambdaLimitExceeded".to_owned()), "a server: {is_server}");
        edge.said("ran longer than its budget of 50ms");
        assert_eq!(origin.hits(), 0);
        assert_eq!(edge.get("/both").text(), "the server");
    }
}

#[test]
fn large_bodies_do_not_fit_into_an_event() {
    let origin = nobody();
    let edge = scene(&origin, &lambda(CREATED, false), "")
        .behavior(
            "*",
            "target = \"orders\"\ncache_policy = \"CachingDisabled\"\n\
             allowed_methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]",
        )
        .start();
    let whole = edge.request("POST", "/").body(&vec![b'x'; 1 << 20]).send();
    assert_eq!(whole.status, 201);
    let large = edge.request("POST", "/").body(&vec![b'x'; (1 << 20) + 1]).send();
    assert_eq!(large.status, 413);
}

#[test]
fn a_function_is_a_member_of_a_group() {
    let group = "[[distribution.origin_group]]\nid = \"both\"\n";
    let primary = Origin::answering(|_| Answer::new(503, &[], "busy"));
    let second = format!("{group}primary = \"origin\"\nsecondary = \"orders\"\n");
    let edge =
        scene(&primary, &lambda(PAGE, false), &second).behavior("*", "target = \"both\"").start();
    assert_eq!(edge.get("/a").text(), "page");
    assert_eq!(primary.hits(), 1);
    let secondary = Origin::answering(|_| Answer::new(200, &[], "the server"));
    let first = format!("{group}primary = \"orders\"\nsecondary = \"origin\"\n");
    let edge = scene(&secondary, &lambda("thrown", true), &first)
        .behavior("*", "target = \"both\"")
        .start();
    assert_eq!(edge.get("/a").text(), "the server");
    edge.said("thrown");
}

#[test]
fn a_server_of_wasi_http_answers() {
    let origin = nobody();
    let edge = scene(&origin, &server(), "path = \"/shop\"\n")
        .behavior("*", "target = \"orders\"")
        .start();
    let answer = edge.get("/a%20b?c=d");
    assert_eq!((answer.status, answer.text().as_str()), (203, "/shop/a%20b?c=d"));
    assert_eq!(edge.get("/other").text(), "/shop/other");
    calls(&edge, 2.0);
}

#[test]
fn what_stands_beside_a_function_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("f.wasm"), server()).expect("writable");
    let check = |functions: &str, origin: &str| {
        let text = format!(
            "{functions}[[distribution]]\ndomain_name = \"d1.test\"\n[[distribution.origin]]\nid = \"o\"\n{origin}\n\
             [[distribution.behavior]]\ntarget = \"o\"\ncache_policy = \"CachingDisabled\"\n"
        );
        std::fs::write(folder.path().join("verge.toml"), text).expect("writable");
        let run = commands::verge_in(folder.path(), &["check"]);
        assert_eq!(run.code, 78, "{}", run.stderr);
        run.stderr
    };
    let wasm = "[[function]]\nname = \"f\"\nruntime = \"wasm\"\nfile = \"f.wasm\"\n";
    let script = "[[function]]\nname = \"f\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"function handler(e) { return e.request; }\"\n";
    for (functions, origin, said) in [
        (wasm, "function = \"f\"\nhttp_port = 81", "http_port: cannot stand beside `function`"),
        (wasm, "function = \"g\"", "there is no function \"g\""),
        (script, "function = \"f\"", "\"f\" is a viewer function"),
        (wasm, "domain_name = \"a.test\"\nmulti_value_headers = true", "is for functions"),
        (wasm, "", "add `domain_name` (a server) or `function`"),
        (
            wasm,
            "function = \"f\"\nmulti_value_headers = true",
            "speaks wasi:http and gets no event",
        ),
    ] {
        let stderr = check(functions, origin);
        assert!(stderr.contains(said), "{stderr} does not say {said}");
    }
}

#[test]
fn a_function_is_tested_on_a_load_balancers_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        std::fs::write(path, content).expect("writable");
    };
    let event = r#"{"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/a", "queryStringParameters": {"b": "1"},
        "headers": {"host": "h.test"}, "body": "", "isBase64Encoded": false}"#;
    for (name, code) in [("lambda", lambda(CREATED, false)), ("http", server())] {
        write(&format!("{name}/function.wasm"), &code);
        let described =
            format!("name = \"{name}\"\nruntime = \"wasm\"\ncode = \"function.wasm\"\n");
        write(&format!("{name}/function.toml"), described.as_bytes());
        write(&format!("{name}/events/json.json"), event.as_bytes());
        write(&format!("{name}/events/raw.http"), b"GET /a?b=1 HTTP/1.1\nHost: h.test\n\n");
    }
    let run = commands::verge_in(folder.path(), &["test", "./lambda", "./http", "--bless"]);
    assert_eq!(run.code, 0, "{run:?}");
    for (name, status, body) in [("lambda", 201, "aGVsbG8="), ("http", 203, "L2E/Yj0x")] {
        for event in ["json", "raw"] {
            let path = folder.path().join(format!("{name}/events/{event}.expected.json"));
            let expected = std::fs::read_to_string(path).expect("blessed");
            let expected: serde_json::Value = serde_json::from_str(&expected).expect("JSON");
            assert_eq!(expected["statusCode"], status, "{name} {event}");
            assert_eq!(expected["body"], body, "{name} {event}");
        }
    }
    write("http/events/json.json", event.replace("h.test", "").replace("host", "x-a").as_bytes());
    let run = commands::verge_in(folder.path(), &["test", "./http", "./lambda"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("a handler of wasi:http needs the header field host"), "{run:?}");
    assert!(run.stdout.contains("3 passed, 1 failed"), "{run:?}");
}
