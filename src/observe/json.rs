//! A record as one line of JSON, appended to a buffer that the caller keeps. Allocates nothing of its own.
//!
//! Field names carry their unit; absent things are left out instead of written as `null` or `-`. Bytes that are not
//! UTF-8 are read as ISO-8859-1, as CloudFront does (spec: CloudFront Functions section 2.2).

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Version};

use super::Record;
use crate::error::OriginFailure;

/// Appends the record and a newline.
pub fn append_line(out: &mut String, record: &Record) {
    let mut object = Object::open(out);
    object.time("time", record.time);
    object.text("request_id", record.request_id.as_str());
    object.display("client_ip", record.viewer_ip);
    object.number("client_port", u64::from(record.viewer_port));
    object.text("scheme", if record.tls { "https" } else { "http" });
    object.text("http_version", version(record.http_version));
    if let Some(method) = &record.method {
        object.text("method", method.as_str());
    }
    object.header("host", record.host.as_ref());
    object.bytes("path", &record.path);
    if let Some(query) = &record.query {
        object.bytes("query", query);
    }
    object.number("status", u64::from(record.status));
    object.number("bytes_sent", record.bytes_sent);
    if let Some(time) = record.time_to_first_byte {
        object.number("time_to_first_byte_us", micros(time));
    }
    object.number("time_taken_us", micros(record.time_taken));
    object.text("result_type", record.result_type);
    object.text("detailed_result_type", record.detailed_result_type);
    if let Some(id) = &record.distribution_id {
        object.text("distribution_id", id);
    }
    if let Some(pattern) = &record.behavior {
        object.text("behavior", pattern);
    }
    append_origins(&mut object, record);
    append_functions(&mut object, record);
    object.header("referer", record.referer.as_ref());
    object.header("user_agent", record.user_agent.as_ref());
    object.header("content_type", record.content_type.as_ref());
    if let Some(length) = record.content_length {
        object.number("content_length", length);
    }
    if let Some(error) = &record.error {
        object.text("error", error);
    }
    object.close();
    out.push('\n');
}

fn append_origins(object: &mut Object<'_>, record: &Record) {
    if record.origins.is_empty() {
        return;
    }
    object.list("origins", &record.origins, |entry, origin| {
        entry.text("id", &origin.id);
        if let Some(failure) = origin.failure {
            entry.text("failure", origin_failure(failure));
        }
    });
}

fn append_functions(object: &mut Object<'_>, record: &Record) {
    if record.functions.is_empty() {
        return;
    }
    object.list("functions", &record.functions, |entry, run| {
        entry.text("name", &run.name);
        entry.text("event", run.event.as_str());
        entry.text("outcome", run.outcome.as_str());
        entry.number("time_us", micros(run.time));
        if let Some(message) = &run.message {
            entry.text("message", message);
        }
    });
}

/// The word for an origin's failure, in the log and in the `failure` label.
pub(super) const fn origin_failure(failure: OriginFailure) -> &'static str {
    match failure {
        OriginFailure::Dns => "dns",
        OriginFailure::Connect => "connect",
        OriginFailure::ConnectTimeout => "connect_timeout",
        OriginFailure::ReadTimeout => "read_timeout",
        OriginFailure::Read => "read",
        OriginFailure::InvalidResponse => "invalid_response",
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Whole microseconds; a duration beyond 584,000 years says so by its size.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// One JSON object under construction at the end of a buffer.
struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push('}');
    }

    /// Names are ours and need no escaping.
    fn name(&mut self, name: &'static str) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        append_display(self.out, value);
    }

    fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.out.push('"');
        value.chars().for_each(|character| append_escaped(self.out, character));
        self.out.push('"');
    }

    fn bytes(&mut self, name: &'static str, value: &[u8]) {
        if let Ok(text) = std::str::from_utf8(value) {
            return self.text(name, text);
        }
        self.name(name);
        self.out.push('"');
        value.iter().for_each(|&byte| append_escaped(self.out, char::from(byte)));
        self.out.push('"');
    }

    fn header(&mut self, name: &'static str, value: Option<&HeaderValue>) {
        if let Some(value) = value {
            self.bytes(name, value.as_bytes());
        }
    }

    /// For values whose text holds nothing that JSON escapes.
    fn display(&mut self, name: &'static str, value: impl std::fmt::Display) {
        self.name(name);
        self.out.push('"');
        append_display(self.out, value);
        self.out.push('"');
    }

    /// RFC 3339 in UTC with milliseconds.
    fn time(&mut self, name: &'static str, time: SystemTime) {
        self.name(name);
        self.out.push('"');
        append_time(self.out, time);
        self.out.push('"');
    }

    fn list<T>(&mut self, name: &'static str, items: &[T], fill: impl Fn(&mut Object<'_>, &T)) {
        self.name(name);
        self.out.push('[');
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            let mut entry = Object::open(self.out);
            fill(&mut entry, item);
            entry.close();
        }
        self.out.push(']');
    }
}

