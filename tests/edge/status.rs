//! What an answer says about how it came about: `Cache-Status` and `Server-Timing`.

use std::sync::{Arc, Mutex};

use crate::scene::{Answer, Edge, Origin, Scene};

const ON: &str = "cache_status = true";

fn status(edge: &Edge, target: &str) -> String {
    edge.get(target).header("cache-status")
}

#[test]
fn each_way_through_the_cache_has_its_member() {
    let origin = Origin::answering(|request| {
        let target = request.target();
        let cache_control = match target {
            "/asked" => "max-age=0",
            "/meanwhile" => "max-age=0, stale-while-revalidate=60",
            "/private" => "private",
            "/no-store" => "no-store",
            _ => "max-age=60",
        };
        let fields = [("Cache-Control", cache_control), ("ETag", "\"1\"")];
        let known = !request.header("if-none-match").is_empty();
        if known { Answer::head_only(304, &fields) } else { Answer::new(200, &fields, target) }
    });
    let methods =
        r#"allowed_methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]"#;
    let edge = Scene::with(&origin)
        .distribution(ON)
        .behavior("/off", "cache_policy = \"CachingDisabled\"")
        .behavior("*", methods)
        .start();
    let cases = [
        ("/a", "verge; fwd=uri-miss; fwd-status=200; ttl=60; stored"),
        ("/a", "verge; hit; ttl=60"),
        ("/asked", "verge; fwd=uri-miss; fwd-status=200; ttl=0; stored"),
        ("/asked", "verge; fwd=stale; fwd-status=304; ttl=0"),
        ("/meanwhile", "verge; fwd=uri-miss; fwd-status=200; ttl=0; stored"),
        ("/meanwhile", "verge; hit; ttl=0; detail=stale-while-revalidate"),
        ("/private", "verge; fwd=uri-miss; fwd-status=200; detail=private"),
        ("/no-store", "verge; fwd=uri-miss; fwd-status=200; detail=no-store"),
        ("/off", "verge; fwd=bypass; fwd-status=200"),
    ];
    for (target, expected) in cases {
        assert_eq!(status(&edge, target), expected, "{target}");
    }
    let posted = edge.request("POST", "/a").body(b"x").send();
    assert_eq!(posted.header("cache-status"), "verge; fwd=method; fwd-status=200");
    assert_eq!(posted.x_cache(), "Miss");
}

#[test]
fn variants_collapsed_requests_and_stale_answers_are_told_apart() {
    let gate = Arc::new(Mutex::new(()));
    let origin = {
        let gate = gate.clone();
        Origin::answering(move |request| match request.target() {
            "/fails" if !request.header("if-none-match").is_empty() => {
                Answer::new(503, &[], "down")
            }
            "/fails" => {
                Answer::new(200, &[("Cache-Control", "max-age=0"), ("ETag", "\"1\"")], "old")
            }
            "/slow" => Answer::cacheable("slow").after(&gate),
            _ => {
                let fields = [("Cache-Control", "max-age=60"), ("Vary", "Accept-Language")];
                Answer::new(200, &fields, "page")
            }
        })
    };
    let words = "origin_request_policy = \"AllViewer\"";
    let edge = Scene::with(&origin).distribution(ON).behavior("*", words).start();
    let ask = |language: &str| {
        let request = edge.request("GET", "/a").header("Accept-Language", language);
        request.send().header("cache-status")
    };
    assert_eq!(ask("de"), "verge; fwd=uri-miss; fwd-status=200; ttl=60; stored");
    assert_eq!(ask("en"), "verge; fwd=vary-miss; fwd-status=200; ttl=60; stored");
    assert_eq!(ask("de"), "verge; hit; ttl=60");

    status(&edge, "/fails");
    let stale = edge.get("/fails");
    assert_eq!((stale.status, stale.text().as_str()), (200, "old"));
    let expected = "verge; fwd=stale; fwd-status=503; ttl=0; detail=stale-if-error";
    assert_eq!(stale.header("cache-status"), expected);

    let held = gate.lock().expect("nobody panicked");
    std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..4).map(|_| scope.spawn(|| status(&edge, "/slow"))).collect();
        while edge.metric("verge_requests_in_progress") < 4.0 {
            std::thread::yield_now();
        }
        drop(held);
        let members = viewers.into_iter().map(|viewer| viewer.join().expect("a viewer's thread"));
        let (asked, waited): (Vec<_>, Vec<_>) =
            members.partition(|member| member.contains("fwd=uri-miss"));
        assert_eq!(asked, ["verge; fwd=uri-miss; fwd-status=200; ttl=60; stored"]);
        assert_eq!(waited, ["verge; fwd=miss; ttl=60; collapsed"; 3]);
    });
}

