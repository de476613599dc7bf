//! `verge test`, feature by feature, through the program itself.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::scene::commands::{self, Run, command_in, verge_in};

const UPPER: &str = "function handler(event) {\n  event.request.uri = event.request.uri.toUpperCase();\n  \
                     return event.request;\n}\n";

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it is in the folder"))
        .expect("the folder is writable");
    fs::write(path, text).expect("the folder is writable");
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("the file is there")
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("no JSON: {run:?}"))
}

const EVENT: &str = r#"{"request": {"uri": "/a", "headers": {"host": {"value": "h.example"}}}}"#;

#[test]
fn a_file_is_tested_on_events_of_every_kind_and_blessed_in_their_language() {
    let folder = folder(&[
        ("up.js", UPPER),
        ("events/one.json", EVENT),
        ("events/two.yaml", "request:\n  uri: /b\n  headers: {host: {value: h.example}}\n"),
        ("events/three.http", "GET /c?x=1 HTTP/1.1\nHost: h.example\nX-A: 1\nX-A: 2\n\n"),
        ("events/README.md", "no event"),
    ]);
    let run = verge_in(folder.path(), &["test", "./up.js"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.stdout.contains("there is no events/one.expected.json; --bless writes it")
            || run.stdout.contains("one.expected.json; --bless writes it"),
        "{run:?}"
    );
    let run = verge_in(folder.path(), &["test", "up.js", "--bless"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("0 passed, 0 failed, 3 blessed"), "{run:?}");
    let expected: Value =
        serde_json::from_str(&read(folder.path(), "events/three.expected.json")).expect("JSON");
    assert_eq!(expected["request"]["uri"], "/C");
    assert_eq!(expected["request"]["querystring"], json!({ "x": { "value": "1" } }));
    assert_eq!(
        expected["request"]["headers"]["x-a"],
        json!({ "value": "1", "multiValue": [{ "value": "1" }, { "value": "2" }] })
    );
    assert!(read(folder.path(), "events/two.expected.yaml").contains("  uri: /B\n"));

    // What is right already is not written again: only the one that was spoilt is.
    let spoilt = read(folder.path(), "events/one.expected.json").replace("/A", "/wrong");
    write(folder.path(), "events/one.expected.json", &spoilt);
    let run = verge_in(folder.path(), &["test", "up.js"]);
    assert_eq!(run.code, 1, "{run:?}");
    let told = "request.uri\n        expected  \"/wrong\"\n        given     \"/A\"\n";
    assert!(run.stdout.contains(told) && run.stdout.contains("2 passed, 1 failed"), "{run:?}");
    let run = verge_in(folder.path(), &["test", "up.js", "--bless"]);
    assert!(run.stdout.contains("2 passed, 0 failed, 1 blessed"), "{run:?}");
    assert!(run.stdout.contains("one.expected.json"), "{run:?}");
    assert_eq!(verge_in(folder.path(), &["test", "up.js"]).code, 0);
}

#[test]
fn an_expected_failure_passes_and_any_other_does_not() {
    let code = "function handler(event) {\n  if (event.request.uri === '/ok') return event.request;\n  \
                throw new Error('no ' + event.request.uri);\n}";
    let folder = folder(&[
        ("f.js", code),
        ("events/bad.json", EVENT),
        ("events/bad.expected.json", r#"{"error": "no /a"}"#),
    ]);
    let run = verge_in(folder.path(), &["test", "f.js"]);
    assert_eq!(run.code, 0, "{run:?}");
    write(folder.path(), "events/bad.expected.json", r#"{"error": "something else"}"#);
    let run = verge_in(folder.path(), &["test", "f.js"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("should have failed with \"something else\""), "{run:?}");
    verge_in(folder.path(), &["test", "f.js", "--bless"]);
    let blessed = read(folder.path(), "events/bad.expected.json");
    assert_eq!(blessed, "{\n  \"error\": \"Error: no /a\"\n}\n");
    write(folder.path(), "events/bad.json", &EVENT.replace("/a", "/ok"));
    let run = verge_in(folder.path(), &["test", "f.js"]);
    assert!(run.code == 1 && run.stdout.contains("and did not"), "{run:?}");
}

#[test]
fn what_is_thrown_is_shown_as_a_compiler_would() {
    let code = "function look(table) {\n\treturn table.none.more;\n}\n\nfunction handler(event) {\n  \
                return look(event.request);\n}\n";
    let folder = folder(&[("f.js", code), ("e.json", EVENT)]);
    let run = verge_in(folder.path(), &["test", "f.js", "--event", "e.json"]);
    assert_eq!(run.code, 1, "{run:?}");
    let lines: Vec<&str> = run.stderr.lines().collect();
    let at =
        lines.iter().position(|line| line.starts_with("error: TypeError: ")).expect("an error");
    let column = lines[at + 1].rsplit(':').next().and_then(|column| column.parse::<usize>().ok());
    assert!(lines[at + 1].starts_with(" --> f.js:2:"), "{run:?}");
    assert_eq!(lines[at + 3], "2 |  return table.none.more;");
    assert_eq!(lines[at + 4].find('^'), column.map(|column| column + 3), "{run:?}");
    assert!(lines[at + 5].starts_with("  at look (f.js:2:"), "{run:?}");
    assert!(lines[at + 6].starts_with("  at handler (f.js:6:"), "{run:?}");

    write(folder.path(), "f.js", "function handler(e) {\n  return e..request;\n}\n");
    let run = verge_in(folder.path(), &["test", "f.js", "--event", "e.json"]);
    assert_eq!(run.code, 78, "{run:?}");
    assert!(
        run.stderr.contains("--> f.js:2:") && run.stderr.contains("2 |   return e..request;"),
        "{run:?}"
    );
}

#[test]
fn functions_are_named_by_configuration_or_folder_and_wrong_arguments_are_refused() {
    let settings = "name = \"NAME\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"index.js\"\n";
    let state = commands::state_directory();
    let configuration = format!(
        "[state]\ndirectory = \"{}\"\n[[function]]\npath = \"one\"\n[[function]]\npath = \"two\"\n{}",
        state.display(),
        commands::SMALLEST_DISTRIBUTION
    );
    let folder = folder(&[
        ("one/function.toml", &settings.replace("NAME", "one")),
        ("one/index.js", UPPER),
        ("one/events/e.json", EVENT),
        ("one/events/e.expected.json", "{}"),
        ("two/function.toml", &settings.replace("NAME", "two")),
        ("two/index.js", UPPER),
        ("verge.toml", &configuration),
    ]);
    assert_eq!(verge_in(folder.path(), &["test", "one", "--bless"]).code, 0);
    let run = verge_in(folder.path(), &["test", "--all"]);
    assert!(run.code == 0 && run.stdout.contains("1 passed, 0 failed, 1 skipped"), "{run:?}");
    let run = verge_in(folder.path(), &["test", "./one", "two"]);
    assert!(run.code == 1 && run.stdout.contains("two\n  FAILED   has no events"), "{run:?}");
    write(folder.path(), "all/one/e.json", EVENT);
    write(folder.path(), "all/two/e.json", EVENT);
    let run = verge_in(folder.path(), &["test", "one", "two", "--events", "all", "--bless"]);
    assert!(run.code == 0 && run.stdout.contains("2 blessed"), "{run:?}");
    assert!(read(folder.path(), "all/two/e.expected.json").contains("/A"));
    let run = verge_in(folder.path(), &["test", "one", "two", "--event", "one/events/e.json"]);
    assert!(run.code == 0 && run.stdout.contains("2 passed"), "{run:?}");

    let run = verge_in(folder.path(), &["test", "onne"]);
    assert!(run.code == 2 && run.stderr.contains("\"one\""), "{run:?}");
    for arguments in [
        &["test"][..],
        &["test", "one", "--event", "absent.json"],
        &["test", "one", "--now", "yesterday", "--event", "one/events/e.json"],
        &["test", "one", "--max-utilization", "101"],
        &["test", "one", "--kvs", "one/events/e.json"],
        &["test", "--batch", "--now", "1"],
    ] {
        let run = verge_in(folder.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run:?}");
    }
    write(folder.path(), "two/function.toml", "name = 1\n");
    for arguments in [&["test", "--all"][..], &["test", "./two"], &["test", "./absent.js"]] {
        assert_eq!(verge_in(folder.path(), arguments).code, 78, "{arguments:?}");
    }
}

#[test]
fn strays_in_a_folder_of_events_are_failures() {
    let folder = folder(&[
        ("f.js", UPPER),
        ("events/a.json", EVENT),
        ("events/a.yaml", "request: {}\n"),
        ("events/b.expected.json", "{}"),
        ("events/c.json", "{"),
        ("events/c.expected.json", "{}"),
    ]);
    let run = verge_in(folder.path(), &["test", "f.js", "--format", "json"]);
    let report = json_of(&run);
    let mut told: Vec<_> = report["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .map(|test| {
            (
                test["event"].as_str(),
                test["status"].as_str(),
                test["message"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    told.sort_unstable();
    let part = |index: usize, name: &str, words: &str| {
        let (event, status, message) = told[index];
        assert_eq!((event, status), (Some(name), Some("failed")), "{told:?}");
        assert!(message.contains(words), "{message}");
    };
    part(0, "a", "a.expected.json; --bless writes it");
    part(1, "a.yaml", "shares its expected output");
    part(2, "b.expected.json", "has no event beside it");
    part(3, "c", "is not JSON");
    assert_eq!((run.code, told.len()), (1, 4));
}

#[test]
fn a_utilization_above_the_limit_is_a_failure() {
    let code = "function handler(e) { let n = 0; for (let i = 0; i < 3000; i++) n += i; return e.request; }";
    let settings = "name = \"busy\"\nruntime = \"cloudfront-js-2.0\"\ncode = \"index.js\"\n[test]\nmax_utilization = 1\n";
    let folder = folder(&[
        ("busy/function.toml", settings),
        ("busy/index.js", code),
        ("busy/events/e.json", EVENT),
    ]);
    let run = verge_in(folder.path(), &["test", "./busy", "--bless"]);
    assert!(run.code == 1 && run.stdout.contains("at most 1 % are allowed"), "{run:?}");
    let run = verge_in(folder.path(), &["test", "./busy", "--max-utilization", "100"]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = verge_in(folder.path(), &["test", "./busy", "--event", "busy/events/e.json"]);
    assert!(run.code == 1 && run.stderr.contains("at most 1 % are allowed"), "{run:?}");
}

#[test]
fn clock_random_numbers_and_runtime_can_be_held() {
    let code = "function handler(e) {\n  e.request.uri = '/' + Date.now() + '/' + Math.random() + '/' + \
                typeof String.bytesFrom;\n  return e.request;\n}";
    let folder = folder(&[("f.js", code), ("e.json", EVENT)]);
    let uri = |more: &[&str]| {
        let arguments = ["test", "f.js", "--event", "e.json", "--format", "json"];
        let run = verge_in(folder.path(), &[&arguments[..], more].concat());
        let output: Value =
            serde_json::from_str(json_of(&run)["FunctionOutput"].as_str().expect("a text"))
                .unwrap_or_else(|_| panic!("{run:?}"));
        output["request"]["uri"].as_str().expect("a text").to_owned()
    };
    let held = ["--now", "2026-01-31T12:00:00Z", "--random", "7", "--runtime", "cloudfront-js-1.0"];
    let one = uri(&held);
    assert!(one.starts_with("/1769860800000/0.") && one.ends_with("/function"), "{one}");
    assert_eq!(uri(&held), one);
    let other = uri(&["--now", "1769860800000", "--random", "8"]);
    assert!(other.starts_with("/1769860800000/0.") && other.ends_with("/undefined"), "{other}");
    assert_ne!(one.split('/').nth(2), other.split('/').nth(2));
}

/// A function with one good event, one that differs, and one that throws; with names that want escaping.
fn mixed() -> tempfile::TempDir {
    let code = "function handler(event) {\n  console.log('<' + event.request.uri + '> \\u0007');\n  \
                return event.request.uri === '/throw' ? null.x : event.request;\n}\n";
    let folder = folder(&[
        ("f.js", code),
        ("events/a good.json", EVENT),
        ("events/b # & \"bad\".json", EVENT),
        ("events/c.json", &EVENT.replace("/a", "/throw")),
    ]);
    verge_in(folder.path(), &["test", "f.js", "--bless"]);
    let bad = "events/b # & \"bad\".expected.json";
    write(folder.path(), bad, &read(folder.path(), bad).replace("/a", "/<b>"));
    write(folder.path(), "events/c.expected.json", "{\"request\": {}}");
    folder
}

#[test]
fn tap_has_a_plan_and_a_block_for_each_failure() {
    let folder = mixed();
    let run = verge_in(folder.path(), &["test", "f.js", "--format", "tap"]);
    assert_eq!(run.code, 1, "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..3], ["TAP version 14", "1..3", "ok 1 - f: a good"]);
    assert_eq!(lines[3], "not ok 2 - f: b \\# & \"bad\"");
    assert_eq!(lines[4..6], ["  ---", "  message: \"the output differs in one place\""]);
    let ends = lines.iter().filter(|line| **line == "  ...").count();
    assert_eq!(ends, 2, "{run:?}");
    for line in &lines[2..] {
        let known = ["ok ", "not ok ", "  "].iter().any(|start| line.starts_with(start));
        assert!(known && !line.contains('\u{7}'), "{line:?}");
    }
    write(folder.path(), "f.js", "function handler(");
    let run = verge_in(folder.path(), &["test", "f.js", "--format", "tap"]);
    assert!(
        run.code == 78 && run.stdout.ends_with("Bail out! nothing could be tested\n"),
        "{run:?}"
    );
}

/// Panics unless every tag is closed in order and nothing is left unescaped.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    let body = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a head");
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{part}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_matches('/').split(' ').next().expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{xml}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    for entity in body.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
        assert!(known.iter().any(|known| entity.starts_with(known)), "&{entity}");
    }
    assert!(open.is_empty() && !xml.contains('\u{7}'), "{open:?}");
}

#[test]
fn junit_is_well_formed_and_counts() {
    let folder = mixed();
    let run = verge_in(folder.path(), &["test", "f.js", "--format", "junit"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_well_formed(&run.stdout);
    let suite = "<testsuite name=\"f\" tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\">";
    assert!(run.stdout.contains(suite), "{run:?}");
    assert!(run.stdout.contains("name=\"b # &amp; &quot;bad&quot;\""), "{run:?}");
    assert!(run.stdout.contains("<failure message=\"the function failed\">"), "{run:?}");
    assert!(run.stdout.contains("TypeError") && run.stdout.contains("&lt;/throw&gt;"), "{run:?}");
    write(folder.path(), "f.js", "function handler(");
    let run = verge_in(folder.path(), &["test", "f.js", "--format", "junit"]);
    assert!(run.code == 78 && run.stdout.contains("errors=\"1\""), "{run:?}");
    assert_well_formed(&run.stdout);
}

#[test]
fn watching_tests_again_after_each_change_and_survives_errors() {
    let folder = folder(&[("f.js", UPPER), ("events/e.json", EVENT)]);
    verge_in(folder.path(), &["test", "f.js", "--bless"]);
    let mut child = command_in(folder.path(), &["test", "f.js", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    // Everything up to the next note that it waits.
    let mut round = || {
        let mut told = String::new();
        loop {
            let line = lines.next().expect("it goes on").expect("it prints text");
            if line.starts_with("watching ") {
                return told;
            }
            told += &line;
        }
    };
    // A change in several steps may be seen in several rounds: the one that matters comes.
    let mut until = |words: &str| while !round().contains(words) {};
    until("1 passed, 0 failed");
    write(folder.path(), "f.js", &UPPER.replace("toUpperCase", "toLowerCase"));
    until("0 passed, 1 failed");
    write(folder.path(), "f.js", "function handler(");
    until("");
    write(folder.path(), "f.js", UPPER);
    until("1 passed, 0 failed");
    write(folder.path(), "events/new.json", EVENT);
    until("1 passed, 1 failed");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// Gives lines to `verge test --batch` and returns what it answers.
pub(crate) fn batch(folder: &Path, lines: &str) -> Vec<Value> {
    let mut child = command_in(folder, &["test", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(lines.as_bytes()).expect("it reads"));
        child.wait_with_output().expect("it ends")
    });
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_batch_answers_every_line_in_order() {
    let folder = folder(&[("up.js", UPPER)]);
    let event: Value = serde_json::from_str(EVENT).expect("JSON");
    let code = |code: &str| json!({ "id": code, "code": code, "event": event });
    let mut held =
        code("function handler(e) { console.log(Date.now()); return {statusCode: 200}; }");
    held["now"] = 5.into();
    held["kvs"] = json!({ "data": [{ "key": "k", "value": "v" }] });
    let mut response =
        code("function handler(e) { e.response.statusCode = 404; return e.response; }");
    response["event"]["response"] = json!({ "statusCode": 200 });
    response["eventType"] = "viewer-response".into();
    let mut bad_store = code("function handler(e) { return e.request; }");
    bad_store["kvs"] = json!({ "data": 1 });
    let lines = [
        json!({ "id": [1], "function": "up.js", "event": event }).to_string(),
        held.to_string(),
        response.to_string(),
        code("function handler(e) { e.request.uri = 'x'; return e.request; }").to_string(),
        code("function handler(e) {\n  null.x; }").to_string(),
        code("function handler(e) { for (;;); }").to_string(),
        code("function handler(e) {\n return; ]").to_string(),
        bad_store.to_string(),
        json!({ "id": 8, "function": "absent.js", "event": event }).to_string(),
        json!({ "id": 9, "function": "up.js", "event": event, "colour": 1 }).to_string(),
        json!({ "id": 10, "function": "up.js", "event": {} }).to_string(),
        "not JSON".to_owned(),
        "  ".to_owned(),
        json!({ "id": "last", "function": "up.js", "event": event }).to_string(),
    ];
    let answers = batch(folder.path(), &lines.join("\n"));
    assert_eq!(answers.len(), 13);
    assert_eq!(
        (&answers[0]["id"], &answers[0]["result"]["request"]["uri"]),
        (&json!([1]), &json!("/A"))
    );
    assert_eq!((answers[0].get("origin"), answers[0].get("error")), (Some(&Value::Null), None));
    assert_eq!(answers[1]["logs"], json!(["5"]));
    assert_eq!(answers[1]["result"]["response"]["statusCode"], 200);
    assert_eq!(answers[2]["result"]["response"]["statusCode"], 404);
    let kinds: Vec<_> =
        answers[3..12].iter().map(|answer| answer["error"]["kind"].as_str()).collect();
    let expected = [
        "validation",
        "execution",
        "throttled",
        "load",
        "usage",
        "usage",
        "usage",
        "usage",
        "usage",
    ];
    assert_eq!(kinds, expected.map(Some));
    assert_eq!(answers[4]["error"]["stack"][0]["line"], 2);
    assert_eq!(answers[5]["computeUtilization"], "100");
    assert_eq!(answers[6]["error"]["line"], 2);
    assert!(answers[9]["error"]["message"].as_str().is_some_and(|told| told.contains("colour")));
    assert_eq!((&answers[11]["id"], &answers[12]["id"]), (&Value::Null, &json!("last")));
}

#[test]
fn a_thousand_runs_of_a_batch_cost_the_same() {
    let folder = folder(&[("up.js", UPPER)]);
    let event: Value = serde_json::from_str(EVENT).expect("JSON");
    let busy = "function handler(e) { let a = []; for (let i = 0; i < 300; i++) a.push({i}); return e.request; }";
    let lines: String = (0..1_000)
        .flat_map(|id| {
            [
                json!({ "id": id, "function": "up.js", "event": event }),
                json!({ "id": null, "code": format!("{busy} // {}", id % 4), "event": event }),
            ]
        })
        .map(|line| line.to_string() + "\n")
        .collect();
    let answers = batch(folder.path(), &lines);
    assert_eq!(answers.len(), 2_000);
    for (id, pair) in answers.chunks(2).enumerate() {
        assert_eq!(pair[0]["id"], id);
        for (given, first) in pair.iter().zip(&answers) {
            assert_eq!(given["computeUtilization"], first["computeUtilization"], "run {id}");
            assert_eq!(given["result"], first["result"], "run {id}");
        }
    }
}

#[test]
fn a_batch_answers_before_the_next_line_is_written() {
    let folder = folder(&[("up.js", UPPER)]);
    let mut child = command_in(folder.path(), &["test", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("it is piped");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    for id in 0..3 {
        writeln!(input, "{{\"id\": {id}, \"function\": \"up.js\", \"event\": {EVENT}}}")
            .expect("it reads");
        let answer = output.next().expect("it answers").expect("it prints text");
        assert!(answer.starts_with(&format!("{{\"id\":{id},")), "{answer}");
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
}
