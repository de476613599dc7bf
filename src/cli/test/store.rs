//! `--kvs FILE` and `kvs` of batch mode: the content of a key-value store, in the shape that CloudFront imports
//! (spec: CloudFront Functions section 8.1).

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kv::{Fault, NamedStore, Store};

/// What the store of a run is called; it answers to any id.
const NAME: &str = "kvs";

/// Reads a file.
///
/// # Errors
/// When it cannot be read, or is not the content of a store.
pub(super) fn read(path: &Path) -> Result<Arc<NamedStore>, String> {
    let named = |error: String| format!("{}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| named(error.to_string()))?;
    named_store(Store::from_json(&bytes)).map_err(named)
}

/// A store from `{"data": [{"key": …, "value": …}]}`, or from an object that has the values by their keys.
///
/// # Errors
/// When it has another shape, or what no store may hold.
pub(super) fn parse(value: Value) -> Result<Arc<NamedStore>, String> {
    let is_plain = |entries: &serde_json::Map<String, Value>| {
        entries.values().all(Value::is_string) && !entries.is_empty()
    };
    let value = match value {
        Value::Object(entries) if is_plain(&entries) => {
            let entries = entries.into_iter();
            let data: Value =
                entries.map(|(key, value)| json!({ "key": key, "value": value })).collect();
            json!({ "data": data })
        }
        other => other,
    };
    named_store(Store::from_json(value.to_string().as_bytes()))
}

fn named_store(store: Result<Store, Vec<Fault>>) -> Result<Arc<NamedStore>, String> {
    let told = |faults: Vec<Fault>| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        format!("is not the content of a key-value store: {}", faults.join("; "))
    };
    store.map(|store| NamedStore::new(NAME.to_owned(), None, store)).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_what_cloudfront_imports() {
        for value in [json!({ "data": [{ "key": "a", "value": "1" }] }), json!({ "a": "1" })] {
            let store = parse(value).expect("good").current();
            assert_eq!((store.get("a"), store.get("data")), (Some("1"), None));
        }
        for value in [
            json!({ "data": [{ "key": "a" }] }),
            json!({ "data": [{ "key": "a", "value": 1 }] }),
            json!({ "data": [{ "key": "", "value": "" }] }),
            json!({ "data": [{ "key": "a", "value": "" }, { "key": "a", "value": "" }] }),
            json!({ "a": 1 }),
            json!([]),
        ] {
            let error = parse(value.clone()).expect_err("refused");
            assert!(error.starts_with("is not the content"), "{value}: {error}");
        }
    }
}
