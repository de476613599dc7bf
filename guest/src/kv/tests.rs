//! Key-value stores off the sandbox, with a map in the host's place.

use crate::event;
use crate::machine::Machine;
use crate::wire::{EVENT_REQUEST, RESULT_FAILED, Reader, Writer};

/// What the host does, done by a map of this thread.
pub mod double {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use crate::wire::{
        KV_EXISTS, KV_FOUND, KV_GET, KV_MALFORMED, KV_META, KV_NO_STORE, KV_NOT_FOUND,
        KV_OTHER_STORE,
    };

    /// The id that the map answers to, besides none.
    pub const ID: &str = "store-1";

    thread_local! {
        pub static MAP: RefCell<Option<BTreeMap<&'static str, &'static str>>> =
            const { RefCell::new(None) };
    }

    pub fn ask(question: u32, id: &[u8], key: &[u8], room: &mut [u8]) -> u64 {
        let mut say = |status: u32, answer: &[u8]| {
            room[..answer.len()].copy_from_slice(answer);
            u64::from(status) << 32 | answer.len() as u64
        };
        MAP.with_borrow(|map| {
            let Some(map) = map else { return say(KV_NO_STORE, &[]) };
            if !id.is_empty() && id != ID.as_bytes() {
                return say(KV_OTHER_STORE, &[]);
            }
            let value = std::str::from_utf8(key).ok().and_then(|key| map.get(key));
            match (question, value) {
                (KV_META, _) => {
                    let numbers = [0, 1_700_000_000_123, map.len() as u64];
                    say(KV_FOUND, numbers.map(u64::to_le_bytes).as_flattened())
                }
                (KV_GET, Some(value)) => say(KV_FOUND, value.as_bytes()),
                (KV_EXISTS, Some(_)) => say(KV_FOUND, &[]),
                (KV_GET | KV_EXISTS, None) => say(KV_NOT_FOUND, &[]),
                _ => say(KV_MALFORMED, &[]),
            }
        })
    }
}

fn hold(entries: &[(&'static str, &'static str)]) {
    double::MAP.set(Some(entries.iter().copied().collect()));
}

fn machine(source: &str) -> Machine {
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    machine.load(source, false, 128).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    machine
}

/// What the handler throws: the tests' way to see values.
fn thrown(machine: &mut Machine) -> String {
    let mut event = Writer::default();
    event.u8(EVENT_REQUEST);
    event.u64(1_700_000_000_000);
    event.u64(42);
    for texts in [&["d1.example", "E1", "id-1", "198.51.100.7"][..], &["GET", "/a"]] {
        let place = event.count();
        texts.iter().for_each(|text| event.text(text));
        if texts.len() == 2 {
            event.optional(None);
        }
        let length = event.as_bytes().len() - place;
        event.fill_count(place, length);
    }
    for _ in 0..2 {
        event.u32(4);
        event.u32(0);
    }
    let bytes = event.into_bytes();
    event::with(|event| event.room(bytes.len())[..bytes.len()].copy_from_slice(&bytes));
    let answer = machine.call(bytes.len()).to_vec();
    let mut reader = Reader::new(&answer);
    assert_eq!(reader.u8().expect("a kind"), RESULT_FAILED);
    let message = reader.text().expect("a message");
    message.split_once(", at line ").map_or(message, |parts| parts.0).to_owned()
}

const SHOW: &str = "const show = async (f) => { try { return await f(); } catch (e) { return [e.name, e.message]; } };";

/// The values of expressions, or name and message of what they reject with, as JSON.
fn eval(expressions: &str) -> String {
    let source = format!(
        "import cf from 'cloudfront'; {SHOW} const kvs = cf.kvs();
         async function handler(event) {{ const all = [];
           for (const f of [{expressions}]) all.push(await show(f));
           throw new Error(JSON.stringify(all)); }}"
    );
    let message = thrown(&mut machine(&source));
    message.strip_prefix("Error: ").expect("an error").to_owned()
}

#[test]
fn values_come_in_three_formats() {
    hold(&[("a", "1ä"), ("j", "{\"x\":[1]}"), ("", "never asked for"), ("€", "euro")]);
    assert_eq!(
        eval(
            "() => kvs.get('a'), () => kvs.get('a', {}), () => kvs.get('a', {format: 'string'}),
             () => kvs.get('j', {format: 'json'}), () => kvs.get('a', {format: 'bytes'}),
             async () => (await kvs.get('a', {format: 'bytes'})) instanceof Buffer,
             () => kvs.get('€', null), () => cf.kvs('store-1').get('a')"
        ),
        r#"["1ä","1ä","1ä",{"x":[1]},{"type":"Buffer","data":[49,195,164]},true,"euro","1ä"]"#
    );
}

