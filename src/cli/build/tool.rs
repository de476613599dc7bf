//! Programs of other projects that a build starts.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and how a user gets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    /// Its name.
    pub name: &'static str,
    /// The folder beside the function, or above it, where its package manager installs it, if that does so.
    pub folder: Option<&'static str>,
    /// The command that installs it.
    pub install: &'static str,
}

impl Tool {
    /// Finds it in the function's folder or one above, or on the search path.
    ///
    /// # Errors
    /// A sentence that says how to install it.
    pub(super) fn find(self, folder: &Path) -> Result<PathBuf, String> {
        let beside = self.folder.into_iter().flat_map(|place| {
            folder.ancestors().map(move |above| above.join(place).join(self.name))
        });
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
    output(command).map(drop)
}

/// Runs a program to its end; what it wrote to its standard output.
///
/// # Errors
/// What it said.
pub(super) fn output(command: &mut Command) -> Result<String, String> {
    let program = Path::new(command.get_program()).to_owned();
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start {name}: {error}"))?;
    let [written, said] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if output.status.success() {
        return Ok(written);
    }
    Err(format!("{name} failed ({}):\n{}", output.status, (written + &said).trim_end()))
}
