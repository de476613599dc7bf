//! `--kvs FILE` and `kvs` of batch mode: the content of a key-value store, in the shape that CloudFront imports
//! (spec: CloudFront Functions section 8.1).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::events;

/// A store's content.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Store {
    /// Values by key.
    pub entries: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    value: String,
}

impl Store {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not the content of a store.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let named = |error: String| format!("{}: {error}", path.display());
        Self::parse(events::read(path)?).map_err(named)
    }

    /// Checks `{"data": [{"key": …, "value": …}]}`.
    ///
    /// # Errors
    /// When it has another shape, or a key twice.
    pub(super) fn parse(value: Value) -> Result<Self, String> {
        let shape = "is not the content of a key-value store, \
                     {\"data\": [{\"key\": \"…\", \"value\": \"…\"}]}";
        let written: Written =
            serde_json::from_value(value).map_err(|error| format!("{shape}: {error}"))?;
        let mut entries = BTreeMap::new();
        for Entry { key, value } in written.data {
            if key.is_empty() {
                return Err("has an empty key".to_owned());
            }
            if entries.contains_key(&key) {
                return Err(format!("has the key {key:?} twice"));
            }
            entries.insert(key, value);
        }
        Ok(Self { entries })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_store_is_what_cloudfront_imports() {
        let store = Store::parse(json!({ "data": [{ "key": "a", "value": "1" }] })).expect("good");
        assert_eq!(store.entries, BTreeMap::from([("a".to_owned(), "1".to_owned())]));
        for (value, part) in [
            (json!({}), "missing field `data`"),
            (json!({ "data": [{ "key": "a" }] }), "missing field `value`"),
            (json!({ "data": [{ "key": "a", "value": 1 }] }), "expected a string"),
            (json!({ "data": [], "more": 1 }), "unknown field `more`"),
            (json!({ "data": [{ "key": "", "value": "" }] }), "empty key"),
            (
                json!({ "data": [{ "key": "a", "value": "" }, { "key": "a", "value": "" }] }),
                "\"a\" twice",
            ),
        ] {
            let error = Store::parse(value.clone()).expect_err("refused");
            assert!(error.contains(part), "{value}: {error}");
        }
    }
}
