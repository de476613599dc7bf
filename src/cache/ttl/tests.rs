//! Tables of responses with what is decided over them. Sections are RFC 9111's unless they say
//! "spec", which is CDN behaviours.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::distribution::policy::NameSelection;

/// 2026-01-01T00:00:00Z, the moment all responses of these tests arrive.
const NOW_SECONDS: u64 = 1_767_225_600;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
}

fn policy(min: u64, default: u64, max: u64) -> CachePolicy {
    CachePolicy {
        name: "test".to_owned(),
        min_ttl: Duration::from_secs(min),
        default_ttl: Duration::from_secs(default),
        max_ttl: Duration::from_secs(max),
        headers: Vec::new(),
        cookies: NameSelection::None,
        query_strings: NameSelection::All,
        accept_encoding_gzip: false,
        accept_encoding_brotli: false,
    }
}

/// Header lines as one text: `name: value` separated by `|`. `@+60` in a value is the date 60 s
/// from now.
fn headers(text: &str) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in text.split('|').filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':').expect("name: value");
        let value = value.trim();
        let value = match value.strip_prefix('@').and_then(|offset| offset.parse::<i64>().ok()) {
            Some(offset) => {
                let seconds = NOW_SECONDS.checked_add_signed(offset).expect("a date near now");
                httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            }
            None => value.to_owned(),
        };
        let name: HeaderName = name.trim().parse().expect("a field name");
        map.append(name, HeaderValue::from_str(&value).expect("a field value"));
    }
    map
}

struct Case<'a> {
    policy: CachePolicy,
    status: u16,
    request: &'a str,
    response: &'a str,
    error_min_ttl: u64,
}

fn judge(case: &Case<'_>) -> Verdict {
    let (request, response) = (headers(case.request), headers(case.response));
    decide(
        &case.policy,
        &Exchange {
            method: &Method::GET,
            is_part: false,
            names_target: false,
            request: &request,
            status: StatusCode::from_u16(case.status).expect("a status"),
            response: &response,
            now: now(),
            response_delay: Duration::ZERO,
            error_min_ttl: Duration::from_secs(case.error_min_ttl),
            semantics: Semantics::CloudFront,
        },
    )
}

/// How long a response to a plain GET is fresh from now on, in whole seconds: `Ok(0)` is "kept, but
/// stale".
fn fresh(policy: CachePolicy, status: u16, response: &str) -> Result<u64, Reason> {
    fresh_error(policy, status, response, 0)
}

fn fresh_error(policy: CachePolicy, status: u16, response: &str, err: u64) -> Result<u64, Reason> {
    match judge(&Case { policy, status, request: "", response, error_min_ttl: err }) {
        Verdict::Pass(reason) => Err(reason),
        // The last moment is a millisecond before the full second.
        Verdict::Store(kept) => Ok(kept
            .fresh_until
            .duration_since(now())
            .map_or(0, |left| (left + Duration::from_millis(1)).as_secs())),
    }
}

#[test]
fn the_policys_table_of_ttls_holds() {
    use Reason::{NoStore, NothingToReuse, Private};
    // spec section 2: what the origin says, then the outcome with min 0, and with min 30 (default
    // 60, max 100).
    let cases = [
        ("cache-control: max-age=50", Ok(50), Ok(50)),
        ("cache-control: max-age=5000", Ok(100), Ok(100)),
        ("cache-control: max-age=5", Ok(5), Ok(30)),
        ("cache-control: max-age=5, s-maxage=50", Ok(50), Ok(50)),
        ("cache-control: max-age=50, s-maxage=5", Ok(5), Ok(30)),
        ("expires: @+50", Ok(50), Ok(50)),
        ("expires: @+5000", Ok(100), Ok(100)),
        ("expires: @+5", Ok(5), Ok(30)),
        ("cache-control: max-age=50|expires: @+70", Ok(50), Ok(50)),
        ("", Ok(60), Ok(60)),
        ("cache-control: public", Ok(60), Ok(60)),
        ("cache-control: no-store", Err(NoStore), Ok(60)),
        ("cache-control: private", Err(Private), Ok(60)),
        ("cache-control: no-cache", Err(NothingToReuse), Ok(60)),
        ("cache-control: no-cache, max-age=50", Err(NothingToReuse), Ok(50)),
        ("cache-control: no-store, max-age=5", Err(NoStore), Ok(30)),
        ("cache-control: max-age=0", Err(NothingToReuse), Ok(30)),
        ("cache-control: max-age=0|etag: \"a\"", Ok(0), Ok(30)),
        ("cache-control: no-cache, max-age=50|etag: \"a\"", Ok(0), Ok(50)),
    ];
    for (response, respected, overridden) in cases {
        assert_eq!(fresh(policy(0, 60, 100), 200, response), respected, "min 0: {response}");
        assert_eq!(fresh(policy(30, 60, 100), 200, response), overridden, "min 30: {response}");
    }
    assert_eq!(
        fresh(policy(0, 0, 0), 200, "cache-control: max-age=9"),
        Err(Reason::PolicyDisabled)
    );
    assert_eq!(fresh(policy(0, 0, 100), 200, "etag: \"a\""), Ok(0), "default 0: ask each time");
    assert_eq!(fresh(policy(80, 60, 100), 200, ""), Ok(80), "max(min, default)");
}

