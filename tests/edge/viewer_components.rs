//! Components at viewer events: Lambda@Edge's viewer-request and viewer-response.

use serde_json::{Value, json};

use crate::scene::commands::{self, SMALLEST_DISTRIBUTION, verge};
use crate::scene::component::{self, MEMORY};
use crate::scene::{Answer, Edge, Origin, Response, Scene};

/// Adds a line to the headers of what a function returns.
fn adding(member: &str, line: &str) -> Vec<u8> {
    component::replacing(member, "\"headers\":{", &format!("\"headers\":{{{line},"))
}

fn invalid(response: &Response) {
    let told = (response.status, response.x_cache());
    assert_eq!(told, (502, "LambdaValidationError".to_owned()), "{}", response.text());
}

/// One behavior `*` with these words, and these components.
fn edge(origin: &Origin, functions: &[(&str, Vec<u8>)], words: &str) -> Edge {
    let mut scene = Scene::with(origin);
    for (name, component) in functions {
        scene = scene.function(name, "wasm", "wasm", component);
    }
    scene.behavior("*", words).start()
}

#[test]
fn they_run_on_every_request_around_the_cache() {
    let origin = Origin::answering(|request| Answer::cacheable(request.target()));
    let functions = [
        ("moves", component::replacing("request", "\"uri\":\"/a\"", "\"uri\":\"/b\"")),
        ("stamps", adding("response", "\"x-stamp\":[{\"value\":\"here\"}]")),
    ];
    let words = "viewer_request = \"moves\"\nviewer_response = \"stamps\"";
    let edge = edge(&origin, &functions, words);
    for cache in ["Miss", "Hit", "Hit"] {
        let response = edge.get("/a");
        assert_eq!((response.text(), response.x_cache()), ("/b".to_owned(), cache.to_owned()));
        assert_eq!(response.header("x-stamp"), "here", "once, for it is not stored");
        let event = edge.said("\"eventType\":\"viewer-request\"");
        assert!(!event.contains("\"origin\""), "a viewer event has none: {event}");
        let event = edge.said("\"eventType\":\"viewer-response\"");
        assert!(!event.contains("x-stamp") && event.contains("\"uri\":\"/b\""), "{event}");
    }
    assert_eq!(origin.hits(), 1, "the key is the edited request's");
    let log = edge.stop();
    let functions = log[0]["functions"].to_string();
    for words in ["moves", "viewer-request", "stamps", "viewer-response"] {
        assert!(functions.contains(words), "{functions}");
    }
}

#[test]
fn what_viewer_request_makes_up_is_sent_and_not_kept() {
    let origin = Origin::answering(|_| Answer::cacheable("the origin"));
    let made = json!({
        "status": "200",
        "statusDescription": "Fine",
        "headers": { "cache-control": [{ "key": "Cache-Control", "value": "max-age=60" }] },
        "body": "made up",
    });
    let functions = [
        ("answers", component::returning(&made)),
        ("never", adding("response", "\"x-stamp\":[{\"value\":\"here\"}]")),
    ];
    let words = "viewer_request = \"answers\"\nviewer_response = \"never\"";
    let edge = edge(&origin, &functions, words);
    for _ in 0..2 {
        let response = edge.get("/a");
        assert_eq!((response.status, response.text()), (200, "made up".to_owned()));
        assert_eq!(response.x_cache(), "LambdaGeneratedResponse");
        assert_eq!(response.header("cache-control"), "max-age=60");
        assert_eq!(response.header("x-stamp"), "", "viewer-response does not run on it");
    }
    assert_eq!(edge.request("HEAD", "/a").send().text(), "");
    assert_eq!(origin.hits(), 0);
    let log = edge.stop();
    assert!(
        log.iter().all(|line| line["x_edge_result_type"] == "LambdaGeneratedResponse"
            || line.to_string().contains("LambdaGeneratedResponse")),
        "{log:?}"
    );
}

