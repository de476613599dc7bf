//! A wrong configuration or function is named at `check` and at the start, and nothing is served.

use std::path::Path;

use serde_json::Value;

use crate::scene::commands::{self, SMALLEST_DISTRIBUTION, verge};

/// Runs a command on a configuration with these functions (`name`, source) and further text.
fn run(command: &[&str], functions: &[(&str, String)], text: &str) -> commands::Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut all = format!("[state]\ndirectory = \"{}\"\n", commands::state_directory().display());
    for (name, source) in functions {
        std::fs::write(folder.path().join(name), source).expect("the folder is writable");
        all.push_str(&format!(
            "[[function]]\nname = \"{name}\"\nruntime = \"cloudfront-js-2.0\"\nfile = \"{name}\"\n"
        ));
    }
    let file = folder.path().join("verge.toml");
    std::fs::write(&file, all + text).expect("the folder is writable");
    let file = file.to_string_lossy();
    verge(&[command, &["--config", &file]].concat())
}

#[test]
fn all_problems_are_listed_with_their_places_and_the_exit_code_is_78() {
    let text =
        SMALLEST_DISTRIBUTION.replace("CachingDisabled", "CachingDisabeld") + "colour = \"red\"\n";
    for command in [&["check"][..], &["serve"]] {
        let run = run(command, &[], &text);
        assert_eq!(run.code, 78, "{run:?}");
        assert!(run.stderr.contains("distribution[0].behavior[0].cache_policy"), "{run:?}");
        assert!(run.stderr.contains("CachingDisabled"), "the remedy names it: {run:?}");
        assert!(run.stderr.contains("colour"), "{run:?}");
    }
}

#[test]
fn functions_that_cannot_run_are_named_with_line_and_column() {
    let deep =
        format!("function handler(e) {{ return {}1{} }}", "[".repeat(10_000), "]".repeat(10_000));
    let functions = [
        ("no-parse", "function handler(e) {\n  return e.request;;\n  var = 1;\n}".to_owned()),
        ("no-handler", "function handle(e) { return e.request }".to_owned()),
        ("deep", deep.chars().take(9_000).collect()),
        ("throws", "throw new Error('at the top')".to_owned()),
        ("endless", "for (;;) {}".to_owned()),
        ("fine", "function handler(e) { return e.request }".to_owned()),
    ];
    let run = run(&["check", "--format", "json"], &functions, SMALLEST_DISTRIBUTION);
    assert_eq!(run.code, 78, "{run:?}");
    let printed: Value = serde_json::from_str(&run.stdout).expect("JSON was asked for");
    let problems = printed["problems"].as_array().expect("a list of problems");
    let about = |name: &str| {
        problems.iter().find(|problem| {
            let file = problem["file"].as_str().unwrap_or_default();
            Path::new(file).file_name().is_some_and(|file| file == name)
        })
    };
    for (name, _) in &functions {
        assert_eq!(about(name).is_some(), *name != "fine", "{name}: {problems:?}");
    }
    assert_eq!(about("no-parse").map(|problem| &problem["line"]), Some(&Value::from(3)));
}

#[test]
fn a_function_that_is_too_large_is_named_with_its_size() {
    let large = format!("function handler(e) {{ return e.request }}\n// {}", "x".repeat(10_300));
    let run = run(&["check"], &[("large", large)], SMALLEST_DISTRIBUTION);
    assert_eq!(run.code, 78, "{run:?}");
    assert!(run.stderr.contains("function[0].file") && run.stderr.contains("10240"), "{run:?}");
}

#[test]
fn the_sample_configuration_is_right_and_the_schema_is_json() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("verge.toml");
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The sample keeps its state beside itself; here it must not.
    let text = std::fs::read_to_string(&sample).expect("the sample is there").replace(
        "directory = \"state\"",
        &format!("directory = \"{}\"", commands::state_directory().display()),
    );
    let root = env!("CARGO_MANIFEST_DIR");
    let text = text.replace("= \"functions/", &format!("= \"{root}/functions/"));
    let file = folder.path().join("verge.toml");
    std::fs::write(&file, text).expect("the folder is writable");
    let run = verge(&["check", "--config", &file.to_string_lossy()]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let schema = verge(&["schema"]);
    let schema: Value = serde_json::from_str(&schema.stdout).expect("the schema is JSON");
    assert!(schema["properties"]["distribution"].is_object());
}
