//! The process around the proxy: listeners, certificates, the admin listener, the demo origin, start, reload and stop.

pub mod admin;
mod banner;
pub mod certs;
pub mod demo_origin;
pub mod functions;
mod listen;
mod listener;
mod tls;
mod viewer_stream;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use pingora::apps::HttpServerOptions;
use pingora::cache::lock::CacheLock;
use pingora::proxy::{HttpProxy, http_proxy};
use pingora::server::configuration::ServerConf;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cache::store::{DiskSettings, DiskStats, Stats, Store};
use crate::config::{AccessLogTarget, CacheSettings, Config, LogLevel, Problem};
use crate::function::Catalogue;
use crate::function::engine::Mode;
use crate::limits::{
    ACCESS_LOG_FLUSH_PATIENCE, COLLAPSED_WAIT_MAX, DRAIN_PATIENCE, UPSTREAM_ATTEMPTS_MAX,
};
use crate::observe::access_log::{AccessLog, Sink};
use crate::observe::metrics::{CacheNumbers, DiskNumbers, Metrics};
use crate::proxy::{CacheParts, Edge, Notices, Phases, Published};
use functions::Loader;
use listener::ViewerListener;

/// Why the edge did not start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration or a function is wrong: all problems.
    Problems(Vec<Problem>),
    /// Something else: an address, a certificate, the engine. The text names the remedy.
    Other(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => {
                for problem in problems {
                    writeln!(f, "{problem}")?;
                }
                Ok(())
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StartError {}

fn other(error: impl fmt::Display) -> StartError {
    StartError::Other(error.to_string())
}

/// Reads the configuration; called at the start and at each reload.
pub type Load<'a> = dyn Fn() -> Result<Config, Vec<Problem>> + Send + Sync + 'a;

/// Serves until SIGINT or SIGTERM, then finishes what is under way. SIGHUP reloads configuration and functions.
///
/// # Errors
/// Everything that keeps the edge from starting; nothing is served then.
pub fn run(load: &Load<'_>) -> Result<(), StartError> {
    let config = load().map_err(StartError::Problems)?;
    log_to_stderr(config.log_level);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().thread_name("edge").build().map_err(other)?;
    allow_open_files();
    let loader = Loader::new(Mode::Production, &config)?;
    let functions = loader.load(&config).map_err(StartError::Problems)?;
    warn(&config);
    runtime.block_on(serve(config, functions, &loader, load))
}

/// An edge that is only asked what it would do: nothing listens, nothing is logged, nothing is stored.
///
/// # Errors
/// What would keep the functions from being loaded.
pub fn offline(config: Config) -> Result<Arc<Edge>, StartError> {
    let loader = Loader::new(Mode::Production, &config)?;
    let functions = loader.load(&config).map_err(StartError::Problems)?;
    // The disk tier is for the edge that serves, which may be running.
    let cache = CacheSettings { disk: None, ..config.cache };
    let config = Config { access_log: AccessLogTarget::Off, cache, ..config };
    build_edge(config, functions, &Places::default(), &Arc::default())
}

/// Lets the process have as many files open as it may: each connection is one, and each segment of a disk tier. The
/// usual limit, 1,024, is for programs that wait with `select`.
fn allow_open_files() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Says what CloudFront's engine would refuse of the functions.
fn warn(config: &Config) {
    for warning in functions::warnings(&config.functions) {
        tracing::warn!("{}", warning.headline());
    }
}

/// What the edge and its functions say goes to standard error; the access log is apart from it.
fn log_to_stderr(level: LogLevel) {
    let level = match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // Whoever embeds the library may have set up one of their own: then that one stays.
    let _ = subscriber.try_init();
}

async fn serve(
    config: Config,
    functions: Catalogue,
    loader: &Loader,
    load: &Load<'_>,
) -> Result<(), StartError> {
    let metrics = Arc::new(Metrics::default());
    let ready = Arc::new(AtomicBool::new(false));
    let mut beside = JoinSet::new();
    let mut places = Places::default();
    if let Some(address) = config.demo_origin {
        let (local, task) = demo_origin::bind(address).await.map_err(other)?;
        places.demo_origin = Some(local);
        beside.spawn(task);
    }
    let mut admin = None;
    if let Some(address) = config.admin {
        let listener = admin::bind(address).await.map_err(other)?;
        places.admin = Some(listener.local_addr().map_err(other)?);
        admin = Some(listener);
    }
    let listeners = bind_viewers(&config, &mut places).await?;
    let threads = config.threads.unwrap_or_else(cores);
    let edge = build_edge(config, functions, &places, &metrics)?;
    if let Some(listener) = admin {
        let admin = admin::Admin::new(metrics, ready.clone(), edge.clone());
        beside.spawn(admin.serve(listener));
    }
    let app = build_app(&edge, threads);
    let (stop, stopped) = watch::channel(false);
    let mut serving = JoinSet::new();
    for listener in listeners {
        serving.spawn(listener.serve(edge.clone(), app.clone(), stopped.clone()));
    }
    ready.store(true, Ordering::Release);
    wait_for_stop(&edge, loader, load, &places).await?;
    ready.store(false, Ordering::Release);
    drain(&edge, &app, serving, &stop).await;
    Ok(())
}

/// Where the edge listens, as bound.
#[derive(Debug, Default)]
pub struct Places {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    demo_origin: Option<SocketAddr>,
    /// The self-made authority, when the certificate is self-made.
    authority: Option<PathBuf>,
}

async fn bind_viewers(
    config: &Config,
    places: &mut Places,
) -> Result<Vec<ViewerListener>, StartError> {
    let mut listeners = Vec::new();
    for &address in &config.listeners.http {
        let listener = ViewerListener::bind(address, None).await.map_err(other)?;
        places.http.push(listener.local());
        listeners.push(listener);
    }
    if config.listeners.https.is_empty() {
        return Ok(listeners);
    }
    let acceptor = make_acceptor(config, places)?;
    for &address in &config.listeners.https {
        let listener =
            ViewerListener::bind(address, Some(acceptor.clone())).await.map_err(other)?;
        places.https.push(listener.local());
        listeners.push(listener);
    }
    Ok(listeners)
}

fn make_acceptor(
    config: &Config,
    places: &mut Places,
) -> Result<Arc<pingora::listeners::tls::Acceptor>, StartError> {
    let configured = &config.listeners.certificates;
    if !configured.is_empty() {
        let materials: Vec<_> = configured
            .iter()
            .map(|certificate| tls::Material {
                chain_pem: &certificate.chain_pem,
                key_pem: &certificate.key_pem,
                file: &certificate.file,
            })
            .collect();
        return tls::acceptor(&materials).map_err(other);
    }
    let aliases: Vec<String> = config
        .distributions
        .iter()
        .flat_map(|distribution| {
            distribution.aliases.iter().cloned().chain([distribution.domain_name.clone()])
        })
        .collect();
    let made =
        certs::ensure(&config.state_directory, &aliases, SystemTime::now()).map_err(other)?;
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| other(format!("{}: {error}", path.display())))
    };
    let (chain_pem, key_pem) = (read(&made.certificate)?, read(&made.key)?);
    let material =
        tls::Material { chain_pem: &chain_pem, key_pem: &key_pem, file: &made.certificate };
    let acceptor = tls::acceptor(&[material]).map_err(other)?;
    places.authority = Some(made.authority);
    Ok(acceptor)
}

