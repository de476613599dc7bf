//! What a viewer-request function's calls of the origin helpers make of a behavior's target. Pure.
//!
//! spec: CloudFront Functions section 8.2. The rules for each member were checked when the calls were read
//! (`event/viewer/origin.rs`); here origins are found and changed.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;

use super::select::{self, Member};
use crate::distribution::{Distribution, HostField, Origin, OriginProtocol, Target};
use crate::error::FunctionError;
use crate::event::origin::{OriginChange, OriginOverrides, OriginSelection, OriginUpdate};

/// The origins that one request asks.
#[derive(Clone, Debug)]
pub struct Choice {
    primary: Origin,
    secondary: Option<Origin>,
    failover_status_codes: Vec<u16>,
}

impl Choice {
    /// What the configuration says. `None`: the target does not exist.
    #[must_use]
    pub fn of(distribution: &Distribution, target: Target) -> Option<Self> {
        let primary = select::origin(distribution, target, Member::Primary)?.clone();
        let Target::Group(index) = target else {
            return Some(Self { primary, secondary: None, failover_status_codes: Vec::new() });
        };
        let group = distribution.origin_groups.get(index.0)?;
        let secondary = select::origin(distribution, target, Member::Secondary)?.clone();
        let failover_status_codes = group.failover_status_codes.clone();
        Some(Self { primary, secondary: Some(secondary), failover_status_codes })
    }

    /// The origin that `member` stands for.
    #[must_use]
    pub fn member(&self, member: Member) -> Option<&Origin> {
        match member {
            Member::Primary => Some(&self.primary),
            Member::Secondary => self.secondary.as_ref(),
        }
    }

    /// Statuses of the primary after which the secondary is asked; `None` without a secondary.
    #[must_use]
    pub fn failover_status_codes(&self) -> Option<&[u16]> {
        self.secondary.as_ref().map(|_| self.failover_status_codes.as_slice())
    }

    /// Does what one call asked for. Of a group only the primary is changed or replaced; failover still works.
    ///
    /// # Errors
    /// A validation error: the distribution has no such origin.
    pub fn change(
        &mut self,
        distribution: &Distribution,
        change: &OriginChange,
    ) -> Result<(), FunctionError> {
        match change {
            OriginChange::Update(update) => update_origin(&mut self.primary, update),
            OriginChange::Select(selection) => {
                self.primary = selected(distribution, selection, change.helper())?;
            }
            OriginChange::Group(group) => {
                let [primary, secondary] = &group.members;
                self.primary = selected(distribution, primary, change.helper())?;
                self.secondary = Some(selected(distribution, secondary, change.helper())?);
                self.failover_status_codes.clone_from(&group.failover_status_codes);
            }
        }
        Ok(())
    }
}

fn selected(
    distribution: &Distribution,
    selection: &OriginSelection,
    helper: &str,
) -> Result<Origin, FunctionError> {
    let mut origins = distribution.origins.iter();
    let Some(origin) = origins.find(|origin| *origin.id == *selection.origin_id) else {
        let known: Vec<&str> = distribution.origins.iter().map(|origin| &*origin.id).collect();
        let id: String = selection.origin_id.chars().take(80).collect();
        let known = known.join(", ");
        return Err(FunctionError::validation(format!(
            "cf.{helper}: the distribution has no origin '{id}'; it has {known}"
        )));
    };
    let mut origin = origin.clone();
    override_origin(&mut origin, &selection.overrides);
    Ok(origin)
}

fn override_origin(origin: &mut Origin, overrides: &OriginOverrides) {
    // A host name is visible ASCII: it was checked when it was read.
    if let Some(host) = &overrides.host_header
        && let Ok(host) = HeaderValue::from_str(host)
    {
        origin.host = HostField::Fixed(host);
    }
    if let Some(name) = &overrides.sni {
        origin.tls_name = Some(name.clone());
    }
    if let Some(names) = &overrides.allowed_certificate_names {
        origin.certificate_names.clone_from(names);
    }
}

fn update_origin(origin: &mut Origin, update: &OriginUpdate) {
    if let Some(name) = &update.domain_name {
        rename(origin, name.clone());
        origin.host = HostField::Own;
    }
    override_origin(origin, &update.overrides);
    if let Some(connection) = &update.connection {
        origin.protocol = if connection.tls { OriginProtocol::Https } else { OriginProtocol::Http };
        origin.http_port = connection.port;
        origin.https_port = connection.port;
        origin.addresses = connection.addresses.unwrap_or_default();
    }
    if let Some(path) = &update.path {
        origin.path.clone_from(path);
    }
    if let Some(headers) = &update.custom_headers {
        origin.custom_headers.clone_from(headers);
    }
    if let Some(attempts) = update.connection_attempts {
        origin.connection_attempts = attempts;
    }
    let seconds = |seconds: u16| Duration::from_secs(seconds.into());
    let timeouts = &update.timeouts;
    let set = |place: &mut Duration, written: Option<u16>| {
        if let Some(written) = written {
            *place = seconds(written);
        }
    };
    set(&mut origin.response_timeout, timeouts.read);
    set(&mut origin.keepalive_timeout, timeouts.keep_alive);
    set(&mut origin.connection_timeout, timeouts.connection);
    if let Some(whole) = timeouts.response_completion {
        origin.response_completion_timeout = Some(seconds(whole));
    }
}

/// Makes `origin` another server, also one that was a function. Leave not to verify certificates was given for the loopback and stays there; names for
/// TLS and its own authorities were the former server's.
pub fn rename(origin: &mut Origin, domain_name: String) {
    let is_loopback = domain_name.eq_ignore_ascii_case("localhost")
        || domain_name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    origin.verify_certificate |= !is_loopback;
    origin.domain_name = domain_name.to_ascii_lowercase();
    origin.function = None;
    origin.tls_name = None;
    origin.authorities = None;
    origin.certificate_names.clear();
}
