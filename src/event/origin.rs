//! What a viewer-request function wants of the origin: the calls of the `cloudfront` module's origin helpers, checked.
//!
//! spec: CloudFront Functions section 8.2. What they mean for a distribution is `origin/change.rs`'s business.

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

/// One call of an origin helper. Later calls build on what former ones left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OriginChange {
    /// `updateRequestOrigin`: changes the primary origin.
    Update(Box<OriginUpdate>),
    /// `selectRequestOriginById`: another origin of the distribution becomes the primary one.
    Select(OriginSelection),
    /// `createRequestOriginGroup`: a primary and a secondary origin of the distribution.
    Group(Box<OriginGroupChoice>),
}

/// What may be changed of any origin, also of a selected one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OriginOverrides {
    /// What the origin gets as `Host`.
    pub host_header: Option<String>,
    /// The name that is asked for in the TLS handshake, at most 253 characters.
    pub sni: Option<String>,
    /// Names of which the origin's certificate must have one; at most 20, lower case, `*.` may begin one.
    pub allowed_certificate_names: Option<Vec<String>>,
}

/// An origin of the distribution, with overrides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginSelection {
    /// Its id in the configuration.
    pub origin_id: String,
    /// What differs for this request.
    pub overrides: OriginOverrides,
}

/// Two origins, the second for when the first fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginGroupChoice {
    /// Primary and secondary.
    pub members: [OriginSelection; 2],
    /// Statuses of the primary that count as failed, 400 to 599.
    pub failover_status_codes: Vec<u16>,
    /// `selectionCriteria`, if written.
    pub selection_criteria: Option<String>,
}

/// Which addresses of an origin's name are used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AddressFamily {
    /// The first, as the system's resolver orders them.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// `customOriginConfig`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginConnection {
    /// 1 to 65535.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// `TLSv1.2` and so on, at least one.
    pub ssl_protocols: Vec<String>,
    /// `ipAddressType`.
    pub addresses: Option<AddressFamily>,
}

/// `timeouts`, seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OriginTimeouts {
    /// To the first byte and between packets, 1 to 120.
    pub read: Option<u16>,
    /// To the last byte, at least as long as `read`.
    pub response_completion: Option<u16>,
    /// An idle connection is kept for, 1 to 120.
    pub keep_alive: Option<u16>,
    /// Connecting takes at most, 1 to 10.
    pub connection: Option<u16>,
}

/// Changes of the assigned origin; what is `None` stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OriginUpdate {
    /// Host name.
    pub domain_name: Option<String>,
    /// `Host` and names for TLS.
    pub overrides: OriginOverrides,
    /// Prefix of the path, without trailing slash; empty for none.
    pub path: Option<String>,
    /// All custom header fields; empty: none.
    pub custom_headers: Option<Vec<(HeaderName, HeaderValue)>>,
    /// 1 to 3.
    pub connection_attempts: Option<u8>,
    /// Timeouts.
    pub timeouts: OriginTimeouts,
    /// Port and scheme.
    pub connection: Option<OriginConnection>,
    /// `originShield` as written: checked, and without effect here.
    pub shield: Option<Value>,
    /// `originAccessControlConfig` as written: checked, and without effect here.
    pub access_control: Option<Value>,
    /// `mTLSConfig: 'off'`: the edge presents no client certificate anyway.
    pub mtls_off: bool,
}

impl OriginChange {
    /// The helper's name.
    #[must_use]
    pub const fn helper(&self) -> &'static str {
        match self {
            Self::Update(_) => "updateRequestOrigin",
            Self::Select(_) => "selectRequestOriginById",
            Self::Group(_) => "createRequestOriginGroup",
        }
    }

    /// The members that were written, are right, and that this edge cannot act upon.
    #[must_use]
    pub fn without_effect(&self) -> Vec<&'static str> {
        let enabled = |value: &Option<Value>| {
            value.as_ref().is_some_and(|value| value["enabled"] == Value::Bool(true))
        };
        match self {
            Self::Update(update) => {
                let all = [
                    ("originShield", enabled(&update.shield)),
                    ("originAccessControlConfig", enabled(&update.access_control)),
                ];
                all.into_iter().filter(|(_, written)| *written).map(|(name, _)| name).collect()
            }
            Self::Group(group)
                if group.selection_criteria.as_deref().is_some_and(|c| c != "default") =>
            {
                vec!["selectionCriteria"]
            }
            Self::Select(_) | Self::Group(_) => Vec::new(),
        }
    }
}

