//! The demo origin over real sockets, in the words of the wire.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;

async fn start() -> (SocketAddr, JoinHandle<()>) {
    let (address, task) = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    (address, tokio::spawn(task))
}

/// Sends one request and reads until the origin closes.
async fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nhost: origin.test\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, target: &str) -> String {
    exchange(address, &format!("GET {target} HTTP/1.1"), b"").await
}

#[track_caller]
fn assert_has(answer: &str, parts: &[&str]) {
    for part in parts {
        assert!(answer.contains(part), "no {part} in\n{answer}");
    }
}

#[tokio::test]
async fn pages_say_how_long_they_live_and_count_requests() {
    let (origin, task) = start().await;
    let home = get(origin, "/").await;
    assert_has(&home, &["200 OK", "cache-control: max-age=60", "x-origin-requests: 1"]);
    assert_has(&get(origin, "/short").await, &["max-age=5", "x-origin-requests: 2"]);
    assert_has(&get(origin, "/fresh").await, &["no-store", "x-origin-requests: 3"]);
    assert_has(&get(origin, "/docs/de/index.html").await, &["Dokumentation"]);
    assert_has(&get(origin, "/ab/b/").await, &["Variant B"]);
    assert_has(&get(origin, "/nowhere").await, &["404 Not Found", "no /nowhere"]);
    let head = exchange(origin, "HEAD / HTTP/1.1", b"").await;
    assert!(head.ends_with("\r\n\r\n") && head.contains("content-length: "), "{head}");
    task.abort();
}

#[tokio::test]
async fn a_known_tag_gets_304() {
    let (origin, task) = start().await;
    for known in ["\"home-1\"", "\"other\", W/\"home-1\"", "*"] {
        let head = format!("GET / HTTP/1.1\r\nif-none-match: {known}");
        let answer = exchange(origin, &head, b"").await;
        assert_has(&answer, &["304 Not Modified", "etag: \"home-1\"", "max-age=60"]);
    }
    let head = "GET / HTTP/1.1\r\nif-none-match: \"home-0\"";
    assert_has(&exchange(origin, head, b"").await, &["200 OK"]);
    task.abort();
}

#[tokio::test]
async fn it_shows_what_it_received() {
    let (origin, task) = start().await;
    let head = "GET /headers?a=1 HTTP/1.1\r\nX-From-Function: yes\r\nx-from-function: twice";
    let answer = exchange(origin, head, b"").await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let shown: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(shown["uri"], "/headers?a=1");
    assert_eq!(shown["headers"][0], serde_json::json!(["x-from-function", "yes"]));
    assert_eq!(shown["headers"][1], serde_json::json!(["x-from-function", "twice"]));
    let head = "GET /cookies HTTP/1.1\r\ncookie: a=1; b=x=y\r\ncookie: a=2";
    let answer = exchange(origin, head, b"").await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let shown: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(shown["cookies"], serde_json::json!([["a", "1"], ["b", "x=y"], ["a", "2"]]));
    let answer = get(origin, "/search?q=a%20b&empty").await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let shown: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(shown["parameters"], serde_json::json!([["q", "a%20b"], ["empty", ""]]));
    task.abort();
}

#[tokio::test]
async fn bodies_come_back_up_to_the_limit() {
    let (origin, task) = start().await;
    let head = "POST /any HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: 5";
    let answer = exchange(origin, head, b"hello").await;
    assert_has(&answer, &["200 OK", "content-type: text/plain", "\r\n\r\nhello"]);
    let length = DEMO_ORIGIN_BODY_BYTES_MAX + 1;
    let head = format!("POST /any HTTP/1.1\r\ncontent-length: {length}");
    assert_has(&exchange(origin, &head, b"").await, &["413 Payload Too Large"]);
    let head = "POST /any HTTP/1.1\r\ntransfer-encoding: chunked";
    let mut chunk = format!("{length:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + length, b'x');
    assert_has(&exchange(origin, head, &chunk).await, &["413 Payload Too Large"]);
    task.abort();
}

#[tokio::test]
async fn it_misbehaves_on_request_and_only_then() {
    let (origin, task) = start().await;
    assert_has(&get(origin, "/fail?status=503").await, &["503 Service Unavailable"]);
    assert_has(&get(origin, "/fail?status=200").await, &["500 Internal Server Error"]);
    assert_has(&get(origin, "/slow?ms=1").await, &["200 OK", "after 1 ms"]);
    let broken = get(origin, "/broken").await;
    assert_has(&broken, &["200 OK", "content-length: 1000"]);
    assert!(broken.ends_with("the connection breaks here: "), "{broken}");
    let nonsense = get(origin, "/nonsense").await;
    assert!(nonsense.starts_with("%!PS") && !nonsense.contains("HTTP/"), "{nonsense}");
    assert_has(&get(origin, "/").await, &["200 OK"]);
    task.abort();
}

#[tokio::test]
async fn it_speaks_http_2_by_prior_knowledge() {
    let (origin, task) = start().await;
    let stream = TcpStream::connect(origin).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://origin.test/api/items").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CACHE_CONTROL], "s-maxage=30");
    let first = response.into_body().data().await.unwrap().unwrap();
    assert!(first.starts_with(b"{\"items\""));
    connection.abort();
    task.abort();
}
