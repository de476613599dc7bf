//! One line of the input.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::cli::test::events;
use crate::event::EventType;
use crate::function::Runtime;

/// The line's members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    function: Option<PathBuf>,
    code: Option<String>,
    runtime: Option<String>,
    event_type: Option<String>,
    event: Value,
    kvs: Option<Value>,
    now: Option<u64>,
    random: Option<u64>,
    #[serde(rename = "id")]
    _id: Option<Value>,
}

/// What a line asks for.
pub(super) struct Run {
    pub runtime: Runtime,
    pub code: Vec<u8>,
    /// The function's name in messages.
    pub name: String,
    pub event: Value,
    pub event_type: Option<EventType>,
    /// A store's content, not checked yet.
    pub store: Option<Value>,
    pub now_ms: Option<u64>,
    pub seed: Option<u64>,
}

impl Run {
    /// Reads a line's object, and the function's file if it names one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(value: Value) -> Result<Self, String> {
        let written: Written = serde_json::from_value(value)
            .map_err(|error| format!("the line cannot be used: {error}"))?;
        let (name, code) = match (written.function, written.code) {
            (Some(file), None) => (file.display().to_string(), events::read_bytes(&file)?),
            (None, Some(code)) => ("code".to_owned(), code.into_bytes()),
            (Some(_), Some(_)) => return Err("function and code exclude each other".to_owned()),
            (None, None) => return Err("the line has neither function nor code".to_owned()),
        };
        let runtime = match written.runtime.as_deref() {
            None | Some("cloudfront-js-2.0") => Runtime::CloudfrontJs20,
            Some("cloudfront-js-1.0") => Runtime::CloudfrontJs10,
            Some(other) => {
                let known = "cloudfront-js-1.0 or cloudfront-js-2.0";
                return Err(format!("runtime must be {known}, not {other:?}"));
            }
        };
        let event_type = match written.event_type.as_deref() {
            None => None,
            Some("viewer-request") => Some(EventType::ViewerRequest),
            Some("viewer-response") => Some(EventType::ViewerResponse),
            Some(other) => {
                let known = "viewer-request or viewer-response";
                return Err(format!("eventType must be {known}, not {other:?}"));
            }
        };
        let (event, store) = (written.event, written.kvs);
        let (now_ms, seed) = (written.now, written.random);
        Ok(Self { runtime, code, name, event, event_type, store, now_ms, seed })
    }
}
