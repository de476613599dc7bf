//! Accepting viewers: plain TCP and TLS, each connection a task that runs pingora's HTTP on it.
//!
//! Verge binds its own sockets instead of leaving that to pingora's server, so that an address that cannot be had is
//! an error with a remedy before anything starts, port 0 works, and stopping is ours: no signal means anything else
//! here than it does to other servers.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use pingora::apps::ServerApp;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{GetSocketDigest, SocketDigest, Stream};
use pingora::proxy::HttpProxy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::listen;
use super::viewer_stream::ViewerStream;
use crate::limits::{ACCEPT_RETRY_PAUSE, TLS_HANDSHAKE_TIMEOUT, VIEWER_CONNECTIONS_MAX};
use crate::proxy::{Edge, Phases, connection};

/// A bound address where viewers are served.
pub struct ViewerListener {
    tcp: TcpListener,
    tls: Option<Arc<Acceptor>>,
    local: SocketAddr,
}

impl ViewerListener {
    /// Binds `address`; `tls` makes it an HTTPS listener.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<Acceptor>>) -> io::Result<Self> {
        let who = if tls.is_some() { "HTTPS listener" } else { "HTTP listener" };
        let tcp = listen::bind(who, address).await?;
        let local = tcp.local_addr()?;
        Ok(Self { tcp, tls, local })
    }

    /// The address that was bound, with the port that the system chose for port 0.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Serves viewers until `stop` says so, then waits for the requests under way.
    pub async fn serve(
        self,
        edge: Arc<Edge>,
        app: Arc<HttpProxy<Phases>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let permits = Arc::new(Semaphore::new(VIEWER_CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            // Finished tasks are collected as we go; a set that only grows would be a leak.
            while connections.try_join_next().is_some() {}
            let Ok(permit) = permits.clone().acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    let (edge, app, tls) = (edge.clone(), app.clone(), self.tls.clone());
                    let stop = stop.clone();
                    connections.spawn(connection::watch(async move {
                        if let Some(stream) = open(tcp, peer, tls, edge).await {
                            serve_connection(stream, app, stop).await;
                        }
                        drop(permit);
                    }));
                }
                Err(error) => {
                    tracing::warn!(%error, "a viewer's connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                }
            }
        }
        drop(self.tcp);
        connections.join_all().await;
    }
}

/// The viewer's connection, ready for HTTP; `None` when that came to nothing.
async fn open(
    tcp: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<Acceptor>>,
    edge: Arc<Edge>,
) -> Option<Stream> {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%peer, %error, "the connection was gone before it began");
        return None;
    }
    let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
    // A fresh digest has no peer yet, so this cannot fail; if it did, the viewer's address would be looked up later.
    let _ = digest.peer_addr.set(Some(peer.into()));
    let mut stream = L4Stream::from(tcp);
    stream.set_socket_digest(digest);
    let is_tls = tls.is_some();
    let stream: Stream = match tls {
        None => Box::new(stream),
        Some(acceptor) => {
            let handshake = acceptor.tls_handshake(stream);
            match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, handshake).await {
                Ok(Ok(stream)) => Box::new(stream),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "TLS handshake failed");
                    return None;
                }
                Err(_) => {
                    tracing::debug!(%peer, "TLS handshake timed out");
                    return None;
                }
            }
        }
    };
    let refuse = move || edge.refuse_unreadable(peer, is_tls);
    Some(Box::new(ViewerStream::new(stream, Box::new(refuse))))
}

async fn serve_connection(
    stream: Stream,
    app: Arc<HttpProxy<Phases>>,
    stop: watch::Receiver<bool>,
) {
    let mut next = app.process_new(stream, &stop).await;
    while let Some(kept) = next {
        next = app.process_new(kept, &stop).await;
    }
}
