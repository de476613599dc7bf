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
    let mut wrong = Vec::new();
    let mut compared = 0;
    for function in functions() {
        let name = function.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let events = std::fs::read_dir(function.join("events")).expect("a sample has events");
        for event in events.map(|entry| entry.expect("the folder can be read").path()) {
            if event.to_string_lossy().ends_with(".expected.json") {
                continue;
            }
            let expected = event.with_extension("expected.json");
            let expected = std::fs::read(&expected)
                .unwrap_or_else(|error| panic!("{}: {error}", expected.display()));
            let expected: Value = serde_json::from_slice(&expected).expect("goldens are JSON");
            let given = output(name, &event, &configuration);
            compared += 1;
            if given != expected {
                wrong.push(format!(
                    "{}:\n  expected {expected}\n  given    {given}",
                    event.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= 40, "only {compared} events: where are the samples?");
}

/// The `FunctionOutput` of one run.
fn output(function: &str, event: &Path, configuration: &Path) -> Value {
    let run = commands::verge(&[
        "test",
        function,
        "--event",
        &event.to_string_lossy(),
        "--config",
        &configuration.to_string_lossy(),
        "--format",
        "json",
    ]);
    let printed: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|_| panic!("{function} on {}: {run:?}", event.display()));
    let output = &printed["FunctionOutput"];
    match output {
        // CloudFront gives JSON text; an error leaves it empty.
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| printed.clone()),
        other => other.clone(),
    }
}
