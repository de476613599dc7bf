//! `verge explain`, the admin listener's `/explain`, and the debug header.

use serde_json::{Value, json};

use crate::scene::{Answer, Edge, Origin, Scene, commands};

const REWRITE: &str = r#"
function handler(event) {
    var request = event.request;
    if (request.uri === '/made') { return { statusCode: 418 }; }
    if (request.uri === '/throws') { throw new Error('no'); }
    request.uri = '/new' + request.uri;
    request.headers['x-seen'] = { value: 'yes' };
    delete request.headers['x-gone'];
    return request;
}"#;

const SECRET: &str = "[explain]\nsecret = \"a secret that nobody knows\"\n";

const KEYED: &str = r#"
[[cache_policy]]
name = "keyed"
min_ttl = 0
max_ttl = 30
default_ttl = 10
headers = { behavior = "whitelist", names = ["x-seen"] }
cookies = { behavior = "all" }
query_strings = { behavior = "whitelist", names = ["q"] }
accept_encoding_gzip = true
"#;

fn scene(origin: &Origin) -> Scene {
    Scene::with(origin)
        .https()
        .settings(KEYED)
        .settings(SECRET)
        .javascript("rewrite", REWRITE)
        .behavior("/plain/*", "viewer_protocol_policy = \"redirect-to-https\"")
        .behavior("/off", "cache_policy = \"CachingDisabled\"")
        .behavior("*", "cache_policy = \"keyed\"\nviewer_request = \"rewrite\"")
}

fn explain(edge: &Edge, question: &Value) -> Value {
    let answer = edge.post("/explain", question);
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("the answer is JSON")
}

fn of(edge: &Edge, target: &str) -> Value {
    explain(edge, &json!({ "url": format!("http://edge.test{target}") }))
}

#[test]
fn it_tells_route_functions_key_and_lookup_without_asking_the_origin() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = scene(&origin).start();
    let question = json!({
        "url": "http://edge.test/a?p=1&q=2",
        "headers": [["Cookie", "c=\"1\""], ["Accept-Encoding", "gzip, br"], ["X-Gone", "x"]],
    });
    let told = explain(&edge, &question);
    assert_eq!(told["request"]["target"], "/a?p=1&q=2");
    assert_eq!(told["distribution"]["id"], "E1");
    let behavior = json!({
        "path_pattern": "*",
        "target": "origin",
        "cache_policy": "keyed",
        "origin_request_policy": null,
        "response_headers_policy": null,
    });
    assert_eq!(told["behavior"], behavior);
    let run = &told["functions"][0];
    assert_eq!(
        [&run["name"], &run["event"], &run["outcome"]],
        ["rewrite", "viewer-request", "continued"]
    );
    let changes = run["changes"].as_array().expect("a list");
    for change in ["uri: /new/a", "x-seen: yes", "x-gone: removed"] {
        assert!(changes.contains(&change.into()), "{changes:?}");
    }
    let key = json!([
        { "part": "distribution", "value": "d1.test" },
        { "part": "path", "value": "/new/a" },
        { "part": "query string", "value": "q=2" },
        { "part": "header x-seen", "value": "yes" },
        { "part": "cookie", "value": "c=\"1\"" },
        { "part": "accept-encoding", "value": "gzip" },
    ]);
    assert_eq!(told["key"], key);
    assert_eq!(told["lookup"], json!({ "found": "uri-miss" }));
    assert_eq!(told.get("rule"), None, "the origin was not asked");
    assert_eq!(origin.hits(), 0);
    assert_eq!(edge.metric("verge_requests_in_progress"), 0.0);
}

#[test]
fn what_is_stored_is_told_with_its_age_and_the_rule() {
    let origin = Origin::answering(|request| {
        let cache_control = match request.target() {
            "/new/long" => "max-age=60",
            "/new/short" => "max-age=5, stale-while-revalidate=7",
            "/new/asked" => "no-cache",
            _ => "",
        };
        Answer::new(200, &[("Cache-Control", cache_control), ("ETag", "\"1\"")], "page")
    });
    let edge = scene(&origin).start();
    let cases = [
        ("/long", "max-age", json!("cut to the cache policy's maximum TTL"), "fresh", 30.0),
        ("/short", "max-age", Value::Null, "fresh", 5.0),
        ("/asked", "no-cache", Value::Null, "stale", 0.0),
        ("/silent", "the cache policy's default TTL", Value::Null, "fresh", 10.0),
    ];
    for (target, source, bound, found, seconds) in cases {
        edge.get(target);
        let told = of(&edge, target);
        assert_eq!(told["rule"]["lifetime_from"], source, "{target}");
        assert_eq!(told["rule"]["bound"]["what"], bound, "{target}");
        let lookup = &told["lookup"];
        assert_eq!((&lookup["found"], &lookup["status"]), (&json!(found), &json!(200)), "{target}");
        let left = lookup["fresh_for_seconds"].as_f64().expect("a number");
        assert!(left <= seconds && left > seconds - 5.0, "{target}: {left}");
        assert_eq!(lookup["objects_at_location"], 1);
    }
    edge.post("/invalidations", &json!({ "items": ["/new/long"], "mode": "soft" }));
    assert_eq!(of(&edge, "/long")["lookup"]["found"], "stale");
}

