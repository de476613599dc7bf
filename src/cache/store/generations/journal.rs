//! Invalidations in a file, for a store whose objects survive the process: what was invalidated must not come back
//! with them.
//!
//! The file begins with [`MAGIC`]; records follow: length, its complement, checksum, bytes. A record that is not there to
//! its end was being written when the process ended, and nobody was told that it counts. Anything else that is not a
//! record is damage: notes may be lost, and no object that is older can be trusted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Stamp;
use super::remembered::Note;
use crate::cache::store::{OWNER_ONLY, checksum};
use crate::limits::CACHE_JOURNAL_BYTES_MAX;

/// Changes with the form of the records, and of the locations that are hashed to places.
const MAGIC: &[u8; 8] = b"vrginv01";

/// Bytes before each record, little-endian: its length (4), the complement of that (4), its checksum (8).
const PREFIX_BYTES: usize = 16;

/// What a journal holds.
#[derive(Default)]
pub(in crate::cache::store) struct Written {
    pub(super) floor: u64,
    pub(super) notes: Vec<Note>,
    /// Notes may be missing.
    pub(in crate::cache::store) is_damaged: bool,
}

#[derive(Serialize, Deserialize)]
enum Record {
    /// Nothing older than this generation is to be trusted.
    Floor(u64),
    Note(Note),
}

/// The file, open for writing.
pub(in crate::cache::store) struct Journal {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    is_synced: bool,
    /// A write failed: the end of the file is not known to be whole.
    is_broken: bool,
}

impl Journal {
    /// Opens the file and reads what it holds. With objects beside it (the newest asked for at `newest`) it must be there
    /// and whole: else it is written anew first, so that none of them is trusted.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(in crate::cache::store) fn open(
        path: &Path,
        has_objects: bool,
        newest: Stamp,
    ) -> io::Result<(Self, Written)> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(OWNER_ONLY);
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (mut written, whole) = read(&bytes);
        let mut journal = Self {
            path: path.to_owned(),
            file: Arc::new(file),
            bytes: whole,
            is_synced: false,
            is_broken: false,
        };
        written.is_damaged |= has_objects && whole == 0;
        if written.is_damaged {
            written.floor = written.floor.max(newest.number() + 1);
            journal.rewrite(written.floor, &written.notes)?;
            return Ok((journal, written));
        }
        journal.file.set_len(whole)?;
        if whole == 0 {
            journal.put(MAGIC)?;
        }
        Ok((journal, written))
    }

    /// Adds notes.
    ///
    /// # Errors
    /// When they cannot be written; the journal is then to be rewritten.
    pub(super) fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for note in notes {
            encode(&Record::Note(note.clone()), &mut bytes)?;
        }
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.is_synced = false;
        let outcome = (&*self.file).write_all(bytes);
        self.is_broken |= outcome.is_err();
        self.bytes += bytes.len() as u64;
        outcome
    }

    /// Whether it is longer than it need be, or its end is broken.
    pub(super) fn is_to_be_rewritten(&self) -> bool {
        self.is_broken || self.bytes > CACHE_JOURNAL_BYTES_MAX
    }

    /// From now on it is not known what of it is on the disk: it is to be rewritten.
    pub(super) fn break_off(&mut self) {
        self.is_broken = true;
    }

    /// Takes the place of all that was written.
    ///
    /// # Errors
    /// When it cannot be written; what was written stays then, and is to be rewritten.
    pub(super) fn rewrite(&mut self, floor: u64, notes: &[Note]) -> io::Result<()> {
        self.is_broken = true;
        let mut bytes = MAGIC.to_vec();
        encode(&Record::Floor(floor), &mut bytes)?;
        for note in notes {
            encode(&Record::Note(note.clone()), &mut bytes)?;
        }
        let new = self.path.with_extension("new");
        let _ = std::fs::remove_file(&new);
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create_new(true).mode(OWNER_ONLY).open(&new)?;
        file.write_all(&bytes)?;
        // Before the name: after a power cut it would lead to an empty file.
        file.sync_data()?;
        std::fs::rename(&new, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file = Arc::new(file);
        self.bytes = bytes.len() as u64;
        (self.is_broken, self.is_synced) = (false, true);
        Ok(())
    }

    /// The file, if it was written since this was asked last.
    pub(super) fn unsynced(&mut self) -> Option<Arc<File>> {
        let is_synced = std::mem::replace(&mut self.is_synced, true);
        (!is_synced).then(|| Arc::clone(&self.file))
    }
}

