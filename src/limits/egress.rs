//! Limits of the requests that origin functions make themselves.

use std::time::Duration;

/// Entries of a function's `egress` (AWS allows a security group 60 outbound rules).
pub const EGRESS_ENTRIES_MAX: usize = 60;

/// Requests that one call has under way at a time; further ones wait. Each may hold a connection and a buffer of the
/// host's.
pub const OUTBOUND_REQUESTS_MAX: usize = 32;

/// Header fields of a request or an answer, bytes: what common servers take and give at most.
pub const OUTBOUND_HEADERS_BYTES_MAX: usize = 64 << 10;

/// Body of a request or an answer, bytes. It is passed on piece by piece; the bound is on what a function can make the
/// edge transfer.
pub const OUTBOUND_BODY_BYTES_MAX: u64 = 64 << 20;

/// How long looking up, connecting and the TLS handshake may take together, unless the function says otherwise: long
/// enough for one lost packet, short enough to leave time for another server.
pub const OUTBOUND_CONNECT_TIME: Duration = Duration::from_secs(3);

/// Kept connections of all functions together. Each holds a socket and some kilobytes.
pub const OUTBOUND_IDLE_CONNECTIONS_MAX: usize = 1_024;

/// How long a connection is kept for the next request. Common servers close them after five seconds or more.
pub const OUTBOUND_IDLE_TIME: Duration = Duration::from_secs(15);

/// How long a kept connection may take to say that it is free: its task only has to run once.
pub const OUTBOUND_READY_TIME: Duration = Duration::from_millis(20);

/// Bodies of answers that wait to be taken by one call, bytes. They are copied whole into the function's memory, which
/// has 128 MiB by default.
pub const OUTBOUND_HELD_BYTES_MAX: usize = 16 << 20;
