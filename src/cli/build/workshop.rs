//! A folder of our own for the files in between; gone when the build is over.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cli::interfaces::INTERFACES;

/// The folder.
#[derive(Debug)]
pub(super) struct Workshop(PathBuf);

impl Workshop {
    /// Makes the folder, with the edge's interfaces in `wit/`.
    ///
    /// # Errors
    /// A sentence when the system's folder for temporary files cannot be written.
    pub(super) fn open() -> Result<Self, String> {
        let name = format!("verge-build-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        // Its name cannot be foreseen, and it must be new: nobody else can have put anything there.
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| format!("cannot make {}: {error}; set TMPDIR", path.display()))?;
        let workshop = Self(path);
        for (name, text) in INTERFACES {
            workshop.write(name, text)?;
        }
        Ok(workshop)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder with the interfaces.
    pub(super) fn interfaces(&self) -> PathBuf {
        self.0.join("wit")
    }

    /// Writes a file; its folder is made.
    ///
    /// # Errors
    /// A sentence with the path.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, text));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What stays behind in the system's folder for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
