//! What a guest may ask of the host, and the bounds on it: hashing, log lines, memory.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::rand::SecureRandom as _;
use ring::{digest, hmac, rand};
use wasmtime::ResourceLimiter;

use super::bindings::verge::edge::{
    body, context, crypto, digest as digests, digest::Algorithm, log, types,
};
use super::console::Console;
use super::identity::{Identity, LogStream};
use super::outbound::{Client, Requests};
use super::wasi::System;
use crate::kv::Reading;
use crate::limits::{
    ORIGIN_FUNCTION_HASH_BYTES_MAX, ORIGIN_FUNCTION_RANDOM_BYTES_MAX, SANDBOX_TABLE_ELEMENTS_MAX,
};
use crate::observe::Outbound;

/// The host's side of one guest.
pub(super) struct HostState {
    /// What the guest said.
    pub(super) console: Console,
    /// Whether memory was refused: the reason behind most traps that follow.
    pub(super) memory_refused: bool,
    /// What its memories take, bytes; they never shrink.
    pub(super) memory_bytes: usize,
    /// When the call in progress is ended.
    pub(super) deadline: Instant,
    /// The call in progress, a UUID.
    pub(super) request_id: String,
    /// The request's body in the call in progress.
    pub(super) body: Body,
    /// What the function's key-value store holds in the call in progress.
    pub(super) reading: Option<Reading>,
    identity: Arc<Identity>,
    log_stream: LogStream,
    client: Arc<Client>,
    system: Option<Box<System>>,
}

impl HostState {
    /// A state for a new guest of this function, no call yet in progress.
    pub(super) fn new(identity: &Arc<Identity>, client: &Arc<Client>) -> Self {
        Self {
            console: Console::default(),
            memory_refused: false,
            memory_bytes: 0,
            deadline: Instant::now(),
            request_id: String::new(),
            body: Body::default(),
            reading: None,
            identity: Arc::clone(identity),
            log_stream: LogStream::default(),
            client: Arc::clone(client),
            system: None,
        }
    }

    /// The system that WASI shows to the guest. Made when it is first asked for: a typed component
    /// without WASI never does, and lives for microseconds.
    pub(super) fn system(&mut self) -> &mut System {
        let Self { system, identity, console, log_stream, client, .. } = self;
        system.get_or_insert_with(|| {
            let variables = identity.variables(log_stream);
            Box::new(System::new(&variables, console, identity.storage_bytes_max, client))
        })
    }

    /// The configured variables.
    pub(super) fn configured(&self) -> &[(String, String)] {
        &self.identity.environment
    }

    /// The guest's own requests.
    pub(super) fn requests(&mut self) -> &mut Requests {
        let deadline = self.deadline;
        let requests = self.system().requests();
        requests.deadline = deadline;
        requests
    }

    /// Ends the requests of the call; gives how they ended, and whether any is left under way.
    pub(super) fn end_requests(&mut self) -> (Outbound, bool) {
        let Some(system) = &mut self.system else { return Default::default() };
        let requests = system.requests();
        (requests.end_call(), requests.are_under_way())
    }
}

/// A request's body during one call.
#[derive(Default)]
pub(super) struct Body {
    /// What the guest may read, and whether there is more of it; `None` where it is not included.
    pub(super) given: Option<(Bytes, bool)>,
    /// What the guest wants to be sent in its place.
    pub(super) replacement: Option<Bytes>,
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
    fn write(&mut self, line: String) -> wasmtime::Result<()> {
        self.console.line(line);
        Ok(())
    }
}

impl body::Host for HostState {
    fn get(&mut self) -> wasmtime::Result<Option<body::RequestBody>> {
        let given = self.body.given.as_ref();
        Ok(given.map(|(data, truncated)| body::RequestBody {
            data: data.to_vec(),
            truncated: *truncated,
        }))
    }

    fn replace(&mut self, data: Vec<u8>) -> wasmtime::Result<()> {
        self.body.replacement = Some(data.into());
        Ok(())
    }
}

impl context::Host for HostState {
    fn current(&mut self) -> wasmtime::Result<context::Invocation> {
        let Self { identity, log_stream, request_id, .. } = self;
        Ok(context::Invocation {
            aws_request_id: request_id.clone(),
            function_name: identity.name.to_string(),
            function_version: identity.version.clone(),
            invoked_function_arn: identity.arn(),
            memory_limit_in_mb: u32::try_from(identity.memory_bytes_max >> 20)?,
            log_group_name: identity.log_group(),
            log_stream_name: log_stream.name(&identity.version),
        })
    }

    fn remaining_time_in_millis(&mut self) -> wasmtime::Result<u64> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        Ok(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&mut self, milliseconds: u64) -> wasmtime::Result<()> {
        // The call is given up at its deadline; nothing is there to wake up later.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        Ok(())
    }

    fn environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.identity.variables(&mut self.log_stream))
    }
}

impl digests::Host for HostState {
    fn hash(&mut self, algorithm: Algorithm, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        check_length("hash", data.len())?;
        let algorithm = match algorithm {
            Algorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha384 => &digest::SHA384,
            Algorithm::Sha512 => &digest::SHA512,
        };
        Ok(digest::digest(algorithm, &data).as_ref().to_vec())
    }

    fn hmac(
        &mut self,
        algorithm: Algorithm,
        key: Vec<u8>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Vec<u8>> {
        check_length("hmac", key.len().saturating_add(message.len()))?;
        let algorithm = match algorithm {
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha384 => hmac::HMAC_SHA384,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        };
        Ok(hmac::sign(&hmac::Key::new(algorithm, &key), &message).as_ref().to_vec())
    }

    fn random(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if u64::from(length) > ORIGIN_FUNCTION_RANDOM_BYTES_MAX {
            return Err(wasmtime::Error::new(Refusal(format!(
                "digest.random was asked for {length} bytes; \
                 it gives at most {ORIGIN_FUNCTION_RANDOM_BYTES_MAX}"
            ))));
        }
        let mut bytes = vec![0; usize::try_from(length)?];
        let filled = rand::SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| Refusal("the system has no random numbers".into()))?;
        Ok(bytes)
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
        if total > self.identity.memory_bytes_max {
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
