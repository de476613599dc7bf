//! The four events around the cache.

use crate::scene::{Answer, Origin, Scene};

const COUNTING: &str = r#"
function handler(event) {
    if (event.context.eventType === 'viewer-request') {
        event.request.headers['x-seen'] = { value: event.request.uri };
        return event.request;
    }
    event.response.headers['x-viewer'] = { value: event.request.headers['x-seen'].value };
    return event.response;
}"#;

const BOTH_VIEWER_EVENTS: &str = "viewer_request = \"f\"\nviewer_response = \"f\"";

#[test]
fn viewer_functions_run_on_every_request_and_origin_functions_only_towards_the_origin() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let words = format!(
        "{BOTH_VIEWER_EVENTS}\norigin_request = \"header-signing\"\norigin_response = \"response-transform\""
    );
    let edge = Scene::with(&origin)
        .javascript("f", COUNTING)
        .origin("custom_headers = { \"x-signing-key\" = \"k\" }")
        .sample("header-signing")
        .sample("response-transform")
        .behavior("*", &words)
        .start();
    for _ in 0..100 {
        let response = edge.get("/a");
        assert_eq!((response.status, response.header("x-viewer").as_str()), (200, "/a"));
    }
    assert_eq!(origin.hits(), 1);
    let counted = |family: &str, name: &str, event: &str| {
        let text = edge.admin("/metrics").text();
        let labels = [format!("function=\"{name}\""), format!("event=\"{event}\"")];
        let lines = text.lines().filter(|line| {
            line.starts_with(family) && labels.iter().all(|label| line.contains(label))
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    let runs = |name: &str, event: &str| counted("verge_function_invocations_total", name, event);
    // A request is counted after its last byte was sent.
    while runs("f", "viewer-response") < 100.0 {
        std::thread::yield_now();
    }
    assert_eq!(runs("f", "viewer-request"), 100.0);
    assert_eq!(runs("f", "viewer-response"), 100.0);
    // All but the first of them saw what an earlier one saw.
    for event in ["viewer-request", "viewer-response"] {
        assert!(counted("verge_function_remembered_total", "f", event) > 90.0, "{event}");
    }
    assert_eq!(runs("header-signing", "origin-request"), 1.0);
    assert_eq!(runs("response-transform", "origin-response"), 1.0);
}

#[test]
fn viewer_response_edits_are_never_stored() {
    let stamp = "var n = 0; function handler(event) { n++; \
        event.response.headers['x-stamp'] = { value: event.context.requestId + ' ' + n }; return event.response; }";
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin)
        .javascript("f", stamp)
        .behavior("*", "viewer_response = \"f\"")
        .start();
    let first = edge.get("/a");
    let second = edge.get("/a");
    assert_eq!(second.x_cache(), "Hit");
    assert_eq!(first.header("x-stamp"), format!("{} 1", first.header("x-amz-cf-id")));
    // A new id, no second line, and a counter that begins anew: fresh memory for every request.
    assert_eq!(second.header("x-stamp"), format!("{} 1", second.header("x-amz-cf-id")));
}

#[test]
fn viewer_request_decides_the_key_but_not_the_behavior() {
    let rewrite = "function handler(e) { e.request.uri = '/one'; e.request.querystring = {}; return e.request; }";
    let origin = Origin::answering(|request| Answer::cacheable(request.target()));
    let edge = Scene::with(&origin)
        .javascript("f", rewrite)
        .behavior("/in/*", "viewer_request = \"f\"")
        .behavior("/one", "cache_policy = \"CachingDisabled\"")
        .start();
    assert_eq!(edge.get("/in/a?x=1").text(), "/one");
    let second = edge.get("/in/b?y=2");
    assert_eq!((second.text().as_str(), second.x_cache().as_str()), ("/one", "Hit"));
}

#[test]
fn a_generated_response_is_sent_as_made_and_never_cached() {
    let made = "function handler(e) { return { statusCode: 302, statusDescription: 'Found', \
        headers: { location: { value: '/elsewhere' } }, cookies: { a: { value: '1', attributes: 'Path=/' } } }; }";
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge =
        Scene::with(&origin).javascript("f", made).behavior("*", "viewer_request = \"f\"").start();
    for _ in 0..2 {
        let response = edge.get("/a");
        assert_eq!((response.status, response.header("location").as_str()), (302, "/elsewhere"));
        assert_eq!(response.header("set-cookie"), "a=1; Path=/");
        assert_eq!(response.x_cache(), "FunctionGeneratedResponse");
        assert_eq!(response.header("content-length"), "0");
        assert_eq!(response.header("x-amz-cf-id").len(), 56);
    }
    assert_eq!(origin.hits(), 0);
}

#[test]
fn untouched_bytes_stay_untouched() {
    let add =
        "function handler(e) { e.request.headers['x-added'] = { value: '1' }; return e.request; }";
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let words = "viewer_request = \"f\"\norigin_request_policy = \"AllViewer\"";
    let edge = Scene::with(&origin).javascript("f", add).behavior("*", words).start();
    let target = "/a%2Fb%E5?q=%e5%AE+%B6&&x=&y";
    let response = edge
        .request("GET", target)
        .header("X-Odd", "a  b\u{e9}")
        .header("Cookie", "b=2; a=1;c")
        .send();
    assert_eq!(response.status, 200);
    let asked = &origin.received()[0];
    assert_eq!(asked.target(), target);
    assert_eq!(asked.header("x-odd"), ["a  b\u{e9}"]);
    assert_eq!(asked.header("cookie"), ["b=2; a=1;c"]);
    assert_eq!(asked.header("x-added"), ["1"]);
}

#[test]
fn viewer_response_may_replace_the_body_of_hits_and_misses() {
    let replace = "function handler(e) { e.response.body = 'short'; \
        e.response.headers['content-type'] = { value: 'text/plain' }; return e.response; }";
    let origin = Origin::answering(|_| Answer::cacheable("a much longer body"));
    let edge = Scene::with(&origin)
        .javascript("f", replace)
        .behavior("*", "viewer_response = \"f\"")
        .start();
    for expected in ["Miss", "Hit"] {
        let response = edge.get("/a");
        assert_eq!((response.x_cache().as_str(), response.text().as_str()), (expected, "short"));
        assert_eq!(response.header("content-length"), "5");
    }
}

#[test]
fn a_response_headers_policy_stamps_every_answer() {
    let origin = Origin::answering(|_| Answer::new(200, &[("Server", "odd")], "page"));
    let deny = "function handler(e) { return { statusCode: 403 }; }";
    let edge = Scene::with(&origin)
        .javascript("deny", deny)
        .behavior(
            "/denied",
            "viewer_request = \"deny\"\nresponse_headers_policy = \"SecurityHeadersPolicy\"",
        )
        .behavior("*", "response_headers_policy = \"SecurityHeadersPolicy\"")
        .start();
    for target in ["/a", "/denied"] {
        assert_eq!(edge.get(target).header("x-content-type-options"), "nosniff", "{target}");
    }
}

#[test]
fn a_chain_runs_in_order_and_the_first_answer_ends_it() {
    let add = |text: &str| {
        format!("function handler(e) {{ e.request.uri += '{text}'; return e.request; }}")
    };
    let stop = "function handler(e) { return { statusCode: 200, body: e.request.uri }; }";
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin)
        .javascript("one", &add("1"))
        .javascript("stop", stop)
        .javascript("never", &add("2"))
        .behavior("*", "viewer_request = [\"one\", \"stop\", \"never\"]")
        .start();
    assert_eq!(edge.get("/a").text(), "/a1");
    let log = edge.stop();
    let ran: Vec<_> = log[0]["functions"]
        .as_array()
        .expect("functions are listed")
        .iter()
        .map(|run| run["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(ran, ["one", "stop"]);
}

#[test]
fn what_a_function_logs_is_joined_to_its_request() {
    let talk = "function handler(e) { console.log('seen ' + e.request.uri); return e.request; }";
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = Scene::with(&origin)
        .javascript("talk", talk)
        .behavior("*", "viewer_request = \"talk\"")
        .start();
    let id = edge.get("/a").header("x-amz-cf-id");
    let line = edge.said(&format!("{id} seen /a"));
    assert!(line.contains("talk"), "{line}");
}
