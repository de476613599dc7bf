//! The store through pingora's own interface.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method};
use pingora::cache::trace::Span;
use pingora::cache::{HitStatus, HttpCache};
use pingora::http::ResponseHeader;

use super::*;
use crate::distribution::policy::NameSelection;

mod disk;
mod invalidation;
mod model;
mod race;

const KB: u64 = 1 << 10;

fn store() -> &'static Store {
    Store::with_seed(1024 * KB, 64 * KB, 7).leak()
}

fn policy() -> CachePolicy {
    CachePolicy {
        name: "test".to_owned(),
        min_ttl: Duration::ZERO,
        default_ttl: Duration::ZERO,
        max_ttl: Duration::from_secs(60),
        headers: vec![http::header::ORIGIN],
        cookies: NameSelection::None,
        query_strings: NameSelection::All,
        accept_encoding_gzip: false,
        accept_encoding_brotli: false,
    }
}

/// The key of a path, for viewers with this `Origin`.
fn key_for(store: &Store, path: &str, origin: &'static str) -> CacheKey {
    let mut headers = HeaderMap::new();
    headers.insert("origin", http::HeaderValue::from_static(origin));
    let mut bytes = Vec::new();
    let path = path.as_bytes();
    key::primary_key("d", &Method::GET, path, None, &headers, &policy(), &mut bytes);
    store.key(bytes)
}

fn key_of(store: &Store, path: &str) -> CacheKey {
    key_for(store, path, "x")
}

