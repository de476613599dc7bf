//! Background revalidation: what the request that met the stale object decided is handed to the one
//! that refreshes it.
//!
//! Pingora starts the refreshing request from the bytes of the viewer's request as they came in
//! (over HTTP/2: written down as HTTP/1.1), with no memory of what became of it. Choosing a behavior
//! or running viewer-request a second time could decide otherwise, so the decisions wait here under
//! what both requests share: the connection and those bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::context::{Context, Route};
use crate::distribution::ViewerPeer;
use crate::error::EdgeError;
use crate::limits::PENDING_REVALIDATION_REQUESTS_MAX;
use crate::origin::change::Choice;

/// The connection, by the address of its digest, which pingora shares between the two requests; and
/// the request's head.
type Ticket = (usize, Bytes);

struct Decisions {
    route: Route,
    peer: ViewerPeer,
    choice: Option<Arc<Choice>>,
    /// As viewer-request left it.
    request: RequestHeader,
    /// Keeps the ticket's address from being used again while the decisions wait.
    _digest: Option<Arc<pingora::protocols::SocketDigest>>,
}

/// Decisions on their way from a request to its background revalidation.
#[derive(Default)]
pub struct Handover {
    pending: Mutex<HashMap<Ticket, Decisions>>,
}

impl Handover {
    /// Leaves this request's decisions for the revalidation that pingora is about to start.
    pub fn hand_over(&self, session: &mut Session, ctx: &Context) {
        let Some(route) = ctx.route.clone() else { return };
        // The bytes are read back as HTTP/1.x: an HTTP/2 version would end it.
        session.req_header_mut().set_version(http::Version::HTTP_11);
        let request = session.req_header().clone();
        let choice = ctx.choice.clone();
        let decisions =
            Decisions { route, peer: ctx.peer, choice, request, _digest: digest(session) };
        let Ok(mut pending) = self.pending.lock() else { return };
        if pending.len() < PENDING_REVALIDATION_REQUESTS_MAX {
            pending.insert(ticket(session), decisions);
        }
        // Beyond that the revalidation fails, and the object stays stale until the next request.
    }

    /// Takes up the decisions in the background request.
    pub fn take_over(&self, session: &mut Session, ctx: &mut Context) {
        ctx.background = true;
        let ticket = ticket(session);
        let decisions = self.pending.lock().ok().and_then(|mut all| all.remove(&ticket));
        let Some(Decisions { route, peer, choice, request, .. }) = decisions else {
            let lost = "a background revalidation has lost its request";
            ctx.failure = Some(EdgeError::Internal(lost.into()));
            return;
        };
        *session.req_header_mut() = request;
        ctx.route = Some(route);
        ctx.peer = peer;
        ctx.choice = choice;
    }
}

fn digest(session: &Session) -> Option<Arc<pingora::protocols::SocketDigest>> {
    session.digest().and_then(|digest| digest.socket_digest.clone())
}

fn ticket(session: &Session) -> Ticket {
    let connection = digest(session).map_or(0, |digest| Arc::as_ptr(&digest).addr());
    (connection, session.to_h1_raw())
}
