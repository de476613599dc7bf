//! The folder of a disk tier: whose it is, and what is in it.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::segment::Segment;
use crate::cache::store::{OWNER_ONLY, checksum};

/// Changes with the form of anything in the folder, and of cache keys: what an older version wrote is dropped then.
const FORMAT: &[u8; 16] = b"verge cache 0001";

/// What the tier is known by: [`FORMAT`], the seed of key hashes (8), a checksum (8).
const NAME_FILE: &str = "cache";
const JOURNAL_FILE: &str = "invalidations";
const LOCK_FILE: &str = "lock";

/// Why there is no disk tier; says what to do about it.
#[derive(Debug)]
pub enum DiskError {
    /// Another process has the folder.
    Used(PathBuf),
    /// It holds something else.
    Foreign(PathBuf),
    /// This cannot be read or written.
    Io(PathBuf, io::Error),
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cache.disk.directory: ")?;
        match self {
            Self::Used(path) => write!(
                f,
                "{} is used by another process: give each edge a folder of its own",
                path.display()
            ),
            Self::Foreign(path) => write!(
                f,
                "{} holds files that are no cache: name an empty folder, or one that is not there yet",
                path.display()
            ),
            Self::Io(path, error) => {
                write!(f, "{}: {error}: name a folder that can be read and written", path.display())
            }
        }
    }
}

impl std::error::Error for DiskError {}

/// The folder, held by this process.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Keeps viewers from finding keys whose hashes collide; part of where objects are found again.
    pub(super) seed: u64,
    /// Holds the lock.
    lock: File,
}

impl Folder {
    /// Takes the folder, which is made if need be. `seed` is for a new cache.
    pub(super) fn open(path: &Path, seed: u64) -> Result<Self, DiskError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            |error| DiskError::Io(path, error)
        };
        if path.exists() && !path.is_dir() {
            return Err(at(path)(io::ErrorKind::NotADirectory.into()));
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(at(path))?;
        let name = path.join(NAME_FILE);
        let found = match std::fs::read(&name) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(at(&name)(error)),
        };
        if found.is_none() && !is_ours(path).map_err(at(path))? {
            return Err(DiskError::Foreign(path.to_owned()));
        }
        let lock_file = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false).mode(OWNER_ONLY);
        let lock = options.open(&lock_file);
        let lock = lock.map_err(at(&lock_file))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| DiskError::Used(path.to_owned()))?;
        let mut folder = Self { path: path.to_owned(), seed, lock };
        match found.as_deref().and_then(seed_of) {
            Some(seed) => folder.seed = seed,
            None => folder.begin().map_err(at(&name))?,
        }
        Ok(folder)
    }

    /// Whether the folder is still the one that was taken, and was not removed meanwhile.
    pub(super) fn is_there(&self) -> bool {
        let file = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let found = std::fs::metadata(self.path.join(LOCK_FILE)).map(file);
        matches!((found, self.lock.metadata().map(file)), (Ok(found), Ok(ours)) if found == ours)
    }

    /// Makes it an empty cache.
    fn begin(&self) -> io::Result<()> {
        for number in self.segments()? {
            std::fs::remove_file(Segment::path(&self.path, number))?;
        }
        match std::fs::remove_file(self.journal()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut bytes = FORMAT.to_vec();
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
        let new = self.path.join("cache.new");
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).write(true).truncate(true).mode(OWNER_ONLY).open(&new)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        std::fs::rename(&new, self.path.join(NAME_FILE))
    }

    /// The numbers of the segments that are there, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            numbers.extend(entry?.file_name().to_str().and_then(Segment::number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL_FILE)
    }
}

/// Whether nothing is in the folder but what this file puts there before its name, and what file systems do.
fn is_ours(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if ![LOCK_FILE, "cache.new", "lost+found"].iter().any(|ours| name == *ours) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn seed_of(bytes: &[u8]) -> Option<u64> {
    let (fields, sum) = bytes.split_last_chunk::<8>()?;
    let (format, seed) = fields.split_last_chunk::<8>()?;
    let is_whole = checksum(fields).to_le_bytes() == *sum && format == FORMAT;
    is_whole.then(|| u64::from_le_bytes(*seed))
}
