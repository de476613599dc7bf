//! What `verge test` takes.

use std::path::PathBuf;

use clap::ValueEnum;
use toml::value::{Datetime, Offset};

use crate::cli::Configuration;
use crate::config::Runtime;
use crate::event::EventType;

/// The arguments of `verge test`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Functions by their names in the configuration, or by path: a folder with a function.toml, or a file with code.
    /// What contains a slash or ends in .js or .wasm is a path and needs no configuration.
    #[arg(value_name = "FUNCTION", required_unless_present_any = ["all", "batch"])]
    pub functions: Vec<String>,
    /// Test every function of the configuration.
    #[arg(long, conflicts_with = "functions")]
    pub all: bool,
    /// One event (JSON, YAML, or a raw HTTP request); the result is shown as CloudFront's TestFunction shows it.
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    pub event: Option<PathBuf>,
    /// A folder of events with the expected outputs beside them. Default: events/ in the function's folder.
    #[arg(long, value_name = "DIR")]
    pub events: Option<PathBuf>,
    /// The event's type, where the file says none or another.
    #[arg(long, value_enum)]
    pub event_type: Option<EventWord>,
    /// Write the expected outputs that are missing or differ.
    #[arg(long)]
    pub bless: bool,
    /// Test again whenever a file changes, until interrupted.
    #[arg(long)]
    pub watch: bool,
    /// Fail above this compute utilization, per cent. Default: what the function's [test] says.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub max_utilization: Option<u8>,
    /// The time that functions see: RFC 3339, or milliseconds since 1970. Default: now.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub now: Option<u64>,
    /// Where random numbers start. Default: from the request's id and the time.
    #[arg(long, value_name = "SEED")]
    pub random: Option<u64>,
    /// The key-value store's content: {"data": [{"key": …, "value": …}]}.
    #[arg(long, value_name = "FILE")]
    pub kvs: Option<PathBuf>,
    /// What runs the JavaScript functions. Default: what is configured; cloudfront-js-2.0 for a file.
    #[arg(long, value_enum)]
    pub runtime: Option<RuntimeWord>,
    /// Read runs from standard input and write results to standard output, a line of JSON each (docs/testing.md).
    #[arg(long, conflicts_with_all = [
        "functions", "all", "event", "events", "event_type", "bless", "watch", "max_utilization", "now", "random",
        "kvs", "runtime", "format", "config",
    ])]
    pub batch: bool,
    #[command(flatten)]
    pub(super) configuration: Configuration,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// Test Anything Protocol, version 14.
    Tap,
    /// JUnit's XML.
    Junit,
}

/// An event's type on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum EventWord {
    /// Every request, before the cache.
    ViewerRequest,
    /// A miss, before the origin.
    OriginRequest,
    /// The origin's answer, before it is stored.
    OriginResponse,
    /// Every answer, never stored.
    ViewerResponse,
}

impl From<EventWord> for EventType {
    fn from(word: EventWord) -> Self {
        match word {
            EventWord::ViewerRequest => Self::ViewerRequest,
            EventWord::OriginRequest => Self::OriginRequest,
            EventWord::OriginResponse => Self::OriginResponse,
            EventWord::ViewerResponse => Self::ViewerResponse,
        }
    }
}

/// A JavaScript runtime on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RuntimeWord {
    /// The first.
    #[value(name = "cloudfront-js-1.0")]
    JavaScript1,
    /// The second.
    #[value(name = "cloudfront-js-2.0")]
    JavaScript2,
}

impl From<RuntimeWord> for Runtime {
    fn from(word: RuntimeWord) -> Self {
        match word {
            RuntimeWord::JavaScript1 => Self::JavaScript1,
            RuntimeWord::JavaScript2 => Self::JavaScript2,
        }
    }
}

/// Milliseconds since 1970, from those or from RFC 3339's text.
fn parse_time(text: &str) -> Result<u64, String> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    let moment: Option<i64> = text.parse::<Datetime>().ok().and_then(milliseconds);
    moment.and_then(|moment| u64::try_from(moment).ok()).ok_or_else(|| {
        "write a time since 1970 as 2026-01-31T12:00:00Z, or in milliseconds".to_owned()
    })
}

fn milliseconds(moment: Datetime) -> Option<i64> {
    let (date, time) = (moment.date?, moment.time?);
    let offset = match moment.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let minutes = (days * 24 + i64::from(time.hour)) * 60 + i64::from(time.minute) - offset;
    let seconds = minutes * 60 + i64::from(time.second.unwrap_or_default());
    Some(seconds * 1_000 + i64::from(time.nanosecond.unwrap_or_default() / 1_000_000))
}

/// In the proleptic Gregorian calendar, with years that begin in March: then the leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    days - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_or_rfc_3339() {
        for (text, milliseconds) in [
            ("0", 0),
            ("1700000000123", 1_700_000_000_123),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59.5Z", 951_868_799_500),
            ("2026-01-31T12:00:00+02:00", 1_769_853_600_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(parse_time(text), Ok(milliseconds), "{text}");
        }
        for text in
            ["", "-1", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "1969-12-31T23:59:59Z"]
        {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
