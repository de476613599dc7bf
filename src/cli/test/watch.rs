//! `--watch`: tests again whenever a file changes. What is wrong is told, and ends nothing.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use super::arguments::{Arguments, Format};
use super::subjects::{Subjects, folders};
use super::{Trouble, loader, print, report, test};
use crate::limits::TEST_WATCH_QUIET;
use crate::server::functions::Loader;

/// Room for the system's notes about changes; a file's name has at most 255 bytes.
const NOTES_BYTES: usize = 4096;

/// Kinds of files that tests are made of.
const EXTENSIONS: [&str; 9] = ["js", "mjs", "cjs", "wasm", "json", "yaml", "yml", "http", "toml"];

/// Tests until interrupted.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut watcher = match Watcher::start() {
        Ok(watcher) => watcher,
        Err(error) => {
            let text =
                format!("files cannot be watched: {error}; raise fs.inotify.max_user_instances");
            report::trouble(&Trouble::Failure(text), arguments.format);
            return ExitCode::FAILURE;
        }
    };
    let mut ready = None;
    loop {
        if let Err(trouble) = round(arguments, &mut watcher, &mut ready) {
            report::trouble(&trouble, arguments.format);
        }
        let count = watcher.folders.len();
        let note = format!("watching {count} folders; Ctrl-C ends\n");
        // Programs read results alone from standard output.
        if arguments.format == Format::Human {
            print(&note);
        } else {
            eprint!("{note}");
        }
        if !watcher.wait() {
            return ExitCode::FAILURE;
        }
    }
}

/// Watches before it tests: a change in the meantime leads to another round.
fn round(
    arguments: &Arguments,
    watcher: &mut Watcher,
    ready: &mut Option<Loader>,
) -> Result<(), Trouble> {
    watcher.add(folders(arguments, None))?;
    let subjects = Subjects::find(arguments)?;
    watcher.add(folders(arguments, Some(&subjects)))?;
    let loader = match ready {
        Some(loader) => loader,
        None => ready.insert(loader(subjects.code_cache.as_deref())?),
    };
    test(arguments, subjects, loader).map(drop)
}

/// Notes from the system that a file in one of the folders has changed.
struct Watcher {
    inotify: Arc<OwnedFd>,
    folders: BTreeSet<PathBuf>,
    changes: Receiver<()>,
}

impl Watcher {
    fn start() -> io::Result<Self> {
        let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
        // One note that has not been taken yet is enough.
        let (sender, changes) = sync_channel(1);
        let reading = Arc::clone(&inotify);
        std::thread::Builder::new()
            .name("verge-watch".into())
            .spawn(move || forward(&reading, &sender))?;
        Ok(Self { inotify, folders: BTreeSet::new(), changes })
    }

    fn add(&mut self, folders: BTreeSet<PathBuf>) -> Result<(), Trouble> {
        // Not each write: a report that is redirected into the folder is never closed.
        let changes =
            WatchFlags::CLOSE_WRITE | WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        for folder in folders {
            if self.folders.contains(&folder) {
                continue;
            }
            inotify::add_watch(&self.inotify, &folder, changes).map_err(|error| {
                let shown = folder.display();
                Trouble::Failure(format!("{shown} cannot be watched: {error}"))
            })?;
            self.folders.insert(folder);
        }
        Ok(())
    }

    /// Waits for a change and then until nothing has changed for a while; `false`: there will be none any more.
    fn wait(&self) -> bool {
        if self.changes.recv().is_err() {
            return false;
        }
        loop {
            match self.changes.recv_timeout(TEST_WATCH_QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

/// Reads notes until the system or the receiver is gone.
fn forward(inotify: &OwnedFd, changes: &SyncSender<()>) {
    let mut room = [MaybeUninit::uninit(); NOTES_BYTES];
    let mut reader = inotify::Reader::new(inotify, &mut room);
    loop {
        match reader.next() {
            Ok(note) if !matters(&note) => {}
            Ok(_) => match changes.try_send(()) {
                Ok(()) | Err(TrySendError::Full(())) => {}
                Err(TrySendError::Disconnected(())) => return,
            },
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Whether a note is about what tests are made of, or about a folder.
fn matters(note: &inotify::Event<'_>) -> bool {
    let name = note.file_name().map(|name| name.to_string_lossy());
    let extension = name.as_deref().and_then(|name| name.rsplit_once('.')).map(|parts| parts.1);
    note.events().contains(ReadFlags::ISDIR)
        || extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}
