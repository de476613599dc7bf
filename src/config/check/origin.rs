//! Origins and origin groups of a distribution.

mod function;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::distribution::Surroundings;
use super::{Unique, values};
use crate::config::file::{self, HttpVersion, Protocol};
use crate::config::problem::Problems;
use crate::config::{defaults, suggest};
use crate::distribution::{
    HostField, Origin, OriginGroup, OriginHttpVersion, OriginProtocol, Target,
};
use crate::event::origin::AddressFamily;
use crate::ids::{OriginGroupIndex, OriginIndex};
use crate::limits;

/// Header fields that the edge fills in itself; `*` ends a prefix. spec: CDN behaviours section 4.
const NOT_CUSTOM: &[&str] = &[
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "host",
    "if-*",
    "max-forwards",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "request-range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-amz-*",
    "x-edge-*",
    "x-real-ip",
];

/// Statuses that an origin group may take for a failure. spec: CDN behaviours section 6.
const FAILOVER_CODES: &[u16] = &[400, 403, 404, 416, 429, 500, 502, 503, 504];

/// Origins and groups of one distribution, and what their ids stand for.
pub(super) struct Targets {
    /// By position. `None`: reported already.
    origins: Vec<Option<Origin>>,
    groups: Vec<Option<OriginGroup>>,
    ids: BTreeMap<String, Target>,
    /// Whether an id is missing, so that an unknown name may mean its owner.
    some_unnamed: bool,
}

impl Targets {
    /// Checks the origins and groups of the distribution at `at`.
    pub(super) fn check(
        written: &file::Distribution,
        position: usize,
        around: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Self {
        let at = format!("distribution[{position}]");
        count(written, &at, problems);
        let mut all = Self {
            origins: Vec::new(),
            groups: Vec::new(),
            ids: BTreeMap::new(),
            some_unnamed: false,
        };
        let mut unique = Unique::default();
        for (index, one) in written.origin.iter().enumerate() {
            let at = format!("{at}.origin[{index}]");
            let target = Target::Origin(OriginIndex(index));
            all.name(one.id.as_ref(), target, &at, &mut unique, problems);
            all.origins.push(match &one.function {
                Some(name) => function::origin(one, name, around.functions, &at, problems),
                None => {
                    let authority = around.authorities.get(&(position, index));
                    origin(one, authority, &at, problems)
                }
            });
        }
        for (index, one) in written.origin_group.iter().enumerate() {
            let at = format!("{at}.origin_group[{index}]");
            let group = all.group(one, &at, problems);
            all.groups.push(group);
            let target = Target::Group(OriginGroupIndex(index));
            all.name(one.id.as_ref(), target, &at, &mut unique, problems);
        }
        all
    }

    fn name(
        &mut self,
        id: Option<&String>,
        target: Target,
        at: &str,
        unique: &mut Unique,
        problems: &mut Problems,
    ) {
        let at = format!("{at}.id");
        match id.filter(|id| values::identifier(id, &at, problems)) {
            None => self.some_unnamed = true,
            Some(id) => {
                if unique.take(id, &at, problems) {
                    self.ids.insert(id.clone(), target);
                }
            }
        }
    }

    /// What `written` stands for; an unknown name is a problem at `at`.
    pub(super) fn find(&self, written: &str, at: &str, problems: &mut Problems) -> Option<Target> {
        let target = self.ids.get(written).copied();
        if target.is_none() && !self.some_unnamed {
            let known: Vec<_> = self.ids.keys().map(String::as_str).collect();
            let message = format!("there is no origin or origin group \"{written}\"");
            problems.add(at, message, suggest::remedy(written, &known, "use one of"));
        }
        target
    }

    fn group(
        &self,
        written: &file::OriginGroup,
        at: &str,
        problems: &mut Problems,
    ) -> Option<OriginGroup> {
        let mut member = |word: &str, name: Option<&String>| {
            let at = format!("{at}.{word}");
            match self.find(name?, &at, problems)? {
                Target::Origin(index) => Some(index),
                // Groups are named after their members were looked up, so none is found here.
                Target::Group(_) => None,
            }
        };
        let primary = member("primary", written.primary.as_ref());
        let secondary = member("secondary", written.secondary.as_ref());
        if primary.is_some() && primary == secondary {
            let message = "is the primary as well";
            problems.add(format!("{at}.secondary"), message, "name another origin");
        }
        let codes = written.failover_status_codes.as_deref();
        let codes = codes.unwrap_or(defaults::FAILOVER_STATUS_CODES).to_vec();
        if codes.is_empty() {
            let remedy = "name a status, or leave it out for 500, 502, 503 and 504";
            problems.add(format!("{at}.failover_status_codes"), "is empty", remedy);
        }
        for (index, code) in
            codes.iter().enumerate().filter(|(_, code)| !FAILOVER_CODES.contains(code))
        {
            let listed: Vec<_> = FAILOVER_CODES.iter().map(ToString::to_string).collect();
            let at = format!("{at}.failover_status_codes[{index}]");
            let remedy = format!("use {}", listed.join(", "));
            problems.add(at, format!("{code} cannot mean a failover"), remedy);
        }
        Some(OriginGroup {
            id: written.id.clone()?,
            primary: primary?,
            secondary: secondary?,
            failover_status_codes: codes,
        })
    }

    /// Origins and groups in the order of their indexes.
    pub(super) fn into_parts(self) -> Option<(Vec<Origin>, Vec<OriginGroup>)> {
        let origins = self.origins.into_iter().collect::<Option<_>>()?;
        Some((origins, self.groups.into_iter().collect::<Option<_>>()?))
    }
}

fn count(written: &file::Distribution, at: &str, problems: &mut Problems) {
    let (origins, groups) = (written.origin.len(), written.origin_group.len());
    if origins == 0 {
        let remedy = "add a [[distribution.origin]] with `id` and `domain_name`";
        problems.add(format!("{at}.origin"), "a distribution needs an origin", remedy);
    }
    let bounds = [
        ("origin", origins, limits::ORIGINS_MAX),
        ("origin_group", groups, limits::ORIGIN_GROUPS_MAX),
    ];
    for (word, number, most) in bounds {
        if number > most {
            let message = format!("{number} of them, {most} are allowed");
            problems.add(format!("{at}.{word}"), message, "spread them over distributions");
        }
    }
}

/// The certificates of a file with authorities.
fn authorities(pem: &[u8], at: &str, problems: &mut Problems) -> Option<Arc<[Vec<u8>]>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let mut roots = RootCertStore::empty();
    let message = match certificates {
        Err(error) => error.to_string(),
        Ok(all) if all.is_empty() => "has no certificate".to_owned(),
        Ok(all) => match all.iter().position(|one| !is_authority(one, &mut roots)) {
            Some(index) => format!("its certificate {} cannot be read", index + 1),
            None => return Some(all.iter().map(|one| one.to_vec()).collect()),
        },
    };
    let remedy = "name a PEM file with the certificates of authorities";
    problems.add(format!("{at}.ca"), message, remedy);
    None
}

