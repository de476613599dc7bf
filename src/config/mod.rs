//! The configuration: what was written ([`mod@file`]), and what it means ([`Config`]).
//!
//! ```text
//! load    reads verge.toml and every file it names, and nothing else does
//! reader  text -> file types, held to the JSON Schema
//! check   file types -> Config; pure
//! ```
//! All problems are reported at once, each with its place and its remedy.

mod check;
mod defaults;
pub mod file;
mod load;
mod problem;
mod reader;
mod schema;
pub mod sealed;
mod suggest;
mod units;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::distribution::Distribution;
use crate::egress::Egress;
use crate::event::EventType;
use crate::geo::Geo;
use crate::kv::NamedStore;

pub use file::LogLevel;
pub use load::{load, load_function, load_text};
pub use problem::{Detail, Problem, Problems};
pub use schema::schema;
pub use suggest::remedy as suggestion;
pub use units::{parse_size, parse_time, spell_size, spell_time};

/// A checked configuration. Nothing in it can be wrong; nothing later checks again.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where this edge says it is.
    pub edge: EdgePlace,
    /// Where viewers are.
    pub geo: Arc<Geo>,
    /// Where viewers connect.
    pub listeners: Listeners,
    /// Address of the page for whoever runs the edge; `None`: off.
    pub admin: Option<SocketAddr>,
    /// What signs for the debug header.
    pub explain_secret: Option<Secret>,
    /// Folder for what survives a restart.
    pub state_directory: PathBuf,
    /// The cache.
    pub cache: CacheSettings,
    /// Where the access log goes.
    pub access_log: AccessLogTarget,
    /// How much the edge says about itself.
    pub log_level: LogLevel,
    /// Address of the built-in demo origin; `None`: off.
    pub demo_origin: Option<SocketAddr>,
    /// Worker threads; `None`: one for each processor.
    pub threads: Option<usize>,
    /// The distributions, in the order of the file.
    pub distributions: Vec<Arc<Distribution>>,
    /// The functions; [`crate::ids::FunctionId`] is the index.
    pub functions: Vec<FunctionSource>,
}

/// A secret: it never appears in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// What it is.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Where this edge says it is, for `cf.edgeLocation`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgePlace {
    /// `edgeLocation.name`.
    pub name: Arc<str>,
    /// `edgeLocation.region`.
    pub region: Arc<str>,
}

/// Where viewers connect.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// Plain HTTP.
    pub http: Vec<SocketAddr>,
    /// HTTPS.
    pub https: Vec<SocketAddr>,
    /// Certificates for HTTPS; empty: the edge makes its own.
    pub certificates: Vec<Certificate>,
}

/// A certificate chain and its key.
#[derive(Clone)]
pub struct Certificate {
    /// The chain, PEM, leaf first.
    pub chain_pem: Arc<[u8]>,
    /// The private key, PEM.
    pub key_pem: Arc<[u8]>,
    /// Where the chain came from.
    pub file: PathBuf,
}

impl std::fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheSettings {
    /// Memory for objects, bytes.
    pub memory_bytes_max: u64,
    /// Larger objects are not stored, bytes.
    pub object_bytes_max: u64,
    /// Where objects survive a restart; `None`: nowhere.
    pub disk: Option<DiskCache>,
}

/// The disk tier of the cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiskCache {
    /// Its folder, absolute.
    pub directory: PathBuf,
    /// Disk for objects, bytes.
    pub bytes_max: u64,
}

/// Where the access log goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccessLogTarget {
    /// Standard output.
    Stdout,
    /// Nowhere.
    Off,
    /// A file, appended to.
    File(PathBuf),
}

/// What runs a function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Runtime {
    /// `cloudfront-js-1.0`.
    JavaScript1,
    /// `cloudfront-js-2.0`.
    JavaScript2,
    /// A WebAssembly module or component.
    Wasm,
}

impl Runtime {
    /// As written in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JavaScript1 => "cloudfront-js-1.0",
            Self::JavaScript2 => "cloudfront-js-2.0",
            Self::Wasm => "wasm",
        }
    }

    /// The events it can be used for: CloudFront Functions serve viewers, Lambda@Edge's run on
    /// both sides.
    #[must_use]
    pub const fn events(self) -> &'static [EventType] {
        use EventType::{OriginRequest, OriginResponse, ViewerRequest, ViewerResponse};
        match self {
            Self::JavaScript1 | Self::JavaScript2 => &[ViewerRequest, ViewerResponse],
            Self::Wasm => &[ViewerRequest, OriginRequest, OriginResponse, ViewerResponse],
        }
    }
}

