//! AssemblyScript: asc compiles `assembly/index.ts`. An export of that language cannot have the name of an interface, so a
//! transform of ours gives it that name.

use std::path::Path;
use std::process::Command;

use super::component;
use super::tool::{self, Tool};
use super::workshop::Workshop;

const COMPILER: Tool = Tool {
    name: "asc",
    folder: Some("node_modules/.bin"),
    install: "npm install --save-dev assemblyscript",
};
/// The entry file.
pub(super) const ENTRY: &str = "assembly/index.ts";
/// Names the exports.
const TRANSFORM: &str = include_str!("assemblyscript/exports.mjs");

/// Builds a component of the program in `folder` into `made`.
///
/// # Errors
/// What is missing, what the compiler said, or what the module lacks.
pub(super) fn build(folder: &Path, workshop: &Workshop, made: &Path) -> Result<(), String> {
    let compiler = COMPILER.find(folder)?;
    let transform = workshop.write("exports.mjs", TRANSFORM)?;
    let module = workshop.path().join("function.core.wasm");
    tool::run(
        Command::new(compiler)
            .current_dir(folder)
            .arg(ENTRY)
            // A typed function begins every call from nothing, so nothing has to be collected.
            .args(["--runtime", "stub", "-O3"])
            // The compiler's own import for failed assertions is not there.
            .args(["--use", "abort=assembly/edge/abort", "--transform"])
            .arg(transform)
            .arg("--outFile")
            .arg(&module),
    )?;
    component::make(&module, workshop, made)
}
