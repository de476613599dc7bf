//! Cache behaviors: patterns, methods, targets, policies and functions.

use http::Method;

use super::distribution::Surroundings;
use super::origin::Targets;
use crate::config::file::{self, Associations, OneOrMany, ViewerProtocol};
use crate::config::problem::Problems;
use crate::config::{FunctionSource, Runtime, defaults, suggest, units};
use crate::distribution::{
    Behavior, PathPattern, RequestAssociation, Semantics, ViewerProtocolPolicy, added,
};
use crate::event::EventType;
use crate::ids::FunctionId;
use crate::limits;

/// What a path pattern may contain beside letters and digits. spec: CDN behaviours section 1.
const PATTERN_PUNCTUATION: &[u8] = b"_-.*?$/~\"'@:+&";

/// The sets of methods CloudFront allows.
const METHOD_SETS: [&[Method]; 3] = [
    &[Method::GET, Method::HEAD],
    &[Method::GET, Method::HEAD, Method::OPTIONS],
    &[
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PUT,
        Method::POST,
        Method::PATCH,
        Method::DELETE,
    ],
];

/// Checks that patterns differ and that exactly one behavior, the last, is the default.
pub(super) fn order(written: &[file::Behavior], at: &str, problems: &mut Problems) {
    let most = limits::BEHAVIORS_MAX;
    if written.len() > most {
        let message = format!("{} behaviors, {most} are allowed", written.len());
        problems.add(format!("{at}.behavior"), message, "spread them over distributions");
    }
    let mut patterns: Vec<(String, usize)> = Vec::new();
    for (index, behavior) in written.iter().enumerate() {
        let plain = pattern(behavior).trim_start_matches('/').to_owned();
        let here = format!("{at}.behavior[{index}]");
        let here = match behavior.path_pattern {
            Some(_) => format!("{here}.path_pattern"),
            None => here,
        };
        if let Some((_, first)) = patterns.iter().find(|(other, _)| *other == plain) {
            let message = format!("\"{plain}\" is the pattern of behavior[{first}] already");
            problems.add(here, message, "choose another pattern, or remove one of the two");
        } else if plain == defaults::PATH_PATTERN && hides_others(&written[index + 1..]) {
            let message = "the default behavior hides those after it";
            problems.add(here, message, "move it to the end of the distribution");
        }
        patterns.push((plain, index));
    }
    if !patterns.iter().any(|(pattern, _)| pattern == defaults::PATH_PATTERN) {
        let remedy = "add a last [[distribution.behavior]] without path_pattern";
        problems.add(format!("{at}.behavior"), "there is no default behavior", remedy);
    }
}

/// Whether any of the behaviors behind a default one was meant to be tried; a second default is
/// another problem.
fn hides_others(behind: &[file::Behavior]) -> bool {
    let plain = |behavior| pattern(behavior).trim_start_matches('/');
    !behind.is_empty() && behind.iter().all(|behavior| plain(behavior) != defaults::PATH_PATTERN)
}

fn pattern(written: &file::Behavior) -> &str {
    written.path_pattern.as_deref().unwrap_or(defaults::PATH_PATTERN)
}

/// One behavior.
pub(super) fn check(
    written: &file::Behavior,
    semantics: Semantics,
    targets: &Targets,
    around: &Surroundings<'_>,
    at: &str,
    problems: &mut Problems,
) -> Option<Behavior> {
    let path = |word: &str| format!("{at}.{word}");
    check_pattern(pattern(written), &path("path_pattern"), problems);
    let target = written.target.as_ref();
    let target = target.and_then(|name| targets.find(name, &path("target"), problems));
    let policies = around.policies;
    let cache_policy = written.cache_policy.as_ref();
    let cache_policy =
        cache_policy.and_then(|name| policies.cache.find(name, &path("cache_policy"), problems));
    let origin_request_policy = written.origin_request_policy.as_ref().and_then(|name| {
        policies.origin_request.find(name, &path("origin_request_policy"), problems)
    });
    let response_headers_policy = written.response_headers_policy.as_ref().and_then(|name| {
        policies.response_headers.find(name, &path("response_headers_policy"), problems)
    });
    let viewer_protocol_policy = viewer_protocol(written, around, at, problems);
    let (allowed_methods, cached_methods) = methods(written, semantics, at, problems);
    let on_request = |word, associations, event, problems: &mut Problems| {
        request_functions(associations, event, around, &path(word), problems)
    };
    let on_response = |word, names, event, problems: &mut Problems| {
        response_functions(names, event, around, &path(word), problems)
    };
    let event = EventType::ViewerRequest;
    let viewer_request = on_request("viewer_request", &written.viewer_request, event, problems);
    let event = EventType::OriginRequest;
    let origin_request = on_request("origin_request", &written.origin_request, event, problems);
    let event = EventType::OriginResponse;
    let origin_response = on_response("origin_response", &written.origin_response, event, problems);
    let event = EventType::ViewerResponse;
    let viewer_response = on_response("viewer_response", &written.viewer_response, event, problems);
    one_kind(&viewer_request, &viewer_response, around, at, problems);
    let cache_policy = cache_policy?;
    let added = added::of_policies(&cache_policy, origin_request_policy.as_deref());
    Some(Behavior {
        name: pattern(written).into(),
        path_pattern: PathPattern::new(pattern(written)),
        target: target?,
        viewer_protocol_policy,
        allowed_methods,
        cached_methods,
        compress: written.compress.unwrap_or(false),
        cache_policy,
        added,
        origin_request_policy,
        response_headers_policy,
        viewer_request,
        origin_request,
        origin_response,
        viewer_response,
    })
}