#[test]
fn it_says_what_the_edge_answers_by_itself() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = scene(&origin).start();
    let answer = |target: &str| of(&edge, target)["answer"].clone();
    let made =
        json!({ "status": 418, "because": "a viewer-request function answers", "body_bytes": 0 });
    assert_eq!(answer("/made"), made);
    assert_eq!(answer("/throws")["status"], 503);
    assert!(answer("/throws")["because"].as_str().is_some_and(|text| text.contains("rewrite")));
    assert!(answer("/plain/x")["because"].as_str().is_some_and(|text| text.contains("HTTPS")));
    let question = json!({ "url": "http://edge.test/a", "method": "DELETE" });
    assert_eq!(explain(&edge, &question)["answer"]["status"], 403);
    assert_eq!(of(&edge, "/off")["lookup"]["found"], "bypass");
    for wrong in [
        json!({ "url": "/a" }),
        json!({ "url": "ftp://edge.test/" }),
        json!({ "url": "http://edge.test/", "method": "a b" }),
        json!({ "url": "http://edge.test/", "headers": [["a b", "c"]] }),
        json!({ "url": "http://edge.test/", "colour": "red" }),
        json!({}),
    ] {
        assert_eq!(edge.post("/explain", &wrong).status, 400, "{wrong}");
    }
}

#[test]
fn the_debug_header_explains_the_request_that_carries_it() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = scene(&origin).distribution("cache_status = true").start();
    let ask = |fields: &[(&str, &str)]| {
        let request = edge.request("GET", "/a");
        fields.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let told = |fields: &[(&str, &str)]| -> Option<Value> {
        let field = ask(fields).header("verge-explanation");
        (!field.is_empty()).then(|| serde_json::from_str(&field).expect("JSON"))
    };
    assert_eq!(told(&[]), None);
    let first = told(&[("Verge-Explain", "1")]).expect("from the loopback");
    assert_eq!(first["lookup"]["found"], "fresh", "it was stored by the request before");
    assert_eq!(first["rule"]["section"], "RFC 9111 section 5.2.2.1");
    assert_eq!(first["functions"][0]["changes"][0], "uri: /new/a");
    let status = ask(&[("Verge-Explain", "1")]).header("cache-status");
    let key = r#"key="distribution: d1.test; path: /new/a; header x-seen: yes""#;
    assert_eq!(status, format!("verge; hit; ttl=30; {key}"));
    assert_eq!(origin.received()[0].header("verge-explain"), [""; 0]);

    let forwarded = ("X-Forwarded-For", "192.0.2.1");
    assert_eq!(told(&[("Verge-Explain", "1"), forwarded]), None, "it is another's");
    let file = edge.configuration().to_string_lossy().into_owned();
    let token = commands::verge(&["explain", "--token", "10m", "--config", &file]);
    assert_eq!(token.code, 0, "{token:?}");
    let signed = ("Verge-Explain", token.stdout.trim());
    assert!(told(&[signed, forwarded]).is_some());
    let forged = signed.1.replace('.', ".0");
    assert_eq!(told(&[("Verge-Explain", &forged), forwarded]), None);
    let made = edge.request("GET", "/throws").header("Verge-Explain", "1").send();
    assert!(made.status == 503 && made.header("verge-explanation").contains("execution_error"));
}

#[test]
fn the_command_asks_the_edge_or_evaluates_the_configuration_and_says_which() {
    let origin = Origin::answering(|_| Answer::cacheable("page"));
    let edge = scene(&origin).start();
    edge.request("GET", "/a").header("Cookie", "c=1").send();
    let admin = edge.admin_address().to_string();
    let url = "http://edge.test/a";
    let run = commands::verge(&["explain", url, "-H", "Cookie: c=1", "--admin", &admin]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.starts_with(&format!("told by the running edge at {admin}\n")), "{run:?}");
    for line in ["behavior", "*, target origin", "uri: /new/a", "cookie c=1", "lookup", "fresh"] {
        assert!(run.stdout.contains(line), "no {line} in\n{}", run.stdout);
    }
    let file = edge.configuration().to_string_lossy().into_owned();
    let run = commands::verge(&["explain", url, "--config", &file, "--format", "json"]);
    let printed: Value = serde_json::from_str(&run.stdout).expect("JSON was asked for");
    let source = printed["source"].as_str().expect("it says who was asked");
    assert!(source.starts_with("evaluated from"), "port 0 is no address to ask: {source}");
    assert_eq!(printed["functions"][0]["changes"][0], "uri: /new/a");
    assert!(printed["lookup"]["found"].as_str().is_some_and(|found| found.starts_with("unknown")));
    drop(edge);
    let run = commands::verge(&["explain", url, "--admin", &admin]);
    assert!(run.code == 1 && run.stderr.contains("does not answer"), "{run:?}");
    assert_eq!(commands::verge(&["explain"]).code, 2);
    assert_eq!(commands::verge(&["explain", url, "-H", "nonsense"]).code, 2);
}
