//! Functions: a folder with its `function.toml`, or a description in the configuration file itself.

use std::path::Path;

use super::{FunctionMaterial, read_bytes, read_text};
use crate::config::file::{File, Function, FunctionFolder};
use crate::config::problem::Problems;
use crate::config::reader;
use crate::limits;

/// The file that describes a function's folder.
const DESCRIPTION: &str = "function.toml";

/// What every `[[function]]` of `written`, the content of `file`, stands for.
pub(super) fn functions(
    file: &Path,
    base: &Path,
    written: &File,
    problems: &mut Problems,
) -> Vec<Option<FunctionMaterial>> {
    let numbered = written.function.iter().enumerate();
    let materials = numbered.map(|(index, function)| {
        let at = format!("function[{index}]");
        match &function.path {
            Some(path) => {
                refuse_beside_path(function, &at, problems);
                from_folder(&base.join(path), &at, problems)
            }
            None => from_here(file, base, function, &at, problems),
        }
    });
    materials.collect()
}

/// `path` says it all; a second description beside it would be ignored.
fn refuse_beside_path(function: &Function, at: &str, problems: &mut Problems) {
    let beside = [
        ("name", function.name.is_some()),
        ("runtime", function.runtime.is_some()),
        ("code", function.code.is_some()),
        ("file", function.file.is_some()),
        ("comment", function.comment.is_some()),
        ("events", function.events.is_some()),
        ("key_value_stores", function.key_value_stores.is_some()),
        ("memory", function.memory.is_some()),
        ("timeout", function.timeout.is_some()),
    ];
    for (word, _) in beside.into_iter().filter(|(_, written)| *written) {
        let remedy = format!("write it in the folder's {DESCRIPTION}, or leave `path` out");
        problems.add(format!("{at}.{word}"), "cannot stand beside `path`", remedy);
    }
}

fn from_folder(folder: &Path, at: &str, problems: &mut Problems) -> Option<FunctionMaterial> {
    let description = folder.join(DESCRIPTION);
    let text = match read_text(&description, limits::CONFIG_FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => {
            let remedy = format!("name a folder with a {DESCRIPTION}, relative to this file");
            problems.add(format!("{at}.path"), error, remedy);
            return None;
        }
    };
    let (described, mut own) = reader::read::<FunctionFolder>(&description, &text);
    let Some(described) = described else {
        problems.extend(own.into_list());
        return None;
    };
    let file = folder.join(described.code.as_deref().unwrap_or_default());
    let code = described.code.is_some().then(|| code(&file, "code".to_owned(), &mut own)).flatten();
    Some(FunctionMaterial { described, own_problems: Some(own), code, file })
}

fn from_here(
    here: &Path,
    base: &Path,
    function: &Function,
    at: &str,
    problems: &mut Problems,
) -> Option<FunctionMaterial> {
    for (word, missing) in
        [("name", function.name.is_none()), ("runtime", function.runtime.is_none())]
    {
        if missing {
            problems.add(format!("{at}.{word}"), "is missing", format!("add `{word}`, or `path`"));
        }
    }
    let (code, file) = match (&function.code, &function.file) {
        (Some(text), None) => (Some(text.clone().into_bytes()), here.to_owned()),
        (None, Some(path)) => {
            let path = base.join(path);
            (code(&path, format!("{at}.file"), problems), path)
        }
        (Some(_), Some(_)) => {
            problems.add(format!("{at}.file"), "cannot stand beside `code`", "keep one of the two");
            (None, here.to_owned())
        }
        (None, None) => {
            let remedy = "add `path` (a folder), `file` (the code) or `code` (JavaScript)";
            problems.add(at, "has no code", remedy);
            (None, here.to_owned())
        }
    };
    let described = FunctionFolder {
        name: function.name.clone(),
        runtime: function.runtime,
        code: function.file.clone(),
        comment: function.comment.clone(),
        events: function.events.clone(),
        key_value_stores: function.key_value_stores.clone(),
        memory: function.memory.clone(),
        timeout: function.timeout.clone(),
    };
    Some(FunctionMaterial { described, own_problems: None, code, file })
}

fn code(path: &Path, at: String, problems: &mut Problems) -> Option<Vec<u8>> {
    match read_bytes(path, limits::ORIGIN_FUNCTION_BYTES_MAX as u64) {
        Ok(code) => Some(code),
        Err(error) => {
            problems.add(at, error, "name a file that can be read");
            None
        }
    }
}
