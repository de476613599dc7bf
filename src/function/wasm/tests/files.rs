//! `verge:edge/files`, as the adapter of Node.js handlers uses it.

use super::*;
use crate::function::wasm::bindings::verge::edge::files::{Failure, Host, Kind, Opening};
use crate::limits::{ORIGIN_FILES_LISTED_NAMES_MAX, ORIGIN_FUNCTION_READ_BYTES_MAX};

/// A guest with a mebibyte of room.
fn guest() -> HostState {
    let settings = Settings { storage_bytes_max: 1 << 20, ..small() };
    let function = load_with(&request_handler(FORWARD), settings).expect("loads");
    HostState::new(&function.identity, &function.client)
}

fn made(guest: &mut HostState, path: &str) -> u64 {
    let how = Opening::WRITE | Opening::CREATE | Opening::TRUNCATE;
    guest.open(path.to_owned(), how).expect("no trap").expect("opens")
}

#[test]
fn a_file_is_written_read_and_told_about() {
    let mut guest = guest();
    let file = made(&mut guest, "a");
    let content = vec![7; 3 * ORIGIN_FUNCTION_READ_BYTES_MAX];
    guest.write(file, 0, content.clone()).expect("no trap").expect("fits");
    let read = guest.read(file, 1, u32::MAX).expect("no trap").expect("is there");
    assert_eq!(read.len(), ORIGIN_FUNCTION_READ_BYTES_MAX, "a call takes so much");
    assert_eq!(guest.read(file, content.len() as u64, 1).expect("no trap"), Ok(Vec::new()));
    guest.set_times("a".into(), 1_500.0, 2_500.0).expect("no trap").expect("is there");
    let told = guest.look_up("a".into(), true).expect("no trap").expect("is there");
    assert_eq!((told.number, told.kind, told.length), (file, Kind::File, content.len() as u64));
    assert_eq!((told.accessed, told.modified, told.links), (1_500.0, 2_500.0, 1));
    for time in [f64::NAN, -1.0, f64::INFINITY, 1e300] {
        let set = guest.set_times("a".into(), time, 0.0).expect("no trap");
        assert_eq!(set, Err(Failure::Invalid), "{time}");
    }
    // What is open outlives its name.
    guest.unlink("a".into()).expect("no trap").expect("is there");
    assert_eq!(guest.describe(file).expect("no trap").expect("is open").links, 0);
    guest.close(file).expect("no trap");
    assert_eq!(guest.read(file, 0, 1).expect("no trap"), Err(Failure::NoEntry));
}

#[test]
fn numbers_that_were_made_up_and_disks_that_are_full_are_told() {
    let mut guest = guest();
    assert_eq!(guest.read(99, 0, 1).expect("no trap"), Err(Failure::NoEntry));
    guest.close(99).expect("no trap");
    let file = made(&mut guest, "a");
    assert_eq!(guest.resize(file, 2 << 20).expect("no trap"), Err(Failure::NoSpace));
    let written = guest.write(file, u64::MAX, vec![0]).expect("no trap");
    assert_eq!(written, Err(Failure::FileTooLarge));
    for path in ["/etc/passwd", "../etc/passwd", "b/../../x"] {
        let opened = guest.open(path.into(), Opening::empty()).expect("no trap");
        assert!(
            matches!(opened, Err(Failure::NotPermitted | Failure::NoEntry)),
            "{path}: {opened:?}"
        );
    }
}

#[test]
fn a_long_list_comes_in_parts() {
    let settings = Settings { storage_bytes_max: 8 << 20, ..small() };
    let function = load_with(&request_handler(FORWARD), settings).expect("loads");
    let mut guest = HostState::new(&function.identity, &function.client);
    let count = ORIGIN_FILES_LISTED_NAMES_MAX + 1;
    for number in 0..count {
        let file = made(&mut guest, &format!("{number:04}"));
        guest.close(file).expect("no trap");
    }
    let mut list = |after: Option<&str>| {
        let list = guest.names(".".into(), after.map(str::to_owned));
        list.expect("no trap").expect("a directory")
    };
    let first = list(None);
    assert_eq!(first.len(), ORIGIN_FILES_LISTED_NAMES_MAX);
    let last = first.last().map(|(name, _)| name.as_str());
    assert_eq!(list(last), [(format!("{:04}", count - 1), Kind::File)]);
    assert!(list(Some("9999")).is_empty());
}
