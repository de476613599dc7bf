//! May a stale copy be served: because the origin failed, or while it is being asked.
//!
//! RFC 9111 section 4.2.4 forbids it where the origin said so and otherwise allows it when the
//! cache is disconnected; RFC 5861 gives the two windows; CloudFront also serves stale when the
//! origin answers 5xx (spec: CDN behaviours sections 2 and 6), never on a 4xx.

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

/// Whether a stored response that has been stale for `stale_for` may be served because the origin
/// failed.
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
        // s-maxage incorporates proxy-revalidate (RFC 9111 section 5.2.2.10), unless the operator
        // overrides the origin.
        Seconds::Absent => directives.s_maxage == Seconds::Absent || !policy.min_ttl.is_zero(),
    }
}

/// Whether a stored response that has been stale for `stale_for` may be served while one request
/// revalidates it.
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

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;
    use crate::distribution::policy::NameSelection;

    fn policy(min: u64, max: u64) -> CachePolicy {
        CachePolicy {
            name: "test".to_owned(),
            min_ttl: Duration::from_secs(min),
            default_ttl: Duration::ZERO,
            max_ttl: Duration::from_secs(max),
            headers: Vec::new(),
            cookies: NameSelection::None,
            query_strings: NameSelection::None,
            accept_encoding_gzip: false,
            accept_encoding_brotli: false,
        }
    }

    fn stored(cache_control: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        headers
    }

    #[test]
    fn a_failing_origin_leaves_the_stale_copy_unless_that_is_forbidden() {
        // (Cache-Control, min, max, stale for, served). RFC 9111 section 4.2.4, RFC 5861 section 4,
        // spec section 2.
        let cases = [
            ("max-age=1", 0, 100, 50, true),
            ("max-age=1", 0, 0, 1, false),
            ("max-age=1, must-revalidate", 0, 100, 1, false),
            ("max-age=1, proxy-revalidate", 0, 100, 1, false),
            ("no-cache", 0, 100, 1, false),
            ("s-maxage=1", 0, 100, 1, false),
            ("s-maxage=1", 5, 100, 1, true),
            ("s-maxage=1, stale-if-error=10", 0, 100, 10, true),
            ("max-age=1, must-revalidate", 5, 100, 1, true),
            ("max-age=1, stale-if-error=10", 0, 100, 10, true),
            ("max-age=1, stale-if-error=10", 0, 100, 11, false),
            ("max-age=1, stale-if-error=500", 0, 100, 101, false),
            ("max-age=1, stale-if-error=0", 0, 100, 1, false),
            ("max-age=1, stale-if-error=x", 0, 100, 0, false),
        ];
        for (cache_control, min, max, seconds, served) in cases {
            for failure in [Failure::Unreachable, Failure::Status(StatusCode::BAD_GATEWAY)] {
                let (stored, policy) = (stored(cache_control), policy(min, max));
                let stale_for = Duration::from_secs(seconds);
                assert_eq!(
                    may_serve_on_error(&stored, &policy, failure, stale_for),
                    served,
                    "{cache_control}, {seconds} s, min {min}, max {max}, {failure:?}"
                );
            }
        }
        let refused = Failure::Status(StatusCode::NOT_FOUND);
        let stale_for = Duration::from_secs(1);
        assert!(!may_serve_on_error(&stored("max-age=1"), &policy(0, 100), refused, stale_for));
    }

    #[test]
    fn revalidation_in_the_background_needs_the_origins_word() {
        let cases = [
            ("max-age=1", 0, false),
            ("max-age=1, stale-while-revalidate=10", 10, true),
            ("max-age=1, stale-while-revalidate=10", 11, false),
            ("max-age=1, stale-while-revalidate=500", 101, false),
            ("max-age=1, stale-while-revalidate=0", 0, false),
            ("max-age=1, stale-while-revalidate=10, must-revalidate", 5, false),
        ];
        for (cache_control, seconds, served) in cases {
            let stale_for = Duration::from_secs(seconds);
            assert_eq!(
                may_serve_while_revalidating(&stored(cache_control), &policy(0, 100), stale_for),
                served,
                "{cache_control} after {seconds} s"
            );
        }
    }
}
