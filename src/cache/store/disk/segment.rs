//! Segments: files of records, written once from beginning to end and removed whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::At;
use super::record::{LABEL_BYTES, Label};
use crate::cache::store::OWNER_ONLY;

/// What a file begins with; records follow.
const MAGIC: &[u8; 8] = b"vrgseg01";

/// What is read at once of a segment that is scanned: labels of small objects lie close together, and of large ones
/// nothing else is wanted.
const SCAN_BUFFER_BYTES: usize = 8 << 10;

/// One file.
pub(super) struct Segment {
    pub(super) number: u32,
    path: PathBuf,
    file: File,
    bytes: AtomicU64,
    /// Its end may be the rest of a record that could not be written.
    is_sealed: AtomicBool,
}

impl Segment {
    pub(super) fn path(folder: &Path, number: u32) -> PathBuf {
        folder.join(format!("{number:010}.segment"))
    }

    /// The number of the segment that has this file's name; `None` for other files.
    pub(super) fn number(name: &str) -> Option<u32> {
        let digits = name.strip_suffix(".segment")?;
        (digits.len() == 10).then(|| digits.parse().ok()).flatten()
    }

    pub(super) fn create(folder: &Path, number: u32) -> io::Result<Self> {
        let path = Self::path(folder, number);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&path)?;
        if let Err(error) = file.write_all_at(MAGIC, 0) {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self::new(number, path, file, MAGIC.len() as u64))
    }

    fn new(number: u32, path: PathBuf, file: File, bytes: u64) -> Self {
        Self { number, path, file, bytes: AtomicU64::new(bytes), is_sealed: AtomicBool::default() }
    }

    pub(super) fn open(folder: &Path, number: u32) -> io::Result<Self> {
        let path = Self::path(folder, number);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self::new(number, path, file, bytes))
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds a record of these pieces at the end. Only one thread may write.
    ///
    /// # Errors
    /// When it cannot be written; the segment is as it was before, or sealed.
    pub(super) fn append(&self, pieces: [&[u8]; 2], record_bytes: u64) -> io::Result<At> {
        let end = self.bytes();
        let outcome = self.write(pieces, end, record_bytes);
        if outcome.is_ok() {
            self.bytes.store(end + record_bytes, Ordering::Relaxed);
        } else {
            self.cut(end);
        }
        outcome
    }

    /// Whether nothing may be written behind what it has.
    pub(super) fn is_sealed(&self) -> bool {
        self.is_sealed.load(Ordering::Relaxed)
    }

    /// Drops everything from `end` on.
    pub(super) fn cut(&self, end: u64) {
        match self.file.set_len(end) {
            Ok(()) => self.bytes.store(end, Ordering::Relaxed),
            Err(_) => self.is_sealed.store(true, Ordering::Relaxed),
        }
    }

    fn write(&self, pieces: [&[u8]; 2], end: u64, record_bytes: u64) -> io::Result<At> {
        let offset = u32::try_from(end).map_err(io::Error::other)?;
        let mut at = end;
        for piece in pieces {
            self.file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        let padding = 0_u64.to_le_bytes();
        // Less than the alignment.
        let missing = usize::try_from(end + record_bytes - at).map_err(io::Error::other)?;
        self.file.write_all_at(padding.get(..missing).unwrap_or_default(), at)?;
        Ok(At { segment: self.number, offset })
    }

    /// Reads bytes that were written.
    ///
    /// # Errors
    /// When the disk fails, or the file is not that long.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }

    /// The records in their order, up to the first that is not whole. Returns where that is. Only one thread may scan.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn scan(&self, mut each: impl FnMut(At, &Label)) -> io::Result<u64> {
        let end = self.bytes();
        let mut reader = BufReader::with_capacity(SCAN_BUFFER_BYTES, &self.file);
        io::Seek::rewind(&mut reader)?;
        let mut magic = [0; MAGIC.len()];
        if end < MAGIC.len() as u64 {
            return Ok(0);
        }
        reader.read_exact(&mut magic)?;
        let mut offset = MAGIC.len() as u64;
        while magic == *MAGIC && offset + LABEL_BYTES as u64 <= end {
            let mut bytes = [0; LABEL_BYTES];
            reader.read_exact(&mut bytes)?;
            let Some(label) = Label::from_bytes(&bytes) else { break };
            let next = offset + label.record_bytes();
            let (Ok(at), true) = (u32::try_from(offset), next <= end) else { break };
            each(At { segment: self.number, offset: at }, &label);
            reader.seek_relative((label.record_bytes() - LABEL_BYTES as u64).cast_signed())?;
            offset = next;
        }
        Ok(offset)
    }

    /// Brings to the disk what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes the file; who reads it reads on.
    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}
