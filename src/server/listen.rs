//! Accepting connections for the small servers beside the proxy: bounded in number, ended with their listener.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::limits::ACCEPT_RETRY_PAUSE;

/// Listens on an address.
///
/// # Errors
/// When the address cannot be had; the message names it, who wanted it, and the remedy.
pub(super) async fn bind(who: &str, address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let text = format!(
            "the {who} cannot listen on {address}: {error}; stop what listens there, or configure \
             another address"
        );
        io::Error::new(error.kind(), text)
    })
}

/// Serves every connection in a task of its own, at most `connections_max` at a time: further ones wait in the
/// system's queue. Runs until it is dropped, which ends its connections too.
pub(super) async fn serve<F>(
    listener: TcpListener,
    connections_max: usize,
    mut connection: impl FnMut(TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= connections_max {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream));
                }
                Err(error) => {
                    // A connection that was gone before it was accepted, or no file descriptor left: neither ends
                    // the listener, and the latter must not make it spin.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                }
            },
        }
    }
}
