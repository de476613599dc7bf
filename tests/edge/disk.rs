//! The disk tier of the cache, through the end of the process: orderly, and by `kill -9` in the middle of everything.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::scene::{Answer, Origin, Scene, commands};

/// More on the disk than in memory.
const SETTINGS: &str = "[cache]\nmemory = \"4MiB\"\nobject_max = \"1MiB\"\n\
                        [cache.disk]\ndirectory = \"cache\"\nsize = \"256MiB\"\n";

/// A body that tells its target, of a length that does too: up to some 200,000 bytes.
fn body_of(target: &str) -> String {
    let number: usize = target.trim_start_matches('/').parse().unwrap_or_default();
    let length =
        if number.is_multiple_of(7) { number * 769 % 200_000 } else { number * 31 % 4_000 };
    format!("{target}:").repeat(1 + length / (target.len() + 1))
}

/// An origin with those bodies; its number says how often it was asked, in each answer.
fn origin() -> Origin {
    let asked = AtomicUsize::new(0);
    Origin::answering(move |request| {
        let asked = asked.fetch_add(1, Ordering::Relaxed).to_string();
        let fields = [
            ("Cache-Control", "max-age=3600"),
            ("Cache-Tag", "all"),
            ("X-Asked", asked.as_str()),
            ("ETag", "\"one\""),
        ];
        Answer::new(200, &fields, &body_of(request.target()))
    })
}

#[test]
fn objects_survive_a_restart_and_are_hits_with_their_age() {
    let origin = origin();
    let edge = Scene::with(&origin).settings(SETTINGS).start();
    let first = edge.get("/7");
    assert_eq!(first.x_cache(), "Miss");
    std::thread::sleep(Duration::from_millis(1_100));
    let edge = edge.restart("-TERM");
    let second = edge.get("/7");
    assert_eq!((second.x_cache(), second.text()), ("Hit".to_owned(), body_of("/7")));
    assert_eq!(second.header("x-asked"), first.header("x-asked"));
    assert!(second.header("age").parse::<u64>().expect("seconds") >= 1);
    assert_eq!(edge.get("/7").x_cache(), "Hit");
    assert_eq!(edge.metric("verge_cache_disk_hits_total"), 1.0, "memory has it then");
    let range = edge.request("GET", "/7").header("Range", "bytes=1-3").send();
    assert_eq!((range.status, &range.body[..]), (206, &body_of("/7").as_bytes()[1..=3]));
    let validated = edge.request("GET", "/7").header("If-None-Match", "\"one\"").send();
    assert_eq!(validated.status, 304);
    assert_eq!(origin.hits(), 1);
    // Who only evaluates the configuration leaves the tier to the edge that has it.
    let file = edge.configuration().display().to_string();
    let url = "http://edge.test/7";
    let run = commands::verge(&["explain", url, "--offline", "--config", &file]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// Asks on a connection of its own until the last byte of the body is there; false when the edge ends before.
fn is_answered_whole(address: SocketAddr, target: &str) -> bool {
    let body = body_of(target);
    let mut received = Vec::new();
    let mut ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: edge.test\r\n\r\n").as_bytes())?;
        let mut piece = vec![0; 64 << 10];
        while !received.ends_with(format!("\r\n\r\n{body}").as_bytes()) {
            let length = stream.read(&mut piece)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            received.extend_from_slice(&piece[..length]);
        }
        io::Result::Ok(())
    };
    ask().is_ok()
}

#[test]
fn a_kill_in_the_middle_of_filling_loses_nothing_that_was_whole() {
    const ROUND: usize = 250;
    let origin = origin();
    let mut edge = Scene::with(&origin).settings(SETTINGS).start();
    let next = AtomicUsize::new(1);
    let whole = Mutex::new(BTreeSet::new());
    let count = || whole.lock().expect("no thread fails with it").len();
    for round in 1..=3 {
        let address = edge.http();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if !is_answered_whole(address, &format!("/{number}")) {
                            return;
                        }
                        whole.lock().expect("no thread fails with it").insert(number);
                    }
                });
            }
            let begun = Instant::now();
            while count() < round * ROUND {
                assert!(begun.elapsed() < Duration::from_secs(60), "the edge answers nothing");
                std::thread::sleep(Duration::from_millis(1));
            }
            edge.signal("-KILL");
        });
        edge = edge.restart("-KILL");
        let whole = whole.lock().expect("no thread fails with it");
        let mut lost = Vec::new();
        for number in 1..next.load(Ordering::Relaxed) {
            let target = format!("/{number}");
            let answer = edge.get(&target);
            assert!(answer.body == body_of(&target).as_bytes(), "{target} is not what it was");
            if whole.contains(&number) && answer.x_cache() != "Hit" {
                lost.push(number);
            }
        }
        assert!(lost.is_empty(), "round {round}: lost {lost:?} of {}", whole.len());
    }
    assert_eq!(edge.metric("verge_cache_disk_damaged_total"), 0.0);
    assert!(edge.metric("verge_cache_bytes") <= f64::from(4 << 20), "memory holds a part only");
}

