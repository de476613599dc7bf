//! A tree of files, and that nothing gets around its quota.

use proptest::prelude::*;

use super::*;

const MEBIBYTE: u64 = 1 << 20;

fn disk() -> Disk {
    Disk::new(MEBIBYTE)
}

fn opened(disk: &mut Disk, path: &str) -> Node {
    let how = Opening { create: true, write: true, ..Opening::default() };
    disk.open(ROOT, path, how).expect(path)
}

#[test]
fn what_is_written_is_read_again_holes_as_zeros() {
    let mut disk = disk();
    let file = opened(&mut disk, "a");
    disk.write(file, 5_000, b"end").expect("fits");
    disk.write(file, 4_094, b"over").expect("fits");
    let bytes = disk.read(file, 0, 10_000).expect("a file");
    assert_eq!(bytes.len(), 5_003);
    assert_eq!((&bytes[4_094..4_098], &bytes[5_000..]), (&b"over"[..], &b"end"[..]));
    assert!(bytes[..4_094].iter().all(|byte| *byte == 0));
    assert_eq!(disk.read(file, 5_001, 1).expect("a file"), b"n");
    assert_eq!(disk.read(file, 9_999, 1).expect("a file"), b"");
    disk.resize(file, 4_095).expect("shorter");
    disk.resize(file, 4_100).expect("longer");
    assert_eq!(disk.read(file, 4_094, 10).expect("a file"), b"o\0\0\0\0\0", "what was cut is gone");
}

#[test]
fn paths_stay_below_where_they_start() {
    let mut disk = disk();
    disk.make_directory(ROOT, "d").expect("new");
    disk.make_directory(ROOT, "d/e/").expect("a slash at the end is fine");
    let file = opened(&mut disk, "d/e/f");
    let inner = disk.look_up(ROOT, "./d//e", false).expect("there");
    for (base, path, follow, found) in [
        (ROOT, "d/e/../e/./f", false, Ok(file)),
        (inner, "f", false, Ok(file)),
        (inner, "../e/f", false, Err(Refused::NotPermitted)),
        (ROOT, "d/../../d", false, Err(Refused::NotPermitted)),
        (ROOT, "/d", false, Err(Refused::NotPermitted)),
        (ROOT, "", false, Err(Refused::NoEntry)),
        (ROOT, "d/x", false, Err(Refused::NoEntry)),
        (ROOT, "d/e/f/g", false, Err(Refused::NotDirectory)),
        (ROOT, "d/e/f/", false, Err(Refused::NotDirectory)),
        (ROOT, "d\0", false, Err(Refused::Invalid)),
        (ROOT, &"n".repeat(256), false, Err(Refused::NameTooLong)),
        (ROOT, &"a/".repeat(2_049), false, Err(Refused::NameTooLong)),
        (ROOT, ".", true, Ok(ROOT)),
    ] {
        assert_eq!(disk.look_up(base, path, follow), found, "{path}");
    }
}

#[test]
fn links_are_followed_where_they_may_lead() {
    let mut disk = disk();
    disk.make_directory(ROOT, "d").expect("new");
    let file = opened(&mut disk, "d/f");
    for (path, target) in
        [("l", "d"), ("d/up", "../d/f"), ("loop", "loop"), ("out", "../x"), ("gone", "nothing")]
    {
        disk.make_link(ROOT, path, target).expect(path);
    }
    assert_eq!(disk.make_link(ROOT, "abs", "/etc"), Err(Refused::NotPermitted));
    assert_eq!(disk.read_link(ROOT, "d/up").as_deref(), Ok("../d/f"));
    assert_eq!(disk.read_link(ROOT, "d/f"), Err(Refused::Invalid));
    for (path, follow, found) in [
        ("l/f", false, Ok(file)),
        ("l/up", true, Ok(file)),
        ("loop", true, Err(Refused::Loop)),
        ("loop/x", false, Err(Refused::Loop)),
        ("out", true, Err(Refused::NotPermitted)),
        ("gone", true, Err(Refused::NoEntry)),
    ] {
        assert_eq!(disk.look_up(ROOT, path, follow), found, "{path}");
    }
    let within = disk.look_up(ROOT, "d", false).expect("there");
    assert_eq!(disk.look_up(within, "up", true), Err(Refused::NotPermitted), "above the base");
    assert_eq!(disk.open(ROOT, "l", Opening::default()), Err(Refused::Loop));
}

