//! Compiled machine code on disk, so that a restart does not compile again.
//!
//! The engine runs whatever such a file holds, so a file is believed only when three things are
//! true: its directory is ours alone, the file is ours, and its content has the hash it claims.
//! Anything else is as good as no file.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest;
use rustix::fs::OFlags;
use wasmtime::Engine;

use crate::limits::COMPILED_CODE_CACHE_BYTES_MAX;

/// First bytes of every file; the digits change when the layout does.
const MAGIC: &[u8; 8] = b"VERGEC01";
const DIGEST_BYTES: usize = digest::SHA256_OUTPUT_LEN;
const EXTENSION: &str = "code";

/// Whether a file holds a core module or a component: the engine reads them differently.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

/// Bytes whose origin was checked: read from a file of ours in a directory of ours, whole.
pub(super) struct VerifiedCode(Vec<u8>);

impl VerifiedCode {
    /// The engine's serialised form.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.get(MAGIC.len() + DIGEST_BYTES..).unwrap_or_default()
    }
}

/// A directory of compiled code.
pub(super) struct CodeCache {
    directory: PathBuf,
}

impl CodeCache {
    /// Opens a directory, making it (mode 0700) when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, is not a directory, belongs to somebody else, or somebody else may
    /// write to it.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let found = fs::symlink_metadata(directory)?;
        if !found.is_dir() {
            return Err(io::Error::other("it is not a directory (a link is not followed)"));
        }
        check_ours(&found)?;
        Ok(Self { directory: directory.to_path_buf() })
    }

    /// Where the code for `wasm`, compiled by `engine`, would be.
    pub(super) fn path(&self, engine: &Engine, kind: Kind, wasm: &[u8]) -> PathBuf {
        let mut hasher = Sha256Hasher(digest::Context::new(&digest::SHA256));
        MAGIC.hash(&mut hasher);
        kind.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.write(wasm);
        let name: String =
            hasher.0.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(name).with_extension(EXTENSION)
    }

    /// Reads code back. `None` when there is none, and also when it cannot be believed; that is
    /// logged.
    pub(super) fn read(&self, path: &Path) -> Option<VerifiedCode> {
        match read_verified(path) {
            Ok(code) => Some(code),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let file = path.display();
                tracing::warn!(%file, %error, "compiled code ignored; compiling again");
                None
            }
        }
    }

    /// Keeps code for the next start: written beside its place and renamed, so that no reader sees
    /// half a file.
    ///
    /// # Errors
    /// When the disk is full or read-only.
    pub(super) fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        // Two threads of this process may write the same code at once; two processes have different
        // ids.
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}-{serial}.part", std::process::id()));
        let written = write_draft(&draft, code).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            // The error that matters is the first; a draft that stays behind is harmless.
            let _ = fs::remove_file(&draft);
        }
        written?;
        self.prune(path)
    }

    /// Removes the oldest files while the directory holds more than its limit; `keep` was just
    /// written and stays.
    fn prune(&self, keep: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, bytes, path) in files.into_iter().filter(|(_, _, path)| path != keep) {
            if total <= COMPILED_CODE_CACHE_BYTES_MAX {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }
}

fn read_verified(path: &Path) -> io::Result<VerifiedCode> {
    let no_links = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut file = OpenOptions::new().read(true).custom_flags(no_links).open(path)?;
    check_ours(&file.metadata()?)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    let parts = content.split_first_chunk::<{ MAGIC.len() }>();
    let claimed = parts.filter(|(magic, _)| *magic == MAGIC).and_then(|(_, rest)| {
        let (claimed, code) = rest.split_first_chunk::<DIGEST_BYTES>()?;
        (digest::digest(&digest::SHA256, code).as_ref() == claimed).then_some(())
    });
    match claimed {
        Some(()) => Ok(VerifiedCode(content)),
        None => Err(io::Error::other("the file is damaged: its content does not have its hash")),
    }
}

fn write_draft(draft: &Path, code: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(MAGIC)?;
    file.write_all(digest::digest(&digest::SHA256, code).as_ref())?;
    file.write_all(code)?;
    // Without this a power cut may leave a renamed file of zeros; the hash would catch it at the
    // price of compiling.
    file.sync_data()
}

/// Refuses what another account owns or may change.
fn check_ours(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another account"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("other accounts may write to it; chmod go-w it"));
    }
    Ok(())
}

/// Feeds what is hashed into SHA-256: the standard hashers are short and may differ from run to
/// run.
struct Sha256Hasher(digest::Context);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Unused: the digest is taken from the context instead.
    fn finish(&self) -> u64 {
        0
    }
}
