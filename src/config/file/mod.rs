//! What `verge.toml` says, field for field. What it means is `check`'s business.
//!
//! Scalars are optional even where a value is required: the schema says `required`, the reader
//! reports what is missing, and the rest of the file is still checked. Doc comments here are the
//! descriptions in the JSON Schema.

mod distribution;
mod function;
mod policy;
mod store;
mod words;

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;

pub use distribution::{
    Behavior, CustomErrorResponse, Distribution, HttpVersion, Origin, OriginGroup, Protocol,
    Semantics, ViewerProtocol,
};
pub use function::{
    CompatWord, EventWord, Function, FunctionFolder, FunctionTest, IsolationWord, RuntimeWord,
};
pub use policy::{
    CachePolicy, ContentSecurityPolicy, ContentTypeOptions, Cors, CustomHeader, FrameOption,
    FrameOptions, HeaderMode, HeaderModeWord, NameMode, NameModeWord, OriginRequestPolicy,
    ReferrerPolicy, ReferrerPolicyWord, ResponseHeadersPolicy, Security, StrictTransportSecurity,
    XssProtection,
};
pub use store::KeyValueStore;
pub use words::{Association, Associations, OneOrMany, Size, Time};

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "verge.toml", rename = "verge.toml")]
pub struct File {
    /// The process.
    #[serde(default)]
    pub server: Server,
    /// Where viewers connect.
    #[serde(default)]
    pub listeners: Listeners,
    /// Where this edge says it is.
    #[serde(default)]
    pub edge: Edge,
    /// Where viewers are: what the `CloudFront-Viewer-*` fields tell that policies name.
    #[serde(default)]
    pub geo: Geo,
    /// The page for whoever runs the edge: health, metrics, invalidation.
    #[serde(default)]
    pub admin: Admin,
    /// Who may have requests explained.
    #[serde(default)]
    pub explain: Explain,
    /// What survives a restart.
    #[serde(default)]
    pub state: State,
    /// The cache.
    #[serde(default)]
    pub cache: Cache,
    /// What is written about requests and about the edge itself.
    #[serde(default)]
    pub log: Log,
    /// What is looked for in functions beyond what the edge itself needs.
    #[serde(default)]
    pub lint: Lint,
    /// A small origin inside the process, to try things with. Off unless the table is there.
    pub demo_origin: Option<DemoOrigin>,
    /// A distribution: host names, origins and behaviors. At least one.
    #[serde(default)]
    pub distribution: Vec<Distribution>,
    /// A cache policy of your own: what makes two requests the same object, and how long objects
    /// live.
    #[serde(default)]
    pub cache_policy: Vec<CachePolicy>,
    /// An origin request policy of your own: what the origin sees beyond the cache key.
    #[serde(default)]
    pub origin_request_policy: Vec<OriginRequestPolicy>,
    /// A response headers policy of your own: what is removed from and set on every response.
    #[serde(default)]
    pub response_headers_policy: Vec<ResponseHeadersPolicy>,
    /// A function, either as a folder or written out here.
    #[serde(default)]
    pub function: Vec<Function>,
    /// A key-value store that functions read.
    #[serde(default)]
    pub key_value_store: Vec<KeyValueStore>,
}

/// The process.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Worker threads. Default: one for each processor.
    #[schemars(range(min = 1, max = 1024))]
    pub threads: Option<u16>,
}

/// Where this edge says it is: what viewer functions see as `cf.edgeLocation`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// `edgeLocation.name`, in CloudFront the code of an airport nearby: letters, digits, `-`, `_`.
    #[schemars(extend("default" = defaults::EDGE_NAME))]
    pub name: Option<String>,
    /// `edgeLocation.region`, in CloudFront the region of the regional cache: letters, digits, `-`, `_`.
    #[schemars(extend("default" = defaults::EDGE_REGION))]
    pub region: Option<String>,
}

/// Where viewers are: what the `CloudFront-Viewer-*` fields tell that policies name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Geo {
    /// Database of cities or countries in MaxMind's format, such as `GeoLite2-City.mmdb`.
    pub city: Option<String>,
    /// Database of autonomous systems in that format, such as `GeoLite2-ASN.mmdb`.
    pub asn: Option<String>,
}

/// Where viewers connect.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listeners {
    /// Addresses for plain HTTP (HTTP/1.1). An empty list: none.
    #[schemars(extend("default" = defaults::LISTENERS_HTTP))]
    pub http: Option<Vec<String>>,
    /// Addresses for HTTPS (HTTP/1.1 and HTTP/2). An empty list: none.
    #[schemars(extend("default" = defaults::LISTENERS_HTTPS))]
    pub https: Option<Vec<String>>,
    /// Certificates for HTTPS, chosen by the name the viewer asks for. None: the edge makes its own
    /// for the aliases.
    #[serde(default)]
    pub certificate: Vec<Certificate>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// PEM file with the certificate chain, leaf first.
    #[schemars(required)]
    pub cert: Option<String>,
    /// PEM file with the private key.
    #[schemars(required)]
    pub key: Option<String>,
}

/// The page for whoever runs the edge.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Address, or `off`. Keep it on the loopback: it asks for no password.
    #[schemars(extend("default" = defaults::ADMIN_LISTEN))]
    pub listen: Option<String>,
}

/// Who may have requests explained.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// What signs for the debug header: 22 to 1024 bytes, `${NAME}` from the environment, `file:path` or `encrypted:…`.
    /// Default: the header counts from the loopback only.
    pub secret: Option<String>,
}

/// What survives a restart.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Folder for certificates the edge makes and for compiled functions, relative to the
    /// configuration file.
    #[schemars(extend("default" = defaults::STATE_DIRECTORY))]
    pub directory: Option<String>,
}

/// The cache.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// Memory for objects. 1MiB to 1TiB.
    #[schemars(extend("default" = defaults::CACHE_MEMORY))]
    pub memory: Option<Size>,
    /// Larger objects pass through without being stored; of theirs, parts are kept up to this size together. At most
    /// `memory`.
    #[schemars(extend("default" = defaults::CACHE_OBJECT_MAX))]
    pub object_max: Option<Size>,
    /// Keeps objects on the disk too, where they survive a restart. Default: memory only.
    pub disk: Option<DiskCache>,
}

/// The part of the cache that survives a restart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskCache {
    /// Folder for it and nothing else, relative to the configuration file. Each edge needs its own.
    pub directory: String,
    /// Disk for objects. 64MiB to 1024TiB, and at least eight times `object_max`.
    pub size: Size,
}

/// What is written about requests and about the edge itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Where the access log goes: `stdout`, `off`, or a file, relative to the configuration file.
    #[schemars(extend("default" = defaults::LOG_ACCESS))]
    pub access: Option<String>,
    /// How much the edge says about itself on standard error.
    #[schemars(extend("default" = defaults::LOG_LEVEL))]
    pub level: Option<LogLevel>,
}

/// How much the edge says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// Also what looks wrong.
    Warn,
    /// Also starts, stops and reloads.
    Info,
    /// Also each step of a request.
    Debug,
    /// Everything.
    Trace,
}

/// What is looked for in functions beyond what the edge itself needs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lint {
    /// What to do about what CloudFront's engine would refuse, for functions that do not say it themselves.
    #[schemars(extend("default" = defaults::LINT_COMPAT))]
    pub compat: Option<CompatWord>,
}

/// A small origin inside the process.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DemoOrigin {
    /// Its address.
    #[schemars(extend("default" = defaults::DEMO_ORIGIN_LISTEN))]
    pub listen: Option<String>,
}
