//! The viewer's side of HTTP/1.1, read strictly: what the edge sends is what is asserted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response as the viewer got it.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body, decoded from its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header field; its lines joined by a bar, the empty string when there is none.
    pub fn header(&self, name: &str) -> String {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        values.join("|")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `X-Cache` without its ending.
    pub fn x_cache(&self) -> String {
        self.header("x-cache").trim_end_matches(" from cloudfront").to_owned()
    }
}

/// A request being written down.
pub struct Request {
    address: SocketAddr,
    head: String,
    host: bool,
    method: String,
    body: Vec<u8>,
}

impl Request {
    /// `method target` for the edge at `address`.
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let head = format!("{method} {target} HTTP/1.1\r\n");
        Self { address, head, host: true, method: method.to_owned(), body: Vec::new() }
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.host &= !name.eq_ignore_ascii_case("host");
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Sends a body with its length.
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Length", &body.len().to_string())
    }

    /// Sends it on a connection of its own.
    pub fn send(self) -> Response {
        let mut connection = Connection::open(self.address);
        connection.send(self)
    }
}

/// A connection that is kept between requests.
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to the edge.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the edge listens");
        // A hang is a failure with a message, not a test run that never ends.
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
        Self { reader: BufReader::new(stream) }
    }

    /// Sends a request and reads its response.
    pub fn send(&mut self, request: Request) -> Response {
        let host = if request.host { "Host: edge.test\r\n" } else { "" };
        let mut bytes = format!("{}{host}\r\n", request.head).into_bytes();
        bytes.extend_from_slice(&request.body);
        self.send_raw(&bytes);
        self.read(request.method == "HEAD").expect("the edge answers")
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("the edge reads");
    }

    /// Reads a response; `None` when the edge closed the connection instead.
    pub fn read(&mut self, to_head: bool) -> Option<Response> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = Vec::new();
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').expect("a header line has a colon");
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if !to_head && !matches!(status, 100..=199 | 204 | 304) {
            response.body = self.body(&response);
        }
        Some(response)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).expect("the edge sends text heads");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    fn body(&mut self, response: &Response) -> Vec<u8> {
        let mut body = Vec::new();
        if response.header("transfer-encoding") == "chunked" {
            return read_chunked(&mut self.reader).unwrap_or_default();
        }
        match response.header("content-length").parse() {
            Ok(length) => {
                body.resize(length, 0);
                if self.reader.read_exact(&mut body).is_err() {
                    body.clear();
                }
            }
            Err(_) => {
                self.reader.read_to_end(&mut body).expect("the edge closes the connection");
            }
        }
        body
    }
}

/// A chunked body; `None` when it breaks off.
pub fn read_chunked(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
