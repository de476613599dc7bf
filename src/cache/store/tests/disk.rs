//! The disk tier: what comes back from a folder as a crash would leave it.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::cache::store::generations::Stamp;
use crate::cache::tag::Tag;
use crate::limits::CACHE_DISK_SEGMENT_BYTES;

const DISK_BYTES: u64 = 64 << 20;

fn open_at(folder: &Path, bytes_max: u64) -> Result<&'static Store, DiskError> {
    let settings = DiskSettings { directory: folder.to_owned(), bytes_max };
    Store::with_seed(1024 * KB, 64 * KB, 7).with_disk(&settings).map(Store::leak)
}

/// A store with a new disk tier.
fn store_on_disk() -> (&'static Store, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(folder.path(), DISK_BYTES).expect("it can be written");
    (store, folder)
}

/// What a crash at this moment would leave.
fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
        }
    }
    copy
}

/// The store that starts on what a crash at this moment would leave.
fn after_crash(folder: &Path) -> &'static Store {
    // The folder stays for as long as the store, which is for ever.
    open_at(&copy(folder).keep(), DISK_BYTES).expect("opened again")
}

fn disk(store: &Store) -> DiskStats {
    store.stats().disk.expect("there is a disk tier")
}

fn body(index: usize) -> Vec<u8> {
    let length = 1 + index * 7_919 % 30_000;
    (0..length).map(|at| u8::try_from((at * 31 + index) % 251).unwrap_or_default()).collect()
}

/// The only segment in a folder.
fn segment(folder: &Path) -> std::path::PathBuf {
    folder.join("0000000001.segment")
}

#[tokio::test]
async fn objects_come_back_as_they_were() {
    let (store, folder) = store_on_disk();
    let key = key_of(store, "/a");
    let mut given = meta(&[("etag", "\"1\""), ("x-a", "1"), ("x-a", "\u{e9}")]);
    Tags::new("d", &[Tag::parse(b"t").expect("a tag")]).mark(&mut given);
    put(store, &key, &given, b"the body").await;
    let empty = key_of(store, "/empty");
    put(store, &empty, &meta(&[]), b"").await;
    let mut variant = key_of(store, "/variant");
    let mut of_variant = meta(&[("vary", "x")]);
    of_variant.set_variance([3; 16]);
    put(store, &variant, &of_variant, b"first").await;
    variant.set_variance_key([4; 16]);
    of_variant.set_variance([4; 16]);
    put(store, &variant, &of_variant, b"second").await;

    let again = after_crash(folder.path());
    assert_eq!((again.stats().objects, disk(again).objects), (0, 4));
    let (found, reader) = lookup(again, &key).await.expect("it is there");
    assert_eq!(body_of(reader).await.expect("whole"), b"the body");
    assert_eq!(found.response_header().headers, given.response_header().headers);
    assert_eq!(found.fresh_until(), given.fresh_until());
    assert_eq!(found.created(), given.created());
    assert_eq!(stored_body(again, &empty).await.expect("it is there"), b"");
    assert_eq!(stored_body(again, &variant).await.expect("it is there"), b"second");
    assert_eq!(stored_body(again, &key_of(again, "/variant")).await.expect("there"), b"first");
    assert_eq!((again.stats().objects, disk(again).hits), (4, 4), "in memory now");
    assert!(lookup(again, &key_of(again, "/other")).await.is_none());
    again.invalidate("d", &[Item::parse("#t").expect("an item")], Mode::Hard);
    assert!(lookup(again, &key).await.is_none(), "its tag came back too");
}

