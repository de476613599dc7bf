//! `wasi:keyvalue` and `wasi:config` as a component meets them.

use super::*;
use crate::kv::Store;

/// Texts that guests ask with, at their addresses from 1024 on, each 16 bytes apart.
const TEXTS: &str = r#"
    (data (i32.const 1024) "redirects") (data (i32.const 1040) "id-1") (data (i32.const 1056) "other")
    (data (i32.const 1072) "a") (data (i32.const 1088) "lost") (data (i32.const 1104) "COLOUR")
    ;; A list of two keys.
    (data (i32.const 1120) "\40\04\00\00\04\00\00\00\30\04\00\00\01\00\00\00")
    (data (i32.const 1136) "yesno")"#;

const FUNCTIONS: &str = r#"
    (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "open" (func $open (param i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.get" (func $get (param i32 i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.set"
        (func $set (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.delete"
        (func $delete (param i32 i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.exists"
        (func $exists (param i32 i32 i32 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[method]bucket.list-keys"
        (func $list (param i32 i32 i64 i32)))
    (import "wasi:keyvalue/store@0.2.0-draft" "[resource-drop]bucket" (func $close (param i32)))
    (import "wasi:keyvalue/batch@0.2.0-draft" "get-many" (func $get-many (param i32 i32 i32 i32)))
    (import "wasi:keyvalue/batch@0.2.0-draft" "set-many" (func $set-many (param i32 i32 i32 i32)))
    (import "wasi:keyvalue/batch@0.2.0-draft" "delete-many" (func $delete-many (param i32 i32 i32 i32)))
    (import "wasi:config/store@0.2.0-rc.1" "get" (func $variable (param i32 i32 i32)))
    (import "wasi:config/store@0.2.0-rc.1" "get-all" (func $variables (param i32)))"#;

/// Says the text whose address and length lie at an address, or whether a byte there is set.
const HELPERS: &str = r#"
    (func $say (param i32) (call $log (i32.load (local.get 0)) (i32.load offset=4 (local.get 0))))
    (func $tell (param i32)
        (if (i32.load8_u (local.get 0))
            (then (call $log (i32.const 1136) (i32.const 3)))
            (else (call $log (i32.const 1139) (i32.const 2)))))"#;

/// A function that runs `body` with `$bucket` opened by the name of nine letters.
fn asking(body: &str) -> OriginFunction {
    let module = format!(
        r#"(module {FUNCTIONS} {MEMORY} {TEXTS} {HELPERS}
            (func (export "handle") (param i32 i32) (result i32) (local $bucket i32)
                (call $open (i32.const 1024) (i32.const 9) (i32.const 512))
                (local.set $bucket (i32.load (i32.const 516)))
                {body}
                (i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 8) (i32.const 0))
                (i32.const 0)))"#
    );
    let mut resolve = Resolve::default();
    resolve.push_dir("wit").expect("valid wit");
    let world = "package test:stores;
        world reading { include verge:edge/lambda@0.1.0; include verge:edge/stores@0.1.0; }";
    let package = resolve.push_str("stores.wit", world).expect("valid wit");
    let world = resolve.select_world(&[package], Some("reading")).expect("the world");
    let mut module = wat::parse_str(module).expect("valid text");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("fits");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("a module");
    let bytes = encoder.encode().expect("fits its world");
    let environment = vec![("A".into(), "1".into()), ("COLOUR".into(), "blue".into())];
    let budget = Duration::from_secs(5);
    load_with(&bytes, Settings { environment, budget, ..small() }).expect("loads")
}

fn redirects(entries: &[(&str, &str)]) -> Arc<NamedStore> {
    let entries = entries.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    let store = Store::from_entries(entries).expect("good entries");
    NamedStore::new("redirects".to_owned(), Some("arn:aws:x/id-1".to_owned()), store)
}

/// What a function said that reads this store. It ends with an error of its own and not with a trap.
async fn said(function: &OriginFunction, store: Option<Arc<NamedStore>>) -> Vec<String> {
    let run = Scene::new().ask(&function.with_store(store)).await;
    assert_eq!(run.result.expect_err("its own").message, "the handler returned an error: ");
    run.logs
}

#[tokio::test]
async fn keys_have_values_or_none() {
    let function = asking(
        "(call $get (local.get $bucket) (i32.const 1072) (i32.const 1) (i32.const 600))
         (call $tell (i32.const 600)) (call $say (i32.const 608))
         (call $get (local.get $bucket) (i32.const 1088) (i32.const 4) (i32.const 600))
         (call $tell (i32.const 600)) (call $tell (i32.const 604))
         (call $exists (local.get $bucket) (i32.const 1072) (i32.const 1) (i32.const 600))
         (call $tell (i32.const 604))
         (call $exists (local.get $bucket) (i32.const 1088) (i32.const 4) (i32.const 600))
         (call $tell (i32.const 604))
         (call $get-many (local.get $bucket) (i32.const 1120) (i32.const 2) (i32.const 600))
         (call $tell (i32.load (i32.const 604)))
         (call $tell (i32.add (i32.const 20) (i32.load (i32.const 604))))
         (call $say (i32.add (i32.const 24) (i32.load (i32.const 604))))
         (call $say (i32.add (i32.const 32) (i32.load (i32.const 604))))
         (call $close (local.get $bucket))",
    );
    let store = redirects(&[("a", "/new"), ("b", "2")]);
    let told = ["no", "/new", "no", "no", "yes", "no", "no", "yes", "a", "/new"];
    assert_eq!(said(&function, Some(store)).await, told);
}

#[tokio::test]
async fn a_store_has_the_names_it_has_in_javascript() {
    let function = asking(
        "(call $tell (i32.const 512))
         (call $open (i32.const 1040) (i32.const 4) (i32.const 512)) (call $tell (i32.const 512))
         (call $open (i32.const 0) (i32.const 0) (i32.const 512)) (call $tell (i32.const 512))
         (call $open (i32.const 1056) (i32.const 5) (i32.const 512)) (call $tell (i32.const 512))
         ;; no-such-store is the first of the errors.
         (call $tell (i32.const 516))",
    );
    let refused = |name: &str| {
        format!(
            "wasi:keyvalue: \"{name}\" is no store of this function: name it in its `key_value_stores`"
        )
    };
    let told = said(&function, Some(redirects(&[]))).await;
    let expected = ["no", "no", "no", &refused("other"), "yes", "no"];
    assert_eq!(told, expected);
    let told = said(&function, None).await;
    assert_eq!(told[..2], [refused("redirects"), "yes".to_owned()]);
}

#[tokio::test]
async fn nothing_is_changed() {
    let function = asking(
        "(call $set (local.get $bucket) (i32.const 1072) (i32.const 1) (i32.const 1088) (i32.const 4) (i32.const 600))
         (call $tell (i32.const 600)) (call $say (i32.const 608))
         (call $delete (local.get $bucket) (i32.const 1072) (i32.const 1) (i32.const 600)) (call $tell (i32.const 600))
         (call $set-many (local.get $bucket) (i32.const 0) (i32.const 0) (i32.const 600)) (call $tell (i32.const 600))
         (call $delete-many (local.get $bucket) (i32.const 0) (i32.const 0) (i32.const 600)) (call $tell (i32.const 600))
         (call $get (local.get $bucket) (i32.const 1072) (i32.const 1) (i32.const 600)) (call $say (i32.const 608))",
    );
    let told = said(&function, Some(redirects(&[("a", "still")]))).await;
    let reason = "key-value stores are read-only here: change the store's file and reload";
    assert_eq!(told, ["yes", reason, "yes", "yes", "yes", "still"]);
}

/// Says the first key of the answer that begins at a cursor, and whether another one follows.
fn listing(cursor: &str) -> OriginFunction {
    asking(&format!(
        "(call $list (local.get $bucket) {cursor} (i32.const 600))
         (if (i32.load (i32.const 612)) (then (call $say (i32.load (i32.const 608)))))
         (call $tell (i32.const 616))
         ;; The cursor's low bytes, as two letters from `A` on.
         (i32.store8 (i32.const 700) (i32.add (i32.const 65) (i32.div_u (i32.load (i32.const 624)) (i32.const 100))))
         (if (i32.load8_u (i32.const 616)) (then (call $log (i32.const 700) (i32.const 1))))"
    ))
}

#[tokio::test]
async fn keys_are_listed_in_order_in_answers_of_a_thousand() {
    let keys: Vec<String> = (0..1_001).map(|number| format!("k{number:04}")).collect();
    let entries: Vec<_> = keys.iter().rev().map(|key| (key.as_str(), "")).collect();
    let store = redirects(&entries);
    for (cursor, told) in [
        ("(i32.const 0) (i64.const 0)", &["k0000", "yes", "K"][..]),
        ("(i32.const 1) (i64.const 1)", &["k0001", "no"]),
        ("(i32.const 1) (i64.const 1000)", &["k1000", "no"]),
        ("(i32.const 1) (i64.const 1001)", &["no"]),
        ("(i32.const 1) (i64.const -1)", &["no"]),
    ] {
        assert_eq!(said(&listing(cursor), Some(Arc::clone(&store))).await, told, "{cursor}");
    }
}

#[tokio::test]
async fn a_batch_has_a_limit() {
    let function = asking(
        "(call $get-many (local.get $bucket) (i32.const 8192) (i32.const 1001) (i32.const 600))
         (call $tell (i32.const 600)) (call $say (i32.const 608))",
    );
    let told = said(&function, Some(redirects(&[]))).await;
    assert_eq!(told, ["yes", "get-many was asked for 1001 keys; it gives 1000"]);
}

#[tokio::test]
async fn a_call_keeps_the_content_it_began_with_and_the_next_one_has_the_new() {
    let function = asking(
        "(call $get (local.get $bucket) (i32.const 1072) (i32.const 1) (i32.const 600)) (call $say (i32.const 608))",
    );
    let store = redirects(&[("a", "old")]);
    let function = function.with_store(Some(Arc::clone(&store)));
    let scene = Scene::new();
    assert_eq!(scene.ask(&function).await.logs, ["old"]);
    store.publish(Store::from_entries([("a".to_owned(), "new".to_owned())]).expect("good"));
    let run = scene.ask(&function).await;
    assert_eq!(run.logs, ["new"]);
    assert_eq!(run.report.expect("it ran").init, None, "the environment is the same");
}

#[tokio::test]
async fn configuration_is_the_functions_own_variables() {
    let function = asking(
        "(call $variable (i32.const 1104) (i32.const 6) (i32.const 600))
         (call $tell (i32.const 600)) (call $tell (i32.const 604)) (call $say (i32.const 608))
         (call $variable (i32.const 1056) (i32.const 5) (i32.const 600))
         (call $tell (i32.const 600)) (call $tell (i32.const 604))
         (call $variables (i32.const 600))
         (if (i32.ne (i32.load (i32.const 608)) (i32.const 2)) (then unreachable))
         (call $say (i32.load (i32.const 604)))
         (call $say (i32.add (i32.const 24) (i32.load (i32.const 604))))",
    );
    let refused = said(&function, Some(redirects(&[]))).await;
    assert_eq!(refused, ["no", "yes", "blue", "no", "no", "A", "blue"]);
}
