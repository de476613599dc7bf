//! Requests that origin functions make themselves: who may be called, and what becomes of the connections.

mod bounds;

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use wit_parser::Resolve;

use crate::scene::{Answer, Edge, Origin, Scene, component};

/// Memory, and a result that is written piece by piece: `{"status":"200","body":"…"}`.
const RESULT: &str = r#"
    (memory (export "memory") 8)
    (global $top (mut i32) (i32.const 131072))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
    (data (i32.const 1024) "{\"status\":\"200\",\"body\":\"")
    (data (i32.const 1056) "\"}")
    (global $end (mut i32) (i32.const 0))
    (func $say (param $at i32) (param $length i32)
        (memory.copy (global.get $end) (local.get $at) (local.get $length))
        (global.set $end (i32.add (global.get $end) (local.get $length))))
    (func $digit (param $value i32)
        (i32.store8 (i32.const 1060) (i32.add (i32.const 48) (i32.rem_u (local.get $value) (i32.const 10))))
        (call $say (i32.const 1060) (i32.const 1)))
    (func $number (param $value i32)
        (call $digit (i32.div_u (local.get $value) (i32.const 100)))
        (call $digit (i32.div_u (local.get $value) (i32.const 10)))
        (call $digit (local.get $value)))
    (func (export "handle") (param i32 i32) (result i32)
        (global.set $top (i32.const 131072))
        (global.set $end (i32.const 65536))
        (call $say (i32.const 1024) (i32.const 24))
        (call $ask)
        (call $say (i32.const 1056) (i32.const 2))
        (i32.store (i32.const 0) (i32.const 0))
        (i32.store (i32.const 4) (i32.const 65536))
        (i32.store (i32.const 8) (i32.sub (global.get $end) (i32.const 65536)))
        (i32.const 0))
"#;

/// A component that asks with `wasi:http` and answers with status and body, or with the place of the error among
/// `wasi:http`'s (`HTTP-request-denied` is 015) without a body.
fn caller(scheme: &str, authority: &str) -> Vec<u8> {
    reader(
        scheme,
        authority,
        "(call $read (local.get $it) (i64.const 4096) (i32.const 640))
         (if (i32.eqz (i32.load8_u (i32.const 640)))
            (then
                (call $say (i32.load (i32.const 644)) (i32.load (i32.const 648)))
                (br $more)))",
    )
}

