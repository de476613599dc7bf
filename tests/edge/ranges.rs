//! Ranges: from a whole object, from stored parts, from the origin.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::origin::Received;
use crate::scene::{Answer, Edge, Origin, Response, Scene};

const BODY: &str = "0123456789abcdefghij";

/// An origin that has [`BODY`] and answers ranges of it, with these fields beside.
fn ranged(request: &Received, fields: &[(&str, &str)]) -> Answer {
    let tag = fields.iter().find(|(name, _)| *name == "ETag").map_or("", |(_, value)| value);
    if !tag.is_empty() && request.header("if-none-match") == [tag] {
        return Answer::head_only(304, fields);
    }
    let range = request.header("range");
    let applies = request.header("if-range").iter().all(|condition| *condition == tag);
    let Some(range) = range.first().filter(|_| applies) else {
        return Answer::new(200, fields, BODY);
    };
    let (first, last) = range.trim_start_matches("bytes=").split_once('-').expect("one range");
    let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, last.min(BODY.len() - 1)),
        (Ok(first), Err(_)) => (first, BODY.len() - 1),
        (Err(_), last) => (BODY.len() - last.expect("a number"), BODY.len() - 1),
    };
    if first >= BODY.len() {
        let told = format!("bytes */{}", BODY.len());
        return Answer::new(416, &[("Content-Range", &told)], "");
    }
    let told = format!("bytes {first}-{last}/{}", BODY.len());
    let fields = [&[("Content-Range", told.as_str())], fields].concat();
    Answer::new(206, &fields, BODY.get(first..=last).expect("the body is ASCII"))
}

const TAGGED: [(&str, &str); 2] = [("Cache-Control", "max-age=60"), ("ETag", "\"1\"")];

fn ask(edge: &Edge, target: &str, range: &str) -> Response {
    edge.request("GET", target).header("Range", range).send()
}

/// Status, `X-Cache` and body.
fn told(response: &Response) -> (u16, String, String) {
    (response.status, response.x_cache(), response.text())
}

fn expect(status: u16, x_cache: &str, body: &str) -> (u16, String, String) {
    (status, x_cache.to_owned(), body.to_owned())
}

#[test]
fn parts_are_kept_put_together_and_become_a_whole() {
    let origin = Origin::answering(|request| ranged(request, &TAGGED));
    let edge = Scene::with(&origin).start();
    let first = ask(&edge, "/a", "bytes=4-9");
    assert_eq!(told(&first), expect(206, "Miss", "456789"));
    assert_eq!(first.header("content-range"), "bytes 4-9/20");
    assert_eq!(origin.received()[0].header("range"), ["bytes=4-9"]);

    let within = ask(&edge, "/a", "bytes=5-6");
    assert_eq!(told(&within), expect(206, "Hit", "56"));
    assert_eq!(within.header("content-range"), "bytes 5-6/20");
    assert_eq!((within.header("content-length"), within.header("age")), ("2".into(), "0".into()));

    assert_eq!(told(&ask(&edge, "/a", "bytes=-12")), expect(206, "Miss", "89abcdefghij"));
    assert_eq!(told(&ask(&edge, "/a", "bytes=6-12")), expect(206, "Hit", "6789abc"), "over both");
    assert_eq!(told(&ask(&edge, "/a", "bytes=-1")), expect(206, "Hit", "j"));
    assert_eq!(told(&ask(&edge, "/a", "bytes=18-99")), expect(206, "Hit", "ij"));
    assert_eq!(told(&ask(&edge, "/a", "bytes=0-4")), expect(206, "Miss", "01234"));
    let whole = edge.get("/a");
    assert_eq!(told(&whole), expect(200, "Hit", BODY));
    assert_eq!(whole.header("content-range"), "");
    assert_eq!(origin.hits(), 3);
}

#[test]
fn who_wants_more_than_is_stored_gets_it_from_the_origin() {
    let origin = Origin::answering(|request| ranged(request, &TAGGED));
    let edge = Scene::with(&origin).start();
    ask(&edge, "/a", "bytes=4-9");
    for range in ["bytes=9-10", "bytes=0-1,5-6"] {
        assert_eq!(ask(&edge, "/a", range).x_cache(), "Miss", "{range}");
    }
    assert_eq!(origin.received()[2].header("range"), [""; 0], "for several ranges the whole");
    let several = ask(&edge, "/a", "bytes=0-1,5-6");
    assert_eq!((several.status, several.x_cache().as_str()), (206, "Hit"));
    assert!(several.header("content-type").starts_with("multipart/byteranges; boundary="));
    assert!(several.text().contains("bytes 5-6/20\r\n\r\n56\r\n"), "{}", several.text());
    // RFC 9110 section 14.2: a range list that overlaps may be ignored.
    assert_eq!(told(&ask(&edge, "/a", "bytes=0-5,3-9")), expect(200, "Hit", BODY));
    let none = ask(&edge, "/a", "bytes=20-");
    assert_eq!((none.status, none.header("content-range").as_str()), (416, "bytes */20"));
    assert_eq!(told(&ask(&edge, "/new", "bytes=30-40")), expect(416, "Miss", ""));
}

