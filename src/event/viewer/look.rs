//! What a viewer function looked at, as the host sees it: which parts of an event those are, and what they hold.
//!
//! The engine says what a call looked at by number and index ([`crate::wire::reads`]); here these become names, which
//! mean the same in another event. Two events that hold the same where a function looks look the same to it.

use std::cell::OnceCell;
use std::io::Write as _;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName};

use super::encode;
use crate::event::{EventContext, RequestView, ResponseView};
use crate::limits::{MEMO_EVENT_BYTES_MAX, MEMO_PIECES_MAX};
use crate::wire::{self, Group, reads};

/// An event of a viewer function, before it is written for the engine.
#[derive(Debug)]
pub struct ViewerEvent<'a> {
    context: &'a EventContext<'a>,
    request: &'a RequestView<'a>,
    response: Option<&'a ResponseView<'a>>,
    store_version: u128,
    query: OnceCell<Option<Vec<Group<'a, &'a str>>>>,
    cookies: OnceCell<Option<Vec<Group<'a, &'a str>>>>,
    response_cookies: OnceCell<Option<Vec<Group<'a, &'a str>>>>,
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
    /// The event of `request` or, at viewer-response, of `response`. `store_version` is what tells the content of the
    /// function's key-value store from others; any number without a store.
    #[must_use]
    pub fn new(
        context: &'a EventContext<'a>,
        request: &'a RequestView<'a>,
        response: Option<&'a ResponseView<'a>>,
        store_version: u128,
    ) -> Self {
        let (query, cookies, response_cookies) = Default::default();
        Self { context, request, response, store_version, query, cookies, response_cookies }
    }

    /// Whether this is a viewer-response.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.response.is_some()
    }

    /// Whether it is worth a look: what looking costs is nobody's budget, so large events are left to the engine.
    #[must_use]
    pub fn is_small(&self) -> bool {
        let bytes = |headers: &HeaderMap| -> usize {
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
        };
        let response = self.response.map_or(0, |response| bytes(response.headers));
        let query = self.request.query.map_or(0, <[u8]>::len);
        bytes(self.request.headers) + response + query <= MEMO_EVENT_BYTES_MAX
    }

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
            _ => return scalar(what),
        };
        if what & reads::ENTRY == 0 {
            return Some(Look::Names(map));
        }
        match self.fields(map) {
            Some(headers) => {
                let name = encode::visible(headers).nth(index)?;
                Some(Look::Field(map, name.clone()))
            }
            None => Some(Look::Entry(map, self.groups(map)?.get(index)?.name.into())),
        }
    }

    /// Appends what this event holds there, written so that different holdings are written differently; `None` when that
    /// is too much to look at.
    #[must_use]
    pub fn write(&self, look: &Look, out: &mut Vec<u8>) -> Option<()> {
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
                None => {
                    self.groups(*map)?.iter().for_each(|group| part(out, group.name.as_bytes()));
                }
            },
            Look::Field(map, name) => {
                let values = self.fields(*map).map(|headers| headers.get_all(name));
                values.iter().flatten().for_each(|value| part(out, value.as_bytes()));
            }
            Look::Entry(map, name) => {
                let found = self.groups(*map)?.iter().find(|group| *group.name == **name);
                let values = found.iter().flat_map(|group| &group.values);
                values.for_each(|value| part(out, value.as_bytes()));
            }
        }
        Some(())
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

    /// Names and values of a map that travels as text, taken apart once; a response's cookie has its attributes as a second
    /// value. `None` when there are too many, or they are not UTF-8.
    fn groups(&self, map: Map) -> Option<&[Group<'a, &'a str>]> {
        let groups = match map {
            Map::Query => self.query.get_or_init(|| {
                let query = std::str::from_utf8(self.request.query.unwrap_or_default()).ok()?;
                few(query, '&')?;
                Some(wire::query_groups(query))
            }),
            Map::Cookies => self.cookies.get_or_init(|| {
                let lines = lines(self.request.headers, &COOKIE)?;
                lines.iter().try_for_each(|line| few(line, ';'))?;
                Some(wire::cookie_groups(&lines))
            }),
            Map::ResponseCookies => self.response_cookies.get_or_init(|| {
                let lines = lines(self.response?.headers, &SET_COOKIE)?;
                let groups = wire::set_cookie_groups(&lines).into_iter().map(|group| Group {
                    name: group.name,
                    values: group.values.into_iter().flat_map(<[&str; 2]>::from).collect(),
                });
                Some(groups.collect())
            }),
            Map::Headers | Map::ResponseHeaders => return None,
        };
        groups.as_deref()
    }
}

fn scalar(what: u32) -> Option<Look> {
    match what {
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
    }
}

/// The lines of a field, when they are few and UTF-8.
fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Vec<&'a str>> {
    let lines = headers.get_all(name).iter().take(MEMO_PIECES_MAX + 1);
    let lines = lines.map(|line| std::str::from_utf8(line.as_bytes()).ok());
    lines.collect::<Option<Vec<_>>>().filter(|lines| lines.len() <= MEMO_PIECES_MAX)
}

/// Whether `text` has few pieces: grouping them compares each with each.
fn few(text: &str, separator: char) -> Option<()> {
    (text.matches(separator).nth(MEMO_PIECES_MAX).is_none()).then_some(())
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
            event.write(look, &mut out).expect("it is small");
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
        let request =
            RequestView { method: "GET", path: b"/", query, headers: &headers, body: None };
        let (context, request) = (&context, &request);
        f(ViewerEvent::new(context, request, None, 0))
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
    fn what_would_take_long_is_not_looked_at() {
        let many = vec!["a=1"; 10 * MEMO_PIECES_MAX].join("&");
        with_event(&[("cookie", &many.replace('&', ";"))], Some(many.as_bytes()), |event| {
            let mut out = Vec::new();
            for map in [Map::Query, Map::Cookies] {
                assert_eq!(event.write(&Look::Names(map), &mut out), None);
                assert_eq!(event.write(&Look::Entry(map, "a".into()), &mut out), None);
            }
            assert_eq!(event.look((reads::QUERY | reads::ENTRY) << 16), None);
            assert!(event.write(&Look::RawQuery, &mut out).is_some() && event.is_small());
        });
        let long = "x".repeat(MEMO_EVENT_BYTES_MAX);
        with_event(&[("x-a", &long)], None, |event| assert!(!event.is_small()));
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