#[test]
fn lifetimes_are_read_as_rfc_9111_says() {
    let cases = [
        // 4.2.1: an invalid value is stale, and so is one of several that disagree, or the smaller
        // one counts.
        ("cache-control: max-age=abc|etag: x", 0),
        ("cache-control: max-age=-5|etag: x", 0),
        ("cache-control: max-age=5.5|etag: x", 0),
        ("cache-control: max-age=|etag: x", 0),
        ("cache-control: max-age|etag: x", 0),
        ("cache-control: max-age= 50|etag: x", 0),
        ("cache-control: max-age='50'|etag: x", 0),
        ("cache-control: max-age =50", 50),
        ("cache-control: MAX-AGE=50", 50),
        ("cache-control: max-age=050", 50),
        ("cache-control: max-age=\"50\"", 50),
        ("cache-control: max-age=50, max-age=20", 20),
        ("cache-control: max-age=20|cache-control: max-age=50", 20),
        ("cache-control: max-age=50, max-age=x|etag: x", 0),
        ("cache-control: foo=\"max-age=1\", max-age=50", 50),
        ("cache-control: foo=\"a, max-age=1\", max-age=50", 50),
        ("cache-control: foo=\"a\\\", max-age=1\", max-age=50", 50),
        ("cache-control: , ,max-age=50,", 50),
        // 1.2.2: what overflows is 2^31; the maximum TTL cuts it.
        ("cache-control: max-age=99999999999999999999", 1000),
        // 5.3: an invalid Expires is in the past, and Date is its reference.
        ("expires: 0|etag: x", 0),
        ("expires: Thu, 01 Foo 2026 00:00:00 GMT|etag: x", 0),
        ("expires: @-10|etag: x", 0),
        ("expires: @+50|date: @-20", 51),
        ("expires: @+50|date: nonsense", 50),
        // 4.2.3: age.
        ("cache-control: max-age=50|age: 20", 30),
        ("cache-control: max-age=50|age: 20, 30", 30),
        ("cache-control: max-age=50|age: 20|age: 30", 30),
        ("cache-control: max-age=50|age: -20", 50),
        ("cache-control: max-age=50|age: 2.5", 50),
        ("cache-control: max-age=50|age: 60|etag: x", 0),
        ("cache-control: max-age=50|age: 99999999999999999999|etag: x", 0),
        ("cache-control: max-age=50|date: @-20", 31),
        ("cache-control: max-age=50|date: @-20|age: 30", 20),
        ("cache-control: max-age=50|date: @+20", 50),
    ];
    for (response, seconds) in cases {
        assert_eq!(fresh(policy(0, 0, 1000), 200, response), Ok(seconds), "{response}");
    }
}

