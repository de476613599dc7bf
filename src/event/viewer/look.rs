//! What a viewer function looked at, as the host sees it: which parts of an event those are, and what they hold.
//!
//! The engine says what a call looked at by number and index ([`crate::wire::reads`]); here these become names, which
//! mean the same in another event. Two events that hold the same where a function looks look the same to it.

use std::borrow::Cow;
use std::io::Write as _;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName};

use super::encode;
use crate::event::{EventContext, RequestView, ResponseView};
use crate::wire::{self, Group, reads, text_of};

/// An event of a viewer function, before it is written for the engine.
#[derive(Clone, Copy, Debug)]
pub struct ViewerEvent<'a> {
    /// Where it comes from.
    pub context: &'a EventContext<'a>,
    /// The request.
    pub request: &'a RequestView<'a>,
    /// The response, at viewer-response.
    pub response: Option<&'a ResponseView<'a>>,
    /// What tells the content of the function's key-value store from others; any number without a store.
    pub store_version: u128,
}

/// A map in an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Map {
    /// `request.querystring`
    Query,
    /// `request.headers`
    Headers,
    /// `request.cookies`
    Cookies,
    /// `response.headers`
    ResponseHeaders,
    /// `response.cookies`
    ResponseCookies,
}

/// A part of an event that a function can look at by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// `context`, apart from the request's id.
    Context,
    /// `viewer`
    Viewer,
    /// `request.method`
    Method,
    /// `request.uri`
    Uri,
    /// `request.rawQueryString()`
    RawQuery,
    /// `response.statusCode`
    Status,
    /// `response.statusDescription`
    Reason,
    /// `cf.edgeLocation`
    Edge,
    /// The key-value store.
    Store,
    /// The names in a map, in their order.
    Names(Map),
    /// All values of one field.
    Field(Map, HeaderName),
    /// All values of one parameter or cookie.
    Entry(Map, Box<str>),
}

impl<'a> ViewerEvent<'a> {
    /// What the engine calls `read`; `None` for what is another at each call, and for what this event does not have.
    #[must_use]
    pub fn look(&self, read: u32) -> Option<Look> {
        let (what, index) = (read >> 16, usize::try_from(read & 0xffff).ok()?);
        let map = match what & !reads::ENTRY {
            reads::QUERY => Map::Query,
            reads::HEADERS => Map::Headers,
            reads::COOKIES => Map::Cookies,
            reads::RESPONSE_HEADERS => Map::ResponseHeaders,
            reads::RESPONSE_COOKIES => Map::ResponseCookies,
            _ => {
                return match what {
                    reads::CONTEXT => Some(Look::Context),
                    reads::VIEWER => Some(Look::Viewer),
                    reads::METHOD => Some(Look::Method),
                    reads::URI => Some(Look::Uri),
                    reads::RAW_QUERY => Some(Look::RawQuery),
                    reads::STATUS => Some(Look::Status),
                    reads::REASON => Some(Look::Reason),
                    reads::EDGE => Some(Look::Edge),
                    reads::STORE => Some(Look::Store),
                    _ => None,
                };
            }
        };
        if what & reads::ENTRY == 0 {
            return Some(Look::Names(map));
        }
        if let Some(headers) = self.fields(map) {
            let name = encode::visible(headers).nth(index)?;
            return Some(Look::Field(map, name.clone()));
        }
        self.with_groups(map, |groups| Some(Look::Entry(map, groups.get(index)?.name.into())))
    }

    /// Appends what this event holds there, written so that different holdings are written differently.
    pub fn write(&self, look: &Look, out: &mut Vec<u8>) {
        match look {
            Look::Context => {
                part(out, self.context.distribution_domain_name.as_bytes());
                part(out, self.context.distribution_id.as_bytes());
            }
            Look::Viewer => {
                // Writing to memory does not fail.
                let _ = write!(out, "{}", self.context.viewer_ip);
            }
            Look::Method => out.extend_from_slice(self.request.method.as_bytes()),
            Look::Uri => out.extend_from_slice(self.request.path),
            Look::RawQuery => match self.request.query {
                Some(query) => part(out, query),
                None => out.push(0),
            },
            Look::Status => {
                let status = self.response.map_or(0, |response| response.status);
                out.extend_from_slice(&status.to_le_bytes());
            }
            Look::Reason => {
                let reason = self.response.map_or("", encode::reason);
                out.extend_from_slice(reason.as_bytes());
            }
            Look::Edge => self.write_edge(out),
            Look::Store => out.extend_from_slice(&self.store_version.to_le_bytes()),
            Look::Names(map) => match self.fields(*map) {
                Some(headers) => {
                    encode::visible(headers).for_each(|name| part(out, name.as_str().as_bytes()));
                }
                None => self.with_groups(*map, |groups| {
                    groups.iter().for_each(|group| part(out, group.name.as_bytes()));
                }),
            },
            Look::Field(map, name) => {
                let values = self.fields(*map).map(|headers| headers.get_all(name));
                values.iter().flatten().for_each(|value| part(out, value.as_bytes()));
            }
            Look::Entry(map, name) => self.with_groups(*map, |groups| {
                let found = groups.iter().filter(|group| *group.name == **name);
                for value in found.flat_map(|group| &group.values) {
                    part(out, value.as_bytes());
                }
            }),
        }
    }

