//! The origin of a scene: a real HTTP/1.1 server on a port of the system's choice, one thread a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and header lines, without line ends.
    pub head: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The method.
    pub fn method(&self) -> &str {
        self.word(0)
    }

    /// The request target.
    pub fn target(&self) -> &str {
        self.word(1)
    }

    fn word(&self, index: usize) -> &str {
        self.head[0].split(' ').nth(index).expect("a request line has three words")
    }

    /// All values of a header field.
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.head[1..]
            .iter()
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// What the origin says, byte for byte; then the connection is kept or closed.
#[derive(Clone, Debug)]
pub struct Answer {
    bytes: Vec<u8>,
    keep: bool,
    after: Option<Arc<Mutex<()>>>,
}

impl Answer {
    /// A complete response.
    pub fn new(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut text = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(body);
        Self { bytes: text.into_bytes(), keep: true, after: None }
    }

    /// 200 with a body that may be kept for a minute.
    pub fn cacheable(body: &str) -> Self {
        Self::new(200, &[("Cache-Control", "max-age=60")], body)
    }

    /// A head without body, with framing of its own (a 304, for one).
    pub fn head_only(status: u16, headers: &[(&str, &str)]) -> Self {
        let mut text = format!("HTTP/1.1 {status} Answer\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        Self { bytes: text.into_bytes(), keep: true, after: None }
    }

    /// These bytes, then the end of the connection.
    pub fn raw(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), keep: false, after: None }
    }

    /// Holds the answer back until the lock can be had.
    pub fn after(mut self, gate: &Arc<Mutex<()>>) -> Self {
        self.after = Some(gate.clone());
        self
    }
}

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

/// A running origin.
pub struct Origin {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    /// Serves what `script` says.
    pub fn answering(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let log = received.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = connections.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (script, log) = (script.clone(), log.clone());
                std::thread::spawn(move || serve(&stream, &*script, &log));
            }
        });
        Self { address, received, connections }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// How often it was asked.
    pub fn hits(&self) -> usize {
        self.received().len()
    }

    /// What it was asked.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no script panicked").clone()
    }
}

fn serve(stream: &TcpStream, script: &Script, log: &Mutex<Vec<Received>>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let answer = script(&request);
        log.lock().expect("no script panicked").push(request);
        if let Some(gate) = &answer.after {
            drop(gate.lock());
        }
        let mut writer = stream;
        if writer.write_all(&answer.bytes).is_err() || !answer.keep {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Received> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let mut request = Received { head, body: Vec::new() };
    if request.head.is_empty() {
        return None;
    }
    if request.header("transfer-encoding").first() == Some(&"chunked") {
        request.body = super::http::read_chunked(reader)?;
    } else if let Some(length) = request.header("content-length").first() {
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        request.body = body;
    }
    Some(request)
}