fn meta(fields: &[(&'static str, &str)]) -> CacheMeta {
    let mut header = ResponseHeader::build(200, None).expect("a header");
    for (name, value) in fields {
        header.append_header(*name, *value).expect("a field");
    }
    let now = SystemTime::now();
    CacheMeta::new(now + Duration::from_secs(60), now, 3, 4, header)
}

async fn lookup(store: &'static Store, key: &CacheKey) -> Option<(CacheMeta, HitHandler)> {
    store.lookup(key, &Span::inactive().handle()).await.expect("the store answers")
}

async fn begin(store: &'static Store, key: &CacheKey, meta: &CacheMeta) -> MissHandler {
    store.get_miss_handler(key, meta, &Span::inactive().handle()).await.expect("a writer")
}

async fn put(store: &'static Store, key: &CacheKey, meta: &CacheMeta, body: &[u8]) {
    let mut writer = begin(store, key, meta).await;
    writer.write_body(Bytes::copy_from_slice(body), true).await.expect("it fits");
    writer.finish().await.expect("it is complete");
}

async fn body_of(mut reader: HitHandler) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = reader.read_body().await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn stored_body(store: &'static Store, key: &CacheKey) -> Option<Vec<u8>> {
    let (_, reader) = lookup(store, key).await?;
    Some(body_of(reader).await.expect("a complete body"))
}

async fn own_reader(store: &'static Store, key: &CacheKey, writer: &MissHandler) -> HitHandler {
    let tag = writer.streaming_write_tag();
    let found = store.lookup_streaming_write(key, tag, &Span::inactive().handle()).await;
    found.expect("the store answers").expect("the writer's own reader").1
}

/// What a future says at its first poll.
fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn what_was_written_is_read_back_in_one_piece() {
    let store = store();
    let key = key_of(store, "/a");
    assert!(lookup(store, &key).await.is_none());
    let mut given = meta(&[("etag", "\"1\""), ("x-a", "1"), ("x-a", "2")]);
    given.set_variance([9; 16]);
    given.set_epoch_override(SystemTime::UNIX_EPOCH);
    let mut writer = begin(store, &key, &given).await;
    for (chunk, last) in [("he", false), ("", false), ("llo", false), ("!", true)] {
        writer.write_body(Bytes::from_static(chunk.as_bytes()), last).await.expect("it fits");
    }
    writer.finish().await.expect("it is complete");

    let (found, mut reader) = lookup(store, &key).await.expect("a hit");
    assert_eq!(found.headers(), given.headers());
    assert_eq!(found.response_header().status, 200);
    assert_eq!(found.fresh_until(), given.fresh_until());
    assert_eq!(found.created(), given.created());
    assert_eq!(found.epoch_override(), given.epoch_override());
    assert_eq!(found.variance(), given.variance());
    assert_eq!((found.stale_while_revalidate_sec(), found.stale_if_error_sec()), (3, 4));
    assert_eq!(reader.read_body().await.expect("a body").as_deref(), Some(&b"hello!"[..]));
    assert_eq!(reader.read_body().await.expect("the end"), None);

    assert!(reader.can_seek());
    reader.seek(1, Some(3)).expect("a range");
    assert_eq!(reader.read_body().await.expect("a part").as_deref(), Some(&b"el"[..]));
    reader.seek(4, Some(99)).expect("a range beyond the end");
    assert_eq!(reader.read_body().await.expect("a part").as_deref(), Some(&b"o!"[..]));
    assert!(reader.seek(6, None).is_err());

    put(store, &key, &meta(&[]), b"").await;
    assert_eq!(stored_body(store, &key).await, Some(Vec::new()));
}

#[tokio::test]
async fn readers_read_along_while_a_body_arrives() {
    let store = store();
    let key = key_of(store, "/a");
    let mut writer = begin(store, &key, &meta(&[])).await;
    let mut own = own_reader(store, &key, &writer).await;
    let (_, mut other) = lookup(store, &key).await.expect("joins");
    assert!(now_or_never(other.read_body()).is_none(), "nothing there yet");
    writer.write_body(Bytes::from_static(b"one"), false).await.expect("it fits");
    assert_eq!(other.read_body().await.expect("a chunk").as_deref(), Some(&b"one"[..]));
    assert!(now_or_never(other.read_body()).is_none(), "nothing more yet");
    writer.write_body(Bytes::from_static(b"two"), true).await.expect("it fits");
    writer.finish().await.expect("it is complete");
    assert_eq!(body_of(other).await.expect("the rest"), b"two");
    assert_eq!(own.read_body().await.expect("a chunk").as_deref(), Some(&b"one"[..]));
    assert_eq!(body_of(own).await.expect("the rest"), b"two");
    assert_eq!(stored_body(store, &key).await.as_deref(), Some(&b"onetwo"[..]));
    assert_eq!(store.stats().arriving_bytes, 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_not_an_object() {
    let store = store();
    let key = key_of(store, "/a");
    let mut writer = begin(store, &key, &meta(&[])).await;
    writer.write_body(Bytes::from_static(b"half"), false).await.expect("it fits");
    let (_, reader) = lookup(store, &key).await.expect("joins");
    drop(writer);
    assert!(body_of(reader).await.is_err());
    assert!(lookup(store, &key).await.is_none());
    assert_eq!(store.stats().arriving_bytes, 0);

    let mut writer = begin(store, &key, &meta(&[("content-length", "5")])).await;
    let reader = own_reader(store, &key, &writer).await;
    writer.write_body(Bytes::from_static(b"half"), false).await.expect("it fits");
    assert!(writer.finish().await.is_err(), "shorter than its Content-Length");
    assert!(body_of(reader).await.is_err());
    assert!(lookup(store, &key).await.is_none());
    assert_eq!(store.stats().objects, 0);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_handed_on_and_let_go() {
    let store = store();
    let key = key_of(store, "/a");
    let chunk = Bytes::from(vec![7; 16 << 10]);
    for known_length in [false, true] {
        let length = (16 * chunk.len()).to_string();
        let fields = [("content-length", length.as_str())];
        let meta = meta(if known_length { &fields } else { &[] });
        let mut writer = begin(store, &key, &meta).await;
        let mut own = own_reader(store, &key, &writer).await;
        assert_eq!(lookup(store, &key).await.is_some(), !known_length, "others may join");
        for _ in 0..16 {
            writer.write_body(chunk.clone(), false).await.expect("its reader keeps up");
            assert_eq!(own.read_body().await.expect("a chunk").as_ref(), Some(&chunk));
            assert!(store.stats().arriving_bytes <= 64 * KB, "the limit bounds what is held");
        }
        assert!(lookup(store, &key).await.is_none(), "nobody joins half a body");
        writer.finish().await.expect("it was handed on");
        assert_eq!(own.read_body().await.expect("the end"), None);
        drop(own);
        assert_eq!((store.stats().objects, store.stats().arriving_bytes), (0, 0));
    }
    assert_eq!(store.stats().refused, 2);
}

#[tokio::test]
async fn a_reader_that_falls_too_far_behind_loses_the_body() {
    let store = store();
    let key = key_of(store, "/a");
    let mut writer = begin(store, &key, &meta(&[])).await;
    let mut own = own_reader(store, &key, &writer).await;
    let (_, mut slow) = lookup(store, &key).await.expect("joins");
    let chunk = Bytes::from(vec![7; 24 << 10]);
    for _ in 0..4 {
        writer.write_body(chunk.clone(), false).await.expect("the other one keeps up");
        assert_eq!(own.read_body().await.expect("a chunk").as_ref(), Some(&chunk));
    }
    assert!(slow.read_body().await.is_err(), "96 KB behind");
    assert_eq!(store.stats().arriving_bytes, 0, "nothing is kept for it");

    // Beyond the limit, a reader gets in one piece what came since it read last.
    writer.write_body(chunk.clone(), false).await.expect("24 KB behind");
    writer.write_body(chunk.clone(), false).await.expect("48 KB behind");
    assert_eq!(own.read_body().await.expect("both").map(|all| all.len()), Some(48 << 10));
    writer.write_body(chunk.clone(), false).await.expect("24 KB behind");
    writer.write_body(chunk.clone(), false).await.expect("48 KB behind");
    assert!(writer.write_body(chunk, false).await.is_err(), "nobody is left");
    assert!(own.read_body().await.is_err());
    drop(writer);
    assert_eq!(store.stats().arriving_bytes, 0);
}

#[tokio::test]
async fn arriving_bodies_are_bounded_together() {
    let store = Store::with_seed(256 * KB, 64 * KB, 7).leak();
    let mut arriving = Vec::new();
    for name in ["/a", "/b", "/c"] {
        let key = key_of(store, name);
        let mut writer = begin(store, &key, &meta(&[])).await;
        let mut reader = own_reader(store, &key, &writer).await;
        writer.write_body(Bytes::from(vec![7; 30 << 10]), true).await.expect("it fits");
        assert!(reader.read_body().await.expect("all of it").is_some());
        arriving.push((writer, reader));
    }
    // 30 + 30 KB stay below a quarter of 256 KB; the third is passed, and was read.
    assert_eq!(store.stats().arriving_bytes, 60 * KB);
    for (writer, _reader) in arriving {
        writer.finish().await.expect("it is complete");
    }
    let stats = store.stats();
    assert_eq!((stats.objects, stats.refused, stats.arriving_bytes), (2, 1, 0));
    assert!(lookup(store, &key_of(store, "/c")).await.is_none());
}

#[tokio::test]
async fn a_hash_collision_never_shows_another_object() {
    let store = store();
    let (mut one, mut other) = (key_of(store, "/one"), key_of(store, "/other"));
    one.set_primary_bin_override([1; 16]);
    other.set_primary_bin_override([1; 16]);
    put(store, &one, &meta(&[]), b"one").await;
    assert_eq!(stored_body(store, &one).await.as_deref(), Some(&b"one"[..]));
    assert!(lookup(store, &other).await.is_none());
    let writer = begin(store, &other, &meta(&[])).await;
    assert_eq!(
        stored_body(store, &one).await.as_deref(),
        Some(&b"one"[..]),
        "nor one that arrives"
    );
    drop(writer);
    let span = Span::inactive().handle();
    assert!(!store.update_meta(&other, &meta(&[]), &span).await.expect("an answer"));
}

#[tokio::test]
async fn eviction_keeps_the_bytes_within_the_bound() {
    let store = store();
    for number in 0..400 {
        let key = key_of(store, &format!("/{number}"));
        put(store, &key, &meta(&[("x-a", "value")]), &[7; 10 << 10]).await;
        assert!(store.stats().bytes <= 1024 * KB);
    }
    let stats = store.stats();
    assert!(stats.objects > 50, "{stats:?}");
    assert_eq!(stats.objects + stats.evictions, 400, "{stats:?}");
    assert!(stats.bytes > stats.objects * (10 * KB + 512), "heads weigh too: {stats:?}");
}

async fn purge(store: &'static Store, key: &CacheKey) -> PurgeOutcome {
    let compact = key.to_compact();
    let target = PurgeTarget::Active(&compact);
    let span = Span::inactive().handle();
    store.purge(target, PurgeType::Invalidation, &span).await.expect("an answer")
}

#[tokio::test]
async fn a_purge_cannot_be_outrun() {
    let store = store();
    let key = key_of(store, "/a");
    assert_eq!(purge(store, &key).await, PurgeOutcome::NotFound);
    put(store, &key, &meta(&[]), b"old").await;
    let mut variant = key.clone();
    variant.set_variance_key([3; 16]);
    put(store, &variant, &meta(&[]), b"variant").await;
    let arriving = begin(store, &key, &meta(&[])).await;
    // Asked before the purge, its head arrives afterwards.
    let asked = store.stamp();
    assert_eq!(purge(store, &key).await, PurgeOutcome::Purged(None));

    let span = Span::inactive().handle();
    assert!(!store.update_meta(&key, &meta(&[]), &span).await.expect("an answer"));
    assert!(lookup(store, &key).await.is_none(), "nor what arrives");
    assert!(lookup(store, &variant).await.is_none(), "all variants go");
    arriving.finish().await.expect("it is complete");
    assert!(lookup(store, &key).await.is_none());
    let mut late = meta(&[]);
    asked.mark(&mut late);
    put(store, &key, &late, b"late").await;
    assert!(lookup(store, &key).await.is_none(), "asked for before the purge");
    put(store, &key, &meta(&[]), b"new").await;
    assert_eq!(stored_body(store, &key).await.as_deref(), Some(&b"new"[..]));
}

#[tokio::test]
async fn revalidation_changes_the_head_and_keeps_body_and_creation() {
    let store = store();
    let key = key_of(store, "/a");
    let first = meta(&[("etag", "\"1\""), ("x-a", "old")]);
    put(store, &key, &first, b"body").await;
    let mut cache = HttpCache::new();
    cache.enable(store, None, None, None, None);
    cache.set_cache_key(key.clone());
    let (found, reader) = cache.cache_lookup().await.expect("an answer").expect("a hit");
    cache.cache_found(found, reader, HitStatus::Expired);
    let mut header = ResponseHeader::build(200, None).expect("a header");
    header.append_header("x-a", "new").expect("a field");
    let later = first.created() + Duration::from_secs(100);
    let second = CacheMeta::new(later + Duration::from_secs(9), later, 1, 2, header);
    assert!(cache.revalidate_cache_meta(second).await.expect("an answer"), "it was updated");

    for _ in 0..2 {
        let (found, _) = lookup(store, &key).await.expect("a hit");
        assert_eq!(found.created(), first.created());
        assert_eq!(found.updated(), later);
        assert_eq!(found.fresh_until(), later + Duration::from_secs(9));
        assert_eq!(found.headers()["x-a"], "new");
        assert!(!found.headers().contains_key("etag"));
        // A second revalidation starts from the first one's result.
        let span = Span::inactive().handle();
        assert!(store.update_meta(&key, &found, &span).await.expect("an answer"));
    }
    assert_eq!(stored_body(store, &key).await.as_deref(), Some(&b"body"[..]));
}

#[tokio::test]
async fn a_revalidation_does_not_replace_what_came_in_between() {
    let store = store();
    let key = key_of(store, "/a");
    let slot = Slot::of(&key);
    put(store, &key, &meta(&[]), b"old").await;
    let (old, _) = store.stored(&key, &slot).expect("stored");
    let head = Arc::new(old.head.revalidated(&key, &meta(&[])).expect("a head"));
    let revalidated = Arc::new(old.with_head(head));
    put(store, &key, &meta(&[]), b"new").await;
    assert!(!store.replace(&slot, &old, Arc::clone(&revalidated)));
    assert_eq!(stored_body(store, &key).await.as_deref(), Some(&b"new"[..]));
    store.objects.remove(&slot);
    assert!(!store.replace(&slot, &old, revalidated));
    assert!(lookup(store, &key).await.is_none(), "nor does it bring back what is gone");
}

#[tokio::test]
async fn an_arriving_body_answers_the_ranges_it_has_reached() {
    let store = store();
    let mut key = key_of(store, "/a");
    let mut writer = begin(store, &key, &meta(&[("content-length", "10")])).await;
    writer.write_body(Bytes::from_static(b"01234"), false).await.expect("it fits");
    let mut request = HeaderMap::new();
    request.insert("range", http::HeaderValue::from_static("bytes=7-8"));
    key.extensions.insert(Wanted::of(&request).expect("one range"));
    assert!(lookup(store, &key).await.is_none(), "it is too far on to be waited for");
    request.insert("range", http::HeaderValue::from_static("bytes=3-6"));
    key.extensions.insert(Wanted::of(&request).expect("one range"));
    let (_, mut reader) = lookup(store, &key).await.expect("it arrives");
    assert!(reader.can_seek());
    reader.seek(3, Some(7)).expect("a range");
    assert_eq!(reader.read_body().await.expect("a piece"), Some(Bytes::from_static(b"34")));
    assert!(now_or_never(reader.read_body()).is_none(), "the rest is awaited");
    writer.write_body(Bytes::from_static(b"56789"), true).await.expect("it fits");
    assert_eq!(reader.read_body().await.expect("a piece"), Some(Bytes::from_static(b"56")));
    assert_eq!(reader.read_body().await.expect("the end"), None);
    writer.finish().await.expect("it is complete");
}

#[tokio::test]
async fn an_arriving_part_answers_the_same_range_and_no_other() {
    let store = store();
    let mut key = key_of(store, "/a");
    let mut header = ResponseHeader::build(206, None).expect("a header");
    header.append_header("content-range", "bytes 2-4/10").expect("a field");
    let now = SystemTime::now();
    let part = CacheMeta::new(now + Duration::from_secs(60), now, 0, 0, header);
    let mut writer = begin(store, &key, &part).await;
    writer.write_body(Bytes::from_static(b"23"), false).await.expect("it fits");
    assert!(lookup(store, &key).await.is_none(), "the whole is wanted");
    for (range, joins) in [("bytes=2-4", true), ("bytes=2-3", false), ("bytes=-8", false)] {
        let mut request = HeaderMap::new();
        request.insert("range", http::HeaderValue::from_static(range));
        key.extensions.insert(Wanted::of(&request).expect("one range"));
        assert_eq!(lookup(store, &key).await.is_some(), joins, "{range}");
    }
    drop(writer);
    assert!(lookup(store, &key).await.is_none(), "it broke off");
}
