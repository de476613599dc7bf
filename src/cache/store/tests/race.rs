//! Many threads at once: what was invalidated before a lookup began is never what it finds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::*;
use crate::cache::tag::Tag;

const ROUNDS: u64 = 3_000;
const PATHS: [&str; 3] = ["/a", "/b", "/c"];

/// An origin's current version of each path, and the version below which nothing may be served.
#[derive(Default)]
struct Origin {
    current: [AtomicU64; 3],
    invalidated_below: [AtomicU64; 3],
}

/// Asks the origin as a miss does: stamp first, then the answer, then the store.
async fn fill(store: &'static Store, origin: &Origin, index: usize) {
    let key = key_of(store, PATHS[index]);
    let stamp = store.stamp();
    let version = origin.current[index].load(Ordering::SeqCst).to_string();
    // The answer is on its way: the moment for others to invalidate it.
    thread::yield_now();
    let mut answer = meta(&[("x-version", &version)]);
    stamp.mark(&mut answer);
    Tags::new("d", &[tag(index)]).mark(&mut answer);
    put(store, &key, &answer, b"body").await;
}

fn tag(index: usize) -> Tag {
    Tag::parse(format!("tag{index}").as_bytes()).expect("a tag")
}

/// Publishes a new version, and has the old ones gone when it returns, by one of four ways.
fn publish(store: &'static Store, origin: &Origin, index: usize, way: u64) {
    let version = origin.current[index].fetch_add(1, Ordering::SeqCst) + 1;
    let item = match way {
        0 => format!("{}*", PATHS[index]),
        1 => format!("#tag{index}"),
        2 => "/*".to_owned(),
        _ => PATHS[index].to_owned(),
    };
    store.invalidate("d", &[Item::parse(&item).expect("an item")], Mode::Hard);
    origin.invalidated_below[index].fetch_max(version, Ordering::SeqCst);
}

/// Looks up and revalidates; counts the hits.
async fn read(store: &'static Store, origin: &Origin, index: usize) -> u64 {
    let oldest = origin.invalidated_below[index].load(Ordering::SeqCst);
    let key = key_of(store, PATHS[index]);
    let Some((found, _)) = lookup(store, &key).await else { return 0 };
    let version: u64 =
        found.headers()["x-version"].to_str().expect("digits").parse().expect("a number");
    assert!(version >= oldest, "version {version} was served after {oldest} was published");
    let span = Span::inactive().handle();
    store.update_meta(&key, &found, &span).await.expect("an answer");
    1
}

#[test]
fn no_thread_ever_sees_what_was_invalidated_before_it_looked() {
    let store = store();
    let origin = Origin::default();
    let hits = AtomicU64::new(0);
    let run = |work: &(dyn Fn(u64, usize) -> u64 + Sync)| {
        for round in 0..ROUNDS {
            let index = usize::try_from(round % 3).expect("below 3");
            hits.fetch_add(work(round, index), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                run(&|_, index| {
                    now_or_never(fill(store, &origin, index)).expect("a fill never waits");
                    now_or_never(read(store, &origin, index)).expect("a lookup never waits")
                });
            });
        }
        scope.spawn(|| {
            run(&|round, index| {
                if round % 4 == 0 {
                    publish(store, &origin, index, round / 4 % 4);
                }
                0
            });
        });
    });
    assert!(hits.into_inner() > 0, "the readers found something to judge");
}
