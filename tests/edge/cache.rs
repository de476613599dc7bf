//! The cache between the events.

use std::sync::{Arc, Mutex};

use crate::scene::{Answer, Origin, Scene};

#[test]
fn a_second_request_is_a_hit_with_an_age() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin).start();
    let first = edge.get("/a");
    let second = edge.get("/a");
    assert_eq!(
        (first.status, first.x_cache().as_str(), first.text().as_str()),
        (200, "Miss", "page")
    );
    assert_eq!((second.x_cache().as_str(), second.text().as_str()), ("Hit", "page"));
    assert_eq!(second.header("age"), "0");
    assert_eq!(origin.hits(), 1);
}

#[test]
fn what_the_policy_leaves_out_of_the_key_is_shared_and_not_forwarded() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin).behavior("*", "cache_policy = \"CachingOptimized\"").start();
    edge.get("/a?x=1");
    let second = edge.request("GET", "/a?x=2").header("Cookie", "c=1").send();
    assert_eq!(second.x_cache(), "Hit");
    let asked = &origin.received()[0];
    assert_eq!(asked.target(), "/a");
    assert_eq!(asked.header("user-agent"), ["Amazon CloudFront"]);
    assert_eq!(asked.header("host"), [origin.address().to_string()]);
}

#[test]
fn no_store_and_caching_disabled_ask_every_time() {
    let origin = Origin::answering(|request| match request.target() {
        "/private" => Answer::new(200, &[("Cache-Control", "no-store")], "p"),
        _ => Answer::cacheable("q"),
    });
    let edge = Scene::with(&origin).behavior("/off", "cache_policy = \"CachingDisabled\"").start();
    for target in ["/private", "/private", "/off", "/off"] {
        assert_eq!(edge.get(target).x_cache(), "Miss", "{target}");
    }
    assert_eq!(origin.hits(), 4);
}

#[test]
fn a_stale_object_is_revalidated_and_updated_by_a_304() {
    let origin = Origin::answering(|request| {
        if request.header("if-none-match").is_empty() {
            let fields = [("Cache-Control", "max-age=0"), ("ETag", "\"1\""), ("X-Version", "1")];
            Answer::new(200, &fields, "body")
        } else {
            let fields = [("Cache-Control", "max-age=60"), ("ETag", "\"1\""), ("X-Version", "2")];
            Answer::head_only(304, &fields)
        }
    });
    let edge = Scene::with(&origin).start();
    assert_eq!(edge.get("/a").x_cache(), "Miss");
    let refreshed = edge.get("/a");
    assert_eq!((refreshed.status, refreshed.x_cache().as_str()), (200, "RefreshHit"));
    assert_eq!((refreshed.text().as_str(), refreshed.header("x-version").as_str()), ("body", "2"));
    let hit = edge.get("/a");
    assert_eq!((hit.x_cache().as_str(), hit.header("x-version").as_str()), ("Hit", "2"));
    assert_eq!(origin.hits(), 2);
}

#[test]
fn concurrent_misses_of_one_key_ask_the_origin_once() {
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().expect("nobody panicked");
    let origin = {
        let gate = gate.clone();
        Origin::answering(move |_| Answer::cacheable("once").after(&gate))
    };
    let edge = Scene::with(&origin).start();
    std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..8).map(|_| scope.spawn(|| edge.get("/a"))).collect();
        while edge.metric("verge_requests_in_progress") < 8.0 {
            std::thread::yield_now();
        }
        drop(held);
        for viewer in viewers {
            assert_eq!(viewer.join().expect("a viewer's thread").text(), "once");
        }
    });
    assert_eq!(origin.hits(), 1);
}

#[test]
fn an_unsafe_method_invalidates_what_was_stored() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let words = r#"allowed_methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]"#;
    let edge = Scene::with(&origin).behavior("*", words).start();
    edge.get("/a");
    assert_eq!(edge.get("/a").x_cache(), "Hit");
    let posted = edge.request("POST", "/a").body(b"hello").send();
    assert_eq!(posted.status, 200);
    assert_eq!(edge.get("/a").x_cache(), "Miss");
    let post = &origin.received()[1];
    assert_eq!((post.method(), post.body.as_slice()), ("POST", &b"hello"[..]));
}

