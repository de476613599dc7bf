//! The functions that come with verge: built from the sources that lie beside them, and doing what
//! their events say.

use std::fs;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::*;
use crate::event::lambda::{
    edited_request_json, edited_response_json, generated_response_json, parse_event,
};

/// Folders below `functions/` with a function of the wasm runtime.
fn samples() -> Vec<PathBuf> {
    let folders = fs::read_dir("functions").expect("functions/").map(|entry| entry.expect("entry"));
    let mut found: Vec<_> = folders
        .map(|entry| entry.path())
        .filter(|folder| {
            let settings = fs::read_to_string(folder.join("function.toml")).unwrap_or_default();
            settings.contains("runtime = \"wasm\"")
        })
        .collect();
    found.sort();
    assert!(found.len() >= 4, "the samples are gone: {found:?}");
    found
}

fn load_sample(folder: &Path) -> OriginFunction {
    let bytes = fs::read(folder.join("function.wasm")).expect("built");
    let name = folder.display().to_string();
    let settings = Settings { memory_bytes_max: 16 << 20, ..Settings::default() };
    OriginFunction::load(sandbox(), &name, &bytes, &settings).expect("loads")
}

#[test]
fn each_sample_was_built_from_the_sources_beside_it() {
    for folder in samples() {
        let noted = fs::read_to_string(folder.join("function.sources")).expect("noted when built");
        assert!(noted.lines().count() >= 2, "{noted}");
        for line in noted.lines() {
            let (hash, file) = line.split_once("  ").expect("a hash and a name");
            let content = fs::read(folder.join(file)).expect("the source");
            let found: String = digest(&SHA256, &content)
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(
                hash,
                found,
                "{} changed after function.wasm was built: run functions/build.sh {}",
                folder.join(file).display(),
                folder.file_name().unwrap_or_default().display(),
            );
        }
    }
}

#[tokio::test]
async fn each_sample_does_what_its_events_say() {
    let mut events = 0;
    for folder in samples() {
        let function = load_sample(&folder);
        let files = fs::read_dir(folder.join("events")).expect("events/");
        for file in files.map(|entry| entry.expect("entry").path()) {
            let name = file.to_string_lossy();
            if name.ends_with(".expected.json") {
                continue;
            }
            events += 1;
            let result = result_of(&function, &read_json(&file)).await;
            let golden = file.with_extension("expected.json");
            if std::env::var_os("VERGE_UPDATE_GOLDEN").is_some() {
                let text = serde_json::to_string_pretty(&result).expect("plain values");
                fs::write(&golden, text + "\n").expect("writable");
            }
            assert_eq!(
                result,
                read_json(&golden),
                "{name}: if this is meant, run the test with VERGE_UPDATE_GOLDEN=1"
            );
        }
    }
    assert!(events >= 12, "only {events} events");
}

fn read_json(file: &Path) -> Value {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// What the function returned, in Lambda@Edge's JSON: a request, a response, or an error.
async fn result_of(function: &OriginFunction, event: &Value) -> Value {
    let event = parse_event(event).expect("an event");
    let (context, request) = (event.context(), event.request());
    let origin = event.origin().expect("an origin event");
    let returned = if let Some(response) = event.response() {
        let run = function.on_response(&context, &request, origin, &response).await;
        run.result.map(|edits| edited_response_json(&response, &edits))
    } else {
        let run = function.on_request(&context, &request, origin).await;
        run.result.map(|outcome| match outcome {
            OriginRequestOutcome::Continue(edits, chosen) => {
                let origin = Some(chosen.as_ref().unwrap_or(origin));
                edited_request_json(event.event_type, &context, &request, origin, &edits)
            }
            OriginRequestOutcome::Respond(response) => generated_response_json(&response),
        })
    };
    returned.unwrap_or_else(|error| serde_json::json!({ "error": error.message }))
}
