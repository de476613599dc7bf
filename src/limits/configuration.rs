//! Limits of what a configuration may say: CloudFront's quotas, mostly.

/// `verge.toml` and `function.toml`, bytes: far beyond any hand-written file, small enough to read
/// whole.
pub const CONFIG_FILE_BYTES_MAX: u64 = 4 << 20;

/// Certificates, keys and secrets that the configuration names, bytes each: a chain is a few KiB, a
/// bundle of all public authorities some 250 KiB.
pub const CONFIG_MATERIAL_BYTES_MAX: u64 = 4 << 20;

/// A secret that is sent as a header field, bytes: CloudFront's quota for the value of a custom
/// header.
pub const CUSTOM_HEADER_VALUE_BYTES_MAX: usize = 1_783;

/// Origins of a distribution (CloudFront's quota).
pub const ORIGINS_MAX: usize = 100;

/// Origin groups of a distribution (CloudFront's quota).
pub const ORIGIN_GROUPS_MAX: usize = 10;

/// Cache behaviors of a distribution, the default among them (CloudFront's quota). They are tried
/// in order.
pub const BEHAVIORS_MAX: usize = 75;

/// Functions in one association: they share one budget, so more would only share less.
pub const FUNCTION_CHAIN_MAX: usize = 8;

/// Custom header fields of an origin (CloudFront's quota).
pub const ORIGIN_CUSTOM_HEADERS_MAX: usize = 30;

/// Header fields, cookies or query parameters that a policy names, each (CloudFront's quota).
pub const POLICY_NAMES_MAX: usize = 10;

/// All names of a cache policy together, characters (CloudFront's quota).
pub const CACHE_POLICY_NAMES_CHARS_MAX: usize = 1_024;

/// Custom header fields of a response headers policy (CloudFront's quota).
pub const POLICY_CUSTOM_HEADERS_MAX: usize = 10;

/// A `Content-Security-Policy` of a response headers policy, characters (CloudFront's quota).
pub const CONTENT_SECURITY_POLICY_CHARS_MAX: usize = 1_783;

/// A path pattern, an origin path or a default root object, characters (CloudFront's quota).
pub const PATH_PATTERN_CHARS_MAX: usize = 255;

/// The name of a function (CloudFront's quota), of an origin or a distribution's id, characters.
pub const NAME_CHARS_MAX: usize = 64;

/// A DNS name, characters. RFC 1035 section 2.3.4.
pub const HOST_NAME_CHARS_MAX: usize = 253;

/// Host name of an origin that a function chose, characters (Lambda@Edge's bound for custom
/// origins).
pub const ORIGIN_DOMAIN_NAME_CHARS_MAX: usize = 253;

/// Path prefix of an origin that a function chose, characters, percent-encoded (Lambda@Edge's
/// bound).
pub const ORIGIN_PATH_CHARS_MAX: usize = 255;

/// Timeouts of an origin that a function chose, seconds (CloudFront's quota; its event page still
/// says 60).
pub const ORIGIN_TIMEOUT_SECONDS_MAX: u16 = 120;

/// A database of places or networks, bytes: the largest one of cities in use has some 130 MB.
pub const GEO_DATABASE_BYTES_MAX: u64 = 512 << 20;
