//! An origin as pingora's connection target.

mod authorities;
mod names;
pub mod wrapped;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use pingora::upstreams::peer::HttpPeer;

use crate::distribution::{HostField, Origin, OriginHttpVersion, OriginProtocol};

/// Streams on one HTTP/2 connection to an origin; what common servers allow at least (RFC 9113 section 6.5.2).
const H2_STREAMS_MAX: usize = 100;

/// Whether this origin is asked over TLS, for a viewer who is (or is not) on TLS.
#[must_use]
pub fn speaks_tls(origin: &Origin, viewer_tls: bool) -> bool {
    match origin.protocol {
        OriginProtocol::Http => false,
        OriginProtocol::Https => true,
        OriginProtocol::MatchViewer => viewer_tls,
    }
}

/// The port that goes with the scheme.
#[must_use]
pub fn port(origin: &Origin, tls: bool) -> u16 {
    if tls { origin.https_port } else { origin.http_port }
}

/// Builds the connection target: address resolved by the caller, timers and TLS rules from the configuration.
#[must_use]
pub fn http_peer(origin: &Origin, address: SocketAddr, tls: bool) -> HttpPeer {
    let name = tls_name(origin);
    // Where nothing is verified, no names are either.
    let by_names = tls && origin.verify_certificate && !origin.certificate_names.is_empty();
    let mut peer = if by_names {
        names::peer(origin, address, name)
    } else {
        HttpPeer::new(address, tls, name.to_owned())
    };
    let options = &mut peer.options;
    options.connection_timeout = Some(origin.connection_timeout);
    // Includes the TLS handshake: a peer that accepts and then stays silent is as absent as one that does not accept.
    options.total_connection_timeout = Some(origin.connection_timeout);
    options.read_timeout = Some(origin.response_timeout);
    options.write_timeout = Some(origin.response_timeout);
    let second = Duration::from_secs(1);
    options.idle_timeout =
        Some(if by_names { second } else { origin.keepalive_timeout.max(second) });
    options.verify_cert = origin.verify_certificate;
    options.verify_hostname = origin.verify_certificate;
    if by_names {
        return peer;
    }
    options.ca = origin.authorities.as_ref().map(authorities::for_pingora);
    if origin.http_version == OriginHttpVersion::Http2 {
        options.set_http_version(2, if tls { 1 } else { 2 });
        options.max_h2_streams = H2_STREAMS_MAX;
    }
    peer.group_key = connection_group(origin);
    peer
}

/// The name asked for in the TLS handshake (spec: CloudFront Functions section 8.2, `sni`).
fn tls_name(origin: &Origin) -> &str {
    let host = match &origin.host {
        HostField::Fixed(host) => host.to_str().ok(),
        HostField::ByPolicy | HostField::Own => None,
    };
    origin.tls_name.as_deref().or(host).unwrap_or(&origin.domain_name)
}

/// Connections are shared only between requests that mean the same origin with the same rules: two configured origins
/// at one address may differ in what they trust.
fn connection_group(origin: &Origin) -> u64 {
    let mut hasher = DefaultHasher::new();
    origin.id.hash(&mut hasher);
    origin.verify_certificate.hash(&mut hasher);
    origin.authorities.hash(&mut hasher);
    hasher.finish()
}
