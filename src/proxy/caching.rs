//! The cache in a request's life: on or off, which key, which variant, may it be stored, may it be stale.
//!
//! The rules themselves are in [`crate::cache`]; here they meet pingora's state machine.

use std::time::{Duration, SystemTime};

use http::header::{
    CONTENT_LENGTH, HOST, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};
use http::{Method, StatusCode};
use pingora::cache::key::{CacheHashKey, HashBinary};
use pingora::cache::lock::CacheKeyLockImpl;
use pingora::cache::{CacheKey, CacheMeta, CachePhase, NoCacheReason, RespCacheable};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::conditional_filter::not_modified_filter;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};

use super::cache_status::{Lookup, Ruling};
use super::context::{Context, Route};
use super::{Edge, head};
use crate::cache::invalidate::Mode;
use crate::cache::range::{Part, Wanted};
use crate::cache::stale::{self, Failure};
use crate::cache::store::{Store, Tags};
use crate::cache::ttl::{self, Exchange, Lifetime, Reason, Verdict};
use crate::cache::{invalidate, key as cache_key, revalidate, tag, vary};
use crate::distribution::{Distribution, Semantics};
use crate::limits::ERROR_CACHING_MIN_TTL_DEFAULT;

/// The store and the lock that collapses concurrent misses; both live as long as the process.
#[derive(Clone, Copy)]
pub struct CacheParts {
    /// Where objects are.
    pub store: &'static Store,
    /// Who may ask the origin for a key.
    pub lock: &'static CacheKeyLockImpl,
}

impl CacheParts {
    /// Turns caching on for requests whose answers may be stored under the behavior's policy.
    pub fn enable(&self, session: &mut Session, ctx: &mut Context) {
        let Ok(route) = ctx.route() else { return };
        let request = session.req_header();
        let Some(unasked) = unasked(request, route) else {
            let wanted = if ctx.background { None } else { wanted(request) };
            // Without the lock: who wants other bytes has nothing to wait for.
            let lock = wanted.is_none().then_some(self.lock);
            session.cache.enable(self.store, None, None, lock, None);
            ctx.wanted = wanted;
            return;
        };
        let keeps_post = unasked == Lookup::Method
            && route.distribution.semantics == Semantics::Rfc9111
            && may_store_after_post(request);
        ctx.lookup = unasked;
        if keeps_post {
            // Without the lock: each POST reaches the origin, none waits for another.
            session.cache.enable(self.store, None, None, None, None);
        }
    }

    /// The key of the request as viewer-request left it.
    ///
    /// # Errors
    /// A defect of the edge: no behavior was chosen.
    pub fn key(&self, session: &Session, ctx: &Context) -> pingora::Result<CacheKey> {
        let route = ctx
            .route()
            .map_err(|error| Error::explain(ErrorType::InternalError, error.to_string()))?;
        let mut key = self.store.key(key_bytes(session.req_header(), route));
        if let Some(wanted) = &ctx.wanted {
            key.extensions.insert(wanted.clone());
        }
        Ok(key)
    }

    /// An unsafe method that went well makes what is stored for its target unfit (RFC 9111 section 4.4). Its own answer is
    /// newer than that.
    pub fn invalidate_after(
        &self,
        session: &Session,
        response: &ResponseHeader,
        ctx: &mut Context,
    ) {
        let request = session.req_header();
        if request.method.is_safe() || ctx.origin.invalidated {
            return;
        }
        ctx.origin.invalidated = true;
        let Ok(Route { distribution, behavior }) = ctx.route() else { return };
        let (path, query) = head::path_and_query(request);
        let targets = invalidate::by_unsafe_method(
            &request.method,
            path,
            query,
            host(request),
            response.status,
            &response.headers,
        );
        for target in targets {
            let (domain_name, policy) = (&distribution.domain_name, &behavior.cache_policy);
            self.store.invalidate_target(domain_name, &target, policy, Mode::Hard);
        }
        ctx.origin.stamp = Some(self.store.stamp());
    }
}

/// The part that a request wants of an object, if not all of it.
pub fn wanted(request: &RequestHeader) -> Option<Wanted> {
    if request.method == Method::GET { Wanted::of(&request.headers) } else { None }
}

/// Why nobody looks for a stored response; `None`: somebody does.
pub fn unasked(request: &RequestHeader, route: &Route) -> Option<Lookup> {
    if route.behavior.cache_policy.max_ttl.is_zero() {
        return Some(Lookup::Bypass);
    }
    (!route.behavior.cached_methods.contains(&request.method)).then_some(Lookup::Method)
}

