//! What the edge says when it is ready: where it listens, what it loaded, what to try. Every line is true or absent.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::Places;
use crate::proxy::Edge;

/// Prints the banner on standard error, away from an access log on standard output.
pub fn print(edge: &Edge, places: &Places) {
    eprint!("{}", text(edge, places));
}

fn text(edge: &Edge, places: &Places) -> String {
    let mut text = format!("verge {} is ready\n", env!("CARGO_PKG_VERSION"));
    // Writing to a string cannot fail.
    let mut line = |args: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{args}");
    };
    for address in &places.http {
        line(format_args!("  http         http://{address}  (HTTP/1.1)"));
    }
    for address in &places.https {
        line(format_args!("  https        https://{address}  (HTTP/2, HTTP/1.1)"));
    }
    if let Some(authority) = &places.authority {
        line(format_args!("  certificate  self-made; trust {}", authority.display()));
    }
    if let Some(address) = places.admin {
        line(format_args!(
            "  admin        http://{address}/metrics  /healthz  /readyz  /invalidations  /explain"
        ));
    }
    if let Some(address) = places.demo_origin {
        line(format_args!("  demo origin  http://{address}"));
    }
    for summary in edge.function_summaries() {
        line(format_args!("  function     {summary}"));
    }
    if let Some(address) = places.http.first() {
        line(format_args!("try            curl -i http://{}/", reachable(*address)));
    }
    text
}

/// An address that a client on this machine can use: the unspecified one means any, but is none.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback = if address.is_ipv4() {
        [127, 0, 0, 1].into()
    } else {
        std::net::Ipv6Addr::LOCALHOST.into()
    };
    SocketAddr::new(loopback, address.port())
}
