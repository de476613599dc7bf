//! Reading the calls of the origin helpers back: JSON of their arguments, every member held to its rule.
//!
//! spec: CloudFront Functions section 8.2. Members that the specification does not know are ignored, as CloudFront's own
//! samples have some.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::{Checked, invalid, shown};
use crate::event::origin::{
    AddressFamily, OriginChange, OriginConnection, OriginGroupChoice, OriginOverrides,
    OriginSelection, OriginTimeouts, OriginUpdate,
};
use crate::event::{HeaderEdit, rules};
use crate::limits::{self, ORIGIN_DOMAIN_NAME_CHARS_MAX, ORIGIN_PATH_CHARS_MAX};
use crate::wire::Reader;

/// Reads the optional last part of a request result.
pub(super) fn read(reader: &mut Reader<'_>) -> Checked<Vec<OriginChange>> {
    if reader.rest().is_empty() {
        return Ok(Vec::new());
    }
    let count = reader.count()?;
    if count > limits::ORIGIN_CHANGE_ITEMS_MAX {
        let most = limits::ORIGIN_CHANGE_ITEMS_MAX;
        return invalid(format!(
            "the origin helpers were called {count} times; {most} are allowed"
        ));
    }
    (0..count).map(|_| read_call(reader.text()?, reader.text()?)).collect()
}

fn read_call(helper: &str, arguments: &str) -> Checked<OriginChange> {
    let place = Place { at: format!("cf.{helper}"), from: "" };
    if arguments.len() > limits::ORIGIN_CHANGE_BYTES_MAX {
        let most = limits::ORIGIN_CHANGE_BYTES_MAX;
        return place
            .fail(format!("has arguments of {} bytes; {most} are allowed", arguments.len()));
    }
    // The engine's own stringify wrote it, but nesting that a parser refuses can come from a function.
    let Ok(Value::Array(given)) = serde_json::from_str::<Value>(arguments) else {
        return place.fail("has arguments that are nested too deeply");
    };
    let none = Value::Null;
    let first = given.first().unwrap_or(&none);
    match helper {
        "updateRequestOrigin" => {
            update(&place.object(first, "its argument")?).map(OriginChange::Update)
        }
        "selectRequestOriginById" => {
            let origin_id = place.id(first, "its first argument")?;
            let overrides = match given.get(1) {
                None | Some(Value::Null) => OriginOverrides::default(),
                Some(written) => overrides(&place.object(written, "its second argument")?)?,
            };
            Ok(OriginChange::Select(OriginSelection { origin_id, overrides }))
        }
        "createRequestOriginGroup" => {
            group(&place.object(first, "its argument")?).map(OriginChange::Group)
        }
        _ => place.fail("is no helper of this edge"),
    }
}

/// Where a value is, for a message.
struct Place<'a> {
    at: String,
    from: &'a str,
}

impl Place<'_> {
    fn fail<T>(&self, what: impl AsRef<str>) -> Checked<T> {
        let separator = if self.from.is_empty() { "" } else { ": " };
        invalid(format!("{}{separator}{} {}", self.at, self.from, what.as_ref()))
    }

    fn object<'v>(&self, value: &'v Value, what: &str) -> Checked<Object<'v>> {
        match value {
            Value::Object(members) => {
                Ok(Object { members, at: self.at.clone(), prefix: String::new() })
            }
            _ => invalid(format!("{}: {what} must be an object", self.at)),
        }
    }

    fn id(&self, value: &Value, what: &str) -> Checked<String> {
        match value {
            Value::String(id) if !id.is_empty() => Ok(id.clone()),
            _ => invalid(format!("{}: {what} must be the id of an origin", self.at)),
        }
    }
}

/// An object with its place.
struct Object<'v> {
    members: &'v Map<String, Value>,
    at: String,
    prefix: String,
}

impl<'v> Object<'v> {
    fn fail<T>(&self, member: &str, rule: impl AsRef<str>) -> Checked<T> {
        let written = self.members.get(member).map(|value| match value {
            Value::String(text) => format!("'{}'", shown(text)),
            other => shown(&other.to_string()),
        });
        let but =
            written.map_or_else(|| ", but is missing".into(), |text| format!(", but is {text}"));
        invalid(format!("{}: {}{member} must {}{but}", self.at, self.prefix, rule.as_ref()))
    }

