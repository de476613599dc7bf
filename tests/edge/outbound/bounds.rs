//! How much a request may carry, how many go at a time, and what becomes of one on a connection that its server closed.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{caller, edge, fetcher, fetching, reader, said};
use crate::scene::{Answer, Origin};

/// Counts what comes: mebibytes, the rest's last three digits, and 1 where the body ended in order.
const COUNT: &str = "
    (global.set $top (i32.const 131072))
    (call $read (local.get $it) (i64.const 65536) (i32.const 640))
    (if (i32.eqz (i32.load8_u (i32.const 640)))
        (then
            (i32.store (i32.const 700) (i32.add (i32.load (i32.const 700)) (i32.load (i32.const 648))))
            (br $more)))
    (call $number (i32.shr_u (i32.load (i32.const 700)) (i32.const 20)))
    (call $number (i32.and (i32.load (i32.const 700)) (i32.const 0xfffff)))
    (call $digit (i32.load8_u (i32.const 644)))";

#[test]
fn an_answer_has_64_mebibytes_at_most() {
    let server =
        |bytes: usize| Origin::answering(move |_| Answer::new(200, &[], &"x".repeat(bytes)));
    let counted = |server: &Origin| {
        let address = server.address().to_string();
        said(&edge(&reader("http", &address, COUNT), &[&address], ""), "/a")
    };
    assert_eq!(counted(&server(64 << 20)), "2000640001", "all of it");
    let broken = counted(&server((64 << 20) + 1));
    assert!(broken.starts_with("20006") && broken.ends_with('0'), "{broken}");
}

#[test]
fn answers_that_wait_have_16_mebibytes_at_most() {
    let server = Origin::answering(|_| Answer::new(200, &[], &"x".repeat((16 << 20) + 1)));
    let address = server.address().to_string();
    let edge = edge(&fetcher(&format!("http://{address}/x")), &[&address], "");
    assert_eq!(said(&edge, "/a"), "006", "too-large");
}

