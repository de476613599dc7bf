//! Cache, origin-request and response-headers policies. spec: CDN behaviours sections 2 to 5.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

/// Which cookies or query parameters a policy selects. Names are case-sensitive.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum NameSelection {
    /// None of them.
    #[default]
    None,
    /// Those named.
    Whitelist(Vec<String>),
    /// All but those named.
    AllExcept(Vec<String>),
    /// All of them.
    All,
}

impl NameSelection {
    /// Whether a name is selected.
    #[must_use]
    pub fn selects(&self, name: &[u8]) -> bool {
        let listed = |names: &[String]| names.iter().any(|listed| listed.as_bytes() == name);
        match self {
            Self::None => false,
            Self::All => true,
            Self::Whitelist(names) => listed(names),
            Self::AllExcept(names) => !listed(names),
        }
    }
}

/// What makes two requests the same object, and for how long an object lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CachePolicy {
    /// Its name.
    pub name: String,
    /// Lower bound of every lifetime.
    pub min_ttl: Duration,
    /// Lifetime when the origin says nothing.
    pub default_ttl: Duration,
    /// Upper bound of a lifetime the origin gave.
    pub max_ttl: Duration,
    /// Header fields in the key.
    pub headers: Vec<HeaderName>,
    /// Cookies in the key.
    pub cookies: NameSelection,
    /// Query parameters in the key.
    pub query_strings: NameSelection,
    /// Whether a normalised `Accept-Encoding` with gzip is part of the key.
    pub accept_encoding_gzip: bool,
    /// Whether a normalised `Accept-Encoding` with brotli is part of the key.
    pub accept_encoding_brotli: bool,
}

/// Which header fields an origin request policy forwards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum HeaderSelection {
    /// None of them.
    #[default]
    None,
    /// Those named.
    Whitelist(Vec<HeaderName>),
    /// All that the viewer sent.
    AllViewer,
    /// All that the viewer sent, and these `CloudFront-*` fields.
    AllViewerAndWhitelistCloudFront(Vec<HeaderName>),
    /// All that the viewer sent but those named.
    AllExcept(Vec<HeaderName>),
}

/// What the origin sees beyond the cache key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginRequestPolicy {
    /// Its name.
    pub name: String,
    /// Header fields.
    pub headers: HeaderSelection,
    /// Cookies.
    pub cookies: NameSelection,
    /// Query parameters.
    pub query_strings: NameSelection,
}

/// One header field that a response headers policy sets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyHeader {
    /// The field.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderValue,
    /// Whether it replaces the origin's.
    pub replace: bool,
}

/// Cross-origin rules of a response headers policy. Applied to requests that carry `Origin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CorsPolicy {
    /// Allowed origins; `*` alone or as left-most label.
    pub allow_origins: Vec<String>,
    /// `Access-Control-Allow-Methods`.
    pub allow_methods: Vec<String>,
    /// `Access-Control-Allow-Headers`.
    pub allow_headers: Vec<String>,
    /// `Access-Control-Expose-Headers`.
    pub expose_headers: Vec<String>,
    /// `Access-Control-Allow-Credentials`.
    pub allow_credentials: bool,
    /// `Access-Control-Max-Age`.
    pub max_age: Option<Duration>,
    /// Whether these replace the origin's.
    pub replace: bool,
}

/// What is removed from and set on every response of a behavior.
#[derive(Clone, PartialEq, Debug)]
pub struct ResponseHeadersPolicy {
    /// Its name.
    pub name: String,
    /// Removed first.
    pub remove: Vec<HeaderName>,
    /// Set afterwards: security and custom header fields.
    pub set: Vec<PolicyHeader>,
    /// Cross-origin rules.
    pub cors: Option<CorsPolicy>,
    /// `Server-Timing` on this share of responses, per cent.
    pub server_timing_percent: Option<f64>,
}
