//! What benches of whole servers share: an origin, clients with kept connections, and server processes whose CPU time
//! is read from the kernel's scheduler.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const BODY: &[u8] = &[b'x'; 1_024];

/// One kept connection.
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects, as soon as somebody listens.
    pub fn connect(port: u16) -> Result<Self, Box<dyn Error>> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        for _ in 0..500 {
            if let Ok(stream) = TcpStream::connect(address) {
                stream.set_nodelay(true)?;
                return Ok(Self(BufReader::new(stream)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("nothing listens on {address}").into())
    }

    /// Sends a GET request.
    pub fn ask(&mut self, path: &str) -> Result<(), Box<dyn Error>> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: d1.test\r\nUser-Agent: bench\r\n\r\n");
        Ok(self.0.get_mut().write_all(request.as_bytes())?)
    }

    /// Reads an answer, which must be 200.
    pub fn read(&mut self) -> Result<(), Box<dyn Error>> {
        match self.read_any()? {
            status if status.starts_with("HTTP/1.1 200") => Ok(()),
            status => Err(format!("answered {status:?}").into()),
        }
    }

    /// Reads an answer; its status line.
    pub fn read_any(&mut self) -> Result<String, Box<dyn Error>> {
        let mut length = 0;
        let mut status = String::new();
        self.0.read_line(&mut status)?;
        let mut line = status.clone();
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        std::io::copy(&mut (&mut self.0).take(length), &mut std::io::sink())?;
        Ok(status)
    }
}

/// An origin in this process: 1 KiB for a day, whatever is asked for.
pub fn origin() -> Result<SocketAddr, Box<dyn Error>> {
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

/// A port that nobody listens on.
pub fn free_port() -> Result<u16, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A server process, ended when it is dropped.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Result<Self, Box<dyn Error>> {
        Ok(Self(command.stdout(Stdio::null()).spawn()?))
    }

    /// Starts verge on a port, with one origin; `words` are the rest of its configuration.
    pub fn verge(
        name: &str,
        threads: usize,
        port: u16,
        origin: SocketAddr,
        [functions, behaviors]: [&str; 2],
    ) -> Result<Self, Box<dyn Error>> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("bench-{}", name.replace(' ', "-")));
        std::fs::create_dir_all(&folder)?;
        let text = format!(
            "[listeners]\nhttp = [\"127.0.0.1:{port}\"]\nhttps = []\n[server]\nthreads = {threads}\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n[state]\ndirectory = \"../state\"\n[log]\naccess = \"off\"\n\
             {functions}\n[[distribution]]\ndomain_name = \"d1.test\"\n[[distribution.origin]]\nid = \"o\"\n\
             domain_name = \"{}\"\nprotocol = \"http-only\"\nhttp_port = {}\n{behaviors}\n",
            origin.ip(),
            origin.port()
        );
        let file = folder.join("verge.toml");
        std::fs::write(&file, text)?;
        let mut verge = Command::new(env!("CARGO_BIN_EXE_verge"));
        let said = std::fs::File::create(folder.join("verge.log"))?;
        Self::start(verge.args(["serve", "--config"]).arg(&file).stderr(said))
    }

    /// CPU time of all its threads so far, nanoseconds.
    pub fn cpu_nanoseconds(&self) -> Result<u64, Box<dyn Error>> {
        let mut sum = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().ok_or("an empty schedstat")?.parse::<u64>()?;
        }
        Ok(sum)
    }
}