#[test]
fn heads_have_64_kibibytes_at_most() {
    let server = |bytes: usize| {
        let value = "x".repeat(bytes);
        Origin::answering(move |_| Answer::new(200, &[("X-Long", &value)], "hello"))
    };
    for (bytes, told) in [(60_000, "200hello"), (66_000, "026")] {
        let server = server(bytes);
        let address = server.address().to_string();
        let edge = edge(&caller("http", &address), &[&address], "");
        assert_eq!(
            said(&edge, "/a"),
            told,
            "{bytes} bytes; 26 is HTTP-response-header-section-size"
        );
    }
    // `x: xxx…`, as a list of one name and value at 600.
    let asking = |url: &str, bytes: usize| {
        let length = url.len();
        fetching(
            url,
            &format!(
                "(memory.fill (i32.const 262144) (i32.const 120) (i32.const {bytes}))
                (i32.store (i32.const 600) (i32.const 262144)) (i32.store (i32.const 604) (i32.const 1))
                (i32.store (i32.const 608) (i32.const 262144)) (i32.store (i32.const 612) (i32.const {bytes}))
                (i32.store (i32.const 512) (call $start
                    (i32.const 2040) (i32.const 4) (i32.const 2048) (i32.const {length})
                    (i32.const 600) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
                (call $wait (i32.const 512) (i32.const 1) (i32.const 0) (i64.const 0) (i32.const 520))
                (call $take (i32.load (i32.const 524)) (i32.const 576))
                (if (i32.load8_u (i32.const 576))
                    (then (call $number (i32.load8_u (i32.const 580))))
                    (else (call $number (i32.load16_u (i32.const 580)))))"
            ),
        )
    };
    let server = Origin::answering(|request| {
        let length = request.header("x").first().map_or(0, |value| value.len());
        Answer::new(if length == (64 << 10) - 1 { 200 } else { 400 }, &[], "")
    });
    let address = server.address().to_string();
    let url = format!("http://{address}/x");
    for (bytes, told) in [((64 << 10) - 1, "200"), (64 << 10, "001")] {
        let edge = edge(&asking(&url, bytes), &[&address], "");
        assert_eq!(said(&edge, "/a"), told, "{bytes} bytes and a name; 1 is invalid");
    }
    assert_eq!(server.hits(), 1, "what is too long is not sent");
}

#[test]
fn thirty_two_requests_go_at_a_time_and_the_others_wait() {
    /// How many are under way, how many were at most, and how many came.
    type Counts = (usize, usize, usize);
    let counts = Arc::new((Mutex::new(Counts::default()), Condvar::new()));
    let seen = Arc::clone(&counts);
    // Nobody is answered before 32 came.
    let server = Origin::answering(move |_| {
        let (counts, changed) = &*seen;
        let mut now = counts.lock().expect("no panic");
        now.0 += 1;
        now.1 = now.1.max(now.0);
        now.2 += 1;
        changed.notify_all();
        let patience = Duration::from_secs(10);
        let (mut now, _) =
            changed.wait_timeout_while(now, patience, |now| now.2 < 32).expect("no panic");
        now.0 -= 1;
        Answer::new(200, &[], "")
    });
    let address = server.address().to_string();
    let url = format!("http://{address}/x");
    let length = url.len();
    // Their numbers lie from 4096 on.
    let code = fetching(
        &url,
        &format!(
            "(loop $next
                (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4))) (call $start
                    (i32.const 2040) (i32.const 4) (i32.const 2048) (i32.const {length})
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 100))))
            (local.set $i (i32.const 0))
            (loop $next
                (call $wait (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4))) (i32.const 1)
                    (i32.const 0) (i64.const 0) (i32.const 520))
                (call $take (i32.load (i32.const 524)) (i32.const 576))
                (if (i32.eqz (i32.load8_u (i32.const 576)))
                    (then (local.set $good (i32.add (local.get $good) (i32.const 1)))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (i32.const 100))))
            (call $number (local.get $good))"
        ),
    );
    let edge = edge(&code, &[&address], "");
    assert_eq!(said(&edge, "/a"), "100");
    assert_eq!(*counts.0.lock().expect("no panic"), (0, 32, 100));
    assert!(server.connections() <= 32, "connections are used again");
}

/// Reads a request's head, and so many bytes of body; gives the head.
fn read_request(stream: &TcpStream, body: usize) -> String {
    let (mut reader, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a head") > 0, "the edge closed the connection");
    }
    reader.read_exact(&mut vec![0; body]).expect("a body");
    head
}

fn answer(mut stream: &TcpStream, body: &str) {
    let length = body.len();
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).expect("the edge reads");
}

/// A server that answers one request of a connection, and closes it when it has got the next one; then it does `then`.
fn closing<T: Send + 'static>(
    body: usize,
    then: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the function connects");
        read_request(&stream, body);
        answer(&stream, "first");
        read_request(&stream, body);
        drop(stream);
        then(listener)
    });
    (address, served)
}

#[test]
fn a_get_is_asked_again_when_the_kept_connection_ends_under_it() {
    let (address, served) = closing(0, |listener| {
        let (stream, _) = listener.accept().expect("the function connects again");
        let again = read_request(&stream, 0);
        answer(&stream, "second");
        again
    });
    let edge = edge(&caller("http", &address), &[&address], "");
    assert_eq!(said(&edge, "/a"), "200first");
    assert_eq!(said(&edge, "/b"), "200second");
    assert!(served.join().expect("nothing else was sent").starts_with("GET /x?y "));
}

#[test]
fn a_post_is_not_asked_again() {
    // Its body is `http`.
    let (address, served) = closing(4, |listener| listener);
    let edge = edge(&fetcher(&format!("http://{address}/x")), &[&address], "");
    assert_eq!(said(&edge, "/a"), "200first");
    assert_eq!(said(&edge, "/b"), "007", "broken");
    let listener = served.join().expect("nothing else was sent");
    listener.set_nonblocking(true).expect("it is bound");
    let again = listener.accept().expect_err("the call is over, and nobody connected again");
    assert_eq!(again.kind(), ErrorKind::WouldBlock);
}
