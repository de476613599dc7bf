//! A distribution as it is served: checked, every reference resolved. Nothing here can be wrong;
//! `config` made sure.
//!
//! Nouns are CloudFront's. Vectors are indexed by the newtypes of [`crate::ids`].

pub mod added;
pub mod device;
pub mod managed;
mod network;
mod normal;
mod pattern;
pub mod policy;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use crate::event::origin::AddressFamily;
use crate::ids::{FunctionId, OriginGroupIndex, OriginIndex};

pub use network::Network;
pub use pattern::PathPattern;
use policy::{CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy};

/// One distribution: who answers for a set of host names, and how.
#[derive(Debug)]
pub struct Distribution {
    /// Opaque id, as in `context.distributionId`.
    pub id: Arc<str>,
    /// The name functions see as `context.distributionDomainName`, and the first part of every
    /// cache key.
    pub domain_name: String,
    /// Host names answered for; `*.example.com` matches one or more labels. Empty: answers for any
    /// host.
    pub aliases: Vec<String>,
    /// What `/` means, without leading slash. Applies to the root only.
    pub default_root_object: Option<String>,
    /// Whose rules the cache follows.
    pub semantics: Semantics,
    /// Whether answers say how the cache handled them.
    pub cache_status: bool,
    /// Where answers carry their cache tags.
    pub cache_tag_header: HeaderName,
    /// Whose `PURGE` is obeyed.
    pub purge_from: Vec<Network>,
    /// The origins, in the order of the configuration.
    pub origins: Vec<Origin>,
    /// The origin groups, in the order of the configuration.
    pub origin_groups: Vec<OriginGroup>,
    /// Cache behaviors in order; the first whose pattern matches wins. The last one is `*`.
    pub behaviors: Vec<Arc<Behavior>>,
    /// Pages and statuses that replace an error.
    pub custom_error_responses: Vec<CustomErrorResponse>,
}

impl Distribution {
    /// The behavior for a viewer's path, in whatever spelling. spec: CDN behaviours section 1.
    #[must_use]
    pub fn behavior_for(&self, path: &[u8]) -> Option<&Arc<Behavior>> {
        let path = normal::normalized(path);
        self.behaviors.iter().find(|behavior| behavior.path_pattern.matches(&path))
    }

    /// What is written about an error with this status.
    #[must_use]
    pub fn custom_error_response(&self, status: u16) -> Option<&CustomErrorResponse> {
        self.custom_error_responses.iter().find(|custom| custom.error_code == status)
    }
}

/// Whose rules a cache follows where CloudFront and RFC 9111 differ (docs/differences.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Semantics {
    /// Errors are kept for the error caching minimum TTL, freshness is never guessed.
    #[default]
    CloudFront,
    /// Errors live as the origin says, and heuristic freshness applies (section 4.2.2).
    Rfc9111,
}

/// Which scheme a viewer must use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViewerProtocolPolicy {
    /// Both.
    AllowAll,
    /// HTTP gets 403.
    HttpsOnly,
    /// HTTP gets 301 (GET, HEAD) or 307.
    RedirectToHttps,
}

/// Where a behavior's misses go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// One origin.
    Origin(OriginIndex),
    /// A primary and a secondary.
    Group(OriginGroupIndex),
}

/// A cache behavior.
#[derive(Debug)]
pub struct Behavior {
    /// Its path pattern as written, for the record.
    pub name: Arc<str>,
    /// Which viewer paths it is for.
    pub path_pattern: PathPattern,
    /// Where misses go.
    pub target: Target,
    /// Scheme rule.
    pub viewer_protocol_policy: ViewerProtocolPolicy,
    /// Methods answered; others get 403.
    pub allowed_methods: Vec<Method>,
    /// Methods whose answers may be stored: GET and HEAD, and OPTIONS if asked for.
    pub cached_methods: Vec<Method>,
    /// Whether the edge compresses (spec: CDN behaviours section 10).
    pub compress: bool,
    /// Cache key and lifetimes.
    pub cache_policy: Arc<CachePolicy>,
    /// What more the origin gets to see.
    pub origin_request_policy: Option<Arc<OriginRequestPolicy>>,
    /// The `CloudFront-*` fields that both policies name.
    pub added: Vec<(HeaderName, added::Added)>,
    /// What is set on every response.
    pub response_headers_policy: Option<Arc<ResponseHeadersPolicy>>,
    /// Functions on viewer-request, in order.
    pub viewer_request: Vec<RequestAssociation>,
    /// Functions on origin-request, in order.
    pub origin_request: Vec<RequestAssociation>,
    /// Functions on origin-response, in order.
    pub origin_response: Vec<FunctionId>,
    /// Functions on viewer-response, in order.
    pub viewer_response: Vec<FunctionId>,
}