/// The same, which does this to read a piece of the body, and goes on at `$more`.
fn reader(scheme: &str, authority: &str, read: &str) -> Vec<u8> {
    let scheme = if scheme == "https" { 1 } else { 0 };
    let length = authority.len();
    let module = format!(
        r#"(module
        (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.0" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-scheme"
            (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
            (func $authority (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
            (func $path (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/outgoing-handler@0.2.0" "handle" (func $send (param i32 i32 i32 i32)))
        (import "wasi:http/types@0.2.0" "[method]future-incoming-response.subscribe"
            (func $subscribe (param i32) (result i32)))
        (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
        (import "wasi:http/types@0.2.0" "[method]future-incoming-response.get" (func $get (param i32 i32)))
        (import "wasi:http/types@0.2.0" "[method]incoming-response.status" (func $status (param i32) (result i32)))
        (import "wasi:http/types@0.2.0" "[method]incoming-response.consume" (func $consume (param i32 i32)))
        (import "wasi:http/types@0.2.0" "[method]incoming-body.stream" (func $stream (param i32 i32)))
        (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
        {RESULT}
        (data (i32.const 2048) "{authority}")
        (data (i32.const 2044) "/x?y")
        (func $ask (local $it i32)
            (local.set $it (call $request (call $fields)))
            (drop (call $scheme (local.get $it) (i32.const 1) (i32.const {scheme}) (i32.const 0) (i32.const 0)))
            (drop (call $authority (local.get $it) (i32.const 1) (i32.const 2048) (i32.const {length})))
            (drop (call $path (local.get $it) (i32.const 1) (i32.const 2044) (i32.const 4)))
            (call $send (local.get $it) (i32.const 0) (i32.const 0) (i32.const 512))
            (if (i32.load8_u (i32.const 512))
                (then (call $number (i32.load8_u (i32.const 520))) (return)))
            (local.set $it (i32.load (i32.const 520)))
            (call $block (call $subscribe (local.get $it)))
            (call $get (local.get $it) (i32.const 576))
            (if (i32.load8_u (i32.const 592))
                (then (call $number (i32.load8_u (i32.const 600))) (return)))
            (local.set $it (i32.load (i32.const 600)))
            (call $number (call $status (local.get $it)))
            (call $consume (local.get $it) (i32.const 640))
            (call $stream (i32.load (i32.const 644)) (i32.const 640))
            (local.set $it (i32.load (i32.const 644)))
            (loop $more {read})))"#
    );
    let mut resolve = Resolve::default();
    let package = resolve.push_str("caller.wit", include_str!("caller.wit")).expect("valid wit");
    component::of_package(&resolve, package, "caller", &module)
}

/// The same with `verge:edge/fetch`; an error is its place among the kinds, such as 000 for `denied`.
fn fetcher(url: &str) -> Vec<u8> {
    let length = url.len();
    fetching(
        url,
        &format!(
            "(i32.store (i32.const 512) (call $start
                (i32.const 2040) (i32.const 4) (i32.const 2048) (i32.const {length})
                (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 4) (i32.const 0) (i32.const 0)))
            (call $wait (i32.const 512) (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 520))
            (call $take (i32.load (i32.const 524)) (i32.const 576))
            (if (i32.load8_u (i32.const 576))
                (then (call $number (i32.load8_u (i32.const 580))) (return)))
            (call $number (i32.load16_u (i32.const 580)))
            (call $say (i32.load (i32.const 592)) (i32.load (i32.const 596)))"
        ),
    )
}

/// A component with `verge:edge/fetch`, `POST` at 2040 and this URL at 2048, that does this.
fn fetching(url: &str, ask: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
        (import "verge:edge/fetch@0.1.0" "start"
            (func $start (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "verge:edge/fetch@0.1.0" "wait" (func $wait (param i32 i32 i32 i64 i32)))
        (import "verge:edge/fetch@0.1.0" "take" (func $take (param i32 i32)))
        {RESULT}
        (data (i32.const 2048) "{url}")
        (data (i32.const 2040) "POST")
        (func $ask (local $i i32) (local $good i32) {ask}))"#
    );
    component::of("lambda-function", &module)
}

/// An edge whose function asks and answers with what it got.
fn edge(code: &[u8], egress: &[&str], words: &str) -> Edge {
    let unused = Origin::answering(|_| Answer::new(500, &[], "the function answers"));
    Scene::with(&unused)
        .function("asks", "wasm", "wasm", code)
        .function_words(&format!("egress = {egress:?}\n{words}"))
        .behavior("*", "origin_request = \"asks\"")
        .start()
}

fn said(edge: &Edge, path: &str) -> String {
    edge.get(path).text()
}

fn outbound(edge: &Edge, outcome: &str) -> f64 {
    edge.metric(&format!(
        "verge_function_outbound_requests_total{{function=\"asks\",outcome=\"{outcome}\""
    ))
}

#[test]
fn a_listed_address_is_asked_and_its_connection_kept() {
    let server = Origin::answering(|request| {
        Answer::new(203, &[("Location", "/elsewhere")], &format!("hello{}", request.target()))
    });
    let address = server.address().to_string();
    let edge = edge(&caller("http", &address), &["127.0.0.0/8:1-65535"], "");
    for path in ["/a", "/b", "/c"] {
        assert_eq!(said(&edge, path), "203hello/x?y");
    }
    let received = server.received();
    assert_eq!(received[0].header("host"), [address.as_str()]);
    assert_eq!(received.len(), 3);
    assert_eq!(server.connections(), 1, "kept for the next call");
}

#[test]
fn nobody_is_asked_who_is_not_listed() {
    let server = Origin::answering(|_| Answer::new(200, &[], "hello"));
    let address = server.address().to_string();
    let edge = edge(&caller("http", &address), &["127.0.0.1:1", "0.0.0.0/0:1-65535"], "");
    assert_eq!(said(&edge, "/a"), "004", "destination-IP-prohibited");
    let line = edge.said("refused");
    assert!(line.contains(&format!("http://{address}")), "{line}");
    assert!(line.contains(&format!("add \"{address}\" to `egress`")), "{line}");
    assert_eq!(server.hits(), 0);
    let patience = Instant::now() + Duration::from_secs(10);
    while outbound(&edge, "refused") < 1.0 && Instant::now() < patience {}
    assert_eq!(outbound(&edge, "refused"), 1.0);
    assert_eq!(outbound(&edge, "answered"), 0.0);
}

#[test]
fn a_name_is_refused_before_and_after_it_is_looked_up() {
    let server = Origin::answering(|_| Answer::new(200, &[], "hello"));
    let port = server.address().port();
    let name = format!("localhost:{port}");
    let code = caller("http", &name);
    let unlisted = edge(&code, &["localhost", "*:443"], "");
    assert_eq!(said(&unlisted, "/a"), "015", "HTTP-request-denied");
    assert!(unlisted.said("refused").contains(&format!("add \"{name}\"")));
    let inside = edge(&code, &[&name, "8.8.8.8:1-65535"], "");
    assert_eq!(said(&inside, "/a"), "004", "destination-IP-prohibited");
    assert!(inside.said("refused").contains("is no public address"));
    assert_eq!(server.hits(), 0);
    let opened = edge(&code, &[&name, &format!("127.0.0.1:{port}")], "");
    assert_eq!(said(&opened, "/a"), "200hello");
}

#[test]
fn redirects_are_answers() {
    let server = Origin::answering(|_| Answer::new(302, &[("Location", "/b")], ""));
    let address = server.address().to_string();
    let edge = edge(&caller("http", &address), &[&address], "");
    assert_eq!(said(&edge, "/a"), "302");
    assert_eq!(server.hits(), 1);
}

#[test]
fn the_end_of_a_call_closes_what_it_waits_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let edge = edge(&caller("http", &address), &[&address], "timeout = \"300ms\"");
    let silent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the function connects");
        let mut request = Vec::new();
        // Ends when the edge closes the connection; nothing is ever answered.
        stream.read_to_end(&mut request).expect("an orderly end");
        request
    });
    assert_eq!(edge.get("/a").status, 503);
    let request = silent.join().expect("the server ends");
    assert!(request.starts_with(b"GET /x?y HTTP/1.1\r\n"), "{request:?}");
}

#[test]
fn certificates_are_checked_against_the_systems_authorities() {
    let inner_origin = Origin::answering(|_| Answer::cacheable("over TLS"));
    let inner = Scene::with(&inner_origin).https().start();
    let authority = format!("localhost:{}", inner.https().port());
    let egress = [authority.clone(), "127.0.0.1:1-65535".to_owned()];
    let unused = Origin::answering(|_| Answer::new(500, &[], "the function answers"));
    let scene = || {
        Scene::with(&unused)
            .function("asks", "wasm", "wasm", &caller("https", &authority))
            .function_words(&format!("egress = {egress:?}"))
            .behavior("*", "origin_request = \"asks\"")
    };
    let trusting = scene().environment("SSL_CERT_FILE", inner.authority()).start();
    assert_eq!(said(&trusting, "/a"), "200over TLS");
    let wary = scene().start();
    assert_eq!(said(&wary, "/a"), "013", "TLS-certificate-error");
}

#[test]
fn whole_bodies_go_the_same_way() {
    let server = Origin::answering(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        Answer::new(201, &[], &format!("{}:{body}", request.method()))
    });
    let address = server.address().to_string();
    let code = fetcher(&format!("http://{address}/x"));
    let allowed = edge(&code, &[&address], "");
    assert_eq!(said(&allowed, "/a"), "201POST:http");
    assert_eq!(said(&allowed, "/b"), "201POST:http");
    assert_eq!(server.connections(), 1);
    let denied = edge(&code, &[], "");
    assert_eq!(said(&denied, "/a"), "000", "denied");
    assert_eq!(server.hits(), 2);
}
