//! May a response be stored, and until when is it fresh.
//!
//! Two rule books meet here. RFC 9111 says what a shared cache must not do; CloudFront's cache
//! policy (spec: CDN behaviours sections 2 and 6) says how long objects live between its minimum
//! and maximum. The policy decides which one has the last word: with a minimum TTL of 0 the
//! origin's directives are obeyed; with a greater one `no-store`, `no-cache` and `private` lose
//! against the minimum, because the operator said so. Three rules stand even then, because breaking
//! them shows one viewer another's answer: `Vary: *`, requests with `Authorization`, and fields
//! named by `private="…"`.
//!
//! CloudFront has no heuristic freshness: where RFC 9111 section 4.2.2 would guess, the policy's
//! default TTL applies. A distribution may say that it wants RFC 9111's rules instead.

mod rule;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::cache::directives::{Directives, Seconds};
use crate::cache::{date, vary};
use crate::distribution::Semantics;
use crate::distribution::policy::CachePolicy;
use crate::limits::HEURISTIC_LIFETIME_MAX;

pub use rule::{Bound, Reason, Rule, Source};
use rule::{Ruled, at_least, at_most};

/// An answer and what it answers, as far as caching is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The method that was sent to the origin.
    pub method: &'a Method,
    /// Whether it is one sound part of a body, as it was asked for.
    pub is_part: bool,
    /// Whether `Content-Location` says that the answer is what a GET for the same target would give.
    pub names_target: bool,
    /// The request's header as the origin saw it: `Authorization` that was not forwarded is no
    /// obstacle.
    pub request: &'a HeaderMap,
    /// The response's status.
    pub status: StatusCode,
    /// The response's header.
    pub response: &'a HeaderMap,
    /// When the response's head arrived.
    pub now: SystemTime,
    /// From sending the request to the response's head (RFC 9111 section 4.2.3, `response_delay`).
    pub response_delay: Duration,
    /// How long an error of this status is kept at least (spec: CDN behaviours section 6); zero
    /// keeps none for its own sake.
    pub error_min_ttl: Duration,
    /// Whose rules apply where they differ.
    pub semantics: Semantics,
}

/// What to do with a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Keep it.
    Store(Lifetime),
    /// Hand it on and keep nothing.
    Pass(Reason),
}

/// How long a stored response is of use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lifetime {
    /// The last moment at which it is fresh; before `now` for what has to be revalidated at each
    /// use.
    pub fresh_until: SystemTime,
    /// What decided that.
    pub rule: Rule,
    /// The moment at which its age was zero: `Age` is counted from here.
    pub epoch: SystemTime,
    /// How long beyond freshness it may be served while it is being revalidated.
    pub stale_while_revalidate: Duration,
    /// How long beyond freshness it may be served because the origin failed.
    pub stale_if_error: Duration,
    /// Fields that must not be stored (`private="…"`, `no-cache="…"`).
    pub strip: Vec<HeaderName>,
}

/// Decides over one response.
#[must_use]
pub fn decide(policy: &CachePolicy, exchange: &Exchange<'_>) -> Verdict {
    let directives = Directives::of_response(exchange.response);
    if let Some(reason) = forbidden(policy, exchange, &directives) {
        return Verdict::Pass(reason);
    }
    let Some((lifetime, rule)) = freshness_lifetime(policy, exchange, &directives) else {
        return Verdict::Pass(Reason::Status);
    };
    let epoch = exchange.now.checked_sub(age(exchange)).unwrap_or(SystemTime::UNIX_EPOCH);
    let fresh_until = fresh_until(policy, exchange, &directives, epoch + lifetime);
    let (stale_while_revalidate, stale_if_error) =
        stale_windows(policy, exchange.status, &directives);
    let has_validator = exchange.response.contains_key(header::ETAG)
        || exchange.response.contains_key(header::LAST_MODIFIED);
    let explicitly_stale = directives.stale_while_revalidate.valid().unwrap_or(0) > 0
        || directives.stale_if_error.valid().unwrap_or(0) > 0;
    let useful_stale = explicitly_stale && !directives.forbid_stale();
    if fresh_until < exchange.now && !has_validator && !useful_stale {
        return Verdict::Pass(Reason::NothingToReuse);
    }
    Verdict::Store(Lifetime {
        fresh_until,
        rule: if asks_always(policy, &directives) { Rule::of(Source::NoCache) } else { rule },
        epoch,
        stale_while_revalidate,
        stale_if_error,
        strip: [directives.private.fields(), directives.no_cache.fields()].concat(),
    })
}

