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
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::limits::{
    VIEWER_HTTP2_FLUSH_PUT_OFF_CALLS_MAX, VIEWER_HTTP2_WRITE_BUFFER_BYTES,
    VIEWER_WRITE_BUFFER_BYTES,
};
use crate::proxy::{connection, unreadable};

/// A connection with a write buffer, and with the answer to what could not be read.
pub(super) struct ViewerStream {
    stream: Stream,
    /// What was written and has not left: `gathered[left..]`.
    gathered: Vec<u8>,
    left: usize,
    gathered_bytes_max: usize,
    /// Over HTTP/2, a flush lets the connection's other streams write first: see [`ViewerStream::poll_flush`].
    gathers_streams: bool,
    /// Bytes that were gathered at the last flush that was put off, and how many were.
    put_off_at: usize,
    put_off_calls: u8,
    refuse: Refuse,
}

/// Makes the whole answer to an unreadable request.
type Refuse = Box<dyn Fn() -> Bytes + Send + Sync>;

impl ViewerStream {
    /// Gathers what is written to `stream`; `refuse` is called for what pingora answers by itself.
    pub(super) fn new(stream: Stream, refuse: Refuse) -> Self {
        let gathers_streams = matches!(stream.selected_alpn_proto(), Some(ALPN::H2));
        let gathered_bytes_max = if gathers_streams {
            VIEWER_HTTP2_WRITE_BUFFER_BYTES
        } else {
            VIEWER_WRITE_BUFFER_BYTES
        };
        Self {
            stream,
            gathered: Vec::new(),
            left: 0,
            gathered_bytes_max,
            gathers_streams,
            put_off_at: 0,
            put_off_calls: 0,
            refuse,
        }
    }

    /// Sends what is gathered, as far as the connection takes it.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.gathered.get(self.left..).filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left += sent;
        }
        self.forget_gathered();
        Poll::Ready(Ok(()))
    }

    fn forget_gathered(&mut self) {
        self.gathered.clear();
        (self.left, self.put_off_at, self.put_off_calls) = (0, 0, 0);
    }

    /// Takes bytes: fewer than the buffer holds are taken whole, more leave at once behind what is gathered.
    fn poll_take(
        &mut self,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = parts.iter().map(|part| part.len()).sum::<usize>();
        if bytes < self.gathered_bytes_max {
            if self.gathered.len() + bytes > self.gathered_bytes_max {
                ready!(self.poll_send(context))?;
            }
            parts.iter().for_each(|part| self.gathered.extend_from_slice(part));
            return Poll::Ready(Ok(bytes));
        }
        loop {
            let rest = self.gathered.get(self.left..).unwrap_or_default();
            let rest_bytes = rest.len();
            // A chunk has three parts; more come with another call.
            let mut all = [io::IoSlice::new(rest); 4];
            let (_, behind) = all.split_at_mut(1);
            let count =
                1 + behind.iter_mut().zip(parts).map(|(place, part)| *place = *part).count();
            let all = all.get(..count).unwrap_or_default();
            let sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, all))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if sent > rest_bytes {
                self.forget_gathered();
                return Poll::Ready(Ok(sent - rest_bytes));
            }
            self.left += sent;
        }
    }
}

impl fmt::Debug for ViewerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

impl AsyncRead for ViewerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
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
            ready!(self.poll_send(context))?;
            let refusal = (self.refuse)();
            ready!(self.poll_take(context, &[io::IoSlice::new(&refusal)]))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        if let Some(dated) = connection::with_kept_date(bytes) {
            // A head that the buffer does not take whole may leave in parts, with a cut through its date: it keeps
            // pingora's. The word is used up all the same, or it would be looked for in the body.
            let whole = bytes.len() < self.gathered_bytes_max;
            let head = if whole { dated.as_slice() } else { bytes };
            let written = ready!(self.poll_take(context, &[io::IoSlice::new(head)]));
            connection::date_is_written();
            return Poll::Ready(written);
        }
        self.poll_take(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_take(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Over HTTP/2 what the connection's streams have to say comes frame by frame, with a flush whenever there is
    /// nothing more at the moment. A flush lets the tasks that are ready go on, for as long as they add frames; then all
    /// leave together: a head, its body, and those of other streams in one record of TLS.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let has_grown = self.gathered.len() > self.put_off_at;
        if self.gathers_streams
            && has_grown
            && self.put_off_calls < VIEWER_HTTP2_FLUSH_PUT_OFF_CALLS_MAX
        {
            self.put_off_at = self.gathered.len();
            self.put_off_calls += 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for ViewerStream {
    async fn shutdown(&mut self) {
        // A viewer who is gone wants no rest.
        let _ = self.flush().await;
        Shutdown::shutdown(self.stream.as_mut()).await;
    }
}

impl UniqueID for ViewerStream {
    fn id(&self) -> UniqueIDType {
        self.stream.id()
    }
}

impl Ssl for ViewerStream {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.stream.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.stream.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.stream.selected_alpn_proto()
    }
}

impl GetTimingDigest for ViewerStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.stream.get_timing_digest()
    }
}

impl GetProxyDigest for ViewerStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.stream.get_proxy_digest()
    }
}

impl GetSocketDigest for ViewerStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.stream.get_socket_digest()
    }
}

#[async_trait]
impl Peek for ViewerStream {
    async fn try_peek(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        self.stream.try_peek(buffer).await
    }
}
