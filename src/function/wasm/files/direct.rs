//! `verge:edge/files`: the same disk by paths and numbers, without resources. A number is the node's own: whoever makes one up
//! reaches files of its own environment only.

use std::iter;
use std::time::{Duration, SystemTime};

use super::Files;
use crate::function::wasm::bindings::verge::edge::files::{self, Failure};
use crate::function::wasm::disk::{Kind, Node, Opening, ROOT, Refused, Status};
use crate::function::wasm::host::HostState;
use crate::limits::{ORIGIN_FILES_LISTED_NAMES_MAX, ORIGIN_FUNCTION_READ_BYTES_MAX};

/// Trapping, or what the guest is told.
type Told<T> = wasmtime::Result<Result<T, Failure>>;

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Exists => Self::Exists,
            Refused::FileTooLarge => Self::FileTooLarge,
            Refused::Invalid => Self::Invalid,
            Refused::IsDirectory => Self::IsDirectory,
            Refused::Loop => Self::Loop,
            Refused::NameTooLong => Self::NameTooLong,
            Refused::NoEntry => Self::NoEntry,
            Refused::NoSpace => Self::NoSpace,
            Refused::NotDirectory => Self::NotDirectory,
            Refused::NotEmpty => Self::NotEmpty,
            Refused::NotPermitted => Self::NotPermitted,
        }
    }
}

impl HostState {
    fn files(&mut self) -> &Files {
        self.system().files().0
    }
}

impl files::Host for HostState {
    fn open(&mut self, path: String, how: files::Opening) -> Told<Node> {
        let how = Opening {
            create: how.contains(files::Opening::CREATE),
            directory: false,
            exclusive: how.contains(files::Opening::EXCLUSIVE),
            truncate: how.contains(files::Opening::TRUNCATE),
            write: how.contains(files::Opening::WRITE),
            follow: true,
        };
        Ok(self.files().disk().open(ROOT, &path, how).map_err(Failure::from))
    }

    fn close(&mut self, number: Node) -> wasmtime::Result<()> {
        self.files().disk().close(number);
        Ok(())
    }

    fn read(&mut self, number: Node, offset: u64, length: u32) -> Told<Vec<u8>> {
        let most = usize::try_from(length)?.min(ORIGIN_FUNCTION_READ_BYTES_MAX);
        Ok(self.files().disk().read(number, offset, most).map_err(Failure::from))
    }

    fn write(&mut self, number: Node, offset: u64, data: Vec<u8>) -> Told<()> {
        Ok(self.files().disk().write(number, offset, &data).map_err(Failure::from))
    }

    fn resize(&mut self, number: Node, length: u64) -> Told<()> {
        Ok(self.files().disk().resize(number, length).map_err(Failure::from))
    }

    fn describe(&mut self, number: Node) -> Told<files::Status> {
        let status = self.files().disk().status(number);
        Ok(status.map(|status| told(number, &status)).map_err(Failure::from))
    }

    fn look_up(&mut self, path: String, follow: bool) -> Told<files::Status> {
        let disk = self.files().disk();
        let found = disk.look_up(ROOT, &path, follow);
        let status = found.and_then(|node| disk.status(node).map(|status| told(node, &status)));
        Ok(status.map_err(Failure::from))
    }

    fn names(&mut self, path: String, after: Option<String>) -> Told<Vec<(String, files::Kind)>> {
        let disk = self.files().disk();
        let list = disk.look_up(ROOT, &path, true).and_then(|directory| {
            let first = disk.next_name(directory, after.as_deref())?;
            let all = iter::successors(first.map(Ok), |before: &Result<(String, Kind), _>| {
                let (name, _) = before.as_ref().ok()?;
                disk.next_name(directory, Some(name)).transpose()
            });
            let all = all.take(ORIGIN_FILES_LISTED_NAMES_MAX);
            all.map(|named| named.map(|(name, what)| (name, kind(what)))).collect()
        });
        Ok(list.map_err(Failure::from))
    }

    fn make_directory(&mut self, path: String) -> Told<()> {
        Ok(self.files().disk().make_directory(ROOT, &path).map_err(Failure::from))
    }

    fn remove_directory(&mut self, path: String) -> Told<()> {
        Ok(self.files().disk().remove_directory(ROOT, &path).map_err(Failure::from))
    }

    fn make_link(&mut self, path: String, target: String) -> Told<()> {
        Ok(self.files().disk().make_link(ROOT, &path, &target).map_err(Failure::from))
    }

    fn read_link(&mut self, path: String) -> Told<String> {
        Ok(self.files().disk().read_link(ROOT, &path).map_err(Failure::from))
    }

    fn link(&mut self, old: String, new: String) -> Told<()> {
        Ok(self.files().disk().link((ROOT, &old), (ROOT, &new)).map_err(Failure::from))
    }

    fn unlink(&mut self, path: String) -> Told<()> {
        Ok(self.files().disk().unlink(ROOT, &path).map_err(Failure::from))
    }

    fn rename(&mut self, old: String, new: String) -> Told<()> {
        Ok(self.files().disk().rename((ROOT, &old), (ROOT, &new)).map_err(Failure::from))
    }

    fn set_times(&mut self, path: String, accessed: f64, modified: f64) -> Told<()> {
        let mut disk = self.files().disk();
        let set = (|| {
            let (accessed, modified) = (moment(accessed)?, moment(modified)?);
            let node = disk.look_up(ROOT, &path, true)?;
            disk.set_times(node, Some(accessed), Some(modified))
        })();
        Ok(set.map_err(Failure::from))
    }
}

fn kind(kind: Kind) -> files::Kind {
    match kind {
        Kind::File => files::Kind::File,
        Kind::Directory => files::Kind::Directory,
        Kind::Link => files::Kind::Link,
    }
}

fn told(number: Node, status: &Status) -> files::Status {
    let milliseconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1_000.0
    };
    files::Status {
        number,
        kind: kind(status.kind),
        links: status.links,
        length: status.length,
        accessed: milliseconds(status.accessed),
        modified: milliseconds(status.modified),
        changed: milliseconds(status.changed),
    }
}

/// A time that the guest gives in milliseconds since 1970.
fn moment(milliseconds: f64) -> Result<SystemTime, Refused> {
    let since =
        Duration::try_from_secs_f64(milliseconds / 1_000.0).map_err(|_| Refused::Invalid)?;
    SystemTime::UNIX_EPOCH.checked_add(since).ok_or(Refused::Invalid)
}
