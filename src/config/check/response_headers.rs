//! Response headers policies. spec: CDN behaviours section 5.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::{Unique, values};
use crate::config::defaults;
use crate::config::file::{self, FrameOption, ReferrerPolicyWord};
use crate::config::problem::Problems;
use crate::distribution::policy::{CorsPolicy, PolicyHeader, ResponseHeadersPolicy};
use crate::limits;

/// Header fields that belong to the connection or to the edge itself; `*` ends a prefix.
const NOT_CHANGEABLE: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-*",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
    "x-accel-*",
    "x-amz-cf-*",
    "x-amzn-*",
    "x-cache",
    "x-edge-*",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Methods that `allow_methods` may name.
const CORS_METHODS: &[&str] = &["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "ALL"];

/// One policy.
pub(super) fn check(
    written: &file::ResponseHeadersPolicy,
    at: &str,
    problems: &mut Problems,
) -> Option<ResponseHeadersPolicy> {
    let mut unique = Unique::default();
    let mut remove = Vec::new();
    for (index, name) in written.remove_headers.iter().enumerate() {
        let at = format!("{at}.remove_headers[{index}]");
        if let Some(name) = changeable(name, &at, problems)
            && unique.take(name.as_str(), &at, problems)
        {
            remove.push(name);
        }
    }
    let mut set = security(written.security.as_ref(), &format!("{at}.security"), problems);
    set.extend(custom(&written.custom_header, at, problems));
    let cors = match &written.cors {
        Some(cors) => Some(cross_origin(cors, &format!("{at}.cors"), problems)?),
        None => None,
    };
    Some(ResponseHeadersPolicy {
        name: written.name.clone()?,
        remove,
        set,
        cors,
        server_timing_percent: written.server_timing_percent,
    })
}

fn changeable(name: &str, at: &str, problems: &mut Problems) -> Option<HeaderName> {
    let name = values::header_name(name, at, problems)?;
    if values::listed(NOT_CHANGEABLE, &name) {
        problems.add(at, format!("\"{name}\" is not for policies to change"), "leave it out");
        return None;
    }
    Some(name)
}

fn custom(written: &[file::CustomHeader], at: &str, problems: &mut Problems) -> Vec<PolicyHeader> {
    let most = limits::POLICY_CUSTOM_HEADERS_MAX;
    if written.len() > most {
        let message = format!("{} custom header fields, {most} are allowed", written.len());
        problems.add(format!("{at}.custom_header"), message, "use a viewer-response function");
    }
    let mut unique = Unique::default();
    let mut set = Vec::new();
    for (index, header) in written.iter().enumerate() {
        let at = format!("{at}.custom_header[{index}]");
        let (Some(name), Some(value)) = (&header.header, &header.value) else { continue };
        let name = changeable(name, &format!("{at}.header"), problems);
        let value = field_value(value, &format!("{at}.value"), problems);
        if let (Some(name), Some(value)) = (name, value)
            && unique.take(name.as_str(), &format!("{at}.header"), problems)
        {
            set.push(PolicyHeader { name, value, replace: header.replace.unwrap_or(true) });
        }
    }
    set
}

fn field_value(value: &str, at: &str, problems: &mut Problems) -> Option<HeaderValue> {
    let parsed = HeaderValue::from_str(value).ok();
    if parsed.is_none() {
        problems.add(at, "is not a header field's value", "use one line of visible ASCII text");
    }
    parsed
}

/// The security section as header fields, in CloudFront's order.
fn security(
    written: Option<&file::Security>,
    at: &str,
    problems: &mut Problems,
) -> Vec<PolicyHeader> {
    let Some(written) = written else { return Vec::new() };
    let mut set = Vec::new();
    let mut add = |name, value: &str, replace: Option<bool>, at: &str, problems: &mut Problems| {
        if let Some(value) = field_value(value, at, problems) {
            let name = HeaderName::from_static(name);
            set.push(PolicyHeader { name, value, replace: replace.unwrap_or(true) });
        }
    };
    if let Some(xss) = &written.xss_protection {
        let at = format!("{at}.xss_protection");
        if let Some(value) = xss_protection(xss, &at, problems) {
            add("x-xss-protection", &value, xss.replace, &format!("{at}.report_uri"), problems);
        }
    }
    if let Some(frame) = &written.frame_options {
        let value = match frame.option {
            Some(FrameOption::Deny) => "DENY",
            // Missing is reported already; the value is a stand-in.
            Some(FrameOption::SameOrigin) | None => "SAMEORIGIN",
        };
        add("x-frame-options", value, frame.replace, at, problems);
    }
    if let Some(referrer) = &written.referrer_policy {
        let value = referrer.policy.map_or("", referrer_policy);
        add("referrer-policy", value, referrer.replace, at, problems);
    }
    if let Some(csp) = &written.content_security_policy {
        let at = format!("{at}.content_security_policy.policy");
        let policy = csp.policy.as_deref().unwrap_or_default();
        let most = limits::CONTENT_SECURITY_POLICY_CHARS_MAX;
        if policy.chars().count() > most {
            problems.add(&at, "is too long", format!("use at most {most} characters"));
        }
        add("content-security-policy", policy, csp.replace, &at, problems);
    }
    if let Some(options) = &written.content_type_options {
        add("x-content-type-options", "nosniff", options.replace, at, problems);
    }
    if let Some(transport) = &written.strict_transport_security {
        let value = strict_transport_security(transport, at, problems);
        add("strict-transport-security", &value, transport.replace, at, problems);
    }
    set
}

fn xss_protection(
    written: &file::XssProtection,
    at: &str,
    problems: &mut Problems,
) -> Option<String> {
    let block = written.mode_block.unwrap_or(false);
    match (written.protection?, block, &written.report_uri) {
        (false, false, None) => Some("0".to_owned()),
        (true, false, None) => Some("1".to_owned()),
        (true, true, None) => Some("1; mode=block".to_owned()),
        (true, false, Some(uri)) => Some(format!("1; report={uri}")),
        (true, true, Some(_)) => {
            let message = "cannot stand beside `mode_block`";
            problems.add(format!("{at}.report_uri"), message, "keep one of the two");
            None
        }
        (false, ..) => {
            let message = "is false: there is nothing to block or to report";
            let remedy = "leave `mode_block` and `report_uri` out";
            problems.add(format!("{at}.protection"), message, remedy);
            None
        }
    }
}

/// RFC 6797 section 6.1.
fn strict_transport_security(
    written: &file::StrictTransportSecurity,
    at: &str,
    problems: &mut Problems,
) -> String {
    let age = values::time(
        written.max_age.as_ref(),
        "0s",
        Duration::ZERO..=limits::TTL_MAX,
        format!("{at}.strict_transport_security.max_age"),
        problems,
    );
    let mut value = format!("max-age={}", age.as_secs());
    if written.include_subdomains.unwrap_or(false) {
        value.push_str("; includeSubDomains");
    }
    if written.preload.unwrap_or(false) {
        value.push_str("; preload");
    }
    value
}

fn referrer_policy(word: ReferrerPolicyWord) -> &'static str {
    match word {
        ReferrerPolicyWord::NoReferrer => "no-referrer",
        ReferrerPolicyWord::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
        ReferrerPolicyWord::Origin => "origin",
        ReferrerPolicyWord::OriginWhenCrossOrigin => "origin-when-cross-origin",
        ReferrerPolicyWord::SameOrigin => "same-origin",
        ReferrerPolicyWord::StrictOrigin => "strict-origin",
        ReferrerPolicyWord::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
        ReferrerPolicyWord::UnsafeUrl => "unsafe-url",
    }
}