#[tokio::test]
async fn a_new_head_comes_back_with_the_old_body() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(folder.path(), 3 * CACHE_DISK_SEGMENT_BYTES.0).expect("it can be written");
    let key = key_of(store, "/a");
    put(store, &key, &meta(&[("x", "old")]), &body(9)).await;
    let bytes = disk(store).bytes;
    let (mut found, _) = lookup(store, &key).await.expect("it is there");
    found.response_header_mut().insert_header("x", "new").expect("a field");
    let updated = store.update_meta(&key, &found, &Span::inactive().handle()).await;
    assert!(updated.expect("the store answers"));
    assert!(disk(store).bytes - bytes < 1_000, "the body is not written again");
    // Its segment is evicted once: then the body is written again, once.
    let big = vec![7; 60 << 10];
    for index in 0..200 {
        put(store, &key_of(store, &format!("/{index}")), &meta(&[]), &big).await;
        assert!(lookup(store, &key).await.is_some(), "{index}");
    }
    assert!(!segment(folder.path()).exists());
    for _ in 0..3 {
        let bytes = disk(store).bytes;
        let (found, _) = lookup(store, &key).await.expect("it is in use");
        let updated = store.update_meta(&key, &found, &Span::inactive().handle()).await;
        assert!(updated.expect("the store answers"));
        assert!(disk(store).bytes.saturating_sub(bytes) < 1_000, "the body is not written again");
    }
    for again in [after_crash(folder.path()), after_crash(folder.path())] {
        let (found, reader) = lookup(again, &key).await.expect("it is there");
        assert_eq!(found.headers()["x"], "new");
        assert_eq!(body_of(reader).await.expect("whole"), body(9));
    }
}

#[tokio::test]
async fn what_was_invalidated_does_not_come_back() {
    let (store, folder) = store_on_disk();
    let paths = ["/exact", "/tagged", "/dir/x", "/soft", "/stays", "/later"];
    for path in paths {
        let mut head = meta(&[]);
        if path == "/tagged" {
            Tags::new("d", &[Tag::parse(b"t").expect("a tag")]).mark(&mut head);
        }
        put(store, &key_of(store, path), &head, path.as_bytes()).await;
    }
    let items = ["/exact", "#t", "/dir/*", "/later"].map(|text| Item::parse(text).expect("one"));
    store.invalidate("d", &items, Mode::Hard);
    store.invalidate("d", &[Item::parse("/soft").expect("an item")], Mode::Soft);
    put(store, &key_of(store, "/later"), &meta(&[]), b"new").await;
    for again in [after_crash(folder.path()), after_crash(folder.path())] {
        let mut found = Vec::new();
        for path in paths {
            if let Some((meta, _)) = lookup(again, &key_of(again, path)).await {
                found.push((path, meta.is_fresh(SystemTime::now())));
            }
        }
        assert_eq!(found, [("/soft", false), ("/stays", true), ("/later", true)]);
    }
    let without = copy(folder.path());
    fs::remove_file(without.path().join("invalidations")).expect("it is there");
    let again = open_at(without.path(), DISK_BYTES).expect("opened again");
    assert_eq!(disk(again).objects, 0, "nobody knows what was invalidated");
}

#[tokio::test]
async fn a_swept_journal_gives_up_what_is_older() {
    let (store, folder) = store_on_disk();
    put(store, &key_of(store, "/a"), &meta(&[]), b"a").await;
    store.invalidate("d", &[Item::parse("/c").expect("an item")], Mode::Hard);
    assert!(store.generations.forget(store.stamp()));
    put(store, &key_of(store, "/b"), &meta(&[]), b"b").await;
    let again = after_crash(folder.path());
    assert!(lookup(again, &key_of(again, "/a")).await.is_none());
    assert!(lookup(again, &key_of(again, "/b")).await.is_some());
}

#[tokio::test]
async fn room_is_made_by_the_oldest_and_what_is_used_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    // Five segments.
    let bytes_max = 5 * CACHE_DISK_SEGMENT_BYTES.0;
    let store = open_at(folder.path(), bytes_max).expect("it can be written");
    let big = vec![7; 60 << 10];
    put(store, &key_of(store, "/used"), &meta(&[]), b"in use").await;
    for index in 0..600 {
        put(store, &key_of(store, &format!("/{index}")), &meta(&[]), &big).await;
        assert!(stored_body(store, &key_of(store, "/used")).await.is_some(), "{index}");
        assert!(disk(store).bytes <= bytes_max);
    }
    let stats = disk(store);
    assert_eq!((stats.writes, stats.refused, stats.damaged), (601, 0, 0));
    assert!(stats.evictions > 200 && stats.objects == 601 - stats.evictions, "{stats:?}");
    assert!(stats.bytes > bytes_max / 2, "{stats:?}");
    let again = open_at(&copy(folder.path()).keep(), bytes_max).expect("opened again");
    assert_eq!(disk(again).objects, stats.objects);
    assert_eq!(stored_body(again, &key_of(again, "/used")).await.expect("kept"), b"in use");
    assert_eq!(stored_body(again, &key_of(again, "/599")).await.expect("kept"), big);
    assert!(lookup(again, &key_of(again, "/1")).await.is_none());
}

