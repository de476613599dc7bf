//! The life of a request. The phases below run in the order in which they are written; each is a few lines that name
//! its step, and the step itself is in the module named.
//!
//! | step | phase | module |
//! |---|---|---|
//! | admit: framing, distribution by host, behavior by path | `early_request_filter` | [`viewer`] |
//! | method and protocol policy, **viewer-request** | `request_filter` | [`viewer`] |
//! | cache on or off, key, lookup, verdict on a hit | `request_cache_filter` … | [`caching`] |
//! | **origin-request** with or without the body, origin or group member | `upstream_peer` | [`upstream`], [`body`] |
//! | the request as the origin sees it | `upstream_request_filter` | [`upstream`] |
//! | its body | `request_body_filter` | [`body`] |
//! | **origin-response**, compression, before storing | `upstream_response_filter` | [`upstream`], [`compress`] |
//! | may it be stored, and for how long | `response_cache_filter` | [`caching`] |
//! | **viewer-response**, response headers policy | `response_filter` | [`viewer`] |
//! | one record | `logging` | [`record`] |

mod added;
mod answer;
mod body;
mod cache_status;
mod caching;
mod canned;
mod compress;
pub mod connection;
mod context;
mod debug;
mod error_page;
mod explain;
mod failover;
mod framing;
mod function_origin;
mod head;
mod interim;
mod invalidation;
mod notices;
mod policy;
mod record;
mod revalidation;
mod server_timing;
mod trace;
pub mod unreadable;
mod upstream;
mod viewer;

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use pingora::cache::key::HashBinary;
use pingora::cache::{CacheKey, CacheMeta, ForcedFreshness, HitHandler, RespCacheable};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};

use crate::config::Config;
use crate::distribution::Distribution;
use crate::function::Catalogue;
use crate::observe::access_log::AccessLog;
use crate::observe::metrics::Metrics;
use crate::origin::resolve::Resolver;
use cache_status::Lookup;
use viewer::Admission;

pub use caching::CacheParts;
pub use context::Context;
pub use debug::token as explain_token;
pub use explain::{NotAQuestion, Question};
pub use invalidation::{Invalidated, UnknownDistribution};
pub use notices::Notices;

/// What is served: swapped as a whole when a new configuration is published.
pub struct Published {
    /// The checked configuration.
    pub config: Config,
    /// Its functions, compiled.
    pub functions: Catalogue,
    /// What was said about functions already.
    pub notices: Notices,
    /// The port that viewers are redirected to; `None` without an HTTPS listener.
    pub https_port: Option<u16>,
}

impl Published {
    /// A host name that is no text is nobody's.
    fn distribution_for(&self, host: &[u8]) -> Option<&Arc<Distribution>> {
        self.config.distribution_for(std::str::from_utf8(host).ok()?)
    }
}

/// The edge: what all requests share.
pub struct Edge {
    published: ArcSwap<Published>,
    cache: CacheParts,
    resolver: Resolver,
    revalidations: revalidation::Handover,
    bodies: body::Room,
    access_log: AccessLog,
    metrics: Arc<Metrics>,
}

impl Edge {
    /// An edge that serves `published`.
    #[must_use]
    pub fn new(
        published: Published,
        cache: CacheParts,
        access_log: AccessLog,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            published: ArcSwap::from_pointee(published),
            cache,
            resolver: Resolver::default(),
            revalidations: revalidation::Handover::default(),
            bodies: body::Room::default(),
            access_log,
            metrics,
        }
    }

    /// Serves `published` from the next request on; those under way end as they began.
    pub fn publish(&self, published: Published) {
        self.published.store(Arc::new(published));
    }

    /// One line for each function that is loaded: name and runtime.
    #[must_use]
    pub fn function_summaries(&self) -> Vec<String> {
        let published = self.published.load();
        let functions = &published.config.functions;
        functions.iter().map(|f| format!("{} ({})", f.name, f.runtime.as_str())).collect()
    }

    /// Waits until the access log is written, for `patience` at most.
    pub fn flush(&self, patience: Duration) -> bool {
        self.access_log.flush(patience)
    }
}

/// The edge as pingora drives it, phase by phase. Others keep the edge itself to publish and flush.
pub struct Phases {
    /// The edge.
    pub edge: Arc<Edge>,
}

