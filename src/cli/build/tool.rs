//! Programs of other projects that a build starts.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and how a user gets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Folders beside the function, or above it, where it may be installed.
    pub folder: &'static str,
    /// The command that installs it.
    pub install: &'static str,
}

impl Tool {
    /// Finds it in the function's folder or one above, or on the search path.
    ///
    /// # Errors
    /// A sentence that says how to install it.
    pub(super) fn find(self, folder: &Path) -> Result<PathBuf, String> {
        let beside = folder.ancestors().map(|above| above.join(self.folder).join(self.name));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let named = std::env::split_paths(&path).map(|place| place.join(self.name));
        beside.chain(named).find(|place| place.is_file()).ok_or_else(|| {
            format!(
                "{} is not installed: run `{}` in {}, or put it on the search path",
                self.name,
                self.install,
                folder.display()
            )
        })
    }
}

/// Runs a program to its end. What it says is shown only when it fails.
///
/// # Errors
/// What it said.
pub(super) fn run(command: &mut Command) -> Result<(), String> {
    let program = Path::new(command.get_program()).to_owned();
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start {name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Err(format!("{name} failed ({}):\n{}", output.status, said.concat().trim_end()))
}