    fn get(&self, member: &str) -> Option<&'v Value> {
        self.members.get(member)
    }

    fn text(
        &self,
        member: &str,
        rule: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Checked<Option<String>> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) if fits(text) => Ok(Some(text.clone())),
            Some(_) => self.fail(member, rule),
        }
    }

    fn number(&self, member: &str, least: u16, most: u16) -> Checked<Option<u16>> {
        let Some(value) = self.get(member) else { return Ok(None) };
        // A number that JavaScript holds may be written as 30.0 or 3e1.
        let whole = value.as_f64().filter(|number| number.fract() == 0.0);
        let range = f64::from(least)..=f64::from(most);
        match whole.filter(|number| range.contains(number)) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
            Some(number) => Ok(Some(number as u16)),
            None => self.fail(member, format!("be an integer from {least} to {most}")),
        }
    }

    fn flag(&self, member: &str) -> Checked<Option<bool>> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.fail(member, "be true or false"),
        }
    }

    fn one_of(&self, member: &str, words: &[&str]) -> Checked<Option<String>> {
        let rule = format!("be {}", words.join(" or "));
        self.text(member, &rule, |text| words.contains(&text))
    }

    fn object(&self, member: &str) -> Checked<Option<Object<'v>>> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Object(members)) => {
                let prefix = format!("{}{member}.", self.prefix);
                Ok(Some(Object { members, at: self.at.clone(), prefix }))
            }
            Some(_) => self.fail(member, "be an object"),
        }
    }

    fn list(&self, member: &str, rule: &str) -> Checked<Option<&'v [Value]>> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => self.fail(member, rule),
        }
    }

    /// A list of texts that each fit.
    fn texts(
        &self,
        member: &str,
        rule: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Checked<Option<Vec<String>>> {
        let Some(items) = self.list(member, rule)? else { return Ok(None) };
        let text = |item: &Value| item.as_str().filter(|text| fits(text)).map(str::to_owned);
        match items.iter().map(text).collect::<Option<Vec<_>>>() {
            Some(texts) => Ok(Some(texts)),
            None => self.fail(member, rule),
        }
    }

    fn host(&self, member: &str) -> Checked<Option<String>> {
        let rule = format!(
            "be a host name of at most {ORIGIN_DOMAIN_NAME_CHARS_MAX} characters, without scheme and port, and no address"
        );
        self.text(member, &rule, is_host_name)
    }
}

/// A DNS name that no resolver takes for an address: its last label is no number (URL standard, "ends in a number").
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    name.len() <= ORIGIN_DOMAIN_NAME_CHARS_MAX
        && name.split('.').all(label)
        && !number
        && name.parse::<IpAddr>().is_err()
}

/// A name that a certificate may have: a host name, whose first label may be `*`.
fn is_certificate_name(name: &str) -> bool {
    name.len() <= limits::CERTIFICATE_NAME_CHARS_MAX
        && is_host_name(name.strip_prefix("*.").unwrap_or(name))
}

fn overrides(object: &Object<'_>) -> Checked<OriginOverrides> {
    let most = limits::ALLOWED_CERTIFICATE_NAMES_MAX;
    let rule = format!(
        "be 1 to {most} names of at most {} characters, such as *.example.com",
        limits::CERTIFICATE_NAME_CHARS_MAX
    );
    let names = object.texts("allowedCertificateNames", &rule, is_certificate_name)?;
    if names.as_ref().is_some_and(|names| names.is_empty() || names.len() > most) {
        return object.fail("allowedCertificateNames", rule);
    }
    let lower = |names: Vec<String>| names.iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(OriginOverrides {
        host_header: object.host("hostHeader")?,
        sni: object.host("sni")?,
        allowed_certificate_names: names.map(lower),
    })
}

