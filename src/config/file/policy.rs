//! The three kinds of policies. Modes are spelt as in CloudFront's API.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Time;
use crate::config::defaults;

/// What makes two requests the same object, and how long objects live.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CachePolicy {
    /// The name that behaviors use.
    #[schemars(required)]
    pub name: Option<String>,
    /// For the reader.
    pub comment: Option<String>,
    /// Lower bound of every lifetime. Above zero it also keeps what the origin said not to keep.
    #[schemars(extend("default" = defaults::MIN_TTL))]
    pub min_ttl: Option<Time>,
    /// Lifetime when the origin says nothing. Not below `min_ttl`.
    #[schemars(extend("default" = defaults::DEFAULT_TTL))]
    pub default_ttl: Option<Time>,
    /// Upper bound of a lifetime that the origin gave. Not below `default_ttl`.
    #[schemars(extend("default" = defaults::MAX_TTL))]
    pub max_ttl: Option<Time>,
    /// Header fields in the key and to the origin: `none` or `whitelist`. At most 10 names.
    pub headers: Option<HeaderMode>,
    /// Cookies in the key and to the origin. At most 10 names.
    pub cookies: Option<NameMode>,
    /// Query parameters in the key and to the origin. At most 10 names.
    pub query_strings: Option<NameMode>,
    /// Whether gzip, if the viewer takes it, is part of the key.
    #[schemars(extend("default" = false))]
    pub accept_encoding_gzip: Option<bool>,
    /// Whether brotli, if the viewer takes it, is part of the key.
    #[schemars(extend("default" = false))]
    pub accept_encoding_brotli: Option<bool>,
}

/// What the origin sees beyond the cache key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginRequestPolicy {
    /// The name that behaviors use.
    #[schemars(required)]
    pub name: Option<String>,
    /// For the reader.
    pub comment: Option<String>,
    /// Header fields.
    pub headers: Option<HeaderMode>,
    /// Cookies.
    pub cookies: Option<NameMode>,
    /// Query parameters.
    pub query_strings: Option<NameMode>,
}

/// Which cookies or query parameters.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameMode {
    /// How the names are meant.
    #[schemars(required)]
    pub behavior: Option<NameModeWord>,
    /// The names, case-sensitive; for `whitelist` and `allExcept` only.
    #[serde(default)]
    pub names: Vec<String>,
}

/// How names of cookies or query parameters are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NameModeWord {
    /// None at all.
    None,
    /// Those named.
    Whitelist,
    /// All but those named.
    AllExcept,
    /// All of them.
    All,
}

/// Which header fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderMode {
    /// How the names are meant. A cache policy knows `none` and `whitelist` only.
    #[schemars(required)]
    pub behavior: Option<HeaderModeWord>,
    /// The names; for `whitelist`, `allViewerAndWhitelistCloudFront` and `allExcept` only.
    #[serde(default)]
    pub names: Vec<String>,
}

/// How names of header fields are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HeaderModeWord {
    /// None at all.
    None,
    /// Those named.
    Whitelist,
    /// All that the viewer sent.
    AllViewer,
    /// All that the viewer sent, and the `CloudFront-*` fields named.
    AllViewerAndWhitelistCloudFront,
    /// All that the viewer sent but those named.
    AllExcept,
}

/// What is removed from and set on every response.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseHeadersPolicy {
    /// The name that behaviors use.
    #[schemars(required)]
    pub name: Option<String>,
    /// For the reader.
    pub comment: Option<String>,
    /// Header fields taken away before anything is set.
    #[serde(default)]
    pub remove_headers: Vec<String>,
    /// Share of responses that get `Server-Timing`, per cent; with `Pragma: server-timing` in the request all do. Default:
    /// none.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub server_timing_percent: Option<f64>,
    /// Cross-origin rules.
    pub cors: Option<Cors>,
    /// Security header fields.
    pub security: Option<Security>,
    /// A header field of your own. At most 10.
    #[serde(default)]
    pub custom_header: Vec<CustomHeader>,
}

