//! `semantics = "rfc9111"` as a table: what an origin says of a response, and what becomes of the next request for it.
//!
//! The groups are those of the public cache tests, which `tests/cache-suite/run.sh` runs themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::scene::{Answer, Edge, Origin, Response, Scene};

/// A response that was stored or not, and the request after it.
struct Row {
    /// Header fields of the origin's first answer, as [`fields`] reads them.
    stored: &'static str,
    /// Header fields of the first request.
    first: &'static str,
    /// Header fields of the second request.
    second: &'static str,
    /// What the origin does the second time: a status and header fields, or `close`.
    then: &'static str,
    /// `X-Cache` and status of the second answer.
    expected: (&'static str, u16),
}

/// `stored` answers a plain request; the next one is answered as `x_cache` says.
const fn row(stored: &'static str, x_cache: &'static str) -> Row {
    Row { stored, first: "", second: "", then: "200", expected: (x_cache, 200) }
}

impl Row {
    const fn requests(mut self, first: &'static str, second: &'static str) -> Self {
        self.first = first;
        self.second = second;
        self
    }

    const fn then(mut self, then: &'static str) -> Self {
        self.then = then;
        self
    }

    const fn status(mut self, status: u16) -> Self {
        self.expected.1 = status;
        self
    }
}

/// `name: value` separated by bars. A value `@-60` is the date 60 s ago.
fn fields(text: &str) -> Vec<(String, String)> {
    let lines = text.split('|').filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, value) = line.split_once(':').expect("name: value");
            let value = value.trim();
            let value = match value.strip_prefix('@').map(str::parse::<i64>) {
                Some(offset) => date(offset.expect("seconds from now")),
                None => value.to_owned(),
            };
            (name.trim().to_owned(), value)
        })
        .collect()
}

fn date(offset: i64) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seconds = since.as_secs().checked_add_signed(offset).expect("a date near now");
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn answer(status: u16, text: &str, body: &str) -> Answer {
    let fields = fields(text);
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if status == 304 {
        Answer::head_only(status, &fields)
    } else {
        Answer::new(status, &fields, body)
    }
}

