//! What commands ask a running edge: one request to its admin listener over HTTP/1.1, the connection's end ends it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;

use serde_json::Value;

use crate::config::{self, Problem};
use crate::limits::{ADMIN_ANSWER_BYTES_MAX, ADMIN_CLIENT_TIMEOUT};

/// Where a running edge is asked.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The admin listener of the edge, as its first lines tell it. Default: `[admin] listen` of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
}

/// What helps whoever may not read the configuration, or its secrets.
pub(super) const WITHOUT_CONFIGURATION: &str =
    "with --admin ADDRESS the running edge is asked, and the configuration is not read";

/// Why the edge could not be asked.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The configuration that says where it is is wrong.
    Problems(Vec<Problem>),
    /// The configuration says `admin.listen = "off"`, or a port that nobody knows.
    NoAddress(String),
    /// Nothing answers there.
    Unreachable(String),
    /// What answers is no admin listener.
    NotOne(String),
}

/// What the admin listener said.
pub(super) struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Value,
}

impl Place {
    /// The admin listener's address.
    pub(super) fn address(&self, configuration: &Path) -> Result<SocketAddr, Trouble> {
        let address = match self.admin {
            Some(address) => address,
            None => {
                config::load(configuration).map_err(Trouble::Problems)?.admin.ok_or_else(|| {
                    Trouble::NoAddress("[admin] listen is \"off\": give it an address".to_owned())
                })?
            }
        };
        if address.port() == 0 {
            let message = "[admin] listen leaves the port to the system: say it with --admin";
            return Err(Trouble::NoAddress(message.to_owned()));
        }
        Ok(SocketAddr::new(reachable(address.ip()), address.port()))
    }
}

/// The unspecified address listens on all, but cannot be connected to everywhere.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Posts a JSON body.
pub(super) fn post(address: SocketAddr, path: &str, body: &Value) -> Result<Answer, Trouble> {
    let bytes = exchange(address, path, &body.to_string()).map_err(|error| {
        Trouble::Unreachable(format!("the admin listener {address} does not answer: {error}"))
    })?;
    read(&bytes).ok_or_else(|| Trouble::NotOne(format!("{address} is no admin listener of verge")))
}

fn exchange(address: SocketAddr, path: &str, body: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, ADMIN_CLIENT_TIMEOUT)?;
    stream.set_read_timeout(Some(ADMIN_CLIENT_TIMEOUT))?;
    stream.set_write_timeout(Some(ADMIN_CLIENT_TIMEOUT))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ADMIN_ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// Status and body of an answer whose end was the connection's; `None` for what is none.
fn read(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = serde_json::from_slice(bytes.get(end + 4..)?).ok()?;
    Some(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_json_body() {
        let answer = read(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
        let answer = answer.expect("an answer");
        assert_eq!((answer.status, answer.body), (404, serde_json::json!({})));
        for wrong in [&b""[..], b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 2\r\n\r\n{}", b"x\r\n\r\n{}"]
        {
            assert!(read(wrong).is_none(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(read(&bytes).is_none());
            let _ = read(&[b"HTTP/1.1 ", bytes.as_slice(), b"\r\n\r\n{}"].concat());
        }
    }
}
