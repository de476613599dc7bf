//! Functions of the `lambda` world: environments that outlive a request, and what is told about them.

use std::time::{Duration, Instant};

use crate::scene::{Answer, Edge, Origin, Scene, component};

/// A component that answers each request with how often it was called, as one digit.
fn counter() -> Vec<u8> {
    let module = r#"(module
        (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
        (memory (export "memory") 2)
        (global $top (mut i32) (i32.const 65536))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
            (global.set $top (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
        (data (i32.const 1024) "{\"status\":\"200\",\"body\":\"0\"}")
        (func (export "handle") (param i32 i32) (result i32)
            (global.set $top (i32.const 65536))
            (i32.store8 (i32.const 1048) (i32.add (i32.load8_u (i32.const 1048)) (i32.const 1)))
            (call $log (i32.const 1048) (i32.const 1))
            (i32.store (i32.const 0) (i32.const 0))
            (i32.store (i32.const 4) (i32.const 1024))
            (i32.store (i32.const 8) (i32.const 27))
            (i32.const 0)))"#;
    component::lambda(module)
}

fn counting(words: &str) -> Edge {
    let origin = Origin::answering(|_| Answer::cacheable("the origin"));
    Scene::with(&origin)
        .function("count", "wasm", "wasm", &counter())
        .function_words(words)
        .behavior("*", "origin_request = \"count\"")
        .start()
}

/// Cold starts as counted; a call is counted after its answer was sent.
fn assert_cold_starts(edge: &Edge, expected: f64) {
    let patience = Instant::now() + Duration::from_secs(10);
    let count = || edge.metric("verge_function_cold_starts_total{function=\"count\"");
    while count() < expected && Instant::now() < patience {}
    assert_eq!(count(), expected);
}

#[test]
fn state_outside_of_the_handler_survives_and_a_reload_ends_it() {
    let edge = counting("");
    let said = ["/a", "/b", "/c"].map(|path| edge.get(path).text());
    assert_eq!(said, ["1", "2", "3"]);
    assert_cold_starts(&edge, 1.0);
    edge.said(" START RequestId: ");
    assert!(edge.said("REPORT RequestId: ").contains("Init Duration: "), "the first was cold");
    let warm = edge.said("REPORT RequestId: ");
    assert!(warm.contains("Memory Size: 128 MB") && !warm.contains("Init"), "{warm}");
    edge.signal("-HUP");
    edge.said("reloaded");
    assert_eq!(edge.get("/d").text(), "1", "a new version begins anew");
    assert_cold_starts(&edge, 2.0);
}

#[test]
fn a_function_can_ask_for_fresh_memory() {
    let edge = counting("isolation = \"fresh\"");
    let said = ["/a", "/b"].map(|path| edge.get(path).text());
    assert_eq!(said, ["1", "1"]);
    assert_cold_starts(&edge, 2.0);
}
