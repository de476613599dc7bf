//! The access log: one JSON line a request, written by a thread of its own.
//!
//! A worker hands its record over a bounded queue and goes on. A disk that is slower than the traffic costs log lines,
//! which are counted in `verge_access_log_dropped_lines_total`, and never a request.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::Record;
use super::json::append_line;
use crate::limits::{ACCESS_LOG_BATCH_BYTES_MAX, ACCESS_LOG_QUEUE_RECORDS_MAX};

/// Where lines go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// Appended to a file, which is made if it is missing.
    File(PathBuf),
    /// Nowhere: records are dropped by design and not counted.
    Off,
}

/// The running access log. Dropping it writes what is queued and ends its thread.
#[derive(Debug)]
pub struct AccessLog {
    /// `None` when the sink is [`Sink::Off`].
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// `None` only while dropping.
    queue: Option<SyncSender<Record>>,
    /// Records that the queue took.
    accepted: AtomicU64,
    dropped: Counter,
    progress: Arc<Progress>,
    /// `None` only while dropping.
    writer: Option<JoinHandle<()>>,
}

/// How far the writing thread has come.
#[derive(Debug, Default)]
struct Progress {
    /// Records that are out of this process, or lost and counted.
    done: Mutex<u64>,
    advanced: Condvar,
}

impl AccessLog {
    /// Opens the sink and starts the writing thread. `dropped` counts lines that were lost.
    ///
    /// # Errors
    /// When the file cannot be opened for appending; the message names it.
    pub fn start(sink: &Sink, dropped: Counter) -> io::Result<Self> {
        match sink {
            Sink::Off => Ok(Self { running: None }),
            Sink::Stdout => Self::start_writer(io::stdout(), dropped),
            Sink::File(path) => Self::start_writer(open(path)?, dropped),
        }
    }

    fn start_writer(sink: impl Write + Send + 'static, dropped: Counter) -> io::Result<Self> {
        let (queue, records) = sync_channel(ACCESS_LOG_QUEUE_RECORDS_MAX);
        let progress = Arc::new(Progress::default());
        let mut writer =
            Writer { sink, dropped: dropped.clone(), progress: progress.clone(), failing: false };
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer.run(&records))?;
        let running = Running {
            queue: Some(queue),
            accepted: AtomicU64::new(0),
            dropped,
            progress,
            writer: Some(thread),
        };
        Ok(Self { running: Some(running) })
    }

    /// Queues a record; counts it as dropped when the queue is full. Never waits.
    pub fn log(&self, record: Record) {
        let Some(running) = &self.running else { return };
        let Some(queue) = &running.queue else { return };
        match queue.try_send(record) {
            Ok(()) => running.accepted.fetch_add(1, Ordering::Release),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => running.dropped.inc(),
        };
    }

    /// Waits until everything logged before is out of this process, at most `patience`. Returns whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let Some(running) = &self.running else { return true };
        let wanted = running.accepted.load(Ordering::Acquire);
        let done = running.progress.done.lock().unwrap_or_else(PoisonError::into_inner);
        let waited =
            running.progress.advanced.wait_timeout_while(done, patience, |done| *done < wanted);
        let (done, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *done >= wanted
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A panic of the writing thread was already reported by its own hook; there is nothing left to save.
            let _ = writer.join();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        let text = format!("cannot open the access log {} for appending: {error}", path.display());
        io::Error::new(error.kind(), text)
    })
}

struct Writer<W> {
    sink: W,
    dropped: Counter,
    progress: Arc<Progress>,
    /// Whether the last batch could not be written, so that a full disk is reported once and not per line.
    failing: bool,
}

impl<W: Write> Writer<W> {
    /// Takes what is queued as one batch, so that a busy edge pays one system call for many lines and an idle one
    /// still sees each line at once.
    fn run(&mut self, records: &Receiver<Record>) {
        let mut batch = String::new();
        while let Ok(first) = records.recv() {
            append_line(&mut batch, &first);
            let mut lines = 1;
            while batch.len() < ACCESS_LOG_BATCH_BYTES_MAX {
                let Ok(record) = records.try_recv() else { break };
                append_line(&mut batch, &record);
                lines += 1;
            }
            self.write(&batch, lines);
            batch.clear();
            *self.progress.done.lock().unwrap_or_else(PoisonError::into_inner) += lines;
            self.progress.advanced.notify_all();
        }
    }

    fn write(&mut self, batch: &str, lines: u64) {
        let written = self.sink.write_all(batch.as_bytes()).and_then(|()| self.sink.flush());
        match written {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.dropped.inc_by(lines);
                if !self.failing {
                    tracing::error!(%error, "the access log cannot be written; lines are lost");
                }
                self.failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::mpsc::{self, Sender};
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::ids::RequestId;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn record(status: u16) -> Record {
        let id = RequestId::from_entropy(&[0; 42]);
        let mut record = Record::new(id, UNIX_EPOCH, IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        record.status = status;
        record
    }

    /// A disk that says when it is asked to write, and hangs until it is told how the write ends.
    struct SlowDisk {
        asked: Sender<usize>,
        answers: Receiver<io::Result<()>>,
    }

    impl Write for SlowDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.asked.send(bytes.len()).map_err(io::Error::other)?;
            self.answers.recv().map_err(io::Error::other)?.map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_in_the_file_after_a_flush_and_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let dropped = Counter::default();
        let log = AccessLog::start(&Sink::File(path.clone()), dropped.clone()).unwrap();
        (0..100).for_each(|_| log.log(record(200)));
        assert!(log.flush(PATIENCE));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 100);
        log.log(record(404));
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().last().unwrap().contains("\"status\":404"), "{text}");
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn a_hanging_disk_costs_counted_lines_and_no_waiting() {
        let (asked, requests) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let dropped = Counter::default();
        let log = AccessLog::start_writer(SlowDisk { asked, answers }, dropped.clone()).unwrap();
        log.log(record(200));
        requests.recv().unwrap();
        let queued = ACCESS_LOG_QUEUE_RECORDS_MAX as u64;
        (0..queued + 7).for_each(|_| log.log(record(200)));
        assert_eq!(dropped.get(), 7);
        assert!(!log.flush(Duration::ZERO), "the first line still hangs");
        answer.send(Err(io::Error::other("disk full"))).unwrap();
        (0..queued).for_each(|_| answer.send(Ok(())).unwrap());
        assert!(log.flush(PATIENCE));
        drop(log);
        assert_eq!(dropped.get(), 8, "the line that the full disk refused counts too");
    }

    #[test]
    fn off_takes_everything_and_counts_nothing() {
        let dropped = Counter::default();
        let log = AccessLog::start(&Sink::Off, dropped.clone()).unwrap();
        log.log(record(200));
        assert!(log.flush(Duration::ZERO));
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::File(folder.path().join("missing/access.log"));
        let error = AccessLog::start(&sink, Counter::default()).unwrap_err();
        assert!(error.to_string().contains("missing/access.log"), "{error}");
    }
}
