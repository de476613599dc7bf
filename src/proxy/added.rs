//! Puts the `CloudFront-*` fields that a behavior's policies name into the request, before viewer-request sees it.

use std::cell::OnceCell;

use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Version};
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::connection;
use super::context::Context;
use crate::distribution::ViewerPeer;
use crate::distribution::added::{Added, GeoField, PREFIX};
use crate::geo::{Geo, Place};
use crate::limits::VIEWER_HEADER_ORDER_CHARS_MAX;

/// Takes away what the viewer sent under these names, and adds what the behavior's policies name.
pub fn put(session: &mut Session, ctx: &Context) {
    strip(session.req_header_mut());
    let values = values(session.req_header(), Some(session), ctx);
    insert(session.req_header_mut(), values);
}

/// The same for a request that was never sent: what only its connection would know is left out.
pub fn put_unsent(request: &mut RequestHeader, ctx: &Context) {
    strip(request);
    let values = values(request, None, ctx);
    insert(request, values);
}

fn strip(request: &mut RequestHeader) {
    let sent = request.headers.keys();
    let forged: Vec<_> = sent.filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
    for name in forged {
        request.remove_header(&name);
    }
}

fn values(
    request: &RequestHeader,
    session: Option<&Session>,
    ctx: &Context,
) -> Vec<(HeaderName, String)> {
    let Some(route) = ctx.route.as_ref().filter(|route| !route.behavior.added.is_empty()) else {
        return Vec::new();
    };
    let viewer = Viewer::of(request, session, ctx);
    let added = route.behavior.added.iter();
    added.filter_map(|(name, added)| Some((name.clone(), viewer.value(*added)?))).collect()
}

fn insert(request: &mut RequestHeader, values: Vec<(HeaderName, String)>) {
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            // Pingora refuses only heads of more fields than a viewer may send.
            let _ = request.insert_header(name, value);
        }
    }
}

/// What is told about a viewer.
struct Viewer<'a> {
    request: &'a RequestHeader,
    session: Option<&'a Session>,
    peer: ViewerPeer,
    geo: &'a Geo,
    place: OnceCell<Place>,
    /// In lower case.
    user_agent: String,
}

impl<'a> Viewer<'a> {
    fn of(request: &'a RequestHeader, session: Option<&'a Session>, ctx: &'a Context) -> Self {
        let user_agent = request.headers.get(USER_AGENT);
        let user_agent = user_agent.map(HeaderValue::as_bytes).unwrap_or_default();
        let user_agent = String::from_utf8_lossy(user_agent).to_ascii_lowercase();
        let geo = &ctx.published.config.geo;
        Self { request, session, peer: ctx.peer, geo, place: OnceCell::new(), user_agent }
    }

    fn value(&self, added: Added) -> Option<String> {
        let request = self.request;
        Some(match added {
            Added::Is(device) => device.is(&self.user_agent).to_string(),
            Added::ForwardedProto => if self.peer.tls { "https" } else { "http" }.to_owned(),
            Added::ViewerAddress => format!("{}:{}", self.peer.ip, self.peer.port),
            Added::ViewerHeaderCount => request.headers.len().to_string(),
            Added::ViewerHeaderOrder => {
                let order = match self.session {
                    Some(session) if request.version != Version::HTTP_2 => {
                        as_sent(&session.to_h1_raw())
                    }
                    _ => in_order(&request.headers),
                };
                order.chars().take(VIEWER_HEADER_ORDER_CHARS_MAX).collect()
            }
            Added::ViewerHttpVersion => match request.version {
                Version::HTTP_10 => "1.0",
                Version::HTTP_2 => "2.0",
                _ => "1.1",
            }
            .to_owned(),
            Added::Geo(field) => self.place(field)?,
            Added::ViewerTls => self.tls()?,
        })
    }

    /// What the databases know, with anything beyond ASCII percent-encoded.
    fn place(&self, field: GeoField) -> Option<String> {
        let place = self.place.get_or_init(|| self.geo.look_up(self.peer.ip));
        let degrees = |degrees: Option<f64>| degrees.map(|degrees| format!("{degrees:.5}"));
        let text = match field {
            GeoField::Asn => return place.asn.map(|number| number.to_string()),
            GeoField::MetroCode => return place.metro_code.map(|code| code.to_string()),
            GeoField::Latitude => return degrees(place.latitude),
            GeoField::Longitude => return degrees(place.longitude),
            GeoField::City => &place.city,
            GeoField::Country => &place.country,
            GeoField::CountryName => &place.country_name,
            GeoField::Region => &place.region,
            GeoField::RegionName => &place.region_name,
            GeoField::PostalCode => &place.postal_code,
            GeoField::TimeZone => &place.time_zone,
        };
        text.as_deref().map(encoded)
    }

    /// `TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake`.
    fn tls(&self) -> Option<String> {
        let digest = self.session?.digest()?.ssl_digest.clone()?;
        let version = digest.version.replace('_', ".");
        // rustls says TLS13_ where the registry of cipher suites says TLS_.
        let cipher = digest.cipher.replace("TLS13_", "TLS_");
        let handshake =
            if connection::is_first_request() { "fullHandshake" } else { "connectionReused" };
        Some(format!("{version}:{cipher}:{handshake}"))
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Names in the order in which HTTP/2 brought them; its pseudo-header fields are none.
fn in_order(headers: &HeaderMap) -> String {
    headers.keys().map(HeaderName::as_str).collect::<Vec<_>>().join(":")
}

/// Names of an HTTP/1.1 head in their order and spelling.
fn as_sent(head: &[u8]) -> String {
    let lines = head.split(|&byte| byte == b'\n').skip(1);
    let lines = lines.map_while(|line| {
        let name = line.split(|&byte| byte == b':').next()?;
        (!line.trim_ascii().is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    });
    lines.collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_as_they_were_sent() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nuser-agent: b:c\r\nX-A: 1\r\n\r\nnot: a head";
        assert_eq!(as_sent(head), "Host:user-agent:X-A");
        assert_eq!(as_sent(b"GET / HTTP/1.1\r\n\r\n"), "");
    }
}
