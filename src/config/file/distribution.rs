//! `[[distribution]]` and what is inside it. Nouns and values are CloudFront's.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Associations, OneOrMany, Time};
use crate::config::defaults;

/// Host names, origins and behaviors.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// What functions see as `distributionId`: letters, digits, `-`, `_`. Default: made up from the
    /// position.
    pub id: Option<String>,
    /// What functions see as `distributionDomainName`, and the first part of cache keys. Default:
    /// from the id.
    pub domain_name: Option<String>,
    /// Host names answered for, `*.example.com` included. None: any host that no other distribution
    /// answers for.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The object that `/` stands for, without leading slash.
    pub default_root_object: Option<String>,
    /// Whose rules the cache follows where they differ.
    #[schemars(extend("default" = "cloudfront"))]
    pub semantics: Option<Semantics>,
    /// The header field in which answers carry their cache tags, separated by commas or blanks; `Surrogate-Key`, for one.
    #[schemars(extend("default" = defaults::CACHE_TAG_HEADER))]
    pub cache_tag_header: Option<String>,
    /// Whether answers say in `Cache-Status` how the cache handled them (RFC 9211). Default: with `semantics = "rfc9111"`.
    pub cache_status: Option<bool>,
    /// Networks whose viewers may send `PURGE`, such as `127.0.0.1/32`. None: nobody may.
    #[serde(default)]
    pub purge_from: Vec<String>,
    /// For the reader.
    pub comment: Option<String>,
    /// A server to fetch from. At least one.
    #[serde(default)]
    pub origin: Vec<Origin>,
    /// Two origins, the second for when the first fails.
    #[serde(default)]
    pub origin_group: Vec<OriginGroup>,
    /// What happens to the paths of a pattern; the first match wins. The last one is the default,
    /// `*`.
    #[serde(default)]
    pub behavior: Vec<Behavior>,
    /// A page, a status and a lifetime for an error.
    #[serde(default)]
    pub custom_error_response: Vec<CustomErrorResponse>,
}

/// A server to fetch from, or a function in its place.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The name that behaviors and groups use.
    #[schemars(required)]
    pub id: Option<String>,
    /// Host name or address, without scheme and port. It or `function`.
    pub domain_name: Option<String>,
    /// A WebAssembly function that answers in place of a server. Of the other words only `path`, `custom_headers` and
    /// `multi_value_headers` stand beside it.
    pub function: Option<String>,
    /// Whether the event that a function of the `lambda` world gets has lists of values for headers and parameters.
    #[schemars(extend("default" = false))]
    pub multi_value_headers: Option<bool>,
    /// Port for plain HTTP.
    #[schemars(range(min = 1, max = 65535), extend("default" = defaults::ORIGIN_HTTP_PORT))]
    pub http_port: Option<u16>,
    /// Port for HTTPS.
    #[schemars(range(min = 1, max = 65535), extend("default" = defaults::ORIGIN_HTTPS_PORT))]
    pub https_port: Option<u16>,
    /// The scheme spoken with this origin.
    #[schemars(extend("default" = defaults::ORIGIN_PROTOCOL))]
    pub protocol: Option<Protocol>,
    /// The HTTP version spoken with this origin.
    #[schemars(extend("default" = defaults::ORIGIN_HTTP_VERSION))]
    pub http_version: Option<HttpVersion>,
    /// Put before every path: begins with a slash, does not end with one.
    pub path: Option<String>,
    /// Whether the origin's certificate must be valid. `false` is for addresses on the loopback
    /// only.
    #[schemars(extend("default" = true))]
    pub verify_certificate: Option<bool>,
    /// PEM file with the certificate authorities to trust instead of the system's.
    pub ca: Option<String>,
    /// Sent with every request; `${NAME}` is replaced from the environment, `file:path` by the
    /// file's content, `encrypted:…` by what it hides.
    #[serde(default)]
    pub custom_headers: BTreeMap<String, String>,
    /// How often connecting is tried.
    #[schemars(
        range(min = 1, max = 3),
        extend("default" = defaults::ORIGIN_CONNECTION_ATTEMPTS)
    )]
    pub connection_attempts: Option<u8>,
    /// How long connecting may take. 1s to 10s.
    #[schemars(extend("default" = defaults::ORIGIN_CONNECTION_TIMEOUT))]
    pub connection_timeout: Option<Time>,
    /// How long the first byte and every further one may take. 1s to 120s.
    #[schemars(extend("default" = defaults::ORIGIN_RESPONSE_TIMEOUT))]
    pub response_timeout: Option<Time>,
    /// How long an idle connection is kept. 1s to 120s.
    #[schemars(extend("default" = defaults::ORIGIN_KEEPALIVE_TIMEOUT))]
    pub keepalive_timeout: Option<Time>,
}

