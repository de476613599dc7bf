//! Values that may be written in more than one way.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

/// A time: whole seconds, or a text with a unit.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Time {
    /// Seconds.
    Seconds(u64),
    /// `250ms`, `30s`, `5m`, `1h`, `7d`.
    Text(String),
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whole seconds, or a text with a unit: 250ms, 30s, 5m, 1h, 7d.",
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
        })
    }
}

/// A size: whole bytes, or a text with a unit.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// Bytes.
    Bytes(u64),
    /// `512KiB`, `64MiB`, `2GiB`, `1TiB`.
    Text(String),
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whole bytes, or a text with a unit: 512KiB, 64MiB, 2GiB, 1TiB.",
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+(KiB|MiB|GiB|TiB)$",
        })
    }
}

/// One name, or several in order.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// A chain.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The names in order, each with what to append to the path of the whole to name it.
    pub fn names(&self) -> Vec<(String, &str)> {
        match self {
            Self::One(name) => vec![(String::new(), name)],
            Self::Many(names) => {
                let numbered = names.iter().enumerate();
                numbered.map(|(index, name)| (format!("[{index}]"), name.as_str())).collect()
            }
        }
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One name, or a list of names that run in this order.",
            "type": ["string", "array"],
            "items": { "type": "string" },
        })
    }
}

/// A function on a request event: its name, or a table.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Association {
    /// The name alone.
    Name(String),
    /// The name, and what the function gets beside the head.
    Table {
        /// The name.
        function: Option<String>,
        /// Whether it gets the body.
        include_body: Option<bool>,
    },
}

impl Association {
    /// The function's name; `None`: it was reported that there is none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Table { function, .. } => function.as_deref(),
        }
    }

    /// Whether it gets the body.
    pub fn includes_body(&self) -> bool {
        matches!(self, Self::Table { include_body: Some(true), .. })
    }
}

impl JsonSchema for Association {
    fn schema_name() -> Cow<'static, str> {
        "Association".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A function's name, or a table with more about it.",
            "type": ["string", "object"],
            "properties": {
                "function": { "type": "string", "description": "The function's name." },
                "include_body": {
                    "type": "boolean",
                    "description": "Whether the function gets the request's body.",
                    "default": false,
                },
            },
            "required": ["function"],
            "additionalProperties": false,
        })
    }
}

/// One function on a request event, or several in order.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Associations {
    /// A chain.
    Many(Vec<Association>),
    /// One.
    One(Association),
}

impl Associations {
    /// The functions in order, each with what to append to the path of the whole to name it.
    pub fn each(&self) -> Vec<(String, &Association)> {
        match self {
            Self::One(association) => vec![(String::new(), association)],
            Self::Many(associations) => {
                let numbered = associations.iter().enumerate();
                numbered.map(|(index, one)| (format!("[{index}]"), one)).collect()
            }
        }
    }
}

impl JsonSchema for Associations {
    fn schema_name() -> Cow<'static, str> {
        "Associations".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Association::json_schema(generator);
        schema.insert("type".into(), json!(["string", "object", "array"]));
        schema.insert("items".into(), generator.subschema_for::<Association>().into());
        let description = "One function, or a list of functions that run in this order.";
        schema.insert("description".into(), description.into());
        schema
    }
}
