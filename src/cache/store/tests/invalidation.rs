//! What invalidations reach, how they count, and what they leave.

use proptest::prelude::*;

use super::*;
use crate::cache::tag::Tag;

fn item(text: &str) -> Item {
    Item::parse(text).expect("an item")
}

/// The key of a path with a query string.
fn key_with(store: &Store, path: &str, query: Option<&str>) -> CacheKey {
    let (path, query) = (path.as_bytes(), query.map(str::as_bytes));
    let mut bytes = Vec::new();
    key::primary_key("d", &Method::GET, path, query, &HeaderMap::new(), &policy(), &mut bytes);
    store.key(bytes)
}

/// The head of an answer with these tags.
fn tagged(tags: &[&str]) -> CacheMeta {
    let tags: Vec<_> = tags.iter().map(|tag| Tag::parse(tag.as_bytes()).expect("a tag")).collect();
    let mut meta = meta(&[]);
    Tags::new("d", &tags).mark(&mut meta);
    meta
}

#[tokio::test]
async fn items_name_paths_with_their_query() {
    let cases = [
        ("/a", "/a", None, true),
        ("/a", "/ab", None, false),
        ("/a", "/a", Some("q"), false),
        ("/a?q", "/a", Some("q"), true),
        ("/a?q", "/a", Some("qq"), false),
        ("/a?q*", "/a", Some("qq"), true),
        ("/a*", "/a", Some("q"), true),
        ("/a*", "/a", None, true),
        ("/a?*", "/a", Some(""), true),
        ("/a?*", "/a", None, false),
        ("/dir/*", "/dir", None, false),
        ("/dir/*", "/dir/x/y", None, true),
        ("/*", "/", None, true),
        ("/*", "/x", Some("q"), true),
        ("/a*b", "/a*b", None, true),
        ("/a*b", "/axb", None, false),
        ("/A", "/a", None, false),
    ];
    for (text, path, query, expected) in cases {
        let store = store();
        let key = key_with(store, path, query);
        put(store, &key, &meta(&[]), b"body").await;
        // Others, so that a prefix has neighbours on both sides.
        store.invalidate("d", &["/*?", "/a!*", "/dir/zz*", "/zz*", "#a"].map(item), Mode::Hard);
        store.invalidate("other", &[item(text)], Mode::Hard);
        assert!(lookup(store, &key).await.is_some(), "{path} {query:?} is another's");
        store.invalidate("d", &[item(text)], Mode::Hard);
        let found = lookup(store, &key).await;
        assert_eq!(found.is_none(), expected, "{text} on {path} {query:?}");
    }
}

#[tokio::test]
async fn all_variants_of_a_location_go() {
    let store = store();
    let keys = [key_for(store, "/a", "x"), key_for(store, "/a", "y")];
    let elsewhere = key_for(store, "/b", "x");
    for key in keys.iter().chain([&elsewhere]) {
        put(store, key, &meta(&[]), b"old").await;
    }
    let target = Target { path: b"/a".to_vec(), query: None };
    assert_eq!(store.invalidate_target("d", &target, &policy(), Mode::Hard), 2);
    for key in &keys {
        assert!(lookup(store, key).await.is_none());
    }
    assert!(lookup(store, &elsewhere).await.is_some());
}

#[tokio::test]
async fn objects_are_counted_under_each_of_their_names_once() {
    let store = store();
    for (path, tags) in [("/a", &["one", "ONE", "two"][..]), ("/b", &["two"]), ("/c", &[])] {
        put(store, &key_of(store, path), &tagged(tags), b"body").await;
    }
    let arriving = begin(store, &key_of(store, "/d"), &tagged(&["two"])).await;
    let count = |items: &[&str], mode| {
        let items: Vec<_> = items.iter().copied().map(item).collect();
        store.invalidate("d", &items, mode)
    };
    let known = [Some(1), Some(3), Some(1), None, Some(4), Some(0)];
    let items = ["#one", "#two", "/c", "/c*", "/*", "#none"];
    assert_eq!(count(&items, Mode::Soft), known, "nothing went");
    assert_eq!(count(&["#two"], Mode::Hard), [Some(3)]);
    assert_eq!(count(&["#two", "#none"], Mode::Hard), [Some(0), Some(0)], "they went before");
    assert_eq!(count(&["/*"], Mode::Hard), [Some(4)], "the whole counts by its own invalidations");
    drop(arriving);
    for path in ["/a", "/b", "/c"] {
        assert!(lookup(store, &key_of(store, path)).await.is_none(), "{path}");
    }
    put(store, &key_of(store, "/a"), &tagged(&["two"]), b"new").await;
    assert_eq!(count(&["#two", "/*"], Mode::Hard), [Some(1), Some(1)]);
}

