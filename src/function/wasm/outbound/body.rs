//! Bodies on their way: bounded, and an answer's with its connection until its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use super::client::{Client, Connection, Place};
use super::failure;
use crate::limits::OUTBOUND_BODY_BYTES_MAX;

/// A request's body under its bound.
pub(super) struct SentBody {
    body: WasiBody,
    left: u64,
}

impl SentBody {
    pub(super) fn new(body: WasiBody, bytes_max: u64) -> Self {
        Self { body, left: bytes_max }
    }

    pub(super) fn empty() -> Self {
        Self::new(Empty::new().map_err(Error::from).boxed_unsync(), 0)
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = &polled else { return polled };
        match self.left.checked_sub(length(frame)) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(Error::HttpRequestBodySize(None)))),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}

/// A connection in use. It goes back when its answer was read to the end, and is closed otherwise.
pub(super) struct Lease {
    connection: Connection,
    client: Arc<Client>,
    place: Place,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn new(
        connection: Connection,
        client: Arc<Client>,
        place: Place,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { connection, client, place, _permit: permit }
    }

    fn end(self) {
        self.client.give(self.place, self.connection);
    }
}

/// An answer's body.
pub(super) struct AnswerBody {
    incoming: Incoming,
    left: u64,
    /// `None` once the answer is over.
    lease: Option<Lease>,
    between_bytes: Duration,
    silence: Pin<Box<Sleep>>,
}

impl AnswerBody {
    pub(super) fn new(incoming: Incoming, lease: Lease, between_bytes: Duration) -> Self {
        let mut lease = Some(lease);
        if incoming.is_end_stream()
            && let Some(lease) = lease.take()
        {
            lease.end();
        }
        let silence = Box::pin(sleep(between_bytes));
        Self { incoming, left: OUTBOUND_BODY_BYTES_MAX, lease, between_bytes, silence }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.lease = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let Some(left) = self.left.checked_sub(length(&frame)) else {
                    return self.fail(Error::HttpResponseBodySize(Some(OUTBOUND_BODY_BYTES_MAX)));
                };
                self.left = left;
                let next = Instant::now() + self.between_bytes;
                self.silence.as_mut().reset(next);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => self.fail(failure::of_exchange(error)),
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.end();
                }
                Poll::Ready(None)
            }
            Poll::Pending if self.silence.as_mut().poll(context).is_ready() => {
                self.fail(Error::ConnectionReadTimeout)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