#[test]
fn what_cannot_be_given_rejects_and_says_why() {
    hold(&[("a", "1"), ("j", "{")]);
    let said = eval(
        "() => kvs.get('x'), () => kvs.get('a', {format: 'xml'}), () => kvs.get('a', {format: 1}),
         () => cf.kvs('other').get('a'), () => cf.kvs('\\ud800').exists('a'), () => kvs.get(),
         () => kvs.get({toString() { throw new RangeError('own')}}), () => kvs.get(Symbol('s')),
         () => kvs.get('a', {get format() { throw new EvalError('own')}})",
    );
    let expected = [
        r#"["KeyNotFound","KeyNotFound: the key-value store has no key 'x'"]"#,
        r#"["TypeError","unknown format 'xml'; there are string, json and bytes"]"#,
        r#"["TypeError","unknown format '1'; there are string, json and bytes"]"#,
        r#"["Error","the key-value store 'other' is not associated with this function"]"#,
        "[\"Error\",\"the key-value store '\u{fffd}' is not associated with this function\"]",
        r#"["KeyNotFound","KeyNotFound: the key-value store has no key 'undefined'"]"#,
        r#"["RangeError","own"]"#,
        r#"["TypeError","can't convert symbol to string"]"#,
        r#"["EvalError","own"]"#,
    ];
    assert_eq!(said, format!("[{}]", expected.join(",")));
    let broken = eval("() => kvs.get('j', {format: 'json'})");
    let start = r#"[["SyntaxError","the value of the key 'j' is not JSON: "#;
    assert!(broken.starts_with(start), "{broken}");
    double::MAP.set(None);
    let none = r#"["Error","no key-value store is associated with this function"]"#;
    let said = eval("() => kvs.get('a'), () => kvs.exists('a'), () => kvs.meta()");
    assert_eq!(said, format!("[{none},{none},{none}]"));
}

#[test]
fn a_missed_key_that_is_not_caught_fails_the_call() {
    hold(&[]);
    let source = "import cf from 'cloudfront';
        async function handler(event) { return await cf.kvs().get('lost'); }";
    let message = thrown(&mut machine(source));
    assert_eq!(message, "Error: KeyNotFound: the key-value store has no key 'lost'");
}

#[test]
fn the_rest_is_told_too() {
    hold(&[("a", "1"), ("b", "")]);
    assert_eq!(
        eval(
            "() => kvs.exists('a'), () => kvs.exists('b'), () => kvs.exists('c'), () => kvs.count(),
             () => kvs.meta(), () => kvs.get('b'), () => kvs.exists('\\ud800'),
             async () => kvs.exists('a') instanceof Promise && kvs.meta() instanceof Promise"
        ),
        r#"[true,true,false,2,{"creationDateTime":"1970-01-01T00:00:00.000Z","lastUpdatedDateTime":"2023-11-14T22:13:20.123Z","keyCount":2},"",false,true]"#
    );
}

#[test]
fn what_the_top_level_asks_is_answered_by_the_call() {
    hold(&[("a", "old")]);
    let mut machine = machine(
        "import cf from 'cloudfront'; const early = cf.kvs().get('a'); const lost = cf.kvs().get('x');
         lost.catch(() => 0); const there = cf.kvs().exists('a');
         async function handler(event) {
           let lostBy; try { await lost; } catch (e) { lostBy = e.name; }
           throw new Error(JSON.stringify([await early, lostBy, await there])); }",
    );
    hold(&[("a", "new")]);
    assert_eq!(thrown(&mut machine), r#"Error: ["new","KeyNotFound",true]"#);
}

#[test]
fn waiting_for_a_store_at_the_top_level_is_refused() {
    hold(&[("a", "1")]);
    let mut machine = Machine::new(1 << 16).expect("the prelude runs");
    let source = "import cf from 'cloudfront'; await cf.kvs().get('a'); function handler() {}";
    let refusal = machine.load(source, false, 128).expect_err("refused");
    assert_eq!(refusal.message, "Error: the top level waits for ever");
}