/// The scheme spoken with an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Plain TCP.
    HttpOnly,
    /// TLS.
    HttpsOnly,
    /// As the viewer did.
    MatchViewer,
}

/// The HTTP version spoken with an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http1,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

/// Two origins, the second for when the first fails.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginGroup {
    /// The name that behaviors use.
    #[schemars(required)]
    pub id: Option<String>,
    /// The origin asked first.
    #[schemars(required)]
    pub primary: Option<String>,
    /// The origin asked when the first one failed.
    #[schemars(required)]
    pub secondary: Option<String>,
    /// Statuses that count as failed: 400 403 404 416 429 500 502 503 504. 503 covers "not
    /// reached", 504 "too slow".
    #[schemars(extend("default" = defaults::FAILOVER_STATUS_CODES))]
    pub failover_status_codes: Option<Vec<u16>>,
}

/// What happens to the paths of a pattern.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behavior {
    /// `*` is any run of characters, `?` exactly one. The behavior without a pattern is the default
    /// and comes last.
    #[schemars(extend("default" = defaults::PATH_PATTERN))]
    pub path_pattern: Option<String>,
    /// The origin or origin group that is asked on a miss.
    #[schemars(required)]
    pub target: Option<String>,
    /// Which schemes viewers may use.
    #[schemars(extend("default" = defaults::VIEWER_PROTOCOL_POLICY))]
    pub viewer_protocol_policy: Option<ViewerProtocol>,
    /// GET and HEAD; those and OPTIONS; or all seven with PUT, POST, PATCH and DELETE.
    #[schemars(extend("default" = defaults::METHODS))]
    pub allowed_methods: Option<Vec<String>>,
    /// GET and HEAD, or those and OPTIONS.
    #[schemars(extend("default" = defaults::METHODS))]
    pub cached_methods: Option<Vec<String>>,
    /// Whether the edge compresses. Also needs a cache policy with gzip or brotli.
    #[schemars(extend("default" = false))]
    pub compress: Option<bool>,
    /// Name of a cache policy of this file, or name or id of one of AWS's managed ones.
    #[schemars(required)]
    pub cache_policy: Option<String>,
    /// Name of an origin request policy of this file, or name or id of one of AWS's managed ones.
    pub origin_request_policy: Option<String>,
    /// Name of a response headers policy of this file, or name or id of one of AWS's managed ones.
    pub response_headers_policy: Option<String>,
    /// Functions on every request, before the cache, of one kind with those of `viewer_response`;
    /// `{ function = "…", include_body = true }` gives one of WebAssembly the request's body.
    pub viewer_request: Option<Associations>,
    /// WebAssembly functions on a miss, before the origin; `{ function = "…", include_body = true }` gives one the
    /// request's body.
    pub origin_request: Option<Associations>,
    /// WebAssembly functions on the origin's answer, before it is stored.
    pub origin_response: Option<OneOrMany>,
    /// Functions on every answer, never stored, of one kind with those of `viewer_request`.
    pub viewer_response: Option<OneOrMany>,
}

/// Whose rules a cache follows where they differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Semantics {
    /// CloudFront's: errors are kept for a while, nothing is guessed, three sets of methods.
    Cloudfront,
    /// RFC 9111's: errors as the origin says, heuristic freshness, any method.
    Rfc9111,
}

/// Which schemes viewers may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ViewerProtocol {
    /// Both.
    AllowAll,
    /// HTTP gets 403.
    HttpsOnly,
    /// HTTP gets 301 or 307.
    RedirectToHttps,
}

/// A page, a status and a lifetime for an error.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomErrorResponse {
    /// The error: 400 403 404 405 414 416 500 501 502 503 504.
    #[schemars(required)]
    pub error_code: Option<u16>,
    /// Path of the page sent instead. Needs `response_code`.
    pub response_page_path: Option<String>,
    /// Status sent instead: 200 or one of the errors. Needs `response_page_path`.
    pub response_code: Option<u16>,
    /// How long the error is kept at least.
    #[schemars(extend("default" = defaults::ERROR_CACHING_MIN_TTL))]
    pub error_caching_min_ttl: Option<Time>,
}
