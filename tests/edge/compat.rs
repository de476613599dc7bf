//! What CloudFront would refuse is said at `check`, `test` and the start, and with `strict` nothing is served.

use serde_json::{Value, json};

use crate::scene::commands::{self, Run, SMALLEST_DISTRIBUTION, verge};
use crate::scene::{Answer, Origin, Scene};

/// Runs here, and not on CloudFront.
const MODERN: &str = "class Page {}\nfunction handler(event) {\n  const { request } = event;\n\tconst last = request.uri?.at(-1);\n  return request;\n}\n";

/// Runs here and there.
const PLAIN: &str = "function handler(event) {\n  return event.request;\n}\n";

struct Folder(tempfile::TempDir);

impl Folder {
    /// A configuration with one function, `f`, and further words of its table and of the file.
    fn with(source: &str, words: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("f.js"), source).expect("the folder is writable");
        let all = format!(
            "[state]\ndirectory = \"{}\"\n{text}\n[[function]]\nname = \"f\"\n\
             runtime = \"cloudfront-js-2.0\"\n{words}\n{SMALLEST_DISTRIBUTION}",
            commands::state_directory().display()
        );
        std::fs::write(folder.path().join("verge.toml"), all).expect("the folder is writable");
        Self(folder)
    }

    fn run(&self, command: &[&str]) -> Run {
        let file = self.0.path().join("verge.toml");
        verge(&[command, &["--config", &file.to_string_lossy()]].concat())
    }

    fn check(&self) -> (i32, Value) {
        let run = self.run(&["check", "--format", "json"]);
        (run.code, serde_json::from_str(&run.stdout).expect("JSON was asked for"))
    }
}

/// `code line:column` of each entry.
fn places(list: &Value) -> Vec<String> {
    let entries = list.as_array().expect("a list");
    let place = |entry: &Value| {
        let code = entry["code"].as_str().expect("a finding has a code");
        format!("{code} {}:{}", entry["line"], entry["column"])
    };
    entries.iter().map(place).collect()
}

const FOUND: [&str; 4] =
    ["class 1:1", "destructuring 3:9", "optional-chaining 4:26", "missing-method 4:28"];

#[test]
fn warnings_are_printed_with_line_column_and_caret_and_the_function_is_taken() {
    let folder = Folder::with(MODERN, "file = \"f.js\"", "");
    let run = folder.run(&["check"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.starts_with("ok: 1 distribution, 1 function"), "{run:?}");
    let expected = "f.js:3:9: destructuring: cloudfront-js-2.0 has no destructuring (take the members one \
                    by one: const a = o.a)\n      const { request } = event;\n            ^\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert!(run.stderr.contains("4 warnings"), "{}", run.stderr);

    let (code, printed) = folder.check();
    assert_eq!((code, &printed["ok"]), (0, &json!(true)));
    assert_eq!(places(&printed["warnings"]), FOUND);
    let first = &printed["warnings"][0];
    assert_eq!(first["function"], "f");
    assert_eq!(first["certainty"], "refused");
    assert_eq!(first["source_line"], "class Page {}");
    assert!(first["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{first}");
    assert_eq!(printed["warnings"][3]["certainty"], "possible");
}

#[test]
fn strict_refuses_the_function_at_check_test_and_serve() {
    for (words, text) in [
        ("file = \"f.js\"\ncompat = \"strict\"", ""),
        ("file = \"f.js\"", "[lint]\ncompat = \"strict\""),
    ] {
        let folder = Folder::with(MODERN, words, text);
        let (code, printed) = folder.check();
        assert_eq!((code, &printed["ok"]), (78, &json!(false)));
        assert_eq!(places(&printed["problems"]), FOUND);
        let event = folder.0.path().join("event.json");
        std::fs::write(&event, "{}").expect("the folder is writable");
        let test = ["test", "f", "--event", &event.to_string_lossy()];
        for command in [&["serve"][..], &test] {
            let run = folder.run(command);
            assert_eq!(run.code, 78, "{command:?}: {run:?}");
            assert!(run.stderr.contains("f.js:1:1: class: "), "{command:?}: {run:?}");
        }
    }
}

#[test]
fn strict_takes_what_runs_on_cloudfront() {
    let (code, printed) = Folder::with(PLAIN, "file = \"f.js\"\ncompat = \"strict\"", "").check();
    assert_eq!((code, &printed["warnings"]), (0, &json!([])));
    // Advice is printed, and does not fail.
    let source = "const handler = async (event) => event.request;";
    let (code, printed) = Folder::with(source, "file = \"f.js\"\ncompat = \"strict\"", "").check();
    assert_eq!((code, places(&printed["warnings"])), (0, vec!["async-closure 1:17".to_owned()]));
}

#[test]
fn off_says_nothing_and_wins_over_the_default_of_all() {
    let folder =
        Folder::with(MODERN, "file = \"f.js\"\ncompat = \"off\"", "[lint]\ncompat = \"strict\"");
    let run = folder.run(&["check"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn code_in_the_configuration_is_counted_from_its_own_first_line() {
    let code =
        "code = '''\nfunction handler(event) {\n  return new Map();\n}\n'''\ncompat = \"strict\"";
    let run = Folder::with("", code, "").run(&["check"]);
    assert_eq!(run.code, 78, "{run:?}");
    let expected = "verge.toml: code of f:2:14: missing-global: cloudfront-js-2.0 has no Map";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

#[test]
fn a_source_that_no_engine_reads_is_named_once() {
    for compat in ["warn", "strict"] {
        let words = format!("file = \"f.js\"\ncompat = \"{compat}\"");
        let (code, printed) = Folder::with("function handler( {", &words, "").check();
        assert_eq!(code, 78);
        assert_eq!(printed["problems"].as_array().map(Vec::len), Some(1), "{printed}");
        assert_eq!(printed["warnings"], json!([]));
    }
}

#[test]
fn a_serving_edge_logs_what_it_found_and_serves() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin)
        .javascript("modern", MODERN)
        .behavior("*", "viewer_request = \"modern\"")
        .start();
    assert!(edge.banner().contains("modern.js:1:1: class: "), "{}", edge.banner());
    assert_eq!(edge.get("/").status, 200);
    edge.signal("-HUP");
    edge.said("modern.js:1:1: class: ");
}
