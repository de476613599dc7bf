//! Certificates for HTTPS viewers, chosen by the name the viewer asks for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pingora::listeners::tls::Acceptor;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// A chain and its key, PEM, with the file the chain came from.
pub struct Material<'a> {
    /// Certificate chain, leaf first.
    pub chain_pem: &'a [u8],
    /// Private key.
    pub key_pem: &'a [u8],
    /// For error messages.
    pub file: &'a Path,
}

/// A certificate that cannot be used, and why.
#[derive(Debug)]
pub struct TlsError {
    file: PathBuf,
    cause: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "certificate {}: {}; give a PEM chain, leaf first, and its unencrypted PEM key",
            self.file.display(),
            self.cause
        )
    }
}

impl std::error::Error for TlsError {}

/// An acceptor for HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3.
///
/// # Errors
/// The first certificate that cannot be used.
pub fn acceptor(materials: &[Material<'_>]) -> Result<Arc<Acceptor>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut keys = Vec::with_capacity(materials.len());
    for material in materials {
        let certified = certified_key(material, &provider)
            .map_err(|cause| TlsError { file: material.file.to_owned(), cause })?;
        keys.push(Arc::new(certified));
    }
    let nowhere = || TlsError { file: PathBuf::new(), cause: "no protocol version".into() };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| nowhere())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName(keys)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(Acceptor::from_server_config(Arc::new(config))))
}

fn certified_key(
    material: &Material<'_>,
    provider: &rustls::crypto::CryptoProvider,
) -> Result<CertifiedKey, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(material.chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    if chain.is_empty() {
        return Err("the file holds no certificate".into());
    }
    let key = PrivateKeyDer::from_pem_slice(material.key_pem).map_err(|error| error.to_string())?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| error.to_string())
}

/// The certificates in the order of the configuration.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    /// The first certificate that covers the name; the first of all where none does, or no name was sent: the viewer
    /// then decides whether it trusts it.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let covering = hello.server_name().and_then(|name| {
            let name = ServerName::try_from(name).ok()?;
            self.0.iter().find(|key| covers(key, &name))
        });
        covering.or_else(|| self.0.first()).cloned()
    }
}

fn covers(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    key.end_entity_cert()
        .and_then(ParsedCertificate::try_from)
        .and_then(|certificate| rustls::client::verify_server_name(&certificate, name))
        .is_ok()
}
