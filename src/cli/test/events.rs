//! Events and the expected outputs beside them, as files: JSON, YAML, or a raw HTTP request.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{http_text, yaml};
use crate::function::Function;
use crate::limits::TEST_FILE_BYTES_MAX;

/// The end of an expected output's name, before its extension.
const EXPECTED: &str = ".expected";

/// An event's file and what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EventFile {
    /// The file's name without extension.
    pub name: String,
    pub event: PathBuf,
    /// The expected output, when it is there.
    pub expected: Option<PathBuf>,
}

/// What a folder of events holds, by name.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub events: Vec<EventFile>,
    /// Files that cannot be tests, each with why.
    pub stray: Vec<(PathBuf, String)>,
}

/// Reads a folder; files of other kinds are left alone.
///
/// # Errors
/// When it cannot be read.
pub(super) fn folder(path: &Path) -> Result<Folder, String> {
    let named = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(named)? {
        let path = entry.map_err(named)?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        if path.is_file() && !name.starts_with('.') && Kind::of(&path).is_some() {
            all.insert(name, path);
        }
    }
    let (mut found, mut expected) = (Folder::default(), BTreeMap::<String, Vec<PathBuf>>::new());
    all.retain(|_, path| match stem(path).strip_suffix(EXPECTED) {
        Some(name) => {
            expected.entry(name.to_owned()).or_default().push(path.clone());
            false
        }
        None => true,
    });
    let mut taken = BTreeMap::<String, PathBuf>::new();
    for event in all.into_values() {
        let name = stem(&event).to_owned();
        if let Some(first) = taken.get(&name) {
            let why = format!("shares its expected output with {}; rename one", first.display());
            found.stray.push((event, why));
            continue;
        }
        taken.insert(name.clone(), event.clone());
        let mut outputs = expected.remove(&name).unwrap_or_default();
        let one = outputs.pop();
        if let (Some(other), Some(one)) = (outputs.pop(), &one) {
            let why = format!("is there beside {}; keep one of the two", one.display());
            found.stray.push((other, why));
        }
        found.events.push(EventFile { name, event, expected: one });
    }
    for orphan in expected.into_values().flatten() {
        found.stray.push((orphan, "has no event beside it".to_owned()));
    }
    Ok(found)
}

/// One event's file, with its expected output if that is there.
pub(super) fn single(event: &Path) -> EventFile {
    let name = stem(event).to_owned();
    let beside = ["json", "yaml", "yml"].map(|extension| beside(event, extension));
    let expected = beside.into_iter().find(|path| path.is_file());
    EventFile { name, event: event.to_owned(), expected }
}

/// Where an event's expected output is written when there is none yet: in the event's own language.
pub(super) fn expected_path(event: &Path) -> PathBuf {
    match event.extension().and_then(OsStr::to_str) {
        Some(extension @ ("yaml" | "yml")) => beside(event, extension),
        _ => beside(event, "json"),
    }
}

fn beside(event: &Path, extension: &str) -> PathBuf {
    event.with_file_name(format!("{}{EXPECTED}.{extension}", stem(event)))
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(OsStr::to_str).unwrap_or_default()
}

/// What a file is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Json,
    Yaml,
    Http,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "http" => Some(Self::Http),
            _ => None,
        }
    }
}

/// Reads a value; a raw HTTP request becomes a viewer-request event.
///
/// # Errors
/// When the file cannot be read or is not what its name says; with the place in it.
pub(super) fn read(path: &Path) -> Result<Value, String> {
    let named = |error: String| format!("{}: {error}", path.display());
    let bytes = read_bytes(path)?;
    let text = || std::str::from_utf8(&bytes).map_err(|_| named("is not UTF-8 text".to_owned()));
    match Kind::of(path) {
        // What has another name is JSON: events may come from anywhere.
        None | Some(Kind::Json) => {
            serde_json::from_slice(&bytes).map_err(|error| named(format!("is not JSON: {error}")))
        }
        Some(Kind::Yaml) => yaml::parse(text()?).map_err(named),
        Some(Kind::Http) => http_text::event(&bytes).map_err(named),
    }
}

/// Reads an event for a function: for one that can be an origin, a raw HTTP request is what the load balancer makes of it.
///
/// # Errors
/// As for [`read`].
pub(super) fn read_for(function: &Function, path: &Path) -> Result<Value, String> {
    match (function, Kind::of(path)) {
        (Function::Origin(function), Some(Kind::Http)) => {
            let event = http_text::balancer_event(&read_bytes(path)?, function.name());
            event.map_err(|error| format!("{}: {error}", path.display()))
        }
        (Function::Origin(_) | Function::Viewer(_), _) => read(path),
    }
}

/// A file's content.
///
/// # Errors
/// When it cannot be read or is too large.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let named = |error: String| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| named(error.to_string()))?;
    let read = file.take(TEST_FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| named(error.to_string()))?;
    if bytes.len() as u64 > TEST_FILE_BYTES_MAX {
        return Err(named(format!("is longer than {TEST_FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Writes a value in the language of the file's name.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(path: &Path, value: &Value) -> Result<(), String> {
    let text = match Kind::of(path) {
        Some(Kind::Yaml) => yaml::text(value),
        _ => format!("{value:#}\n"),
    };
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