fn check_pattern(pattern: &str, at: &str, problems: &mut Problems) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || PATTERN_PUNCTUATION.contains(&byte);
    let most = limits::PATH_PATTERN_CHARS_MAX;
    if pattern.is_empty() || pattern.len() > most || !pattern.bytes().all(allowed) {
        let punctuation = String::from_utf8_lossy(PATTERN_PUNCTUATION);
        let remedy = format!("use 1 to {most} of A-Z a-z 0-9 {punctuation}");
        problems.add(at, format!("{pattern:?} cannot be a path pattern"), remedy);
    }
}

fn viewer_protocol(
    written: &file::Behavior,
    around: &Surroundings<'_>,
    at: &str,
    problems: &mut Problems,
) -> ViewerProtocolPolicy {
    let policy = match written.viewer_protocol_policy {
        None | Some(ViewerProtocol::AllowAll) => return ViewerProtocolPolicy::AllowAll,
        Some(ViewerProtocol::HttpsOnly) => ViewerProtocolPolicy::HttpsOnly,
        Some(ViewerProtocol::RedirectToHttps) => ViewerProtocolPolicy::RedirectToHttps,
    };
    if !around.has_https {
        let remedy = "add an address to listeners.https, or use allow-all";
        let at = format!("{at}.viewer_protocol_policy");
        problems.add(at, "wants HTTPS, but nothing listens for it", remedy);
    }
    policy
}

/// Allowed and cached methods.
fn methods(
    written: &file::Behavior,
    semantics: Semantics,
    at: &str,
    problems: &mut Problems,
) -> (Vec<Method>, Vec<Method>) {
    let mut set = |word: &str, written: Option<&[String]>, sets: &[&[Method]], remedy: &str| {
        let Some(written) = written else { return METHOD_SETS[0].to_vec() };
        let same = |set: &&&[Method]| {
            set.len() == written.len()
                && set.iter().all(|method| written.iter().any(|word| word == method.as_str()))
        };
        match sets.iter().find(same) {
            Some(set) => set.to_vec(),
            None if semantics == Semantics::Rfc9111 && word == "allowed_methods" => {
                any_methods(written, at, problems)
            }
            None => {
                let message = format!("{written:?} is not one of the sets of methods");
                problems.add(format!("{at}.{word}"), message, remedy);
                Vec::new()
            }
        }
    };
    let allowed = set(
        "allowed_methods",
        written.allowed_methods.as_deref(),
        &METHOD_SETS,
        "use GET, HEAD; or GET, HEAD, OPTIONS; or all of GET, HEAD, OPTIONS, PUT, POST, PATCH, \
         DELETE",
    );
    let cached = set(
        "cached_methods",
        written.cached_methods.as_deref(),
        &METHOD_SETS[..2],
        "use GET, HEAD; or GET, HEAD, OPTIONS",
    );
    // An empty set was reported above.
    if !allowed.is_empty() && cached.iter().any(|method| !allowed.contains(method)) {
        let message = "OPTIONS is cached but not allowed";
        let remedy = "add OPTIONS to allowed_methods";
        problems.add(format!("{at}.cached_methods"), message, remedy);
    }
    (allowed, cached)
}

/// Without CloudFront's sets any method may be allowed; a cache is nothing without GET and HEAD.
fn any_methods(written: &[String], at: &str, problems: &mut Problems) -> Vec<Method> {
    let mut methods = vec![Method::GET, Method::HEAD];
    for (index, word) in written.iter().enumerate() {
        match Method::from_bytes(word.as_bytes()) {
            Ok(Method::CONNECT) | Err(_) => {
                let message = format!("\"{word}\" is no method that can be passed on");
                problems.add(format!("{at}.allowed_methods[{index}]"), message, "remove it");
            }
            Ok(method) if methods.contains(&method) => {}
            Ok(method) => methods.push(method),
        }
    }
    methods
}

