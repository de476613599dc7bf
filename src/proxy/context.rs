//! What one request carries from phase to phase. Made when a request begins, dropped when it was logged.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::Version;

use super::Published;
use super::body::Kept;
use super::cache_status::{Lookup, Ruling};
use super::canned::Canned;
use super::compress::Compressing;
use super::connection::UnderWay;
use super::function_origin::Question;
use super::trace::Trace;
use crate::cache::range::Wanted;
use crate::distribution::{Behavior, Distribution, Origin, ViewerPeer};
use crate::error::EdgeError;
use crate::event::{EdgeLocation, EventContext};
use crate::ids::RequestId;
use crate::observe::Record;
use crate::observe::metrics::InProgress;
use crate::origin::change::Choice;
use crate::origin::forward::OriginRequest;
use crate::origin::select::Member;

/// Which distribution and behavior answer: chosen once, from the host and path that the viewer sent.
#[derive(Clone)]
pub struct Route {
    /// The distribution.
    pub distribution: Arc<Distribution>,
    /// The cache behavior.
    pub behavior: Arc<Behavior>,
}

/// A body that takes the place of the one that is being sent.
pub struct ReplacedBody {
    /// The new body; taken when it was sent.
    pub body: Option<Bytes>,
}

/// The origin side of a request.
#[derive(Default)]
pub struct OriginSide {
    /// Which member of the behavior's target is being asked.
    pub member: Member,
    /// The request as the origin will see it; composed once per member.
    pub request: Option<OriginRequest>,
    /// The origin being asked, as origin-request left it.
    pub origin: Option<Origin>,
    /// What origin-request put in place of the request's body.
    pub new_request_body: Option<Bytes>,
    /// Played instead of asking an origin.
    pub canned: Option<Canned>,
    /// What was asked of the function that is the origin.
    pub question: Option<Arc<Question>>,
    /// Whether `canned` was made by origin-request (then origin-response does not run).
    pub generated: bool,
    /// Whether `canned` is what origin-response returned (then it does not run again).
    pub replayed: bool,
    /// Connection attempts made to the current member.
    pub attempts: u8,
    /// Taken before the origin is asked: an invalidation that comes later outdates the answer.
    pub stamp: Option<crate::cache::store::Stamp>,
    /// Whether the request's effect on stored responses was seen to.
    pub invalidated: bool,
    /// When the request went out.
    pub asked_at: Option<Instant>,
    /// How long its name was looked up.
    pub resolving: Duration,
    /// How long connecting took; zero on a connection that was kept.
    pub connecting: Duration,
    /// From asking to the first byte of the answer.
    pub response_delay: Duration,
    /// Status the origin answered with, before origin-response.
    pub status: Option<u16>,
    /// Head of a 304, for the full update of the stored response.
    pub not_modified: Option<Box<pingora::http::ResponseHeader>>,
}

impl OriginSide {
    /// The connection is there.
    pub fn note_connected(&mut self, was_kept: bool) {
        let since_asked = self.asked_at.map(|at| at.elapsed()).unwrap_or_default();
        self.connecting =
            if was_kept { Duration::ZERO } else { since_asked.saturating_sub(self.resolving) };
    }
}

/// State of one request.
pub struct Context {
    /// Its id.
    pub id: RequestId,
    /// When it began, for durations.
    pub started: Instant,
    /// What will be logged and counted, filled on the way.
    pub record: Record,
    /// Counts this request as in progress while it lives.
    _in_progress: InProgress,
    _under_way: UnderWay,
    /// Configuration and functions that serve this request to its end, whatever is published meanwhile.
    pub published: Arc<Published>,
    /// Distribution and behavior, once known.
    pub route: Option<Route>,
    /// Who is asking.
    pub peer: ViewerPeer,
    /// What viewer-request functions made of the behavior's target; `None`: nothing.
    pub choice: Option<Arc<Choice>>,
    /// HTTP version the viewer spoke.
    pub version: Version,
    /// Whether this is the edge's own background revalidation.
    pub background: bool,
    /// The range that the viewer wants, where only that is asked for and kept.
    pub wanted: Option<Wanted>,
    /// The origin side.
    pub origin: OriginSide,
    /// The beginning of the request's body, where a function got it.
    pub body: Option<Box<Kept>>,
    /// Why the request failed, once it did.
    pub failure: Option<EdgeError>,
    /// `x-edge-result-type`, once decided.
    pub result_type: Option<&'static str>,
    /// What the cache had.
    pub lookup: Lookup,
    /// What was decided over the origin's answer.
    pub ruling: Option<Ruling>,
    /// The origin's body on its way into the cache, when it is compressed.
    pub compressing: Option<Compressing>,
    /// What functions changed, if somebody wants to know.
    pub trace: Option<Box<Trace>>,
    /// A body to send instead of the one that comes.
    pub replaced_body: Option<ReplacedBody>,
}

impl Context {
    /// A request that begins now.
    #[must_use]
    pub fn new(published: Arc<Published>, in_progress: InProgress) -> Self {
        let id = RequestId::random();
        let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            record: Record::new(id.clone(), SystemTime::now(), nobody, 0),
            id,
            started: Instant::now(),
            _in_progress: in_progress,
            _under_way: UnderWay::begin(),
            published,
            route: None,
            peer: ViewerPeer { ip: nobody, port: 0, server_ip: nobody, tls: false },
            choice: None,
            version: Version::HTTP_11,
            background: false,
            wanted: None,
            origin: OriginSide::default(),
            body: None,
            failure: None,
            result_type: None,
            lookup: Lookup::default(),
            ruling: None,
            compressing: None,
            trace: None,
            replaced_body: None,
        }
    }

    /// The route, once the request was admitted.
    ///
    /// # Errors
    /// A defect of the edge: a phase ran that needs a route before one was chosen.
    pub fn route(&self) -> Result<&Route, EdgeError> {
        self.route
            .as_ref()
            .ok_or_else(|| EdgeError::Internal("a phase ran before a behavior was chosen".into()))
    }

    /// Notes what the function that ran last changed, if somebody wants to know.
    pub fn note_changes(&mut self, changes: impl FnOnce() -> Vec<String>) {
        if let Some(trace) = &mut self.trace {
            trace.note(self.record.functions.len(), changes());
        }
    }

    /// What every event of this request carries.
    ///
    /// # Errors
    /// As [`Context::route`].
    pub fn event_context(&self) -> Result<EventContext<'_>, EdgeError> {
        let route = self.route()?;
        Ok(EventContext {
            distribution_domain_name: &route.distribution.domain_name,
            distribution_id: &route.distribution.id,
            request_id: &self.id,
            viewer_ip: self.peer.ip,
            edge: EdgeLocation {
                name: &self.published.config.edge.name,
                region: &self.published.config.edge.region,
                server_ip: self.peer.server_ip,
            },
        })
    }
}