#[test]
fn opening_keeps_its_rules() {
    let mut disk = disk();
    disk.make_directory(ROOT, "d").expect("new");
    let file = opened(&mut disk, "f");
    disk.write(file, 0, b"abc").expect("fits");
    let how = Opening::default();
    let new = Opening { create: true, exclusive: true, write: true, ..how };
    for (path, how, refused) in [
        ("f", new, Refused::Exists),
        ("d", Opening { write: true, ..how }, Refused::IsDirectory),
        ("f", Opening { directory: true, ..how }, Refused::NotDirectory),
        ("n/", Opening { create: true, ..how }, Refused::IsDirectory),
        ("n", how, Refused::NoEntry),
        ("n", Opening { create: true, directory: true, ..how }, Refused::NoEntry),
    ] {
        assert_eq!(disk.open(ROOT, path, how), Err(refused), "{path} {how:?}");
    }
    let cut = disk.open(ROOT, "f", Opening { truncate: true, write: true, ..how });
    assert_eq!(disk.status(cut.expect("there")).expect("open").length, 0);
    disk.open(ROOT, "n", new).expect("was not there");
}

#[test]
fn names_move_and_go() {
    let mut disk = disk();
    for directory in ["d", "d/e", "full", "empty"] {
        disk.make_directory(ROOT, directory).expect("new");
    }
    let (file, other) = (opened(&mut disk, "f"), opened(&mut disk, "full/g"));
    let mut rename = |old, new| disk.rename((ROOT, old), (ROOT, new));
    assert_eq!(rename("d", "d/e/d"), Err(Refused::Invalid), "into itself");
    assert_eq!(rename("d", "full"), Err(Refused::NotEmpty));
    assert_eq!(rename("d", "f"), Err(Refused::NotDirectory));
    assert_eq!(rename("f", "d"), Err(Refused::IsDirectory));
    assert_eq!(rename("x", "y"), Err(Refused::NoEntry));
    assert_eq!(rename("f", "f"), Ok(()));
    assert_eq!(rename("d", "empty"), Ok(()));
    assert_eq!(rename("f", "full/g"), Ok(()));
    assert_eq!(disk.look_up(ROOT, "full/g", false), Ok(file));
    assert_eq!(disk.status(other).map(|status| status.links), Ok(0), "open, without a name");
    assert_eq!(disk.link((ROOT, "full/g"), (ROOT, "empty/e/h")), Ok(()));
    assert_eq!(disk.status(file).map(|status| status.links), Ok(2));
    assert_eq!(disk.link((ROOT, "empty"), (ROOT, "e2")), Err(Refused::NotPermitted));
    assert_eq!(disk.unlink(ROOT, "empty"), Err(Refused::IsDirectory));
    assert_eq!(disk.remove_directory(ROOT, "empty"), Err(Refused::NotEmpty));
    assert_eq!(disk.remove_directory(ROOT, "."), Err(Refused::NotEmpty));
    let inner = disk.open(ROOT, "empty/e", Opening::default()).expect("a directory");
    assert_eq!(disk.next_name(inner, None), Ok(Some(("h".into(), Kind::File))));
    assert_eq!(disk.next_name(inner, Some("h")), Ok(None));
    assert_eq!(disk.unlink(ROOT, "empty/e/h"), Ok(()));
    assert_eq!(disk.remove_directory(ROOT, "empty/e"), Ok(()));
    assert_eq!(disk.make_directory(inner, "late"), Err(Refused::NoEntry), "it was removed");
}

/// Fills a disk by one step more.
type Fill = dyn Fn(&mut Disk, u64) -> Done<()>;