#[async_trait]
impl ProxyHttp for Phases {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new(self.edge.published.load_full(), self.edge.metrics.begin())
    }

    /// Downstream modules are not used: what the viewer gets is what the functions left.
    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        if session.subrequest_ctx.is_some() {
            if !error_page::take_over(session, ctx) {
                self.edge.revalidations.take_over(session, ctx);
            }
        } else if let Err(error) = viewer::admit(session, ctx) {
            ctx.failure = Some(error);
        }
        Ok(())
    }

    fn allow_spawning_subrequest(&self, _session: &Session, ctx: &Context) -> bool {
        error_page::may_be_needed(ctx)
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        if let Some(error) = ctx.failure.take() {
            answer::failure(session, ctx, error).await?;
            return Ok(true);
        }
        if ctx.background {
            return Ok(false);
        }
        if let Some(objects) = invalidation::purge(&self.edge, session, ctx) {
            answer::purged(session, ctx, objects).await?;
            return Ok(true);
        }
        match viewer::policy(session.req_header(), ctx) {
            Ok(Admission::Admitted) => {}
            Ok(Admission::Redirect) => {
                answer::redirect_to_https(session, ctx).await?;
                return Ok(true);
            }
            Err(error) => {
                answer::failure(session, ctx, error).await?;
                return Ok(true);
            }
        }
        let ran = match viewer::read_body(&self.edge, session, ctx).await {
            Ok(()) => viewer::run_request_functions(session.req_header_mut(), ctx).await,
            Err(error) => Err(error),
        };
        match ran {
            Ok(None) => {
                if ctx.body.is_none() {
                    viewer::invite_body(session).await?;
                }
                return Ok(false);
            }
            Ok(Some(made)) => answer::generated(session, ctx, made).await?,
            Err(error) => answer::failure(session, ctx, error).await?,
        }
        Ok(true)
    }

    fn request_cache_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        self.edge.cache.enable(session, ctx);
        Ok(())
    }

    fn cache_key_callback(&self, session: &Session, ctx: &mut Context) -> Result<CacheKey> {
        self.edge.cache.key(session, ctx)
    }

    fn cache_vary_filter(
        &self,
        meta: &CacheMeta,
        ctx: &mut Context,
        request: &RequestHeader,
    ) -> Option<HashBinary> {
        caching::variance(meta, ctx, request)
    }

    async fn cache_hit_filter(
        &self,
        session: &mut Session,
        _meta: &CacheMeta,
        _hit_handler: &mut HitHandler,
        is_fresh: bool,
        ctx: &mut Context,
    ) -> Result<Option<ForcedFreshness>> {
        // What is stored never answers a POST: its answer may only take the stored one's place.
        if session.req_header().method == Method::POST {
            return Ok(Some(ForcedFreshness::ForceMiss));
        }
        ctx.lookup = if is_fresh { Lookup::Fresh } else { Lookup::Stale };
        Ok(None)
    }

    fn cache_miss(&self, session: &mut Session, ctx: &mut Context) {
        if ctx.lookup != Lookup::Method {
            ctx.lookup = caching::miss(session);
        }
        session.cache.cache_miss();
    }

    fn cache_not_modified_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        _ctx: &mut Context,
    ) -> Result<bool> {
        Ok(caching::is_not_modified(session.req_header(), response))
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut Context,
    ) -> Result<Box<HttpPeer>> {
        upstream::choose_peer(&self.edge, session, ctx).await
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Context,
        error: Box<Error>,
    ) -> Box<Error> {
        failover::connect_failed(session, ctx, error)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: RawFd,
        _digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        ctx.origin.note_connected(reused);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        upstream::write_request(request, ctx)?;
        body::stand_in(session, ctx).await
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        part: &mut Option<Bytes>,
        is_last: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        body::pass(session, part, is_last, ctx);
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if response.status.is_informational() {
            return Ok(());
        }
        upstream::receive(session, response, ctx).await?;
        compress::begin(session, response, ctx)
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        upstream::check_completion(ctx)?;
        compress::pass(body, ctx).map(|()| None)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Context,
        reused: bool,
    ) -> Box<Error> {
        body::put_back(session, ctx);
        failover::exchange_failed(session, ctx, error, reused)
    }

    fn response_cache_filter(
        &self,
        session: &Session,
        response: &ResponseHeader,
        ctx: &mut Context,
    ) -> Result<RespCacheable> {
        if session.req_header().method == Method::POST {
            // Before its answer takes the place of what it makes invalid.
            self.edge.cache.invalidate_after(session, response, ctx);
        }
        Ok(caching::verdict(&self.edge, session, response, ctx))
    }

    fn should_serve_stale(
        &self,
        session: &mut Session,
        ctx: &mut Context,
        error: Option<&Error>,
    ) -> bool {
        let serve = caching::serves_stale(session, ctx, error);
        if serve && error.is_some() {
            // As after a failure: pingora ends the connection that it served something else on.
            session.set_keepalive(None);
            // Bridged, and on record: it must not take the stored answer's place.
            ctx.failure = None;
        }
        if serve && error.is_none() && session.cache.is_cache_lock_writer() {
            self.edge.revalidations.hand_over(session, ctx);
        }
        serve
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if response.status.is_informational() {
            return interim::hand_on(session, response).await;
        }
        ctx.result_type.get_or_insert_with(|| caching::result_type(session));
        self.edge.cache.invalidate_after(session, response, ctx);
        if ctx.background {
            // What is fetched for the edge itself is finished by whoever asked for it.
            return Ok(());
        }
        error_page::replace(session, response, ctx).await?;
        viewer::finish_response(session, response, ctx).await
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        if let Some(replaced) = &mut ctx.replaced_body {
            *body = replaced.body.take();
        }
        Ok(None)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Context,
    ) -> FailToProxy {
        body::put_back(session, ctx);
        let failure = ctx.failure.take().unwrap_or_else(|| failover::unexplained(error));
        let error_code = failure.answer().status;
        // Pingora ends the connection after this, and the head must say so. One that is out cannot be taken back; then the
        // end tells the viewer that the body is short.
        session.set_keepalive(None);
        if session.response_written().is_none()
            && let Err(gone) = answer::failure(session, ctx, failure).await
        {
            tracing::debug!(request_id = %ctx.id, %gone, "the viewer left before the answer");
        }
        FailToProxy { error_code, can_reuse_downstream: false }
    }

    /// The record says it, with the request's id; a second line without it helps nobody.
    fn suppress_error_log(&self, _: &Session, _: &Context, _: &Error) -> bool {
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        let record = record::complete(session, error, ctx);
        self.edge.metrics.observe(&record);
        self.edge.access_log.log(record);
    }
}