#[test]
fn cdn_cache_control_goes_before_cache_control() {
    // RFC 9213 section 2.1.
    let cases = [
        ("cdn-cache-control: max-age=50|cache-control: max-age=10", Ok(50)),
        ("cdn-cache-control: max-age=50|cache-control: no-store", Ok(50)),
        ("cdn-cache-control: no-store|cache-control: max-age=10", Err(Reason::NoStore)),
        ("cdn-cache-control: max-age=50|expires: @-10", Ok(50)),
        ("cdn-cache-control: public|expires: @+10", Ok(60)),
        ("cdn-cache-control: max-age=50;foo=1|cache-control: max-age=10", Ok(50)),
        ("cdn-cache-control: max-age=10, max-age=50|cache-control: max-age=7", Ok(50)),
        ("cdn-cache-control: max-age=50, no-store=?0|cache-control: max-age=10", Ok(50)),
        ("cdn-cache-control: max-age=\"50\"|etag: x|cache-control: max-age=10", Ok(0)),
        // Not well-formed, or empty: as if it were not there.
        ("cdn-cache-control: max-age=|cache-control: max-age=10", Ok(10)),
        ("cdn-cache-control: max-age=50,|cache-control: max-age=10", Ok(10)),
        ("cdn-cache-control: MAX-AGE=50|cache-control: max-age=10", Ok(10)),
        ("cdn-cache-control:|cache-control: max-age=10", Ok(10)),
    ];
    for (response, expected) in cases {
        assert_eq!(fresh(policy(0, 60, 1000), 200, response), expected, "{response}");
    }
}

#[test]
fn statuses_are_kept_as_their_kind_allows() {
    let policy = || policy(0, 60, 1000);
    let explicit = "cache-control: max-age=50";
    for status in [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 599] {
        assert_eq!(fresh(policy(), status, explicit), Ok(50), "{status} with a lifetime");
    }
    for status in [206, 304, 416, 101] {
        assert_eq!(fresh(policy(), status, explicit), Err(Reason::Status), "{status}");
    }
    for status in [200, 203, 204, 300, 301, 302, 308] {
        assert_eq!(fresh(policy(), status, ""), Ok(60), "{status} with the default");
    }
    for status in [201, 202, 299, 305, 400, 403, 404, 410, 499, 500, 599] {
        assert_eq!(fresh(policy(), status, ""), Err(Reason::Status), "{status} without a lifetime");
    }
    // 5.2.2.3: must-understand.
    let understand = "cache-control: must-understand, no-store, max-age=50";
    assert_eq!(fresh(policy(), 200, understand), Ok(50));
    assert_eq!(fresh(policy(), 299, understand), Err(Reason::Status));
}

#[test]
fn errors_are_kept_for_the_error_caching_minimum() {
    // spec section 6, with a minimum of 10 s.
    let cases = [
        (404, "", Ok(10)),
        (414, "", Ok(10)),
        (500, "", Ok(10)),
        (504, "", Ok(10)),
        (404, "cache-control: max-age=50", Ok(50)),
        (404, "cache-control: max-age=5", Ok(10)),
        (404, "cache-control: max-age=5000", Ok(1000)),
        (404, "cache-control: no-store", Err(Reason::NoStore)),
        (403, "", Err(Reason::Status)),
        (403, "cache-control: s-maxage=50", Ok(50)),
        (416, "cache-control: max-age=50", Err(Reason::Status)),
        (200, "", Ok(60)),
    ];
    for (status, response, expected) in cases {
        let judged = fresh_error(policy(0, 60, 1000), status, response, 10);
        assert_eq!(judged, expected, "{status} {response}");
    }
}

#[test]
fn what_is_one_viewers_is_never_kept_for_another() {
    let authorized = "authorization: Basic eA==";
    let refused = Err(Reason::Authorization);
    let kept = Ok(());
    // 3.5, for a policy that respects the origin and one that does not.
    let cases = [
        ("cache-control: max-age=50", refused),
        ("cache-control: max-age=50, public", kept),
        ("cache-control: max-age=50, s-maxage=50", kept),
        ("cache-control: max-age=50, must-revalidate", kept),
        ("cache-control: max-age=50, s-maxage=x", refused),
        ("vary: *|cache-control: max-age=50, public", Err(Reason::VaryAny)),
        ("vary: accept, *|cache-control: max-age=50, public", Err(Reason::VaryAny)),
    ];
    for (response, expected) in cases {
        for policy in [policy(0, 60, 1000), policy(30, 60, 1000)] {
            let case =
                Case { policy, status: 200, request: authorized, response, error_min_ttl: 0 };
            let outcome = match judge(&case) {
                Verdict::Store(_) => Ok(()),
                Verdict::Pass(reason) => Err(reason),
            };
            assert_eq!(outcome, expected, "{response}");
        }
    }
    let keyed = CachePolicy { headers: vec![header::AUTHORIZATION], ..policy(0, 60, 1000) };
    let response = "cache-control: max-age=50";
    let case = Case { policy: keyed, status: 200, request: authorized, response, error_min_ttl: 0 };
    assert!(matches!(judge(&case), Verdict::Store(_)), "shared with the same credentials only");
}

