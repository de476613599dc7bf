//! What an event's expected output asks for.

use serde_json::{Value, json};

use super::compare::{Difference, differences};
use crate::error::FunctionError;

/// The content of an expected output's file.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expected {
    /// `FunctionOutput` as the function has to give it.
    Output(Value),
    /// `{ "error": "…" }`: it has to fail, with these words somewhere in the message.
    Error(String),
}

/// How a result misses what was expected.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Miss {
    /// Another output.
    Output(Vec<Difference>),
    /// It failed and should not have.
    Failed,
    /// It did not fail.
    NoError { expected: String, given: Value },
    /// It failed otherwise.
    OtherError { expected: String },
}

impl From<Value> for Expected {
    fn from(value: Value) -> Self {
        match (value.as_object().map_or(0, serde_json::Map::len), value.get("error")) {
            (1, Some(Value::String(words))) => Self::Error(words.clone()),
            _ => Self::Output(value),
        }
    }
}

impl Expected {
    /// Holds a result to it.
    pub(super) fn check(&self, result: &Result<Value, FunctionError>) -> Result<(), Miss> {
        match (self, result) {
            (Self::Output(expected), Ok(given)) => {
                let found = differences(expected, given);
                if found.is_empty() { Ok(()) } else { Err(Miss::Output(found)) }
            }
            (Self::Output(_), Err(_)) => Err(Miss::Failed),
            (Self::Error(words), Ok(given)) => {
                Err(Miss::NoError { expected: words.clone(), given: given.clone() })
            }
            (Self::Error(words), Err(error)) if error.message.contains(words) => Ok(()),
            (Self::Error(words), Err(_)) => Err(Miss::OtherError { expected: words.clone() }),
        }
    }
}

/// What `--bless` writes for a result.
pub(super) fn blessed(result: &Result<Value, FunctionError>) -> Value {
    match result {
        Ok(output) => output.clone(),
        // Without the place: that moves with every line added above.
        Err(error) => json!({ "error": error.bare_message() }),
    }
}
