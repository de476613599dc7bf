//! A viewer's connection as pingora writes to it: its writes are gathered, so that head and small body of an answer
//! leave in one piece; its own answer to what it cannot read gives way to the edge's, and its date to the origin's.
//!
//! Each piece is a system call, a packet, and a wake-up of whoever reads it; together they cost more than everything
//! else that is done for a cache hit. Who writes says when it must leave: pingora flushes at the end of an answer, and
//! after each part of one whose length is not known.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};

use crate::limits::VIEWER_WRITE_BUFFER_BYTES;
use crate::proxy::{connection, unreadable};

/// A connection with a write buffer, and with the answer to what could not be read.
pub(super) struct ViewerStream {
    buffered: BufWriter<Stream>,
    refuse: Refuse,
}

/// Makes the whole answer to an unreadable request.
type Refuse = Box<dyn Fn() -> Bytes + Send + Sync>;

impl ViewerStream {
    /// Gathers what is written to `stream`; `refuse` is called for what pingora answers by itself.
    pub(super) fn new(stream: Stream, refuse: Refuse) -> Self {
        Self { buffered: BufWriter::with_capacity(VIEWER_WRITE_BUFFER_BYTES, stream), refuse }
    }
}

impl fmt::Debug for ViewerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.buffered.get_ref().fmt(f)
    }
}

impl AsyncRead for ViewerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.buffered).poll_read(context, buffer)
    }
}

impl AsyncWrite for ViewerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if unreadable::answers_itself(bytes) {
            // The former answer is out before its buffer takes this one, which it takes whole: both are smaller.
            ready!(Pin::new(&mut self.buffered).poll_flush(context))?;
            let refusal = (self.refuse)();
            ready!(Pin::new(&mut self.buffered).poll_write(context, &refusal))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        if let Some(dated) = connection::with_kept_date(bytes) {
            // A head that the buffer does not take whole may leave in parts, with a cut through its date: it keeps
            // pingora's. The word is used up all the same, or it would be looked for in the body.
            let whole = bytes.len() < VIEWER_WRITE_BUFFER_BYTES;
            let head = if whole { dated.as_slice() } else { bytes };
            let written = ready!(Pin::new(&mut self.buffered).poll_write(context, head));
            connection::date_is_written();
            return Poll::Ready(written);
        }
        Pin::new(&mut self.buffered).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.buffered).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.buffered.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.buffered).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.buffered).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for ViewerStream {
    async fn shutdown(&mut self) {
        // A viewer who is gone wants no rest.
        let _ = self.buffered.flush().await;
        Shutdown::shutdown(self.buffered.get_mut().as_mut()).await;
    }
}

impl UniqueID for ViewerStream {
    fn id(&self) -> UniqueIDType {
        self.buffered.get_ref().id()
    }
}

impl Ssl for ViewerStream {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.buffered.get_ref().get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.buffered.get_ref().get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.buffered.get_ref().selected_alpn_proto()
    }
}

impl GetTimingDigest for ViewerStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.buffered.get_ref().get_timing_digest()
    }
}

impl GetProxyDigest for ViewerStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.buffered.get_ref().get_proxy_digest()
    }
}

impl GetSocketDigest for ViewerStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.buffered.get_ref().get_socket_digest()
    }
}

#[async_trait]
impl Peek for ViewerStream {
    async fn try_peek(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        self.buffered.get_mut().try_peek(buffer).await
    }
}
