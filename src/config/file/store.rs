//! `[[key_value_store]]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A key-value store that functions read: `name` and either `file` or `entries`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyValueStore {
    /// The name that functions use: 1 to 64 letters, digits, `-`, `_`.
    #[schemars(required)]
    pub name: Option<String>,
    /// The id or ARN that functions pass to `cf.kvs()`. Default: any will do.
    pub id: Option<String>,
    /// JSON file as CloudFront imports it, relative to the configuration file:
    /// `{"data":[{"key":"…","value":"…"}]}`. At most 5 MB.
    pub file: Option<String>,
    /// The entries themselves: keys of up to 512, values of up to 1024 characters.
    pub entries: Option<BTreeMap<String, String>>,
}
