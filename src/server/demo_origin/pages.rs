//! What the demo origin has to show: fixed pages, and the request as it was received.

use http::header::COOKIE;
use http::{HeaderMap, Request};
use serde_json::{Value, json};

/// A page that never changes.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) content_type: &'static str,
    pub(super) cache_control: &'static str,
    /// Strong entity tag, quoted.
    pub(super) tag: &'static str,
    pub(super) body: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const MINUTE: &str = "max-age=60";

const HOME: Page = Page {
    content_type: HTML,
    cache_control: MINUTE,
    tag: "\"home-1\"",
    body: "<!doctype html><html lang=\"en\"><title>verge demo origin</title>\n\
        <h1>The demo origin</h1>\n<ul>\n\
        <li><a href=\"/docs/\">/docs/</a> may be cached for a minute\n\
        <li><a href=\"/short\">/short</a> for five seconds\n\
        <li><a href=\"/fresh\">/fresh</a> not at all\n\
        <li><a href=\"/headers\">/headers</a> shows the request as the origin received it\n\
        <li><a href=\"/cookies\">/cookies</a> shows its cookies\n\
        <li><a href=\"/search?q=verge\">/search</a> shows its query\n\
        <li><a href=\"/ab/\">/ab/</a> two variants of one page\n\
        <li><a href=\"/api/items\">/api/items</a> some JSON\n\
        <li><a href=\"/private/report\">/private/report</a> what a gate is for\n\
        <li><a href=\"/slow?ms=500\">/slow</a>, <a href=\"/fail?status=503\">/fail</a>,\n\
        <a href=\"/broken\">/broken</a>, <a href=\"/nonsense\">/nonsense</a> misbehave\n</ul>\n",
};

const DOCS: Page = Page {
    content_type: HTML,
    cache_control: MINUTE,
    tag: "\"docs-1\"",
    body: "<!doctype html><html lang=\"en\"><title>Documentation</title><h1>Documentation</h1>\n",
};

const DOCS_GERMAN: Page = Page {
    content_type: HTML,
    cache_control: MINUTE,
    tag: "\"docs-de-1\"",
    body: "<!doctype html><html lang=\"de\"><title>Dokumentation</title><h1>Dokumentation</h1>\n",
};

const DOCS_FRENCH: Page = Page {
    content_type: HTML,
    cache_control: MINUTE,
    tag: "\"docs-fr-1\"",
    body: "<!doctype html><html lang=\"fr\"><title>Documentation</title><h1>La documentation</h1>\n",
};

const SHORT: Page = Page {
    content_type: "text/plain; charset=utf-8",
    cache_control: "max-age=5",
    tag: "\"short-1\"",
    body: "fresh for five seconds\n",
};

const FRESH: Page = Page {
    content_type: "text/plain; charset=utf-8",
    cache_control: "no-store",
    tag: "\"fresh-1\"",
    body: "never stored\n",
};

const VARIANT_A: Page = Page {
    content_type: HTML,
    cache_control: MINUTE,
    tag: "\"ab-a-1\"",
    body: "<!doctype html><html lang=\"en\"><title>A</title><h1>Variant A</h1>\n",
};

const VARIANT_B: Page = Page {
    content_type: HTML,
    cache_control: MINUTE,
    tag: "\"ab-b-1\"",
    body: "<!doctype html><html lang=\"en\"><title>B</title><h1>Variant B</h1>\n",
};

const REPORT: Page = Page {
    content_type: "text/plain; charset=utf-8",
    cache_control: "private, no-store",
    tag: "\"report-1\"",
    body: "the private report\n",
};

const ITEMS: Page = Page {
    content_type: "application/json",
    cache_control: "s-maxage=30",
    tag: "\"items-1\"",
    body: "{\"items\":[{\"id\":1,\"name\":\"anvil\"},{\"id\":2,\"name\":\"rocket skates\"}]}\n",
};

/// The page at a path.
pub(super) const fn find(path: &str) -> Option<&'static Page> {
    Some(match path.as_bytes() {
        b"/" | b"/index.html" => &HOME,
        b"/docs/index.html" | b"/docs/en/index.html" => &DOCS,
        b"/docs/de/index.html" => &DOCS_GERMAN,
        b"/docs/fr/index.html" => &DOCS_FRENCH,
        b"/short" => &SHORT,
        b"/fresh" => &FRESH,
        b"/ab/a/" | b"/ab/a/index.html" => &VARIANT_A,
        b"/ab/b/" | b"/ab/b/index.html" => &VARIANT_B,
        b"/private/report" => &REPORT,
        b"/api/items" => &ITEMS,
        _ => return None,
    })
}

/// The cookies in the order of their field lines, as `[name, value]` pairs: a repeated name stays visible.
pub(super) fn cookies(headers: &HeaderMap) -> Value {
    let lines = headers.get_all(COOKIE).iter();
    let texts: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    let cookies = texts.iter().flat_map(|line| line.split(';')).filter_map(|pair| {
        let pair = pair.trim();
        (!pair.is_empty()).then(|| pair.split_once('=').unwrap_or((pair, "")))
    });
    json!({ "cookies": cookies.map(|(name, value)| json!([name, value])).collect::<Vec<_>>() })
}

/// The query string as received, and split into `[name, value]` pairs with nothing decoded.
pub(super) fn query(query: Option<&str>) -> Value {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    json!({ "query": query, "parameters": pairs })
}

/// The request line and the header fields as received; bytes that are not UTF-8 show as U+FFFD.
pub(super) fn request_head<B>(request: &Request<B>) -> Value {
    let fields = request.headers().iter();
    let fields: Vec<_> = fields
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "version": format!("{:?}", request.version()),
        "headers": fields,
    })
}
