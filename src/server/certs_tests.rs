//! The self-made certificate, tried with a real TLS handshake in memory.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

/// Lets a client that trusts the authority alone talk to a server with the certificate.
fn handshake(files: &Certificates, name: &str) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.authority).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let chain = vec![CertificateDer::from_pem_file(&files.certificate).unwrap()];
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&files.key).unwrap())?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut wire = wire.as_slice();
        while !wire.is_empty() {
            client.read_tls(&mut wire).unwrap();
        }
        client.process_new_packets()?;
    }
    Ok(())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_client_that_trusts_the_authority_accepts_every_name_and_no_other() {
    let state = tempfile::tempdir().unwrap();
    let aliases = ["WWW.Example.com".to_owned(), "*.example.org".to_owned()];
    let files = ensure(state.path(), &aliases, SystemTime::now()).unwrap();
    for name in ["localhost", "127.0.0.1", "::1", "www.example.com", "a.example.org"] {
        handshake(&files, name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert!(handshake(&files, "example.net").is_err());
}

#[test]
fn keys_are_for_their_owner_only() {
    let state = tempfile::tempdir().unwrap();
    let files = ensure(state.path(), &[], SystemTime::now()).unwrap();
    let directory = files.key.parent().unwrap();
    assert_eq!(mode(directory), 0o700);
    assert_eq!(mode(&files.key), 0o600);
    assert_eq!(mode(&directory.join("ca.key.pem")), 0o600);
}

#[test]
fn a_certificate_is_kept_until_it_ages_or_its_names_change() {
    let state = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let first = ensure(state.path(), &[], now).unwrap();
    let authority = fs::read(&first.authority).unwrap();
    assert!(first.renewed);
    assert!(!ensure(state.path(), &[], now).unwrap().renewed);
    let renamed = ensure(state.path(), &["example.com".into()], now).unwrap();
    assert!(renamed.renewed);
    handshake(&renamed, "example.com").unwrap();
    let old = now + SELF_MADE_CERTIFICATE_LIFETIME - SELF_MADE_CERTIFICATE_RENEWAL_MARGIN;
    let aged = ensure(state.path(), &["example.com".into()], old).unwrap();
    assert!(aged.renewed);
    assert_eq!(fs::read(&aged.authority).unwrap(), authority, "clients go on trusting it");
    let very_old = now + SELF_MADE_AUTHORITY_LIFETIME - SELF_MADE_CERTIFICATE_LIFETIME;
    let replaced = ensure(state.path(), &[], very_old).unwrap();
    assert_ne!(fs::read(&replaced.authority).unwrap(), authority);
}

#[test]
fn an_interrupted_renewal_is_repeated() {
    let state = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let files = ensure(state.path(), &[], now).unwrap();
    fs::remove_file(state.path().join("tls/issued.json")).unwrap();
    fs::write(&files.key, "half a key").unwrap();
    let files = ensure(state.path(), &[], now).unwrap();
    assert!(files.renewed);
    handshake(&files, "localhost").unwrap();
}

#[test]
fn a_name_that_no_certificate_can_carry_is_named() {
    let state = tempfile::tempdir().unwrap();
    let error = ensure(state.path(), &["b\u{fc}cher.example".into()], SystemTime::now());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("b\u{fc}cher.example") && error.contains("aliases"), "{error}");
}
