//! The viewer's side of HTTP/2 over TLS.

use std::sync::Arc;

use bytes::Bytes;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use super::Edge;

/// A connection that trusts the edge's own authority.
pub async fn connect(edge: &Edge) -> h2::client::SendRequest<Bytes> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(edge.authority()).expect("the authority is PEM");
    roots.add(authority).expect("the authority is a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(edge.https()).await.expect("the edge listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .expect("the certificate is trusted");
    let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    tokio::spawn(connection);
    client
}

/// Reads an answer to its end.
pub async fn answer(response: h2::client::ResponseFuture) -> (http::response::Parts, Vec<u8>) {
    let (head, mut stream) = response.await.expect("an answer").into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.expect("the body is whole");
        stream.flow_control().release_capacity(chunk.len()).expect("it was received");
        body.extend_from_slice(&chunk);
    }
    (head, body)
}
