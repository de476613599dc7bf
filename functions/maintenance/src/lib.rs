//! Answers for an origin that is being worked on, and softens its errors: the same handler for both
//! events, written against the JSON of Lambda@Edge.

wit_bindgen::generate!({ path: "../../wit", world: "lambda" });

use serde_json::{Value, json};
use verge::edge::log;

struct Function;

impl Guest for Function {
    fn handle(event_json: String) -> Result<String, String> {
        let mut event: Value =
            serde_json::from_str(&event_json).map_err(|error| error.to_string())?;
        let cf = event.pointer_mut("/Records/0/cf").ok_or("the event has no Records[0].cf")?;
        let result = match cf["config"]["eventType"].as_str() {
            Some("origin-request") => on_request(cf["request"].take()),
            Some("origin-response") => on_response(cf["response"].take()),
            other => return Err(format!("no such event: {other:?}")),
        };
        Ok(result.to_string())
    }
}

/// The configuration switches the answer on for an origin: by the custom header `x-maintenance:
/// on`.
fn on_request(request: Value) -> Value {
    let switch = request.pointer("/origin/custom/customHeaders/x-maintenance/0/value");
    let closed = switch.and_then(Value::as_str) == Some("on");
    let open_path = request["uri"].as_str().is_some_and(|uri| uri.starts_with("/status"));
    if !closed || open_path {
        return request;
    }
    log::write("closed for maintenance");
    json!({
        "status": "503",
        "statusDescription": "Service Unavailable",
        "headers": {
            "cache-control": [{ "key": "Cache-Control", "value": "no-store" }],
            "content-type": [{ "key": "Content-Type", "value": "text/plain; charset=utf-8" }],
            "retry-after": [{ "key": "Retry-After", "value": "600" }],
        },
        "body": "We are working on it. Please come back in ten minutes.\n",
    })
}

/// A gateway error of the origin is kept for a moment only, and says when to try again.
fn on_response(mut response: Value) -> Value {
    let gateway_error = matches!(response["status"].as_str(), Some("502" | "503" | "504"));
    if gateway_error && let Some(headers) = response["headers"].as_object_mut() {
        headers.insert("cache-control".into(), json!([{ "value": "max-age=1" }]));
        headers.insert("retry-after".into(), json!([{ "value": "5" }]));
    }
    response
}

export!(Function);
