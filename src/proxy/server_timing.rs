//! `Server-Timing` of a response headers policy, with CloudFront's metrics (spec: CDN behaviours section 5).

use std::fmt::Write as _;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue, PRAGMA};
use pingora::http::{RequestHeader, ResponseHeader};

use super::context::Context;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Adds the field to this share of answers, and to those whose request has `Pragma: server-timing`.
pub fn apply(percent: f64, request: &RequestHeader, response: &mut ResponseHeader, ctx: &Context) {
    if !is_asked_for(request) && fastrand::f64() * 100.0 >= percent {
        return;
    }
    let is_hit = matches!(ctx.result_type, Some("Hit" | "RefreshHit"));
    if is_hit {
        // What the origin measured was about another request.
        response.remove_header(&SERVER_TIMING);
    }
    if let Ok(value) = HeaderValue::from_str(&metrics(ctx)) {
        // A valid name and value: pingora refuses neither.
        let _ = response.append_header(SERVER_TIMING, value);
    }
}

fn is_asked_for(request: &RequestHeader) -> bool {
    let lines = request.headers.get_all(PRAGMA).iter();
    let mut words = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"server-timing"))
}

fn metrics(ctx: &Context) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut add = |metric: std::fmt::Arguments<'_>| {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{metric}");
    };
    let origin = &ctx.origin;
    if origin.status.is_some() {
        add(format_args!("cdn-upstream-layer;desc=\"EDGE\""));
        add(format_args!("cdn-upstream-dns;dur={}", milliseconds(origin.resolving)));
        add(format_args!("cdn-upstream-connect;dur={}", milliseconds(origin.connecting)));
        add(format_args!("cdn-upstream-fbl;dur={}", milliseconds(origin.response_delay)));
    }
    match ctx.result_type {
        Some("Hit") => add(format_args!("cdn-cache-hit")),
        Some("RefreshHit") => add(format_args!("cdn-cache-refresh")),
        Some("Miss") => add(format_args!("cdn-cache-miss")),
        // The cache had no part in it.
        _ => {}
    }
    // An identifier: needs no escapes.
    add(format_args!("cdn-pop;desc=\"{}\"", ctx.published.config.edge.name));
    add(format_args!("cdn-rid;desc=\"{}\"", ctx.id));
    if matches!(ctx.result_type, Some("Hit" | "RefreshHit")) {
        add(format_args!("cdn-hit-layer;desc=\"EDGE\""));
    }
    add(format_args!("cdn-downstream-fbl;dur={}", milliseconds(ctx.started.elapsed())));
    text
}

fn milliseconds(time: Duration) -> u128 {
    time.as_millis()
}