/// Plays all rows in one scene, each at a path of its own, and says which went wrong.
fn play(rows: Vec<Row>) {
    let rows: Arc<[Row]> = rows.into();
    let script = rows.clone();
    let asked: Mutex<HashMap<String, usize>> = Mutex::default();
    let origin = Origin::answering(move |request| {
        let path = request.target().to_owned();
        let row: usize = path.trim_start_matches('/').parse().expect("the path is a row's number");
        let mut asked = asked.lock().expect("no script panicked");
        let times = asked.entry(path).or_default();
        *times += 1;
        match (*times, script[row].then) {
            (1, _) => answer(200, script[row].stored, "first"),
            (_, "close") => Answer::raw(b""),
            (_, then) => {
                let (status, text) = then.split_once(' ').unwrap_or((then, ""));
                answer(status.parse().expect("a status"), text, "second")
            }
        }
    });
    let words = "origin_request_policy = \"AllViewer\"";
    let edge = Scene::with(&origin).rfc9111().behavior("*", words).start();
    let mut wrong = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let target = format!("/{number}");
        let first = send(&edge, "GET", &target, row.first);
        assert_eq!((first.status, first.text().as_str()), (200, "first"), "{}", row.stored);
        let second = send(&edge, "GET", &target, row.second);
        let got = (second.x_cache(), second.status, second.text());
        let (x_cache, status) = row.expected;
        let reused = matches!((x_cache, status), ("Hit" | "RefreshHit", 200));
        if (got.0.as_str(), got.1) != row.expected || reused && got.2 != "first" {
            wrong.push(format!("{} | {} | {} => {got:?}", row.stored, row.second, row.then));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn send(edge: &Edge, method: &str, target: &str, text: &str) -> Response {
    let request = edge.request(method, target);
    fields(text).iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

#[test]
fn explicit_freshness() {
    play(vec![
        row("cache-control: max-age=60", "Hit"),
        row("cache-control: max-age=0", "Miss"),
        row("cache-control: MaX-aGe=60", "Hit"),
        row("cache-control: foobar, max-age=60", "Hit"),
        row("cache-control: max-age=60, foobar=\"max-age=0\"", "Hit"),
        row("cache-control: max-age=99999999999999999999", "Hit"),
        row("cache-control: max-age=-1", "Miss"),
        row("cache-control: max-age=5.5", "Miss"),
        row("cache-control: max-age=60 | expires: @-60", "Hit"),
        row("cache-control: max-age=0 | expires: @+60", "Miss"),
        row("cache-control: s-maxage=60, max-age=0", "Hit"),
        row("cache-control: s-maxage=0, max-age=60", "Miss"),
        row("cache-control: max-age=60 | age: 70", "Miss"),
        row("cache-control: max-age=60 | age: 30", "Hit"),
        row("cache-control: max-age=60 | age: 30, 70", "Hit"),
        row("cache-control: max-age=60 | age: 7200000000000", "Miss"),
        row("cache-control: max-age=60 | age: -70", "Hit"),
        row("expires: @+60", "Hit"),
        row("expires: @-60", "Miss"),
        row("expires: @+60 | date: @-70", "Hit"),
        row("expires: 0", "Miss"),
        row("expires: Thu Aug  8 02:01:18 2050", "Hit"),
        row("expires: THU, 18 aug 2050 02:01:18 gmt", "Hit"),
        row("expires: Thu, 18 Aug 2050 02:01:18 UTC", "Miss"),
    ]);
}

#[test]
fn directives_of_responses() {
    play(vec![
        row("cache-control: no-store, max-age=60", "Miss"),
        row("cache-control: No-StOrE | expires: @+60", "Miss"),
        row("cache-control: private, max-age=60", "Miss"),
        row("cache-control: no-cache, max-age=60", "Miss"),
        row("cache-control: no-cache | etag: \"1\"", "RefreshHit").then("304 etag: \"1\""),
        row("cache-control: must-revalidate, max-age=60", "Hit"),
        row("cache-control: max-age=60, must-understand, no-store", "Hit"),
        row("pragma: no-cache | cache-control: max-age=60", "Hit"),
        row("cache-control: max-age=60 | set-cookie: a=1", "Hit"),
    ]);
}

#[test]
fn targeted_directives_go_before_all_others() {
    play(vec![
        row("cdn-cache-control: max-age=60", "Hit"),
        row("cdn-cache-control: max-age=2147483648", "Hit"),
        row("cdn-cache-control: max-age=0 | cache-control: max-age=60", "Miss"),
        row("cdn-cache-control: max-age=60 | cache-control: max-age=0", "Hit"),
        row("cdn-cache-control: max-age=60 | expires: @-60", "Hit"),
        row("cdn-cache-control: max-age=0 | expires: @+60", "Miss"),
        row("cdn-cache-control: max-age=60, foobar", "Hit"),
        row("cdn-cache-control: max-age=60 | cache-control: no-store", "Hit"),
        row("cdn-cache-control: no-store | cache-control: max-age=60", "Miss"),
        row("cdn-cache-control: private | cache-control: max-age=60", "Miss"),
        row("cdn-cache-control: no-cache | cache-control: max-age=60", "Miss"),
        row("cdn-cache-control: max-age=60 | age: 70", "Miss"),
        row("cdn-cache-control: MaX-aGe=60", "Miss"),
        row("cdn-cache-control: max-age =60 | cache-control: max-age=0", "Miss"),
        row("cdn-cache-control: max-age=\"60\" | cache-control: max-age=60", "Miss"),
    ]);
}

#[test]
fn heuristic_freshness() {
    play(vec![
        row("last-modified: @-100000", "Hit"),
        row("last-modified: @+100", "Miss"),
        row("last-modified: @+100 | etag: \"1\"", "RefreshHit").then("304 etag: \"1\""),
        row("x-a: 1", "Miss"),
    ]);
}

#[test]
fn variants() {
    play(vec![
        row("cache-control: max-age=60 | vary: foo", "Hit").requests("foo: 1", "foo: 1"),
        row("cache-control: max-age=60 | vary: foo", "Miss").requests("foo: 1", "foo: 2"),
        row("cache-control: max-age=60 | vary: foo", "Miss").requests("foo: 1", ""),
        row("cache-control: max-age=60 | vary: foo", "Hit").requests("", "bar: 1"),
        row("cache-control: max-age=60 | vary: foo", "Hit").requests("foo: 1,2", "foo: 1 , 2"),
        row("cache-control: max-age=60 | vary: foo", "Hit").requests("foo: 1,2", "foo: 1 | foo: 2"),
        row("cache-control: max-age=60 | vary: foo, bar", "Miss")
            .requests("foo: 1 | bar: 1", "foo: 1 | bar: 2"),
        row("cache-control: max-age=60 | vary: *", "Miss"),
        row("cache-control: max-age=60 | vary: foo, *", "Miss").requests("foo: 1", "foo: 1"),
        row("cache-control: max-age=60 | vary: accept-language", "Hit")
            .requests("accept-language: en, de", "accept-language: de , EN"),
        row("cache-control: max-age=60 | vary: accept-language | content-language: de", "Hit")
            .requests("accept-language: en, de", "accept-language: fr;q=0.5, de"),
        row("cache-control: max-age=60 | vary: accept-language | content-language: de", "Miss")
            .requests("accept-language: de", "accept-language: fr, de;q=0.5"),
    ]);
}

#[test]
fn authorized_requests() {
    play(vec![
        row("cache-control: max-age=60", "Miss").requests("authorization: a", "authorization: a"),
        row("cache-control: max-age=60, public", "Hit")
            .requests("authorization: a", "authorization: a"),
        row("cache-control: s-maxage=60", "Hit").requests("authorization: a", "authorization: a"),
        row("cache-control: max-age=60, must-revalidate", "Hit")
            .requests("authorization: a", "authorization: a"),
    ]);
}

#[test]
fn conditional_requests() {
    const TAGGED: &str = "cache-control: max-age=60 | etag: \"1\" | last-modified: @-3000";
    play(vec![
        row(TAGGED, "Hit").requests("", "if-none-match: \"1\"").status(304),
        row(TAGGED, "Hit").requests("", "if-none-match: W/\"1\"").status(304),
        row(TAGGED, "Hit").requests("", "if-none-match: \"0\", \"1\"").status(304),
        row(TAGGED, "Hit").requests("", "if-none-match: *").status(304),
        row(TAGGED, "Hit").requests("", "if-none-match: \"2\""),
        row(TAGGED, "Hit").requests("", "if-none-match: \"2\" | if-modified-since: @0"),
        row(TAGGED, "Hit").requests("", "if-modified-since: @-2000").status(304),
        row(TAGGED, "Hit").requests("", "if-modified-since: @-4000"),
        row("cache-control: max-age=60 | date: @-30", "Hit")
            .requests("", "if-modified-since: @-10")
            .status(304),
        row("cache-control: max-age=60 | date: @-10", "Hit")
            .requests("", "if-modified-since: @-30"),
        row("cache-control: max-age=0 | etag: \"1\"", "RefreshHit").then("304 etag: \"1\""),
        row("cache-control: max-age=0 | etag: \"1\"", "Miss").then("200 etag: \"2\""),
    ]);
}

#[test]
fn failing_origins() {
    const TAGGED: &str = "etag: \"1\" | cache-control: max-age=60 | age: 70";
    play(vec![
        row(TAGGED, "Hit").then("close"),
        row(TAGGED, "Hit").then("503"),
        row(TAGGED, "Miss").then("404").status(404),
        row("etag: \"1\" | age: 70 | cache-control: max-age=60, must-revalidate", "Error")
            .then("close")
            .status(502),
    ]);
}

#[test]
fn unsafe_methods_invalidate_and_a_post_may_leave_what_a_get_would_give() {
    let origin = Origin::answering(|request| {
        let here = [("Cache-Control", "max-age=60"), ("Content-Location", request.target())];
        match (request.method(), request.target()) {
            ("POST", "/kept") => Answer::new(200, &here, "posted"),
            ("POST", "/elsewhere") => {
                let there = [("Cache-Control", "max-age=60"), ("Content-Location", "/other")];
                Answer::new(200, &there, "posted")
            }
            ("POST", "/unspoken") => {
                Answer::new(200, &[("Content-Location", "/unspoken")], "posted")
            }
            ("POST", "/failing") => Answer::new(500, &here, "failed"),
            _ => Answer::cacheable("page"),
        }
    });
    let words = r#"allowed_methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]"#;
    let edge = Scene::with(&origin).rfc9111().behavior("*", words).start();
    let after_post = |target: &str, condition: &str| {
        assert_eq!(edge.get(target).text(), "page");
        let posted = send(&edge, "POST", target, condition);
        assert_eq!(posted.x_cache(), "Miss", "every POST is the origin's");
        let again = edge.get(target);
        (again.x_cache(), again.text())
    };
    let stored = |x_cache: &str, text: &str| (x_cache.to_owned(), text.to_owned());
    assert_eq!(after_post("/kept", ""), stored("Hit", "posted"));
    assert_eq!(send(&edge, "POST", "/kept", "").x_cache(), "Miss");
    assert_eq!(after_post("/elsewhere", ""), stored("Miss", "page"));
    assert_eq!(after_post("/unspoken", ""), stored("Miss", "page"));
    assert_eq!(after_post("/failing", ""), stored("Hit", "page"));
    let (target, condition) = ("/kept?conditional", "if-match: \"1\"");
    assert_eq!(after_post(target, condition), stored("Miss", "page"));
    let post = origin.received().into_iter().rfind(|request| request.method() == "POST");
    assert_eq!(post.expect("it was sent").header("if-match"), ["\"1\""], "the origin's to judge");
}

#[test]
fn interim_answers_reach_the_viewer_before_an_answer_that_is_stored() {
    let origin = Origin::answering(|_| {
        Answer::raw(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
              HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\npage",
        )
    });
    let edge = Scene::with(&origin).start();
    let mut viewer = edge.connect();
    viewer.send_raw(b"GET /a HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    let hints = viewer.read(false).expect("an interim answer");
    assert_eq!((hints.status, hints.header("link").as_str()), (103, "</a.css>; rel=preload"));
    let answer = viewer.read(false).expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (200, "page"));
    assert_eq!(answer.header("link"), "");
    let hit = viewer.send(edge.request("GET", "/a"));
    assert_eq!((hit.status, hit.x_cache().as_str()), (200, "Hit"));
}
