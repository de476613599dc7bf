//! Stores: what they take, what they refuse, and what they give.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn store(json: &str) -> Store {
    Store::from_json(json.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Line, path and a part of what is said of each fault.
#[track_caller]
fn assert_faults(json: &[u8], expected: &[(Option<usize>, &str, &str)]) {
    let faults = Store::from_json(json).expect_err("refused");
    let found: Vec<_> = faults.iter().map(|fault| (fault.line, fault.path.as_str())).collect();
    let wanted: Vec<_> = expected.iter().map(|(line, path, _)| (*line, *path)).collect();
    assert_eq!(found, wanted, "{faults:?}");
    for (fault, (.., words)) in faults.iter().zip(expected) {
        let said = fault.to_string();
        assert!(said.contains(words), "{said:?} does not say {words:?}");
        assert!(!fault.remedy.is_empty(), "{said}");
    }
}

#[test]
fn what_was_imported_is_found() {
    let store =
        store("{\"data\":[{\"key\":\"a\",\"value\":\"1\"},{\"value\":\"\",\"key\":\"€\\u0000\"}]}");
    assert_eq!((store.get("a"), store.get("€\0"), store.get("")), (Some("1"), Some(""), None));
    assert_eq!((store.count(), store.created_ms(), store.updated_ms()), (2, 0, 0));
    assert_eq!(super::Store::from_json(b"{\"data\":[]}").map(|store| store.count()), Ok(0));
}

#[test]
fn what_is_no_import_file_is_named_with_its_line() {
    assert_faults(b"{\"data\":\n[\xff]}", &[(Some(2), "", "is not UTF-8")]);
    assert_faults(b"{\"data\":[\n}", &[(Some(2), "", "is no file for a key-value store")]);
    assert_faults(b"[]", &[(Some(1), "", "is no file")]);
    assert_faults(b"{}", &[(Some(1), "", "missing field `data`")]);
    assert_faults(b"{\"data\":[],\n\"more\":1}", &[(Some(2), "", "unknown field `more`")]);
    assert_faults(&vec![b' '; (5 << 20) + 1], &[(None, "", "5242881 bytes; 5242880 are allowed")]);
}

#[test]
fn every_entry_that_is_wrong_is_named() {
    let (long, longer) = ("ä".repeat(513), "ö".repeat(1025));
    let json = format!(
        "{{\"data\": [\n{{\"key\":\"a\",\"value\":\"1\"}},\n{{\"key\":\"\",\"value\":\"1\"}},\n\
         {{\"key\":\"{long}\",\"value\":\"{longer}\"}},\n{{\"key\":\"a\",\"value\":\"2\"}},\n\
         {{\"key\":\"b\",\n\"value\":3}},\n{{\"key\":\"c\",\"value\":\"\",\"x\":1}}, {{\"key\":\"\\ud800\",\"value\":\"\"}},\n\
         {{\"key\":\"d\",\"key\":\"e\",\"value\":\"\"}},\n\"f\"]}}"
    );
    assert_faults(
        json.as_bytes(),
        &[
            (Some(3), "data[1].key", "is empty"),
            (Some(4), "data[2].key", "513 characters; 512 are allowed"),
            (Some(4), "data[2].value", "1025 characters; 1024 are allowed"),
            (Some(5), "data[3].key", "the key \"a\" is there twice"),
            (Some(7), "data[4]", "expected a string"),
            (Some(8), "data[5]", "unknown field `x`"),
            (Some(8), "data[6]", "hex escape"),
            (Some(9), "data[7]", "duplicate field `key`"),
            (Some(10), "data[8]", "invalid type"),
        ],
    );
    let good = [("k".repeat(512), "v".repeat(1024)), ("ä".repeat(512), "€".repeat(1024))];
    assert_eq!(Store::from_entries(good).map(|store| store.count()), Ok(2));
}

#[test]
fn a_flood_of_faults_is_counted_and_not_listed() {
    let entries = (0..1_000).map(|_| (String::new(), String::new()));
    let faults = Store::from_entries(entries).expect_err("refused");
    assert_eq!(faults.len(), limits::KEY_VALUE_STORE_FAULT_ITEMS_MAX + 1);
    assert_eq!(faults[20].message, "980 more entries are wrong");
}

#[test]
fn a_store_holds_five_megabytes_and_no_more() {
    let entries = |count: usize| (0..count).map(|n| (format!("{n:08}"), "v".repeat(1_016)));
    assert_eq!(Store::from_entries(entries(5 << 10)).map(|store| store.count()), Ok(5 << 10));
    let faults = Store::from_entries(entries((5 << 10) + 1)).expect_err("refused");
    assert_eq!(faults[0].message, "the store has 5243904 bytes; 5242880 are allowed");
}

#[test]
fn versions_tell_contents_and_dates_apart() {
    let version = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        Store::from_entries(entries).map(|store| store.dated(1, 2).version()).expect("good")
    };
    assert_eq!(version(&[("a", "1"), ("b", "2")]), version(&[("b", "2"), ("a", "1")]));
    assert_ne!(version(&[("a", "1")]), version(&[("a1", "")]));
    assert_ne!(version(&[("a", "b"), ("c", "")]), version(&[("a", "bc"), ("", "")][..1]));
    let same = || store("{\"data\":[]}");
    assert_ne!(same().dated(1, 2).version(), same().dated(1, 3).version());
    assert_ne!(same().dated(1, 2).version(), same().dated(2, 1).version());
}