/// Whether it must not be stored at all (RFC 9111 section 3).
fn forbidden(
    policy: &CachePolicy,
    exchange: &Exchange<'_>,
    directives: &Directives,
) -> Option<Reason> {
    let status = exchange.status;
    if policy.max_ttl.is_zero() {
        return Some(Reason::PolicyDisabled);
    }
    let kept = match *exchange.method {
        Method::GET | Method::HEAD | Method::OPTIONS => true,
        // RFC 9110 section 9.3.3: with explicit freshness, and only if it represents its target.
        Method::POST => {
            status.is_success()
                && exchange.names_target
                && explicit_lifetime(exchange, directives).is_some()
        }
        _ => false,
    };
    if !kept {
        return Some(Reason::Method);
    }
    // 304 is no response of its own, 416 is never kept (spec section 6).
    let never = match status {
        StatusCode::PARTIAL_CONTENT => !exchange.is_part,
        StatusCode::NOT_MODIFIED | StatusCode::RANGE_NOT_SATISFIABLE => true,
        _ => status.is_informational(),
    };
    if never {
        return Some(Reason::Status);
    }
    if vary::is_any(exchange.response) {
        return Some(Reason::VaryAny);
    }
    // RFC 9111 section 3.5: "must not use a cached response to a request with an Authorization
    // header field" unless the response allows it. In the key, it is shared with the same
    // credentials only.
    let authorized = exchange.request.contains_key(header::AUTHORIZATION)
        && !policy.headers.contains(&header::AUTHORIZATION);
    let shareable =
        directives.public || directives.must_revalidate || directives.s_maxage.valid().is_some();
    if authorized && !shareable {
        return Some(Reason::Authorization);
    }
    if policy.min_ttl > Duration::ZERO {
        return None;
    }
    // RFC 9111 section 5.2.2.3: must-understand replaces no-store for a cache that knows the
    // status.
    if directives.must_understand && !is_understood(status) {
        return Some(Reason::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Some(Reason::NoStore);
    }
    directives.private.is_whole().then_some(Reason::Private)
}

/// The freshness lifetime within the policy's bounds; `None` for a status that needs an explicit
/// one and has none.
fn freshness_lifetime(
    policy: &CachePolicy,
    exchange: &Exchange<'_>,
    directives: &Directives,
) -> Option<Ruled> {
    let explicit = explicit_lifetime(exchange, directives).map(|(seconds, source)| {
        at_most((Duration::from_secs(seconds), Rule::of(source)), policy.max_ttl)
    });
    if exchange.semantics == Semantics::Rfc9111 {
        let found = explicit.or_else(|| heuristic_lifetime(policy, exchange, directives));
        return found.map(|found| at_least(found, policy.min_ttl, Bound::MinTtl));
    }
    if is_error(exchange.status) {
        // spec section 6: "max(header, errMinTTL) but header capped by max TTL".
        let kept_anyway = is_error_always_kept(exchange.status);
        return match explicit {
            Some(found) => Some(at_least(found, exchange.error_min_ttl, Bound::ErrorMinTtl)),
            None => (kept_anyway && !exchange.error_min_ttl.is_zero())
                .then_some((exchange.error_min_ttl, Rule::of(Source::ErrorMinTtl))),
        };
    }
    match explicit {
        Some(found) => Some(at_least(found, policy.min_ttl, Bound::MinTtl)),
        None if has_default_lifetime(exchange.status) || directives.public => {
            let default = (policy.default_ttl, Rule::of(Source::DefaultTtl));
            Some(at_least(default, policy.min_ttl, Bound::MinTtl))
        }
        None => None,
    }
}

/// RFC 9111 section 4.2.2: a tenth of the time for which the response had not changed, else the policy's default; `None`
/// for a status that may not be guessed about.
fn heuristic_lifetime(
    policy: &CachePolicy,
    exchange: &Exchange<'_>,
    directives: &Directives,
) -> Option<Ruled> {
    // RFC 9110 section 15.1.
    let cacheable = matches!(
        exchange.status.as_u16(),
        200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    );
    if !cacheable && !directives.public {
        return None;
    }
    let modified = exchange.response.get(header::LAST_MODIFIED).and_then(date::read);
    let unchanged = modified.and_then(|modified| sent_at(exchange).duration_since(modified).ok());
    let guess = unchanged.map(|unchanged| (unchanged / 10).min(HEURISTIC_LIFETIME_MAX));
    Some(match guess {
        Some(guess) => at_most((guess, Rule::of(Source::Heuristic)), policy.max_ttl),
        None => at_most((policy.default_ttl, Rule::of(Source::DefaultTtl)), policy.max_ttl),
    })
}

/// What the origin gave: `s-maxage`, else `max-age`, else `Expires` (RFC 9111 section 4.2.1), in
/// seconds.
fn explicit_lifetime(exchange: &Exchange<'_>, directives: &Directives) -> Option<(u64, Source)> {
    let both = [(directives.s_maxage, Source::SMaxage), (directives.max_age, Source::MaxAge)];
    let found = both.into_iter().find_map(|(seconds, source)| Some((seconds.lifetime()?, source)));
    if directives.targeted {
        return found.map(|(seconds, _)| (seconds, Source::Targeted));
    }
    if found.is_some() {
        return found;
    }
    let mut lines = exchange.response.get_all(header::EXPIRES).iter();
    let first = lines.next()?;
    // RFC 9111 section 5.3: what cannot be read, "especially including the value 0", is in the
    // past.
    let lifetime =
        date::read(first).and_then(|expires| expires.duration_since(sent_at(exchange)).ok());
    Some((lifetime.map_or(0, |lifetime| lifetime.as_secs()), Source::Expires))
}

/// When the origin made the response; arrival for an origin without a readable clock (RFC 9110
/// section 6.6.1).
fn sent_at(exchange: &Exchange<'_>) -> SystemTime {
    exchange.response.get(header::DATE).and_then(date::read).unwrap_or(exchange.now)
}

/// `corrected_initial_age` of RFC 9111 section 4.2.3.
fn age(exchange: &Exchange<'_>) -> Duration {
    // `Date` names a whole second: up to one second of the difference is rounding and no age.
    let apparent = exchange.now.duration_since(sent_at(exchange)).unwrap_or_default();
    let apparent = Duration::from_secs(apparent.as_secs().saturating_sub(1));
    apparent.max(age_value(exchange.response) + exchange.response_delay)
}

/// `Age`: the first value counts; one that is no number is ignored (RFC 9111 section 5.1).
fn age_value(response: &HeaderMap) -> Duration {
    let first = response.get(header::AGE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let first = first.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
    if first.is_empty() || !first.iter().all(u8::is_ascii_digit) {
        return Duration::ZERO;
    }
    // Digits only, so what does not parse is too large: RFC 9111 section 1.2.2 says 2^31.
    let seconds = std::str::from_utf8(first).ok().and_then(|text| text.parse::<u64>().ok());
    Duration::from_secs(seconds.unwrap_or(AGE_SECONDS_MAX).min(AGE_SECONDS_MAX))
}

const AGE_SECONDS_MAX: u64 = 1 << 31;

/// The end of freshness, given where it would be by age alone. The minimum TTL counts from arrival:
/// it is the operator's word about this cache, whatever age the response has already.
fn fresh_until(
    policy: &CachePolicy,
    exchange: &Exchange<'_>,
    directives: &Directives,
    by_age: SystemTime,
) -> SystemTime {
    // A response is fresh while its age is less than its lifetime, and pingora includes the last
    // moment.
    const LAST_MOMENT: Duration = Duration::from_millis(1);
    let minimum = if is_error(exchange.status) { exchange.error_min_ttl } else { policy.min_ttl };
    let end = if asks_always(policy, directives) {
        exchange.now
    } else {
        by_age.max(exchange.now + minimum)
    };
    end.checked_sub(LAST_MOMENT).unwrap_or(end)
}

/// RFC 9111 section 5.2.2.4: kept, but never used without asking; unless the operator overrides the origin.
fn asks_always(policy: &CachePolicy, directives: &Directives) -> bool {
    directives.no_cache.is_whole() && policy.min_ttl.is_zero()
}

/// How long it may be served stale while revalidated, and on errors (spec section 2; RFC 5861; RFC
/// 9111 section 4.2.4).
fn stale_windows(
    policy: &CachePolicy,
    status: StatusCode,
    directives: &Directives,
) -> (Duration, Duration) {
    if directives.forbid_stale() && policy.min_ttl.is_zero() {
        return (Duration::ZERO, Duration::ZERO);
    }
    let window = |seconds: Seconds| {
        seconds.lifetime().map(|seconds| Duration::from_secs(seconds).min(policy.max_ttl))
    };
    // RFC 9111 section 5.2.2.10: s-maxage "incorporates the semantics of proxy-revalidate"; an
    // explicit window beside it is the origin's own exception.
    let unless_said = match directives.s_maxage {
        // An old error is no better than the new one it would hide.
        _ if is_error(status) => Duration::ZERO,
        Seconds::Absent => policy.max_ttl,
        _ => policy.min_ttl,
    };
    (
        window(directives.stale_while_revalidate).unwrap_or_default(),
        window(directives.stale_if_error).unwrap_or(unless_said),
    )
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Errors kept for the error caching minimum TTL even if the origin says nothing (spec section 6).
fn is_error_always_kept(status: StatusCode) -> bool {
    matches!(status.as_u16(), 404 | 414 | 500..=504)
}

/// Statuses that get the default TTL: RFC 9110 section 15.1's heuristically cacheable ones, and the
/// redirects that CloudFront treats like them (spec section 2: "3xx cached under the same rules").
fn has_default_lifetime(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300..=303 | 307 | 308)
}

/// Statuses whose caching rules are known: those of RFC 9110 section 15 and the registered
/// extensions that define no caching of their own.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 206 | 300..=303 | 307 | 308 | 400..=418 | 421 | 422 | 425 | 426 | 428 | 429
            | 431 | 451 | 500..=508 | 511
    )
}

#[cfg(test)]
mod tests;
