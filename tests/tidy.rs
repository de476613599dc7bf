//! The house rules, checked on every `cargo test`, and each rule shown to fire on a file that breaks it.

#![allow(clippy::panic, clippy::string_slice, reason = "a test fails by panicking")]

#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::path::Path;
use std::process::Command;

use rules::ROOMS;
use source::Source;

type Rule = fn(&Source) -> Vec<String>;

/// Every rule for Rust files.
const RULES: [Rule; 7] = [
    rules::arrows,
    rules::engines,
    rules::sizes,
    rules::unfinished,
    rules::unsafe_is_proven,
    rules::head_doc,
    rules::limits,
];

/// Paths of all files that git tracks or would track.
fn tracked() -> Vec<String> {
    let listed = Command::new("git")
        // A checkout may belong to another user than the one who tests it, as in containers.
        .args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("git lists the files of the repository");
    assert!(listed.status.success(), "git: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths: Vec<String> =
        listed.lines().filter(|path| root.join(path).is_file()).map(str::to_owned).collect();
    assert!(paths.len() > 20, "only {} files: is this the repository?", paths.len());
    paths
}

/// A file's text; `None` for one that is not text.
fn read(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    String::from_utf8(std::fs::read(path).expect("a listed file is readable")).ok()
}

#[track_caller]
fn assert_no_complaints(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn rust_files_keep_the_rules() {
    let mut complaints = Vec::new();
    for path in tracked().iter().filter(|path| path.ends_with(".rs")) {
        let text = read(path).unwrap_or_else(|| panic!("{path} is not UTF-8"));
        let file = Source::new(path, &text);
        complaints.extend(RULES.iter().flat_map(|rule| rule(&file)));
    }
    assert_no_complaints(&complaints);
}

#[test]
fn no_file_names_a_machine() {
    let mut complaints = Vec::new();
    for path in tracked() {
        complaints.extend(read(&path).map_or_else(Vec::new, |text| rules::places(&path, &text)));
    }
    assert_no_complaints(&complaints);
}

#[test]
fn the_table_in_the_library_lists_the_rooms_that_exist() {
    let library = read("src/lib.rs").expect("src/lib.rs is text");
    for line in library.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let name = line.trim_end_matches(';');
        assert!(ROOMS.iter().any(|(room, _)| *room == name), "{name} has no level in the rules");
        assert!(library.contains(&format!("[`{name}`]")), "{name} is missing in the table");
    }
}

/// Whether exactly one rule complains about the file, and that one is the expected one.
#[track_caller]
fn assert_fires(expected: Rule, path: &str, text: &str) {
    let file = Source::new(path, text);
    assert!(!expected(&file).is_empty(), "the rule is silent about\n{text}");
    let all: Vec<String> = RULES.iter().flat_map(|rule| rule(&file)).collect();
    assert_eq!(all, expected(&file), "another rule complains too");
}

#[track_caller]
fn assert_silent(path: &str, text: &str) {
    let file = Source::new(path, text);
    assert_no_complaints(&RULES.iter().flat_map(|rule| rule(&file)).collect::<Vec<_>>());
}

#[test]
fn arrows_fire_upwards_and_sideways() {
    let upwards = [
        ("src/event/mod.rs", "use crate::distribution::Origin;"),
        ("src/cache/key.rs", "use crate::{event::EventType, origin::{a, b}};"),
        ("src/cache/key.rs", "fn f() { let x = crate::function::load(); }"),
        ("src/limits.rs", "use super::ids::FunctionId;"),
        ("src/cache/key/parts.rs", "use super::super::super::config::File;"),
        ("src/cache/key.rs", "use verge::config::File;"),
        ("src/garage.rs", "use crate::ids::RequestId;"),
    ];
    for (path, line) in upwards {
        assert_fires(rules::arrows, path, &format!("//! Head.\n{line}\n"));
    }
}

#[test]
fn arrows_are_silent_downwards_and_at_home() {
    let downwards = [
        ("src/cache/key.rs", "use crate::{cache::store::Store, event::{a, config}, ids::X};"),
        ("src/cache/key.rs", "// crate::config is not ours\nconst A: &str = \"crate::config\";"),
        ("src/cache/key.rs", "use super::store; use super::super::event::EventType;"),
        ("src/proxy/mod.rs", "use crate::{cache, config, function, observe};"),
        ("src/lib.rs", "pub use crate::cli::main;"),
        ("tests/edge/main.rs", "use verge::config::File;"),
    ];
    for (path, line) in downwards {
        assert_silent(path, &format!("//! Head.\n{line}\n"));
    }
}

#[test]
fn engines_fire_outside_their_rooms() {
    let outside = [
        ("src/proxy/mod.rs", "use wasmtime::Engine;"),
        ("src/function/engine.rs", "type X = boa_engine::JsValue;"),
        ("src/origin/select.rs", "use pingora::upstreams::peer::HttpPeer;"),
        ("src/cache/key.rs", "use pingora_cache::CacheKey;"),
    ];
    for (path, line) in outside {
        assert_fires(rules::engines, path, &format!("//! Head.\n{line}\n"));
    }
    for (path, line) in [
        ("src/function/engine/pool.rs", "use wasmtime::Engine;"),
        ("src/cache/store/pages.rs", "use pingora::cache::Storage;"),
        ("guest/src/lib.rs", "use boa_engine::Context;"),
        ("tests/edge/hostile.rs", "use wasmtime::Module;"),
    ] {
        assert_silent(path, &format!("//! Head.\n{line}\n"));
    }
}

#[test]
fn sizes_fire_beyond_their_limits() {
    let long_file = format!("//! Head.\n{}", "// line\n".repeat(rules::FILE_LINES_MAX));
    assert_fires(rules::sizes, "src/ids.rs", &long_file);
    let body = |lines: usize| format!("//! Head.\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines));
    assert_fires(rules::sizes, "src/ids.rs", &body(rules::FUNCTION_LINES_MAX - 1));
    assert_silent("src/ids.rs", &body(rules::FUNCTION_LINES_MAX - 2));
}

#[test]
fn unfinished_work_fires() {
    for (first, second) in
        [("// TO", "DO: later"), ("// FIX", "ME"), ("dbg", "!(x);"), ("unimplemen", "ted!();")]
    {
        assert_fires(rules::unfinished, "src/ids.rs", &format!("//! Head.\n{first}{second}\n"));
    }
}

#[test]
fn unsafe_without_a_proof_fires() {
    let bare = "//! Head.\nfn f() {\n    // Fast.\n    unsafe { g() }\n}\n";
    assert_fires(rules::unsafe_is_proven, "src/ids.rs", bare);
    let far = "//! Head.\n// SAFETY: for another one.\nfn f() {\n    unsafe { g() }\n}\n";
    assert_fires(rules::unsafe_is_proven, "src/ids.rs", far);
    let proven =
        "//! Head.\nfn f() {\n    // SAFETY: it is.\n    // Really.\n    unsafe { g() }\n}\n";
    assert_silent("src/ids.rs", proven);
    assert_silent("src/ids.rs", "//! Head.\n#![deny(unsafe_op_in_unsafe_fn)] // unsafe\n");
}

#[test]
fn a_file_without_a_head_fires() {
    assert_fires(rules::head_doc, "src/ids.rs", "use std::fmt;\n");
    assert_fires(rules::head_doc, "src/ids.rs", "");
}

#[test]
fn limits_without_a_unit_or_a_reason_fire() {
    let limit = |line: &str| format!("//! Head.\n\n/// Why.\npub const {line};\n");
    assert_fires(rules::limits, "src/limits.rs", &limit("HEAD_MAX: usize = 1"));
    assert_fires(rules::limits, "src/limits/cache.rs", &limit("HEAD_MAX: usize = 1"));
    assert_fires(rules::limits, "src/limits.rs", "//! Head.\n\npub const A_BYTES: usize = 1;\n");
    assert_silent("src/limits.rs", &limit("HEAD_BYTES_MAX: usize = 1"));
    assert_silent("src/limits.rs", &limit("PATIENCE: Duration = Duration::ZERO"));
    assert_silent("src/ids.rs", "//! Head.\npub const HEAD_MAX: usize = 1;\n");
}

#[test]
fn places_fire_on_every_needle() {
    for (first, second) in rules::PLACES {
        let text = format!("fine\nsee {first}{second}x\n");
        assert_eq!(rules::places("README.md", &text).len(), 1, "{text}");
    }
    assert!(rules::places("README.md", "https://example.com/a and ./target\n").is_empty());
}
