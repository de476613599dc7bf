//! The file that CloudFront imports into a store: `{"data":[{"key":"…","value":"…"}]}`, UTF-8.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Fault, Filling, Store, TOO_LARGE_REMEDY, too_large};
use crate::limits;

const SHAPE: &str = r#"write {"data":[{"key":"…","value":"…"}]}"#;

/// The whole file; its entries are read one by one, so that one that is wrong hides no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    value: String,
}

/// Reads the content of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Store, Vec<Fault>> {
    if bytes.len() > limits::KEY_VALUE_STORE_BYTES_MAX {
        return Err(vec![whole(None, too_large(bytes.len()), TOO_LARGE_REMEDY)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.get(..error.valid_up_to()).map(|before| 1 + line_feeds(before));
        vec![whole(line, "is not UTF-8".to_owned(), "convert the file")]
    })?;
    let file: File<'_> = serde_json::from_str(text).map_err(|error| {
        let (line, message) = said(&error);
        vec![whole(Some(line), format!("is no file for a key-value store: {message}"), SHAPE)]
    })?;
    let mut filling = Filling::default();
    let mut lines = Lines { text, offset: 0, line: 1 };
    for (index, raw) in file.data.into_iter().enumerate() {
        let line = lines.of(raw.get());
        match serde_json::from_str::<Entry>(raw.get()) {
            Ok(Entry { key, value }) => {
                filling.add(key, value, |member| (Some(line), format!("data[{index}].{member}")));
            }
            Err(error) => {
                let (further, message) = said(&error);
                let place = (Some(line + further.saturating_sub(1)), format!("data[{index}]"));
                filling.fault(place, format!("is no entry: {message}"), SHAPE);
            }
        }
    }
    filling.finish()
}

fn whole(line: Option<usize>, message: String, remedy: &str) -> Fault {
    Fault { line, path: String::new(), message, remedy: remedy.to_owned() }
}

/// The line of a parser's complaint, and its words without the place.
fn said(error: &serde_json::Error) -> (usize, String) {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    (error.line().max(1), message.to_owned())
}

fn line_feeds(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Counts lines along a text, each once.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line that `part`, a piece of the text behind those asked for before, begins on.
    fn of(&mut self, part: &str) -> usize {
        let start = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        if let Some(between) = self.text.as_bytes().get(self.offset..start) {
            self.line += line_feeds(between);
            self.offset = start;
        }
        self.line
    }
}
