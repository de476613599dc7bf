//! Writing an event for the engine.

use std::borrow::Cow;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::event::{EventContext, RequestView, ResponseView, rules};
use crate::wire::{EVENT_REQUEST, EVENT_RESPONSE, Writer};

/// When a call happens, and where its random numbers start: the only things that differ between two calls with equal
/// events.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Any number.
    pub seed: u64,
}

/// Writes a viewer-request event.
pub fn encode_request(
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    moment: Moment,
    out: &mut Writer,
) {
    encode_common(EVENT_REQUEST, context, request, moment, out);
}

/// Writes a viewer-response event; `request` is the request after the viewer-request functions.
pub fn encode_response(
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    response: &ResponseView<'_>,
    moment: Moment,
    out: &mut Writer,
) {
    encode_common(EVENT_RESPONSE, context, request, moment, out);
    section(out, |out| {
        out.u16(response.status);
        out.text(reason(response));
    });
    section(out, |out| fields(response.headers, out));
    section(out, |out| lines(response.headers, &SET_COOKIE, out));
}

fn encode_common(
    kind: u8,
    context: &EventContext<'_>,
    request: &RequestView<'_>,
    moment: Moment,
    out: &mut Writer,
) {
    out.u8(kind);
    out.u64(moment.now_ms);
    out.u64(moment.seed);
    section(out, |out| {
        out.text(context.distribution_domain_name);
        out.text(context.distribution_id);
        out.text(context.request_id.as_str());
        out.text(&context.viewer_ip.to_string());
        out.text(context.edge.name);
        out.text(&context.edge.server_ip.to_string());
        out.text(context.edge.region);
    });
    section(out, |out| {
        out.text(request.method);
        out.raw(request.path);
        out.optional(request.query);
    });
    section(out, |out| fields(request.headers, out));
    section(out, |out| lines(request.headers, &COOKIE, out));
}

/// A part that a reader can skip: its length goes first.
fn section(out: &mut Writer, write: impl FnOnce(&mut Writer)) {
    let place = out.count();
    write(out);
    let length = out.as_bytes().len() - place;
    out.fill_count(place, length);
}

/// The fields that functions see, in an order that is the same for every look at the same map.
pub(super) fn visible(headers: &HeaderMap) -> impl Iterator<Item = &HeaderName> {
    headers
        .keys()
        .filter(|name| !rules::is_disallowed(name) && **name != COOKIE && **name != SET_COOKIE)
}

fn fields(headers: &HeaderMap, out: &mut Writer) {
    let place = out.count();
    let mut names = 0;
    for name in visible(headers) {
        names += 1;
        out.text(name.as_str());
        let inner = out.count();
        let mut values = 0;
        for value in headers.get_all(name) {
            values += 1;
            out.raw(value.as_bytes());
        }
        out.fill_count(inner, values);
    }
    out.fill_count(place, names);
}

fn lines(headers: &HeaderMap, name: &HeaderName, out: &mut Writer) {
    let place = out.count();
    let mut count = 0;
    for line in headers.get_all(name) {
        count += 1;
        out.raw(line.as_bytes());
    }
    out.fill_count(place, count);
}

/// The texts of all lines of one field, as the engine got them.
pub(super) fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<Cow<'a, str>> {
    headers.get_all(name).iter().map(|line| crate::wire::text_of(line.as_bytes())).collect()
}

/// The reason phrase that a function sees: HTTP/2 has none, CloudFront shows the usual one.
pub(super) fn reason<'a>(response: &ResponseView<'a>) -> &'a str {
    let usual = || StatusCode::from_u16(response.status).ok()?.canonical_reason();
    response.reason.or_else(usual).unwrap_or_default()
}
