//! Origin functions as the edge calls them; how they go wrong is in `faults`.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::*;
use crate::error::FunctionFailure::{Execution, Throttled, Validation};
use crate::event::HeaderEdit;
use crate::function::engine::Mode;
use crate::ids::RequestId;

mod context;
mod faults;
mod files;
mod samples;
mod stores;
mod system;
mod warm;

/// What the guests of most tests ask for.
const IMPORTS: &str = r#"
    (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
    (import "verge:edge/crypto@0.1.0" "sha256" (func $sha256 (param i32 i32 i32)))
"#;

/// What every guest of these tests has: a memory and an allocator that only goes up.
const MEMORY: &str = r#"
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 65536))
    (func $allocate (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
"#;

/// One sandbox for all tests of the file: each reserves terabytes of address space.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(Mode::Production, None).expect("a sandbox"))
}

/// Makes a component of a world in `wit/` from the text of a core module's body.
fn component(world: &str, body: &str) -> Vec<u8> {
    bare_component(world, &format!("(module {IMPORTS} {MEMORY} {body})"))
}

fn bare_component(world: &str, module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).expect("valid text");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir("wit").expect("valid wit");
    let world = resolve.select_world(&[package], Some(world)).expect("a world of wit/");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("fits");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("a module");
    encoder.encode().expect("fits its world")
}

/// A handler for origin-request whose body is `body`; it gets the arguments' address as `$event`.
fn request_handler(body: &str) -> Vec<u8> {
    component(
        "origin-request-function",
        &format!(
            "(func (export \"verge:edge/origin-request@0.1.0#handle\") (param $event i32) \
             (result i32) {body})"
        ),
    )
}

/// Forwards the request as it came: the record lies 28 bytes into the arguments (after `config`)
/// and has 80 bytes.
const FORWARD: &str = "
    (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 0))
    (memory.copy (i32.const 8) (i32.add (local.get $event) (i32.const 28)) (i32.const 80))
    (i32.const 0)";

/// Limits that a fault meets soon.
fn small() -> Settings {
    let budget = Duration::from_millis(50);
    Settings { budget, memory_bytes_max: 8 << 20, ..Settings::default() }
}

fn load_with(bytes: &[u8], settings: Settings) -> Result<OriginFunction, LoadError> {
    OriginFunction::load(sandbox(), "test", bytes, &settings)
}

fn load(bytes: &[u8]) -> Result<OriginFunction, LoadError> {
    load_with(bytes, small())
}

struct Scene {
    id: RequestId,
    headers: HeaderMap,
    origin: CustomOrigin,
    response_headers: HeaderMap,
}

impl Scene {
    fn new() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("shop.example"));
        headers.insert("x-latin", HeaderValue::from_bytes(b"caf\xe9").expect("allowed bytes"));
        headers.append("cookie", HeaderValue::from_static("a=1"));
        headers.append("cookie", HeaderValue::from_static("b=2"));
        headers.insert("x-edge-secret", HeaderValue::from_static("hidden"));
        let mut response_headers = HeaderMap::new();
        response_headers.insert("via", HeaderValue::from_static("1.1 origin"));
        response_headers.insert("x-powered-by", HeaderValue::from_static("steam"));
        Self {
            id: RequestId::from_entropy(&[7; 42]),
            headers,
            origin: CustomOrigin {
                domain_name: "127.0.0.1".into(),
                port: 81,
                tls: false,
                path: String::new(),
                custom_headers: vec![(
                    HeaderName::from_static("x-origin-key"),
                    HeaderValue::from_static("s3cret"),
                )],
                read_timeout_seconds: 30,
                keepalive_timeout_seconds: 5,
                ssl_protocols: vec!["TLSv1.2".into()],
            },
            response_headers,
        }
    }

    fn context(&self) -> EventContext<'_> {
        EventContext {
            distribution_domain_name: "d111.cloudfront.net",
            distribution_id: "E1",
            request_id: &self.id,
            viewer_ip: [192, 0, 2, 7].into(),
            edge: crate::event::EdgeLocation::DEFAULT,
        }
    }

    fn request(&self) -> RequestView<'_> {
        RequestView {
            method: "GET",
            path: b"/a%20b\xff",
            query: Some(b"q=1"),
            headers: &self.headers,
            body: None,
        }
    }

    fn response(&self) -> ResponseView<'_> {
        ResponseView { status: 404, reason: Some("Not Found"), headers: &self.response_headers }
    }

    async fn ask(&self, function: &OriginFunction) -> Invocation<OriginRequestOutcome> {
        function.on_request(&self.context(), &self.request(), &self.origin).await
    }

    async fn answer(&self, function: &OriginFunction) -> Invocation<ResponseEdits> {
        let response = self.response();
        function.on_response(&self.context(), &self.request(), &self.origin, &response).await
    }
}

