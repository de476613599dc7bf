//! Custom error responses: a page and a status in an error's place.

use std::net::TcpListener;

use crate::scene::{Answer, Origin, Scene};

/// An origin with pages under `/pages`, and an error for everything else.
fn origin(empty: bool) -> Origin {
    Origin::answering(move |request| match request.target() {
        "/pages/404" => {
            Answer::new(200, &[("Cache-Control", "max-age=60"), ("X-Page", "yes")], "not here")
        }
        "/pages/gone" => Answer::new(404, &[], "no page either"),
        "/fine" => Answer::cacheable("fine"),
        _ if empty => Answer::new(404, &[("Cache-Control", "max-age=60")], ""),
        _ => Answer::new(404, &[("Cache-Control", "max-age=60"), ("X-Error", "1")], "raw"),
    })
}

const PAGES: &str = r#"
[[distribution.custom_error_response]]
error_code = 404
response_page_path = "/pages/404"
response_code = 200

[[distribution.custom_error_response]]
error_code = 403
response_page_path = "/pages/404"
response_code = 403

[[distribution.custom_error_response]]
error_code = 502
response_page_path = "/pages/404"
response_code = 503

[[distribution.custom_error_response]]
error_code = 500
response_page_path = "/pages/gone"
response_code = 200
"#;

#[test]
fn an_error_gets_the_page_its_status_and_nothing_of_its_own() {
    for empty in [false, true] {
        let origin = origin(empty);
        let marks = "function handler(e) { e.response.headers['x-ran'] = { value: '1' }; return e.response; }";
        let never = "function handler(e) { if (e.request.uri.startsWith('/pages')) throw 1; return e.request; }";
        let words = "viewer_response = \"marks\"\nviewer_request = \"never\"";
        let edge = Scene::with(&origin)
            .javascript("marks", marks)
            .javascript("never", never)
            .behavior("*", words)
            .tail(PAGES)
            .start();
        for _ in 0..3 {
            let response = edge.get("/missing");
            assert_eq!((response.status, response.text().as_str()), (200, "not here"));
            assert_eq!(response.x_cache(), "Error");
            assert_eq!(
                (response.header("x-page"), response.header("x-error")),
                ("yes".into(), String::new())
            );
            assert_eq!(response.header("x-ran"), "", "the origin's status decides");
        }
        assert_eq!(origin.hits(), 2, "error and page are stored");
        let head = edge.request("HEAD", "/missing").send();
        assert_eq!((head.status, head.header("content-length").as_str()), (200, "8"));
        assert_eq!(edge.get("/fine").header("x-ran"), "1");
        let log = edge.stop();
        let line = log.iter().find(|line| line["path"] == "/missing").expect("a record");
        assert_eq!((&line["status"], &line["result_type"]), (&200.into(), &"Error".into()));
    }
}

#[test]
fn failures_of_the_edge_get_pages_and_those_of_functions_do_not() {
    let origin = origin(false);
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let dead = format!(
        "[[distribution.origin]]\nid = \"dead\"\ndomain_name = \"127.0.0.1\"\nprotocol = \"http-only\"\nhttp_port = {}\nconnection_attempts = 1",
        gone.expect("a port that was free").port()
    );
    let edge = Scene::with(&origin)
        .origin(&dead)
        .javascript("throws", "function handler(e) { return null; }")
        .javascript("denies", "function handler(e) { return { statusCode: 404, body: 'mine' }; }")
        .behavior("/dead", "target = \"dead\"")
        .behavior("/throws", "viewer_request = \"throws\"")
        .behavior("/denies", "viewer_request = \"denies\"")
        .tail(PAGES)
        .start();
    let dead = edge.get("/dead");
    assert_eq!((dead.status, dead.text().as_str()), (503, "not here"));
    assert_eq!(dead.x_cache(), "Error");
    let refused = edge.request("DELETE", "/fine").send();
    assert_eq!((refused.status, refused.text().as_str()), (403, "not here"));
    let failed = edge.get("/throws");
    assert_eq!((failed.status, failed.x_cache().as_str()), (502, "FunctionValidationError"));
    assert_eq!((edge.get("/denies").status, edge.get("/denies").text()), (404, "mine".into()));
}

#[test]
fn an_error_whose_page_cannot_be_had_stays() {
    let origin = Origin::answering(|request| match request.target() {
        "/pages/gone" => Answer::new(404, &[], "no page either"),
        "/pages/404" => Answer::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        "/a" => Answer::new(500, &[], "raw 500"),
        _ => Answer::new(404, &[], "raw 404"),
    });
    let edge = Scene::with(&origin).tail(PAGES).start();
    for (path, expected) in [("/a", (500, "raw 500")), ("/b", (404, "raw 404"))] {
        let response = edge.get(path);
        assert_eq!((response.status, response.text().as_str()), expected);
    }
}
