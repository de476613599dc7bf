//! Random histories, compared with a map that does the same the simple way.

use std::collections::HashMap;

use bytes::Bytes;
use pingora::cache::trace::Span;
use pingora::cache::{CacheKey, CacheMeta};
use proptest::prelude::*;

use super::*;
use crate::cache::tag::Tag;

const PATHS: [&str; 4] = ["/a", "/a/b", "/b", "/c"];
const ORIGINS: [&str; 2] = ["x", "y"];
const TAGS: u8 = 3;

/// Which object: path, `Origin`, variant.
type Name = (usize, usize, bool);

/// What an item of an invalidation names.
#[derive(Clone, Copy, Debug)]
enum Named {
    Path(usize),
    Below(usize),
    Tag(u8),
    Everything,
}

impl Named {
    fn item(self) -> Item {
        let text = match self {
            Self::Path(path) => PATHS[path].to_owned(),
            Self::Below(path) => format!("{}*", PATHS[path]),
            Self::Tag(tag) => format!("#Tag{tag}"),
            Self::Everything => "/*".to_owned(),
        };
        Item::parse(&text).expect("an item")
    }

    /// Whether it means the object with this name and value.
    fn means(self, name: Name, value: u8) -> bool {
        match self {
            Self::Path(path) => name.0 == path,
            Self::Below(path) => PATHS[name.0].starts_with(PATHS[path]),
            Self::Tag(tag) => value % TAGS == tag,
            Self::Everything => true,
        }
    }
}

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
    /// After an unsafe request.
    Invalidate(usize),
    InvalidateItem(Named, Mode),
    Get(Name),
}

fn named() -> impl Strategy<Value = Named> {
    prop_oneof![
        (0..PATHS.len()).prop_map(Named::Path),
        (0..PATHS.len()).prop_map(Named::Below),
        (0..TAGS).prop_map(Named::Tag),
        Just(Named::Everything),
    ]
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
        3 => (named(), any::<bool>()).prop_map(|(named, soft)| {
            Step::InvalidateItem(named, if soft { Mode::Soft } else { Mode::Hard })
        }),
        4 => name().prop_map(Step::Get),
    ]
}

fn body(value: u8) -> Vec<u8> {
    vec![value; usize::from(value) % 20]
}

/// The head of an answer that is asked for now.
fn head(store: &Store, value: u8) -> CacheMeta {
    let mut meta = meta(&[("x-value", &value.to_string())]);
    store.stamp().mark(&mut meta);
    let tag = Tag::parse(format!("tag{}", value % TAGS).as_bytes()).expect("a tag");
    Tags::new("d", &[tag]).mark(&mut meta);
    meta
}

/// What a name should find.
#[derive(Clone, Copy, Debug)]
struct Expected {
    head: u8,
    body: u8,
    is_stale: bool,
}

/// An answer on its way.
struct Begun {
    name: Name,
    writer: MissHandler,
    /// `None` once it was invalidated.
    expected: Option<Expected>,
}

/// The store, and what it should hold.
struct History {
    store: &'static Store,
    expected: HashMap<Name, Expected>,
    begun: Vec<Begun>,
}

impl History {
    fn key(&self, (path, origin, variant): Name) -> CacheKey {
        let mut key = key_for(self.store, PATHS[path], ORIGINS[origin]);
        if variant {
            key.set_variance_key([1; 16]);
        }
        key
    }

    fn forget(&mut self, goes: impl Fn(Name, u8) -> bool) {
        self.expected.retain(|&name, expected| !goes(name, expected.head));
        for begun in &mut self.begun {
            begun.expected = begun.expected.filter(|expected| !goes(begun.name, expected.head));
        }
    }

    fn age(&mut self, named: Named) {
        let stored = self.expected.iter_mut().map(|(&name, expected)| (name, expected));
        let begun = self.begun.iter_mut();
        let begun = begun.filter_map(|begun| Some((begun.name, begun.expected.as_mut()?)));
        for (name, expected) in stored.chain(begun) {
            expected.is_stale |= named.means(name, expected.head);
        }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Put(name, value, chunk) => {
                let mut writer = begin(self.store, &self.key(name), &head(self.store, value)).await;
                for part in body(value).chunks(chunk) {
                    let part = Bytes::copy_from_slice(part);
                    writer.write_body(part, false).await.expect("it fits");
                }
                writer.finish().await.expect("it is complete");
                let expected = Expected { head: value, body: value, is_stale: false };
                self.expected.insert(name, expected);
            }
            Step::Begin(name, value) => {
                let mut writer = begin(self.store, &self.key(name), &head(self.store, value)).await;
                writer.write_body(body(value).into(), false).await.expect("it fits");
                let expected = Some(Expected { head: value, body: value, is_stale: false });
                self.begun.push(Begun { name, writer, expected });
            }
            Step::End(complete) if !self.begun.is_empty() => {
                let Begun { name, writer, expected } = self.begun.remove(0);
                if !complete {
                    drop(writer);
                    return;
                }
                writer.finish().await.expect("it is complete");
                self.expected.remove(&name);
                if let Some(expected) = expected {
                    self.expected.insert(name, expected);
                }
            }
            Step::End(_) => {}
            Step::Update(name, value) => {
                let span = Span::inactive().handle();
                let key = self.key(name);
                let updated = self.store.update_meta(&key, &head(self.store, value), &span).await;
                let known = self.expected.get_mut(&name);
                assert_eq!(updated.expect("an answer"), known.is_some(), "{name:?}");
                if let Some(known) = known {
                    (known.head, known.is_stale) = (value, false);
                }
            }
            Step::Purge(name) => {
                purge(self.store, &self.key(name)).await;
                self.forget(|other, _| (other.0, other.1) == (name.0, name.1));
            }
            Step::Invalidate(path) => {
                let target = Target { path: PATHS[path].into(), query: None };
                self.store.invalidate_target("d", &target, &policy(), Mode::Hard);
                self.forget(|other, _| other.0 == path);
            }
            Step::InvalidateItem(named, mode) => {
                self.store.invalidate("d", &[named.item()], mode);
                match mode {
                    Mode::Hard => self.forget(|name, value| named.means(name, value)),
                    Mode::Soft => self.age(named),
                }
            }
            Step::Get(name) => self.compare(name).await,
        }
    }

    async fn compare(&self, name: Name) {
        let found = lookup(self.store, &self.key(name)).await;
        // What arrives goes before what is stored; its body is not complete, so only the head is
        // compared.
        let newest = self.begun.iter().rev().find(|begun| begun.name == name);
        if let Some(expected) = newest.and_then(|begun| begun.expected)
            && !expected.is_stale
        {
            let (meta, _) = found.expect("joins");
            assert_eq!(meta.headers()["x-value"], expected.head.to_string());
            return;
        }
        match (found, self.expected.get(&name)) {
            (None, None) => {}
            (Some((meta, reader)), Some(expected)) => {
                assert_eq!(meta.headers()["x-value"], expected.head.to_string());
                assert_eq!(meta.is_fresh(SystemTime::now()), !expected.is_stale, "{name:?}");
                assert_eq!(body_of(reader).await.expect("complete"), body(expected.body));
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
