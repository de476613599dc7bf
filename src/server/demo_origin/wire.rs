//! How the demo origin misbehaves on the wire: a body that breaks off, and a connection that stops speaking HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What a spoiled connection says instead of an HTTP response.
const NONSENSE: &[u8] = b"%!PS-Adobe-3.0\nthis is a page, but not one of the web\n";

/// A body in one piece, which may break off after it.
#[derive(Debug, Default)]
pub(super) struct DemoBody {
    piece: Option<Bytes>,
    end: End,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Proper,
    /// Breaks, but not before what was sent had a chance to be flushed.
    BreakAfterFlush,
    Break,
}

impl DemoBody {
    /// A body that sends `piece` and then breaks the connection.
    pub(super) fn broken(piece: &'static str) -> Self {
        Self { piece: Some(Bytes::from_static(piece.as_bytes())), end: End::BreakAfterFlush }
    }
}

impl From<Bytes> for DemoBody {
    fn from(bytes: Bytes) -> Self {
        Self { piece: (!bytes.is_empty()).then_some(bytes), end: End::Proper }
    }
}

impl Body for DemoBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.end {
            End::Proper => Poll::Ready(None),
            End::BreakAfterFlush => {
                self.end = End::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Break => Poll::Ready(Some(Err(io::Error::other("broken off as asked for")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_none() && self.end == End::Proper
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Proper => {
                SizeHint::with_exact(self.piece.as_ref().map_or(0, |piece| piece.len() as u64))
            }
            End::BreakAfterFlush | End::Break => SizeHint::default(),
        }
    }
}

/// The switch that spoils a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoiled(Arc<AtomicBool>);

impl Spoiled {
    /// From now on the connection says [`NONSENSE`] and closes.
    pub(super) fn spoil(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection that can be spoiled.
#[derive(Debug)]
pub(super) struct SpoiledStream {
    stream: TokioIo<TcpStream>,
    spoiled: Spoiled,
}

impl SpoiledStream {
    pub(super) fn new(stream: TcpStream) -> (Self, Spoiled) {
        let spoiled = Spoiled::default();
        (Self { stream: TokioIo::new(stream), spoiled: spoiled.clone() }, spoiled)
    }
}

impl Read for SpoiledStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for SpoiledStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.spoiled.0.load(Ordering::Relaxed) {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        // So short a text fits the socket's buffer whole; were it cut, what is left would be nonsense too.
        Pin::new(&mut self.stream).poll_write(context, NONSENSE).map(|written| {
            written.and_then(|_| Err(io::Error::other("spoke nonsense as asked for")))
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