/// Formatting into a `String` cannot fail unless the value's own `Display` does; ours do not.
fn append_display(out: &mut String, value: impl std::fmt::Display) {
    let _ = write!(out, "{value}");
}

/// RFC 8259 section 7: quotation mark, reverse solidus and controls. DEL and U+2028/9 go with them, so that a line
/// stays one line in every reader.
fn append_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        other => out.push(other),
    }
}

/// Appends a time, `2026-11-10T10:00:00.000Z`.
pub(super) fn append_time(out: &mut String, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, in_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (in_day / 3_600, in_day / 60 % 60, in_day % 60);
    let millis = since.subsec_millis();
    let _ =
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z");
}

/// Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, so that the leap day is their
/// last and months have the lengths 31, 30, 31, 30, 31 over and over (153 days per five months).
fn civil_date(days_since_epoch: u64) -> (u64, u64, u64) {
    const DAYS_FROM_MARCH_OF_YEAR_0: u64 = 719_468;
    const DAYS_IN_400_YEARS: u64 = 146_097;
    let days = days_since_epoch + DAYS_FROM_MARCH_OF_YEAR_0;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let leap_days = day_of_era / 1_460 + day_of_era / (DAYS_IN_400_YEARS - 1) - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use bytes::Bytes;
    use serde_json::Value;

    use super::*;
    use crate::error::FunctionFailure;
    use crate::event::EventType;
    use crate::ids::RequestId;
    use crate::observe::{FunctionOutcome, FunctionRun, OriginAttempt, Outbound};

    fn record() -> Record {
        let id = RequestId::from_entropy(&[0; 42]);
        let time = UNIX_EPOCH + Duration::from_millis(1_709_164_800_123);
        Record::new(id, time, IpAddr::V4(Ipv4Addr::LOCALHOST), 5_000)
    }

    fn line(record: &Record) -> Value {
        let mut out = String::new();
        append_line(&mut out, record);
        assert_eq!(out.matches('\n').count(), 1, "one line: {out}");
        serde_json::from_str(&out).expect("a line is JSON")
    }

    #[test]
    fn a_line_names_everything_that_happened() {
        let mut record = record();
        record.status = 503;
        record.path = Bytes::from_static(b"/a");
        record.query = Some(Bytes::new());
        record.result_type = "FunctionExecutionError";
        record.host = Some(HeaderValue::from_static("example.com"));
        record.origins.push(OriginAttempt { id: "demo".into(), failure: Some(OriginFailure::Dns) });
        record.functions.push(FunctionRun {
            remembered: false,
            cold_start: false,
            outbound: Outbound::default(),
            name: "gate".into(),
            event: EventType::ViewerRequest,
            outcome: FunctionOutcome::Failed(FunctionFailure::Execution),
            time: Duration::from_micros(70),
            message: Some("line 3: \"x\" is\nundefined".into()),
        });
        let line = line(&record);
        assert_eq!(line["time"], "2024-02-29T00:00:00.123Z");
        assert_eq!(line["status"], 503);
        assert_eq!(line["query"], "");
        assert_eq!(line["origins"][0]["failure"], "dns");
        assert_eq!(line["functions"][0]["outcome"], "execution_error");
        assert_eq!(line["functions"][0]["time_us"], 70);
        assert_eq!(line["functions"][0]["message"], "line 3: \"x\" is\nundefined");
        assert!(line.get("referer").is_none() && line.get("distribution_id").is_none());
    }

    #[test]
    fn bytes_a_viewer_made_up_cannot_break_the_line() {
        let mut record = record();
        record.path = Bytes::from_static(b"/\xff\"\\\n{\0");
        record.user_agent = HeaderValue::from_bytes("caf\u{e9}\u{2028}".as_bytes()).ok();
        let line = line(&record);
        assert_eq!(line["path"], "/\u{ff}\"\\\n{\0");
        assert_eq!(line["user_agent"], "caf\u{e9}\u{2028}");
    }

    proptest::proptest! {
        #[test]
        fn any_path_stays_one_line_of_json(path: Vec<u8>) {
            let mut record = record();
            record.path = Bytes::from(path.clone());
            let expected = String::from_utf8(path.clone())
                .unwrap_or_else(|_| path.iter().map(|&byte| char::from(byte)).collect());
            proptest::prop_assert_eq!(&line(&record)["path"], &Value::from(expected));
        }

        #[test]
        fn dates_agree_with_the_http_date_library(seconds in 0_u64..253_402_300_800) {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            let (year, _, day) = civil_date(seconds / 86_400);
            let reference = httpdate::fmt_http_date(time);
            // As in "Sun, 06 Nov 1994 08:49:37 GMT".
            let words: Vec<_> = reference.split(' ').collect();
            proptest::prop_assert_eq!(words[1], format!("{day:02}"));
            proptest::prop_assert_eq!(words[3], format!("{year:04}"));
        }
    }
}
