//! Whom a function may call: a list of names, addresses and ports, like the outbound rules of an AWS security group.
//!
//! A name is called when an entry names it and its address is a public one, or one that an entry with addresses covers.
//! An address that is called without a name needs an entry with addresses. Nothing else is called, and a name without an
//! entry is not even looked up: a lookup alone would already tell its server something.

mod range;

use std::net::IpAddr;
use std::ops::RangeInclusive;

use range::Range;

/// The list of one function; empty: it calls nobody.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Egress {
    entries: Vec<Entry>,
}

/// One entry of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    whom: Whom,
    /// `None`: those that go with the schemes, 80 and 443.
    ports: Option<RangeInclusive<u16>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Whom {
    AnyName,
    Name(String),
    /// Every name below this one.
    Below(String),
    Addresses(Range),
}

/// What is wrong with an entry, and the remedy.
pub type Fault = (&'static str, &'static str);

const REMEDY: &str = "write api.example.com, *.example.com, 10.1.0.0/16 or [2001:db8::]/32, each with :443 or \
                      :8000-8999 behind it or without (80 and 443)";

impl Egress {
    /// A list of these.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// Whether this name may be looked up in order to call this port. Case and a final dot do not matter.
    #[must_use]
    pub fn allows_name(&self, name: &str, port: u16) -> bool {
        let name = canonical(name);
        self.on(port).any(|whom| match whom {
            Whom::AnyName => true,
            Whom::Name(allowed) => *allowed == name,
            Whom::Below(parent) => is_below(&name, parent),
            Whom::Addresses(_) => false,
        })
    }

    /// Whether a name that is allowed may be called at the address it stands for.
    #[must_use]
    pub fn allows_named_address(&self, address: IpAddr, port: u16) -> bool {
        range::is_public(address) || self.allows_address(address, port)
    }

    /// Whether this address may be called. One that is not public needs an entry of its own kind: `0.0.0.0/0` opens the
    /// Internet, and neither the loopback nor the neighbours.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr, port: u16) -> bool {
        self.on(port).any(|whom| match whom {
            Whom::Addresses(range) => range.opens(address),
            Whom::AnyName | Whom::Name(_) | Whom::Below(_) => false,
        })
    }

    fn on(&self, port: u16) -> impl Iterator<Item = &Whom> {
        let entries = self.entries.iter().filter(move |entry| match &entry.ports {
            Some(ports) => ports.contains(&port),
            None => matches!(port, 80 | 443),
        });
        entries.map(|entry| &entry.whom)
    }
}

impl Entry {
    /// Reads an entry: whom, and behind a colon a port or two with a hyphen between.
    ///
    /// # Errors
    /// What is wrong, and how an entry looks.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.contains("://") {
            return Err(("has a scheme; an entry says whom, not how", REMEDY));
        }
        // Without brackets every colon belongs to the address.
        if let Some(range) = Range::parse(text) {
            return Ok(Self { whom: Whom::Addresses(range), ports: None });
        }
        let (whom, ports) = match text.rsplit_once(':') {
            Some((whom, ports)) => (whom, Some(parse_ports(ports)?)),
            None => (text, None),
        };
        let whom = match Range::parse(whom) {
            Some(range) => Whom::Addresses(range),
            None => parse_name(whom)?,
        };
        Ok(Self { whom, ports })
    }
}

fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, Fault> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse().ok().filter(|port: &u16| *port != 0);
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(("has no port, or range of ports, behind its last colon", REMEDY)),
    }
}

fn parse_name(text: &str) -> Result<Whom, Fault> {
    if text == "*" {
        return Ok(Whom::AnyName);
    }
    let (below, name) = match text.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, text),
    };
    let name = canonical(name);
    let label = |label: &str| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(word)
    };
    // What ends in a number is an address to the system's resolver, in some spelling or other.
    let numeric = name.rsplit('.').next().is_some_and(|last| {
        last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x")
    });
    if name.len() > 253 || numeric || !name.split('.').all(label) {
        return Err(("is neither a name nor a range of addresses", REMEDY));
    }
    Ok(if below { Whom::Below(name) } else { Whom::Name(name) })
}

fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_below(name: &str, parent: &str) -> bool {
    let labels = name.strip_suffix(parent).and_then(|rest| rest.strip_suffix('.'));
    labels.is_some_and(|labels| !labels.is_empty())
}

#[cfg(test)]
mod tests;
