//! Which functions are tested, and where their events are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Trouble;
use super::arguments::Arguments;
use crate::config::{self, Config, FunctionSource, Runtime};

/// The folder of a function that its events are in.
const EVENTS: &str = "events";

/// A function to test.
#[derive(Debug)]
pub(super) struct Subject {
    pub source: FunctionSource,
    /// Its folder of events; `None` when it has no place of its own.
    pub events: Option<PathBuf>,
}

/// All functions to test.
pub(super) struct Subjects {
    pub list: Vec<Subject>,
    /// Where machine code is kept: in the configuration's state directory, or in the user's cache.
    pub code_cache: Option<PathBuf>,
}

impl Subjects {
    /// Reads what the arguments name. The configuration is only read when a name is looked up in it.
    pub(super) fn find(arguments: &Arguments) -> Result<Self, Trouble> {
        let config = if arguments.all || arguments.functions.iter().any(|name| !is_path(name)) {
            let file = &arguments.configuration.config;
            Some(config::load(file).map_err(Trouble::Configuration)?)
        } else {
            None
        };
        let mut sources = Vec::new();
        if let (Some(config), true) = (&config, arguments.all) {
            sources.clone_from(&config.functions);
        }
        for name in &arguments.functions {
            sources.push(match &config {
                Some(config) if !is_path(name) => named(config, name)?,
                _ => from_path(Path::new(name), arguments)?,
            });
        }
        if sources.is_empty() {
            return Err(Trouble::Usage("the configuration has no functions to test".to_owned()));
        }
        let several = sources.len() > 1;
        let list = sources.into_iter().map(|source| subject(source, several, arguments));
        let code_cache = match &config {
            Some(config) => Some(config.state_directory.join("code")),
            None => user_code_cache(),
        };
        Ok(Self { list: list.collect::<Result<_, _>>()?, code_cache })
    }
}

/// The folders whose files matter to these arguments, as far as they are there.
pub(super) fn folders(arguments: &Arguments, subjects: Option<&Subjects>) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut add = |path: &Path| {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if folder.is_dir() {
            folders.insert(folder.to_owned());
        }
    };
    if arguments.all || arguments.functions.iter().any(|name| !is_path(name)) {
        add(&arguments.configuration.config);
    }
    for path in arguments.functions.iter().filter(|name| is_path(name)) {
        add(Path::new(path));
    }
    for path in [&arguments.event, &arguments.events, &arguments.kvs].into_iter().flatten() {
        add(path);
    }
    for subject in subjects.map(|subjects| &*subjects.list).unwrap_or_default() {
        add(&subject.source.file);
        for path in [&subject.source.folder, &subject.events].into_iter().flatten() {
            add(path);
        }
    }
    folders
}

/// Whether an argument is a path and no name; names have no slashes and no points.
fn is_path(argument: &str) -> bool {
    let extension = Path::new(argument).extension().and_then(|extension| extension.to_str());
    argument.contains(['/', '\\']) || matches!(extension, Some("js" | "mjs" | "cjs" | "wasm"))
}

fn named(config: &Config, name: &str) -> Result<FunctionSource, Trouble> {
    let found = config.functions.iter().find(|function| function.name == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = config.functions.iter().map(|function| &*function.name).collect();
        let remedy = config::suggestion(name, &names, "use one of");
        let or = format!("or write ./{name} for a folder");
        Trouble::Usage(format!("there is no function \"{name}\" ({remedy}, {or})"))
    })
}

fn from_path(path: &Path, arguments: &Arguments) -> Result<FunctionSource, Trouble> {
    let runtime = match path.extension().and_then(|extension| extension.to_str()) {
        Some("wasm") => Runtime::Wasm,
        _ => arguments.runtime.map_or(Runtime::JavaScript2, Into::into),
    };
    config::load_function(path, runtime).map_err(Trouble::Configuration)
}

fn subject(
    mut source: FunctionSource,
    several: bool,
    arguments: &Arguments,
) -> Result<Subject, Trouble> {
    match (arguments.runtime, source.runtime) {
        (Some(_), Runtime::Wasm) if !several => {
            let text = format!("{} is WebAssembly; --runtime is for JavaScript", source.name);
            return Err(Trouble::Usage(text));
        }
        (None, _) | (_, Runtime::Wasm) => {}
        (Some(runtime), _) => source.runtime = runtime.into(),
    }
    let events = match &arguments.events {
        Some(folder) if several => Some(folder.join(&source.name)),
        Some(folder) => Some(folder.clone()),
        None => source.folder.as_ref().map(|folder| folder.join(EVENTS)),
    };
    Ok(Subject { source, events })
}

/// Where machine code is kept without a configuration: in the user's folder for what can be made again (XDG Base
/// Directory Specification).
pub(super) fn user_code_cache() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    cache.map(|cache| cache.join("verge").join("code"))
}
