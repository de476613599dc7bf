//! HTTP/2 and TLS, towards viewers and towards origins.

use crate::scene::{Answer, Edge, Origin, Scene, http2};

/// Sends one GET over HTTP/2 and TLS; gives status, `x-cache` and body.
async fn get_over_h2(edge: &Edge, target: &str) -> (u16, String, String) {
    let mut client = http2::connect(edge).await;
    let request = http::Request::get(format!("https://localhost{target}")).body(());
    let request = request.expect("a constant request");
    let (response, _) = client.send_request(request, true).expect("the stream opens");
    let (head, body) = http2::answer(response).await;
    let x_cache = head.headers["x-cache"].to_str().expect("text").to_owned();
    (head.status.as_u16(), x_cache, String::from_utf8(body).expect("text"))
}

#[test]
fn viewers_may_speak_http2_over_tls_and_share_the_cache_with_http1() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let see = "function handler(e) { e.request.headers['x-host'] = { value: e.request.headers.host.value }; \
        return e.request; }";
    let words = "viewer_request = \"see\"\norigin_request_policy = \"AllViewer\"";
    let edge = Scene::with(&origin).https().javascript("see", see).behavior("*", words).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let first = runtime.block_on(get_over_h2(&edge, "/a"));
    assert_eq!(first, (200, "Miss from cloudfront".into(), "page".into()));
    assert_eq!(edge.get("/a").x_cache(), "Hit");
    assert_eq!(origin.received()[0].header("x-host"), ["localhost"]);
}

#[test]
fn an_origin_that_asks_is_told_how_a_viewer_came() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let words = "origin_request_policy = \"AllViewerAndCloudFrontHeaders-2022-06\"";
    let edge = Scene::with(&origin).https().behavior("*", words).start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(get_over_h2(&edge, "/a"));
    let asked = &origin.received()[0];
    assert_eq!(asked.header("cloudfront-forwarded-proto"), ["https"]);
    assert_eq!(asked.header("cloudfront-viewer-http-version"), ["2.0"]);
    let told = asked.header("cloudfront-viewer-tls")[0];
    assert!(told.starts_with("TLSv1.3:TLS_") && told.ends_with(":fullHandshake"), "{told}");
}

#[test]
fn origins_may_speak_http2_and_tls() {
    // One edge is the origin of another: HTTP/2 over TLS between them.
    let origin = Origin::answering(|request| Answer::cacheable(request.target()));
    let inner = Scene::with(&origin).https().start();
    let outer = Scene::over_tls(inner.https())
        .origin("http_version = \"2\"\nverify_certificate = false")
        .start();
    let response = outer.get("/a?b=c");
    assert_eq!((response.status, response.text().as_str()), (200, "/a?b=c"));
    assert_eq!(response.header("via").matches("verge").count(), 2);
    let log = inner.stop();
    assert!(log.iter().any(|line| line["http_version"] == "2"));
}

#[test]
fn a_viewer_who_waits_to_send_a_body_is_invited() {
    let origin = Origin::answering(|_| Answer::cacheable("stored"));
    let methods = "allowed_methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]";
    let edge = Scene::with(&origin).behavior("/in", methods).start();
    let mut connection = edge.connect();
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: edge.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
    };
    connection.send_raw(head("/in").as_bytes());
    assert_eq!(connection.read(false).expect("an invitation").status, 100);
    connection.send_raw(b"abc");
    assert_eq!(connection.read(false).expect("an answer").status, 200);
    let mut connection = edge.connect();
    connection.send_raw(head("/elsewhere").as_bytes());
    assert_eq!(connection.read(false).expect("an answer").status, 403, "refused before the body");
}

#[test]
fn requests_sent_ahead_are_answered_in_their_order() {
    let origin = Origin::answering(|request| Answer::cacheable(request.target()));
    let edge = Scene::with(&origin).start();
    let mut connection = edge.connect();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    connection.send_raw((get("/1") + &get("/2") + &get("/1")).as_bytes());
    for path in ["/1", "/2", "/1"] {
        assert_eq!(connection.read(false).expect("an answer").text(), path);
    }
}
