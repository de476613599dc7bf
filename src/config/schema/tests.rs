//! The committed schema, the written page and the sample follow the types.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::schema;
use crate::config::load_text;

const COMMITTED: &str = include_str!("../../../docs/verge.schema.json");
const PAGE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn the_committed_schema_is_the_one_that_is_printed() {
    let committed: Value = serde_json::from_str(COMMITTED).unwrap();
    assert!(committed == schema(), "run: verge schema > docs/verge.schema.json");
}

/// Every key and every value that has a name, wherever in the schema.
fn words(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let keys = members.get("properties").and_then(Value::as_object);
            found.extend(keys.into_iter().flat_map(|keys| keys.keys().cloned()));
            found.extend(members.get("const").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| words(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        _ => {}
    }
}

#[test]
fn the_page_has_every_word_of_the_schema() {
    let mut found = BTreeSet::new();
    words(&schema(), &mut found);
    assert!(found.len() > 100, "only {} words: is this the schema?", found.len());
    let written = |word: &String| {
        let forms = [format!("`{word}`"), format!("[{word}]"), format!(".{word}]")];
        forms.iter().any(|form| PAGE.contains(form))
    };
    let missing: Vec<_> = found.iter().filter(|word| !written(word)).collect();
    assert!(missing.is_empty(), "docs/configuration.md does not explain {missing:?}");
}

#[test]
fn the_sample_is_good_and_wires_every_sample_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("../../../verge.toml");
    let config = load_text(&root.join("verge.toml"), text, &|_| None).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
    });
    let folders = std::fs::read_dir(root.join("functions")).unwrap();
    let described = folders.filter(|folder| {
        folder.as_ref().is_ok_and(|folder| folder.path().join("function.toml").is_file())
    });
    assert_eq!(config.functions.len(), described.count());
}