/// Whether both libraries can read it that have to: one connects, the other verifies.
fn is_authority(certificate: &CertificateDer<'_>, roots: &mut RootCertStore) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok()
        && roots.add(certificate.clone().into_owned()).is_ok()
}

fn origin(
    written: &file::Origin,
    authority: Option<&Arc<[u8]>>,
    at: &str,
    problems: &mut Problems,
) -> Option<Origin> {
    let [connection_timeout, response_timeout, keepalive_timeout] = timeouts(written, at, problems);
    let authorities = match authority {
        Some(_) if written.protocol == Some(Protocol::HttpOnly) => {
            let message = "there is no TLS with `protocol = \"http-only\"`";
            problems.add(format!("{at}.ca"), message, "leave one of the two out");
            None
        }
        Some(_) if written.verify_certificate == Some(false) => {
            let message = "verifies nothing beside `verify_certificate = false`";
            problems.add(format!("{at}.ca"), message, "leave one of the two out");
            None
        }
        pem => pem.and_then(|pem| authorities(pem, at, problems)),
    };
    if written.multi_value_headers.is_some() {
        let remedy = "leave it out, or name a `function`";
        problems.add(format!("{at}.multi_value_headers"), "is for functions", remedy);
    }
    let domain_name = domain_name(written, at, problems);
    let path = path(written.path.as_deref(), &format!("{at}.path"), problems);
    Some(Origin {
        custom_headers: custom_headers(written, at, problems),
        id: written.id.clone()?.into(),
        domain_name: domain_name?,
        function: None,
        path,
        protocol: match written.protocol {
            Some(Protocol::HttpOnly) => OriginProtocol::Http,
            Some(Protocol::HttpsOnly) | None => OriginProtocol::Https,
            Some(Protocol::MatchViewer) => OriginProtocol::MatchViewer,
        },
        http_version: match written.http_version {
            Some(HttpVersion::Http1) | None => OriginHttpVersion::Http1,
            Some(HttpVersion::Http2) => OriginHttpVersion::Http2,
        },
        http_port: written.http_port.unwrap_or(defaults::ORIGIN_HTTP_PORT),
        https_port: written.https_port.unwrap_or(defaults::ORIGIN_HTTPS_PORT),
        verify_certificate: written.verify_certificate.unwrap_or(true),
        authorities,
        connection_attempts: written
            .connection_attempts
            .unwrap_or(defaults::ORIGIN_CONNECTION_ATTEMPTS),
        connection_timeout,
        response_timeout,
        keepalive_timeout,
        response_completion_timeout: None,
        host: HostField::ByPolicy,
        tls_name: None,
        certificate_names: Vec::new(),
        addresses: AddressFamily::Any,
    })
}

