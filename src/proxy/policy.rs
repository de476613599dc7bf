//! The response headers policy of a behavior, applied to every answer (spec: CDN behaviours section 5).

use http::header::{HeaderName, HeaderValue, ORIGIN};
use pingora::http::{RequestHeader, ResponseHeader};

use super::context::Context;
use super::server_timing;
use crate::distribution::policy::{CorsPolicy, ResponseHeadersPolicy};

/// Removes and sets what the behavior's policy says: removals first, so that a field in both lists ends up set.
pub fn apply(request: &RequestHeader, response: &mut ResponseHeader, ctx: &Context) {
    let Some(route) = &ctx.route else { return };
    let Some(policy) = route.behavior.response_headers_policy.as_deref() else { return };
    apply_policy(policy, request.headers.get(ORIGIN), response);
    if let Some(percent) = policy.server_timing_percent {
        server_timing::apply(percent, request, response, ctx);
    }
}

fn apply_policy(
    policy: &ResponseHeadersPolicy,
    origin: Option<&HeaderValue>,
    response: &mut ResponseHeader,
) {
    for name in &policy.remove {
        response.remove_header(name);
    }
    for header in &policy.set {
        set(response, &header.name, header.value.clone(), header.replace);
    }
    if let (Some(cors), Some(origin)) = (&policy.cors, origin) {
        apply_cors(cors, origin, response);
    }
}

fn set(response: &mut ResponseHeader, name: &HeaderName, value: HeaderValue, replace: bool) {
    if replace || !response.headers.contains_key(name) {
        // Names and values were checked with the configuration; pingora refuses neither then.
        let _ = response.insert_header(name.clone(), value);
    }
}

fn apply_cors(cors: &CorsPolicy, origin: &HeaderValue, response: &mut ResponseHeader) {
    let Some(allowed) = allowed_origin(cors, origin) else { return };
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            set(response, &HeaderName::from_static(name), value, cors.replace);
        }
    };
    if allowed != "*" {
        put("vary", "Origin".to_owned());
    }
    put("access-control-allow-origin", allowed);
    if cors.allow_credentials {
        put("access-control-allow-credentials", "true".to_owned());
    }
    if !cors.allow_methods.is_empty() {
        put("access-control-allow-methods", cors.allow_methods.join(", "));
    }
    if !cors.allow_headers.is_empty() {
        put("access-control-allow-headers", cors.allow_headers.join(", "));
    }
    if !cors.expose_headers.is_empty() {
        put("access-control-expose-headers", cors.expose_headers.join(", "));
    }
    if let Some(age) = cors.max_age {
        put("access-control-max-age", age.as_secs().to_string());
    }
}

/// `*`, or the request's origin when the policy lists it; `https://*.example.com` covers one or more labels.
fn allowed_origin(cors: &CorsPolicy, origin: &HeaderValue) -> Option<String> {
    let origin = origin.to_str().ok()?;
    if cors.allow_origins.iter().any(|allowed| allowed == "*") {
        return Some(if cors.allow_credentials { origin.to_owned() } else { "*".to_owned() });
    }
    let listed = cors.allow_origins.iter().any(|allowed| match allowed.split_once('*') {
        None => allowed.eq_ignore_ascii_case(origin),
        Some((before, after)) => {
            origin.len() > before.len() + after.len()
                && origin.starts_with(before)
                && origin.ends_with(after)
        }
    });
    listed.then(|| origin.to_owned())
}
