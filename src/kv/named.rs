//! A store as functions know it: a name, an id, and whatever content it has now.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Store, Version};

/// A store that functions are associated with. Its content can be replaced at any time.
pub struct NamedStore {
    name: String,
    id: Option<String>,
    current: ArcSwap<Store>,
}

/// The store of one call: its content stays as it was when the call began.
#[derive(Clone, Debug)]
pub struct Reading {
    named: Arc<NamedStore>,
    store: Arc<Store>,
}

/// A function asked for a store by an id that is not that of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OtherStore;

impl NamedStore {
    /// A store with its first content. Functions pass `id`, an id or an ARN, to `cf.kvs`; without one any id will do.
    #[must_use]
    pub fn new(name: String, id: Option<String>, store: Store) -> Arc<Self> {
        Arc::new(Self { name, id, current: ArcSwap::from_pointee(store) })
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id, if it was given one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it holds now.
    #[must_use]
    pub fn current(&self) -> Arc<Store> {
        self.current.load_full()
    }

    /// Replaces what it holds, for calls that begin from now on.
    pub fn publish(&self, store: Store) {
        self.current.store(Arc::new(store));
    }

    /// What a call that begins now reads until it ends.
    #[must_use]
    pub fn read(self: &Arc<Self>) -> Reading {
        Reading { named: Arc::clone(self), store: self.current() }
    }

    /// Whether `cf.kvs(asked)` means this store: nothing was asked for, or its name or id; of ARNs the last part counts.
    fn is_called(&self, asked: &str) -> bool {
        let last = |id: &'_ str| id.rfind('/').map_or(0, |slash| slash + 1);
        let same = |id: &String| asked.get(last(asked)..) == id.get(last(id)..);
        asked.is_empty() || asked == self.name || self.id.as_ref().is_none_or(same)
    }
}

impl Reading {
    /// What tells this content from others.
    #[must_use]
    pub fn version(&self) -> Version {
        self.store.version()
    }

    /// The content, for a function that passed `id` to `cf.kvs`; empty for one that passed nothing.
    ///
    /// # Errors
    /// When that is another store's id.
    pub fn store(&self, id: &str) -> Result<&Store, OtherStore> {
        if self.named.is_called(id) { Ok(&self.store) } else { Err(OtherStore) }
    }
}

impl fmt::Debug for NamedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("NamedStore");
        shown.field("name", &self.name).field("id", &self.id).field("current", &self.current());
        shown.finish()
    }
}

impl PartialEq for NamedStore {
    fn eq(&self, other: &Self) -> bool {
        let version = |store: &Self| store.current().version();
        self.name == other.name && self.id == other.id && version(self) == version(other)
    }
}

impl Eq for NamedStore {}
