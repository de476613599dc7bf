//! What verge costs beside the bare pingora proxy without our code: passing a request through, and a cache hit.
//!
//!     cargo bench --bench proxy
//!
//! The servers are processes of their own with one worker thread each; their CPU time is read from the kernel's
//! scheduler, round by round in turns, so that a busy moment of the machine hits both. The origin and the client are in
//! this process and cost neither of them anything.
//!
//! Several viewers ask at a time. With one, each request also pays for putting a server to sleep and waking it, or not,
//! depending on who is faster by a microsecond; that difference is larger than what is measured here.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pingora::cache::{CacheKey, CacheMeta, MemCache, RespCacheable};
use pingora::http::ResponseHeader;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server as Pingora;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

mod support;

use support::{Client, Server};

const ROUNDS: usize = 40;
const VIEWERS: usize = 16;
const REQUESTS_PER_ROUND: usize = 100 * VIEWERS;

/// The bare proxy: one origin, and a cache that keeps everything for a day, or none.
struct Bare {
    origin: SocketAddr,
    cache: Option<&'static MemCache>,
    /// Whether an origin may be slow or hang only for so long, as with every proxy that is used.
    timeouts: bool,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        let mut peer = HttpPeer::new(self.origin, false, String::new());
        if self.timeouts {
            let patience = Some(Duration::from_secs(10));
            peer.options.connection_timeout = patience;
            peer.options.total_connection_timeout = patience;
            peer.options.read_timeout = patience;
            peer.options.write_timeout = patience;
            peer.options.idle_timeout = patience;
        }
        Ok(Box::new(peer))
    }

    fn request_cache_filter(&self, session: &mut Session, (): &mut ()) -> pingora::Result<()> {
        if let Some(cache) = self.cache {
            session.cache.enable(cache, None, None, None, None);
        }
        Ok(())
    }

    fn cache_key_callback(&self, session: &Session, (): &mut ()) -> pingora::Result<CacheKey> {
        Ok(CacheKey::new(session.req_header().raw_path(), ""))
    }

    fn response_cache_filter(
        &self,
        _: &Session,
        response: &ResponseHeader,
        (): &mut (),
    ) -> pingora::Result<RespCacheable> {
        let now = SystemTime::now();
        let fresh_until = now + Duration::from_secs(86_400);
        Ok(RespCacheable::Cacheable(CacheMeta::new(fresh_until, now, 0, 0, response.clone())))
    }
}

/// Runs the bare proxy in this process until it is killed.
fn serve_bare(kind: &str, port: &str, origin: &str) -> Result<(), Box<dyn Error>> {
    let conf = ServerConf { threads: 1, ..ServerConf::default() };
    let mut server = Pingora::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let cache = (kind == "hit").then(|| &*Box::leak(Box::new(MemCache::new())));
    let bare = Bare { origin: origin.parse()?, cache, timeouts: kind == "patient" };
    let mut service = http_proxy_service(&server.configuration, bare);
    service.add_tcp(&format!("127.0.0.1:{port}"));
    server.add_service(service);
    server.run_forever()
}

/// A server process under measurement.
struct Subject {
    name: &'static str,
    server: Server,
    clients: Vec<Client>,
    cpu: Vec<f64>,
}

impl Subject {
    fn new(name: &'static str, server: Server, port: u16) -> Result<Self, Box<dyn Error>> {
        let clients = (0..VIEWERS).map(|_| Client::connect(port)).collect::<Result<_, _>>()?;
        Ok(Self { name, server, clients, cpu: Vec::new() })
    }
}

fn start_bare(
    name: &'static str,
    kind: &str,
    origin: SocketAddr,
) -> Result<Subject, Box<dyn Error>> {
    let port = support::free_port()?;
    let mut bare = Command::new(std::env::current_exe()?);
    bare.args(["bare", kind, &port.to_string(), &origin.to_string()]);
    Subject::new(name, Server::start(bare.stderr(Stdio::null()))?, port)
}

fn start_verge(
    name: &'static str,
    policy: &str,
    more: &str,
    origin: SocketAddr,
) -> Result<Subject, Box<dyn Error>> {
    let port = support::free_port()?;
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions");
    let function = format!("[[function]]\npath = \"{}/security-headers\"", functions.display());
    let behavior =
        format!("[[distribution.behavior]]\ntarget = \"o\"\ncache_policy = \"{policy}\"\n{more}");
    let server = Server::verge(name, 1, port, origin, [&function, &behavior])?;
    Subject::new(name, server, port)
}

fn compare(subjects: &mut [Subject]) -> Result<(), Box<dyn Error>> {
    for round in 0..=ROUNDS {
        for subject in subjects.iter_mut() {
            let before = subject.server.cpu_nanoseconds()?;
            for _ in 0..REQUESTS_PER_ROUND / VIEWERS {
                subject.clients.iter_mut().try_for_each(|client| client.ask("/a"))?;
                subject.clients.iter_mut().try_for_each(Client::read)?;
            }
            let used = subject.server.cpu_nanoseconds()? - before;
            // The first round fills caches and connections.
            if round > 0 {
                subject.cpu.push(used as f64 / 1e3 / REQUESTS_PER_ROUND as f64);
            }
        }
    }
    let mut first = None;
    for subject in subjects {
        subject.cpu.sort_by(f64::total_cmp);
        let median = subject.cpu[subject.cpu.len() / 2];
        let base = *first.get_or_insert(median);
        println!("{:32} {median:8.1} {:8.2}", subject.name, median / base);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, bare, kind, port, origin] = &arguments[..]
        && bare == "bare"
    {
        return serve_bare(kind, port, origin);
    }
    let origin = support::origin()?;
    println!(
        "CPU microseconds a request of {VIEWERS} viewers, median of {ROUNDS} rounds of {REQUESTS_PER_ROUND}; \
         ratio to bare pingora"
    );
    compare(&mut [
        start_bare("pass: bare pingora", "pass", origin)?,
        start_bare("pass: with timeouts", "patient", origin)?,
        start_verge("pass: verge", "CachingDisabled", "", origin)?,
    ])?;
    compare(&mut [
        start_bare("hit: bare pingora", "hit", origin)?,
        start_verge("hit: verge", "CachingOptimized", "", origin)?,
        start_verge(
            "hit: verge with a viewer function",
            "CachingOptimized",
            "viewer_response = \"security-headers\"",
            origin,
        )?,
    ])
}
