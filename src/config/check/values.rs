//! Single values: times, sizes, addresses, names, header fields.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use http::HeaderName;

use crate::config::file::{Size, Time};
use crate::config::problem::Problems;
use crate::config::units;
use crate::limits;

/// The time written at `at`, or the default; outside of `range` it is a problem.
pub(super) fn time(
    written: Option<&Time>,
    default: &str,
    range: RangeInclusive<Duration>,
    at: impl Into<String>,
    problems: &mut Problems,
) -> Duration {
    let meant = match written {
        None => units::parse_time(default),
        Some(Time::Seconds(seconds)) => Some(Duration::from_secs(*seconds)),
        Some(Time::Text(text)) => units::parse_time(text),
    };
    match meant {
        None => problems.add(at, "is not a time", format!("write {}", units::TIME_SHAPE)),
        Some(time) if range.contains(&time) => return time,
        Some(time) => {
            let message = format!("{} is out of range", units::spell_time(time));
            let (least, most) =
                (units::spell_time(*range.start()), units::spell_time(*range.end()));
            problems.add(at, message, format!("use {least} to {most}"));
        }
    }
    *range.start()
}

/// The size in bytes written at `at`, or the default; outside of `range` it is a problem.
pub(super) fn size(
    written: Option<&Size>,
    default: &str,
    range: RangeInclusive<u64>,
    at: impl Into<String>,
    problems: &mut Problems,
) -> u64 {
    let meant = match written {
        None => units::parse_size(default),
        Some(Size::Bytes(bytes)) => Some(*bytes),
        Some(Size::Text(text)) => units::parse_size(text),
    };
    match meant {
        None => problems.add(at, "is not a size", format!("write {}", units::SIZE_SHAPE)),
        Some(size) if range.contains(&size) => return size,
        Some(size) => {
            let message = format!("{} is out of range", units::spell_size(size));
            let (least, most) =
                (units::spell_size(*range.start()), units::spell_size(*range.end()));
            problems.add(at, message, format!("use {least} to {most}"));
        }
    }
    *range.start()
}

/// An address to listen on.
pub(super) fn address(written: &str, at: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let address = written.parse().ok();
    if address.is_none() {
        let message = format!("\"{written}\" is not an address");
        problems.add(at, message, "write address:port, such as 127.0.0.1:8080 or [::1]:8080");
    }
    address
}

/// Whether a name is made of letters, digits, `-` and `_`, and not too long.
pub(super) fn identifier(written: &str, at: &str, problems: &mut Problems) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let length = 1..=limits::NAME_CHARS_MAX;
    if length.contains(&written.len()) && written.bytes().all(allowed) {
        return true;
    }
    let remedy = format!("use 1 to {} letters, digits, - and _", limits::NAME_CHARS_MAX);
    problems.add(at, format!("\"{written}\" cannot be a name"), remedy);
    false
}

/// Whether a policy's name can be referred to: CloudFront allows more than identifiers here.
pub(super) fn policy_name(written: &str, at: &str, problems: &mut Problems) -> bool {
    let fits = (1..=limits::NAME_CHARS_MAX).contains(&written.chars().count());
    let plain = !written.contains(char::is_control) && written.trim() == written;
    if !(fits && plain) {
        let remedy = format!("use 1 to {} characters", limits::NAME_CHARS_MAX);
        problems.add(at, format!("{written:?} cannot be a name"), remedy);
    }
    fits && plain
}

/// A header field's name, lower case.
pub(super) fn header_name(written: &str, at: &str, problems: &mut Problems) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(written.as_bytes()).ok();
    if name.is_none() {
        let message = format!("{written:?} is not a header field's name");
        problems.add(at, message, "use letters, digits and - (RFC 9110 section 5.1)");
    }
    name
}

/// Whether a rule covers a header field; a final `*` stands for anything.
pub(super) fn listed(rules: &[&str], name: &HeaderName) -> bool {
    rules.iter().any(|rule| match rule.strip_suffix('*') {
        Some(prefix) => name.as_str().starts_with(prefix),
        None => name.as_str() == *rule,
    })
}

/// Whether `written` is a DNS name (RFC 1123 section 2.1; underscores do occur) or an IP address.
pub(super) fn is_host(written: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    written.parse::<IpAddr>().is_ok()
        || (written.len() <= limits::HOST_NAME_CHARS_MAX && written.split('.').all(label))
}