/// Whether a function's state outlives a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Every call begins from nothing.
    Fresh,
    /// An instance serves one call after the other.
    Warm,
}

/// What is done about what CloudFront's engine would refuse of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compat {
    /// It is said, and the function runs.
    Warn,
    /// The function is refused.
    Strict,
    /// Nobody looks.
    Off,
}

/// A function as configured: code and bounds, not yet compiled.
#[derive(Clone, Debug)]
pub struct FunctionSource {
    /// Its name, unique.
    pub name: String,
    /// What runs it.
    pub runtime: Runtime,
    /// JavaScript source (UTF-8), or WebAssembly in binary or text form.
    pub code: Vec<u8>,
    /// Where the code came from; the configuration file for inline code.
    pub file: PathBuf,
    /// Whether the code stands in the configuration file itself.
    pub inline: bool,
    /// Its own folder, with `function.toml`; `None` if the configuration file describes it.
    pub folder: Option<PathBuf>,
    /// For the reader; may be empty.
    pub comment: String,
    /// Compute utilization above which `verge test` fails, per cent.
    pub max_utilization: Option<u8>,
    /// Memory of one run, bytes.
    pub memory_bytes_max: usize,
    /// Whether answers of JavaScript may be remembered.
    pub memo: bool,
    /// CPU time of one event for JavaScript, wall-clock time of one run for WebAssembly.
    pub budget: Duration,
    /// The latter at viewer events, where it must not be more than [`VIEWER_COMPONENT_BUDGET_MAX`].
    ///
    /// [`VIEWER_COMPONENT_BUDGET_MAX`]: crate::limits::VIEWER_COMPONENT_BUDGET_MAX
    pub viewer_budget: Duration,
    /// Whether state outlives a call of WebAssembly; `None`: as its world usually has it.
    pub isolation: Option<Isolation>,
    /// Calls at a time that are kept for WebAssembly, and not exceeded.
    pub concurrency: Option<u32>,
    /// Room in `/tmp` for each environment of WebAssembly, bytes.
    pub storage_bytes_max: u64,
    /// Environment variables of WebAssembly, in the order of their names.
    pub environment: Vec<(String, String)>,
    /// Whom WebAssembly may call.
    pub egress: Egress,
    /// The events it is written for.
    pub events: Vec<EventType>,
    /// What is done about what CloudFront's engine would refuse; `Off` for WebAssembly.
    pub compat: Compat,
    /// The key-value store it reads.
    pub store: Option<Arc<NamedStore>>,
}

impl Config {
    /// The distribution that answers for a host: by exact name, then by wildcard (the longest
    /// first), then the one that answers for any. `host` is a `Host` value or a server name; port,
    /// case and a final dot do not matter.
    #[must_use]
    pub fn distribution_for(&self, host: &str) -> Option<&Arc<Distribution>> {
        let host = canonical_host(host);
        let exact = |distribution: &&Arc<Distribution>| {
            distribution.domain_name == host || distribution.aliases.contains(&host)
        };
        let wildcard = || {
            let matching = self.distributions.iter().filter_map(|distribution| {
                let aliases = distribution.aliases.iter();
                let longest =
                    aliases.filter(|alias| covers(alias, &host)).map(String::len).max()?;
                Some((longest, distribution))
            });
            matching.max_by_key(|(length, _)| *length).map(|(_, distribution)| distribution)
        };
        let any = || self.distributions.iter().find(|distribution| distribution.aliases.is_empty());
        self.distributions.iter().find(exact).or_else(wildcard).or_else(any)
    }
}

/// Lower case, without port and final dot; an IPv6 address without brackets.
fn canonical_host(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        // A second colon means a bare IPv6 address, which has no port.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Whether a wildcard alias covers a host: the star stands for one label or more.
fn covers(alias: &str, host: &str) -> bool {
    let Some(suffix) = alias.strip_prefix('*') else { return false };
    host.strip_suffix(suffix).is_some_and(|label| !label.is_empty())
}