fn group(object: &Object<'_>) -> Checked<Box<OriginGroupChoice>> {
    const TWO: &str = "be two different origins, [{originId: 'primary'}, {originId: 'secondary'}]";
    let Some([first, second]) = object.list("originIds", TWO)? else {
        return object.fail("originIds", TWO);
    };
    let member = |value: &Value, index: usize| -> Checked<OriginSelection> {
        let place = Place { at: object.at.clone(), from: "" };
        if let Value::String(_) = value {
            let origin_id = place.id(value, &format!("originIds[{index}]"))?;
            return Ok(OriginSelection { origin_id, overrides: OriginOverrides::default() });
        }
        let mut written = place.object(value, &format!("originIds[{index}]"))?;
        written.prefix = format!("originIds[{index}].");
        let id = written.get("originId").unwrap_or(&Value::Null);
        let origin_id = place.id(id, &format!("originIds[{index}].originId"))?;
        let overrides = match written.object("originOverrides")? {
            Some(written) => overrides(&written)?,
            None => OriginOverrides::default(),
        };
        Ok(OriginSelection { origin_id, overrides })
    };
    let members = [member(first, 0)?, member(second, 1)?];
    if members[0].origin_id == members[1].origin_id {
        return object.fail("originIds", TWO);
    }
    let Some(criteria) = object.object("failoverCriteria")? else {
        return object.fail("failoverCriteria", "be an object with statusCodes");
    };
    const CODES: &str = "be a list of statuses from 400 to 599, such as [500, 502, 503, 504]";
    let codes = criteria.list("statusCodes", CODES)?.unwrap_or_default();
    let code = |value: &Value| {
        value
            .as_u64()
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..=599).contains(code))
    };
    let Some(codes) = codes.iter().map(code).collect::<Option<Vec<_>>>().filter(|c| !c.is_empty())
    else {
        return criteria.fail("statusCodes", CODES);
    };
    let kinds = ["default", "media-quality-score", "media-quality-based"];
    let selection_criteria = object.one_of("selectionCriteria", &kinds)?;
    Ok(Box::new(OriginGroupChoice { members, failover_status_codes: codes, selection_criteria }))
}

fn update(object: &Object<'_>) -> Checked<Box<OriginUpdate>> {
    let domain_name = object.host("domainName")?;
    let path_rule = format!(
        "begin with a slash, not end with one, be percent-encoded and have at most {ORIGIN_PATH_CHARS_MAX} characters"
    );
    let update = OriginUpdate {
        overrides: overrides(object)?,
        path: object.text("originPath", &path_rule, is_origin_path)?,
        custom_headers: custom_headers(object)?,
        connection_attempts: object
            .number("connectionAttempts", 1, 3)?
            .map(|attempts| attempts.to_le_bytes()[0]),
        timeouts: timeouts(object)?,
        connection: connection(object, domain_name.is_some())?,
        shield: shield(object)?,
        access_control: access_control(object)?,
        mtls_off: object.one_of("mTLSConfig", &["off"])?.is_some(),
        domain_name,
    };
    check_bucket(object, &update)?;
    Ok(Box::new(update))
}

/// Rules for S3 buckets, which are recognised by their name.
fn check_bucket(object: &Object<'_>, update: &OriginUpdate) -> Checked<()> {
    let signs = update
        .access_control
        .as_ref()
        .is_some_and(|control| control["enabled"] == Value::Bool(true));
    if signs && update.overrides.host_header.is_some() {
        // The signature covers the host, which is the bucket's own.
        return object.fail("hostHeader", "be left out while originAccessControlConfig is enabled");
    }
    let Some(name) = update.domain_name.as_ref().filter(|_| update.connection.is_none()) else {
        return Ok(());
    };
    let bucket = name.to_ascii_lowercase();
    let bucket = bucket.ends_with(".amazonaws.com")
        && bucket.split('.').any(|label| label == "s3" || label.starts_with("s3-"))
        && !bucket.contains("s3-website");
    let fits = name.len() <= limits::BUCKET_DOMAIN_NAME_CHARS_MAX
        && !name.bytes().any(|byte| byte.is_ascii_uppercase());
    if bucket && !fits {
        let most = limits::BUCKET_DOMAIN_NAME_CHARS_MAX;
        return object.fail(
            "domainName",
            format!("for a bucket be lower case and at most {most} characters"),
        );
    }
    Ok(())
}

fn is_origin_path(path: &str) -> bool {
    let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    path.is_empty()
        || path.starts_with('/')
            && !path.ends_with('/')
            && visible
            && path.len() <= ORIGIN_PATH_CHARS_MAX
}

fn custom_headers(object: &Object<'_>) -> Checked<Option<Vec<(HeaderName, HeaderValue)>>> {
    let Some(written) = object.object("customHeaders")? else { return Ok(None) };
    let most = limits::ORIGIN_CUSTOM_HEADERS_MAX;
    if written.members.len() > most {
        let count = written.members.len();
        return invalid(format!(
            "{}: customHeaders has {count} fields; {most} are allowed",
            object.at
        ));
    }
    let mut headers = Vec::with_capacity(written.members.len());
    for (name, value) in written.members {
        let place = format!("{}: customHeaders['{}']", object.at, shown(name));
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return invalid(format!("{place} must have a name in lower case"));
        }
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return invalid(format!("{place} is no name of a field"));
        };
        if rules::is_disallowed(&name) || rules::is_never_custom(&name) {
            return invalid(format!("{place} must not be set by a function; leave it out"));
        }
        let value =
            value.as_str().filter(|text| text.len() <= limits::CUSTOM_HEADER_VALUE_BYTES_MAX);
        let Some(Ok(value)) = value.map(|text| HeaderValue::from_bytes(text.as_bytes())) else {
            let most = limits::CUSTOM_HEADER_VALUE_BYTES_MAX;
            return invalid(format!(
                "{place} must be a string of at most {most} bytes without control characters"
            ));
        };
        headers.push((name, value));
    }
    Ok(Some(headers))
}

