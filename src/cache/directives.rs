//! What the origin said about caching: `Cache-Control` (RFC 9111 section 5.2) and
//! `CDN-Cache-Control` (RFC 9213).
//!
//! Total: any bytes give an answer. An unreadable lifetime is kept apart from an absent one,
//! because "present but invalid" means stale (RFC 9111 section 4.2.1) and "absent" means that the
//! policy's default applies.

use http::{HeaderMap, HeaderName, header};
use sfv::{BareItem, Dictionary, ListEntry, ParseMore};

/// The targeted field a content delivery network obeys before `Cache-Control` (RFC 9213 section
/// 3.1).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// Greatest lifetime, seconds: RFC 9111 section 1.2.2 counts what does not fit as 2^31.
const SECONDS_MAX: u64 = 1 << 31;

/// A directive whose argument is a number of seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Seconds {
    /// The directive is not there.
    #[default]
    Absent,
    /// It is there, but its argument is no number, or it is there several times with different
    /// numbers of which one is none.
    Invalid,
    /// It says so many seconds, at most 2^31.
    Of(u64),
}

impl Seconds {
    /// The number; `None` when absent or invalid.
    #[must_use]
    pub const fn valid(self) -> Option<u64> {
        match self {
            Self::Of(seconds) => Some(seconds),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// A lifetime: what cannot be read counts as none at all (RFC 9111 section 4.2.1). `None` when
    /// absent.
    #[must_use]
    pub const fn lifetime(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Invalid => Some(0),
            Self::Of(seconds) => Some(seconds),
        }
    }

    /// Adds one more occurrence. When two disagree the response may be taken for stale or the first
    /// one be used (RFC 9111 section 4.2.1); the smaller of the two is safe under both.
    fn merge(&mut self, next: Self) {
        *self = match (*self, next) {
            (Self::Absent, next) => next,
            (Self::Of(known), Self::Of(next)) => Self::Of(known.min(next)),
            _ => Self::Invalid,
        };
    }
}

/// A directive that is about the whole response, or about some header fields of it (`private`,
/// `no-cache`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// The directive is not there.
    #[default]
    Absent,
    /// It is about these fields only: they must not be served from the cache (RFC 9111 sections
    /// 5.2.2.4 and 5.2.2.7).
    Fields(Vec<HeaderName>),
    /// It is about the whole response.
    Whole,
}

impl Scope {
    /// Whether the whole response is meant.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// The fields that are meant; empty unless it is about fields.
    #[must_use]
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(names) => names,
            Self::Absent | Self::Whole => &[],
        }
    }

    /// Adds one occurrence. A list that names no valid field is as strict as no list: the origin
    /// meant something.
    fn merge(&mut self, argument: Option<&str>) {
        let names = argument.map(field_names).unwrap_or_default();
        match self {
            Self::Whole => {}
            _ if names.is_empty() => *self = Self::Whole,
            Self::Fields(known) => known.extend(names),
            Self::Absent => *self = Self::Fields(names),
        }
    }
}

fn field_names(list: &str) -> Vec<HeaderName> {
    list.split(',').filter_map(|name| name.trim().parse().ok()).collect()
}

/// A response's cache directives; those a shared cache has no use for are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Directives {
    /// Whether they come from `CDN-Cache-Control`: then `Expires` is ignored too (RFC 9213 section
    /// 2.1).
    pub targeted: bool,
    /// `no-store`
    pub no_store: bool,
    /// `no-cache`
    pub no_cache: Scope,
    /// `private`
    pub private: Scope,
    /// `public`
    pub public: bool,
    /// `must-revalidate`
    pub must_revalidate: bool,
    /// `proxy-revalidate`
    pub proxy_revalidate: bool,
    /// `must-understand`
    pub must_understand: bool,
    /// `max-age`
    pub max_age: Seconds,
    /// `s-maxage`
    pub s_maxage: Seconds,
    /// `stale-while-revalidate` (RFC 5861 section 3)
    pub stale_while_revalidate: Seconds,
    /// `stale-if-error` (RFC 5861 section 4)
    pub stale_if_error: Seconds,
}

impl Directives {
    /// Those of a response: of `CDN-Cache-Control` if it is there and well-formed, else of
    /// `Cache-Control`.
    #[must_use]
    pub fn of_response(headers: &HeaderMap) -> Self {
        targeted(headers).unwrap_or_else(|| Self::of_cache_control(headers))
    }

    /// Those of `Cache-Control`, all lines together.
    #[must_use]
    pub fn of_cache_control(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(header::CACHE_CONTROL) {
            let mut rest = line.as_bytes();
            while let Some((name, argument, after)) = next_directive(rest) {
                directives.add(&name, argument.as_deref());
                rest = after;
            }
        }
        directives
    }