/// What a function may not return at viewer-request, and what the log says of it.
fn refused_at_viewer_request() -> Vec<(Vec<u8>, &'static str)> {
    let made = |value: Value| component::returning(&value);
    let line = |name: &str| adding("request", &format!("\"{name}\":[{{\"value\":\"1\"}}]"));
    let headers = |name: &str| json!({ "status": "200", "headers": { name: [{ "value": "1" }] } });
    vec![
        (made(json!(null)), "returned null, not a request or response"),
        (made(json!({ "status": "99" })), "response.status must be 200 to 599"),
        (
            made(json!({ "status": "204", "body": "a" })),
            "response.body must be empty with status 204",
        ),
        (made(json!({ "status": "200", "body": 1 })), "response.body is a number"),
        (made(json!({ "status": "200", "body": "?", "bodyEncoding": "base64" })), "is not base64"),
        (made(json!({ "status": "200", "body": "a".repeat(40_961) })), "at most 40960 are allowed"),
        (made(headers("via")), "the header via is read-only"),
        (made(headers("content-length")), "the header content-length is read-only"),
        (made(headers("x-cache")), "may not add, change or remove the header x-cache"),
        (line("cloudfront-viewer-country"), "may not add, change or remove the header cloudfront-"),
        (line("x-edge-a"), "may not add, change or remove the header x-edge-a"),
        (line("cdn-loop"), "the header cdn-loop is read-only"),
        (component::replacing("request", "edge.test", "else.test"), "the header host is read-only"),
        (
            component::replacing("request", "\"method\":\"GET\"", "\"method\":\"PUT\""),
            "request.method is read-only",
        ),
        (
            component::replacing("request", "\"uri\":", "\"origin\":{},\"uri\":"),
            "request.origin is for origin-request",
        ),
        (
            component::replacing("request", "\"uri\":\"/", "\"uri\":\""),
            "request.uri must begin with a slash",
        ),
    ]
}

#[test]
fn what_viewer_request_may_not_return_fails_the_request() {
    let origin = Origin::answering(|_| Answer::cacheable("the origin"));
    let cases = refused_at_viewer_request();
    let mut scene = Scene::with(&origin);
    for (number, (component, _)) in cases.iter().enumerate() {
        let name = format!("f{number}");
        scene = scene
            .function(&name, "wasm", "wasm", component)
            .behavior(&format!("/{number}"), &format!("viewer_request = \"{name}\""));
    }
    let edge = scene.start();
    for (number, (_, words)) in cases.iter().enumerate() {
        let request = edge.request("GET", &format!("/{number}")).header("Host", "edge.test");
        invalid(&request.send());
        edge.said(words);
    }
    assert_eq!(origin.hits(), 0, "a gate never fails open");
}

#[test]
fn forty_kilobytes_are_not_too_many() {
    let origin = Origin::answering(|_| Answer::cacheable("the origin"));
    let made = json!({ "status": "200", "body": "a".repeat(40_960) });
    let edge = edge(&origin, &[("f", component::returning(&made))], "viewer_request = \"f\"");
    assert_eq!(edge.get("/").text().len(), 40_960);
}

#[test]
fn a_failing_component_fails_its_request_as_lambda_does() {
    let origin = Origin::answering(|_| Answer::cacheable("the origin"));
    let handling = |body: &str| {
        component::lambda(&format!(
            "(module {MEMORY} (func (export \"handle\") (param i32 i32) (result i32) {body}))"
        ))
    };
    let edge = Scene::with(&origin)
        .function("traps", "wasm", "wasm", &handling("unreachable"))
        .function("spins", "wasm", "wasm", &handling("(loop $on (br $on)) (i32.const 0)"))
        .function_words("timeout = \"50ms\"")
        .behavior("/traps", "viewer_request = \"traps\"")
        .behavior("/spins", "viewer_request = \"spins\"")
        .behavior("/late/traps", "viewer_response = \"traps\"")
        .behavior("/late/spins", "viewer_response = \"spins\"")
        .start();
    for (path, x_cache) in [
        ("/traps", "LambdaExecutionError"),
        ("/spins", "LambdaLimitExceeded"),
        ("/late/traps", "LambdaExecutionError"),
        ("/late/spins", "LambdaLimitExceeded"),
    ] {
        for _ in 0..2 {
            let response = edge.get(path);
            assert_eq!((response.status, response.x_cache()), (503, x_cache.to_owned()), "{path}");
        }
    }
    assert_eq!(origin.hits(), 2, "what was answered late is kept: only viewer-response failed");
}

