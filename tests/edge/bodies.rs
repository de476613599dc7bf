//! Request bodies that functions read and replace, and what the origin gets of them.

use bytes::Bytes;

use crate::scene::component::{self, FIND, MEMORY};
use crate::scene::origin::Received;
use crate::scene::{Answer, Edge, Origin, Response, Scene, http2};

/// What functions are shown of a body at most.
const SHOWN_MAX: usize = 1 << 20;
/// The same at viewer-request.
const SHOWN_TO_VIEWER_EVENTS_MAX: usize = 40 << 10;

/// A function of the `lambda` world that logs its event and returns the request, its body replaced by what was shown of it
/// where the query asks for that.
fn lambda() -> Vec<u8> {
    component::lambda(&format!(
        r#"(module
        (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
        {MEMORY}
        (data (i32.const 1024) "\"request\":\"action\":\"read-only\"\"replace\"  replace=1")
        {FIND}
        (func (export "handle") (param $event i32) (param $length i32) (result i32)
            (local $end i32) (local $request i32) (local $action i32)
            (call $begin)
            (call $log (local.get $event) (local.get $length))
            (local.set $end (i32.add (local.get $event) (local.get $length)))
            (local.set $request (i32.add (i32.const 10)
                (call $find (local.get $event) (i32.const 1024) (i32.const 10) (local.get $end))))
            (local.set $action
                (call $find (local.get $request) (i32.const 1034) (i32.const 20) (local.get $end)))
            (if (i32.and (i32.ne (local.get $action) (i32.const 0))
                    (i32.ne (i32.const 0)
                        (call $find (local.get $request) (i32.const 1065) (i32.const 9) (local.get $end))))
                (then (memory.copy
                    (i32.add (local.get $action) (i32.const 9)) (i32.const 1054) (i32.const 11))))
            (i32.store (i32.const 0) (i32.const 0))
            (i32.store (i32.const 4) (local.get $request))
            (i32.store (i32.const 8) (i32.sub (i32.sub (local.get $end) (i32.const 4)) (local.get $request)))
            (i32.const 0)))"#
    ))
}

/// A typed function that replaces the body by what it was told of it: four bytes of length, lowest first, and one that
/// says whether it was truncated. Where it is not included, `otherwise`.
fn typed(otherwise: &str) -> Vec<u8> {
    component::of(
        "origin-request-function-with-body",
        &format!(
            r#"(module
            (import "verge:edge/body@0.1.0" "get" (func $get (param i32)))
            (import "verge:edge/body@0.1.0" "replace" (func $replace (param i32 i32)))
            {MEMORY}
            (func (export "verge:edge/origin-request@0.1.0#handle") (param $event i32) (result i32)
            (call $get (i32.const 128))
            (if (i32.load8_u (i32.const 128))
                (then
                    (i32.store (i32.const 160) (i32.load (i32.const 136)))
                    (i32.store8 (i32.const 164) (i32.load8_u (i32.const 140)))
                    (call $replace (i32.const 160) (i32.const 5)))
                (else {otherwise}))
            (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 0))
            (memory.copy (i32.const 8) (i32.add (local.get $event) (i32.const 28)) (i32.const 80))
            (i32.const 0)))"#
        ),
    )
}

const METHODS: &str = "allowed_methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]\n\
     cache_policy = \"CachingDisabled\"\norigin_request_policy = \"AllViewer\"\n";

/// `/lambda`, `/typed`, the same without the body below `/without`, `/viewer` with the body at viewer-request, and `/both`
/// with it at both request events.
fn scene(scene: Scene) -> Scene {
    let with = |name: &str| {
        format!("{METHODS}origin_request = {{ function = \"{name}\", include_body = true }}")
    };
    let without = |name: &str| format!("{METHODS}origin_request = [\"{name}\"]");
    let at_viewer = "viewer_request = { function = \"lambda\", include_body = true }";
    scene
        .function("lambda", "wasm", "wasm", &lambda())
        .function("typed", "wasm", "wasm", &typed(""))
        .function(
            "insists",
            "wasm",
            "wasm",
            &typed("(call $replace (i32.const 160) (i32.const 5))"),
        )
        .behavior("/lambda", &with("lambda"))
        .behavior("/typed", &with("typed"))
        .behavior("/viewer", &format!("{METHODS}{at_viewer}"))
        .behavior("/both", &format!("{at_viewer}\n{}", with("typed")))
        .behavior("/without/lambda", &without("lambda"))
        .behavior("/without/typed", &without("typed"))
        .behavior("/without/insists", &without("insists"))
}