/// A function on a request event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestAssociation {
    /// The function.
    pub function: FunctionId,
    /// Whether it gets the body (spec: Lambda@Edge section 3).
    pub include_body: bool,
}

/// How the edge talks to an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OriginProtocol {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
    /// As the viewer did.
    MatchViewer,
}

/// HTTP version towards an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OriginHttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 (prior knowledge over TCP, ALPN over TLS).
    Http2,
}

/// A function that answers in place of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FunctionOrigin {
    /// The function.
    pub function: FunctionId,
    /// Whether the load balancer's event has lists of values.
    pub multi_value_headers: bool,
}

/// An origin server, or a function in its place.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its id in the configuration.
    pub id: Arc<str>,
    /// Host name or address, without port; the name of a function.
    pub domain_name: String,
    /// The function that answers; what is said about connections means nothing then.
    pub function: Option<FunctionOrigin>,
    /// Prefix of every path, without trailing slash; empty for none.
    pub path: String,
    /// Scheme.
    pub protocol: OriginProtocol,
    /// HTTP version.
    pub http_version: OriginHttpVersion,
    /// Port for plain HTTP.
    pub http_port: u16,
    /// Port for HTTPS.
    pub https_port: u16,
    /// Whether the certificate must be valid. Off is for tests on the loopback only.
    pub verify_certificate: bool,
    /// Certificates of the authorities to trust instead of the system's, in DER.
    pub authorities: Option<Arc<[Vec<u8>]>>,
    /// Sent with every request, replacing the viewer's of the same name.
    pub custom_headers: Vec<(HeaderName, HeaderValue)>,
    /// 1 to 3.
    pub connection_attempts: u8,
    /// 1 s to 10 s.
    pub connection_timeout: Duration,
    /// To the first byte and between packets, 1 s to 120 s.
    pub response_timeout: Duration,
    /// How long an idle connection is kept, 1 s to 120 s.
    pub keepalive_timeout: Duration,
    /// From asking to the last byte; `None`: as long as it takes.
    pub response_completion_timeout: Option<Duration>,
    /// What it gets as `Host`.
    pub host: HostField,
    /// The name asked for in the TLS handshake; `None`: what [`HostField`] says, else the domain name.
    pub tls_name: Option<String>,
    /// Names of which its certificate must have one, lower case, `*.` may begin one; empty: the name asked for.
    pub certificate_names: Vec<String>,
    /// Which of its addresses are used.
    pub addresses: AddressFamily,
}

/// What an origin gets as `Host`. Functions set other values than the first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum HostField {
    /// The viewer's, where the policies forward it, else the origin's own.
    #[default]
    ByPolicy,
    /// The origin's domain name.
    Own,
    /// This host name.
    Fixed(HeaderValue),
}

/// A primary and a secondary origin.
#[derive(Clone, Debug)]
pub struct OriginGroup {
    /// Its id in the configuration.
    pub id: String,
    /// Asked first.
    pub primary: OriginIndex,
    /// Asked when the primary failed.
    pub secondary: OriginIndex,
    /// Statuses of the primary that count as failed. 503 stands for "not reached", 504 for "too
    /// slow".
    pub failover_status_codes: Vec<u16>,
}

/// What replaces an error status. spec: CDN behaviours section 6.
#[derive(Clone, Debug)]
pub struct CustomErrorResponse {
    /// The status it is for.
    pub error_code: u16,
    /// Status and page that are sent instead.
    pub page: Option<(u16, String)>,
    /// How long the error is kept.
    pub error_caching_min_ttl: Duration,
}

/// Who a distribution is talking to, for rules that need the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ViewerPeer {
    /// TCP peer address.
    pub ip: IpAddr,
    /// TCP peer port.
    pub port: u16,
    /// The address that it connected to.
    pub server_ip: IpAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
}