#[tokio::test]
async fn a_full_index_makes_room_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(folder.path(), DISK_BYTES).expect("it can be written");
    // 1 MiB of memory / 4 / 96 bytes.
    let most = 2_730;
    for index in 0..most + 300 {
        put(store, &key_of(store, &format!("/{index}")), &meta(&[]), b"small").await;
        assert!(disk(store).objects <= most);
    }
    assert!(disk(store).evictions > 0);
}

#[tokio::test]
async fn a_failing_disk_leaves_the_cache_in_memory() {
    let (store, folder) = store_on_disk();
    let key = key_of(store, "/a");
    put(store, &key, &meta(&[]), b"a").await;
    // The open segment goes with the folder, and there is no place for a new one.
    store.disk.as_ref().expect("a disk tier").distrust(Stamp::from_number(0));
    fs::remove_dir_all(folder.path()).expect("removed");
    let other = key_of(store, "/b");
    put(store, &other, &meta(&[]), b"b").await;
    put(store, &key_of(store, "/c"), &meta(&[]), b"c").await;
    let stats = disk(store);
    assert_eq!((stats.objects, stats.refused, stats.is_failing), (0, 2, true));
    assert_eq!(stored_body(store, &other).await.expect("in memory"), b"b");
}

#[tokio::test]
async fn an_invalidation_that_cannot_be_written_drops_the_objects() {
    let (store, folder) = store_on_disk();
    put(store, &key_of(store, "/a"), &meta(&[]), b"a").await;
    put(store, &key_of(store, "/b"), &meta(&[]), b"b").await;
    let journal = folder.path().join("invalidations");
    store.generations.break_journal();
    fs::create_dir_all(folder.path().join("invalidations.new/x")).expect("made");
    let arriving = key_of(store, "/arriving");
    let mut writer = begin(store, &arriving, &meta(&[])).await;
    store.invalidate("d", &[Item::parse("/a").expect("an item")], Mode::Hard);
    assert!(lookup(store, &key_of(store, "/b")).await.is_some(), "in memory");
    assert_eq!(disk(store).objects, 0);
    writer.write_body(Bytes::from_static(b"asked for before"), true).await.expect("it fits");
    writer.finish().await.expect("it is complete");
    assert_eq!(disk(store).objects, 0);
    put(store, &key_of(store, "/c"), &meta(&[]), b"asked for later").await;
    let again = after_crash(folder.path());
    assert_eq!(disk(again).objects, 1);
    assert!(lookup(again, &key_of(again, "/c")).await.is_some());
    // The journal is mended when that is possible again.
    fs::remove_dir_all(folder.path().join("invalidations.new")).expect("removed");
    let bytes = fs::metadata(&journal).expect("it is there").len();
    store.generations.sync();
    assert!(fs::metadata(&journal).expect("it is there").len() > bytes);
}

