//! What becomes of a request, told: routed, through its viewer-request functions for real, to its key and what the
//! cache has for it. No origin is asked.

use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use http::header::HOST;
use http::{HeaderMap, Method, Uri};
use pingora::cache::key::CacheHashKey;
use pingora::cache::storage::Storage;
use pingora::cache::trace::Span;
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::RequestHeader;
use serde_json::{Map, Value, json};

use super::cache_status::{Lookup, Ruling};
use super::context::{Context, Route};
use super::trace::{Trace, shortened};
use super::{Edge, added, caching, head, viewer};
use crate::cache::key as cache_key;
use crate::distribution::{Semantics, Target, ViewerPeer};
use crate::error::EdgeError;
use crate::wire::text_of;

/// A request that is only asked about.
#[derive(Clone, Debug)]
pub struct Question {
    /// `http://host/path?query`, or `https:`.
    pub url: Uri,
    /// The method.
    pub method: Method,
    /// Header fields; without `Host`, the URL's is taken.
    pub headers: HeaderMap,
}

/// Why a question has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotAQuestion(pub String);

impl Edge {
    /// Tells what becomes of a request.
    ///
    /// # Errors
    /// The URL is none that could be asked for.
    pub async fn explain(&self, question: &Question) -> Result<Value, NotAQuestion> {
        let (mut request, tls) = request(question)?;
        let mut ctx = Context::new(self.published.load_full(), self.metrics.begin());
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        ctx.peer = ViewerPeer { ip: loopback, port: 0, server_ip: loopback, tls };
        ctx.trace = Some(Box::default());
        let mut told = Map::new();
        told.insert("request".to_owned(), request_told(&request, tls));
        let end = viewer_side(&mut request, &mut ctx).await;
        tell_route(&ctx, &mut told);
        tell_functions(&ctx, &mut told);
        match end {
            End::Answered(answer) => {
                told.insert("answer".to_owned(), answer);
            }
            End::ToTheCache => self.tell_cache(&request, &ctx, &mut told).await,
        }
        Ok(Value::Object(told))
    }

    async fn tell_cache(
        &self,
        request: &RequestHeader,
        ctx: &Context,
        told: &mut Map<String, Value>,
    ) {
        let Ok(route) = ctx.route() else { return };
        told.insert("key".to_owned(), key_told(request, route));
        let known = |lookup: Lookup| json!({ "found": lookup.as_str() });
        let lookup = match caching::unasked(request, route) {
            Some(lookup) => known(lookup),
            None => match self.look_up(request, ctx, route).await {
                (lookup, None) => known(lookup),
                (lookup, Some(found)) => {
                    let ruling = caching::ruling_of_stored(request, route, &found.meta);
                    told.insert("rule".to_owned(), ruling_told(ruling));
                    found_told(lookup, &found.meta, Some(found.known))
                }
            },
        };
        told.insert("lookup".to_owned(), lookup);
    }

    /// What the store has, found as pingora finds it: the key's object, or the variant it leads to.
    async fn look_up(
        &self,
        request: &RequestHeader,
        ctx: &Context,
        route: &Route,
    ) -> (Lookup, Option<Found>) {
        let store = self.cache.store;
        let mut key: CacheKey = store.key(caching::key_bytes(request, route));
        if let Some(wanted) = caching::wanted(request) {
            key.extensions.insert(wanted);
        }
        let known = store.known_at(&key);
        let span = Span::inactive().handle();
        loop {
            let Ok(Some((meta, _))) = store.lookup(&key, &span).await else {
                let is_variant = key.variance_bin().is_some();
                return (if is_variant { Lookup::VaryMiss } else { Lookup::UriMiss }, None);
            };
            if key.variance_bin().is_none()
                && let Some(variance) = caching::variance(&meta, ctx, request)
                && Some(variance) != meta.variance()
            {
                key.set_variance_key(variance);
                continue;
            }
            let is_fresh = meta.is_fresh(SystemTime::now());
            let lookup = if is_fresh { Lookup::Fresh } else { Lookup::Stale };
            return (lookup, Some(Found { meta, known }));
        }
    }
}

