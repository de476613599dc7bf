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
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use pingora::cache::{CacheKey, CacheMeta, MemCache, RespCacheable};
use pingora::http::ResponseHeader;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

const ROUNDS: usize = 40;
const VIEWERS: usize = 16;
const REQUESTS_PER_ROUND: usize = 100 * VIEWERS;
const BODY: &[u8] = &[b'x'; 1_024];

/// The bare proxy: one origin, and a cache that keeps everything for a day, or none.
struct Bare {
    origin: SocketAddr,
    cache: Option<&'static MemCache>,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.origin, false, String::new())))
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
fn serve_bare(port: &str, origin: &str, cached: bool) -> Result<(), Box<dyn Error>> {
    let conf = ServerConf { threads: 1, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let cache = cached.then(|| &*Box::leak(Box::new(MemCache::new())));
    let bare = Bare { origin: origin.parse()?, cache };
    let mut service = http_proxy_service(&server.configuration, bare);
    service.add_tcp(&format!("127.0.0.1:{port}"));
    server.add_service(service);
    server.run_forever()
}

/// A server process under measurement.
struct Subject {
    name: &'static str,
    process: Child,
    clients: Vec<Client>,
    cpu: Vec<f64>,
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One kept connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        for _ in 0..500 {
            if let Ok(stream) = TcpStream::connect(address) {
                stream.set_nodelay(true)?;
                return Ok(Self(BufReader::new(stream)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("nothing listens on {address}").into())
    }

    fn ask(&mut self) -> Result<(), Box<dyn Error>> {
        let request = b"GET /a HTTP/1.1\r\nHost: d1.test\r\nUser-Agent: bench\r\n\r\n";
        Ok(self.0.get_mut().write_all(request)?)
    }

    fn read(&mut self) -> Result<(), Box<dyn Error>> {
        let mut length = 0;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(format!("answered {line:?}").into());
        }
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        std::io::copy(&mut (&mut self.0).take(length), &mut std::io::sink())?;
        Ok(())
    }
}

fn origin() -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut answer =
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=86400\r\nContent-Length: 1024\r\n\r\n".to_vec();
    answer.extend_from_slice(BODY);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if line == "\r\n" && reader.get_mut().write_all(&answer).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    Ok(address)
}

fn free_port() -> Result<u16, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn connect(port: u16) -> Result<Vec<Client>, Box<dyn Error>> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    (0..VIEWERS).map(|_| Client::connect(address)).collect()
}

fn start_bare(
    name: &'static str,
    kind: &str,
    origin: SocketAddr,
) -> Result<Subject, Box<dyn Error>> {
    let port = free_port()?;
    let process = Command::new(std::env::current_exe()?)
        .args(["bare", kind, &port.to_string(), &origin.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Subject { name, process, clients: connect(port)?, cpu: Vec::new() })
}

fn start_verge(
    name: &'static str,
    policy: &str,
    more: &str,
    origin: SocketAddr,
) -> Result<Subject, Box<dyn Error>> {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", name.replace(' ', "-")));
    std::fs::create_dir_all(&folder)?;
    let port = free_port()?;
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("functions");
    let text = format!(
        "[listeners]\nhttp = [\"127.0.0.1:{port}\"]\nhttps = []\n[server]\nthreads = 1\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [state]\ndirectory = \"../state\"\n[log]\naccess = \"off\"\n\
         [[function]]\npath = \"{}/security-headers\"\n\
         [[distribution]]\ndomain_name = \"d1.test\"\n[[distribution.origin]]\nid = \"o\"\n\
         domain_name = \"{}\"\nprotocol = \"http-only\"\nhttp_port = {}\n\
         [[distribution.behavior]]\ntarget = \"o\"\ncache_policy = \"{policy}\"\n{more}\n",
        functions.display(),
        origin.ip(),
        origin.port()
    );
    let file = folder.join("verge.toml");
    std::fs::write(&file, text)?;
    let process = Command::new(env!("CARGO_BIN_EXE_verge"))
        .args(["serve", "--config"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Subject { name, process, clients: connect(port)?, cpu: Vec::new() })
}

/// CPU time of all threads of a process, nanoseconds.
fn cpu_nanoseconds(process: &Child) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", process.id()))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text.split(' ').next().ok_or("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(sum)
}

fn compare(subjects: &mut [Subject]) -> Result<(), Box<dyn Error>> {
    for round in 0..=ROUNDS {
        for subject in subjects.iter_mut() {
            let before = cpu_nanoseconds(&subject.process)?;
            for _ in 0..REQUESTS_PER_ROUND / VIEWERS {
                subject.clients.iter_mut().try_for_each(Client::ask)?;
                subject.clients.iter_mut().try_for_each(Client::read)?;
            }
            let used = cpu_nanoseconds(&subject.process)? - before;
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
        return serve_bare(port, origin, kind == "hit");
    }
    let origin = origin()?;
    println!(
        "CPU microseconds a request of {VIEWERS} viewers, median of {ROUNDS} rounds of {REQUESTS_PER_ROUND}; \
         ratio to bare pingora"
    );
    compare(&mut [
        start_bare("pass: bare pingora", "pass", origin)?,
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