/// Cross-origin rules.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Origins that may read: `*`, or `https://app.example.com`, or `https://*.example.com`.
    #[schemars(required)]
    pub allow_origins: Option<Vec<String>>,
    /// Methods that may be used, or `ALL`.
    #[schemars(extend("default" = defaults::METHODS))]
    pub allow_methods: Option<Vec<String>>,
    /// Header fields that may be sent, or `*`.
    #[serde(default)]
    pub allow_headers: Vec<String>,
    /// Header fields that may be read, or `*`.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// Whether credentials may be sent.
    #[schemars(extend("default" = false))]
    pub allow_credentials: Option<bool>,
    /// How long a preflight answer holds. Default: not said.
    pub max_age: Option<Time>,
    /// Whether these replace the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// Security header fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// `Strict-Transport-Security`.
    pub strict_transport_security: Option<StrictTransportSecurity>,
    /// `X-Content-Type-Options: nosniff`.
    pub content_type_options: Option<ContentTypeOptions>,
    /// `X-Frame-Options`.
    pub frame_options: Option<FrameOptions>,
    /// `Referrer-Policy`.
    pub referrer_policy: Option<ReferrerPolicy>,
    /// `Content-Security-Policy`.
    pub content_security_policy: Option<ContentSecurityPolicy>,
    /// `X-XSS-Protection`.
    pub xss_protection: Option<XssProtection>,
}

/// `Strict-Transport-Security`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrictTransportSecurity {
    /// How long HTTPS is insisted on.
    #[schemars(required)]
    pub max_age: Option<Time>,
    /// Whether sub-domains are meant too.
    #[schemars(extend("default" = false))]
    pub include_subdomains: Option<bool>,
    /// Whether browsers may build it in.
    #[schemars(extend("default" = false))]
    pub preload: Option<bool>,
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// `X-Content-Type-Options: nosniff`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentTypeOptions {
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// `X-Frame-Options`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameOptions {
    /// Who may frame the page.
    #[schemars(required)]
    pub option: Option<FrameOption>,
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// Who may frame a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FrameOption {
    /// Nobody.
    Deny,
    /// Pages of the same origin.
    SameOrigin,
}

/// `Referrer-Policy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferrerPolicy {
    /// How much of the address is told.
    #[schemars(required)]
    pub policy: Option<ReferrerPolicyWord>,
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// The values of `Referrer-Policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReferrerPolicyWord {
    /// Nothing.
    NoReferrer,
    /// All of it, but nothing from HTTPS to HTTP.
    NoReferrerWhenDowngrade,
    /// The origin only.
    Origin,
    /// All of it at home, the origin elsewhere.
    OriginWhenCrossOrigin,
    /// All of it at home, nothing elsewhere.
    SameOrigin,
    /// The origin, but nothing from HTTPS to HTTP.
    StrictOrigin,
    /// All of it at home, the origin elsewhere, nothing from HTTPS to HTTP.
    StrictOriginWhenCrossOrigin,
    /// All of it, to everybody.
    UnsafeUrl,
}

/// `Content-Security-Policy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentSecurityPolicy {
    /// The policy, at most 1,783 characters.
    #[schemars(required)]
    pub policy: Option<String>,
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// `X-XSS-Protection`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct XssProtection {
    /// Whether the browser's filter is on.
    #[schemars(required)]
    pub protection: Option<bool>,
    /// Whether the page is blocked rather than mended. Not together with `report_uri`.
    #[schemars(extend("default" = false))]
    pub mode_block: Option<bool>,
    /// Where violations are reported.
    pub report_uri: Option<String>,
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}

/// A header field that is set on every response.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomHeader {
    /// The field's name.
    #[schemars(required)]
    pub header: Option<String>,
    /// Its value.
    #[schemars(required)]
    pub value: Option<String>,
    /// Whether it replaces the origin's.
    #[serde(rename = "override")]
    #[schemars(extend("default" = true))]
    pub replace: Option<bool>,
}
