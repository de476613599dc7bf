//! Every way a request can fail, and the one table from failure to answer.
//!
//! No other file picks a status code for a failure. Statuses and `X-Cache` values follow CloudFront; the sources are
//! named at each row of [`EdgeError::answer`].

use std::error::Error;
use std::fmt;

/// What a function did wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FunctionFailure {
    /// It finished, but what it returned is not valid (502).
    Validation,
    /// It threw, trapped, or ran out of memory (503).
    Execution,
    /// It used more time than its budget, or was refused because it kept doing so (503).
    Throttled,
}

/// Which kind of function failed: CloudFront names them apart in `X-Cache`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FunctionKind {
    /// JavaScript (CloudFront Functions).
    JavaScript,
    /// WebAssembly at one of the four events (Lambda@Edge).
    Component,
    /// A WebAssembly function in the place of an origin (Lambda behind a load balancer).
    InPlaceOfOrigin,
}

/// A function's failure with the sentence that the log shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FunctionError {
    /// What kind of failure.
    pub failure: FunctionFailure,
    /// Which member, which line, which limit: for the author of the function, never for the viewer.
    pub message: String,
    /// The calls that had not returned when it was thrown, innermost first; empty when nothing was thrown or the
    /// engine does not say.
    pub frames: Vec<Frame>,
}

/// One call on the way to what a function threw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The called function's name; empty when it has none.
    pub name: String,
    /// Line and column in the function's source, from 1; `None` for what is built in.
    pub place: Option<(u32, u32)>,
}

impl FunctionError {
    /// An invalid result.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::plain(FunctionFailure::Validation, message.into())
    }

    /// A throw, a trap or a refused allocation.
    pub fn execution(message: impl Into<String>) -> Self {
        Self::plain(FunctionFailure::Execution, message.into())
    }

    /// A budget overrun.
    pub fn throttled(message: impl Into<String>) -> Self {
        Self::plain(FunctionFailure::Throttled, message.into())
    }

    fn plain(failure: FunctionFailure, message: String) -> Self {
        Self { failure, message, frames: Vec::new() }
    }

    /// The innermost place in the function's own source: line and column.
    #[must_use]
    pub fn place(&self) -> Option<(u32, u32)> {
        let (_, told) = split_place(&self.message);
        self.frames.iter().find_map(|frame| frame.place).or(told)
    }

    /// The message without the place that ends it.
    #[must_use]
    pub fn bare_message(&self) -> &str {
        split_place(&self.message).0
    }
}

/// A message that ends in `, at line 3, column 7` as the JavaScript engine's do, and that place.
fn split_place(message: &str) -> (&str, Option<(u32, u32)>) {
    let place = message.rsplit_once(", at line ").and_then(|(head, place)| {
        let (line, column) = place.split_once(", column ")?;
        Some((head, (line.parse().ok()?, column.parse().ok()?)))
    });
    place.map_or((message, None), |(head, place)| (head, Some(place)))
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for FunctionError {}

/// What went wrong between the edge and an origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OriginFailure {
    /// The name did not resolve.
    Dns,
    /// Nothing accepted the connection, or TLS failed.
    Connect,
    /// Connecting took longer than `connection_timeout`.
    ConnectTimeout,
    /// No byte arrived for `response_timeout`.
    ReadTimeout,
    /// The connection broke in the middle.
    Read,
    /// The answer is not HTTP.
    InvalidResponse,
}

/// What the viewer did wrong, or asked for in vain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ViewerFailure {
    /// Not HTTP, or HTTP that two readers could frame differently.
    Malformed,
    /// The method is not among the behavior's allowed methods.
    MethodNotAllowed,
    /// A GET or HEAD with a body.
    BodyNotAllowed,
    /// Plain HTTP where the behavior wants HTTPS.
    HttpsOnly,
    /// URL, head or body beyond its limit.
    TooLarge,
    /// The announced body stopped coming.
    Stalled,
    /// No distribution answers to this host name.
    UnknownHost,
}

/// Who failed, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EdgeError {
    /// The viewer's request cannot be served.
    Viewer(ViewerFailure),
    /// A function failed its request.
    Function {
        /// What it is.
        kind: FunctionKind,
        /// The function's name.
        name: String,
        /// What it did.
        error: FunctionError,
    },
    /// The origin could not be asked, or did not answer properly.
    Origin(OriginFailure, String),
    /// `only-if-cached` and nothing cached.
    OnlyIfCached,
    /// A defect of verge itself.
    Internal(String),
}

/// What the viewer and the log get for a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// `x-edge-result-type`; `X-Cache` is this followed by `from cloudfront`.
    pub result_type: &'static str,
    /// `x-edge-detailed-result-type`.
    pub detailed_result_type: &'static str,
    /// The one sentence the viewer sees.
    pub sentence: &'static str,
}

