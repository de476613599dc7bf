//! Edits the origin's response before it is stored: hides the origin's technology, says how long
//! files may be kept, and turns a bare 404 into a page that helps.

wit_bindgen::generate!({ path: "../../wit", world: "origin-response-function" });

use exports::verge::edge::origin_response::Guest;
use verge::edge::types::{Config, Header, Request, Response};

/// Headers that tell an attacker which version of what to look up.
const REVEALING: [&str; 4] = ["server", "x-aspnet-version", "x-powered-by", "x-runtime"];

/// Endings of files whose name changes with their content.
const IMMUTABLE: [&str; 5] = [".css", ".js", ".woff2", ".avif", ".webp"];

struct Function;

impl Guest for Function {
    fn handle(
        _config: Config,
        request: Request,
        mut response: Response,
    ) -> Result<Response, String> {
        response.headers.retain(|header| !REVEALING.contains(&header.name.as_str()));
        if response.status == 404 && accepts_html(&request) {
            replace_by_page(&request, &mut response);
        } else if response.status == 200 && !has(&response, "cache-control") {
            let file = IMMUTABLE.iter().any(|ending| request.uri.ends_with(ending));
            let rule =
                if file { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
            set(&mut response, "cache-control", rule);
        }
        Ok(response)
    }
}

fn accepts_html(request: &Request) -> bool {
    let mut accepts = request.headers.iter().filter(|header| header.name == "accept");
    accepts.any(|header| header.value.contains("text/html"))
}

fn replace_by_page(request: &Request, response: &mut Response) {
    let page = format!(
        "<!doctype html>\n<title>Not found</title>\n<h1>Nothing here</h1>\n\
         <p>There is no <code>{}</code>. <a href=\"/\">Start again</a>.</p>\n",
        escape(&request.uri)
    );
    // These described the body that is thrown away; the edge adds the new length.
    let stale = ["content-length", "content-encoding", "etag", "last-modified"];
    response.headers.retain(|header| !stale.contains(&header.name.as_str()));
    set(response, "content-type", "text/html; charset=utf-8");
    set(response, "cache-control", "public, max-age=10");
    response.body = Some(page.into_bytes());
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn has(response: &Response, name: &str) -> bool {
    response.headers.iter().any(|header| header.name == name)
}

fn set(response: &mut Response, name: &str, value: &str) {
    response.headers.retain(|header| header.name != name);
    response.headers.push(Header { name: name.into(), value: value.into() });
}

export!(Function);
