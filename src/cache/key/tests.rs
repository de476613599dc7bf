//! The key's cases, and its one great property: different requests have different keys.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use proptest::prelude::*;

use super::*;

fn policy() -> CachePolicy {
    CachePolicy {
        name: "test".to_owned(),
        min_ttl: Duration::ZERO,
        default_ttl: Duration::ZERO,
        max_ttl: Duration::from_secs(60),
        headers: Vec::new(),
        cookies: NameSelection::None,
        query_strings: NameSelection::None,
        accept_encoding_gzip: false,
        accept_encoding_brotli: false,
    }
}

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name.clone(), HeaderValue::from_str(value).expect("a test's header value"));
    }
    map
}

/// The key of a GET for a URI under a policy.
fn key_of(uri: &str, headers: &HeaderMap, policy: &CachePolicy) -> Vec<u8> {
    let (path, query) = match uri.split_once('?') {
        Some((path, query)) => (path, Some(query.as_bytes())),
        None => (uri, None),
    };
    let mut key = Vec::new();
    primary_key("d.example", &Method::GET, path.as_bytes(), query, headers, policy, &mut key);
    key
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn the_key_follows_the_policys_query_selection() {
    let cases = [
        (NameSelection::None, "/p?a=1", "/p", true),
        (NameSelection::All, "/p?a=1&b=2", "/p?b=2&a=1", false),
        (NameSelection::All, "/p?", "/p", false),
        (NameSelection::All, "/p?a=1", "/p?A=1", false),
        (NameSelection::Whitelist(names(&["a"])), "/p?a=1&b=2", "/p?b=3&a=1", true),
        (NameSelection::Whitelist(names(&["a"])), "/p?b=2", "/p", true),
        (NameSelection::Whitelist(names(&["a"])), "/p?a", "/p?a=", false),
        (NameSelection::AllExcept(names(&["utm"])), "/p?utm=x&a=1", "/p?a=1", true),
        (NameSelection::AllExcept(names(&["utm"])), "/p?utm2=x", "/p", false),
    ];
    for (query_strings, one, other, same) in cases {
        let policy = CachePolicy { query_strings, ..policy() };
        let empty = HeaderMap::new();
        assert_eq!(
            key_of(one, &empty, &policy) == key_of(other, &empty, &policy),
            same,
            "{one} and {other} under {:?}",
            policy.query_strings
        );
    }
}

#[test]
fn cookies_count_by_name_and_value_not_by_place() {
    let policy = CachePolicy { cookies: NameSelection::Whitelist(names(&["a", "b"])), ..policy() };
    let cookie = |text: &str| key_of("/", &headers(&[(header::COOKIE, text)]), &policy);
    assert_eq!(cookie("b=2; a=1; z=9"), cookie("a=1;b=2"));
    assert_eq!(cookie("z=9"), key_of("/", &HeaderMap::new(), &policy));
    assert_ne!(cookie("a=1"), cookie("a=2"));
    assert_ne!(cookie("a=1; a=2"), cookie("a=2; a=1"));
    assert_ne!(cookie("a=1"), cookie("A=1"));
    let two_lines = headers(&[(header::COOKIE, "b=2"), (header::COOKIE, "a=1")]);
    assert_eq!(key_of("/", &two_lines, &policy), cookie("a=1; b=2"), "HTTP/2 splits the field");
}

#[test]
fn options_has_objects_of_its_own_and_head_has_not() {
    let key = |method| {
        let mut key = Vec::new();
        primary_key("d", &method, b"/", None, &HeaderMap::new(), &policy(), &mut key);
        key
    };
    assert_eq!(key(Method::GET), key(Method::HEAD));
    assert_ne!(key(Method::GET), key(Method::OPTIONS));
}

#[test]
fn a_header_fields_name_is_part_of_the_key() {
    let sent = headers(&[(header::ORIGIN, "x"), (header::ACCEPT_LANGUAGE, "x")]);
    let of = |name| key_of("/", &sent, &CachePolicy { headers: vec![name], ..policy() });
    assert_ne!(of(header::ORIGIN), of(header::ACCEPT_LANGUAGE), "a reload may change the names");
    assert_eq!(
        of(header::REFERER),
        key_of("/", &sent, &policy()),
        "what is absent leaves no trace"
    );
}

#[test]
fn accept_encoding_is_normalised_as_the_table_says() {
    use AcceptEncoding::{Absent, Brotli, BrotliAndGzip, Gzip, Identity};
    let cases = [
        (true, true, Some("gzip, deflate, br"), BrotliAndGzip),
        (true, true, Some("br;q=0.5,GZIP"), BrotliAndGzip),
        (true, true, Some("gzip"), Gzip),
        (true, true, Some("br"), Brotli),
        (true, true, Some("gzip;q=0, br;q=0.000"), Identity),
        (true, true, Some("deflate"), Identity),
        (true, true, Some(""), Identity),
        (true, true, None, Absent),
        (true, false, Some("br, gzip"), Gzip),
        (true, false, Some("br"), Identity),
        (false, true, Some("br, gzip"), Brotli),
        (false, false, Some("br, gzip"), Absent),
    ];
    for (accept_encoding_gzip, accept_encoding_brotli, sent, expected) in cases {
        let policy = CachePolicy { accept_encoding_gzip, accept_encoding_brotli, ..policy() };
        let sent: Vec<_> = sent.map(|value| (header::ACCEPT_ENCODING, value)).into_iter().collect();
        let headers = headers(&sent);
        assert_eq!(normalized_accept_encoding(&headers, &policy), expected, "{sent:?}");
        let plain = key_of("/", &HeaderMap::new(), &policy);
        let in_key = key_of("/", &headers, &policy) != plain;
        assert_eq!(in_key, !matches!(expected, Absent | Identity), "{sent:?}");
    }
}

#[test]
fn a_location_is_read_back_and_is_the_same_for_all_variants() {
    let policy = CachePolicy {
        query_strings: NameSelection::All,
        headers: vec![header::ORIGIN],
        ..policy()
    };
    let key = key_of("/a?b=c", &headers(&[(header::ORIGIN, "x")]), &policy);
    let other = key_of("/a?b=c", &HeaderMap::new(), &policy);
    let location = location(&key).expect("a key");
    assert_eq!(location.domain_name, b"d.example");
    assert_eq!(location.path, b"/a");
    assert_eq!(location.query, Some(&b"b=c"[..]));
    assert_eq!(location.bytes, other);
    assert_eq!(super::location(b"\xff\xff\xff\xffshort"), None);
    assert_eq!(super::location(b""), None);
}

/// A request in the parts a key may hold.
#[derive(Clone, Debug, PartialEq)]
struct Sent {
    options: bool,
    path: String,
    query: Option<String>,
    fields: Vec<(bool, String)>,
    cookies: Option<String>,
    accept_encoding: Option<String>,
}

/// Short strings over the separators the key deals with: collisions would be frequent if there were
/// any.
fn sent() -> impl Strategy<Value = Sent> {
    let field = ("[ab,;]{0,2}").prop_map(|text| text.trim().to_owned());
    (
        any::<bool>(),
        "/[aq/?&=]{0,3}",
        proptest::option::of("[ab=&?]{0,4}"),
        proptest::collection::vec((any::<bool>(), field), 0..3),
        proptest::option::of("[ab]=[ab;]{0,3}"),
        proptest::option::of(prop_oneof!["gzip", "br", "gzip,br", "x"]),
    )
        .prop_map(|(options, path, query, fields, cookies, accept_encoding)| Sent {
            options,
            path,
            query,
            fields,
            cookies,
            accept_encoding,
        })
}

/// Two requests that differ in one or two parts: unrelated ones would differ in something always,
/// and hide what the key forgets.
fn neighbours() -> impl Strategy<Value = (Sent, Sent)> {
    (sent(), sent(), 0..6, 0..6).prop_map(|(one, other, first, second)| {
        let mut neighbour = one.clone();
        for part in [first, second] {
            match part {
                0 => neighbour.options = other.options,
                1 => neighbour.path.clone_from(&other.path),
                2 => neighbour.query.clone_from(&other.query),
                3 => neighbour.fields.clone_from(&other.fields),
                4 => neighbour.cookies.clone_from(&other.cookies),
                _ => neighbour.accept_encoding.clone_from(&other.accept_encoding),
            }
        }
        (one, neighbour)
    })
}

const FIELDS: [HeaderName; 2] = [header::ORIGIN, header::ACCEPT_LANGUAGE];

/// What the policy of the property test selects of a request: two requests are the same object
/// exactly if these agree.
fn selected(sent: &Sent) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut cookies: Vec<String> = sent
        .cookies
        .iter()
        .flat_map(|line| line.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect();
    cookies.sort_by_key(|cookie| cookie.split('=').next().unwrap_or_default().to_owned());
    let of = |wanted: bool| -> Vec<String> {
        let lines = sent.fields.iter().filter(|(first, _)| *first == wanted);
        lines.map(|(_, value)| value.clone()).collect()
    };
    let encoding = sent.accept_encoding.clone().filter(|sent| sent != "x");
    (sent.options, sent.path.clone(), sent.query.clone(), of(true), of(false), cookies, encoding)
}

fn key_of_sent(sent: &Sent) -> Vec<u8> {
    let mut lines = Vec::new();
    for (first, value) in &sent.fields {
        lines.push((FIELDS[usize::from(!first)].clone(), value.as_str()));
    }
    lines.extend(sent.cookies.iter().map(|text| (header::COOKIE, text.as_str())));
    lines.extend(sent.accept_encoding.iter().map(|text| (header::ACCEPT_ENCODING, text.as_str())));
    let policy = CachePolicy {
        headers: FIELDS.to_vec(),
        cookies: NameSelection::All,
        query_strings: NameSelection::All,
        accept_encoding_gzip: true,
        accept_encoding_brotli: true,
        ..policy()
    };
    let method = if sent.options { Method::OPTIONS } else { Method::GET };
    let query = sent.query.as_deref().map(str::as_bytes);
    let (path, headers) = (sent.path.as_bytes(), headers(&lines));
    let mut key = Vec::new();
    primary_key("d", &method, path, query, &headers, &policy, &mut key);
    let reserved = 1 + path.len() + query.map_or(0, <[u8]>::len);
    assert!(key.len() <= reserved + variant_bytes_max(&headers, &policy), "allocated once");
    key
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn keys_are_equal_exactly_if_what_the_policy_selects_is((one, other) in neighbours()) {
        prop_assert_eq!(
            key_of_sent(&one) == key_of_sent(&other),
            selected(&one) == selected(&other)
        );
    }

    #[test]
    fn any_bytes_can_be_asked_for_their_location(
        bytes in proptest::collection::vec(0_u8..4, 0..40),
    ) {
        if let Some(location) = location(&bytes) {
            prop_assert!(bytes.starts_with(location.bytes));
        }
    }
}
