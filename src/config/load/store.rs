//! Key-value stores: read from their files, or taken from the configuration itself.

use std::fs::Metadata;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::read_bytes;
use crate::config::file::{File, KeyValueStore};
use crate::config::problem::{Problem, Problems};
use crate::kv::{Fault, Store};
use crate::limits;

/// What every `[[key_value_store]]` of `written`, the content of `file`, holds.
pub(super) fn stores(
    file: &Path,
    base: &Path,
    written: &File,
    problems: &mut Problems,
) -> Vec<Option<Store>> {
    let numbered = written.key_value_store.iter().enumerate();
    let stores = numbered.map(|(index, store)| {
        let at = format!("key_value_store[{index}]");
        match (&store.file, &store.entries) {
            (Some(path), None) => from_file(&base.join(path), &at, problems),
            (None, Some(_)) => from_here(file, store, &at, problems),
            (Some(_), Some(_)) => {
                let remedy = "keep one of the two";
                problems.add(format!("{at}.entries"), "cannot stand beside `file`", remedy);
                None
            }
            (None, None) => {
                let remedy = "add `file` (a JSON file) or `entries` (a table)";
                problems.add(at, "has no content", remedy);
                None
            }
        }
    });
    stores.collect()
}

fn from_file(path: &Path, at: &str, problems: &mut Problems) -> Option<Store> {
    let bytes = match read_bytes(path, limits::KEY_VALUE_STORE_BYTES_MAX as u64) {
        Ok(bytes) => bytes,
        Err(error) => {
            let remedy = "name a JSON file that can be read, relative to this one";
            problems.add(format!("{at}.file"), error, remedy);
            return None;
        }
    };
    match Store::from_json(&bytes) {
        Ok(store) => Some(dated(store, path)),
        Err(faults) => {
            problems.extend(faults.into_iter().map(|fault| of_file(path, fault)));
            None
        }
    }
}

fn of_file(path: &Path, fault: Fault) -> Problem {
    let Fault { line, path: place, message, remedy } = fault;
    Problem { file: path.to_owned(), line, path: place, message, remedy, detail: None }
}

fn from_here(
    file: &Path,
    store: &KeyValueStore,
    at: &str,
    problems: &mut Problems,
) -> Option<Store> {
    match Store::from_entries(store.entries.clone().unwrap_or_default()) {
        Ok(store) => Some(dated(store, file)),
        Err(faults) => {
            for Fault { path, message, remedy, .. } in faults {
                let dot = if path.is_empty() { "" } else { "." };
                problems.add(format!("{at}.entries{dot}{path}"), message, remedy);
            }
            None
        }
    }
}

/// When a store was made and last changed is what its file says; without one, or where the file system does not know:
/// 1970.
fn dated(store: Store, file: &Path) -> Store {
    let metadata = std::fs::metadata(file).ok();
    let milliseconds = |moment: fn(&Metadata) -> std::io::Result<SystemTime>| {
        let since = moment(metadata.as_ref()?).ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_millis()).ok()
    };
    let updated = milliseconds(Metadata::modified).unwrap_or_default();
    // A copy may keep the date of its content, and is younger than that itself.
    let created = milliseconds(Metadata::created).unwrap_or(updated).min(updated);
    store.dated(created, updated)
}
