//! Background revalidation: what the request that met the stale object decided is handed to the one that refreshes it.
//!
//! Pingora starts the refreshing request by writing the viewer's request down as HTTP/1.1 and reading it again, so it
//! arrives with an edited path and no memory. Choosing a behavior from that path, or running viewer-request a second
//! time, would be wrong; a number in a header field that viewers cannot send leads back to the decisions.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{HeaderName, HeaderValue};
use pingora::proxy::Session;

use super::context::{Context, Route};
use crate::distribution::ViewerPeer;
use crate::error::EdgeError;
use crate::limits::REVALIDATIONS_PENDING_MAX;

/// Named like the fields that are removed from every viewer's request.
const TICKET: HeaderName = HeaderName::from_static("x-edge-revalidation-ticket");

struct Decisions {
    route: Route,
    peer: ViewerPeer,
}

/// Decisions on their way from a request to its background revalidation.
#[derive(Default)]
pub struct Handover {
    next: AtomicU64,
    pending: Mutex<HashMap<u64, Decisions>>,
}

impl Handover {
    /// Leaves this request's decisions for the revalidation that pingora is about to start.
    pub fn hand_over(&self, session: &mut Session, ctx: &Context) {
        let Some(route) = ctx.route.clone() else { return };
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        let Ok(mut pending) = self.pending.lock() else { return };
        if pending.len() >= REVALIDATIONS_PENDING_MAX {
            // Without its decisions the revalidation fails and the object stays stale until the next request.
            return;
        }
        pending.insert(ticket, Decisions { route, peer: ctx.peer });
        drop(pending);
        let request = session.req_header_mut();
        // The copy is read back as HTTP/1.x: an HTTP/2 version would end it.
        request.set_version(http::Version::HTTP_11);
        let _ = request.insert_header(TICKET, HeaderValue::from(ticket));
    }

    /// Takes up the decisions in the background request.
    pub fn take_over(&self, session: &mut Session, ctx: &mut Context) {
        ctx.background = true;
        let ticket = session
            .req_header()
            .headers
            .get(TICKET)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        session.req_header_mut().remove_header(&TICKET);
        let decisions = ticket.and_then(|ticket| self.pending.lock().ok()?.remove(&ticket));
        match decisions {
            Some(Decisions { route, peer }) => {
                ctx.route = Some(route);
                ctx.peer = peer;
            }
            None => {
                ctx.failure =
                    Some(EdgeError::Internal("a background revalidation lost its request".into()));
            }
        }
    }
}

/// Removes the ticket from what a viewer sent: it is the edge's own.
pub fn strip(session: &mut Session) {
    session.req_header_mut().remove_header(&TICKET);
}
