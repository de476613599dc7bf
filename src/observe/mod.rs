//! What happened to a request: one [`Record`], filled on the way, handed out once at the end.
//!
//! The proxy fills the record; the [`access_log`] writes it, the [`metrics`] count it. What a function said on its
//! console goes through [`function_log`]. Nothing here decides anything about a request.

pub mod access_log;
pub mod function_log;
mod interned;
mod json;
pub mod metrics;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Version};

use crate::error::{FunctionFailure, OriginFailure};
use crate::event::EventType;
use crate::ids::RequestId;

/// A time as the log spells it: `2026-11-10T10:00:00.000Z`.
#[must_use]
pub fn time_text(time: SystemTime) -> String {
    let mut text = String::new();
    json::append_time(&mut text, time);
    text
}

/// How a function's call ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FunctionOutcome {
    /// It returned a request or response to go on with.
    Continued,
    /// It answered the request itself.
    Responded,
    /// It failed its request.
    Failed(FunctionFailure),
}

impl FunctionOutcome {
    /// The word in the log and in the `outcome` label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continued => "continued",
            Self::Responded => "responded",
            Self::Failed(FunctionFailure::Validation) => "validation_error",
            Self::Failed(FunctionFailure::Execution) => "execution_error",
            Self::Failed(FunctionFailure::Throttled) => "throttled",
        }
    }
}

/// How the requests ended that an origin function made itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outbound {
    /// With an answer, of whatever status.
    pub answered: u32,
    /// Not sent: the function's `egress` does not allow it.
    pub refused: u32,
    /// Without an answer.
    pub failed: u32,
}

/// One call of one function within a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionRun {
    /// The function's name in the configuration.
    pub name: Arc<str>,
    /// The event it was called for.
    pub event: EventType,
    /// How the call ended.
    pub outcome: FunctionOutcome,
    /// CPU time of the calling thread, or wall time of an origin function.
    pub time: Duration,
    /// Whether an earlier call's answer was used: the function saw the same then.
    pub remembered: bool,
    /// Whether a new instance of an origin function was made for the call.
    pub cold_start: bool,
    /// Requests that it made itself.
    pub outbound: Outbound,
    /// Why it failed, for its author.
    pub message: Option<String>,
}

/// One attempt to get an answer from an origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginAttempt {
    /// The origin's id in the configuration.
    pub id: Arc<str>,
    /// What went wrong; `None` when it answered.
    pub failure: Option<OriginFailure>,
}

/// One request from its head to its last byte. Header values are cheap to clone, so filling this copies almost nothing.
#[derive(Clone, Debug)]
pub struct Record {
    /// The request's id (`x-edge-request-id`).
    pub request_id: RequestId,
    /// When the request's head had been read.
    pub time: SystemTime,
    /// The viewer's TCP peer address.
    pub viewer_ip: IpAddr,
    /// The viewer's TCP peer port.
    pub viewer_port: u16,
    /// Whether the viewer's connection is TLS.
    pub tls: bool,
    /// The viewer's method, before any function; `None` when what came could not be read as a request.
    pub method: Option<Method>,
    /// The viewer's `Host` field or `:authority`.
    pub host: Option<HeaderValue>,
    /// The viewer's path, raw, before any function.
    pub path: Bytes,
    /// The viewer's query string without `?`; `None` when there was no `?`.
    pub query: Option<Bytes>,
    /// The viewer's HTTP version.
    pub http_version: Version,
    /// The status sent; 0 when the viewer was gone before one could be sent (`000` in CloudFront's log).
    pub status: u16,
    /// Bytes sent to the viewer, as far as the proxy can count them.
    pub bytes_sent: u64,
    /// From the request's head to the first byte of the answer.
    pub time_to_first_byte: Option<Duration>,
    /// From the request's head to the last byte of the answer.
    pub time_taken: Duration,
    /// `x-edge-result-type` (spec: CDN behaviours section 12).
    pub result_type: &'static str,
    /// `x-edge-detailed-result-type`.
    pub detailed_result_type: &'static str,
    /// The distribution that answered; `None` when no distribution has that host.
    pub distribution_id: Option<Arc<str>>,
    /// The path pattern of the cache behavior.
    pub behavior: Option<Arc<str>>,
    /// The origins asked, in order; empty when the cache or a function answered.
    pub origins: Vec<OriginAttempt>,
    /// The functions that ran, in order.
    pub functions: Vec<FunctionRun>,
    /// The viewer's `Referer`.
    pub referer: Option<HeaderValue>,
    /// The viewer's `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// The answer's `Content-Type`.
    pub content_type: Option<HeaderValue>,
    /// The answer's `Content-Length`, bytes.
    pub content_length: Option<u64>,
    /// Why the request failed, for the operator; never shown to the viewer.
    pub error: Option<String>,
}

impl Record {
    /// A record of a request of which only the peer is known yet: everything else says "nothing happened", and the
    /// result type is `Error` until somebody says otherwise, so that a forgotten path never looks like a success.
    #[must_use]
    pub fn new(request_id: RequestId, time: SystemTime, viewer_ip: IpAddr, port: u16) -> Self {
        Self {
            request_id,
            time,
            viewer_ip,
            viewer_port: port,
            tls: false,
            method: None,
            host: None,
            path: Bytes::new(),
            query: None,
            http_version: Version::HTTP_11,
            status: 0,
            bytes_sent: 0,
            time_to_first_byte: None,
            time_taken: Duration::ZERO,
            result_type: "Error",
            detailed_result_type: "Error",
            distribution_id: None,
            behavior: None,
            origins: Vec::new(),
            functions: Vec::new(),
            referer: None,
            user_agent: None,
            content_type: None,
            content_length: None,
            error: None,
        }
    }
}
