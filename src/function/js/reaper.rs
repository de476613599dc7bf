//! Cleans up after calls that went wrong: such an instance may have dirtied megabytes, and giving those back to the
//! system takes longer than the request should wait.

use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use crate::limits::SANDBOX_REAPER_INSTANCES_MAX;

/// A thread that drops things.
pub(super) struct Reaper<T: Send + 'static> {
    sender: SyncSender<T>,
}

impl<T: Send + 'static> Reaper<T> {
    /// Starts the thread; it ends with this value.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn start() -> io::Result<Self> {
        let (sender, receiver) = sync_channel::<T>(SANDBOX_REAPER_INSTANCES_MAX);
        thread::Builder::new().name("verge-reaper".into()).spawn(move || {
            for item in receiver {
                drop(item);
            }
        })?;
        Ok(Self { sender })
    }

    /// Drops `item` there, or here when too many wait.
    pub(super) fn bury(&self, item: T) {
        match self.sender.try_send(item) {
            Ok(()) => {}
            Err(TrySendError::Full(item) | TrySendError::Disconnected(item)) => drop(item),
        }
    }
}
