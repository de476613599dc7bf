//! A one-shot upstream in memory that speaks HTTP/1.1.
//!
//! A response that origin-request makes up, or whose body origin-response replaces, must pass through everything an
//! origin's response passes through: origin-response, the storage verdict, collapsing, viewer-response. Playing it
//! through an upstream leaves every later phase as it is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use pingora::upstreams::peer::HttpPeer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A response as bytes on the wire.
#[derive(Clone, Debug)]
pub struct Canned(Bytes);

impl Canned {
    /// Writes the head and body down. Framing fields in `headers` are replaced by what fits `body`.
    #[must_use]
    pub fn new(status: u16, reason: Option<&str>, headers: &HeaderMap, body: &Bytes) -> Self {
        let mut wire = BytesMut::with_capacity(256 + headers.len() * 48 + body.len());
        let reason = reason
            .or_else(|| http::StatusCode::from_u16(status).ok()?.canonical_reason())
            .unwrap_or("");
        wire.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
        for (name, value) in headers {
            if matches!(*name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING) {
                continue;
            }
            wire.extend_from_slice(name.as_str().as_bytes());
            wire.extend_from_slice(b": ");
            wire.extend_from_slice(value.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        // RFC 9110 section 8.6: none on 1xx and 204; on 304 it would describe the 200's body.
        if !matches!(status, 100..=199 | 204 | 304) {
            wire.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        if !matches!(status, 100..=199 | 204 | 304) {
            wire.extend_from_slice(body);
        }
        Self(wire.freeze())
    }

    /// A connection target that plays this response once.
    #[must_use]
    pub fn peer(&self) -> HttpPeer {
        // Connections to it must never be pooled together: each has its own bytes.
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let nowhere = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
        let mut peer = HttpPeer::new(nowhere, false, String::new());
        peer.group_key = SERIAL.fetch_add(1, Ordering::Relaxed);
        peer.options.custom_l4 = Some(Arc::new(Connect(self.0.clone())));
        peer
    }
}

#[derive(Debug)]
struct Connect(Bytes);

#[async_trait]
impl L4Connect for Connect {
    async fn connect(&self, _address: &SocketAddr) -> pingora::Result<Stream> {
        let player = Player { left: self.0.clone() };
        Ok(Stream::from(VirtualSocketStream::new(Box::new(player))))
    }
}

#[derive(Debug)]
struct Player {
    left: Bytes,
}

impl AsyncRead for Player {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let count = self.left.len().min(buffer.remaining());
        buffer.put_slice(&self.left.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Player {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        request: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(request.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl VirtualSocket for Player {
    fn set_socket_option(&self, _option: VirtualSockOpt) -> std::io::Result<()> {
        Ok(())
    }
}
