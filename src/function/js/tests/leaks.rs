//! A call leaves nothing behind for the next one: a row for each place in which something could be left.

use super::*;

/// Name of the channel, what stands at top level, and what a call does: it puts what it finds into `found` and leaves
/// something there.
const CHANNELS: [(&str, &str, &str); 23] = [
    ("a variable", "let n = 0;", "found = n; n += 1;"),
    ("a property of the global object", "", "found = globalThis.left; globalThis.left = 1;"),
    ("a global that is replaced", "", "found = typeof parseInt; parseInt = 1;"),
    ("Object.prototype", "", "found = {}.left; Object.prototype.left = 1;"),
    ("Array.prototype", "", "found = [].left; Array.prototype.left = 1;"),
    ("Function.prototype", "", "found = handler.left; Function.prototype.left = 1;"),
    ("Promise.prototype", "", "found = Promise.prototype.left; Promise.prototype.left = 1;"),
    (
        "a built-in that is replaced",
        "",
        "found = JSON.stringify([1]); JSON.stringify = () => 'left';",
    ),
    (
        "a well-known symbol",
        "",
        "found = String.prototype[Symbol.iterator].left; String.prototype[Symbol.iterator].left = 1;",
    ),
    (
        "the registry of symbols",
        "",
        "found = Symbol.for('left').left; Object.getPrototypeOf(Symbol.for('left')).left = 1;",
    ),
    ("a module", "", "found = require('querystring').left; require('querystring').left = 1;"),
    (
        "a function of a module",
        "import crypto from 'crypto';",
        "found = typeof crypto.createHash; crypto.createHash = 1;",
    ),
    ("Buffer", "", "found = Buffer.from('a').left; Buffer.prototype.left = 1;"),
    ("bytes", "const bytes = new Uint8Array(1);", "found = bytes[0]; bytes[0] += 1;"),
    ("a collection", "const seen = new Map();", "found = seen.size; seen.set(seen.size, 1);"),
    (
        "the identity of a template",
        "const tag = (parts) => parts; const site = () => tag`a`; const seen = new WeakSet();",
        "found = seen.has(site()); seen.add(site());",
    ),
    ("a regular expression", "const re = /a/g;", "found = re.lastIndex; re.exec('aa');"),
    (
        "a generator",
        "const count = (function* () { for (let i = 0; ; i++) yield i; })();",
        "found = count.next().value;",
    ),
    ("an event that is kept", "let kept;", "found = kept === undefined; kept = event;"),
    (
        "the event's prototypes",
        "",
        "found = event.left + event.request.headers.left; Object.getPrototypeOf(event.request.headers).left = 1;",
    ),
    (
        "a job that is not awaited",
        "let n = 0;",
        "found = n; Promise.resolve().then(() => { n += 1; });",
    ),
    (
        "a promise that is settled late",
        "let settle; let n = 0; const late = new Promise((resolve) => { settle = resolve; });",
        "late.then(() => { n += 1; }); found = n; settle();",
    ),
    (
        "an error",
        "const error = new Error('a');",
        "found = error.message; error.message += 'left';",
    ),
];

#[test]
fn no_channel_leads_from_a_call_to_the_next() {
    for (channel, top, body) in CHANNELS {
        let function = function(&format!(
            "{top} function handler(event) {{ let found; {body} console.log(channelLog());
             event.request.uri = '/' + found; return event.request; }}
             function channelLog() {{ return 'one line'; }}"
        ));
        let mut before = None;
        for call in 0..3 {
            let run = on_request(&function, &plain(), &mut patient());
            assert_eq!(run.logs, ["one line"], "{channel}");
            let Ok(RequestOutcome::Continue(edits)) = run.result else {
                panic!("{channel}: {:?}", run.result)
            };
            let before = before.get_or_insert_with(|| edits.path.clone());
            assert_eq!(*before, edits.path, "{channel}, call {call}");
        }
    }
}

#[test]
fn no_channel_leads_from_a_function_to_another() {
    let reads = function(
        "function handler(event) { event.request.uri = '/' + [globalThis.left, {}.left, [].left, handler.left,
           require('querystring').left, Buffer.prototype.left, typeof parseInt, JSON.stringify([1]),
           Promise.prototype.left, event.request.headers.left].join(); return event.request; }",
    );
    let read = || match on_request(&reads, &plain(), &mut patient()).result {
        Ok(RequestOutcome::Continue(edits)) => edits.path,
        other => panic!("{other:?}"),
    };
    let before = read();
    for (channel, top, body) in CHANNELS {
        let leaves = function(&format!(
            "{top} function handler(event) {{ let found; {body} return event.request; }}"
        ));
        assert!(on_request(&leaves, &plain(), &mut patient()).result.is_ok(), "{channel}");
        assert_eq!(read(), before, "{channel}");
    }
}