fn request_functions(
    written: &Option<Associations>,
    event: EventType,
    around: &Surroundings<'_>,
    at: &str,
    problems: &mut Problems,
) -> Vec<RequestAssociation> {
    let each = written.as_ref().map(Associations::each).unwrap_or_default();
    for (suffix, one) in each.iter().filter(|(_, one)| one.includes_body()) {
        let found = one.name().and_then(|name| around.functions.find(name));
        if let Some((_, Some(source))) = found
            && source.runtime != Runtime::Wasm
        {
            let at = format!("{at}{suffix}.include_body");
            problems.add(at, "is for WebAssembly functions", "leave `include_body` out");
        }
    }
    let named = each.into_iter().map(|(suffix, one)| (suffix, one.name(), one.includes_body()));
    let found = functions(named.collect(), event, around, at, problems);
    let association = |(function, include_body)| RequestAssociation { function, include_body };
    found.into_iter().map(association).collect()
}

fn response_functions(
    written: &Option<OneOrMany>,
    event: EventType,
    around: &Surroundings<'_>,
    at: &str,
    problems: &mut Problems,
) -> Vec<FunctionId> {
    let names = written.as_ref().map(OneOrMany::names).unwrap_or_default();
    let names = names.into_iter().map(|(suffix, name)| (suffix, Some(name), ())).collect();
    let found = functions(names, event, around, at, problems);
    found.into_iter().map(|(id, ())| id).collect()
}

/// CloudFront does not mix its two kinds of functions on the viewer's side of a behavior (spec: Lambda@Edge section 1).
fn one_kind(
    request: &[RequestAssociation],
    response: &[FunctionId],
    around: &Surroundings<'_>,
    at: &str,
    problems: &mut Problems,
) {
    let on_request = request.iter().map(|association| ("viewer_request", association.function));
    let on_response = response.iter().map(|id| ("viewer_response", *id));
    let mut first = None;
    for (word, id) in on_request.chain(on_response) {
        let Some(source) = around.functions.source(id) else { continue };
        let is_component = source.runtime == Runtime::Wasm;
        if *first.get_or_insert(is_component) != is_component {
            let message = "the behavior's viewer events have JavaScript and WebAssembly";
            let remedy = "use one of the two on both, or move WebAssembly to an origin event";
            problems.add(format!("{at}.{word}"), message, remedy);
            return;
        }
    }
}

/// What a component may have at a viewer event (spec: Lambda@Edge section 4).
fn check_viewer_component(source: &FunctionSource, at: &str, problems: &mut Problems) {
    let (time, memory) =
        (limits::VIEWER_COMPONENT_BUDGET_MAX, limits::VIEWER_COMPONENT_MEMORY_BYTES_MAX);
    let name = &source.name;
    if source.viewer_budget > time {
        let has = units::spell_time(source.viewer_budget);
        let most = units::spell_time(time);
        let message =
            format!("\"{name}\" has `timeout` {has}; on viewer events {most} are allowed");
        problems.add(at, message, "shorten it, or leave it out");
    }
    if source.memory_bytes_max > memory {
        let has = units::spell_size(source.memory_bytes_max as u64);
        let most = units::spell_size(memory as u64);
        let message = format!("\"{name}\" has `memory` {has}; on viewer events {most} are allowed");
        problems.add(at, message, "lower it, or leave it out");
    }
}

/// The functions of one event. Each comes as what its path ends in, its name, and what is kept beside it; one without a
/// name was reported before.
fn functions<T>(
    named: Vec<(String, Option<&str>, T)>,
    event: EventType,
    around: &Surroundings<'_>,
    at: &str,
    problems: &mut Problems,
) -> Vec<(FunctionId, T)> {
    let most = limits::FUNCTION_CHAIN_MAX;
    if named.len() > most {
        let message = format!("{} functions, {most} may follow each other", named.len());
        problems.add(at, message, "join some of them into one");
    }
    let mut ids = Vec::new();
    for (suffix, name, beside) in named {
        let Some(name) = name else { continue };
        let at = format!("{at}{suffix}");
        match around.functions.find(name) {
            None if around.functions.some_unnamed() => {}
            None => {
                let known = around.functions.names();
                let remedy = suggest::remedy(name, &known, "use one of");
                problems.add(at, format!("there is no function \"{name}\""), remedy);
            }
            Some((id, source)) => {
                ids.push((id, beside));
                let Some(source) = source else { continue };
                if source.events.contains(&event) {
                    let is_viewers =
                        matches!(event, EventType::ViewerRequest | EventType::ViewerResponse);
                    if is_viewers && source.runtime == Runtime::Wasm {
                        check_viewer_component(source, &at, problems);
                    }
                    continue;
                }
                let kind = source.runtime.as_str();
                let meant: Vec<_> = source.events.iter().map(|event| event.as_str()).collect();
                let message = format!("\"{name}\" ({kind}) does not run on {event}");
                problems.add(at, message, format!("it is for {}", meant.join(", ")));
            }
        }
    }
    ids
}