/// The bytes of a request's key.
pub fn key_bytes(request: &RequestHeader, route: &Route) -> Vec<u8> {
    let (path, query) = head::path_and_query(request);
    let mut bytes = Vec::new();
    cache_key::primary_key(
        &route.distribution.domain_name,
        &request.method,
        path,
        query,
        &request.headers,
        &route.behavior.cache_policy,
        &mut bytes,
    );
    bytes
}

/// What is decided over a stored response once more, as if it arrived now under the policy of today.
pub fn ruling_of_stored(request: &RequestHeader, route: &Route, stored: &CacheMeta) -> Ruling {
    let response = stored.response_header();
    let exchange = Exchange {
        method: &request.method,
        is_part: true,
        names_target: true,
        // Whether it may be shared was decided with the request that it answered.
        request: &http::HeaderMap::new(),
        status: response.status,
        response: &response.headers,
        now: stored.updated(),
        response_delay: Duration::ZERO,
        error_min_ttl: error_min_ttl(route, response.status.as_u16()),
        semantics: route.distribution.semantics,
    };
    Ruling::of(&ttl::decide(&route.behavior.cache_policy, &exchange))
}

/// Whether the answer to this request might be kept for later GETs (RFC 9110 section 9.3.3). A condition or range of the
/// viewer's would have to be taken out of a request whose answer is kept, so one with them is passed on as it is.
fn may_store_after_post(request: &RequestHeader) -> bool {
    const CONDITIONS: [HeaderName; 6] =
        [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];
    request.method == Method::POST
        && CONDITIONS.iter().all(|name| !request.headers.contains_key(name))
}

/// Only asked where it matters: no other method's answer has to name its target.
fn names_target(request: &RequestHeader, response: &ResponseHeader) -> bool {
    let (path, query) = head::path_and_query(request);
    request.method == Method::POST
        && invalidate::names_target(path, query, host(request), &response.headers)
}

fn host(request: &RequestHeader) -> &[u8] {
    request.headers.get(HOST).map(http::HeaderValue::as_bytes).unwrap_or_default()
}

/// Whether the viewer's condition says that it has this very response already.
pub fn is_not_modified(request: &RequestHeader, response: &ResponseHeader) -> bool {
    not_modified_filter(request, response)
        || response.status == StatusCode::OK
            && matches!(request.method, Method::GET | Method::HEAD)
            && revalidate::is_unmodified_by_date(&request.headers, &response.headers)
}

/// What there is instead of what was asked for: another variant, or nothing.
pub fn miss(session: &Session) -> Lookup {
    match session.cache.maybe_cache_key().and_then(CacheHashKey::variance_bin) {
        Some(_) => Lookup::VaryMiss,
        None => Lookup::UriMiss,
    }
}

/// Which variant of a stored response this request asks for.
pub fn variance(meta: &CacheMeta, ctx: &Context, request: &RequestHeader) -> Option<HashBinary> {
    let behavior = &ctx.route().ok()?.behavior;
    let extra = behavior.origin_request_policy.as_deref();
    vary::variance(meta.headers(), meta.variance(), &request.headers, &behavior.cache_policy, extra)
}

/// May this answer be stored, and for how long. One that says that it is larger than the largest object never arrives at
/// the store, so nobody waits for it.
pub fn verdict(
    edge: &Edge,
    session: &Session,
    response: &ResponseHeader,
    ctx: &mut Context,
) -> RespCacheable {
    let Ok(route) = ctx.route().cloned() else {
        return RespCacheable::Uncacheable(NoCacheReason::InternalError);
    };
    let mut response = response.clone();
    if let Some(fresh) = ctx.origin.not_modified.take()
        && let Some(stored) = session.cache.maybe_cache_meta()
    {
        // Pingora merges five fields of a 304; RFC 9111 section 3.2 asks for all but a few.
        response = stored.response_header_copy();
        merge_not_modified(&mut response, &fresh);
    }
    let now = SystemTime::now();
    let asked = ctx.origin.request.as_ref().map(|request| &request.headers);
    let exchange = Exchange {
        method: &session.req_header().method,
        is_part: ctx.wanted.is_some() && Part::of(&response.headers).is_some(),
        names_target: names_target(session.req_header(), &response),
        request: asked.unwrap_or(&session.req_header().headers),
        status: response.status,
        response: &response.headers,
        now,
        response_delay: ctx.origin.response_delay,
        error_min_ttl: error_min_ttl(&route, response.status.as_u16()),
        semantics: route.distribution.semantics,
    };
    let verdict = match ttl::decide(&route.behavior.cache_policy, &exchange) {
        Verdict::Store(_)
            if content_length(&response) > Some(edge.cache.store.object_bytes_max()) =>
        {
            Verdict::Pass(Reason::TooLarge)
        }
        verdict => verdict,
    };
    ctx.ruling = Some(Ruling::of(&verdict));
    match verdict {
        Verdict::Pass(reason) => RespCacheable::Uncacheable(NoCacheReason::Custom(reason.as_str())),
        Verdict::Store(lifetime) => {
            let tags = cache_tags(edge, &route.distribution, &response);
            let mut meta = meta(response, &lifetime, now);
            if let Some(stamp) = ctx.origin.stamp.take() {
                stamp.mark(&mut meta);
            }
            if let Some(tags) = tags {
                tags.mark(&mut meta);
            }
            RespCacheable::Cacheable(meta)
        }
    }
}