#[test]
fn fields_that_are_private_are_stripped() {
    let response = "cache-control: max-age=50, private=\"Set-Cookie, x-a\", no-cache=\"x-b\"";
    let case =
        Case { policy: policy(0, 0, 100), status: 200, request: "", response, error_min_ttl: 0 };
    let Verdict::Store(kept) = judge(&case) else { panic!("kept but for those fields") };
    assert_eq!(kept.strip, ["set-cookie", "x-a", "x-b"].map(HeaderName::from_static));
    assert_eq!(fresh(policy(0, 0, 100), 200, response), Ok(50));
    let empty = "cache-control: max-age=50, private=\"\"";
    assert_eq!(fresh(policy(0, 0, 100), 200, empty), Err(Reason::Private));
}

#[test]
fn stale_windows_follow_the_origin_within_the_maximum() {
    // RFC 5861; 4.2.4; 5.2.2.2; 5.2.2.8; 5.2.2.10; spec section 2.
    let cases = [
        (200, "max-age=5", (0, 1000)),
        (404, "max-age=5", (0, 0)),
        (404, "max-age=5, stale-if-error=40", (0, 40)),
        (200, "max-age=5, stale-while-revalidate=30, stale-if-error=40", (30, 40)),
        (200, "max-age=5, stale-while-revalidate=5000, stale-if-error=5000", (1000, 1000)),
        (200, "max-age=5, stale-if-error=0", (0, 0)),
        (200, "max-age=5, stale-while-revalidate=x, stale-if-error=x", (0, 0)),
        (200, "max-age=5, stale-while-revalidate=30, must-revalidate", (0, 0)),
        (200, "max-age=5, stale-while-revalidate=30, proxy-revalidate", (0, 0)),
        (200, "s-maxage=5", (0, 0)),
        (200, "s-maxage=5, stale-while-revalidate=30", (30, 0)),
        (200, "s-maxage=5, stale-if-error=30", (0, 30)),
    ];
    for (status, directives, (revalidate, error)) in cases {
        let response = format!("cache-control: {directives}");
        let case = Case {
            policy: policy(0, 0, 1000),
            status,
            request: "",
            response: &response,
            error_min_ttl: 0,
        };
        let Verdict::Store(kept) = judge(&case) else { panic!("{directives} is kept") };
        assert_eq!(kept.stale_while_revalidate.as_secs(), revalidate, "{status} {directives}");
        assert_eq!(kept.stale_if_error.as_secs(), error, "{status} {directives}");
    }
}

#[test]
fn the_response_delay_counts_as_age() {
    // 4.2.3: corrected_age_value = age_value + response_delay.
    let response = headers("cache-control: max-age=50|age: 10");
    let exchange = Exchange {
        method: &Method::GET,
        is_part: false,
        names_target: false,
        request: &HeaderMap::new(),
        status: StatusCode::OK,
        response: &response,
        now: now(),
        response_delay: Duration::from_secs(7),
        error_min_ttl: Duration::ZERO,
        semantics: Semantics::CloudFront,
    };
    let Verdict::Store(kept) = decide(&policy(0, 0, 1000), &exchange) else { panic!("kept") };
    assert_eq!(kept.epoch, now() - Duration::from_secs(17));
    let method = &Method::POST;
    let post = |exchange| decide(&policy(0, 0, 1000), &exchange);
    assert_eq!(post(Exchange { method, ..exchange }), Verdict::Pass(Reason::Method));
    // RFC 9110 section 9.3.3.
    let named = Exchange { method, names_target: true, ..exchange };
    assert!(matches!(post(named), Verdict::Store(_)));
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    assert_eq!(post(Exchange { status, ..named }), Verdict::Pass(Reason::Method));
    let silent = Exchange { response: &HeaderMap::new(), ..named };
    assert_eq!(post(silent), Verdict::Pass(Reason::Method));
}

