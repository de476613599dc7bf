//! May a stale copy be served: because the origin failed, or while it is being asked.
//!
//! RFC 9111 section 4.2.4 forbids it where the origin said so and otherwise allows it when the cache is disconnected;
//! RFC 5861 gives the two windows; CloudFront also serves stale when the origin answers 5xx (spec: CDN behaviours
//! sections 2 and 6), never on a 4xx.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::cache::directives::{Directives, Seconds};
use crate::distribution::policy::CachePolicy;

/// How the origin failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It could not be reached, or broke off before it had answered.
    Unreachable,
    /// It answered with this status.
    Status(StatusCode),
}

/// Whether a stored response that has been stale for `stale_for` may be served because the origin failed.
///
/// `stored` is its header, `policy` the one it is kept under.
#[must_use]
pub fn may_serve_on_error(
    stored: &HeaderMap,
    policy: &CachePolicy,
    failure: Failure,
    stale_for: Duration,
) -> bool {
    if let Failure::Status(status) = failure
        && !status.is_server_error()
    {
        return false;
    }
    // spec section 2: "with min or max TTL > 0 a stale copy is served".
    if policy.max_ttl.is_zero() {
        return false;
    }
    let directives = Directives::of_response(stored);
    if directives.forbid_stale() && policy.min_ttl.is_zero() {
        return false;
    }
    match directives.stale_if_error {
        Seconds::Of(seconds) => stale_for <= Duration::from_secs(seconds).min(policy.max_ttl),
        Seconds::Invalid => false,
        // s-maxage incorporates proxy-revalidate (RFC 9111 section 5.2.2.10), unless the operator overrides the origin.
        Seconds::Absent => directives.s_maxage == Seconds::Absent || !policy.min_ttl.is_zero(),
    }
}

/// Whether a stored response that has been stale for `stale_for` may be served while one request revalidates it.
#[must_use]
pub fn may_serve_while_revalidating(
    stored: &HeaderMap,
    policy: &CachePolicy,
    stale_for: Duration,
) -> bool {
    let directives = Directives::of_response(stored);
    if directives.forbid_stale() && policy.min_ttl.is_zero() {
        return false;
    }
    let window = directives.stale_while_revalidate.valid().unwrap_or(0);
    stale_for <= Duration::from_secs(window).min(policy.max_ttl) && window > 0
}