fn quiet_origin() -> Origin {
    Origin::answering(|_| Answer::new(200, &[], "taken"))
}

/// Bytes of which no two places look alike.
fn body(size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at >> 8) ^ at).to_le_bytes()[0]).collect()
}

/// A request's text up to its body, in chunks or with its length.
fn message(target: &str, body: &[u8], chunked: bool) -> Vec<u8> {
    let mut text = format!("POST {target} HTTP/1.1\r\nHost: edge.test\r\n").into_bytes();
    if !chunked {
        text.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        text.extend_from_slice(body);
        return text;
    }
    text.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(30_000) {
        text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\n\r\n");
    text
}

/// What the origin got of one message; the viewer's connection must be good for another one.
fn pass(edge: &Edge, origin: &Origin, target: &str, body: &[u8], chunked: bool) -> Received {
    let mut connection = edge.connect();
    connection.send_raw(&message(target, body, chunked));
    let response = connection.read(false).expect("an answer");
    assert_eq!(response.status, 200, "{target}, {} bytes, chunked: {chunked}", body.len());
    let received = origin.received().pop().expect("the origin was asked");
    connection.send_raw(b"GET /lambda HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    assert_eq!(connection.read(false).expect("the connection is kept").status, 200);
    assert_eq!(origin.received().pop().expect("asked").body, b"");
    received
}

/// The event that was logged next; other things follow it on its line.
fn event(edge: &Edge) -> serde_json::Value {
    let line = edge.said("{\"Records\"");
    let begin = line.find("{\"Records\"").expect("it was found");
    let (_, event) = line.split_at(begin);
    let mut values = serde_json::Deserializer::from_str(event).into_iter();
    values.next().expect("a value").expect("an event is JSON")
}

#[test]
fn a_body_is_in_the_event_only_where_the_association_says_so() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    let request = |edge: &Edge| event(edge)["Records"][0]["cf"]["request"].clone();
    edge.request("POST", "/lambda").body(b"name=x&a=\xff").send();
    assert_eq!(
        request(&edge)["body"],
        serde_json::json!({ "inputTruncated": false, "action": "read-only",
            "encoding": "base64", "data": "bmFtZT14JmE9/w==" })
    );
    edge.get("/lambda");
    assert_eq!(request(&edge)["body"]["data"], "", "a request without a body has an empty one");
    edge.request("POST", "/without/lambda").body(b"name=x").send();
    assert!(request(&edge).get("body").is_none(), "not included");
    let received = origin.received();
    let bodies: Vec<&[u8]> = received.iter().map(|request| &*request.body).collect();
    assert_eq!(bodies, [&b"name=x&a=\xff"[..], b"", b"name=x"]);
}

#[test]
fn a_body_that_is_kept_reaches_the_origin_whole_whatever_its_size() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    for size in [1, 65_536, 65_537, SHOWN_MAX, SHOWN_MAX + 1, SHOWN_MAX + 70_000, 3 * SHOWN_MAX] {
        let sent = body(size);
        let received = pass(&edge, &origin, "/lambda", &sent, false);
        assert!(received.body == sent, "{size} bytes with their length");
        assert_eq!(received.header("content-length"), [size.to_string()]);
        let received = pass(&edge, &origin, "/lambda", &sent, true);
        assert!(received.body == sent, "{size} bytes in chunks");
        assert_eq!(received.header("transfer-encoding"), ["chunked"]);
    }
    assert_eq!(pass(&edge, &origin, "/lambda", b"", true).body, b"");
}

#[test]
fn a_function_is_shown_a_mebibyte_and_told_that_there_is_more() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    let told = |size: usize, chunked: bool| {
        let received = pass(&edge, &origin, "/typed", &body(size), chunked);
        assert_eq!(received.header("content-length"), ["5"]);
        assert_eq!(received.header("transfer-encoding"), [""; 0], "framed once");
        let (length, truncated) = received.body.split_at(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        (usize::try_from(length).expect("it fits"), truncated == [1])
    };
    for size in [0, 1, 65_537, SHOWN_MAX - 1, SHOWN_MAX] {
        assert_eq!(told(size, false), (size, false));
    }
    for size in [SHOWN_MAX + 1, SHOWN_MAX + 70_000, 2 * SHOWN_MAX] {
        assert_eq!(told(size, false), (SHOWN_MAX, true), "{size}");
    }
    // Without a length.
    for size in [0, 1, 40_000, 65_536, 65_537, 200_000, SHOWN_MAX - 1, SHOWN_MAX] {
        assert_eq!(told(size, true), (size, false));
    }
    for size in [SHOWN_MAX + 1, SHOWN_MAX + 70_000, 2 * SHOWN_MAX] {
        assert_eq!(told(size, true), (SHOWN_MAX, true), "{size}");
    }
}

