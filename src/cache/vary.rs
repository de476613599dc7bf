//! Variants of an object: which of its stored responses a request may get (RFC 9111 section 4.1).
//!
//! Only what reaches the origin can have made its answer differ, and what is in the cache key is
//! the same for all requests that come this far. So of `Vary`'s fields those count that the origin
//! request policy forwards and the cache policy does not name (spec: CDN behaviours section 9,
//! `Vary` "cut down to … forwarded headers").

mod language;

use http::{HeaderMap, HeaderName, header};
use ring::digest;

use crate::distribution::policy::{
    CachePolicy, HeaderSelection, NameSelection, OriginRequestPolicy,
};

/// Whether `Vary: *` is among the lines: no other request may get this response (RFC 9110 section
/// 12.5.5).
#[must_use]
pub fn is_any(response: &HeaderMap) -> bool {
    members(response).any(|member| member == b"*")
}

/// The names in `Vary`, in order; those that are no field names are left out.
pub fn names(response: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    members(response).filter_map(|member| HeaderName::from_bytes(member).ok())
}

fn members(response: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    response
        .get_all(header::VARY)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Whether a viewer's field gets to the origin at all.
#[must_use]
pub fn is_forwarded(
    name: &HeaderName,
    policy: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> bool {
    is_in_key(name, policy) || is_forwarded_beside_key(name, origin_request)
}

/// Whether the cache policy sends it, which also puts it into the key.
fn is_in_key(name: &HeaderName, policy: &CachePolicy) -> bool {
    let compresses = policy.accept_encoding_gzip || policy.accept_encoding_brotli;
    match *name {
        header::ACCEPT_ENCODING if compresses => true,
        header::COOKIE => policy.cookies != NameSelection::None,
        _ => policy.headers.contains(name),
    }
}

/// Whether the origin request policy sends it.
fn is_forwarded_beside_key(
    name: &HeaderName,
    origin_request: Option<&OriginRequestPolicy>,
) -> bool {
    let Some(origin_request) = origin_request else { return false };
    if *name == header::COOKIE {
        return origin_request.cookies != NameSelection::None;
    }
    match &origin_request.headers {
        HeaderSelection::None => false,
        HeaderSelection::Whitelist(names) => names.contains(name),
        HeaderSelection::AllViewer => true,
        HeaderSelection::AllViewerAndWhitelistCloudFront(names) => {
            !name.as_str().starts_with("cloudfront-") || names.contains(name)
        }
        HeaderSelection::AllExcept(names) => !names.contains(name),
    }
}

/// Whether requests with one key can still differ in what the origin sees of this field.
fn varies_within_key(
    name: &HeaderName,
    policy: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> bool {
    // Cookies are selected one by one: the key may hold some of them and the origin see more.
    let decided_by_key = match *name {
        header::COOKIE => policy.cookies == NameSelection::All,
        _ => is_in_key(name, policy),
    };
    !decided_by_key && is_forwarded_beside_key(name, origin_request)
}

/// The variant a request asks for, given a stored response's header and the variant as which it is
/// stored (`None` for one that is about to be); `None` when the response does not vary.
///
/// Values are compared as RFC 9111 section 4.1 allows: lines combined, blanks around members
/// dropped, case ignored where the field's own definition ignores it, and languages in the order of
/// their weights. A response in a language that the request ranks first is the one it asks for.
#[must_use]
pub fn variance(
    stored: &HeaderMap,
    stored_as: Option<[u8; 16]>,
    request: &HeaderMap,
    policy: &CachePolicy,
    origin_request: Option<&OriginRequestPolicy>,
) -> Option<[u8; 16]> {
    if !stored.contains_key(header::VARY) {
        return None;
    }
    let mut varying: Vec<HeaderName> =
        names(stored).filter(|name| varies_within_key(name, policy, origin_request)).collect();
    if varying.is_empty() {
        return None;
    }
    // The same set in another order is the same variance.
    varying.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    varying.dedup();
    if let Some(stored_as) = stored_as
        && varying == [header::ACCEPT_LANGUAGE]
        && language::is_first_choice(stored, request)
    {
        return Some(stored_as);
    }
    let mut text = Vec::new();
    for name in &varying {
        write_selecting_field(name, request, &mut text);
    }
    // The stored variant keeps this digest alone, so it has to withstand viewers who look for a
    // value that collides with someone else's: a cryptographic hash, unlike the key's.
    digest::digest(&digest::SHA256, &text).as_ref().first_chunk().copied()
}

/// Writes name and value with their lengths, so that no value can pretend to be another field.
fn write_selecting_field(name: &HeaderName, request: &HeaderMap, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    if *name == header::ACCEPT_LANGUAGE
        && let Some(choices) = language::choices(request)
    {
        for choice in choices {
            value.extend_from_slice(choice.range.as_bytes());
            value.extend_from_slice(&choice.weight.to_le_bytes());
        }
    } else {
        let ignores_case =
            [header::ACCEPT_LANGUAGE, header::ACCEPT_ENCODING, header::ACCEPT_CHARSET];
        let members = request
            .get_all(name)
            .iter()
            .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii);
        for member in members {
            value.extend_from_slice(member);
            value.push(b',');
        }
        if ignores_case.contains(name) {
            value.make_ascii_lowercase();
        }
    }
    for bytes in [name.as_str().as_bytes(), &value] {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;

    use super::*;

    fn cache_policy(headers: Vec<HeaderName>, cookies: NameSelection, gzip: bool) -> CachePolicy {
        CachePolicy {
            name: "test".to_owned(),
            min_ttl: Duration::ZERO,
            default_ttl: Duration::ZERO,
            max_ttl: Duration::from_secs(60),
            headers,
            cookies,
            query_strings: NameSelection::None,
            accept_encoding_gzip: gzip,
            accept_encoding_brotli: false,
        }
    }

    fn origin_policy(headers: HeaderSelection, cookies: NameSelection) -> OriginRequestPolicy {
        let name = "test".to_owned();
        OriginRequestPolicy { name, headers, cookies, query_strings: NameSelection::None }
    }

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    /// Whether two requests get different variants of a response that varies so, with every viewer
    /// header forwarded.
    fn differ(
        vary: &'static str,
        one: &[(&'static str, &'static str)],
        other: &[(&'static str, &'static str)],
    ) -> bool {
        let policy = cache_policy(Vec::new(), NameSelection::None, false);
        let forwarded = origin_policy(HeaderSelection::AllViewer, NameSelection::All);
        let stored = map(&[("vary", vary)]);
        let of = |request| variance(&stored, None, &map(request), &policy, Some(&forwarded));
        of(one) != of(other)
    }

    #[test]
    fn requests_match_as_rfc_9111_section_4_1_says() {
        assert!(differ("foo", &[("foo", "1")], &[("foo", "2")]));
        assert!(differ("foo", &[("foo", "1")], &[]));
        assert!(differ("foo", &[("foo", "")], &[]), "empty is not absent");
        assert!(!differ("foo", &[("foo", "1"), ("bar", "1")], &[("foo", "1"), ("bar", "2")]));
        assert!(differ("foo, bar", &[("foo", "1"), ("bar", "1")], &[("foo", "1"), ("bar", "2")]));
        assert!(
            !differ("foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")]),
            "combined lines"
        );
        assert!(!differ("foo", &[("foo", "1,2")], &[("foo", "1 ,  2")]), "blanks");
        assert!(differ("foo", &[("foo", "a")], &[("foo", "A")]), "case may matter");
        assert!(!differ(
            "accept-language",
            &[("accept-language", "en")],
            &[("accept-language", "EN")]
        ));
        assert!(differ("foo, bar", &[("foo", "1"), ("bar", "2")], &[("foo", "2"), ("bar", "1")]));
        assert!(differ("foo, bar", &[("foo", "1,bar")], &[("foo", "1"), ("bar", "")]));
    }

    #[test]
    fn languages_are_compared_by_their_weights() {
        let field = "accept-language";
        let differ = |one, other| differ(field, &[(field, one)], &[(field, other)]);
        assert!(!differ("en, de", "de,EN"));
        assert!(!differ("en;q=1.0, de;q=0.5", "de; q=0.500, en"));
        assert!(differ("en, de", "en, de;q=0.9"));
        assert!(differ("en, de;q=0.9", "en;q=0.9, de"));
        assert!(differ("en;q=2", "en"), "no weight is taken as it is written");
    }

    #[test]
    fn a_stored_language_that_is_ranked_first_is_what_is_asked_for() {
        let policy = cache_policy(Vec::new(), NameSelection::None, false);
        let forwarded = origin_policy(HeaderSelection::AllViewer, NameSelection::All);
        let gets_stored = |vary, language, accepted| {
            let stored = map(&[("vary", vary), ("content-language", language)]);
            let request = map(&[("accept-language", accepted)]);
            let stored_as = Some([7; 16]);
            variance(&stored, stored_as, &request, &policy, Some(&forwarded)) == stored_as
        };
        assert!(gets_stored("accept-language", "de", "fr;q=0.5, de;q=1.0"));
        assert!(gets_stored("accept-language", "DE", "en, de"));
        assert!(!gets_stored("accept-language", "de", "fr, de;q=0.9"));
        assert!(
            !gets_stored("accept-language", "de-AT", "de"),
            "whether it will do is not ours to say"
        );
        assert!(!gets_stored("accept-language", "de, en", "de"));
        assert!(!gets_stored("accept-language", "de", "*"));
        assert!(!gets_stored("accept-language, foo", "de", "de"));
    }

    #[test]
    fn the_order_of_names_makes_no_other_variant() {
        let policy = cache_policy(Vec::new(), NameSelection::None, false);
        let forwarded = origin_policy(HeaderSelection::AllViewer, NameSelection::None);
        let request = map(&[("foo", "1"), ("bar", "2")]);
        let of =
            |vary| variance(&map(&[("vary", vary)]), None, &request, &policy, Some(&forwarded));
        assert_eq!(of("foo, Bar"), of("bar,foo, foo"));
        assert_eq!(of(""), None);
        assert_eq!(variance(&HeaderMap::new(), None, &request, &policy, Some(&forwarded)), None);
    }

    /// Whether `name` is forwarded, and whether a response varies by it.
    fn judge(
        name: &'static str,
        key: &CachePolicy,
        origin: Option<&OriginRequestPolicy>,
    ) -> (bool, bool) {
        let forwarded = is_forwarded(&HeaderName::from_static(name), key, origin);
        let variant = variance(&map(&[("vary", name)]), None, &HeaderMap::new(), key, origin);
        (forwarded, variant.is_some())
    }

    #[test]
    fn only_header_fields_that_reach_the_origin_beside_the_key_vary() {
        use HeaderSelection::{AllExcept, AllViewerAndWhitelistCloudFront, Whitelist};
        let foo = || vec![HeaderName::from_static("foo")];
        let plain = cache_policy(vec![], NameSelection::None, false);
        let keyed = cache_policy(foo(), NameSelection::None, true);
        let by = |headers| origin_policy(headers, NameSelection::None);
        assert_eq!(judge("foo", &plain, None), (false, false));
        assert_eq!(judge("foo", &keyed, None), (true, false));
        assert_eq!(judge("foo", &keyed, Some(&by(Whitelist(foo())))), (true, false));
        assert_eq!(judge("foo", &plain, Some(&by(Whitelist(foo())))), (true, true));
        assert_eq!(judge("foo", &plain, Some(&by(AllExcept(foo())))), (false, false));
        assert_eq!(judge("bar", &plain, Some(&by(AllExcept(foo())))), (true, true));
        assert_eq!(judge("accept-encoding", &keyed, None), (true, false));
        assert_eq!(judge("accept-encoding", &plain, None), (false, false));
        let country = "cloudfront-viewer-country";
        let without = by(AllViewerAndWhitelistCloudFront(vec![]));
        assert_eq!(judge(country, &plain, Some(&without)), (false, false));
        assert_eq!(judge("foo", &plain, Some(&without)), (true, true));
        let with = by(AllViewerAndWhitelistCloudFront(vec![HeaderName::from_static(country)]));
        assert_eq!(judge(country, &plain, Some(&with)), (true, true));
    }

    #[test]
    fn cookies_vary_when_the_origin_sees_more_of_them_than_the_key() {
        let some = NameSelection::Whitelist(vec!["a".to_owned()]);
        let key = |cookies: &NameSelection| cache_policy(vec![], cookies.clone(), false);
        let origin = |cookies| origin_policy(HeaderSelection::AllViewer, cookies);
        let (all, none) = (NameSelection::All, NameSelection::None);
        assert_eq!(judge("cookie", &key(&some), None), (true, false));
        assert_eq!(judge("cookie", &key(&some), Some(&origin(all.clone()))), (true, true));
        assert_eq!(judge("cookie", &key(&all), Some(&origin(all.clone()))), (true, false));
        assert_eq!(judge("cookie", &key(&none), Some(&origin(all))), (true, true));
        assert_eq!(judge("cookie", &key(&none), Some(&origin(none))), (false, false));
    }

    #[test]
    fn a_star_is_found_anywhere() {
        assert!(is_any(&map(&[("vary", "*")])));
        assert!(is_any(&map(&[("vary", "foo"), ("vary", "bar , *")])));
        assert!(!is_any(&map(&[("vary", "foo*")])));
        assert!(!is_any(&HeaderMap::new()));
    }
}