/// Of connecting, of answers, of idle connections.
fn timeouts(written: &file::Origin, at: &str, problems: &mut Problems) -> [Duration; 3] {
    let second = Duration::from_secs(1);
    let mut time = |word: &str, written: Option<&file::Time>, default, most| {
        let range = second..=Duration::from_secs(most);
        values::time(written, default, range, format!("{at}.{word}"), problems)
    };
    // The ranges are CloudFront's: spec, CDN behaviours section 6.
    let connection_timeout = time(
        "connection_timeout",
        written.connection_timeout.as_ref(),
        defaults::ORIGIN_CONNECTION_TIMEOUT,
        10,
    );
    let response_timeout = time(
        "response_timeout",
        written.response_timeout.as_ref(),
        defaults::ORIGIN_RESPONSE_TIMEOUT,
        120,
    );
    let keepalive_timeout = time(
        "keepalive_timeout",
        written.keepalive_timeout.as_ref(),
        defaults::ORIGIN_KEEPALIVE_TIMEOUT,
        120,
    );
    [connection_timeout, response_timeout, keepalive_timeout]
}

/// The host, lower case, without the brackets of an IPv6 address.
fn domain_name(written: &file::Origin, at: &str, problems: &mut Problems) -> Option<String> {
    let Some(name) = written.domain_name.as_deref() else {
        let remedy = "add `domain_name` (a server) or `function`";
        problems.add(at, "names nobody who answers", remedy);
        return None;
    };
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if !values::is_host(bare) {
        let remedy = if name.contains("://") || name.contains('/') {
            "write the host only; the scheme is `protocol`, the path is `path`"
        } else if name.contains(':') {
            "write the host only; the port is `http_port` or `https_port`"
        } else {
            "use a DNS name or an IP address"
        };
        problems.add(format!("{at}.domain_name"), format!("\"{name}\" is not a host"), remedy);
        return None;
    }
    if written.verify_certificate == Some(false) && !is_loopback(bare) {
        let message = format!("\"{bare}\" is not on the loopback");
        let remedy = "name the authority that signed its certificate with `ca` instead";
        problems.add(format!("{at}.verify_certificate"), message, remedy);
    }
    Some(bare.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    let local = host.eq_ignore_ascii_case("localhost");
    local || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn path(written: Option<&str>, at: &str, problems: &mut Problems) -> String {
    let Some(path) = written.filter(|path| !path.is_empty()) else { return String::new() };
    let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    let fits = path.len() <= limits::PATH_PATTERN_CHARS_MAX;
    if !(path.starts_with('/') && !path.ends_with('/') && visible && fits) {
        let remedy = "begin with a slash, end without one, such as \"/static\"";
        problems.add(at, format!("{path:?} cannot be put before paths"), remedy);
    }
    path.to_owned()
}

fn custom_headers(
    written: &file::Origin,
    at: &str,
    problems: &mut Problems,
) -> Vec<(HeaderName, HeaderValue)> {
    let at = format!("{at}.custom_headers");
    let most = limits::ORIGIN_CUSTOM_HEADERS_MAX;
    if written.custom_headers.len() > most {
        let message = format!("{} header fields, {most} are allowed", written.custom_headers.len());
        problems.add(&at, message, "send fewer");
    }
    let mut unique = Unique::default();
    let mut headers = Vec::new();
    for (name, value) in &written.custom_headers {
        let at = format!("{at}.{name}");
        let Some(name) = values::header_name(name, &at, problems) else { continue };
        let value_fits = value.len() <= limits::CUSTOM_HEADER_VALUE_BYTES_MAX;
        match HeaderValue::from_str(value) {
            _ if values::listed(NOT_CUSTOM, &name) => {
                let message = format!("\"{name}\" is the edge's to fill in");
                problems.add(at, message, "leave it out");
            }
            Ok(mut value) if value_fits => {
                // What is configured here is usually a secret between edge and origin.
                value.set_sensitive(true);
                if unique.take(name.as_str(), &at, problems) {
                    headers.push((name, value));
                }
            }
            _ => {
                let most = limits::CUSTOM_HEADER_VALUE_BYTES_MAX;
                let remedy = format!("use one line of visible text, at most {most} bytes");
                problems.add(at, "its value cannot be sent", remedy);
            }
        }
    }
    headers
}