/// What an origin helper did, in CloudFront's words: `{"<helper>": {<members that were given>}}`. A call of
/// `selectRequestOriginById` shows its first argument as `originId`.
#[must_use]
pub fn origin_change_json(change: &OriginChange) -> Value {
    let shown = match change {
        OriginChange::Update(update) => update_json(update),
        OriginChange::Select(selection) => {
            let mut object = json!({ "originId": selection.origin_id });
            add_overrides(&mut object, &selection.overrides);
            object
        }
        OriginChange::Group(group) => group_json(group),
    };
    json!({ change.helper(): shown })
}

fn add<T: Into<Value>>(object: &mut Value, name: &str, value: Option<T>) {
    if let Some(value) = value {
        object[name] = value.into();
    }
}

fn add_overrides(object: &mut Value, overrides: &OriginOverrides) {
    add(object, "hostHeader", overrides.host_header.clone());
    add(object, "sni", overrides.sni.clone());
    add(object, "allowedCertificateNames", overrides.allowed_certificate_names.clone());
}

fn group_json(group: &OriginGroupChoice) -> Value {
    let member = |selection: &OriginSelection| {
        let mut object = json!({ "originId": selection.origin_id });
        if selection.overrides != OriginOverrides::default() {
            object["originOverrides"] = json!({});
            add_overrides(&mut object["originOverrides"], &selection.overrides);
        }
        object
    };
    let mut object = json!({
        "originIds": group.members.iter().map(member).collect::<Vec<_>>(),
        "failoverCriteria": { "statusCodes": group.failover_status_codes },
    });
    add(&mut object, "selectionCriteria", group.selection_criteria.clone());
    object
}

fn update_json(update: &OriginUpdate) -> Value {
    let mut object = json!({});
    add(&mut object, "domainName", update.domain_name.clone());
    add_overrides(&mut object, &update.overrides);
    add(&mut object, "originPath", update.path.clone());
    if let Some(headers) = &update.custom_headers {
        let text = |value: &HeaderValue| crate::wire::text_of(value.as_bytes()).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value).into()));
        object["customHeaders"] = Value::Object(headers.collect());
    }
    add(&mut object, "connectionAttempts", update.connection_attempts);
    let mut timeouts = Value::Object(Map::new());
    add(&mut timeouts, "readTimeout", update.timeouts.read);
    add(&mut timeouts, "responseCompletionTimeout", update.timeouts.response_completion);
    add(&mut timeouts, "keepAliveTimeout", update.timeouts.keep_alive);
    add(&mut timeouts, "connectionTimeout", update.timeouts.connection);
    if update.timeouts != OriginTimeouts::default() {
        object["timeouts"] = timeouts;
    }
    if let Some(connection) = &update.connection {
        let mut shown = json!({
            "port": connection.port,
            "protocol": if connection.tls { "https" } else { "http" },
            "sslProtocols": connection.ssl_protocols,
        });
        let family = connection.addresses.map(|addresses| match addresses {
            AddressFamily::Any => "dualstack",
            AddressFamily::V4 => "ipv4",
            AddressFamily::V6 => "ipv6",
        });
        add(&mut shown, "ipAddressType", family);
        object["customOriginConfig"] = shown;
    }
    add(&mut object, "originShield", update.shield.clone());
    add(&mut object, "originAccessControlConfig", update.access_control.clone());
    add(&mut object, "mTLSConfig", update.mtls_off.then_some("off"));
    object
}
