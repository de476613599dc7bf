//! Everything that can go wrong gets one clear answer, and the next request is unharmed.

use std::net::TcpListener;

use crate::scene::{Answer, Edge, Origin, Response, Scene};

#[test]
fn a_failing_viewer_function_fails_its_request_and_only_that() {
    let cases = [
        ("throws", "throw new Error('no')", 503, "FunctionExecutionError"),
        ("loops", "for (;;) {}", 503, "FunctionThrottledError"),
        ("nothing", "return undefined", 502, "FunctionValidationError"),
        ("interim", "return { statusCode: 101 }", 502, "FunctionValidationError"),
    ];
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let mut scene = Scene::with(&origin);
    for (name, code, ..) in cases {
        scene = scene
            .javascript(name, &format!("function handler(e) {{ {code} }}"))
            .behavior(&format!("/{name}"), &format!("viewer_request = \"{name}\""))
            .behavior(&format!("/after/{name}"), &format!("viewer_response = \"{name}\""));
    }
    let edge = scene.start();
    for (name, _, status, x_cache) in cases {
        let response = edge.get(&format!("/{name}"));
        assert_eq!((response.status, response.x_cache().as_str()), (status, x_cache), "{name}");
        assert!(response.text().contains(&response.header("x-amz-cf-id")), "{name}");
        assert_eq!(edge.get("/fine").status, 200, "after {name}");
    }
    assert_eq!(origin.hits(), 1, "only /fine reached the origin");
    // On hits and misses alike, viewer-response never fails open either.
    for _ in 0..2 {
        let response = edge.get("/after/throws");
        assert_eq!((response.status, response.x_cache().as_str()), (503, "FunctionExecutionError"));
        assert!(!response.text().contains("page"));
    }
}

/// A function that loops for one viewer is throttled for all, and comes back by itself.
#[test]
fn a_function_that_keeps_overrunning_is_throttled_at_once_until_a_probe_goes_well() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin)
        .javascript(
            "moody",
            "function handler(e) {
                if (e.request.uri === '/moody/known') return e.request;
                while (e.request.headers['x-loop']) {}
                e.request.headers['x-now'] = { value: String(Date.now()) };
                return e.request;
            }",
        )
        .behavior("/moody*", "viewer_request = \"moody\"")
        .start();
    assert_eq!((edge.get("/moody").status, edge.get("/moody/known").status), (200, 200));
    for _ in 0..10 {
        let response = edge.request("GET", "/moody").header("x-loop", "1").send();
        assert_eq!((response.status, response.x_cache().as_str()), (503, "FunctionThrottledError"));
    }
    let response = edge.get("/moody");
    assert_eq!((response.status, response.x_cache().as_str()), (503, "FunctionThrottledError"));
    assert_eq!(edge.get("/moody/known").status, 200, "a remembered answer costs nobody anything");
    let refused = (1..10_000_000).take_while(|_| edge.get("/moody").status == 503).count();
    assert!(refused < 9_999_999, "it never came back");
    assert_eq!(edge.get("/moody").status, 200, "one probe that went well is enough");
    let log = edge.stop();
    let told = |line: &&serde_json::Value| line.to_string().contains("not called: it used up");
    assert!(log.iter().any(|line| told(&line)), "the log says that it was not called");
}

#[test]
fn an_origin_that_is_down_slow_or_nonsense_never_hangs_the_viewer() {
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let edge = Scene::at(gone.expect("a port that was free")).start();
    assert_eq!(edge.get("/").status, 502);

    let silent = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let edge = Scene::at(silent.local_addr().expect("an address")).start();
    assert_eq!(edge.get("/").status, 504);

    let origin = Origin::answering(|request| match request.target() {
        "/nonsense" => Answer::raw(b"\x00\x01 what?\r\n\r\n"),
        "/closed" => Answer::raw(b""),
        "/short" => Answer::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        _ => Answer::cacheable("fine"),
    });
    let edge = Scene::with(&origin).start();
    for target in ["/nonsense", "/closed"] {
        let response = edge.get(target);
        assert_eq!((response.status, response.x_cache().as_str()), (502, "Error"), "{target}");
    }
    // The viewer's connection ends, with or without the head of what broke off.
    let looks_complete = || {
        let mut connection = edge.connect();
        connection.send_raw(b"GET /short HTTP/1.1\r\nHost: edge.test\r\n\r\n");
        connection.read(false).is_some_and(|response| !response.body.is_empty())
    };
    assert!(!looks_complete(), "a body that breaks off never looks complete");
    assert_eq!(edge.get("/fine").text(), "fine");
    let asked = origin.hits();
    assert!(!looks_complete());
    assert_eq!(origin.hits(), asked + 1, "what broke off is not served from the cache");
}

#[test]
fn malformed_requests_get_400_and_the_connection_ends() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin).start();
    let requests: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    ];
    let mut refused = Vec::new();
    for bytes in requests {
        let mut connection = edge.connect();
        connection.send_raw(bytes);
        let shown = String::from_utf8_lossy(bytes);
        let response = connection.read(false).unwrap_or_else(|| panic!("no answer to {shown}"));
        assert_eq!(response.status, 400, "{shown}");
        assert!(connection.read(false).is_none(), "the connection stays open after {shown}");
        refused.push(response);
    }
    assert_eq!(origin.hits(), 0);
    assert_logged_with_their_ids(edge, &refused);
}

