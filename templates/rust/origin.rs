//! Answers in place of an origin, as a handler of `wasi:http`. The edge stores the answer as it would an origin's. Every
//! call begins with new memory.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Function;

impl Guest for Function {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, more, body) = answer(&request);
        let headers = Fields::new();
        let fields = [("content-type", "application/json")].into_iter().chain(more);
        for (name, value) in fields {
            headers.append(name, value.as_bytes()).expect("a valid header field");
        }
        let response = OutgoingResponse::new(headers);
        response.set_status_code(status).expect("a valid status");
        let content = response.body().expect("asked for once");
        ResponseOutparam::set(out, Ok(response));
        let stream = content.write().expect("asked for once");
        stream.blocking_write_and_flush(body.as_bytes()).expect("the edge reads it");
        drop(stream);
        OutgoingBody::finish(content, None).expect("no length was promised");
    }
}

type Field = (&'static str, &'static str);

/// Status, a further header field, and body.
fn answer(request: &IncomingRequest) -> (u16, Option<Field>, String) {
    let error = |text: &str| format!(r#"{{"error":"{text}"}}"#);
    let target = request.path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    if path != "/hello" {
        return (404, None, error("there is nothing here"));
    }
    if !matches!(request.method(), Method::Get | Method::Head) {
        return (405, Some(("allow", "GET, HEAD")), error("use GET"));
    }
    // Query strings arrive as they were sent, not decoded.
    let name = query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap_or("world");
    if !(1..=40).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return (400, None, error("name must have 1 to 40 letters"));
    }
    (200, Some(("cache-control", "max-age=60")), format!(r#"{{"message":"Hello, {name}!"}}"#))
}

wasip2::http::proxy::export!(Function);
