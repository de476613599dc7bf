//! Key-value stores: names and ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Unique, values};
use crate::config::file::KeyValueStore;
use crate::config::problem::Problems;
use crate::config::suggest;
use crate::kv::{NamedStore, Store};
use crate::limits;

/// All key-value stores, by name.
#[derive(Default)]
pub(super) struct Stores {
    /// `None`: reported already.
    named: BTreeMap<String, Option<Arc<NamedStore>>>,
    /// Whether one could not even be named: a reference to it must not be reported as unknown.
    some_unnamed: bool,
}

impl Stores {
    /// Checks every store. `contents` are by position.
    pub(super) fn check(
        written: &[KeyValueStore],
        contents: Vec<Option<Store>>,
        problems: &mut Problems,
    ) -> Self {
        let (mut names, mut ids) = (Unique::default(), Unique::default());
        let mut all = Self::default();
        for (index, (store, content)) in written.iter().zip(contents).enumerate() {
            let at = |word| format!("key_value_store[{index}].{word}");
            let id = store.id.as_ref();
            let identified = id.is_none_or(|id| {
                identifier(id, &at("id"), problems) && ids.take(id, &at("id"), problems)
            });
            let Some(name) = &store.name else {
                all.some_unnamed = true;
                continue;
            };
            let good = values::identifier(name, &at("name"), problems);
            if names.take(name, &at("name"), problems) {
                let content = content.filter(|_| good && identified);
                let made =
                    content.map(|content| NamedStore::new(name.clone(), id.cloned(), content));
                all.named.insert(name.clone(), made);
            }
        }
        all
    }

    /// The store that a function names: `written` at `at`. CloudFront associates one with a function.
    pub(super) fn of_function(
        &self,
        written: &[String],
        at: &str,
        problems: &mut Problems,
    ) -> Option<Arc<NamedStore>> {
        let name = written.first()?;
        if written.len() > 1 {
            let message = format!("names {} stores; a function reads one", written.len());
            let remedy = "keep one, and put the entries of the others into it";
            problems.add(at, message, remedy);
        }
        match self.named.get(name) {
            Some(store) => store.clone(),
            None => {
                if !self.some_unnamed {
                    let known: Vec<&str> = self.named.keys().map(String::as_str).collect();
                    let remedy = suggest::remedy(name, &known, "use a [[key_value_store]]");
                    let message = format!("there is no key-value store \"{name}\"");
                    problems.add(format!("{at}[0]"), message, remedy);
                }
                None
            }
        }
    }
}

/// What `cf.kvs()` can be given: an id or an ARN.
fn identifier(id: &str, at: &str, problems: &mut Problems) -> bool {
    let most = limits::KEY_VALUE_STORE_ID_CHARS_MAX;
    let good = (1..=most).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !good {
        let message = format!("is not an id: 1 to {most} characters of ASCII without spaces");
        problems.add(at, message, "use the store's id or ARN, or leave `id` out");
    }
    good
}