#[test]
fn a_vary_field_that_the_origin_sees_makes_variants() {
    let origin = Origin::answering(|request| {
        let language = request.header("accept-language").join(",");
        Answer::new(200, &[("Cache-Control", "max-age=60"), ("Vary", "Accept-Language")], &language)
    });
    let words = "origin_request_policy = \"AllViewer\"";
    let edge = Scene::with(&origin).behavior("*", words).start();
    let ask = |language: &str| edge.request("GET", "/a").header("Accept-Language", language).send();
    assert_eq!(ask("de").text(), "de");
    assert_eq!(ask("en").text(), "en");
    let again = ask("de");
    assert_eq!((again.text().as_str(), again.x_cache().as_str()), ("de", "Hit"));
    assert_eq!(origin.hits(), 2);
}

#[test]
fn a_stale_object_is_served_while_it_is_refreshed_behind_the_same_behavior() {
    let origin = Origin::answering(|request| {
        let fields = [("Cache-Control", "max-age=0, stale-while-revalidate=60")];
        Answer::new(200, &fields, request.target())
    });
    let rewrite = "function handler(event) { var r = event.request; r.uri = '/rewritten' + r.uri; return r; }";
    let edge = Scene::with(&origin)
        .javascript("rewrite", rewrite)
        .behavior("/in/*", "viewer_request = \"rewrite\"")
        .start();
    assert_eq!(edge.get("/in/a").text(), "/rewritten/in/a");
    let stale = edge.get("/in/a");
    assert_eq!((stale.x_cache().as_str(), stale.text().as_str()), ("Hit", "/rewritten/in/a"));
    while origin.hits() < 2 {
        std::thread::yield_now();
    }
    // Had viewer-request run again in the background, the path would have been rewritten twice.
    assert_eq!(origin.received()[1].target(), "/rewritten/in/a");
}

#[test]
fn an_object_that_is_too_large_passes_through() {
    let origin = Origin::answering(|request| {
        let bytes = if request.target() == "/large" { 2_000 } else { 900 };
        Answer::cacheable(&"x".repeat(bytes))
    });
    let edge = Scene::with(&origin).settings("[cache]\nobject_max = \"1KiB\"").start();
    for (target, second) in [("/large", "Miss"), ("/small", "Hit")] {
        let first = edge.get(target);
        assert_eq!(first.x_cache(), "Miss", "{target}");
        let again = edge.get(target);
        assert_eq!((again.x_cache().as_str(), again.text()), (second, first.text()), "{target}");
    }
}

#[test]
fn an_answer_keeps_the_date_of_its_origin() {
    const DATE: &str = "Tue, 10 Nov 2026 10:00:00 GMT";
    let origin = Origin::answering(|_| {
        Answer::new(200, &[("Date", DATE), ("Cache-Control", "max-age=31536000")], "page")
    });
    let edge = Scene::with(&origin).start();
    for x_cache in ["Miss", "Hit"] {
        let page = edge.get("/");
        assert_eq!((page.x_cache().as_str(), page.header("date").as_str()), (x_cache, DATE));
    }
    let missing = edge.request("GET", "/").header("Host", "");
    assert_ne!(missing.send().header("date"), DATE, "the edge's own answers have the time");
}

#[test]
fn a_body_that_looks_like_a_head_keeps_its_date_behind_a_large_head() {
    const BODY: &str = "HTTP/1.1 200 OK\r\nDate: Mon, 09 Nov 2026 09:00:00 GMT\r\n\r\n";
    let large = "a".repeat(5_000);
    let origin = Origin::answering(move |_| {
        let date = ("Date", "Tue, 10 Nov 2026 10:00:00 GMT");
        Answer::new(200, &[date, ("X-Large", &large)], BODY)
    });
    let edge = Scene::with(&origin).start();
    assert_eq!(edge.get("/").text(), BODY);
}
