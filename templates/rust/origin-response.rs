//! Runs when the origin answered, before the answer is stored: also for errors, not on a cache hit. Every call begins with
//! new memory.

// The types and the export, made from wit/; its worlds say what else there is to import.
wit_bindgen::generate!({ path: "wit", world: "origin-response-function" });

use exports::verge::edge::origin_response::{Config, Guest, Request, Response};
use verge::edge::log;
use verge::edge::types::Header;

const NOT_FOUND: &str = "<!doctype html>\n<title>Not found</title>\n<p>There is nothing here.\n";

struct Function;

impl Guest for Function {
    /// An error fails the request with 503; its text goes to the log.
    fn handle(
        _config: Config,
        request: Request,
        mut response: Response,
    ) -> Result<Response, String> {
        set(&mut response, "strict-transport-security", "max-age=31536000");
        // The origin's body is not shown, but can be replaced. Its length is then another one.
        if response.status == 404 {
            set(&mut response, "content-type", "text/html; charset=utf-8");
            response.headers.retain(|header| header.name != "content-length");
            response.body = Some(NOT_FOUND.into());
            log::write(&format!("not found: {}", request.uri));
        }
        Ok(response)
    }
}

/// Names arrive in lower case.
fn set(response: &mut Response, name: &str, value: &str) {
    response.headers.retain(|header| header.name != name);
    response.headers.push(Header { name: name.to_owned(), value: value.to_owned() });
}

export!(Function);