#[test]
fn a_body_may_be_replaced_in_the_event_too() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    for (size, chunked) in [(3, false), (100_000, false), (40_000, true)] {
        let received = pass(&edge, &origin, "/lambda?replace=1", &body(size), chunked);
        assert!(received.body == body(size), "by the same");
        assert_eq!(received.header("content-length"), [size.to_string()]);
    }
    // What was not shown is not sent either.
    let received = pass(&edge, &origin, "/lambda?replace=1", &body(2 * SHOWN_MAX), false);
    assert!(received.body == body(SHOWN_MAX));
}

#[test]
fn a_viewer_event_is_shown_forty_kilobytes_and_the_origin_gets_all() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    for size in [0, 1, 40_959, 40_960, 40_961, 65_536, 65_537, 70_000, 110_000, SHOWN_MAX + 70_000]
    {
        for chunked in [false, true] {
            let sent = body(size);
            let received = pass(&edge, &origin, "/viewer", &sent, chunked);
            assert!(received.body == sent, "{size} bytes, in chunks: {chunked}");
            // A line of the log has no room for the data.
            let event = edge.said("\"eventType\":\"viewer-request\"");
            let truncated = size > SHOWN_TO_VIEWER_EVENTS_MAX;
            let told = format!("\"inputTruncated\":{truncated},\"action\":\"read-only\"");
            assert!(event.contains(&told), "{size} bytes, in chunks: {chunked}: {event}");
            // That of the GET behind it.
            edge.said("{\"Records\"");
        }
    }
}

#[test]
fn a_body_that_a_viewer_event_replaced_is_what_everybody_gets() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    for (size, chunked) in [(3, false), (40_000, true), (100_000, false), (2 * SHOWN_MAX, false)] {
        let received = pass(&edge, &origin, "/viewer?replace=1", &body(size), chunked);
        let shown = size.min(SHOWN_TO_VIEWER_EVENTS_MAX);
        assert!(received.body == body(shown), "{size} bytes, in chunks: {chunked}");
        assert_eq!(received.header("content-length"), [shown.to_string()]);
    }
    // The other event is shown more of the viewer's body, or what the first one made of it.
    for (target, size, told) in [
        ("/both", 100_000, (100_000, false)),
        ("/both", 2 * SHOWN_MAX, (SHOWN_MAX, true)),
        ("/both?replace=1", 2 * SHOWN_MAX, (SHOWN_TO_VIEWER_EVENTS_MAX, false)),
    ] {
        let received = pass(&edge, &origin, target, &body(size), false).body;
        let (length, truncated) = received.split_at(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        assert_eq!(
            (usize::try_from(length).expect("it fits"), truncated == [1]),
            told,
            "{target} {size}"
        );
    }
}

#[test]
fn what_cannot_be_replaced_fails_the_request() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    let failed = |response: Response| (response.status, response.x_cache());
    let invalid = (502, "LambdaValidationError".to_owned());
    assert_eq!(failed(edge.request("POST", "/without/insists").body(b"a").send()), invalid);
    edge.said("say include_body = true");
    assert_eq!(failed(edge.get("/typed")), invalid);
    edge.said("a GET request cannot be given a body");
    assert_eq!(edge.request("POST", "/without/typed").body(b"a").send().status, 200);
    assert_eq!(origin.hits(), 1);
}

#[test]
fn a_viewer_who_waits_is_invited_before_the_body_is_read() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).patient().start();
    for (target, body) in
        [("/typed", &[3, 0, 0, 0, 0][..]), ("/viewer", b"abc"), ("/both", &[3, 0, 0, 0, 0])]
    {
        let mut connection = edge.connect();
        let head = "HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        connection.send_raw(format!("POST {target} {head}").as_bytes());
        assert_eq!(connection.read(false).expect("an invitation").status, 100, "{target}");
        connection.send_raw(b"abc");
        assert_eq!(
            connection.read(false).expect("an answer").status,
            200,
            "{target}: one invitation"
        );
        assert_eq!(origin.received().pop().expect("asked").body, body);
    }
}