#[test]
fn parts_of_different_representations_are_not_put_together() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::answering(move |request| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let tag = match request.target() {
            "/changing" => format!("\"{number}\""),
            "/weak" => "W/\"1\"".to_owned(),
            _ => "\"1\"".to_owned(),
        };
        let fields = [("Cache-Control", "max-age=60"), ("ETag", tag.as_str())];
        ranged(request, if request.target() == "/untagged" { &fields[..1] } else { &fields })
    });
    let edge = Scene::with(&origin).start();
    for target in ["/changing", "/weak", "/untagged"] {
        ask(&edge, target, "bytes=0-9");
        assert_eq!(ask(&edge, target, "bytes=2-3").x_cache(), "Hit", "{target}");
        ask(&edge, target, "bytes=10-19");
        assert_eq!(ask(&edge, target, "bytes=12-13").x_cache(), "Hit", "{target}");
        assert_eq!(ask(&edge, target, "bytes=2-3").x_cache(), "Miss", "{target}");
    }
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(told(&edge.get("/weak")), expect(200, "Miss", BODY));
    assert_eq!(asked.load(Ordering::SeqCst), before + 1);
}

#[test]
fn if_range_decides_between_the_part_and_the_whole() {
    let origin = Origin::answering(|request| ranged(request, &TAGGED));
    let edge = Scene::with(&origin).start();
    let ask = |condition: &str| {
        edge.request("GET", "/a").header("Range", "bytes=4-9").header("If-Range", condition).send()
    };
    assert_eq!(told(&ask("\"1\"")), expect(206, "Miss", "456789"));
    assert_eq!(origin.received()[0].header("if-range"), ["\"1\""], "the origin's to judge");
    assert_eq!(told(&ask("\"1\"")), expect(206, "Hit", "456789"));
    assert_eq!(told(&ask("\"0\"")), expect(200, "Miss", BODY));
    assert_eq!(told(&ask("\"0\"")), expect(200, "Hit", BODY), "stored whole by now");
    assert_eq!(told(&ask("\"1\"")), expect(206, "Hit", "456789"));
}

#[test]
fn an_origin_without_ranges_gives_the_whole_once() {
    let origin = Origin::answering(|_| Answer::cacheable(BODY));
    let edge = Scene::with(&origin).start();
    assert_eq!(told(&ask(&edge, "/a", "bytes=4-9")), expect(206, "Miss", "456789"));
    assert_eq!(told(&ask(&edge, "/a", "bytes=-2")), expect(206, "Hit", "ij"));
    assert_eq!(told(&edge.get("/a")), expect(200, "Hit", BODY));
    assert_eq!(origin.hits(), 1);
}

#[test]
fn a_stale_part_is_revalidated_and_an_invalidated_one_is_gone() {
    let origin = Origin::answering(|request| {
        ranged(request, &[("Cache-Control", "max-age=60"), ("Age", "70"), ("ETag", "\"1\"")])
    });
    let words = r#"allowed_methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]"#;
    let edge = Scene::with(&origin).behavior("*", words).start();
    ask(&edge, "/a", "bytes=4-9");
    assert_eq!(told(&ask(&edge, "/a", "bytes=5-6")), expect(206, "RefreshHit", "56"));
    edge.request("POST", "/a").body(b"x").send();
    assert_eq!(told(&ask(&edge, "/a", "bytes=5-6")), expect(206, "Miss", "56"));
}

#[test]
fn of_a_part_that_contradicts_itself_only_what_is_there_is_kept() {
    let origin = Origin::answering(|request| {
        let told = match request.target() {
            "/short" => "bytes 4-9/20",
            "/unknown" => "bytes 4-8/*",
            _ => "bytes 4-8/6",
        };
        if request.target() == "/chunked" {
            return Answer::raw(
                b"HTTP/1.1 206 Answer\r\nCache-Control: max-age=60\r\nContent-Range: bytes 4-9/20\r\n\
                  Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n",
            );
        }
        Answer::new(206, &[TAGGED[0], TAGGED[1], ("Content-Range", told)], "01234")
    });
    let edge = Scene::with(&origin).start();
    let ask = |target, range| told(&ask(&edge, target, range));
    for target in ["/unknown", "/beyond"] {
        for _ in 0..2 {
            assert_eq!(ask(target, "bytes=4-8"), expect(206, "Miss", "01234"), "{target}");
        }
    }
    for target in ["/short", "/chunked"] {
        assert_eq!(ask(target, "bytes=4-9"), expect(206, "Miss", "01234"), "{target}");
        assert_eq!(ask(target, "bytes=6-8"), expect(206, "Hit", "234"), "{target}");
        assert_eq!(ask(target, "bytes=4-9"), expect(206, "Miss", "01234"), "9 is not there");
    }
}
