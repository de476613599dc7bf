//! What a guest says in one call, whichever way it says it: `verge:edge/log`, standard output,
//! standard error. Lines keep their order, and all of them share one quota.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::limits::{FUNCTION_LOG_BYTES_MAX, ORIGIN_FUNCTION_WRITE_BYTES_MAX};

/// A console; clones write to the same one.
#[derive(Clone, Default)]
pub(super) struct Console {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    whole: Vec<String>,
    /// What stands after the last line's end on standard output and standard error.
    begun: [Vec<u8>; 2],
    bytes: usize,
}

/// One of the two standard streams.
#[derive(Clone, Copy, Debug)]
pub(super) enum Channel {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

impl Console {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a line, cut where the call's quota ends; later lines are dropped.
    pub(super) fn line(&self, mut line: String) {
        let mut lines = self.lines();
        let room = FUNCTION_LOG_BYTES_MAX.saturating_sub(lines.bytes);
        if line.len() > room {
            line.truncate(line.floor_char_boundary(room));
        }
        if room > 0 {
            // An empty line counts as one byte, or a loop could log for ever.
            lines.bytes += line.len().max(1);
            lines.whole.push(line);
        }
    }

    /// Takes what was written to a stream; each line's end makes a line of it.
    fn write(&self, channel: Channel, bytes: &[u8]) {
        let mut lines = self.lines();
        let room = FUNCTION_LOG_BYTES_MAX.saturating_sub(lines.bytes);
        let kept = bytes.get(..room).unwrap_or(bytes);
        lines.bytes += kept.len();
        for byte in kept {
            match byte {
                b'\n' => lines.end(channel),
                byte => lines.begun[channel as usize].push(*byte),
            }
        }
    }

    /// All lines since the last time, and room for as much again.
    pub(super) fn take(&self) -> Vec<String> {
        let mut lines = self.lines();
        for channel in [Channel::Out, Channel::Error] {
            if !lines.begun[channel as usize].is_empty() {
                lines.end(channel);
            }
        }
        std::mem::take(&mut *lines).whole
    }

    /// The stream's other end, for the guest.
    pub(super) fn stream(&self, channel: Channel) -> Stream {
        Stream { console: self.clone(), channel }
    }
}

impl Lines {
    fn end(&mut self, channel: Channel) {
        let mut line = std::mem::take(&mut self.begun[channel as usize]);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.whole.push(String::from_utf8_lossy(&line).into_owned());
    }
}

/// Standard output or standard error. Never full: what exceeds the quota is dropped.
pub(super) struct Stream {
    console: Console,
    channel: Channel,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.console.stream(self.channel))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.console.stream(self.channel))
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.console.write(self.channel, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(ORIGIN_FUNCTION_WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.console.write(self.channel, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_the_guest_ends_them_and_streams_do_not_mix() {
        let console = Console::default();
        console.write(Channel::Out, b"one\r\ntw");
        console.write(Channel::Error, b"oh \xff\n");
        console.line("logged".into());
        console.write(Channel::Out, b"o");
        assert_eq!(console.take(), ["one", "oh \u{fffd}", "logged", "two"]);
        assert_eq!(console.take(), [""; 0]);
    }

    #[test]
    fn all_ways_share_one_quota() {
        let console = Console::default();
        console.write(Channel::Out, &vec![b'\n'; FUNCTION_LOG_BYTES_MAX - 3]);
        console.line("abcdef".into());
        console.write(Channel::Error, b"lost");
        let lines = console.take();
        assert_eq!(lines.len(), FUNCTION_LOG_BYTES_MAX - 2);
        assert_eq!(lines.last().map(String::as_str), Some("abc"));
        console.line("the next call's".into());
        assert_eq!(console.take(), ["the next call's"]);
    }
}