#[test]
fn viewer_response_changes_headers_and_nothing_else() {
    let origin = Origin::answering(|request| match request.target() {
        "/404" => Answer::new(404, &[], "gone"),
        _ => Answer::cacheable("the page"),
    });
    let replacing = |find, with| component::replacing("response", find, with);
    let line = |name: &str| adding("response", &format!("\"{name}\":[{{\"value\":\"1\"}}]"));
    let cases = [
        (
            replacing("\"status\":\"200\"", "\"status\":\"201\""),
            "response.status cannot be changed",
        ),
        (replacing("\"status\":", "\"body\":\"b\",\"status\":"), "response.body cannot be set"),
        (replacing("\"status\":", "\"body\":\"\",\"status\":"), "response.body cannot be set"),
        (replacing("\"content-length\":[", "\"x\":["), "the header x"),
        (line("warning"), "the header warning is read-only"),
        (line("content-encoding"), "the header content-encoding is read-only"),
        (line("transfer-encoding"), "the header transfer-encoding is read-only"),
        (line("x-amz-cf-id"), "may not add, change or remove the header x-amz-cf-id"),
    ];
    let mut scene = Scene::with(&origin);
    for (number, (component, _)) in cases.iter().enumerate() {
        let name = format!("f{number}");
        scene = scene
            .function(&name, "wasm", "wasm", component)
            .behavior(&format!("/{number}"), &format!("viewer_response = \"{name}\""));
    }
    let described = replacing("\"statusDescription\":\"", "\"statusDescription\":\"Very ");
    let edge = scene
        .function("described", "wasm", "wasm", &described)
        .behavior("*", "viewer_response = \"described\"")
        .start();
    for (number, (_, words)) in cases.iter().enumerate() {
        for _ in 0..2 {
            invalid(&edge.get(&format!("/{number}")));
        }
        if *words != "the header x" {
            edge.said(words);
        }
    }
    assert_eq!(edge.get("/page").text(), "the page");
    assert_eq!(edge.get("/404").text(), "gone");
    let log = edge.stop();
    let ran = |path: &str| {
        let line = log.iter().find(|line| line["path"] == path).expect("it is logged");
        line["functions"].to_string().contains("described")
    };
    assert!(ran("/page") && !ran("/404"), "it does not run on errors: {log:?}");
}

#[test]
fn viewers_see_a_policys_fields_only_behind_viewer_request() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let functions = [("asks", component::replacing("request", "\"uri\":\"/a\"", "\"uri\":\"/b\""))];
    let words = "viewer_request = \"asks\"\norigin_request_policy = \"AllViewerAndCloudFrontHeaders-2022-06\"";
    let edge = edge(&origin, &functions, words);
    edge.get("/a");
    let event = edge.said("\"eventType\":\"viewer-request\"");
    assert!(!event.contains("cloudfront-"), "{event}");
    let told = origin.received()[0].header("cloudfront-is-desktop-viewer").len();
    assert_eq!(told, 1, "what was hidden from the function is not lost");
}

#[test]
fn a_viewer_is_told_and_the_key_explained_with_components() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let moves = component::replacing("request", "\"uri\":\"/a\"", "\"uri\":\"/b\"");
    let edge = Scene::with(&origin)
        .function("moves", "wasm", "wasm", &moves)
        .behavior("*", "viewer_request = { function = \"moves\", include_body = true }")
        .start();
    let question = json!({ "url": "http://edge.test/a" });
    let told = edge.post("/explain", &question).text();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["functions"][0]["event"], "viewer-request", "{told}");
    assert_eq!(told["functions"][0]["changes"], json!(["uri: /b"]));
    assert!(told["key"].to_string().contains("/b"), "{told}");
    let event = edge.said("\"eventType\":\"viewer-request\"");
    assert!(event.contains("\"data\":\"\""), "a question has no body: {event}");
}