#[tokio::test]
async fn an_answer_that_was_asked_for_before_is_never_served_after() {
    for text in ["/dir/a", "/dir/*", "/*", "#tag"] {
        let store = store();
        let (inside, outside) = (key_of(store, "/dir/a"), key_with(store, "/b", None));
        let mut asked = tagged(&["tag"]);
        store.stamp().mark(&mut asked);
        let arriving = begin(store, &inside, &tagged(&["tag"])).await;
        put(store, &outside, &meta(&[]), b"kept").await;
        store.invalidate("d", &[item(text)], Mode::Hard);
        assert!(lookup(store, &inside).await.is_none(), "{text}: nobody joins");
        arriving.finish().await.expect("it is complete");
        assert!(lookup(store, &inside).await.is_none(), "{text}: nor is it stored");
        put(store, &inside, &asked, b"late").await;
        assert!(lookup(store, &inside).await.is_none(), "{text}: nor what comes later");
        assert_eq!(lookup(store, &outside).await.is_some(), text != "/*");
        put(store, &inside, &tagged(&["tag"]), b"new").await;
        assert!(lookup(store, &inside).await.is_some(), "{text}");
    }
}

#[tokio::test]
async fn a_soft_invalidation_makes_stale_until_the_origin_is_asked() {
    let store = store();
    let key = key_of(store, "/a");
    put(store, &key, &tagged(&["tag"]), b"body").await;
    let before = SystemTime::now();
    for _ in 0..2 {
        store.invalidate("d", &[item("#tag")], Mode::Soft);
    }
    let (found, _) = lookup(store, &key).await.expect("it may be used");
    let since = found.fresh_until().duration_since(before).expect("since the invalidation");
    assert!(!found.is_fresh(SystemTime::now()) && since < Duration::from_secs(10));
    assert_eq!(found.stale_while_revalidate_sec(), 3, "its windows count from there");

    let span = Span::inactive().handle();
    let mut refreshed = tagged(&["other"]);
    store.stamp().mark(&mut refreshed);
    assert!(store.update_meta(&key, &refreshed, &span).await.expect("an answer"));
    assert!(lookup(store, &key).await.expect("a hit").0.is_fresh(SystemTime::now()));
    store.invalidate("d", &[item("#tag")], Mode::Hard);
    assert!(lookup(store, &key).await.is_some(), "the tag went with the old head");

    // Confirmed by an answer that was asked for before it was made stale.
    let mut asked = tagged(&[]);
    store.stamp().mark(&mut asked);
    store.invalidate("d", &[item("/a")], Mode::Soft);
    assert!(store.update_meta(&key, &asked, &span).await.expect("an answer"));
    assert!(!lookup(store, &key).await.expect("it may be used").0.is_fresh(SystemTime::now()));
    store.invalidate("d", &[item("/a")], Mode::Hard);
    assert!(lookup(store, &key).await.is_none());
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_what_is_stored_survives_the_forgetting() {
    let store = store();
    let (kept, stale) = (key_of(store, "/kept"), key_of(store, "/stale"));
    let mut asked = meta(&[]);
    store.stamp().mark(&mut asked);
    put(store, &kept, &meta(&[]), b"kept").await;
    put(store, &stale, &meta(&[]), b"stale").await;
    put(store, &key_of(store, "/gone"), &meta(&[]), b"gone").await;
    store.invalidate("d", &[item("/gone")], Mode::Hard);
    store.invalidate("d", &[item("/stale")], Mode::Soft);
    assert_eq!(store.stats().objects, 3, "nothing is swept yet");
    let long = "x".repeat(3_900);
    for number in 0..5_000 {
        store.invalidate("d", &[item(&format!("/{number}{long}*"))], Mode::Hard);
    }
    assert_eq!(store.stats().objects, 2, "swept once");
    assert!(lookup(store, &kept).await.expect("a hit").0.is_fresh(SystemTime::now()));
    assert!(!lookup(store, &stale).await.expect("it may be used").0.is_fresh(SystemTime::now()));
    put(store, &key_of(store, "/late"), &asked, b"late").await;
    assert!(lookup(store, &key_of(store, "/late")).await.is_none(), "it is not trusted");
}

proptest! {
    #[test]
    fn any_set_of_prefixes_reaches_what_begins_with_one_of_them(
        prefixes in proptest::collection::vec("/[ab/]{0,4}", 0..8),
        path in "/[ab/]{0,6}",
        query in proptest::option::of("[ab]{0,2}"),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let store = store();
            let key = key_with(store, &path, query.as_deref());
            put(store, &key, &meta(&[]), b"body").await;
            // Prefixes that end in a question mark: only what has a query string begins so.
            let items: Vec<_> = prefixes.iter().map(|text| item(&format!("{text}?*"))).collect();
            store.invalidate("d", &items, Mode::Hard);
            let location = query.as_ref().map_or(path.clone(), |query| format!("{path}?{query}"));
            let goes = prefixes.iter().any(|text| location.starts_with(&format!("{text}?")));
            assert_eq!(lookup(store, &key).await.is_none(), goes);
            let items: Vec<_> = prefixes.iter().filter(|text| text.len() > 1).collect();
            let goes = goes || items.iter().any(|text| location.starts_with(text.as_str()));
            let items: Vec<_> = items.iter().map(|text| item(&format!("{text}*"))).collect();
            store.invalidate("d", &items, Mode::Hard);
            assert_eq!(lookup(store, &key).await.is_none(), goes);
        });
    }
}
