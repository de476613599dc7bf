//! Every way a guest can go wrong fails its own call, and nothing else.

use super::*;
use crate::error::FunctionFailure;

async fn failure_of(body: &str) -> (FunctionFailure, String) {
    let function = load(&request_handler(body)).expect("loads");
    let error = Scene::new().ask(&function).await.result.expect_err(body);
    let healthy = load(&request_handler(FORWARD)).expect("loads");
    assert!(Scene::new().ask(&healthy).await.result.is_ok(), "{body} harmed its neighbour");
    (error.failure, error.message)
}

async fn assert_fails(body: &str, failure: FunctionFailure, part: &str) {
    let (found, message) = failure_of(body).await;
    assert_eq!(found, failure, "{body}: {message}");
    assert!(message.contains(part), "{body}: {message}");
}

#[tokio::test]
async fn traps_fail_the_request() {
    for (body, part) in [
        ("(unreachable)", "unreachable"),
        ("(i32.div_s (i32.const 1) (i32.load (i32.const 512)))", "divide by zero"),
        ("(i32.load (i32.const 0x7fffffff))", "out of bounds"),
        (
            "(i32.const 0) (memory.fill (i32.const 65536) (i32.const 1) (i32.const 65537))",
            "out of bounds",
        ),
        ("(call $allocate (unreachable) (i32.const 0) (i32.const 0) (i32.const 0))", "unreachable"),
    ] {
        assert_fails(body, Execution, part).await;
    }
}