#[tokio::test]
async fn a_damaged_journal_is_no_word_for_what_is_older() {
    let (store, folder) = store_on_disk();
    put(store, &key_of(store, "/a"), &meta(&[]), b"a").await;
    store.invalidate("d", &[Item::parse("/a").expect("an item")], Mode::Hard);
    let broken = copy(folder.path());
    let journal = broken.path().join("invalidations");
    let mut bytes = fs::read(&journal).expect("it is there");
    *bytes.last_mut().expect("a note") ^= 1;
    fs::write(&journal, bytes).expect("written");
    let again = open_at(broken.path(), DISK_BYTES).expect("opened again");
    assert!(lookup(again, &key_of(again, "/a")).await.is_none());
    // Also when only the journal was written anew before the end.
    let segments = copy(folder.path());
    fs::copy(&journal, segments.path().join("invalidations")).expect("copied");
    let again = open_at(segments.path(), DISK_BYTES).expect("opened again");
    assert!(lookup(again, &key_of(again, "/a")).await.is_none());
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_to_its_end_is_evicted_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_at(folder.path(), 3 * CACHE_DISK_SEGMENT_BYTES.0).expect("it can be written");
    let big = vec![7; 60 << 10];
    for index in 0..60 {
        put(store, &key_of(store, &format!("/{index}")), &meta(&[]), &big).await;
    }
    let first = fs::OpenOptions::new().write(true).open(segment(folder.path())).expect("there");
    std::os::unix::fs::FileExt::write_all_at(&first, &[0; 200 << 10], 1 << 20).expect("written");
    for index in 60..180 {
        put(store, &key_of(store, &format!("/{index}")), &meta(&[]), &big).await;
    }
    assert!(!segment(folder.path()).exists());
    let mut found = 0;
    for index in 0..180 {
        let key = key_of(store, &format!("/{index}"));
        found += u64::from(lookup(store, &key).await.is_some());
    }
    assert_eq!(disk(store).objects, found, "nothing is left in the index");
}

#[test]
fn a_folder_is_for_one_cache_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, held) = store_on_disk();
    let used = open_at(held.path(), DISK_BYTES).err().expect("it is used");
    assert!(matches!(used, DiskError::Used(_)), "{used}");
    fs::write(folder.path().join("thesis.txt"), "words").expect("written");
    let foreign = open_at(folder.path(), DISK_BYTES).err().expect("it is not ours");
    assert!(matches!(foreign, DiskError::Foreign(_)), "{foreign}");
    let file = open_at(&folder.path().join("thesis.txt"), DISK_BYTES).err().expect("a file");
    assert!(file.to_string().contains("name a folder that can be read and written"), "{file}");
    // A cache of another format is dropped.
    let old = copy(held.path());
    fs::write(old.path().join("cache"), "verge cache 0000 and so on").expect("written");
    fs::write(segment(old.path()), "old").expect("written");
    let again = open_at(old.path(), DISK_BYTES).expect("begun anew");
    assert_eq!((disk(again).objects, segment(old.path()).exists()), (0, false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With bytes changed, or the end cut off: what is served is what was stored.
    #[test]
    fn nothing_damaged_is_served(
        at in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (store, folder) = store_on_disk();
        let keys: Vec<_> = (0..20).map(|index| key_of(store, &format!("/{index}"))).collect();
        let ends = runtime.block_on(async {
            let mut ends = Vec::new();
            for (index, key) in keys.iter().enumerate() {
                put(store, key, &meta(&[("x-index", &index.to_string())]), &body(index)).await;
                ends.push(disk(store).bytes);
            }
            ends
        });
        let broken = copy(folder.path());
        let mut bytes = fs::read(segment(broken.path())).expect("one segment");
        let mut whole = bytes.len();
        for at in &at {
            let at = at.index(bytes.len());
            bytes[at] ^= 0x10;
            whole = whole.min(at);
        }
        if let Some(cut) = cut {
            let cut = cut.index(bytes.len());
            bytes.truncate(cut);
            whole = whole.min(cut);
        }
        fs::write(segment(broken.path()), &bytes).expect("written");
        let again = open_at(broken.path(), DISK_BYTES).expect("opened again");
        runtime.block_on(async {
            for (index, key) in keys.iter().enumerate() {
                let Some((meta, reader)) = lookup(again, key).await else {
                    assert!(ends[index] > whole as u64, "{index} is whole");
                    continue;
                };
                assert_eq!(meta.headers()["x-index"], index.to_string().as_str());
                assert_eq!(body_of(reader).await.expect("whole"), body(index));
            }
            // And it can be used.
            put(again, &keys[0], &self::meta(&[("x-index", "0")]), &body(0)).await;
        });
        let once_more = after_crash(broken.path());
        prop_assert!(runtime.block_on(lookup(once_more, &keys[0])).is_some());
    }
}