fn build_edge(
    config: Config,
    functions: Catalogue,
    places: &Places,
    metrics: &Arc<Metrics>,
) -> Result<Arc<Edge>, StartError> {
    let store = open_store(&config)?;
    metrics.watch_cache(move || numbers(&store.stats()));
    let sink = match &config.access_log {
        AccessLogTarget::Stdout => Sink::Stdout,
        AccessLogTarget::Off => Sink::Off,
        AccessLogTarget::File(path) => Sink::File(path.clone()),
    };
    let access_log = AccessLog::start(&sink, metrics.dropped_log_lines()).map_err(other)?;
    // Pingora's cache takes references that live as long as the process; there is one of each.
    let lock = Box::leak(CacheLock::new_boxed(COLLAPSED_WAIT_MAX));
    let cache = CacheParts { store, lock };
    let published = Published {
        config,
        functions,
        notices: Notices::default(),
        https_port: places.https_port(),
    };
    Ok(Arc::new(Edge::new(published, cache, access_log, metrics.clone())))
}

/// The cache, with what its disk tier kept.
fn open_store(config: &Config) -> Result<&'static Store, StartError> {
    let store = Store::new(config.cache.memory_bytes_max, config.cache.object_bytes_max);
    let Some(disk) = &config.cache.disk else { return Ok(store.leak()) };
    let started = Instant::now();
    let settings = DiskSettings { directory: disk.directory.clone(), bytes_max: disk.bytes_max };
    let store = store.with_disk(&settings).map_err(other)?.leak();
    let DiskStats { objects, bytes, .. } = store.stats().disk.unwrap_or_default();
    let milliseconds = started.elapsed().as_millis();
    tracing::info!(objects, bytes, milliseconds, "the disk tier of the cache is open");
    Ok(store)
}