    fn write_edge(&self, out: &mut Vec<u8>) {
        let edge = &self.context.edge;
        part(out, edge.name.as_bytes());
        part(out, edge.region.as_bytes());
        // Writing to memory does not fail.
        let _ = write!(out, "{}", edge.server_ip);
    }

    fn fields(&self, map: Map) -> Option<&'a HeaderMap> {
        match map {
            Map::Headers => Some(self.request.headers),
            Map::ResponseHeaders => Some(self.response?.headers),
            Map::Query | Map::Cookies | Map::ResponseCookies => None,
        }
    }

    /// Gives `f` the names and values of a map that travels as text; a response's cookie has its attributes as a second
    /// value.
    fn with_groups<T>(&self, map: Map, f: impl FnOnce(&[Group<'_, &str>]) -> T) -> T {
        match (map, self.response) {
            (Map::Query, _) => {
                let query = text_of(self.request.query.unwrap_or_default());
                f(&wire::query_groups(&query))
            }
            (Map::Cookies, _) => {
                let lines = encode::texts(self.request.headers, &COOKIE);
                let lines: Vec<&str> = lines.iter().map(Cow::as_ref).collect();
                f(&wire::cookie_groups(&lines))
            }
            (Map::ResponseCookies, Some(response)) => {
                let lines = encode::texts(response.headers, &SET_COOKIE);
                let lines: Vec<&str> = lines.iter().map(Cow::as_ref).collect();
                let groups = wire::set_cookie_groups(&lines).into_iter().map(|group| Group {
                    name: group.name,
                    values: group.values.into_iter().flat_map(<[&str; 2]>::from).collect(),
                });
                f(&groups.collect::<Vec<_>>())
            }
            _ => f(&[]),
        }
    }
}

/// Appends a text with its length in front, so that where one ends and the next begins is told.
fn part(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::HeaderValue;

    use super::*;
    use crate::event::EdgeLocation;
    use crate::ids::RequestId;

    fn seen(fields: &[(&str, &str)], query: Option<&[u8]>, look: &Look) -> Vec<u8> {
        with_event(fields, query, |event| {
            let mut out = Vec::new();
            event.write(look, &mut out);
            out
        })
    }

    fn with_event<T>(
        fields: &[(&str, &str)],
        query: Option<&[u8]>,
        f: impl FnOnce(ViewerEvent<'_>) -> T,
    ) -> T {
        let id = RequestId::from_entropy(&[7; 42]);
        let context = EventContext {
            distribution_domain_name: "d1.example",
            distribution_id: "E1",
            request_id: &id,
            viewer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            edge: EdgeLocation::DEFAULT,
        };
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, HeaderValue::from_str(value).expect("a value"))
            })
            .collect();
        let request = RequestView { method: "GET", path: b"/", query, headers: &headers };
        let (context, request) = (&context, &request);
        f(ViewerEvent { context, request, response: None, store_version: 0 })
    }

    #[test]
    fn numbers_become_names() {
        let fields = [("host", "h"), ("x-real-ip", "hidden"), ("cookie", "a=1; b=2"), ("x-a", "1")];
        with_event(&fields, Some(b"q=1&r=2"), |event| {
            let entry = |what: u32, index: u32| event.look((what | reads::ENTRY) << 16 | index);
            assert_eq!(event.look(reads::URI << 16), Some(Look::Uri));
            assert_eq!(event.look(reads::HEADERS << 16), Some(Look::Names(Map::Headers)));
            let x_a = HeaderName::from_static("x-a");
            assert_eq!(entry(reads::HEADERS, 1), Some(Look::Field(Map::Headers, x_a)));
            assert_eq!(entry(reads::QUERY, 1), Some(Look::Entry(Map::Query, "r".into())));
            assert_eq!(entry(reads::COOKIES, 0), Some(Look::Entry(Map::Cookies, "a".into())));
            assert_eq!(entry(reads::COOKIES, 2), None);
            assert_eq!(event.look(reads::UNREPEATABLE << 16), None);
        });
    }

    #[test]
    fn what_differs_is_written_differently() {
        let names = Look::Names(Map::Headers);
        assert_ne!(
            seen(&[("ab", ""), ("c", "")], None, &names),
            seen(&[("a", ""), ("bc", "")], None, &names)
        );
        assert_ne!(seen(&[], None, &Look::RawQuery), seen(&[], Some(b""), &Look::RawQuery));
        let field = Look::Field(Map::Headers, HeaderName::from_static("x"));
        assert_ne!(
            seen(&[("x", "a"), ("x", "b")], None, &field),
            seen(&[("x", "ab")], None, &field)
        );
        let parameter = Look::Entry(Map::Query, "a".into());
        assert_ne!(
            seen(&[], Some(b"a=1&a=2"), &parameter),
            seen(&[], Some(b"a=12&b=2"), &parameter)
        );
        assert_eq!(
            seen(&[], Some(b"b=3&a=1"), &parameter),
            seen(&[], Some(b"a=1&b=2"), &parameter)
        );
    }
}
