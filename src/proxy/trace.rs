//! What functions change, noted for requests that somebody wants explained. Any other request carries nothing of this.

use http::HeaderValue;

use crate::event::{HeaderEdit, RequestEdits, ResponseEdits};
use crate::limits::EXPLAINED_VALUE_CHARS_MAX;
use crate::wire::text_of;

/// The changes of the functions that ran, by their place in the request's record.
#[derive(Debug, Default)]
pub struct Trace {
    changes: Vec<(usize, Vec<String>)>,
}

impl Trace {
    /// Notes what the function that ran last changed; `ran` functions ran so far.
    pub fn note(&mut self, ran: usize, changes: Vec<String>) {
        self.changes.push((ran.saturating_sub(1), changes));
    }

    /// What the function at this place of the record changed.
    #[must_use]
    pub fn of(&self, place: usize) -> &[String] {
        let found = self.changes.iter().find(|(noted, _)| *noted == place);
        found.map_or(&[], |(_, changes)| changes)
    }
}

/// A request's edits, one line each.
#[must_use]
pub fn request_changes(edits: &RequestEdits) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(method) = &edits.method {
        lines.push(format!("method: {method}"));
    }
    if let Some(path) = &edits.path {
        lines.push(format!("uri: {}", shortened(path)));
    }
    match &edits.query {
        Some(Some(query)) => lines.push(format!("query string: {}", shortened(query))),
        Some(None) => lines.push("query string: removed".to_owned()),
        None => {}
    }
    lines.extend(edits.headers.iter().map(header_change));
    if let Some(body) = &edits.body {
        lines.push(format!("body: {} bytes", body.data.len()));
    }
    lines.extend(edits.origin.iter().map(|change| format!("origin: cf.{}", change.helper())));
    lines
}

/// A response's edits, one line each.
#[must_use]
pub fn response_changes(edits: &ResponseEdits) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(status) = edits.status {
        lines.push(format!("status: {status}"));
    }
    if let Some(reason) = &edits.reason {
        lines.push(format!("reason: {}", shortened(reason)));
    }
    lines.extend(edits.headers.iter().map(header_change));
    if let Some(body) = &edits.body {
        lines.push(format!("body: {} bytes", body.len()));
    }
    lines
}

fn header_change(edit: &HeaderEdit) -> String {
    match edit {
        HeaderEdit::Remove(name) => format!("{name}: removed"),
        HeaderEdit::Set(name, values) => {
            let values: Vec<_> = values.iter().map(shown).collect();
            format!("{name}: {}", values.join(" | "))
        }
    }
}

fn shown(value: &HeaderValue) -> String {
    shortened(&text_of(value.as_bytes()))
}

/// A text in one line of bounded length.
#[must_use]
pub fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(EXPLAINED_VALUE_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