struct Found {
    meta: CacheMeta,
    /// Objects at the location: its variants.
    known: u64,
}

enum End {
    /// The edge answers by itself.
    Answered(Value),
    ToTheCache,
}

fn request(question: &Question) -> Result<(RequestHeader, bool), NotAQuestion> {
    let refuse = |text: &str| Err(NotAQuestion(format!("{:?}: {text}", question.url)));
    let tls = match question.url.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return refuse("write http://host/path or https://host/path"),
    };
    let Some(authority) = question.url.authority() else { return refuse("there is no host") };
    let target = question.url.path_and_query().map_or("/", |target| target.as_str());
    let built = RequestHeader::build(question.method.clone(), target.as_bytes(), None);
    let Ok(mut request) = built else { return refuse("this is no request target") };
    let mut add = |name: http::HeaderName, value: http::HeaderValue| {
        request.append_header(name, value).map(drop)
    };
    let mut added = Ok(());
    if !question.headers.contains_key(HOST)
        && let Ok(host) = http::HeaderValue::from_str(authority.as_str())
    {
        added = add(HOST, host);
    }
    for (name, value) in &question.headers {
        added = added.and_then(|()| add(name.clone(), value.clone()));
    }
    match added {
        Ok(()) => Ok((request, tls)),
        Err(_) => refuse("a header field cannot be sent"),
    }
}

/// The phases before the cache, as `proxy/mod.rs` has them.
async fn viewer_side(request: &mut RequestHeader, ctx: &mut Context) -> End {
    let failed = |error: EdgeError| {
        let answer = error.answer();
        End::Answered(json!({ "status": answer.status, "because": error.to_string() }))
    };
    if let Err(error) = viewer::route(request, ctx) {
        return failed(error);
    }
    added::put_unsent(request, ctx);
    match viewer::policy(request, ctx) {
        Ok(viewer::Admission::Redirect) => {
            return End::Answered(
                json!({ "because": "viewer_protocol_policy redirects to HTTPS" }),
            );
        }
        Ok(viewer::Admission::Admitted) => {}
        Err(error) => return failed(error),
    }
    match viewer::run_request_functions(request, ctx).await {
        Ok(None) => End::ToTheCache,
        Ok(Some(made)) => End::Answered(json!({
            "status": made.response.status,
            "because": "a viewer-request function answers",
            "body_bytes": made.response.body.len(),
        })),
        Err(error) => failed(error),
    }
}

/// What is told of a request that was really served, for the answer's header.
#[must_use]
pub fn served(request: &RequestHeader, meta: Option<&CacheMeta>, ctx: &Context) -> Value {
    let mut told = Map::new();
    tell_route(ctx, &mut told);
    tell_functions(ctx, &mut told);
    if let Ok(route) = ctx.route() {
        told.insert("key".to_owned(), key_told(request, route));
    }
    let lookup = match meta {
        Some(meta) => found_told(ctx.lookup, meta, None),
        None => json!({ "found": ctx.lookup.as_str() }),
    };
    told.insert("lookup".to_owned(), lookup);
    let of_stored = || Some(caching::ruling_of_stored(request, ctx.route().ok()?, meta?));
    if let Some(ruling) = ctx.ruling.or_else(of_stored) {
        told.insert("rule".to_owned(), ruling_told(ruling));
    }
    Value::Object(told)
}

fn request_told(request: &RequestHeader, tls: bool) -> Value {
    let (path, query) = head::path_and_query(request);
    let target = head::join_target(path, query);
    let host = request.headers.get(HOST).map(|host| text_of(host.as_bytes()).into_owned());
    json!({
        "method": request.method.as_str(),
        "scheme": if tls { "https" } else { "http" },
        "host": host,
        "target": text_of(&target),
    })
}

