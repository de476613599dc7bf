//! TLS to an origin whose certificate is known under other names than the one asked for (`allowedCertificateNames`).
//!
//! Pingora's TLS compares the certificate with the name asked for and nothing else, so here the connection is made by
//! hand and handed over as a plain one. It speaks HTTP/1.1 and is not kept: pingora tells kept connections apart by
//! their file descriptors, which a connection like this does not show.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pingora::connectors::L4Connect;
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::VirtualSocketStream;
use pingora::tls::{TlsConnector, load_platform_certs_incl_env_into_store};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, OrErr};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;

use super::authorities;
use super::wrapped::Wrapped;
use crate::distribution::Origin;

/// A connection target for `origin` at `address`, asked for as `server_name`.
pub(super) fn peer(origin: &Origin, address: SocketAddr, server_name: &str) -> HttpPeer {
    // Never shared, as the head of this file says.
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let mut peer = HttpPeer::new(address, false, String::new());
    peer.group_key = SERIAL.fetch_add(1, Ordering::Relaxed);
    peer.options.custom_l4 = Some(Arc::new(Connect {
        address,
        server_name: server_name.to_owned(),
        names: origin.certificate_names.clone(),
        authorities: origin.authorities.clone(),
        patience: origin.connection_timeout,
    }));
    peer
}

#[derive(Debug)]
struct Connect {
    address: SocketAddr,
    server_name: String,
    names: Vec<String>,
    authorities: Option<Arc<[Vec<u8>]>>,
    patience: Duration,
}

#[async_trait]
impl L4Connect for Connect {
    async fn connect(&self, _address: &PeerAddress) -> pingora::Result<Stream> {
        match tokio::time::timeout(self.patience, self.open()).await {
            Ok(opened) => opened,
            Err(_) => {
                let detail = format!("{} took longer than {:?}", self.address, self.patience);
                Error::e_explain(ErrorType::ConnectTimedout, detail)
            }
        }
    }
}

impl Connect {
    async fn open(&self) -> pingora::Result<Stream> {
        let detail = || format!("connecting to {}", self.address);
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.or_err_with(ErrorType::ConnectError, detail)?;
        stream.set_nodelay(true).or_err_with(ErrorType::ConnectError, detail)?;
        let config = self.config().or_err_with(ErrorType::TLSHandshakeFailure, detail)?;
        let name = ServerName::try_from(self.server_name.clone());
        let name = name.or_err_with(ErrorType::TLSHandshakeFailure, detail)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.or_err_with(ErrorType::TLSHandshakeFailure, detail)?;
        Ok(Stream::from(VirtualSocketStream::new(Box::new(Wrapped(stream)))))
    }

    fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = ring::default_provider();
        let verifier = Verifier {
            roots: match &self.authorities {
                Some(authorities) => authorities::for_rustls(authorities)?,
                None => roots()?,
            },
            names: self.names.clone(),
            algorithms: provider.signature_verification_algorithms,
        };
        Ok(ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

/// The authorities that the system trusts, read once.
fn roots() -> Result<Arc<RootCertStore>, rustls::Error> {
    static ROOTS: OnceLock<Result<Arc<RootCertStore>, String>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        match load_platform_certs_incl_env_into_store(&mut roots) {
            Ok(()) => Ok(Arc::new(roots)),
            Err(error) => Err(error.to_string()),
        }
    };
    ROOTS.get_or_init(read).clone().map_err(rustls::Error::General)
}

/// Verifies everything that is usually verified, but the name: the certificate must have one of `names`.
#[derive(Debug)]
struct Verifier {
    roots: Arc<RootCertStore>,
    names: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        let bad = |_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        let leaf = webpki::EndEntityCert::try_from(end_entity).map_err(bad)?;
        let allowed = |name: &str| self.names.iter().any(|allowed| is_same(allowed, name));
        if leaf.valid_dns_names().any(allowed) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForName))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether an allowed name and one of a certificate mean the same server; in either, `*` is one whole first label
/// (RFC 6125 section 6.4.3).
fn is_same(allowed: &str, presented: &str) -> bool {
    let covers = |pattern: &str, name: &str| {
        let rest = name.split_once('.').map(|(_, rest)| rest);
        pattern.strip_prefix("*.").is_some_and(|parent| rest == Some(parent))
    };
    let presented = presented.to_ascii_lowercase();
    allowed == presented || covers(allowed, &presented) || covers(&presented, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_label_on_either_side() {
        for (allowed, presented, same) in [
            ("a.example", "A.example", true),
            ("*.example", "a.example", true),
            ("a.example", "*.example", true),
            ("*.example", "*.example", true),
            ("*.example", "b.a.example", false),
            ("b.a.example", "*.example", false),
            ("*.example", "example", false),
            ("a.example", "b.example", false),
        ] {
            assert_eq!(is_same(allowed, presented), same, "{allowed} {presented}");
        }
    }
}
