//! The JSON Schema of what may be written: for editors (`verge schema`) and for the reader, which
//! holds files to it.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::file::File;

/// The JSON Schema (draft 2020-12) of `verge.toml`.
#[must_use]
pub fn schema() -> Value {
    schema_of::<File>()
}

/// The JSON Schema of any of the file types.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(forget_null));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// TOML has no null: an optional value is absent or of its type. Defaults that say only "absent" go
/// as well.
fn forget_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default").is_some_and(says_nothing) {
        object.remove("default");
    }
    // The width of a Rust integer is no news to the reader; its range is in `minimum` and
    // `maximum`.
    object.remove("format");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

fn says_nothing(default: &Value) -> bool {
    match default {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(says_nothing),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