#[test]
fn the_member_stands_behind_those_nearer_to_the_origin() {
    let origin = Origin::answering(|_| {
        let fields = [("Cache-Control", "max-age=60"), ("Cache-Status", "shield; hit")];
        Answer::new(200, &fields, "page")
    });
    let edge = Scene::with(&origin).distribution("semantics = \"rfc9111\"").start();
    let first = "shield; hit|verge; fwd=uri-miss; fwd-status=200; ttl=60; stored";
    assert_eq!(status(&edge, "/a"), first, "on with these semantics");
    assert_eq!(status(&edge, "/a"), "shield; hit|verge; hit; ttl=60");
    for words in ["", "semantics = \"rfc9111\"\ncache_status = false"] {
        let edge = Scene::with(&origin).distribution(words).start();
        assert_eq!(status(&edge, "/a"), "shield; hit", "{words}");
    }
}

/// The names of the metrics in a `Server-Timing`.
fn metrics(field: &str) -> Vec<&str> {
    let words = field.split([',', '|']).filter(|word| !word.is_empty());
    words.map(|word| word.split(';').next().unwrap_or_default().trim()).collect()
}

fn timing_policy(percent: &str) -> String {
    format!("[[response_headers_policy]]\nname = \"timing\"\nserver_timing_percent = {percent}\n")
}

#[test]
fn server_timing_has_cloudfronts_metrics() {
    let origin = Origin::answering(|_| {
        let fields =
            [("Cache-Control", "max-age=0"), ("ETag", "\"1\""), ("Server-Timing", "db;dur=5")];
        Answer::new(200, &fields, "page")
    });
    let edge = Scene::with(&origin)
        .settings(&timing_policy("100"))
        .javascript("made", "function handler(event) { return { statusCode: 404 } }")
        .behavior("/made", "viewer_request = \"made\"\nresponse_headers_policy = \"timing\"")
        .behavior("*", "response_headers_policy = \"timing\"")
        .start();
    let miss = edge.get("/a");
    let field = miss.header("server-timing");
    let names = [
        "db",
        "cdn-upstream-layer",
        "cdn-upstream-dns",
        "cdn-upstream-connect",
        "cdn-upstream-fbl",
        "cdn-cache-miss",
        "cdn-pop",
        "cdn-rid",
        "cdn-downstream-fbl",
    ];
    assert_eq!(metrics(&field), names, "{field}");
    assert!(field.contains("cdn-pop;desc=\"IAD\""), "{field}");
    assert!(field.contains(&format!("cdn-rid;desc=\"{}\"", miss.header("x-amz-cf-id"))), "{field}");
    let made = edge.get("/made").header("server-timing");
    assert_eq!(metrics(&made), ["cdn-pop", "cdn-rid", "cdn-downstream-fbl"], "{made}");
}

#[test]
fn a_hit_leaves_the_origins_metrics_out() {
    let origin = Origin::answering(|_| {
        let fields = [("Cache-Control", "max-age=60"), ("Server-Timing", "db;dur=5")];
        Answer::new(200, &fields, "page")
    });
    let words = "response_headers_policy = \"timing\"";
    let edge = Scene::with(&origin).settings(&timing_policy("100")).behavior("*", words).start();
    edge.get("/a");
    let hit = edge.get("/a").header("server-timing");
    let names = ["cdn-cache-hit", "cdn-pop", "cdn-rid", "cdn-hit-layer", "cdn-downstream-fbl"];
    assert_eq!(metrics(&hit), names, "{hit}");

    let edge = Scene::with(&origin).settings(&timing_policy("0")).behavior("*", words).start();
    assert_eq!(edge.get("/b").header("server-timing"), "db;dur=5", "not in the sample");
    let asked = edge.request("GET", "/b").header("Pragma", "no-cache, Server-Timing").send();
    assert_eq!(metrics(&asked.header("server-timing")), names);
}