#[tokio::test]
async fn what_a_function_does_not_touch_stays_as_it_was() {
    let function = load(&request_handler(FORWARD)).expect("loads");
    assert!(function.handles(EventType::OriginRequest));
    assert!(!function.handles(EventType::OriginResponse));
    let scene = Scene::new();
    let run = scene.ask(&function).await;
    let unchanged = OriginRequestOutcome::Continue(Default::default(), None);
    assert_eq!(
        run.result,
        Ok(unchanged),
        "an address, a low port and raw bytes are the edge's own"
    );
    assert!(run.cpu > Duration::ZERO);
    assert_eq!(run.fuel, None);
}

#[tokio::test]
async fn a_response_function_without_a_request_handler_says_so() {
    let function = load(&request_handler(FORWARD)).expect("loads");
    let error = Scene::new().answer(&function).await.result.expect_err("no such handler");
    assert_eq!(error.failure, Execution);
    assert!(error.message.contains("exports no handler for origin-response"), "{error}");
}

/// A function of the `lambda` world that returns what it was given from one place to another, or a
/// constant.
fn lambda(result: &str) -> OriginFunction {
    let escaped = result.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let body = format!(
        r#"(data (i32.const 1024) "{escaped}")
        (func (export "handle") (param $at i32) (param $length i32) (result i32)
            (call $log (local.get $at) (local.get $length))
            (i32.store (i32.const 0) (i32.const 0))
            (i32.store (i32.const 4) (i32.const 1024))
            (i32.store (i32.const 8) (i32.const {}))
            (i32.const 0))"#,
        result.len()
    );
    load(&component("lambda", &body)).expect("loads")
}

#[tokio::test]
async fn a_lambda_function_gets_lambda_at_edges_event() {
    let function = lambda("null");
    assert!(
        function.handles(EventType::OriginRequest) && function.handles(EventType::OriginResponse)
    );
    let run = Scene::new().answer(&function).await;
    let event: serde_json::Value = serde_json::from_str(&run.logs.concat()).expect("JSON");
    let cf = &event["Records"][0]["cf"];
    assert_eq!(cf["config"]["eventType"], "origin-response");
    assert_eq!(cf["request"]["clientIp"], "192.0.2.7");
    assert_eq!(cf["request"]["querystring"], "q=1");
    assert_eq!(cf["request"]["headers"]["x-latin"][0]["value"], "café");
    assert_eq!(cf["request"]["headers"]["cookie"][1]["value"], "b=2");
    assert_eq!(cf["request"]["headers"]["x-edge-secret"], serde_json::Value::Null);
    assert_eq!(cf["request"]["origin"]["custom"]["protocol"], "http");
    assert_eq!(cf["response"]["status"], "404");
    assert_eq!(cf["response"]["headers"]["x-powered-by"][0]["key"], "X-Powered-By");
    assert_eq!(run.result.expect_err("null is no response").failure, Validation);
}

