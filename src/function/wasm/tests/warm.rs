//! Environments that serve one call after the other.

use std::time::Instant;

use super::*;
use crate::limits::ORIGIN_ENVIRONMENT_IDLE_TIME;

/// Logs how often it was called, and then runs `then`.
fn counter(then: &str) -> Vec<u8> {
    component(
        "lambda",
        &format!(
            r#"(global $calls (mut i32) (i32.const 48))
            (func (export "handle") (param i32 i32) (result i32)
                (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                (i32.store8 (i32.const 1024) (global.get $calls))
                (call $log (i32.const 1024) (i32.const 1))
                (global.set $top (i32.const 65536))
                {then}
                (i32.store (i32.const 0) (i32.const 0))
                (i32.store (i32.const 4) (i32.const 1024))
                (i32.store (i32.const 8) (i32.const 1))
                (i32.const 0))"#
        ),
    )
}

/// What the counter said in so many calls, one after the other.
async fn counted(function: &OriginFunction, calls: usize) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..calls {
        said.extend(Scene::new().ask(function).await.logs);
    }
    said
}

#[tokio::test]
async fn a_lambda_function_keeps_its_state_between_calls() {
    let function = load(&counter("")).expect("loads");
    assert_eq!(counted(&function, 3).await, ["1", "2", "3"]);
    let reports =
        [Scene::new().ask(&function).await.report, Scene::new().ask(&function).await.report];
    let [one, other] = reports.map(|report| report.expect("it ran"));
    assert_eq!((one.init, other.init), (None, None), "both were warm");
    assert_ne!(one.request_id, other.request_id);
    assert_eq!(one.memory_bytes_used, 2 << 16);
}

#[tokio::test]
async fn the_first_call_is_a_cold_start() {
    let function = load(&counter("")).expect("loads");
    let report = Scene::new().ask(&function).await.report.expect("it ran");
    assert!(report.init.is_some_and(|init| init > Duration::ZERO));
    assert!(report.as_lambda);
}

#[tokio::test]
async fn isolation_can_be_chosen() {
    let fresh = Settings { isolation: Some(Isolation::Fresh), ..small() };
    let function = load_with(&counter(""), fresh).expect("loads");
    assert_eq!(counted(&function, 3).await, ["1", "1", "1"]);
    let typed = format!(
        "(i32.store8 (i32.const 2000) (i32.add (i32.load8_u (i32.const 2000)) (i32.const 1))) \
         (i32.store8 (i32.const 2001) (i32.add (i32.load8_u (i32.const 2000)) (i32.const 48))) \
         (call $log (i32.const 2001) (i32.const 1)) {FORWARD}"
    );
    let function = load(&request_handler(&typed)).expect("loads");
    assert_eq!(counted(&function, 2).await, ["1", "1"], "typed components are fresh by default");
    let warm = Settings { isolation: Some(Isolation::Warm), ..small() };
    let function = load_with(&request_handler(&typed), warm).expect("loads");
    assert_eq!(counted(&function, 2).await, ["1", "2"]);
}

#[tokio::test]
async fn a_trap_or_a_timeout_retires_the_environment() {
    for (then, failure) in [("(unreachable)", Execution), ("(loop $on (br $on))", Throttled)] {
        // Goes wrong in its third call.
        let then = format!("(if (i32.eq (global.get $calls) (i32.const 51)) (then {then}))");
        let function = load(&counter(&then)).expect("loads");
        assert_eq!(counted(&function, 2).await, ["1", "2"]);
        let run = Scene::new().ask(&function).await;
        assert_eq!((run.result.expect_err("fails").failure, run.logs), (failure, vec!["3".into()]));
        assert_eq!(counted(&function, 2).await, ["1", "2"], "a new one began");
    }
}

#[tokio::test]
async fn an_invalid_result_or_an_error_of_its_own_keeps_it() {
    let then = "(i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 1024)) \
        (i32.store (i32.const 8) (i32.const 1)) (return (i32.const 0))";
    let function = load(&counter(then)).expect("loads");
    let run = Scene::new().ask(&function).await;
    assert_eq!(run.result.expect_err("an error").message, "the handler returned an error: 1");
    assert_eq!(counted(&function, 2).await, ["2", "3"]);
}

#[tokio::test]
async fn one_that_has_grown_near_its_limit_is_not_used_again() {
    // 8 MiB are 128 pages; three quarters are 96.
    let grow = "(if (i32.eq (global.get $calls) (i32.const 50)) \
        (then (drop (memory.grow (i32.const 100)))))";
    let function = load(&counter(grow)).expect("loads");
    assert_eq!(counted(&function, 4).await, ["1", "2", "1", "2"]);
}

#[tokio::test]
async fn calls_at_a_time_have_an_environment_each() {
    let function = load(&counter("")).expect("loads");
    let scenes = [Scene::new(), Scene::new()];
    let (one, other) = tokio::join!(
        async {
            let run = scenes[0].ask(&function);
            // Both are under way before the first ends.
            tokio::task::yield_now().await;
            run.await
        },
        scenes[1].ask(&function)
    );
    assert!(one.logs.len() == 1 && other.logs.len() == 1);
    let pool = function.pool.as_ref().expect("a warm function");
    assert!(pool.len() <= 2);
}

#[tokio::test]
async fn what_nobody_asks_for_goes() {
    let function = load(&counter("")).expect("loads");
    assert_eq!(counted(&function, 1).await, ["1"]);
    let pool = function.pool.as_ref().expect("a warm function");
    pool.expire_at(Instant::now());
    assert_eq!(pool.len(), 1);
    pool.expire_at(Instant::now() + ORIGIN_ENVIRONMENT_IDLE_TIME);
    assert_eq!(pool.len(), 0);
    assert_eq!(counted(&function, 1).await, ["1"]);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_leaves_nothing_behind() {
    let then = "(loop $on (br_if $on (i32.ge_u (global.get $calls) (i32.const 50))))";
    let function = load(&counter(then)).expect("loads");
    assert_eq!(counted(&function, 1).await, ["1"]);
    let scene = Scene::new();
    tokio::select! {
        biased;
        _ = scene.ask(&function) => panic!("the second call never ends"),
        () = tokio::task::yield_now() => {}
    }
    let pool = function.pool.as_ref().expect("a warm function");
    assert_eq!(pool.len(), 0, "it was in the middle of something");
}

#[tokio::test]
async fn reserved_concurrency_is_kept_and_not_exceeded() {
    let one = Settings { concurrency: Some(1), budget: Duration::from_secs(5), ..small() };
    // Its second and later calls never end by themselves.
    let then = "(loop $on (br_if $on (i32.ge_u (global.get $calls) (i32.const 50))))";
    let function = load_with(&counter(then), one).expect("loads");
    assert_eq!(counted(&function, 1).await, ["1"]);
    let scenes = [Scene::new(), Scene::new()];
    tokio::select! {
        biased;
        _ = scenes[0].ask(&function) => panic!("the second call never ends"),
        run = scenes[1].ask(&function) => {
            let error = run.result.expect_err("one runs already");
            assert_eq!(error.failure, Throttled);
            assert_eq!(error.message, "test was not run: 1 calls of it run already");
        }
    }
    assert!(function.permits().is_ok(), "the place is free again");
}