fn timeouts(object: &Object<'_>) -> Checked<OriginTimeouts> {
    let Some(written) = object.object("timeouts")? else { return Ok(OriginTimeouts::default()) };
    let most = limits::ORIGIN_TIMEOUT_SECONDS_MAX;
    let read = written.number("readTimeout", 1, most)?;
    let timeouts = OriginTimeouts {
        read,
        response_completion: written.number(
            "responseCompletionTimeout",
            1,
            limits::ORIGIN_COMPLETION_SECONDS_MAX,
        )?,
        keep_alive: written.number("keepAliveTimeout", 1, most)?,
        connection: written.number(
            "connectionTimeout",
            1,
            limits::ORIGIN_CONNECTION_SECONDS_MAX,
        )?,
    };
    match (read, timeouts.response_completion) {
        (Some(read), Some(whole)) if whole < read => {
            written.fail("responseCompletionTimeout", "be at least as long as readTimeout")
        }
        _ => Ok(timeouts),
    }
}

fn connection(object: &Object<'_>, has_domain_name: bool) -> Checked<Option<OriginConnection>> {
    const VERSIONS: [&str; 4] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"];
    let Some(written) = object.object("customOriginConfig")? else { return Ok(None) };
    let Some(port) = written.number("port", 1, u16::MAX)? else {
        return written.fail("port", "be an integer from 1 to 65535");
    };
    let Some(protocol) = written.one_of("protocol", &["http", "https"])? else {
        return written.fail("protocol", "be http or https");
    };
    let rule = format!("be a list of {}", VERSIONS.join(", "));
    let versions = written.texts("sslProtocols", &rule, |version| VERSIONS.contains(&version))?;
    let Some(ssl_protocols) = versions.filter(|versions| !versions.is_empty()) else {
        return written.fail("sslProtocols", rule);
    };
    let addresses =
        match written.one_of("ipAddressType", &["ipv4", "ipv6", "dualstack"])?.as_deref() {
            None => None,
            Some(_) if !has_domain_name => {
                return written.fail("ipAddressType", "be written together with domainName");
            }
            Some("ipv4") => Some(AddressFamily::V4),
            Some("ipv6") => Some(AddressFamily::V6),
            Some(_) => Some(AddressFamily::Any),
        };
    Ok(Some(OriginConnection { port, tls: protocol == "https", ssl_protocols, addresses }))
}

fn shield(object: &Object<'_>) -> Checked<Option<Value>> {
    let Some(written) = object.object("originShield")? else { return Ok(None) };
    let Some(enabled) = written.flag("enabled")? else {
        return written.fail("enabled", "be true or false");
    };
    let rule = "be the name of a region, such as us-east-1";
    let region = written.text("region", rule, |text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })?;
    if enabled && region.is_none() {
        return written.fail("region", rule);
    }
    Ok(Some(Value::Object(written.members.clone())))
}

fn access_control(object: &Object<'_>) -> Checked<Option<Value>> {
    let Some(written) = object.object("originAccessControlConfig")? else { return Ok(None) };
    if written.flag("enabled")?.is_none() {
        return written.fail("enabled", "be true or false");
    }
    written.one_of("signingBehavior", &["always", "never", "no-override"])?;
    written.one_of("signingProtocol", &["sigv4"])?;
    written.one_of("originType", &["s3", "mediapackagev2", "mediastore", "lambda"])?;
    Ok(Some(Value::Object(written.members.clone())))
}

/// No custom header field of an origin is one of the request as well (spec: CloudFront Functions section 8.2).
pub(super) fn check_against_request(
    changes: &[OriginChange],
    headers: &http::HeaderMap,
    edits: &[HeaderEdit],
) -> Checked<()> {
    for change in changes {
        let OriginChange::Update(update) = change else { continue };
        for (name, _) in update.custom_headers.iter().flatten() {
            if crate::event::has_after_edits(headers, edits, name) {
                return invalid(format!(
                    "cf.updateRequestOrigin: customHeaders and request.headers both have {name}; keep one"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
