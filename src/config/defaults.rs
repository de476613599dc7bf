//! What a word of the configuration means when it is not written. The schema prints these, the
//! checks use these.

use crate::event::EdgeLocation;

/// `[edge] name`.
pub const EDGE_NAME: &str = EdgeLocation::DEFAULT.name;
/// `[edge] region`.
pub const EDGE_REGION: &str = EdgeLocation::DEFAULT.region;
/// `[listeners] http`.
pub const LISTENERS_HTTP: &[&str] = &["127.0.0.1:8080"];
/// `[listeners] https`.
pub const LISTENERS_HTTPS: &[&str] = &["127.0.0.1:8443"];
/// `[admin] listen`.
pub const ADMIN_LISTEN: &str = "127.0.0.1:9180";
/// `[state] directory`.
pub const STATE_DIRECTORY: &str = "state";
/// `[cache] memory`.
pub const CACHE_MEMORY: &str = "256MiB";
/// `[cache] object_max`.
pub const CACHE_OBJECT_MAX: &str = "64MiB";
/// `[log] access`.
pub const LOG_ACCESS: &str = "stdout";
/// `[log] level`.
pub const LOG_LEVEL: &str = "info";
/// `[lint] compat`: a function that only ever runs here need not run elsewhere.
pub const LINT_COMPAT: &str = "warn";
/// `[demo_origin] listen`.
pub const DEMO_ORIGIN_LISTEN: &str = "127.0.0.1:9000";

/// `cache_tag_header` of a distribution. spec: CDN behaviours section 7 leaves the name to the distribution; this is the
/// one that most origins send.
pub const CACHE_TAG_HEADER: &str = "Cache-Tag";

/// `http_port` of an origin.
pub const ORIGIN_HTTP_PORT: u16 = 80;
/// `https_port` of an origin.
pub const ORIGIN_HTTPS_PORT: u16 = 443;
/// `protocol` of an origin: the safe one.
pub const ORIGIN_PROTOCOL: &str = "https-only";
/// `http_version` of an origin.
pub const ORIGIN_HTTP_VERSION: &str = "1.1";
/// `connection_attempts` of an origin. spec: CDN behaviours section 6, as are the three below.
pub const ORIGIN_CONNECTION_ATTEMPTS: u8 = 3;
/// `connection_timeout` of an origin.
pub const ORIGIN_CONNECTION_TIMEOUT: &str = "10s";
/// `response_timeout` of an origin.
pub const ORIGIN_RESPONSE_TIMEOUT: &str = "30s";
/// `keepalive_timeout` of an origin.
pub const ORIGIN_KEEPALIVE_TIMEOUT: &str = "5s";

/// `failover_status_codes` of an origin group: what says "this server cannot", rather than "you may
/// not".
pub const FAILOVER_STATUS_CODES: &[u16] = &[500, 502, 503, 504];

/// `path_pattern` of a behavior.
pub const PATH_PATTERN: &str = "*";
/// `viewer_protocol_policy` of a behavior.
pub const VIEWER_PROTOCOL_POLICY: &str = "allow-all";
/// `allowed_methods` and `cached_methods` of a behavior.
pub const METHODS: &[&str] = &["GET", "HEAD"];
/// `error_caching_min_ttl` of a custom error response. spec: CDN behaviours section 6.
pub const ERROR_CACHING_MIN_TTL: &str = "10s";

/// `min_ttl` of a cache policy.
pub const MIN_TTL: &str = "0s";
/// `default_ttl` of a cache policy, unless `min_ttl` is longer.
pub const DEFAULT_TTL: &str = "1d";
/// `max_ttl` of a cache policy, unless `default_ttl` is longer.
pub const MAX_TTL: &str = "365d";