#[test]
fn a_body_that_breaks_off_never_reaches_the_function() {
    let origin = quiet_origin();
    let edge = scene(Scene::with(&origin)).start();
    let mut connection = edge.connect();
    connection.send_raw(b"POST /typed HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    assert_eq!(connection.read(false).expect("an answer").status, 408, "the viewer stalls");
    let mut connection = edge.connect();
    connection.send_raw(b"POST /viewer HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    assert_eq!(connection.read(false).expect("an answer").status, 408, "before the cache, too");
    let mut connection = edge.connect();
    connection
        .send_raw(b"POST /typed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
    assert_eq!(connection.read(false).expect("an answer").status, 400, "no chunk");
    assert_eq!(origin.hits(), 0);
    assert_eq!(edge.metric("verge_function_invocations_total{function="), 0.0);
}

#[test]
fn the_secondary_gets_the_body_that_the_primary_failed_on() {
    let broken = Origin::answering(|_| Answer::new(500, &[], "broken"));
    let origin = quiet_origin();
    let group = "[[distribution.origin_group]]\nid = \"both\"\nprimary = \"origin\"\nsecondary = \"second\"\n";
    let edge = scene(
        Scene::with(&broken).another_origin("second", &origin, "").origin(group),
    )
    .patient()
    .behavior(
        "/group/*",
        &format!("{METHODS}target = \"both\"\norigin_request = {{ function = \"lambda\", include_body = true }}"),
    )
    .behavior(
        "/viewer-group",
        &format!("{METHODS}target = \"both\"\nviewer_request = {{ function = \"lambda\", include_body = true }}"),
    )
    .start();
    for (target, size, sent) in [
        ("/group/a", 3, 3),
        ("/group/a", 200_000, 200_000),
        ("/group/a?replace=1", 200_000, 200_000),
        ("/viewer-group", 60_000, 60_000),
        ("/viewer-group?replace=1", 50_000, SHOWN_TO_VIEWER_EVENTS_MAX),
    ] {
        let response = edge.request("OPTIONS", target).body(&body(size)).send();
        assert_eq!(response.text(), "taken");
        let received = [&broken, &origin].map(|one| one.received().pop().expect("asked").body);
        assert!(received.iter().all(|received| *received == body(sent)), "{target} {size}");
    }
    // A body of which a part is gone is sent to nobody else.
    let response = edge.request("OPTIONS", "/group/a").body(&body(2 * SHOWN_MAX)).send();
    assert_eq!(response.text(), "broken");
}

/// Sends a body over HTTP/2; gives the answer's status.
async fn send_over_h2(edge: &Edge, target: &str, body: &[u8], length: bool) -> u16 {
    let mut client = http2::connect(edge).await;
    let mut request = http::Request::post(format!("https://localhost{target}"));
    if length {
        request = request.header("content-length", body.len());
    }
    let request = request.body(()).expect("a constant request");
    let (response, mut stream) = client.send_request(request, false).expect("the stream opens");
    let mut left = Bytes::copy_from_slice(body);
    while !left.is_empty() {
        stream.reserve_capacity(left.len());
        let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let part = left.split_to(room.expect("the stream is open").expect("room").min(left.len()));
        stream.send_data(part, false).expect("the stream is open");
    }
    stream.send_data(Bytes::new(), true).expect("the stream is open");
    http2::answer(response).await.0.status.as_u16()
}

#[test]
fn bodies_pass_over_http2_on_either_side() {
    let origin = quiet_origin();
    let inner = scene(Scene::with(&origin)).patient().https().start();
    let outer = scene(Scene::over_tls(inner.https()))
        .patient()
        .https()
        .origin("http_version = \"2\"\nverify_certificate = false")
        .start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for edge in [&inner, &outer] {
        for size in [1, 65_537, SHOWN_MAX, SHOWN_MAX + 1] {
            for (target, length) in
                [("/lambda", true), ("/lambda", false), ("/viewer", true), ("/viewer", false)]
            {
                let sent = body(size);
                let status = runtime.block_on(send_over_h2(edge, target, &sent, length));
                assert_eq!(status, 200, "{target}, {size} bytes, their length told: {length}");
                let received = origin.received().pop().expect("asked").body;
                assert!(received == sent, "{target} {size} {length}");
            }
        }
        assert_eq!(runtime.block_on(send_over_h2(edge, "/typed", &body(100_000), true)), 200);
    }
    // A request without a body can be given one: by the outer edge, and what that sends by the inner one.
    assert_eq!(outer.request("POST", "/typed").body(b"").send().status, 200);
    assert_eq!(origin.received().pop().expect("asked").body, [5, 0, 0, 0, 0]);
    assert_eq!(outer.request("POST", "/viewer?replace=1").body(b"").send().status, 200);
    assert_eq!(origin.received().pop().expect("asked").body, b"");
}
