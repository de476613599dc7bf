//! Every sample function on its own events: demo, documentation and golden tests in one.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scene::commands;

fn functions() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions");
    let entries = std::fs::read_dir(root).expect("the samples are there");
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.join("function.toml").is_file())
        .collect();
    folders.sort();
    folders
}

/// A configuration that names every sample and nothing else.
fn configuration(folder: &Path) -> PathBuf {
    let mut all = format!("[state]\ndirectory = \"{}\"\n", commands::state_directory().display());
    for path in functions() {
        all.push_str(&format!("[[function]]\npath = \"{}\"\n", path.display()));
        // A sample that reads a key-value store has one of its own name beside it.
        let store = path.join("store.json");
        if let Some(name) = path.file_name().filter(|_| store.is_file()) {
            all.push_str(&format!(
                "[[key_value_store]]\nname = \"{}\"\nfile = \"{}\"\n",
                name.display(),
                store.display()
            ));
        }
    }
    all.push_str(commands::SMALLEST_DISTRIBUTION);
    let file = folder.join("verge.toml");
    std::fs::write(&file, all).expect("the folder is writable");
    file
}

#[test]
fn every_event_gives_its_expected_output() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let configuration = configuration(folder.path());
    let configuration = configuration.to_string_lossy();
    let run = commands::verge(&["test", "--all", "--config", &configuration, "--format", "json"]);
    let printed: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("no report: {run:?}"));
    let tests = printed["tests"].as_array().expect("a list of tests");
    let wrong: Vec<_> = tests.iter().filter(|test| test["status"] != "passed").collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), tests.len());
    assert_eq!((run.code, &printed["ok"]), (0, &Value::Bool(true)), "{run:?}");
    let tested = |name: &str| tests.iter().any(|test| test["function"] == name);
    for function in functions() {
        let name = function.file_name().and_then(|name| name.to_str()).expect("a plain name");
        assert!(tested(name), "{name} has no events");
    }
    assert!(tests.len() >= 40, "only {} events: where are the samples?", tests.len());
}
