//! Runs when the edge is about to ask the origin: on a miss, not on a cache hit. Every call begins with new memory.

// The types and the export, made from wit/; its worlds say what else there is to import.
wit_bindgen::generate!({ path: "wit", world: "origin-request-function" });

use exports::verge::edge::origin_request::{Config, Guest, Request, RequestAction};
use verge::edge::log;
use verge::edge::types::{Header, Response};

struct Function;

impl Guest for Function {
    /// An error fails the request with 503; its text goes to the log.
    fn handle(_config: Config, mut request: Request) -> Result<RequestAction, String> {
        // A response in place of the request: the origin is not asked, and the response is stored as the origin's would
        // be.
        if request.uri == "/healthz" {
            return Ok(RequestAction::Respond(healthy()));
        }
        // Many origins give no index of a folder. What the cache is asked for stays the folder's own address.
        if request.uri.ends_with('/') {
            request.headers.push(header("x-original-uri", &request.uri));
            request.uri.push_str("index.html");
            log::write(&format!("asking for {}", request.uri));
        }
        Ok(RequestAction::Forward(request))
    }
}

fn healthy() -> Response {
    Response {
        status: 200,
        status_description: "OK".to_owned(),
        headers: vec![header("content-type", "text/plain"), header("cache-control", "no-store")],
        body: Some(b"ok\n".to_vec()),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: value.to_owned() }
}

export!(Function);
