//! Rust: cargo builds the folder's crate for the target that the crate itself names.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::component;
use super::tool::{self, Tool};
use super::workshop::Workshop;

const CARGO: Tool =
    Tool { name: "cargo", folder: None, install: "curl https://sh.rustup.rs -sSf | sh" };

/// Builds a component of the crate in `folder` into `made`.
///
/// # Errors
/// What is missing, what cargo said, or what the module lacks.
pub(super) fn build(folder: &Path, workshop: &Workshop, made: &Path) -> Result<(), String> {
    let said = tool::output(Command::new(CARGO.find(folder)?).current_dir(folder).args([
        "build",
        "--release",
        "--message-format=json-render-diagnostics",
    ]))?;
    let library =
        said.lines().rev().find_map(library).ok_or(
            "cargo built no library: Cargo.toml needs [lib] with crate-type = [\"cdylib\"]",
        )?;
    if !library.ends_with(".wasm") {
        return Err(format!(
            "cargo built {library} for this machine: say target = \"wasm32-unknown-unknown\" under [build] in \
             {}/.cargo/config.toml",
            folder.display()
        ));
    }
    component::make(Path::new(&library), workshop, made)
}

/// The file of a message about a library for other languages.
fn library(message: &str) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_library = message["reason"] == "compiler-artifact"
        && message["target"]["kind"].as_array()?.iter().any(|kind| kind == "cdylib");
    let file = is_library.then(|| message["filenames"].get(0)?.as_str())??;
    Some(file.to_owned())
}