/// The tags that an answer carries; `None` without the field.
fn cache_tags(edge: &Edge, distribution: &Distribution, response: &ResponseHeader) -> Option<Tags> {
    let name = &distribution.cache_tag_header;
    if !response.headers.contains_key(name) {
        return None;
    }
    let tagged = tag::of_response(&response.headers, name);
    edge.metrics.count_dropped_tags(tagged.dropped);
    Some(Tags::new(&distribution.domain_name, &tagged.tags))
}

fn content_length(response: &ResponseHeader) -> Option<u64> {
    response.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn merge_not_modified(stored: &mut ResponseHeader, fresh: &ResponseHeader) {
    let mut headers = stored.headers.clone();
    revalidate::merge(&mut headers, &fresh.headers);
    // Through pingora's own setters: its header type keeps a second table of the names' spelling.
    let names: Vec<_> = fresh.headers.keys().cloned().collect();
    for name in names {
        stored.remove_header(&name);
        for value in headers.get_all(&name) {
            let _ = stored.append_header(name.clone(), value.clone());
        }
    }
}

fn meta(mut response: ResponseHeader, lifetime: &Lifetime, now: SystemTime) -> CacheMeta {
    for name in &lifetime.strip {
        response.remove_header(name);
    }
    let seconds = |window: Duration| u32::try_from(window.as_secs()).unwrap_or(u32::MAX);
    let mut meta = CacheMeta::new(
        lifetime.fresh_until,
        now,
        seconds(lifetime.stale_while_revalidate),
        seconds(lifetime.stale_if_error),
        response,
    );
    meta.set_epoch_override(lifetime.epoch);
    meta
}

fn error_min_ttl(route: &Route, status: u16) -> Duration {
    route
        .distribution
        .custom_error_response(status)
        .map(|custom| custom.error_caching_min_ttl)
        .unwrap_or(match route.distribution.semantics {
            Semantics::CloudFront => ERROR_CACHING_MIN_TTL_DEFAULT,
            Semantics::Rfc9111 => Duration::ZERO,
        })
}

/// May the stale object be served: on an error, or (`None`) while it is refreshed in the background.
pub fn serves_stale(session: &Session, ctx: &mut Context, error: Option<&Error>) -> bool {
    let (Ok(route), Some(meta)) = (ctx.route().cloned(), session.cache.maybe_cache_meta()) else {
        return false;
    };
    let policy = &route.behavior.cache_policy;
    let stale_for = SystemTime::now().duration_since(meta.fresh_until()).unwrap_or_default();
    let Some(error) = error else {
        return stale::may_serve_while_revalidating(meta.headers(), policy, stale_for);
    };
    // A failing function fails its request: only the origin's failures are bridged.
    let functions_failed = matches!(ctx.failure, Some(crate::error::EdgeError::Function { .. }));
    if functions_failed || *error.esource() != ErrorSource::Upstream && ctx.failure.is_none() {
        return false;
    }
    let failure = match error.etype() {
        ErrorType::HTTPStatus(code) => {
            // The answer goes no further, so no later phase notes it.
            ctx.origin.status = Some(*code);
            http::StatusCode::from_u16(*code).map_or(Failure::Unreachable, Failure::Status)
        }
        _ => Failure::Unreachable,
    };
    stale::may_serve_on_error(meta.headers(), policy, failure, stale_for)
}

/// `x-edge-result-type` of an answer from the cache or an origin.
pub fn result_type(session: &Session) -> &'static str {
    match session.cache.phase() {
        CachePhase::Hit | CachePhase::Stale | CachePhase::StaleUpdating => "Hit",
        CachePhase::Revalidated | CachePhase::RevalidatedNoCache(_) => "RefreshHit",
        _ => "Miss",
    }
}
