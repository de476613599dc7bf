//! Random histories, compared with a map that does the same the simple way.

use std::collections::HashMap;

use bytes::Bytes;
use pingora::cache::trace::Span;
use pingora::cache::{CacheKey, CacheMeta};
use proptest::prelude::*;

use super::*;

const PATHS: [&str; 4] = ["/a", "/a/b", "/b", "/c"];
const ORIGINS: [&str; 2] = ["x", "y"];

/// Which object: path, `Origin`, variant.
type Name = (usize, usize, bool);

#[derive(Clone, Debug)]
enum Step {
    /// An answer arrives in chunks of this size.
    Put(Name, u8, usize),
    /// An answer begins, to be ended by a later step.
    Begin(Name, u8),
    /// The oldest begun answer ends; false: breaks off.
    End(bool),
    Update(Name, u8),
    Purge(Name),
    Invalidate(usize),
    InvalidateBelow(usize),
    Get(Name),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || (0..PATHS.len(), 0..ORIGINS.len(), any::<bool>());
    prop_oneof![
        4 => (name(), any::<u8>(), 1_usize..9).prop_map(|(n, v, c)| Step::Put(n, v, c)),
        2 => (name(), any::<u8>()).prop_map(|(n, v)| Step::Begin(n, v)),
        2 => any::<bool>().prop_map(Step::End),
        1 => (name(), any::<u8>()).prop_map(|(n, v)| Step::Update(n, v)),
        1 => name().prop_map(Step::Purge),
        1 => (0..PATHS.len()).prop_map(Step::Invalidate),
        1 => (0..PATHS.len()).prop_map(Step::InvalidateBelow),
        4 => name().prop_map(Step::Get),
    ]
}

fn body(value: u8) -> Vec<u8> {
    vec![value; usize::from(value) % 20]
}

fn head(value: u8) -> CacheMeta {
    meta(&[("x-value", &value.to_string())])
}

/// The store, and what it should hold: for each name the value of its head and that of its body.
struct History {
    store: &'static Store,
    expected: HashMap<Name, (u8, u8)>,
    /// Begun answers with whether they still count.
    begun: Vec<(Name, u8, MissHandler, bool)>,
}

impl History {
    fn key(&self, (path, origin, variant): Name) -> CacheKey {
        let mut key = key_for(self.store, PATHS[path], ORIGINS[origin]);
        if variant {
            key.set_variance_key([1; 16]);
        }
        key
    }

    fn forget(&mut self, goes: impl Fn(Name) -> bool) {
        self.expected.retain(|&name, _| !goes(name));
        for (name, _, _, counts) in &mut self.begun {
            *counts &= !goes(*name);
        }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Put(name, value, chunk) => {
                let mut writer = begin(self.store, &self.key(name), &head(value)).await;
                for part in body(value).chunks(chunk) {
                    let part = Bytes::copy_from_slice(part);
                    writer.write_body(part, false).await.expect("it fits");
                }
                writer.finish().await.expect("it is complete");
                self.expected.insert(name, (value, value));
            }
            Step::Begin(name, value) => {
                let mut writer = begin(self.store, &self.key(name), &head(value)).await;
                writer.write_body(body(value).into(), false).await.expect("it fits");
                self.begun.push((name, value, writer, true));
            }
            Step::End(complete) if !self.begun.is_empty() => {
                let (name, value, writer, counts) = self.begun.remove(0);
                if !complete {
                    drop(writer);
                    return;
                }
                writer.finish().await.expect("it is complete");
                self.expected.remove(&name);
                if counts {
                    self.expected.insert(name, (value, value));
                }
            }
            Step::End(_) => {}
            Step::Update(name, value) => {
                let span = Span::inactive().handle();
                let key = self.key(name);
                let updated = self.store.update_meta(&key, &head(value), &span).await;
                let known = self.expected.get_mut(&name);
                assert_eq!(updated.expect("an answer"), known.is_some(), "{name:?}");
                if let Some(known) = known {
                    known.0 = value;
                }
            }
            Step::Purge(name) => {
                purge(self.store, &self.key(name)).await;
                self.forget(|other| (other.0, other.1) == (name.0, name.1));
            }
            Step::Invalidate(path) => {
                let target = Target { path: PATHS[path].into(), query: None };
                self.store.invalidate("d", &target, &policy());
                self.forget(|other| other.0 == path);
            }
            Step::InvalidateBelow(path) => {
                let item = Item::parse(&format!("{}*", PATHS[path])).expect("an item");
                self.store.invalidate_matching("d", item);
                self.forget(|other| PATHS[other.0].starts_with(PATHS[path]));
            }
            Step::Get(name) => self.compare(name).await,
        }
    }

    async fn compare(&self, name: Name) {
        let found = lookup(self.store, &self.key(name)).await;
        // What arrives goes before what is stored; its body is not complete, so only the head is
        // compared.
        let newest = self.begun.iter().rev().find(|begun| begun.0 == name);
        if let Some((_, value, _, true)) = newest {
            let (meta, _) = found.expect("joins");
            assert_eq!(meta.headers()["x-value"], value.to_string());
            return;
        }
        match (found, self.expected.get(&name)) {
            (None, None) => {}
            (Some((meta, reader)), Some(&(head, value))) => {
                assert_eq!(meta.headers()["x-value"], head.to_string());
                assert_eq!(body_of(reader).await.expect("complete"), body(value));
            }
            (found, expected) => panic!("{name:?}: {}, {expected:?}", found.is_some()),
        }
    }
}

proptest! {
    #[test]
    fn any_history_leaves_what_a_map_would_hold(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let begun = Vec::new();
            let mut history = History { store: store(), expected: HashMap::new(), begun };
            for step in steps {
                history.run(step).await;
            }
            for path in 0..PATHS.len() {
                for origin in 0..ORIGINS.len() {
                    history.compare((path, origin, false)).await;
                    history.compare((path, origin, true)).await;
                }
            }
            history.begun.clear();
            assert_eq!(history.store.stats().arriving_bytes, 0);
        });
    }
}
