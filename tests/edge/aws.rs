//! The jobs of AWS's sample functions, in functions of our own written the way those are: each on the event that such a
//! function is tried with.

use serde_json::{Value, json};

use crate::testing::batch;

/// Job, event type, code, what the event has besides a plain request (JSON), store (JSON, or nothing), and a JSON pointer
/// to what the result must hold there.
type Job = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const REQUEST: &str = "viewer-request";
const RESPONSE: &str = "viewer-response";

const JOBS: [Job; 9] = [
    (
        "cache control",
        RESPONSE,
        "async function handler(event) { const response = event.response;
               if (response.statusCode >= 200 && response.statusCode < 400 && !response.headers['cache-control']) {
                 response.headers['cache-control'] = { value: 'public, max-age=63072000' }; }
               return response; }",
        "{}",
        "",
        "/response/headers/cache-control/value",
        "public, max-age=63072000",
    ),
    (
        "cross origin, on the answer",
        RESPONSE,
        "async function handler(event) { const { request, response } = event;
               if (!response.headers['access-control-allow-origin'] && request.headers['origin'])
                 response.headers['access-control-allow-origin'] = { value: request.headers['origin'].value };
               return response; }",
        r#"{ "request": { "headers": { "origin": { "value": "https://a.example" } } } }"#,
        "",
        "/response/headers/access-control-allow-origin/value",
        "https://a.example",
    ),
    (
        "cross origin, on the request",
        REQUEST,
        "function handler(event) { var request = event.request; var headers = request.headers;
               var host = request.headers.host.value;
               if (!headers.origin) headers.origin = { value: `https://${host}` };
               return request; }",
        "{}",
        "",
        "/request/headers/origin/value",
        "https://www.example.com",
    ),
    (
        "the viewer's address",
        REQUEST,
        "async function handler(event) { const request = event.request;
               request.headers['true-client-ip'] = { value: event.viewer.ip }; return request; }",
        "{}",
        "",
        "/request/headers/true-client-ip/value",
        "198.51.100.7",
    ),
    (
        "a single page",
        REQUEST,
        "async function handler(event) { const request = event.request; const uri = request.uri;
               if (uri.endsWith('/')) request.uri += 'index.html';
               else if (!uri.includes('.')) request.uri += '/index.html';
               return request; }",
        r#"{ "request": { "uri": "/blog" } }"#,
        "",
        "/request/uri",
        "/blog/index.html",
    ),
    (
        "a country's page",
        REQUEST,
        "async function handler(event) { const request = event.request; const headers = request.headers;
               const country = headers['cloudfront-viewer-country'];
               if (country && country.value === 'DE') return { statusCode: 302, statusDescription: 'Found',
                 headers: { location: { value: `https://${headers.host.value}/de/index.html` } } };
               return request; }",
        r#"{ "request": { "headers": { "cloudfront-viewer-country": { "value": "DE" } } } }"#,
        "",
        "/response/headers/location/value",
        "https://www.example.com/de/index.html",
    ),
    (
        "an order of parameters",
        REQUEST,
        "function handler(event) { var pairs = [];
               for (var key in event.request.querystring) {
                 var entry = event.request.querystring[key];
                 if (entry.multiValue) entry.multiValue.forEach(function (one) { pairs.push(key + '=' + one.value); });
                 else pairs.push(key + '=' + entry.value);
               }
               event.request.querystring = pairs.sort().join('&'); return event.request; }",
        r#"{ "request": { "querystring": { "b": { "value": "1", "multiValue": [{ "value": "1" }, { "value": "0" }] }, "a": { "value": "2" } } } }"#,
        "",
        "/request/querystring/b/multiValue/0/value",
        "0",
    ),
    (
        "a store's answer",
        REQUEST,
        "import cf from 'cloudfront';
             const kvs = cf.kvs();
             async function handler(event) { const request = event.request; const first = request.uri.split('/')[1];
               try { const to = await kvs.get(first); request.uri = request.uri.replace(first, to); }
               catch (error) { console.log(`nothing for ${first}: ${error}`); }
               return request; }",
        r#"{ "request": { "uri": "/summer/index.html" } }"#,
        r#"{ "data": [{ "key": "summer", "value": "2026" }] }"#,
        "/request/uri",
        "/2026/index.html",
    ),
    (
        "a country's origin",
        REQUEST,
        "import cf from 'cloudfront';
             function handler(event) { const request = event.request;
               const country = request.headers['cloudfront-viewer-country'];
               if (country && country.value === 'DE') {
                 request.headers['x-country'] = { value: country.value };
                 cf.updateRequestOrigin({ domainName: 'eu.example.com', originAccessControlConfig: { enabled: false } }); }
               return request; }",
        r#"{ "request": { "headers": { "cloudfront-viewer-country": { "value": "DE" } } } }"#,
        "",
        "/request/headers/x-country/value",
        "DE",
    ),
];

/// A whole event with the job's own parts in it.
fn event(event_type: &str, parts: &Value) -> Value {
    let mut event = json!({
        "version": "1.0",
        "context": { "eventType": event_type },
        "viewer": { "ip": "198.51.100.7" },
        "request": {
            "method": "GET", "uri": "/index.html", "querystring": {}, "cookies": {},
            "headers": { "host": { "value": "www.example.com" } }
        }
    });
    if event_type == "viewer-response" {
        event["response"] =
            json!({ "statusCode": 200, "statusDescription": "OK", "headers": {}, "cookies": {} });
    }
    for (member, part) in parts.get("request").and_then(Value::as_object).into_iter().flatten() {
        match (event["request"][member].as_object_mut(), part.as_object()) {
            (Some(own), Some(more)) => own.extend(more.clone()),
            _ => event["request"][member] = part.clone(),
        }
    }
    event
}

#[test]
fn the_jobs_of_the_samples_are_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let lines = JOBS.iter().map(|(_, event_type, code, parts, store, ..)| {
        let event = event(event_type, &parse(parts));
        let mut line = json!({ "code": code, "eventType": event_type, "event": event });
        if !store.is_empty() {
            line["kvs"] = parse(store);
        }
        line.to_string() + "\n"
    });
    let answers = batch(folder.path(), &lines.collect::<String>());
    assert_eq!(answers.len(), JOBS.len());
    for ((job, .., pointer, expected), answer) in JOBS.iter().zip(&answers) {
        let found = answer["result"].pointer(pointer).and_then(Value::as_str);
        assert_eq!(found, Some(*expected), "{job}: {answer}");
    }
    let chosen = &answers.last().expect("an answer")["origin"];
    assert_eq!(chosen.pointer("/0/updateRequestOrigin/domainName"), Some(&json!("eu.example.com")));
}
