//! What pingora cannot read as a request, it answers by itself: before any phase runs, without an id and without a
//! record. This takes the place of that answer, so that a viewer's complaint about it can be found in the log too.
//!
//! Pingora has no hook there, so the connection's writer asks [`answers_itself`] before it sends a piece: what leaves an
//! HTTP/1.1 connection while no request of it is under way can only be such an answer. An HTTP/2 request that cannot be
//! read is no answer but a reset of its stream (RFC 9113 section 8.1.1).

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::answer::{self, X_AMZ_CF_ID, X_CACHE};
use super::{Edge, connection};
use crate::error::{EdgeError, ViewerFailure};
use crate::ids::RequestId;
use crate::observe::Record;
use crate::origin::forward;

/// Whether `piece`, about to be written in this task, is pingora's own answer to what it could not read.
#[must_use]
pub fn answers_itself(piece: &[u8]) -> bool {
    connection::is_between_requests() && piece.starts_with(b"HTTP/1.1 400 ")
}

impl Edge {
    /// The whole answer to what could not be read from `viewer`, with an id; the record is made here too.
    #[must_use]
    pub fn refuse_unreadable(&self, viewer: SocketAddr, tls: bool) -> Bytes {
        let id = RequestId::random();
        let error = EdgeError::Viewer(ViewerFailure::Malformed);
        let answer = error.answer();
        let (body, result_type) = (answer::page(&answer, &id), answer.result_type);
        let now = SystemTime::now();
        let head = format!(
            "HTTP/1.1 {} Bad Request\r\nDate: {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n{X_CACHE}: {result_type} from cloudfront\r\nVia: {}\r\n{X_AMZ_CF_ID}: {id}\r\n\r\n",
            answer.status,
            httpdate::fmt_http_date(now),
            body.len(),
            forward::via(http::Version::HTTP_11),
        );
        let mut record = Record::new(id, now, viewer.ip(), viewer.port());
        record.tls = tls;
        record.status = answer.status;
        record.bytes_sent = body.len() as u64;
        record.content_length = Some(body.len() as u64);
        record.time_to_first_byte = Some(Duration::ZERO);
        record.detailed_result_type = answer.detailed_result_type;
        record.error = Some(error.to_string());
        self.metrics.observe(&record);
        self.access_log.log(record);
        Bytes::from(head + &body)
    }
}