#[test]
fn nonsense_on_a_kept_connection_gets_its_own_answer() {
    let looks_refused = "HTTP/1.1 400 Bad Request\r\nServer: Pingora\r\n\r\n";
    let origin = Origin::answering(move |_| Answer::cacheable(looks_refused));
    let edge = Scene::with(&origin).start();
    let mut connection = edge.connect();
    for _ in 0..2 {
        connection.send_raw(b"GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n");
        let page = connection.read(false).expect("an answer");
        assert_eq!((page.status, page.text().as_str()), (200, looks_refused));
    }
    connection.send_raw(b"nonsense\r\n\r\n");
    let refused = connection.read(false).expect("an answer");
    assert_eq!(refused.status, 400);
    assert!(connection.read(false).is_none(), "the connection stays open");
    assert_logged_with_their_ids(edge, &[refused]);
}

#[test]
fn a_path_in_another_spelling_does_not_walk_around_a_gate() {
    let origin = Origin::answering(|_| Answer::cacheable("secret"));
    let gate = "function handler(e) { return { statusCode: 401 }; }";
    let edge = Scene::with(&origin)
        .javascript("gate", gate)
        .behavior("/private/*", "viewer_request = \"gate\"")
        .start();
    for path in ["/private/a", "/x/../private/a", "/./private/a", "/%70rivate/a", "/%2e/private/a"]
    {
        assert_eq!(edge.get(path).status, 401, "{path}");
    }
    assert_eq!(origin.hits(), 0);
}

#[test]
fn an_answer_after_which_the_connection_ends_says_so() {
    let origin = Origin::answering(|_| Answer::raw(b""));
    let edge = Scene::with(&origin).start();
    let mut connection = edge.connect();
    connection.send_raw(b"GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    let answer = connection.read(false).expect("an answer");
    assert_eq!((answer.status, answer.header("connection").as_str()), (502, "close"));
    assert!(connection.read(false).is_none());
}

#[test]
fn a_viewer_who_stalls_is_not_the_origins_fault() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin)
        .behavior("/in", "allowed_methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]")
        .start();
    let mut connection = edge.connect();
    connection.send_raw(b"POST /in HTTP/1.1\r\nHost: edge.test\r\nContent-Length: 10\r\n\r\nabc");
    let answer = connection.read(false).expect("an answer");
    assert_eq!((answer.status, answer.x_cache().as_str()), (408, "Error"));
    let records = edge.stop();
    assert_eq!(records[0]["detailed_result_type"], "ClientCommError");
}

/// Each viewer got an id, and the access log tells about it.
fn assert_logged_with_their_ids(edge: Edge, refused: &[Response]) {
    let records = edge.stop();
    for answer in refused {
        assert_eq!(answer.x_cache(), "Error");
        let id = answer.header("x-amz-cf-id");
        assert!(answer.text().contains(&id), "{}", answer.text());
        let record = records.iter().find(|record| record["request_id"] == id.as_str());
        assert_eq!(record.expect("a record")["status"], answer.status, "{id}");
    }
}

#[test]
fn what_a_behavior_does_not_allow_is_refused_before_anything_runs() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let never = "function handler(e) { throw new Error('ran'); }";
    let edge = Scene::with(&origin)
        .https()
        .javascript("never", never)
        .behavior("/secure", "viewer_request = \"never\"\nviewer_protocol_policy = \"https-only\"")
        .behavior(
            "/moved",
            "viewer_request = \"never\"\nviewer_protocol_policy = \"redirect-to-https\"",
        )
        .start();
    assert_eq!(edge.request("DELETE", "/").send().status, 403);
    assert_eq!(edge.request("GET", "/").body(b"x").send().status, 403);
    assert_eq!(edge.get("/secure").status, 403);
    let moved = edge.get("/moved?x=1");
    assert_eq!((moved.status, moved.x_cache().as_str()), (301, "Redirect"));
    let expected = format!("https://edge.test:{}/moved?x=1", edge.https().port());
    assert_eq!(moved.header("location"), expected);
    let long = format!("/{}", "a".repeat(9_000));
    assert_eq!(edge.get(&long).status, 413);
    assert_eq!(origin.hits(), 0);
}

#[test]
fn a_reload_publishes_what_is_right_and_keeps_what_is_served_otherwise() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let answer = |body: &str| {
        format!("function handler(e) {{ return {{ statusCode: 200, body: '{body}' }}; }}")
    };
    let edge = Scene::with(&origin)
        .javascript("old", &answer("old"))
        .javascript("new", &answer("new"))
        .behavior("*", "viewer_request = \"old\"")
        .start();
    assert_eq!(edge.get("/").text(), "old");
    edge.rewrite_configuration(|text| {
        text.replace("viewer_request = \"old\"", "viewer_request = \"nix\"")
    });
    edge.signal("-HUP");
    assert_eq!(edge.get("/").text(), "old");
    edge.rewrite_configuration(|text| {
        text.replace("viewer_request = \"nix\"", "viewer_request = \"new\"")
    });
    edge.signal("-HUP");
    while edge.get("/").text() != "new" {
        std::thread::yield_now();
    }
}
