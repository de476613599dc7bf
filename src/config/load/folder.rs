//! Functions: a folder with its `function.toml`, or a description in the configuration file itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Environment, FunctionMaterial, read_bytes, read_text, secret};
use crate::config::Runtime;
use crate::config::file::{File, Function, FunctionFolder, RuntimeWord};
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
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Vec<Option<FunctionMaterial>> {
    let numbered = written.function.iter().enumerate();
    let materials = numbered.map(|(index, function)| {
        let at = format!("function[{index}]");
        match &function.path {
            Some(path) => {
                refuse_beside_path(function, &at, problems);
                from_folder(&base.join(path), environment, &at, problems)
            }
            None => from_here(file, base, function, environment, &at, problems),
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
        ("ephemeral_storage", function.ephemeral_storage.is_some()),
        ("timeout", function.timeout.is_some()),
        ("isolation", function.isolation.is_some()),
        ("concurrency", function.concurrency.is_some()),
        ("environment", function.environment.is_some()),
        ("egress", function.egress.is_some()),
        ("memo", function.memo.is_some()),
        ("compat", function.compat.is_some()),
        ("test", function.test.is_some()),
    ];
    for (word, _) in beside.into_iter().filter(|(_, written)| *written) {
        let remedy = format!("write it in the folder's {DESCRIPTION}, or leave `path` out");
        problems.add(format!("{at}.{word}"), "cannot stand beside `path`", remedy);
    }
}

/// A function without a configuration: its folder, or the file with its code.
pub(super) fn alone(
    path: &Path,
    runtime: Runtime,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<FunctionMaterial> {
    if path.is_dir() {
        let description = path.join(DESCRIPTION);
        let text = read_text(&description, limits::CONFIG_FILE_BYTES_MAX).map_err(|error| {
            problems.add("", error, format!("name a folder with a {DESCRIPTION}, or a file"));
        });
        return described_by(path, &description, &text.ok()?, environment, problems);
    }
    let mut own = Problems::new(path);
    let Some(code) = code(path, String::new(), &mut own) else {
        problems.extend(own.into_list());
        return None;
    };
    let described = FunctionFolder {
        name: Some(name_of(path)),
        runtime: Some(match runtime {
            Runtime::JavaScript1 => RuntimeWord::JavaScript1,
            Runtime::JavaScript2 => RuntimeWord::JavaScript2,
            Runtime::Wasm => RuntimeWord::Wasm,
        }),
        code: path.file_name().map(|name| name.to_string_lossy().into_owned()),
        ..FunctionFolder::default()
    };
    let folder = path.parent().map(Path::to_owned);
    let (code, file) = (Some(code), path.to_owned());
    let (own_problems, variables) = (Some(own), Vec::new());
    Some(FunctionMaterial { described, own_problems, code, variables, file, folder })
}

/// A name that is allowed, from the name of a file.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let letters = stem.chars().map(|letter| if allowed(letter) { letter } else { '-' });
    let name: String = letters.take(limits::NAME_CHARS_MAX).collect();
    if name.is_empty() { "function".to_owned() } else { name }
}

fn from_folder(
    folder: &Path,
    environment: Environment<'_>,
    at: &str,
    problems: &mut Problems,
) -> Option<FunctionMaterial> {
    let description = folder.join(DESCRIPTION);
    let text = match read_text(&description, limits::CONFIG_FILE_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => {
            let remedy = format!("name a folder with a {DESCRIPTION}, relative to this file");
            problems.add(format!("{at}.path"), error, remedy);
            return None;
        }
    };
    described_by(folder, &description, &text, environment, problems)
}

/// What `text`, the content of a folder's `description`, stands for.
fn described_by(
    folder: &Path,
    description: &Path,
    text: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<FunctionMaterial> {
    let (described, mut own) = reader::read::<FunctionFolder>(description, text);
    let Some(described) = described else {
        problems.extend(own.into_list());
        return None;
    };
    let file = folder.join(described.code.as_deref().unwrap_or_default());
    let code = described.code.is_some().then(|| code(&file, "code".to_owned(), &mut own)).flatten();
    let written = described.environment.as_ref();
    let variables = variables(written, folder, environment, "environment", &mut own);
    let folder = Some(folder.to_owned());
    Some(FunctionMaterial { described, own_problems: Some(own), code, variables, file, folder })
}

fn from_here(
    here: &Path,
    base: &Path,
    function: &Function,
    environment: Environment<'_>,
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
        ephemeral_storage: function.ephemeral_storage.clone(),
        timeout: function.timeout.clone(),
        isolation: function.isolation,
        concurrency: function.concurrency,
        environment: function.environment.clone(),
        egress: function.egress.clone(),
        memo: function.memo,
        compat: function.compat,
        test: function.test.clone(),
    };
    let written = described.environment.as_ref();
    let at = format!("{at}.environment");
    let variables = variables(written, base, environment, &at, problems);
    let own_problems = None;
    Some(FunctionMaterial { described, own_problems, code, variables, file, folder: None })
}

/// The environment variables with their values; `base` is the folder of the file they are written in.
fn variables(
    written: Option<&BTreeMap<String, String>>,
    base: &Path,
    environment: Environment<'_>,
    at: &str,
    problems: &mut Problems,
) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (name, value) in written.into_iter().flatten() {
        match secret::expanded(value, base, environment) {
            Ok(value) => variables.push((name.clone(), value)),
            Err((message, remedy)) => problems.add(format!("{at}.{name}"), message, remedy),
        }
    }
    variables
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
