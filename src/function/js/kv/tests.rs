//! Key-value stores through the real engine, and the import under odd questions.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use proptest::prelude::*;

use super::super::tests::{engine, load_in, on_request};
use super::super::{Budget, ViewerFunction};
use super::*;
use crate::error::FunctionFailure;
use crate::event::RequestOutcome;
use crate::function::wasm::Settings;
use crate::function::{Invocation, Runtime, Source};
use crate::kv::NamedStore;

fn store(entries: &[(&str, &str)]) -> Store {
    let entries = entries.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Store::from_entries(entries).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn named(entries: &[(&str, &str)]) -> Arc<NamedStore> {
    NamedStore::new("s".into(), Some("id-1".into()), store(entries))
}

/// A function whose answer's body is the JSON of what `body` returns.
fn telling(mode: Mode, body: &str) -> ViewerFunction {
    let code = format!(
        "import cf from 'cloudfront'; const kvs = cf.kvs();
         const tell = async (f) => {{ try {{ return await f(); }} catch (e) {{ return e.message; }} }};
         async function handler(event) {{ const told = await (async () => {{ {body} }})();
           return {{ statusCode: 200, body: JSON.stringify(told) }}; }}"
    );
    load_in(mode, &code).unwrap_or_else(|error| panic!("{error}"))
}

fn call(function: &ViewerFunction) -> Invocation<RequestOutcome> {
    let mut budget = Budget { cpu: Duration::from_millis(400), ..Budget::default() };
    on_request(function, &HeaderMap::new(), &mut budget)
}

fn told(function: &ViewerFunction) -> String {
    match call(function).result {
        Ok(RequestOutcome::Respond(response)) => {
            String::from_utf8(response.body.to_vec()).expect("text")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_function_reads_what_its_store_holds() {
    let body = "return [await kvs.get('a'), await kvs.get('j', {format: 'json'}),
        (await kvs.get('ä', {format: 'bytes'})).toString('hex'), await kvs.exists('b'),
        await kvs.count(), await kvs.meta(), await cf.kvs('id-1').get('a'), await cf.kvs('s').exists('j'),
        (await kvs.get('long')).length, await tell(() => kvs.get('b')), await tell(() => cf.kvs('id-2').get('a'))];";
    let long = "€".repeat(1_024);
    let named = named(&[("a", "1\0"), ("j", "{\"x\":[true]}"), ("ä", "ö"), ("long", &long)]);
    let function = telling(Mode::Production, body).with_store(Some(named));
    assert_eq!(
        told(&function),
        r#"["1\u0000",{"x":[true]},"c3b6",false,4,{"creationDateTime":"1970-01-01T00:00:00.000Z","lastUpdatedDateTime":"1970-01-01T00:00:00.000Z","keyCount":4},"1\u0000",true,1024,"KeyNotFound: the key-value store has no key 'b'","the key-value store 'id-2' is not associated with this function"]"#
    );
}

#[test]
fn every_call_sees_the_content_of_its_time_and_none_keeps_it() {
    let function = telling(Mode::Production, "return await kvs.get('a');");
    let named = named(&[("a", "1")]);
    let function = function.with_store(Some(named.clone()));
    let first = named.current();
    assert_eq!(told(&function), r#""1""#);
    named.publish(store(&[("a", "2")]));
    assert_eq!(told(&function), r#""2""#);
    assert_eq!(Arc::strong_count(&first), 1, "an instance that waits for its next call kept it");
    let other = NamedStore::new("t".into(), None, store(&[("a", "3")]));
    assert_eq!(told(&function.with_store(Some(other))), r#""3""#);
    assert_eq!(told(&function), r#""2""#);
    let error = call(&function.with_store(None)).result.expect_err("there is none");
    assert_eq!(error.failure, FunctionFailure::Execution);
    let message = "Error: no key-value store is associated with this function";
    assert!(error.message.starts_with(message), "{error}");
}

#[test]
fn what_the_top_level_asks_is_answered_anew_in_every_call() {
    let code = "import cf from 'cloudfront'; const early = cf.kvs().get('a');
        async function handler(event) { return { statusCode: 200, body: await early }; }";
    let named = named(&[("a", "1")]);
    let function =
        load_in(Mode::Production, code).expect("it loads").with_store(Some(named.clone()));
    assert_eq!(told(&function), "1");
    named.publish(store(&[("a", "2")]));
    assert_eq!(told(&function), "2");
}

#[test]
fn the_first_runtime_has_no_stores() {
    let source = Source {
        name: "old".into(),
        runtime: Runtime::CloudfrontJs10,
        code: b"var cf = require('cloudfront'); var asked = cf.kvs().exists('a');
            function handler(event) { return asked.then(function () { return event.request; }); }"
            .to_vec(),
        settings: Settings::default(),
        store: Some(named(&[("a", "1")])),
        memo_bytes_max: Some(limits::VIEWER_MEMOS_BYTES_MAX),
    };
    let loaded = ViewerFunction::load(&engine(Mode::Production), &source);
    // Whether the module is there at all is that runtime's affair; a store is not.
    if let Ok(function) = loaded {
        for function in [function.with_store(source.store), function] {
            assert!(call(&function).result.is_err());
        }
    }
}

#[test]
fn hostile_keys_are_keys_that_are_not_there() {
    let body = "const keys = ['', 'k'.repeat(600), 'k'.repeat(100000), '\\ud800', 'a\\udfff', 'a\\0', 'A',
            '__proto__', 'constructor', 7, null, undefined, [], {}];
        const said = [];
        for (const key of keys) {
          if (await kvs.exists(key)) said.push(key);
          const message = await tell(() => kvs.get(key));
          if (!message.startsWith('KeyNotFound: ')) said.push(message);
        }
        said.push(await tell(() => kvs.get({ toString() { throw new Error('own'); } })));
        said.push(await tell(() => kvs.exists({ toString() { throw new Error('own too'); } })));
        said.push(await tell(() => kvs.get(Symbol('s'))));
        said.push(await tell(() => cf.kvs('x'.repeat(3000)).get('a')).then((text) => text.slice(-40)));
        return said;";
    let named = named(&[("a", "1"), ("\u{fffd}", "not a surrogate"), ("a\u{fffd}", "nor this")]);
    let function = telling(Mode::Production, body).with_store(Some(named));
    assert_eq!(
        told(&function),
        r#"["own","own too","can't convert symbol to string","xx' is not associated with this function"]"#
    );
}

#[test]
fn counted_instructions_are_the_same_on_every_run_and_honest() {
    let function = telling(Mode::Metered, "await kvs.get('a'); return 1;");
    let fuel = |value: &str| {
        let named = named(&[("a", value)]);
        call(&function.with_store(Some(named))).fuel.expect("metered")
    };
    let (short, long) = (fuel("1"), fuel(&"1".repeat(1_000)));
    assert_eq!((fuel("1"), fuel(&"1".repeat(1_000))), (short, long));
    assert!(long >= short + 999 * limits::KEY_VALUE_STORE_BYTE_FUEL, "{short} {long}");
    let endless = telling(Mode::Metered, "for (;;) await kvs.exists('a');");
    let error = call(&endless.with_store(Some(named(&[])))).result.expect_err("cut off");
    assert_eq!(error.failure, FunctionFailure::Throttled);
}

#[test]
fn time_spent_asking_is_the_functions_own() {
    let function = telling(Mode::Production, "for (;;) await kvs.exists('a');");
    let function = function.with_store(Some(named(&[("a", "1")])));
    let run = on_request(&function, &HeaderMap::new(), &mut Budget::default());
    assert_eq!(run.result.expect_err("cut off").failure, FunctionFailure::Throttled);
}

#[test]
fn an_answer_goes_where_it_was_asked_for_and_nowhere_else() {
    let reading = named(&[("key", "value")]).read();
    let mut memory = *b"id-1key..........";
    let question = |what, id: (u32, u32), key: (u32, u32), room: (u32, u32)| {
        let piece = |(place, bytes)| Piece { place, bytes };
        Question { what, id: piece(id), key: piece(key), room: piece(room) }
    };
    for (asked, answer) in [
        (question(KV_GET, (0, 4), (4, 3), (8, 5)), Ok(5)),
        (question(KV_GET, (0, 0), (4, 3), (8, 9)), Ok(5)),
        (question(KV_GET, (0, 0), (4, 3), (8, 4)), Err(KV_MALFORMED)),
        (question(KV_GET, (0, 0), (4, 3), (13, 5)), Err(KV_MALFORMED)),
        (question(KV_GET, (0, 0), (u32::MAX, 3), (8, 5)), Err(KV_MALFORMED)),
        (question(KV_GET, (0, 0), (4, u32::MAX), (8, 5)), Err(KV_NOT_FOUND)),
        (question(KV_GET, (0, 0), (4, 2), (8, 5)), Err(KV_NOT_FOUND)),
        (question(KV_GET, (0, 3), (4, 3), (8, 5)), Err(KV_OTHER_STORE)),
        (question(KV_GET, (0, u32::MAX), (4, 3), (8, 5)), Err(KV_OTHER_STORE)),
        (question(KV_EXISTS, (0, 0), (4, 3), (99, 0)), Ok(0)),
        (question(KV_META, (0, 0), (0, 0), (8, 9)), Err(KV_MALFORMED)),
        (question(9, (0, 0), (4, 3), (8, 9)), Err(KV_MALFORMED)),
    ] {
        assert_eq!(ask(&reading, &mut memory, &asked), answer);
    }
    assert_eq!(&memory, b"id-1key.value....");
}

proptest! {
    #[test]
    fn no_question_makes_the_host_panic(
        mut memory in proptest::collection::vec(any::<u8>(), 0..64),
        numbers in proptest::array::uniform7(prop_oneof![0u32..70, any::<u32>()]),
    ) {
        let [what, id, id_bytes, key, key_bytes, room, room_bytes] = numbers;
        let question = Question {
            what: what % 5,
            id: Piece { place: id, bytes: id_bytes },
            key: Piece { place: key, bytes: key_bytes },
            room: Piece { place: room, bytes: room_bytes },
        };
        let before = memory.clone();
        let answer = ask(&named(&[("k", "x")]).read(), &mut memory, &question);
        if answer.is_err() {
            prop_assert_eq!(memory, before);
        }
    }
}