const fn answer(
    status: u16,
    result_type: &'static str,
    detailed_result_type: &'static str,
    sentence: &'static str,
) -> Answer {
    Answer { status, result_type, detailed_result_type, sentence }
}

impl EdgeError {
    /// The table from failure to answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Viewer(failure) => viewer_answer(*failure),
            Self::Function { kind, error, .. } => function_answer(*kind, error.failure),
            Self::Origin(failure, _) => origin_answer(*failure),
            // RFC 9111 section 5.2.1.7.
            Self::OnlyIfCached => answer(504, "Error", "Error", "The object is not in the cache."),
            Self::Internal(_) => answer(500, "Error", "Error", "The edge failed on this request."),
        }
    }
}

fn viewer_answer(failure: ViewerFailure) -> Answer {
    match failure {
        ViewerFailure::Malformed => {
            answer(400, "Error", "InvalidRequest", "The request is not valid HTTP.")
        }
        ViewerFailure::MethodNotAllowed => answer(
            403,
            "Error",
            "InvalidRequestMethod",
            "This distribution does not allow the request's method here.",
        ),
        ViewerFailure::BodyNotAllowed => {
            answer(403, "Error", "InvalidRequest", "A GET or HEAD request must not have a body.")
        }
        ViewerFailure::HttpsOnly => answer(
            403,
            "Error",
            "InvalidRequest",
            "This distribution answers here over HTTPS only.",
        ),
        ViewerFailure::TooLarge => {
            answer(413, "Error", "InvalidRequest", "The request exceeds the edge's size limits.")
        }
        ViewerFailure::Stalled => {
            answer(408, "Error", "ClientCommError", "The rest of the request did not come in time.")
        }
        ViewerFailure::UnknownHost => answer(
            403,
            "Error",
            "InvalidRequestHeader",
            "No distribution answers to this host name.",
        ),
    }
}

/// spec: CloudFront Functions section 4, Lambda@Edge section 6; for functions in the place of an origin control-plane
/// section 5.
fn function_answer(kind: FunctionKind, failure: FunctionFailure) -> Answer {
    const INVALID: &str = "The function for this request returned an invalid value.";
    const FAILED: &str = "The function for this request is invalid or could not run.";
    let (status, sentence) = match (kind, failure) {
        (_, FunctionFailure::Validation) => (502, INVALID),
        // As a load balancer answers for its function, also where that took too long.
        (FunctionKind::InPlaceOfOrigin, _) => (502, FAILED),
        (_, FunctionFailure::Execution | FunctionFailure::Throttled) => (503, FAILED),
    };
    let result_type = match (kind, failure) {
        (FunctionKind::JavaScript, FunctionFailure::Validation) => "FunctionValidationError",
        (FunctionKind::JavaScript, FunctionFailure::Execution) => "FunctionExecutionError",
        (FunctionKind::JavaScript, FunctionFailure::Throttled) => "FunctionThrottledError",
        (_, FunctionFailure::Validation) => "LambdaValidationError",
        (_, FunctionFailure::Execution) => "LambdaExecutionError",
        (_, FunctionFailure::Throttled) => "LambdaLimitExceeded",
    };
    answer(status, result_type, result_type, sentence)
}

/// spec: CDN behaviours section 6 and the detailed result types of section 12.
fn origin_answer(failure: OriginFailure) -> Answer {
    const UNREACHABLE: &str = "The origin could not be reached.";
    const SLOW: &str = "The origin did not answer in time.";
    const NONSENSE: &str = "The origin's answer was not valid.";
    match failure {
        OriginFailure::Dns => answer(502, "Error", "OriginDnsError", UNREACHABLE),
        OriginFailure::Connect => answer(502, "Error", "OriginConnectError", UNREACHABLE),
        OriginFailure::ConnectTimeout => answer(504, "Error", "OriginConnectError", SLOW),
        OriginFailure::ReadTimeout => answer(504, "Error", "OriginCommError", SLOW),
        OriginFailure::Read => answer(502, "Error", "OriginReadError", NONSENSE),
        OriginFailure::InvalidResponse => {
            answer(502, "Error", "OriginInvalidResponseError", NONSENSE)
        }
    }
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Viewer(failure) => write!(f, "viewer: {failure:?}"),
            Self::Function { name, error, .. } => write!(f, "function {name}: {error}"),
            Self::Origin(failure, detail) => write!(f, "origin: {failure:?}: {detail}"),
            Self::OnlyIfCached => f.write_str("only-if-cached: not in the cache"),
            Self::Internal(detail) => write!(f, "internal: {detail}"),
        }
    }
}

impl Error for EdgeError {}