#[tokio::test]
async fn endless_recursion_fails_the_request() {
    let body = r#"(func $deep (param i64) (result i64)
            (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
        (func (export "verge:edge/origin-request@0.1.0#handle") (param i32) (result i32)
            (i32.wrap_i64 (call $deep (i64.const 0))))"#;
    let function = load(&component("origin-request-function", body)).expect("loads");
    let error = Scene::new().ask(&function).await.result.expect_err("never returns");
    assert_eq!(error.failure, Execution);
    assert!(error.message.contains("stack"), "{error}");
}

#[tokio::test]
async fn loops_end_at_the_deadline() {
    for body in [
        "(loop $on (br $on)) (i32.const 0)",
        "(loop $on (memory.fill (i32.const 65536) (i32.const 7) (i32.const 65536)) (br $on)) \
            (i32.const 0)",
        "(loop $on (call $log (i32.const 0) (i32.const 9)) (br $on)) (i32.const 0)",
        "(loop $on (call $sha256 (i32.const 0) (i32.const 65536) (i32.const 64)) \
            (global.set $top (i32.const 65536)) (br $on)) (i32.const 0)",
    ] {
        assert_fails(body, Throttled, "budget of 50ms").await;
    }
}

#[tokio::test]
async fn memory_ends_at_its_limit() {
    let body = "(if (i32.eq (memory.grow (i32.const 256)) (i32.const -1)) (then unreachable)) \
        (i32.const 0)";
    assert_fails(body, Execution, "more memory than its 8 MiB").await;
    let within = format!(
        "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable)) {FORWARD}"
    );
    let function = load(&request_handler(&within)).expect("loads");
    assert!(Scene::new().ask(&function).await.result.is_ok());
}

#[tokio::test]
async fn nonsense_results_are_invalid() {
    // A result's bytes: 0 or 1 for ok and error; at 4 forward or respond; at 8 the record. A
    // response begins with its status, then (4 bytes on) the description's address and length.
    for (body, part) in [
        ("(i32.const -4)", "out of bounds"),
        ("(i32.store8 (i32.const 0) (i32.const 9)) (i32.const 0)", "discriminant"),
        (
            "(i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 5)) \
            (i32.const 0)",
            "discriminant",
        ),
        (
            "(i32.store (i32.const 4) (i32.const 1)) (i32.store (i32.const 12) (i32.const 900)) \
            (i32.store (i32.const 16) (i32.const 1)) (i32.store8 (i32.const 900) (i32.const 255)) \
            (i32.const 0)",
            "utf-8",
        ),
        (
            "(i32.store (i32.const 4) (i32.const 1)) (i32.store (i32.const 8) (i32.const 42)) \
            (i32.const 0)",
            "200 to 599",
        ),
        (
            "(i32.store (i32.const 4) (i32.const 1)) (i32.store (i32.const 8) (i32.const 200)) \
            (i32.store (i32.const 20) (i32.const 900)) (i32.store (i32.const 24) (i32.const 1)) \
            (i32.const 0)",
            "not a valid header name",
        ),
    ] {
        assert_fails(body, Validation, part).await;
    }
}

#[tokio::test]
async fn an_error_of_its_own_is_an_execution_error_with_its_text() {
    let body = "(i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 900)) \
        (i32.store (i32.const 8) (i32.const 2)) (i32.store (i32.const 900) (i32.const 0x6f6e)) \
        (i32.const 0)";
    assert_fails(body, Execution, "returned an error: no").await;
}

#[tokio::test]
async fn claims_beyond_the_exchange_limit_are_not_believed() {
    // A response whose body is 16 MiB of its memory: each byte is there, and yet too many.
    let body = "(drop (memory.grow (i32.const 120))) (i32.store (i32.const 4) (i32.const 1)) \
        (i32.store (i32.const 8) (i32.const 200)) (i32.store (i32.const 28) (i32.const 1)) \
        (i32.store (i32.const 36) (i32.const 2097152)) (i32.const 0)";
    assert_fails(body, Validation, "at most 1048576").await;
    // Fifty headers, each of the same mebibyte: 50 MiB of strings for the host to make from 1 MiB
    // of memory.
    let body = "(i32.store (i32.const 4) (i32.const 1)) (i32.store (i32.const 8) (i32.const 200)) \
        (i32.store (i32.const 20) (i32.const 1024)) (i32.store (i32.const 24) (i32.const 50)) \
        (drop (memory.grow (i32.const 20))) (local.set $event (i32.const 1824)) \
        (loop $on (local.set $event (i32.sub (local.get $event) (i32.const 16))) \
            (i32.store (local.get $event) (i32.const 131072)) \
            (i32.store (i32.add (local.get $event) (i32.const 4)) (i32.const 1048576)) \
            (br_if $on (i32.gt_u (local.get $event) (i32.const 1024)))) (i32.const 0)";
    assert_fails(body, Validation, "fuel").await;
}

#[tokio::test]
async fn a_hash_of_too_much_is_refused() {
    let body = "(drop (memory.grow (i32.const 20))) \
        (call $sha256 (i32.const 0) (i32.const 1048577) (i32.const 64)) (i32.const 0)";
    assert_fails(body, Execution, "crypto.sha256 was given 1048577 bytes").await;
}

#[tokio::test]
async fn the_log_has_a_quota() {
    let body = "(i32.store8 (i32.const 8) (i32.const 33)) \
        (loop $on (call $log (i32.const 8) (i32.const 1)) \
            (i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1))) \
            (br_if $on (i32.lt_u (i32.load (i32.const 512)) (i32.const 12000)))) \
        (unreachable)";
    // Twelve thousand calls of the host take longer than the others' budget on a busy machine.
    let settings = Settings { budget: Duration::from_secs(5), ..small() };
    let function = load_with(&request_handler(body), settings).expect("loads");
    let run = Scene::new().ask(&function).await;
    assert_eq!(run.result.expect_err("traps").failure, Execution);
    assert_eq!(run.logs.len(), crate::limits::FUNCTION_LOG_BYTES_MAX);
    assert_eq!(run.logs[0], "!");
}

fn refusal(bytes: &[u8]) -> String {
    load(bytes).expect_err("is refused").to_string()
}

fn request_export(rest: &str) -> Vec<u8> {
    let handler = "(func (export \"verge:edge/origin-request@0.1.0#handle\") (param i32) \
        (result i32) (unreachable))";
    component("origin-request-function", &format!("{handler} {rest}"))
}

#[test]
fn what_cannot_run_is_refused_at_load() {
    let spins = refusal(&request_export("(func $on (loop $again (br $again))) (start $on)"));
    assert!(spins.contains("cannot be started: ran longer than its budget"), "{spins}");
    let traps = refusal(&request_export("(func $on (unreachable)) (start $on)"));
    assert!(traps.contains("unreachable"), "{traps}");
    let core = refusal(&wat::parse_str("(module)").expect("valid"));
    assert!(core.contains("test: this is a core module"), "{core}");
    let empty = refusal(&wat::parse_str("(component)").expect("valid"));
    assert!(empty.contains("exports no handler"), "{empty}");
    let noise = refusal(b"not wasm at all");
    assert!(noise.contains("test: not a WebAssembly component"), "{noise}");
    for (import, remedy) in [
        ("wasi:http/outgoing-handler@0.3.0", "build it for WASI 0.2"),
        ("wasi:cli/environment@0.3.0", "build it for WASI 0.2"),
        ("wasi:keyvalue/store@0.2.0", "build it against wit/deps of this version"),
        ("verge:edge/nothing@0.1.0", "build it against wit/ of this version"),
    ] {
        let text = format!("(component (import \"{import}\" (instance)))");
        let refused = refusal(&wat::parse_str(text).expect("valid"));
        assert!(refused.contains(&format!("imports {import}")), "{refused}");
        assert!(refused.contains(remedy), "{refused}");
    }
}

#[test]
fn a_memory_beyond_the_limit_is_refused_at_load() {
    let module = r#"(module (memory (export "memory") 1024)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (unreachable))
        (func (export "handle") (param i32 i32) (result i32) (unreachable)))"#;
    let error = refusal(&bare_component("lambda", module));
    assert!(error.contains("more memory than its 8 MiB"), "{error}");
}

#[test]
fn a_wrong_signature_is_refused_at_load() {
    let component = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "handle") (canon lift (core func $i "f"))))"#;
    let error = refusal(&wat::parse_str(component).expect("valid"));
    assert!(error.contains("cannot be started"), "{error}");
}