fn numbers(stats: &Stats) -> CacheNumbers {
    CacheNumbers {
        objects: stats.objects,
        bytes: stats.bytes,
        evictions: stats.evictions,
        disk: stats.disk.map(|disk| DiskNumbers {
            objects: disk.objects,
            bytes: disk.bytes,
            hits: disk.hits,
            writes: disk.writes,
            refused: disk.refused,
            evictions: disk.evictions,
            damaged: disk.damaged,
            is_failing: disk.is_failing,
        }),
    }
}

/// Pingora's HTTP around the edge. Of its server only the HTTP is used: sockets and signals are ours.
fn build_app(edge: &Arc<Edge>, threads: usize) -> Arc<HttpProxy<Phases>> {
    let conf = ServerConf { threads, max_retries: UPSTREAM_ATTEMPTS_MAX, ..ServerConf::default() };
    // HTTP/2 comes with TLS only: with prior knowledge over TCP, pingora waits for the 24 bytes of the
    // preface before it reads anything, and a shorter HTTP/1 request would never be answered.
    let mut app = http_proxy(&Arc::new(conf), Phases { edge: edge.clone() });
    // Pingora's own refusal of CONNECT would have no id and no record.
    let mut options = HttpServerOptions::default();
    options.allow_connect_method_proxying = true;
    app.server_options = Some(options);
    Arc::new(app)
}

impl Places {
    fn https_port(&self) -> Option<u16> {
        self.https.first().map(SocketAddr::port)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

async fn wait_for_stop(
    edge: &Edge,
    loader: &Loader,
    load: &Load<'_>,
    places: &Places,
) -> Result<(), StartError> {
    let listen = |kind| signal(kind).map_err(other);
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    // Said only now: a signal that came before its listener would have ended the process.
    banner::print(edge, places);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => reload(edge, loader, load, places),
        }
    }
}

/// Publishes what the configuration says now; keeps what is served when anything is wrong with it.
fn reload(edge: &Edge, loader: &Loader, load: &Load<'_>, places: &Places) {
    let published = tokio::task::block_in_place(|| {
        let config = load()?;
        let functions = loader.load(&config)?;
        warn(&config);
        Ok(Published {
            config,
            functions,
            notices: Notices::default(),
            https_port: places.https_port(),
        })
    });
    match published {
        Ok(published) => {
            edge.publish(published);
            tracing::info!("reloaded; listeners, cache size and logs stay as they were started");
        }
        Err(problems) => {
            let problems: Vec<Problem> = problems;
            for problem in &problems {
                tracing::error!(%problem, "not reloaded; the former configuration stays");
            }
        }
    }
}

async fn drain(
    edge: &Edge,
    app: &Arc<HttpProxy<Phases>>,
    serving: JoinSet<()>,
    stop: &watch::Sender<bool>,
) {
    let _ = stop.send(true);
    pingora::apps::HttpServerApp::http_cleanup(app.as_ref()).await;
    if tokio::time::timeout(DRAIN_PATIENCE, serving.join_all()).await.is_err() {
        tracing::warn!("stopped with requests still under way after {DRAIN_PATIENCE:?}");
    }
    if !edge.flush(ACCESS_LOG_FLUSH_PATIENCE) {
        tracing::warn!("stopped before the access log was written");
    }
}
