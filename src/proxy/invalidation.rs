//! Invalidation on demand: by the operator through the admin listener, and by `PURGE` from allowed addresses.

use std::sync::Arc;

use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::context::{Context, Route};
use super::{Edge, head};
use crate::cache::invalidate::{Item, Mode, Target};

/// What an invalidation reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalidated {
    /// The distribution's id.
    pub distribution: Arc<str>,
    /// For each item the objects known under it, stored or arriving; `None` for a prefix: it is compared when objects
    /// are asked for.
    pub objects: Vec<Option<u64>>,
}

/// No distribution was named that is there; these are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownDistribution(pub Vec<Arc<str>>);

impl Edge {
    /// Drops, or makes stale, what the items name of a distribution; by its id, which need not be said where there is
    /// only one. Nothing that was asked for before is served as fresh by the time this returns.
    ///
    /// # Errors
    /// There is no such distribution, or several of which none was named.
    pub fn invalidate(
        &self,
        distribution: Option<&str>,
        items: &[Item],
        mode: Mode,
    ) -> Result<Invalidated, UnknownDistribution> {
        let published = self.published.load();
        let all = &published.config.distributions;
        let found = match (distribution, all.as_slice()) {
            (Some(id), _) => all.iter().find(|one| &*one.id == id),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some(found) = found else {
            return Err(UnknownDistribution(all.iter().map(|one| one.id.clone()).collect()));
        };
        let objects = self.cache.store.invalidate(&found.domain_name, items, mode);
        self.metrics.count_invalidations(items.len());
        let (id, mode) = (&found.id, mode.as_str());
        tracing::info!(distribution = %id, items = items.len(), mode, "invalidated");
        Ok(Invalidated { distribution: id.clone(), objects })
    }
}

/// Obeys a `PURGE` from an address that the distribution lists: what lies at its URL goes. Returns how many objects were
/// known there; `None` for any other request.
pub fn purge(edge: &Edge, session: &Session, ctx: &Context) -> Option<u64> {
    let request = session.req_header();
    if request.method.as_str() != "PURGE" {
        return None;
    }
    let Route { distribution, behavior } = ctx.route.as_ref()?;
    if !distribution.purge_from.iter().any(|network| network.contains(ctx.peer.ip)) {
        return None;
    }
    let (path, query) = head::path_and_query(request);
    let target = Target { path: path.to_vec(), query: query.map(<[u8]>::to_vec) };
    let (domain_name, policy) = (&distribution.domain_name, &behavior.cache_policy);
    let objects = edge.cache.store.invalidate_target(domain_name, &target, policy, mode(request));
    edge.metrics.count_invalidations(1);
    Some(objects)
}

/// Soft when the request says so, in the field that clients of other caches know.
fn mode(request: &RequestHeader) -> Mode {
    match request.headers.get("fastly-soft-purge") {
        Some(value) if value.as_bytes() == b"1" => Mode::Soft,
        _ => Mode::Hard,
    }
}