#[test]
fn rfc_9111_guesses_and_keeps_errors_as_the_origin_says() {
    let lifetime = |status: u16, response: &str| {
        let response = headers(response);
        let exchange = Exchange {
            method: &Method::GET,
            is_part: false,
            names_target: false,
            request: &HeaderMap::new(),
            status: StatusCode::from_u16(status).expect("a status"),
            response: &response,
            now: now(),
            response_delay: Duration::ZERO,
            error_min_ttl: Duration::ZERO,
            semantics: Semantics::Rfc9111,
        };
        match decide(&policy(0, 0, 100_000_000), &exchange) {
            Verdict::Store(kept) => {
                kept.fresh_until.duration_since(now()).ok().map(|fresh| fresh.as_secs() + 1)
            }
            Verdict::Pass(_) => None,
        }
    };
    let modified = |seconds: u64| {
        let date = httpdate::fmt_http_date(now() - Duration::from_secs(seconds));
        format!("last-modified: {date}")
    };
    for (status, response, expected) in [
        (200, modified(1_000), Some(100)),
        (200, modified(1_000_000_000), Some(86_400)),
        (404, modified(1_000), Some(100)),
        (503, modified(1_000), None),
        (599, modified(1_000) + "|cache-control: public", Some(100)),
        (404, "cache-control: max-age=5".into(), Some(5)),
        (503, "cache-control: max-age=5".into(), Some(5)),
        (404, "etag: \"a\"".into(), None),
        (200, modified(1_000) + "|cache-control: max-age=5", Some(5)),
    ] {
        assert_eq!(lifetime(status, &response), expected, "{status} {response}");
    }
}

proptest! {
    #[test]
    fn any_header_gets_a_verdict_within_the_policys_bounds(
        cache_control in "[a-z0-9=,\" \\\\-]{0,60}|(max-age|s-maxage)=[0-9]{1,25}",
        targeted in "[a-z0-9=,\"?;() -]{0,40}",
        age in "[0-9 ,.-]{0,25}",
        status in 100_u16..=599,
        min in 0_u64..50,
    ) {
        let policy = policy(min, 60, 1000);
        let response =
            format!("cache-control: {cache_control}|cdn-cache-control: {targeted}|age: {age}");
        let case = Case { policy, status, request: "", response: &response, error_min_ttl: 0 };
        if let Verdict::Store(kept) = judge(&case) {
            prop_assert!(kept.epoch <= now());
            prop_assert!(kept.fresh_until <= now() + Duration::from_secs(1000));
            prop_assert!(kept.stale_while_revalidate <= Duration::from_secs(1000));
            prop_assert!(kept.stale_if_error <= Duration::from_secs(1000));
        }
    }
}

#[test]
fn a_lifetime_says_what_decided_it() {
    let rule = |source, bound| Rule { source, bound };
    let cases = [
        (policy(0, 9, 100), 200, "cache-control: max-age=5, s-maxage=6", Source::SMaxage, None),
        (policy(0, 9, 100), 200, "cache-control: max-age=5", Source::MaxAge, None),
        (policy(0, 9, 100), 200, "cdn-cache-control: max-age=5", Source::Targeted, None),
        (policy(0, 9, 100), 200, "expires: @+60", Source::Expires, None),
        (policy(0, 9, 100), 200, "cache-control: no-cache | etag: \"1\"", Source::NoCache, None),
        (policy(1, 9, 100), 200, "cache-control: no-cache", Source::DefaultTtl, None),
        (policy(0, 9, 100), 200, "", Source::DefaultTtl, None),
        (policy(10, 10, 100), 200, "cache-control: max-age=5", Source::MaxAge, Some(Bound::MinTtl)),
        (policy(0, 9, 100), 200, "cache-control: max-age=500", Source::MaxAge, Some(Bound::MaxTtl)),
        (policy(0, 9, 100), 404, "", Source::ErrorMinTtl, None),
        (
            policy(0, 9, 100),
            404,
            "cache-control: max-age=5",
            Source::MaxAge,
            Some(Bound::ErrorMinTtl),
        ),
    ];
    for (policy, status, response, source, bound) in cases {
        let verdict = judge(&Case { policy, status, request: "", response, error_min_ttl: 10 });
        let Verdict::Store(lifetime) = verdict else { panic!("{response} is kept") };
        assert_eq!(lifetime.rule, rule(source, bound), "{status} {response}");
    }
}