fn cross_origin(written: &file::Cors, at: &str, problems: &mut Problems) -> Option<CorsPolicy> {
    let allow_origins = written.allow_origins.clone()?;
    if allow_origins.is_empty() {
        problems.add(format!("{at}.allow_origins"), "is empty", "name an origin, or \"*\"");
    }
    for (index, origin) in allow_origins.iter().enumerate() {
        if !is_origin(origin) {
            let message = format!("\"{origin}\" is not an origin");
            let remedy = "write *, https://app.example.com or https://*.example.com";
            problems.add(format!("{at}.allow_origins[{index}]"), message, remedy);
        }
    }
    let methods = written.allow_methods.clone();
    let allow_methods =
        methods.unwrap_or_else(|| defaults::METHODS.iter().map(ToString::to_string).collect());
    for (index, method) in allow_methods.iter().enumerate() {
        if !CORS_METHODS.contains(&method.as_str()) {
            let message = format!("\"{method}\" is not a method");
            let remedy = format!("use {}", CORS_METHODS.join(", "));
            problems.add(format!("{at}.allow_methods[{index}]"), message, remedy);
        }
    }
    let lists =
        [("allow_headers", &written.allow_headers), ("expose_headers", &written.expose_headers)];
    for (word, names) in lists {
        for (index, name) in names.iter().enumerate().filter(|(_, name)| *name != "*") {
            values::header_name(name, &format!("{at}.{word}[{index}]"), problems);
        }
    }
    let max_age = written.max_age.as_ref().map(|age| {
        let range = Duration::ZERO..=limits::TTL_MAX;
        values::time(Some(age), "0s", range, format!("{at}.max_age"), problems)
    });
    Some(CorsPolicy {
        allow_origins,
        allow_methods,
        allow_headers: written.allow_headers.clone(),
        expose_headers: written.expose_headers.clone(),
        allow_credentials: written.allow_credentials.unwrap_or(false),
        max_age,
        replace: written.replace.unwrap_or(true),
    })
}

/// `*`, or scheme and host, the host's left-most label possibly a star, possibly with a port.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let host = text.split_once("://").map_or(text, |(_, host)| host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (host, None),
    };
    port.is_none_or(|port| port == "*" || port.parse::<u16>().is_ok())
        && values::is_host(host.strip_prefix("*.").unwrap_or(host))
}
