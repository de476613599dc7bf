//! Names to addresses, remembered briefly: a lookup must not cost every miss, nor outlive a moved origin.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Instant;

use crate::event::origin::AddressFamily;
use crate::limits::{ORIGIN_DNS_ENTRIES_MAX, ORIGIN_DNS_TTL};

type Key = (String, u16, AddressFamily);

/// Remembered addresses of origins.
#[derive(Debug, Default)]
pub struct Resolver {
    known: Mutex<HashMap<Key, (Instant, SocketAddr)>>,
}

impl Resolver {
    /// The first address of `host` in `family`, as the system's resolver orders them.
    ///
    /// # Errors
    /// A sentence for the log when the name does not resolve.
    pub async fn resolve(
        &self,
        host: &str,
        port: u16,
        family: AddressFamily,
    ) -> Result<SocketAddr, String> {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(ip) = literal.unwrap_or(host).parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, port));
        }
        let key = (host.to_owned(), port, family);
        let now = Instant::now();
        if let Some(address) = self.remembered(&key, now) {
            return Ok(address);
        }
        let found = tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| format!("{host} does not resolve: {error}"))?;
        let mut found = found.filter(|address| match family {
            AddressFamily::Any => true,
            AddressFamily::V4 => address.is_ipv4(),
            AddressFamily::V6 => address.is_ipv6(),
        });
        let address = found.next().ok_or_else(|| format!("{host} resolves to no such address"))?;
        self.remember(key, now, address);
        Ok(address)
    }

    fn remembered(&self, key: &Key, now: Instant) -> Option<SocketAddr> {
        let known = self.known.lock().ok()?;
        let (since, address) = known.get(key)?;
        (now.duration_since(*since) < ORIGIN_DNS_TTL).then_some(*address)
    }

    fn remember(&self, key: Key, now: Instant, address: SocketAddr) {
        // A poisoned lock only means that names are looked up each time.
        let Ok(mut known) = self.known.lock() else { return };
        if known.len() >= ORIGIN_DNS_ENTRIES_MAX {
            known.retain(|_, (since, _)| now.duration_since(*since) < ORIGIN_DNS_TTL);
            if known.len() >= ORIGIN_DNS_ENTRIES_MAX {
                known.clear();
            }
        }
        known.insert(key, (now, address));
    }
}
