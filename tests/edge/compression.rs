//! What the edge compresses before it stores it.

use std::io::Read;

use crate::scene::{Answer, Edge, Origin, Response, Scene};

fn page() -> String {
    (0..500).map(|line| format!("<li>line {line} of a page</li>\n")).collect()
}

/// A page that is stored, with a strong tag, whatever coding is asked for.
fn plain(kind: &'static str, fields: &'static [(&str, &str)]) -> Origin {
    Origin::answering(move |request| {
        let all = [("Content-Type", kind), ("Cache-Control", "max-age=60"), ("ETag", "\"1\"")];
        match request.header("if-none-match").is_empty() {
            true => Answer::new(200, &[&all[..], fields].concat(), &page()),
            false => Answer::head_only(304, &[&all[1..], fields].concat()),
        }
    })
}

fn compressing(origin: &Origin) -> Edge {
    let words = "compress = true\ncache_policy = \"CachingOptimized\"";
    Scene::with(origin).behavior("*", words).start()
}

fn get(edge: &Edge, accepted: &str) -> Response {
    edge.request("GET", "/a").header("Accept-Encoding", accepted).send()
}

fn unpacked(response: &Response) -> String {
    let mut text = String::new();
    let body = response.body.as_slice();
    let read = match response.header("content-encoding").as_str() {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_string(&mut text),
        "br" => brotli::Decompressor::new(body, 4096).read_to_string(&mut text),
        _ => Read::read_to_string(&mut { body }, &mut text),
    };
    read.expect("a whole coding");
    text
}

#[test]
fn each_viewer_gets_the_best_coding_it_accepts_and_hits_keep_theirs() {
    let origin = plain("text/html; charset=utf-8", &[]);
    let edge = compressing(&origin);
    for result in ["Miss", "Hit"] {
        for (accepted, coding) in [
            ("gzip, deflate, br", "br"),
            ("gzip;q=1, br;q=0", "gzip"),
            ("deflate", ""),
            ("identity", ""),
        ] {
            let response = get(&edge, accepted);
            assert_eq!(response.header("content-encoding"), coding, "{accepted}");
            assert_eq!(unpacked(&response), page(), "{accepted}");
            let expected = if accepted == "identity" { "Hit" } else { result };
            assert_eq!(response.x_cache(), expected, "{accepted}");
            assert_eq!(response.header("vary"), "Accept-Encoding");
            let tag = if coding.is_empty() { "\"1\"" } else { "W/\"1\"" };
            assert_eq!(response.header("etag"), tag);
            assert!(coding.is_empty() || response.body.len() < page().len() / 4);
        }
    }
    assert_eq!(origin.hits(), 3);
}

#[test]
fn what_is_no_text_is_encoded_already_or_must_not_be_changed_passes_as_it_is() {
    for (kind, fields) in [
        ("image/png", &[][..]),
        ("text/html", &[("Content-Encoding", "zstd")][..]),
        ("text/html", &[("Cache-Control", "no-transform")][..]),
    ] {
        let origin = plain(kind, fields);
        let edge = compressing(&origin);
        let response = get(&edge, "gzip, br");
        assert_eq!(response.text(), page(), "{kind} {fields:?}");
        assert_eq!(response.header("etag"), "\"1\"");
    }
    let origin = plain("text/html", &[]);
    let edge = Scene::with(&origin).behavior("*", "cache_policy = \"CachingOptimized\"").start();
    assert_eq!(get(&edge, "gzip").text(), page(), "compress = false");
}

#[test]
fn a_revalidated_object_keeps_its_coding_and_its_weak_tag() {
    let origin = Origin::answering(|request| {
        let fields =
            [("Content-Type", "text/css"), ("Cache-Control", "max-age=0"), ("ETag", "\"1\"")];
        match request.header("if-none-match").first() {
            Some(tag) if *tag == "W/\"1\"" => Answer::head_only(304, &fields[1..]),
            Some(other) => Answer::new(500, &[], other),
            None => Answer::new(200, &fields, &page()),
        }
    });
    let words = "compress = true\ncache_policy = \"zipped\"";
    let policy = "[[cache_policy]]\nname = \"zipped\"\nmin_ttl = 0\ndefault_ttl = 0\naccept_encoding_gzip = true\n";
    let edge = Scene::with(&origin).settings(policy).behavior("*", words).start();
    for result in ["Miss", "RefreshHit", "RefreshHit"] {
        let response = get(&edge, "gzip");
        assert_eq!(response.x_cache(), result);
        assert_eq!(response.header("etag"), "W/\"1\"");
        assert_eq!(unpacked(&response), page());
    }
    let unchanged = edge
        .request("GET", "/a")
        .header("Accept-Encoding", "gzip")
        .header("If-None-Match", "\"1\"")
        .send();
    assert_eq!(unchanged.status, 304, "weak comparison (RFC 9110 section 8.8.3.2)");
}

#[test]
fn a_body_that_breaks_off_is_not_stored_compressed_either() {
    let origin = Origin::answering(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: max-age=60\r\nContent-Length: 9000\r\n\r\n";
        Answer::raw((head.to_owned() + &"a".repeat(5000)).as_bytes())
    });
    let edge = compressing(&origin);
    for asked in 1..3 {
        let mut connection = edge.connect();
        connection.send_raw(b"GET /a HTTP/1.1\r\nHost: edge.test\r\nAccept-Encoding: gzip\r\n\r\n");
        let answer = connection.read(false);
        assert!(answer.is_none_or(|answer| answer.status != 200 || answer.body.is_empty()));
        assert_eq!(origin.hits(), asked);
    }
}