fn encode(record: &Record, bytes: &mut Vec<u8>) -> io::Result<()> {
    let body = postcard::to_allocvec(record).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&(!length).to_le_bytes());
    bytes.extend_from_slice(&checksum(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    Ok(())
}

/// What the bytes of a file hold, and how many of them are whole.
fn read(bytes: &[u8]) -> (Written, u64) {
    let mut written = Written::default();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        written.is_damaged = !MAGIC.starts_with(bytes);
        return (written, 0);
    };
    loop {
        match decode(rest) {
            Found::Record(Record::Floor(floor), after) => {
                written.floor = written.floor.max(floor);
                rest = after;
            }
            Found::Record(Record::Note(note), after) => {
                written.notes.push(note);
                rest = after;
            }
            Found::End => break,
            Found::Damage => {
                written.is_damaged = true;
                break;
            }
        }
    }
    (written, (bytes.len() - rest.len()) as u64)
}

enum Found<'a> {
    Record(Record, &'a [u8]),
    /// No record, or the first bytes of one.
    End,
    Damage,
}

fn decode(bytes: &[u8]) -> Found<'_> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else { return Found::End };
    let [l0, l1, l2, l3, n0, n1, n2, n3, sum @ ..] = *prefix;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if length != !u32::from_le_bytes([n0, n1, n2, n3]) {
        return Found::Damage;
    }
    let Some((body, rest)) = usize::try_from(length).ok().and_then(|at| rest.split_at_checked(at))
    else {
        return Found::End;
    };
    match postcard::from_bytes(body) {
        Ok(record) if sum == checksum(body).to_le_bytes() => Found::Record(record, rest),
        _ => Found::Damage,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::remembered::Name;
    use super::*;
    use crate::cache::invalidate::Mode;

    fn note() -> impl Strategy<Value = Note> {
        let name = prop_oneof![
            any::<u64>().prop_map(Name::Place),
            proptest::collection::vec(any::<u8>(), 0..40)
                .prop_map(|prefix| Name::Prefix(prefix.into())),
        ];
        (any::<u64>(), any::<bool>(), name).prop_map(|(generation, is_soft, name)| Note {
            generation,
            mode: if is_soft { Mode::Soft } else { Mode::Hard },
            name,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Cut off anywhere it holds the notes before that and takes new ones; with a byte changed it says so.
        #[test]
        fn what_is_whole_is_read(
            notes in proptest::collection::vec(note(), 1..20),
            cut in any::<prop::sample::Index>(),
            is_flipped in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("journal");
            let mut ends = Vec::new();
            {
                let (mut journal, _) = Journal::open(&path, false, Stamp::from_number(0)).expect("new");
                for note in &notes {
                    journal.append(std::slice::from_ref(note)).expect("written");
                    ends.push(journal.bytes);
                }
            }
            let mut bytes = std::fs::read(&path).expect("the file");
            let at = cut.index(bytes.len());
            if is_flipped {
                bytes[at] ^= 1;
            } else {
                bytes.truncate(at);
            }
            std::fs::write(&path, &bytes).expect("written");
            let magic_is_whole = at >= MAGIC.len();
            let whole = ends.iter().filter(|end| **end <= at as u64 && magic_is_whole).count();
            let (mut journal, written) = Journal::open(&path, true, Stamp::from_number(7)).expect("opened again");
            prop_assert_eq!(&written.notes, &notes[..whole]);
            let is_damaged = is_flipped || !magic_is_whole;
            prop_assert_eq!(written.is_damaged, is_damaged);
            prop_assert_eq!(written.floor, if is_damaged { 8 } else { 0 });
            journal.append(&notes).expect("written");
            let (_, written) = Journal::open(&path, true, Stamp::from_number(7)).expect("opened again");
            prop_assert_eq!(written.notes.len(), whole + notes.len());
        }
    }

    #[test]
    fn a_rewritten_journal_holds_what_it_was_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let note = |place| Note { generation: 5, mode: Mode::Soft, name: Name::Place(place) };
        let (mut journal, _) = Journal::open(&path, false, Stamp::from_number(0)).expect("new");
        journal.append(&[note(1), note(2)]).expect("written");
        assert!(journal.unsynced().is_some() && journal.unsynced().is_none());
        journal.rewrite(4, &[note(2)]).expect("rewritten");
        journal.append(&[note(3)]).expect("written");
        let (_, written) = Journal::open(&path, true, Stamp::from_number(7)).expect("opened again");
        assert_eq!((written.floor, written.notes), (4, vec![note(2), note(3)]));
        std::fs::remove_dir_all(folder.path()).expect("removed");
        assert!(journal.rewrite(4, &[]).is_err() && journal.is_to_be_rewritten());
    }
}
