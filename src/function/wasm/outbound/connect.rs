//! From a name to a connection. The address that was checked is the one that is connected to: the name is not looked
//! up a second time.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

use super::client::{Connection, Place};
use super::{Caller, failure};
use crate::limits::OUTBOUND_HEADERS_BYTES_MAX;

impl Caller {
    /// A new connection; looking up, connecting and the TLS handshake take `patience` at most.
    ///
    /// # Errors
    /// No address, none that is allowed, none that answers in time, or no certificate that the system trusts.
    pub(super) async fn connect(
        &self,
        place: &Place,
        patience: Duration,
    ) -> Result<Connection, Error> {
        let connected = tokio::time::timeout(patience, self.connect_patiently(place)).await;
        connected.map_err(|_elapsed| Error::ConnectionTimeout)?
    }

    async fn connect_patiently(&self, place: &Place) -> Result<Connection, Error> {
        let stream = self.stream(place).await?;
        // Small requests and answers wait for nobody. A socket without the option works as well.
        let _ = stream.set_nodelay(true);
        if !place.tls {
            return speak(stream).await;
        }
        let name = ServerName::try_from(place.host.clone()).map_err(|_| Error::DnsError {
            rcode: Some("no name that a certificate can have".into()),
            info_code: None,
        })?;
        let secured = TlsConnector::from(tls_settings()).connect(name, stream).await;
        speak(secured.map_err(|error| failure::of_handshake(&error))?).await
    }

    async fn stream(&self, place: &Place) -> Result<TcpStream, Error> {
        let mut last = Error::DestinationNotFound;
        for address in self.addresses(place).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = failure::of_connecting(&error),
            }
        }
        Err(last)
    }

    /// The addresses of a place that may be called.
    async fn addresses(&self, place: &Place) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = place.address() {
            return Ok(vec![SocketAddr::new(address, place.port)]);
        }
        let found = tokio::net::lookup_host((place.host.as_str(), place.port)).await;
        let found: Vec<_> = found.map_err(|error| failure::of_lookup(&error))?.collect();
        let egress = &self.client.egress;
        let allowed = |address: &SocketAddr| egress.allows_named_address(address.ip(), place.port);
        let addresses: Vec<_> = found.iter().copied().filter(allowed).collect();
        if let (Some(prohibited), true) = (found.first(), addresses.is_empty()) {
            let why = format!("{} is no public address", prohibited.ip());
            self.refuse(place, &why, &prohibited.to_string());
            return Err(Error::DestinationIpProhibited);
        }
        Ok(addresses)
    }
}

/// HTTP/1.1 on a stream.
pub(super) async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, Error> {
    let (sender, connection) = http1::Builder::new()
        .max_header_size(OUTBOUND_HEADERS_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failure::of_exchange)?;
    let task = wasmtime_wasi::runtime::spawn(async move {
        // Whoever waits for an answer is told by its own half.
        let _ = connection.await;
    });
    Ok(Connection { sender, _task: task })
}

/// TLS with the certificate authorities of the system, which are read once.
pub(in crate::function::wasm) fn tls_settings() -> Arc<ClientConfig> {
    static SETTINGS: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(SETTINGS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        match rustls_native_certs::load_native_certs() {
            // The system's stores have certificates that nobody can read any more.
            Ok(certificates) => drop(roots.add_parsable_certificates(certificates)),
            Err(error) => tracing::warn!(
                %error, "no certificate authorities: requests of functions over HTTPS will fail"
            ),
        }
        let mut settings =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring has the suites of TLS 1.2 and 1.3")
                .with_root_certificates(roots)
                .with_no_client_auth();
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(settings)
    }))
}
