//! What a connection carries at most, and how long it waits for the next request.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::connect::speak;
use super::*;
use crate::egress::Egress;
use crate::limits::OUTBOUND_IDLE_TIME;

const PATIENCE: Duration = Duration::from_secs(60);

/// A connection, and its server's end.
async fn connected() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    let connection = speak(ours.expect("it listens")).await.expect("nothing is said yet");
    (connection, theirs.expect("somebody connects").0)
}

/// A body without a length: mebibytes that share their bytes, and a rest.
struct Pieces {
    mebibyte: Bytes,
    left: usize,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let piece = self.mebibyte.slice(..self.left.min(self.mebibyte.len()));
        self.left -= piece.len();
        Poll::Ready((!piece.is_empty()).then_some(Ok(Frame::data(piece))))
    }
}

/// Sends so many bytes to a server that answers when it has all of them.
async fn send(bytes: usize) -> Result<u16, Error> {
    let (mut connection, mut server) = connected().await;
    let server = tokio::spawn(async move {
        let (mut buffer, mut end) = (vec![0; 1 << 16], Vec::new());
        while !end.ends_with(b"\r\n0\r\n\r\n") {
            let read = server.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            end.extend_from_slice(&buffer[..read]);
            end.drain(..end.len().saturating_sub(16));
        }
        server.write_all(b"HTTP/1.1 204 Fine\r\n\r\n").await
    });
    let pieces = Pieces { mebibyte: Bytes::from(vec![b'x'; 1 << 20]), left: bytes };
    let mut request = Request::new(SentBody::new(pieces.boxed_unsync(), OUTBOUND_BODY_BYTES_MAX));
    *request.method_mut() = Method::POST;
    let sent = connection.send(request, PATIENCE).await;
    drop(connection);
    server.await.expect("no panic").expect("the connection ends in order");
    sent.map(|answer| answer.status().as_u16()).map_err(|(error, _)| error)
}

#[tokio::test]
async fn a_request_carries_so_much_and_no_more() {
    let most = usize::try_from(OUTBOUND_BODY_BYTES_MAX).expect("it fits");
    assert_eq!(send(most).await.expect("exactly as much as is allowed"), 204);
    let error = send(most + 1).await.expect_err("one byte more");
    assert!(matches!(error, Error::HttpRequestBodySize(_)), "{error}");
}

fn client(places: usize) -> (Arc<Client>, Place) {
    let client = Client::new(Egress::default(), Arc::new(Semaphore::new(places)));
    (client, Place { tls: false, host: "server.test".into(), port: 80 })
}

/// Waits until the edge has closed the connection.
async fn assert_closed(server: &mut TcpStream) {
    let read = timeout(PATIENCE, server.read(&mut [0])).await.expect("it is closed in time");
    assert_eq!(read.expect("in order"), 0);
}

#[tokio::test]
async fn a_connection_waits_so_long_and_no_longer() {
    let (client, place) = client(1);
    let (connection, mut server) = connected().await;
    client.give(place.clone(), connection);
    let soon = Instant::now() + OUTBOUND_IDLE_TIME - Duration::from_secs(1);
    assert!(client.sweep(soon), "it is younger than that");
    let connection = client.take(&place).await.expect("it waits");
    client.give(place.clone(), connection);
    assert!(!client.sweep(Instant::now() + OUTBOUND_IDLE_TIME), "nothing is left to sweep");
    assert_closed(&mut server).await;
    assert!(client.take(&place).await.is_none());
}

#[tokio::test]
async fn what_its_server_closed_does_not_wait() {
    let (client, place) = client(1);
    let (connection, server) = connected().await;
    client.give(place.clone(), connection);
    drop(server);
    let swept = async {
        while client.sweep(Instant::now()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, swept).await.expect("the end is noticed");
    assert!(client.take(&place).await.is_none());
}

#[tokio::test]
async fn without_a_place_a_connection_is_closed_at_once() {
    let (client, place) = client(1);
    let (first, mut first_server) = connected().await;
    let (second, mut second_server) = connected().await;
    client.give(place.clone(), first);
    client.give(place.clone(), second);
    assert_closed(&mut second_server).await;
    assert!(client.take(&place).await.is_some(), "the first has the place");
    assert_closed(&mut first_server).await;
}