#[test]
fn every_way_to_fill_a_disk_ends_at_its_quota_and_gives_back() {
    let room = MEBIBYTE / BLOCK_BYTES;
    let ways: [(&str, &Fill); 6] = [
        ("names", &|disk, step| {
            let how = Opening { create: true, ..Opening::default() };
            disk.open(ROOT, &step.to_string(), how).map(|node| disk.close(node))
        }),
        ("directories", &|disk, step| disk.make_directory(ROOT, &step.to_string())),
        ("links", &|disk, step| disk.make_link(ROOT, &step.to_string(), "x")),
        ("hard links", &|disk, step| disk.link((ROOT, "f"), (ROOT, &step.to_string()))),
        ("appends", &|disk, step| disk.write(1, step * BLOCK_BYTES, b"a")),
        ("growth", &|disk, step| disk.resize(1, (step + 1) * BLOCK_BYTES)),
    ];
    for (way, fill) in ways {
        let mut disk = disk();
        let file = opened(&mut disk, "f");
        assert_eq!(file, 1);
        let full = (0..=room).find_map(|step| fill(&mut disk, step).err());
        assert_eq!(full, Some(Refused::NoSpace), "{way}");
        assert!(disk.used <= MEBIBYTE && disk.used > MEBIBYTE - 2 * BLOCK_BYTES, "{way}");
        assert_eq!(
            disk.rename((ROOT, "f"), (ROOT, "other")),
            Ok(()),
            "{way}: what is full can move"
        );
        while let Some((name, kind)) = disk.next_name(ROOT, None).expect("a directory") {
            let gone = match kind {
                Kind::Directory => disk.remove_directory(ROOT, &name),
                Kind::File | Kind::Link => disk.unlink(ROOT, &name),
            };
            assert_eq!(gone, Ok(()));
        }
        disk.close(file);
        assert_eq!((disk.used, disk.nodes.len()), (0, 1), "{way}: all of it is given back");
    }
    let mut disk = disk();
    let file = opened(&mut disk, "f");
    assert_eq!(disk.resize(file, u64::MAX), Err(Refused::FileTooLarge));
    assert_eq!(disk.write(file, u64::MAX, b"a"), Err(Refused::FileTooLarge));
    assert_eq!(disk.write(file, MEBIBYTE, b"a"), Err(Refused::NoSpace), "a hole counts");
    assert_eq!(disk.status(file).map(|status| status.length), Ok(0), "nothing was written");
}

#[derive(Clone, Debug)]
enum Step {
    Write(u8, u16, u8),
    Resize(u8, u16),
    Unlink(u8),
    Rename(u8, u8),
    Link(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..4_u8;
    prop_oneof![
        (name(), any::<u16>(), any::<u8>()).prop_map(|(n, at, length)| Step::Write(n, at, length)),
        (name(), any::<u16>()).prop_map(|(name, length)| Step::Resize(name, length)),
        name().prop_map(Step::Unlink),
        (name(), name()).prop_map(|(old, new)| Step::Rename(old, new)),
        (name(), name()).prop_map(|(old, new)| Step::Link(old, new)),
    ]
}

proptest! {
    /// Whatever is done, what is counted is what is there, within the quota.
    #[test]
    fn what_is_counted_is_what_is_there(steps in prop::collection::vec(step(), 0..60)) {
        let mut disk = Disk::new(40 * BLOCK_BYTES);
        for step in steps {
            let name = |number: u8| number.to_string();
            // Some of it is refused, which must count nothing.
            let _ = match step {
                Step::Write(to, at, length) => {
                    let how = Opening { create: true, write: true, ..Opening::default() };
                    disk.open(ROOT, &name(to), how).and_then(|node| {
                        let written = disk.write(node, at.into(), &vec![1; length.into()]);
                        disk.close(node);
                        written
                    })
                }
                Step::Resize(file, length) => disk
                    .look_up(ROOT, &name(file), false)
                    .and_then(|node| disk.resize(node, length.into())),
                Step::Unlink(file) => disk.unlink(ROOT, &name(file)),
                Step::Rename(old, new) => disk.rename((ROOT, &name(old)), (ROOT, &name(new))),
                Step::Link(old, new) => disk.link((ROOT, &name(old)), (ROOT, &name(new))),
            };
            let held: u64 = disk.nodes.values().map(|entry| entry.content.held_bytes()).sum();
            let names = disk.nodes.get(&ROOT).expect("it stays").content.names().expect("names");
            let names = names.len() as u64 * BLOCK_BYTES;
            prop_assert_eq!(disk.used, held + names);
            prop_assert!(disk.used <= disk.quota);
        }
    }
}
