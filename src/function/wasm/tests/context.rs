//! What a function is told about the call it is in.

use super::*;

fn asking(body: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
            (import "verge:edge/context@0.1.0" "current" (func $current (param i32)))
            (import "verge:edge/context@0.1.0" "remaining-time-in-millis"
                (func $remaining (result i64)))
            (import "verge:edge/context@0.1.0" "sleep" (func $sleep (param i64)))
            (import "verge:edge/digest@0.1.0" "hash" (func $hash (param i32 i32 i32 i32)))
            {MEMORY}
            (func $say (param i32) (call $log (i32.load (local.get 0)) (i32.load offset=4 (local.get 0))))
            (func (export "handle") (param i32 i32) (result i32) {body}
                (i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 8) (i32.const 0))
                (i32.const 0)))"#
    );
    bare_component("lambda-function", &module)
}

#[tokio::test]
async fn the_context_says_what_lambdas_does() {
    // Four texts, the memory, two texts.
    let body = "(call $current (i32.const 512))
        (call $say (i32.const 512)) (call $say (i32.const 520)) (call $say (i32.const 528))
        (call $say (i32.const 536)) (call $say (i32.const 548)) (call $say (i32.const 556))
        (if (i32.ne (i32.load (i32.const 544)) (i32.const 8)) (then unreachable))";
    let run = Scene::new().ask(&load(&asking(body)).expect("loads")).await;
    let report = run.report.expect("it ran");
    let [id, name, version, arn, group, stream] = run.logs.try_into().expect("six lines");
    assert_eq!((id, &version), (report.request_id, &report.version));
    assert_eq!(name, "test");
    assert_eq!(arn, format!("arn:aws:lambda:us-east-1:000000000000:function:test:{version}"));
    assert_eq!(group, "/aws/lambda/us-east-1.test");
    assert!(stream.contains(&format!("/[{version}]")), "{stream}");
}

#[tokio::test]
async fn remaining_time_is_what_is_left_of_the_budget() {
    let body = "(if (i64.gt_u (call $remaining) (i64.const 50)) (then unreachable))";
    let run = Scene::new().ask(&load(&asking(body)).expect("loads")).await;
    assert_eq!(run.result.expect_err("its own").message, "the handler returned an error: ");
}

#[tokio::test]
async fn sleeping_past_the_deadline_ends_at_it() {
    let body = "(call $sleep (i64.const 3600000))";
    let run = Scene::new().ask(&load(&asking(body)).expect("loads")).await;
    assert_eq!(run.result.expect_err("an hour").failure, Throttled);
    let body = "(call $sleep (i64.const 1))";
    let run = Scene::new().ask(&load(&asking(body)).expect("loads")).await;
    assert_eq!(run.result.expect_err("its own").failure, Execution);
}

#[tokio::test]
async fn digests_are_as_long_as_their_names_say() {
    for (algorithm, bytes) in [(0, 20), (1, 32), (2, 48), (3, 64)] {
        let body = format!(
            "(call $hash (i32.const {algorithm}) (i32.const 0) (i32.const 0) (i32.const 512))
             (if (i32.ne (i32.load (i32.const 516)) (i32.const {bytes})) (then unreachable))"
        );
        let run = Scene::new().ask(&load(&asking(&body)).expect("loads")).await;
        assert_eq!(run.result.expect_err("its own").message, "the handler returned an error: ");
    }
}
