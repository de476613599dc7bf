//! What concerns the process as a whole: listeners, admin page, state, cache, logs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{Unique, values};
use crate::config::file::{self, File, LogLevel};
use crate::config::load::ChainAndKey;
use crate::config::problem::Problems;
use crate::config::{
    AccessLogTarget, CacheSettings, Certificate, DiskCache, EdgePlace, Listeners, Secret, defaults,
};
use crate::limits;

/// The parts of a `Config` that are no distribution's.
pub(super) struct Process {
    pub edge: EdgePlace,
    pub listeners: Option<Listeners>,
    pub admin: Option<SocketAddr>,
    pub explain_secret: Option<Secret>,
    pub state_directory: PathBuf,
    pub cache: CacheSettings,
    pub access_log: AccessLogTarget,
    pub log_level: LogLevel,
    pub demo_origin: Option<SocketAddr>,
    pub threads: Option<usize>,
}

pub(super) fn check(
    written: &File,
    base: &Path,
    certificates: Vec<Option<ChainAndKey>>,
    problems: &mut Problems,
) -> Process {
    let mut taken = Unique::default();
    let listeners = listeners(written, base, certificates, &mut taken, problems);
    let admin = written.admin.listen.as_deref().unwrap_or(defaults::ADMIN_LISTEN);
    let admin = (admin != "off").then(|| listen(admin, "admin.listen", &mut taken, problems));
    let demo_origin = written.demo_origin.as_ref().and_then(|demo| {
        let address = demo.listen.as_deref().unwrap_or(defaults::DEMO_ORIGIN_LISTEN);
        listen(address, "demo_origin.listen", &mut taken, problems)
    });
    let access_log = match written.log.access.as_deref().unwrap_or(defaults::LOG_ACCESS) {
        "stdout" => AccessLogTarget::Stdout,
        "off" => AccessLogTarget::Off,
        path => {
            if path.is_empty() {
                problems.add("log.access", "is empty", "use stdout, off or a path");
            }
            AccessLogTarget::File(base.join(path))
        }
    };
    let state = written.state.directory.as_deref().unwrap_or(defaults::STATE_DIRECTORY);
    if state.is_empty() {
        problems.add("state.directory", "is empty", "name a folder, such as \"state\"");
    }
    Process {
        edge: edge(written, problems),
        listeners,
        admin: admin.flatten(),
        explain_secret: explain_secret(written, problems),
        state_directory: base.join(state),
        cache: cache(written, base, problems),
        access_log,
        log_level: written.log.level.unwrap_or(LogLevel::Info),
        demo_origin,
        threads: written.server.threads.map(usize::from),
    }
}

fn explain_secret(written: &File, problems: &mut Problems) -> Option<Secret> {
    let secret = written.explain.secret.as_deref()?;
    let (least, most) = limits::EXPLAIN_SECRET_BYTES;
    if !(least..=most).contains(&secret.len()) {
        let message = format!("has {} bytes", secret.len());
        let remedy = format!("use a random text of {least} to {most} bytes");
        problems.add("explain.secret", message, remedy);
    }
    Some(Secret(secret.as_bytes().into()))
}

fn edge(written: &File, problems: &mut Problems) -> EdgePlace {
    let mut word = |written: &Option<String>, default: &str, at: &str| {
        let word = written.as_deref().unwrap_or(default);
        values::identifier(word, at, problems);
        word.into()
    };
    let table = &written.edge;
    EdgePlace {
        name: word(&table.name, defaults::EDGE_NAME, "edge.name"),
        region: word(&table.region, defaults::EDGE_REGION, "edge.region"),
    }
}

fn listeners(
    written: &File,
    base: &Path,
    certificates: Vec<Option<ChainAndKey>>,
    taken: &mut Unique,
    problems: &mut Problems,
) -> Option<Listeners> {
    let table = &written.listeners;
    let http = list(table.http.as_deref(), defaults::LISTENERS_HTTP, "http", taken, problems);
    let https = list(table.https.as_deref(), defaults::LISTENERS_HTTPS, "https", taken, problems);
    if http.as_ref().is_some_and(Vec::is_empty) && https.as_ref().is_some_and(Vec::is_empty) {
        let remedy = "add an address to listeners.http or listeners.https";
        problems.add("listeners", "nothing to listen on", remedy);
    }
    let pairs = certificates.into_iter().zip(&table.certificate);
    let certificates = pairs.map(|(pair, written)| {
        let (chain_pem, key_pem) = pair?;
        Some(Certificate { chain_pem, key_pem, file: base.join(written.cert.as_deref()?) })
    });
    Some(Listeners {
        http: http?,
        https: https?,
        certificates: certificates.collect::<Option<_>>()?,
    })
}

fn list(
    written: Option<&[String]>,
    defaults: &[&str],
    word: &str,
    taken: &mut Unique,
    problems: &mut Problems,
) -> Option<Vec<SocketAddr>> {
    let Some(written) = written else {
        let whole = format!("listeners.{word}");
        return defaults.iter().map(|text| listen(text, &whole, taken, problems)).collect();
    };
    let mut addresses = Vec::new();
    for (index, text) in written.iter().enumerate() {
        addresses.push(listen(text, &format!("listeners.{word}[{index}]"), taken, problems));
    }
    addresses.into_iter().collect()
}

/// An address that nothing else of this configuration listens on. Port 0 lets the system choose, so
/// it never clashes.
fn listen(text: &str, at: &str, taken: &mut Unique, problems: &mut Problems) -> Option<SocketAddr> {
    let address = values::address(text, at, problems)?;
    let free = address.port() == 0 || taken.take(&address.to_string(), at, problems);
    free.then_some(address)
}

fn cache(written: &File, base: &Path, problems: &mut Problems) -> CacheSettings {
    let (least, most) = limits::CACHE_MEMORY_BYTES;
    let table = &written.cache;
    let memory = table.memory.as_ref();
    let memory_bytes_max =
        values::size(memory, defaults::CACHE_MEMORY, least..=most, "cache.memory", problems);
    // A small cache without a word about objects keeps objects that fit; only a written
    // contradiction is a problem.
    let object_bytes_max = match &table.object_max {
        None => {
            let usual = crate::config::parse_size(defaults::CACHE_OBJECT_MAX);
            usual.unwrap_or(memory_bytes_max).min(memory_bytes_max)
        }
        written => {
            let range = 1..=memory_bytes_max;
            let at = "cache.object_max";
            values::size(written.as_ref(), defaults::CACHE_OBJECT_MAX, range, at, problems)
        }
    };
    let disk = table.disk.as_ref().map(|disk| disk_cache(disk, base, object_bytes_max, problems));
    CacheSettings { memory_bytes_max, object_bytes_max, disk }
}

fn disk_cache(
    written: &file::DiskCache,
    base: &Path,
    object_bytes_max: u64,
    problems: &mut Problems,
) -> DiskCache {
    if written.directory.is_empty() {
        problems.add("cache.disk.directory", "is empty", "name a folder, such as \"cache\"");
    }
    let (least, most) = limits::CACHE_DISK_BYTES;
    // Objects take at most half of a segment, and a few segments there must be.
    let least = least.max(object_bytes_max.saturating_mul(8)).min(most);
    let at = "cache.disk.size";
    let bytes_max = values::size(Some(&written.size), "", least..=most, at, problems);
    DiskCache { directory: base.join(&written.directory), bytes_max }
}
