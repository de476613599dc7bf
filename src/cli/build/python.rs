//! Python: componentize-py makes a component of the handler's module, our adapter and CPython.

use std::path::Path;
use std::process::Command;

use super::tool::{self, Tool};
use super::workshop::Workshop;

const COMPONENTIZER: Tool = Tool {
    name: "componentize-py",
    folder: Some(".venv/bin"),
    install: "python3 -m venv .venv && .venv/bin/pip install componentize-py",
};

/// The adapter.
const ADAPTER: &str = include_str!("python/adapter.py");
/// Its module; no handler's module has that name.
const ADAPTER_MODULE: &str = "verge_adapter";
/// What the adapter puts in the place of CPython's sockets.
const NETWORK: &str = include_str!("python/network.py");

/// Builds a component of the handler's module into `made`.
///
/// # Errors
/// What is missing, or what the tool said.
pub(super) fn build(
    folder: &Path,
    module: &str,
    function: &str,
    workshop: &Workshop,
    made: &Path,
) -> Result<(), String> {
    let componentizer = COMPONENTIZER.find(folder)?;
    for name in [module, function] {
        let word = |letter: char| letter.is_alphanumeric() || "_.".contains(letter);
        if !name.chars().all(word) {
            return Err(format!("\"{name}\" is no name in Python"));
        }
    }
    let text = ADAPTER.replace("@MODULE@", module).replace("@HANDLER@", function);
    workshop.write(&format!("python/{ADAPTER_MODULE}.py"), &text)?;
    workshop.write("python/verge_network.py", NETWORK)?;
    tool::run(
        Command::new(componentizer)
            .current_dir(workshop.path())
            .arg("--wit-path")
            .arg(workshop.interfaces())
            .args(["--world", "lambda-function", "componentize", ADAPTER_MODULE, "--python-path"])
            .arg(workshop.path().join("python"))
            .arg("--python-path")
            .arg(folder)
            .arg("--output")
            .arg(made),
    )
}
