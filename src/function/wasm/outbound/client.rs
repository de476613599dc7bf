//! The connections of one function: those that wait for the next request. Functions share none, so that none learns
//! from a connection what another one does.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::Error;

use super::body::SentBody;
use super::failure;
use crate::egress::Egress;
use crate::limits::{OUTBOUND_IDLE_TIME, OUTBOUND_READY_TIME};

/// A server: scheme, host without brackets in lower case, port.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    /// The host, where it is an address and no name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Host and port, with the brackets that an address of version 6 needs.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// The value of `Host`: without the port that goes with the scheme (RFC 9110 section 7.2).
    pub(super) fn host_field(&self) -> String {
        if self.port == if self.tls { 443 } else { 80 } {
            self.bracketed()
        } else {
            self.authority()
        }
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// A connection with the task that moves its bytes; dropped, it is closed at once.
pub(super) struct Connection {
    pub(super) sender: SendRequest<SentBody>,
    pub(super) _task: AbortOnDropJoinHandle<()>,
}

impl Connection {
    /// Sends a request and waits for the answer's head.
    ///
    /// # Errors
    /// What went wrong, and the request if nothing of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<SentBody>,
        patience: Duration,
    ) -> Result<Response<Incoming>, (Error, Option<Request<SentBody>>)> {
        match tokio::time::timeout(patience, self.sender.try_send_request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(mut error)) => {
                let unsent = error.take_message();
                Err((failure::of_exchange(error.into_error()), unsent))
            }
            Err(_elapsed) => Err((Error::HttpResponseTimeout, None)),
        }
    }
}

struct Idle {
    connection: Connection,
    since: Instant,
    /// Its place among the kept ones of all functions.
    _place: OwnedSemaphorePermit,
}

/// What one version of a function calls others with.
pub(in crate::function::wasm) struct Client {
    pub(super) egress: Egress,
    places: Arc<Semaphore>,
    idle: Mutex<HashMap<Place, VecDeque<Idle>>>,
    /// Whether a task waits for connections to grow too old.
    is_swept: AtomicBool,
}

impl Client {
    /// A client that may call what `egress` lists, and keep a connection wherever `places` has a permit.
    pub(in crate::function::wasm) fn new(egress: Egress, places: Arc<Semaphore>) -> Arc<Self> {
        let (idle, is_swept) = (Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { egress, places, idle, is_swept })
    }

    /// The connection that was used last, if one waits and is alive.
    pub(super) async fn take(&self, place: &Place) -> Option<Connection> {
        loop {
            let newest = self.idle().get_mut(place)?.pop_back()?;
            let Idle { mut connection, since, .. } = newest;
            if since.elapsed() < OUTBOUND_IDLE_TIME
                && let Ok(Ok(())) =
                    tokio::time::timeout(OUTBOUND_READY_TIME, connection.sender.ready()).await
            {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request; where no place is free it is closed.
    pub(super) fn give(self: &Arc<Self>, place: Place, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let idle = Idle { connection, since: Instant::now(), _place: permit };
        self.idle().entry(place).or_default().push_back(idle);
        if !self.is_swept.swap(true, Ordering::AcqRel) {
            tokio::spawn(Broom(Arc::downgrade(self)).sweep());
        }
    }

    /// Closes what waited too long by `now` or was closed by its server; whether anything is left to sweep.
    pub(super) fn sweep(&self, now: Instant) -> bool {
        let mut idle = self.idle();
        idle.retain(|_, waiting| {
            waiting.retain(|one| {
                let waited = now.saturating_duration_since(one.since);
                waited < OUTBOUND_IDLE_TIME && !one.connection.sender.is_closed()
            });
            !waiting.is_empty()
        });
        // Under the lock: whoever gives the next connection sees that nobody sweeps.
        let is_left = !idle.is_empty();
        self.is_swept.store(is_left, Ordering::Release);
        is_left
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Place, VecDeque<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that sweeps a client's connections, while there are any.
struct Broom(Weak<Client>);

impl Broom {
    async fn sweep(self) {
        // The client is not held while the task sleeps: it ends with its function.
        while let Some(client) = self.0.upgrade()
            && client.sweep(Instant::now())
        {
            drop(client);
            tokio::time::sleep(OUTBOUND_IDLE_TIME).await;
        }
    }
}

impl Drop for Broom {
    /// Also when the runtime ends before the task. Two brooms at a time would harm nothing.
    fn drop(&mut self) {
        if let Some(client) = self.0.upgrade() {
            client.is_swept.store(false, Ordering::Release);
        }
    }
}