    /// Whether a stale copy must never be served (RFC 9111 sections 4.2.4, 5.2.2.2, 5.2.2.8 and
    /// 5.2.2.4).
    #[must_use]
    pub fn forbid_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.no_cache.is_whole()
    }

    fn add(&mut self, name: &str, argument: Option<&str>) {
        match name {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache.merge(argument),
            "private" => self.private.merge(argument),
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            _ => {
                if let Some(known) = self.seconds_mut(name) {
                    known.merge(delta_seconds(argument));
                }
            }
        }
    }

    fn seconds_mut(&mut self, name: &str) -> Option<&mut Seconds> {
        match name {
            "max-age" => Some(&mut self.max_age),
            "s-maxage" => Some(&mut self.s_maxage),
            "stale-while-revalidate" => Some(&mut self.stale_while_revalidate),
            "stale-if-error" => Some(&mut self.stale_if_error),
            _ => None,
        }
    }
}

/// RFC 9111 section 1.2.2: digits only; no sign, no fraction, no unit.
fn delta_seconds(argument: Option<&str>) -> Seconds {
    match argument {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // All digits, so the only way to fail is to be too large.
            Seconds::Of(text.parse().unwrap_or(SECONDS_MAX).min(SECONDS_MAX))
        }
        _ => Seconds::Invalid,
    }
}

/// Reads one directive, its name in lower case; `None` at the end. RFC 9110 section 5.6.1: empty
/// members are skipped.
///
/// Lenient where that is safe: blanks before `=` are dropped. A blank after `=` stays part of the
/// argument, so that a number behind it is invalid rather than guessed.
fn next_directive(bytes: &[u8]) -> Option<(String, Option<String>, &[u8])> {
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
    let bytes = bytes.get(start..)?;
    let name_end = bytes.iter().position(|byte| matches!(byte, b'=' | b',')).unwrap_or(bytes.len());
    let (name, rest) = bytes.split_at_checked(name_end)?;
    let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
    match rest.split_first() {
        Some((b'=', [b'"', quoted @ ..])) => {
            let (argument, rest) = unquote(quoted);
            Some((name, Some(argument), after_comma(rest)))
        }
        Some((b'=', plain)) => {
            let end = plain.iter().position(|&byte| byte == b',').unwrap_or(plain.len());
            let (argument, rest) = plain.split_at_checked(end)?;
            let argument = String::from_utf8_lossy(argument.trim_ascii_end()).into_owned();
            Some((name, Some(argument), rest))
        }
        _ => Some((name, None, rest)),
    }
}

/// Reads a quoted string after its opening quote (RFC 9110 section 5.6.4). One that never ends goes
/// to the end of the line: the comma inside it was not meant as a separator.
fn unquote(bytes: &[u8]) -> (String, &[u8]) {
    let mut text = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first()) {
            (b'"', _) => break,
            (b'\\', Some((&escaped, after))) => {
                text.push(escaped);
                rest = after;
            }
            _ => text.push(byte),
        }
    }
    (String::from_utf8_lossy(&text).into_owned(), rest)
}

fn after_comma(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == b',').unwrap_or(bytes.len());
    bytes.get(end..).unwrap_or_default()
}

/// RFC 9213 section 2.1: a Dictionary; if it is empty or not well-formed, it is as if it were not
/// there.
fn targeted(headers: &HeaderMap) -> Option<Directives> {
    let mut dictionary = Dictionary::new();
    for line in headers.get_all(CDN_CACHE_CONTROL) {
        dictionary.parse_more(line.as_bytes()).ok()?;
    }
    if dictionary.is_empty() {
        return None;
    }
    let mut directives = Directives { targeted: true, ..Directives::default() };
    for (name, member) in &dictionary {
        add_member(&mut directives, name, member);
    }
    Some(directives)
}

/// Takes over a member: its parameters mean nothing, `?0` means "not there", a lifetime that is not
/// an Integer is invalid.
fn add_member(directives: &mut Directives, name: &str, member: &ListEntry) {
    let item = match member {
        ListEntry::Item(item) => Some(&item.bare_item),
        ListEntry::InnerList(_) => None,
    };
    if item == Some(&BareItem::Boolean(false)) {
        return;
    }
    if let Some(seconds) = directives.seconds_mut(name) {
        *seconds = match item {
            Some(&BareItem::Integer(value)) => u64::try_from(value)
                .map_or(Seconds::Invalid, |value| Seconds::Of(value.min(SECONDS_MAX))),
            _ => Seconds::Invalid,
        };
        return;
    }
    let argument = match item {
        Some(BareItem::String(text)) => Some(text.as_str()),
        _ => None,
    };
    directives.add(name, argument);
}