/// Checks a behavior with these words over the functions `js`, `lambda` and `typed`.
fn check(words: &str) -> commands::Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).expect("the folder is writable");
    };
    write("lambda.wasm", &component::returning(&json!({ "status": "200" })));
    let typed = format!(
        "(module {MEMORY} (func (export \"verge:edge/origin-request@0.1.0#handle\") (param i32) \
         (result i32) unreachable))"
    );
    write("typed.wasm", &component::of("origin-request-function", &typed));
    write("js.js", b"function handler(event) { return event.request }");
    let mut text = format!(
        "[state]\ndirectory = \"{}\"\n{SMALLEST_DISTRIBUTION}{words}\n",
        commands::state_directory().display()
    );
    for (name, runtime, file) in [
        ("js", "cloudfront-js-2.0", "js.js"),
        ("lambda", "wasm", "lambda.wasm"),
        ("typed", "wasm", "typed.wasm"),
    ] {
        text.push_str(&format!(
            "[[function]]\nname = \"{name}\"\nruntime = \"{runtime}\"\nfile = \"{file}\"\n"
        ));
    }
    text.push_str(
        "[[function]]\nname = \"slow\"\nruntime = \"wasm\"\nfile = \"lambda.wasm\"\ntimeout = \"6s\"\n\
         [[function]]\nname = \"large\"\nruntime = \"wasm\"\nfile = \"lambda.wasm\"\nmemory = \"129MiB\"\n",
    );
    write("verge.toml", text.as_bytes());
    let file = folder.path().join("verge.toml");
    verge(&["check", "--config", &file.to_string_lossy()])
}

#[test]
fn what_cannot_stand_on_viewer_events_is_refused() {
    let mixed = "the behavior's viewer events have JavaScript and WebAssembly";
    for (words, place, told) in [
        ("viewer_request = \"js\"\nviewer_response = \"lambda\"", "viewer_response: ", mixed),
        ("viewer_request = \"lambda\"\nviewer_response = \"js\"", "viewer_response: ", mixed),
        ("viewer_request = [\"lambda\", \"js\"]", "viewer_request: ", mixed),
        (
            "viewer_request = { function = \"js\", include_body = true }",
            "viewer_request.include_body: ",
            "is for WebAssembly functions",
        ),
        ("viewer_request = \"slow\"", "viewer_request: ", "has `timeout` 6s; on viewer events 5s"),
        ("viewer_response = \"large\"", "viewer_response: ", "has `memory` 129MiB; on viewer"),
        ("viewer_request = \"typed\"", "", "function typed has no handler for viewer-request"),
    ] {
        let run = check(words);
        assert_eq!(run.code, 78, "{words}: {run:?}");
        let line = run.stderr.lines().find(|line| line.contains(told));
        assert!(line.is_some_and(|line| line.contains(place)), "{words}: {run:?}");
    }
    for words in [
        "viewer_request = { function = \"lambda\", include_body = true }\nviewer_response = \"lambda\"",
        "viewer_request = \"js\"\norigin_request = [\"lambda\", \"slow\"]\norigin_response = \"large\"",
    ] {
        let run = check(words);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{words}");
    }
}

#[test]
fn viewer_events_are_tested_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).expect("the folder is writable");
    };
    write("f.wasm", &component::replacing("request", "\"uri\":\"/a\"", "\"uri\":\"/b\""));
    write("g.wasm", &adding("response", "\"x-stamp\":[{\"value\":\"here\"}]"));
    let event = |kind: &str| {
        json!({ "Records": [{ "cf": {
            "config": { "eventType": kind },
            "request": { "clientIp": "192.0.2.7", "method": "GET", "uri": "/a", "querystring": "", "headers": {} },
            "response": { "status": "200", "headers": { "x-a": [{ "value": "1" }] } },
        } }] })
    };
    for (file, kind, told) in [
        ("./f.wasm", "viewer-request", "\"uri\": \"/b\""),
        ("./g.wasm", "viewer-response", "\"value\": \"here\""),
    ] {
        write("event.json", event(kind).to_string().as_bytes());
        let run = commands::verge_in(folder.path(), &["test", "--event", "event.json", file]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind}");
        let output: String = run.stdout.replace("\\\"", "\"").split_whitespace().collect();
        let told: String = told.split_whitespace().collect();
        assert!(output.contains(&told) && !output.contains("\"origin\""), "{run:?}");
    }
}
