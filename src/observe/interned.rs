//! Things found by name, made at the first sight of the name and kept for ever. Finding takes no lock.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A table that only grows. For names out of the configuration: nothing ever leaves it.
pub(super) struct Interned<T> {
    entries: ArcSwap<HashMap<Box<str>, Arc<T>>>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { entries: ArcSwap::from_pointee(HashMap::new()) }
    }
}

impl<T: Default> Interned<T> {
    /// The thing of this name.
    pub(super) fn get(&self, name: &str) -> Arc<T> {
        if let Some(found) = self.entries.load().get(name) {
            return found.clone();
        }
        // Two threads may both make one; the table keeps the first, and both go on with that.
        let made = Arc::new(T::default());
        self.entries.rcu(|entries| {
            let mut entries = HashMap::clone(entries);
            entries.entry(name.into()).or_insert_with(|| made.clone());
            entries
        });
        self.entries.load().get(name).cloned().unwrap_or(made)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Interned;

    #[test]
    fn threads_that_meet_at_a_new_name_share_one_thing() {
        let table = Interned::<AtomicU64>::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for name in 0..100 {
                        table.get(&name.to_string()).fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        for name in 0..100 {
            assert_eq!(table.get(&name.to_string()).load(Ordering::Relaxed), 8);
        }
    }
}
