//! What a guest may ask of the host, and the bounds on it: hashing, log lines, memory.

use std::fmt;

use ring::{digest, hmac};
use wasmtime::ResourceLimiter;

use super::bindings::verge::edge::{crypto, log, types};
use crate::limits::{
    FUNCTION_LOG_BYTES_MAX, ORIGIN_FUNCTION_HASH_BYTES_MAX, SANDBOX_TABLE_ELEMENTS_MAX,
};

/// The host's side of one call.
pub(super) struct HostState {
    /// Lines logged so far.
    pub(super) logs: Vec<String>,
    /// Whether memory was refused: the reason behind most traps that follow.
    pub(super) memory_refused: bool,
    log_bytes: usize,
    memory_bytes: usize,
    memory_bytes_max: usize,
}

impl HostState {
    /// A state for one call, which may use so much memory.
    pub(super) fn new(memory_bytes_max: usize) -> Self {
        Self {
            logs: Vec::new(),
            memory_refused: false,
            log_bytes: 0,
            memory_bytes: 0,
            memory_bytes_max,
        }
    }
}

/// A host call that was refused; the guest is stopped with it.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn check_length(function: &str, bytes: usize) -> wasmtime::Result<()> {
    if bytes > ORIGIN_FUNCTION_HASH_BYTES_MAX {
        return Err(wasmtime::Error::new(Refusal(format!(
            "crypto.{function} was given {bytes} bytes; \
             it takes at most {ORIGIN_FUNCTION_HASH_BYTES_MAX}"
        ))));
    }
    Ok(())
}

impl types::Host for HostState {}

impl crypto::Host for HostState {
    fn sha256(&mut self, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        check_length("sha256", data.len())?;
        Ok(digest::digest(&digest::SHA256, &data).as_ref().to_vec())
    }

    fn hmac_sha256(&mut self, key: Vec<u8>, message: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        check_length("hmac-sha256", key.len().saturating_add(message.len()))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Ok(hmac::sign(&key, &message).as_ref().to_vec())
    }

    fn equal(&mut self, a: Vec<u8>, b: Vec<u8>) -> wasmtime::Result<bool> {
        check_length("equal", a.len().saturating_add(b.len()))?;
        // Both are hashed under a key of the moment's own first: equal digests mean equal inputs,
        // and the time taken tells nothing about where two differ, whatever their lengths.
        let key = hmac::Key::new(hmac::HMAC_SHA256, digest::digest(&digest::SHA256, &a).as_ref());
        let expected = hmac::sign(&key, &a);
        Ok(hmac::verify(&key, &b, expected.as_ref()).is_ok())
    }
}

impl log::Host for HostState {
    /// Keeps the line, cut where the run's quota ends; later lines are dropped.
    fn write(&mut self, mut line: String) -> wasmtime::Result<()> {
        let room = FUNCTION_LOG_BYTES_MAX.saturating_sub(self.log_bytes);
        if line.len() > room {
            line.truncate(line.floor_char_boundary(room));
        }
        if room > 0 {
            // An empty line counts as one byte, or a loop could log for ever.
            self.log_bytes += line.len().max(1);
            self.logs.push(line);
        }
        Ok(())
    }
}

impl ResourceLimiter for HostState {
    /// Counts all memories of the instance together.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes_max {
            self.memory_refused = true;
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= SANDBOX_TABLE_ELEMENTS_MAX)
    }
}
