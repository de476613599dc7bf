//! `verge build`: a folder with a function's sources becomes a component, with the language's own tools, which the user
//! installed.
//!
//! Around a Lambda handler of Node.js or Python, which itself is not changed, an adapter of ours is put (the files in
//! `node/` and `python/`). What compilers make of Rust, C and AssemblyScript is a core module, and a component is made of
//! that here.

mod assemblyscript;
mod c;
mod cargo;
mod component;
mod node;
mod python;
mod tool;
mod workshop;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use workshop::Workshop;

/// What is made.
const COMPONENT: &str = "function.wasm";
/// What describes it.
const DESCRIPTION: &str = "function.toml";

/// The words of `verge build`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder with index.mjs, index.js, index.cjs or index.ts that exports `handler`, lambda_function.py with
    /// `lambda_handler`, Cargo.toml, function.c or assembly/index.ts. function.wasm is written into it, and function.toml
    /// if there is none.
    folder: PathBuf,
    /// The handler of Node.js or Python as Lambda names it: file.function.
    #[arg(long, value_name = "FILE.FUNCTION")]
    handler: Option<String>,
}

/// What the folder has.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Handler {
    /// A file of JavaScript or TypeScript, and the export.
    Node(PathBuf, String),
    /// A module of Python, and the function.
    Python(String, String),
    /// A crate of Rust.
    Cargo,
    /// Files of C.
    C,
    /// AssemblyScript.
    AssemblyScript,
}

/// Builds and says what was built.
pub fn run(arguments: &Arguments) -> ExitCode {
    super::report(build(arguments))
}

fn build(arguments: &Arguments) -> Result<String, String> {
    let folder = fs::canonicalize(&arguments.folder)
        .map_err(|error| format!("{}: {error}", arguments.folder.display()))?;
    let handler = find(&folder, arguments.handler.as_deref())?;
    let workshop = Workshop::open()?;
    let made = workshop.path().join(COMPONENT);
    match &handler {
        Handler::Node(file, export) => node::build(&folder, file, export, &workshop, &made)?,
        Handler::Python(module, function) => {
            python::build(&folder, module, function, &workshop, &made)?;
        }
        Handler::Cargo => cargo::build(&folder, &workshop, &made)?,
        Handler::C => c::build(&folder, &workshop, &made)?,
        Handler::AssemblyScript => {
            assemblyscript::build(&folder, &workshop, &made)?;
        }
    }
    let target = folder.join(COMPONENT);
    let bytes = fs::copy(&made, &target)
        .map_err(|error| format!("cannot write {}: {error}", target.display()))?;
    let described = describe(&folder)?;
    let shown = arguments.folder.display();
    Ok(format!("{shown}/{COMPONENT}: {bytes} bytes\n{shown}/{DESCRIPTION}: {described}"))
}

/// Writes `function.toml` where there is none, and says so.
fn describe(folder: &Path) -> Result<&'static str, String> {
    let file = folder.join(DESCRIPTION);
    if file.exists() {
        return Ok("kept as it is");
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let name: String = name
        .chars()
        .map(|letter| if allowed(letter) { letter } else { '-' })
        .take(crate::limits::NAME_CHARS_MAX)
        .collect();
    let text = format!("name = \"{name}\"\nruntime = \"wasm\"\ncode = \"{COMPONENT}\"\n");
    fs::write(&file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok("written")
}

/// The handler that is named, or the one that Lambda would look for.
fn find(folder: &Path, named: Option<&str>) -> Result<Handler, String> {
    let (module, function) = match named {
        Some(named) => {
            named.rsplit_once('.').map(|(file, function)| (file, Some(function))).ok_or(format!(
                "--handler {named}: name a file without its ending and a function: index.handler"
            ))?
        }
        None => ("index", None),
    };
    for extension in ["mjs", "js", "cjs", "ts", "mts"] {
        let file = folder.join(format!("{module}.{extension}"));
        if file.is_file() {
            return Ok(Handler::Node(file, function.unwrap_or("handler").to_owned()));
        }
    }
    let module = if named.is_some() { module } else { "lambda_function" };
    if folder.join(module.replace('.', "/")).with_extension("py").is_file() {
        let function = function.unwrap_or("lambda_handler");
        return Ok(Handler::Python(module.replace('/', "."), function.to_owned()));
    }
    if named.is_none() {
        let compiled = [
            ("Cargo.toml", Handler::Cargo),
            ("function.c", Handler::C),
            (assemblyscript::ENTRY, Handler::AssemblyScript),
        ];
        let found = compiled.into_iter().find(|(file, _)| folder.join(file).is_file());
        if let Some((_, handler)) = found {
            return Ok(handler);
        }
    }
    let sought = match named {
        Some(_) => format!("{module}.js, .mjs, .cjs, .ts or .py"),
        None => "index.mjs, index.js, index.cjs, index.ts, lambda_function.py, Cargo.toml, function.c or \
                 assembly/index.ts"
            .to_owned(),
    };
    Err(format!(
        "{} has no {sought}; name the handler with --handler FILE.FUNCTION",
        folder.display()
    ))
}

#[cfg(test)]
mod tests;
