//! `Cache-Status`: how the cache handled a request, for whoever reads the answer (RFC 9211).

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use http::header::{HeaderName, HeaderValue};
use pingora::cache::{CachePhase, NoCacheReason};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::context::Context;
use super::explain;
use crate::cache::ttl::{Reason, Rule, Verdict};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What the cache had for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lookup {
    /// Nobody looked: the cache policy keeps nothing.
    #[default]
    Bypass,
    /// Nobody looked: the method's answers are not kept.
    Method,
    /// Nothing for the key.
    UriMiss,
    /// Something for the key, and nothing for the header fields that `Vary` names.
    VaryMiss,
    /// A response that is not fresh.
    Stale,
    /// A fresh response.
    Fresh,
}

impl Lookup {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Fresh => "fresh",
        }
    }
}

/// What was decided over an origin's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ruling {
    /// It is kept, fresh for as long as this says.
    Stored(Rule),
    /// It is not kept.
    Passed(Reason),
}

impl Ruling {
    /// Without the verdict's details.
    #[must_use]
    pub const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Store(lifetime) => Self::Stored(lifetime.rule),
            Verdict::Pass(reason) => Self::Passed(*reason),
        }
    }
}

/// Adds this cache's member behind those of caches nearer to the origin.
///
/// # Errors
/// Pingora refused the field: a defect of the edge.
pub fn append(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &Context,
) -> pingora::Result<()> {
    let on = ctx.route.as_ref().is_some_and(|route| route.distribution.cache_status);
    if !on {
        return Ok(());
    }
    // Tokens and numbers only.
    if let Ok(value) = HeaderValue::from_str(&member(session, ctx)) {
        response.append_header(CACHE_STATUS, value)?;
    }
    Ok(())
}

fn member(session: &Session, ctx: &Context) -> String {
    let cache = &session.cache;
    let forwarded = |reason| (Some(reason), ctx.origin.status, None);
    let (forward, status, detail) = match cache.phase() {
        // It waited for another request's answer.
        CachePhase::Hit if cache.lock_duration().is_some() => (Some("miss"), None, None),
        CachePhase::Hit => (None, None, None),
        CachePhase::StaleUpdating => (None, None, Some("stale-while-revalidate")),
        CachePhase::Stale => (Some("stale"), ctx.origin.status, Some("stale-if-error")),
        CachePhase::Revalidated | CachePhase::RevalidatedNoCache(_) => forwarded("stale"),
        CachePhase::Disabled(reason) => (Some(forward(ctx)), ctx.origin.status, detail(reason)),
        _ => forwarded(forward(ctx)),
    };
    let mut text = String::from("verge");
    match forward {
        None => text.push_str("; hit"),
        // Writing to a string cannot fail, here and below.
        Some(reason) => {
            let _ = write!(text, "; fwd={reason}");
        }
    }
    if let Some(status) = status {
        let _ = write!(text, "; fwd-status={status}");
    }
    if let Some(seconds) = ttl(session) {
        let _ = write!(text, "; ttl={seconds}");
    }
    let stores = matches!(cache.phase(), CachePhase::Miss | CachePhase::Expired);
    if stores && matches!(ctx.ruling, Some(Ruling::Stored(_))) {
        text.push_str("; stored");
    }
    if cache.phase() == CachePhase::Hit && forward.is_some() {
        text.push_str("; collapsed");
    }
    let passed = match ctx.ruling {
        Some(Ruling::Passed(reason)) => Some(reason.token()),
        _ => None,
    };
    if let Some(detail) = passed.or(detail) {
        let _ = write!(text, "; detail={detail}");
    }
    if ctx.trace.is_some()
        && let Ok(route) = ctx.route()
    {
        let _ = write!(text, "; key={}", quoted(&explain::key_text(session.req_header(), route)));
    }
    text
}

/// A string of a structured field (RFC 8941 section 3.3.3); what cannot be in one becomes a question mark.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

/// Why the request went on towards the origin (RFC 9211 section 2.2).
fn forward(ctx: &Context) -> &'static str {
    match ctx.lookup {
        // What was fresh is asked for again only when it is not fit for use.
        Lookup::Fresh => Lookup::Stale.as_str(),
        lookup => lookup.as_str(),
    }
}

/// What kept a request from the cache or its answer from being stored.
fn detail(reason: NoCacheReason) -> Option<&'static str> {
    match reason {
        NoCacheReason::CacheLockTimeout | NoCacheReason::CacheLockRetryLimit => {
            Some("collapsing-took-too-long")
        }
        NoCacheReason::CacheLockGiveUp => Some("collapsing-given-up"),
        NoCacheReason::StorageError => Some("storage-error"),
        _ => None,
    }
}

/// What is left of the response's freshness, seconds, rounded up as `Age` is rounded down; below zero once it is stale
/// (RFC 9211 section 2.5).
fn ttl(session: &Session) -> Option<i64> {
    const UP: Duration = Duration::from_nanos(999_999_999);
    let fresh_until = session.cache.maybe_cache_meta()?.fresh_until();
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Some(match fresh_until.duration_since(SystemTime::now()) {
        Ok(left) => seconds(left + UP),
        Err(past) => -seconds(past.duration()),
    })
}