#[test]
fn an_invalidation_counts_after_a_kill() {
    let all = "allowed_methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"PUT\", \"POST\", \"PATCH\", \"DELETE\"]";
    let edge = Scene::with(&origin()).settings(SETTINGS).behavior("*", all).start();
    for target in ["/1", "/2", "/30", "/31"] {
        edge.get(target);
    }
    assert_eq!(edge.post("/invalidations", &json!({ "items": ["/1", "/3*"] })).status, 200);
    edge.request("POST", "/2").body(b"x").send();
    edge.get("/31");
    let edge = edge.restart("-KILL");
    let found = ["/1", "/2", "/30", "/31"].map(|target| edge.get(target).x_cache());
    assert_eq!(found, ["Miss", "Miss", "Miss", "Hit"]);
    assert_eq!(edge.post("/invalidations", &json!({ "items": ["#all"] })).status, 200);
    let edge = edge.restart("-KILL");
    assert_eq!(edge.get("/31").x_cache(), "Miss", "tags come back with their objects");
}

#[test]
fn damage_is_a_miss_and_a_lost_folder_leaves_memory() {
    let edge = Scene::with(&origin()).settings(SETTINGS).start();
    edge.get("/7");
    let folder = edge.folder().join("cache");
    let segment = folder.join("0000000001.segment");
    let mut bytes = std::fs::read(&segment).expect("one segment");
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    let edge = edge.restart("-TERM");
    let answer = edge.get("/7");
    assert_eq!((answer.x_cache(), answer.text()), ("Miss".to_owned(), body_of("/7")));
    edge.said("an object on the disk is damaged");
    assert_eq!(edge.metric("verge_cache_disk_damaged_total"), 1.0);
    assert_eq!(edge.metric("verge_cache_disk_failing"), 0.0);
    let edge = edge.restart("-TERM");
    assert_eq!(edge.get("/7").x_cache(), "Hit");
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("thesis.txt"), "words").expect("written");
    let disk =
        "[cache]\nobject_max = \"1MiB\"\n[cache.disk]\ndirectory = \".\"\nsize = \"64MiB\"\n";
    let listeners =
        "[listeners]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[admin]\nlisten = \"off\"\n";
    let state = format!("[state]\ndirectory = \"{}\"\n", commands::state_directory().display());
    let words = format!("{listeners}{disk}{state}{}", commands::SMALLEST_DISTRIBUTION);
    std::fs::write(folder.path().join("verge.toml"), words).expect("written");
    let run = commands::verge_in(folder.path(), &["serve", "--config", "verge.toml"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("cache.disk.directory: "), "{}", run.stderr);
    assert!(run.stderr.contains("holds files that are no cache"), "{}", run.stderr);
}