#[test]
fn a_store_answers_to_nothing_its_name_and_its_id() {
    const ARN: &str = "arn:aws:cloudfront::123456789012:key-value-store/5a3f-11";
    let named = |id: Option<&str>| {
        NamedStore::new("redirects".into(), id.map(str::to_owned), store("{\"data\":[]}")).read()
    };
    for (id, asked, known) in [
        (None, "", true),
        (None, "whatever", true),
        (Some("5a3f-11"), "", true),
        (Some("5a3f-11"), "5a3f-11", true),
        (Some("5a3f-11"), ARN, true),
        (Some(ARN), "5a3f-11", true),
        (Some(ARN), ARN, true),
        (Some(ARN), "redirects", true),
        (Some(ARN), "5a3f-12", false),
        (Some("5a3f-11"), "f-11", false),
        (Some("5a3f-11"), "/", false),
        (Some("5a3f-11"), "\0", false),
    ] {
        assert_eq!(named(id).store(asked).is_ok(), known, "{id:?} {asked:?}");
    }
}

#[test]
fn a_reading_keeps_what_it_began_with() {
    let named =
        NamedStore::new("s".into(), None, store("{\"data\":[{\"key\":\"a\",\"value\":\"1\"}]}"));
    let before = named.read();
    named.publish(store("{\"data\":[{\"key\":\"a\",\"value\":\"2\"}]}"));
    let get = |reading: &Reading| reading.store("").ok()?.get("a").map(str::to_owned);
    assert_eq!((get(&before).as_deref(), get(&named.read()).as_deref()), (Some("1"), Some("2")));
}

proptest! {
    #[test]
    fn a_store_is_a_map(
        map in proptest::collection::btree_map("[a-cä\u{0}]{1,3}", "\\PC{0,8}", 0..40),
        asked in proptest::collection::vec("[a-cä\u{0}]{0,4}", 0..40),
    ) {
        let data: Vec<_> =
            map.iter().map(|(key, value)| serde_json::json!({ "key": key, "value": value })).collect();
        let json = serde_json::json!({ "data": data }).to_string();
        let imported = Store::from_json(json.as_bytes()).expect("good");
        let made = Store::from_entries(map.clone()).expect("good");
        prop_assert_eq!(imported.version(), made.version());
        prop_assert_eq!(imported.count(), map.len());
        for key in map.keys().chain(&asked) {
            prop_assert_eq!(imported.get(key), map.get(key).map(String::as_str));
        }
    }

    #[test]
    fn no_bytes_make_the_import_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Store::from_json(&bytes);
    }

    #[test]
    fn broken_files_are_refused_with_a_line_that_exists(
        at in 0usize..70, byte in any::<u8>(),
    ) {
        let mut json = b"{\"data\":[\n{\"key\":\"a\",\"value\":\"1\"},\n{\"key\":\"b\",\"value\":\"2\"}\n]}".to_vec();
        let at = at % json.len();
        json[at] = byte;
        let lines = 1 + json.iter().filter(|byte| **byte == b'\n').count();
        for fault in Store::from_json(&json).err().unwrap_or_default() {
            prop_assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{}", fault);
        }
    }
}

#[test]
fn debug_output_keeps_values_to_itself() {
    let shown = format!("{:?}", store("{\"data\":[{\"key\":\"k\",\"value\":\"secret\"}]}"));
    assert!(!shown.contains("secret") && shown.contains("count: 1"), "{shown}");
    let map: BTreeMap<String, String> = BTreeMap::new();
    assert!(Store::from_entries(map).is_ok());
}
