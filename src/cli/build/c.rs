//! C: clang compiles all files of the folder against wasi-libc.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::component;
use super::tool::{self, Tool};
use super::workshop::Workshop;

const COMPILER: Tool = Tool {
    name: "clang",
    folder: None,
    install: "apt install clang lld wasi-libc libclang-rt-dev-wasm32",
};
/// Names another compiler, such as one of Debian's versions: `clang-19`.
const VARIABLE: &str = "CLANG";

/// Builds a component of the files in `folder` into `made`.
///
/// # Errors
/// What is missing, what the compiler said, or what the module lacks.
pub(super) fn build(folder: &Path, workshop: &Workshop, made: &Path) -> Result<(), String> {
    let compiler = match std::env::var_os(VARIABLE) {
        Some(named) => named.into(),
        None => COMPILER.find(folder)?,
    };
    let module = workshop.path().join("function.core.wasm");
    tool::run(
        Command::new(compiler)
            .current_dir(folder)
            // A library: its start function only prepares what is static.
            .args(["--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-Wall", "-Wextra"])
            .args(sources(folder)?)
            .args(["-Wl,--strip-all", "-o"])
            .arg(&module),
    )?;
    component::make(&module, workshop, made)
}

/// All files of C, in the order of their names.
fn sources(folder: &Path) -> Result<Vec<std::ffi::OsString>, String> {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "c") {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