fn tell_route(ctx: &Context, told: &mut Map<String, Value>) {
    let Ok(Route { distribution, behavior }) = ctx.route() else { return };
    let semantics = match distribution.semantics {
        Semantics::CloudFront => "cloudfront",
        Semantics::Rfc9111 => "rfc9111",
    };
    let target = match behavior.target {
        Target::Origin(index) => {
            distribution.origins.get(index.0).map(|origin| origin.id.to_string())
        }
        Target::Group(index) => {
            distribution.origin_groups.get(index.0).map(|group| group.id.clone())
        }
    };
    told.insert(
        "distribution".to_owned(),
        json!({
            "id": distribution.id,
            "domain_name": distribution.domain_name,
            "semantics": semantics,
        }),
    );
    let origin_request_policy = behavior.origin_request_policy.as_ref();
    let response_headers_policy = behavior.response_headers_policy.as_ref();
    told.insert(
        "behavior".to_owned(),
        json!({
            "path_pattern": behavior.name,
            "target": target,
            "cache_policy": behavior.cache_policy.name,
            "origin_request_policy": origin_request_policy.map(|policy| &policy.name),
            "response_headers_policy": response_headers_policy.map(|policy| &policy.name),
        }),
    );
}

fn tell_functions(ctx: &Context, told: &mut Map<String, Value>) {
    let nothing = Trace::default();
    let trace = ctx.trace.as_deref().unwrap_or(&nothing);
    let runs = ctx.record.functions.iter().enumerate().map(|(place, run)| {
        json!({
            "name": run.name,
            "event": run.event.as_str(),
            "outcome": run.outcome.as_str(),
            "microseconds": u64::try_from(run.time.as_micros()).unwrap_or(u64::MAX),
            "remembered": run.remembered,
            "changes": trace.of(place),
            "message": run.message,
        })
    });
    told.insert("functions".to_owned(), runs.collect());
}

/// The cache key in one line.
#[must_use]
pub fn key_text(request: &RequestHeader, route: &Route) -> String {
    let parts = cache_key::parts(&caching::key_bytes(request, route)).into_iter();
    let texts = parts.map(|part| format!("{}: {}", part.name, text_of(&part.value)));
    shortened(&texts.collect::<Vec<_>>().join("; "))
}

/// The cache key's parts in their order.
fn key_told(request: &RequestHeader, route: &Route) -> Value {
    let bytes = caching::key_bytes(request, route);
    let parts = cache_key::parts(&bytes)
        .into_iter()
        .map(|part| json!({ "part": part.name, "value": shortened(&text_of(&part.value)) }));
    parts.collect()
}

fn found_told(lookup: Lookup, meta: &CacheMeta, known: Option<u64>) -> Value {
    let left = match meta.fresh_until().duration_since(SystemTime::now()) {
        Ok(left) => left.as_secs_f64(),
        Err(past) => -past.duration().as_secs_f64(),
    };
    json!({
        "found": lookup.as_str(),
        "status": meta.response_header().status.as_u16(),
        "age_seconds": meta.age().as_secs(),
        "fresh_for_seconds": (left * 10.0).round() / 10.0,
        "stale_while_revalidate_seconds": meta.stale_while_revalidate_sec(),
        "stale_if_error_seconds": meta.stale_if_error_sec(),
        "objects_at_location": known,
    })
}

fn ruling_told(ruling: Ruling) -> Value {
    match ruling {
        Ruling::Stored(rule) => {
            let (source, section) = rule.source.told();
            let bound = rule.bound.map(|bound| {
                let (what, section) = bound.told();
                json!({ "what": what, "section": section })
            });
            json!({ "kept": true, "lifetime_from": source, "section": section, "bound": bound })
        }
        Ruling::Passed(reason) => {
            json!({ "kept": false, "because": reason.as_str(), "section": reason.section() })
        }
    }
}