#[tokio::test]
async fn a_lambda_function_answers_for_the_origin() {
    let function = lambda(
        r#"{"status":"302","statusDescription":"Found","body":"aGk=","bodyEncoding":"base64",
            "headers":{"location":[{"key":"Location","value":"/new"}]}}"#,
    );
    let outcome = Scene::new().ask(&function).await.result.expect("valid");
    let OriginRequestOutcome::Respond(response) = outcome else { panic!("{outcome:?}") };
    assert_eq!((response.status, response.reason.as_deref()), (302, Some("Found")));
    assert_eq!(response.headers["location"], "/new");
    assert_eq!(response.body, Bytes::from_static(b"hi"));
}

#[tokio::test]
async fn only_differences_become_edits() {
    let function = lambda(
        r#"{"status":200,"statusDescription":"Not Found","body":"",
            "headers":{"via":[{"value":"1.1 origin"}],"x-new":[{"value":"1"},{"value":"2"}]}}"#,
    );
    let edits = Scene::new().answer(&function).await.result.expect("valid");
    assert_eq!(edits.status, Some(200));
    assert_eq!(edits.reason, None);
    assert_eq!(edits.body, Some(Bytes::new()));
    let values = ["1", "2"].map(HeaderValue::from_static).to_vec();
    let new = HeaderEdit::Set(HeaderName::from_static("x-new"), values);
    let gone = HeaderEdit::Remove(HeaderName::from_static("x-powered-by"));
    assert_eq!(edits.headers, [new, gone]);
}

#[tokio::test]
async fn each_fresh_call_starts_from_nothing() {
    let counter = r#"(global $calls (mut i32) (i32.const 48))
        (func (export "handle") (param i32 i32) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store8 (i32.const 1024) (global.get $calls))
            (i32.store8 (i32.const 1025) (i32.add (i32.load8_u (i32.const 2000)) (i32.const 48)))
            (i32.store8 (i32.const 2000) (i32.const 1))
            (call $log (i32.const 1024) (i32.const 2))
            (unreachable))"#;
    let settings = Settings { isolation: Some(Isolation::Fresh), ..small() };
    let function = load_with(&component("lambda", counter), settings).expect("loads");
    for _ in 0..3 {
        assert_eq!(Scene::new().ask(&function).await.logs, ["10"], "a call saw another's state");
    }
}

#[tokio::test]
async fn without_a_permit_a_function_is_throttled_at_once() {
    let sandbox = Sandbox::new(Mode::Metered, None).expect("a sandbox");
    let bytes = request_handler(FORWARD);
    let settings = Settings { budget: Duration::from_secs(5), ..small() };
    let function = OriginFunction::load(&sandbox, "test", &bytes, &settings).expect("loads");
    let scene = Scene::new();
    let permits: Vec<_> = std::iter::from_fn(|| sandbox.origin_permit()).collect();
    let error = scene.ask(&function).await.result.expect_err("all permits are taken");
    assert_eq!(error.failure, Throttled);
    drop(permits);

    let (first, second) = (scene.ask(&function).await, scene.ask(&function).await);
    assert!(first.result.is_ok());
    assert!(first.fuel.is_some_and(|fuel| fuel > 10), "{:?}", first.fuel);
    assert_eq!(first.fuel, second.fuel, "the same work counts the same");
}

#[tokio::test]
async fn a_spinning_function_leaves_its_thread_to_others() {
    let spin = request_handler("(loop $on (br $on)) (i32.const 0)");
    let function = Arc::new(load(&spin).expect("loads"));
    // One thread runs both: every turn below is one that the spinning guest gave away.
    let spinning = tokio::spawn(async move {
        let started = Instant::now();
        let run = Scene::new().ask(&function).await;
        (run, started.elapsed())
    });
    let mut turns = 0;
    while !spinning.is_finished() {
        turns += 1;
        tokio::task::yield_now().await;
    }
    let (run, elapsed) = spinning.await.expect("no panic");
    assert_eq!(run.result.expect_err("never ends").failure, Throttled);
    assert!(elapsed >= Duration::from_millis(50), "stopped early: {elapsed:?}");
    // A guest that never yields leaves one turn, the one before it started.
    assert!(turns >= 3, "other work had {turns} turns in 50 ms");
}
