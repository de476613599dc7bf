//! What functions write on their console, joined to the request they wrote it for.
//!
//! The lines have the shape of CloudFront's own (spec: CloudFront Functions section 9): each begins with the request's
//! id, a run begins with `START DistributionID: …` and ends with `END`, and a run that said nothing leaves nothing.
//! They go through `tracing` under the target [`TARGET`], so that an operator can filter them.

use std::time::Duration;

use super::Outbound;
use crate::error::FunctionError;
use crate::event::EventType;
use crate::ids::RequestId;

/// The `tracing` target of console lines and of failures.
pub const TARGET: &str = "verge::function";

/// Which run the lines belong to.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The event it ran for.
    pub event: EventType,
    /// The request it ran for.
    pub request_id: &'a RequestId,
    /// The distribution that the request belongs to.
    pub distribution_id: &'a str,
    /// What Lambda reports of the run; `None` for viewer functions.
    pub report: Option<&'a Report>,
}

/// What Lambda reports of one call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// `awsRequestId`.
    pub request_id: String,
    /// The function's version.
    pub version: String,
    /// Wall-clock time of the call, the start of its environment not included.
    pub duration: Duration,
    /// How long the start of a new environment took; `None` in a warm one.
    pub init: Option<Duration>,
    /// The function's memory, bytes.
    pub memory_bytes_max: usize,
    /// What its environment takes, bytes.
    pub memory_bytes_used: usize,
    /// Whether the lines are framed as Lambda frames them: for functions written for it.
    pub as_lambda: bool,
    /// Requests that it made itself.
    pub outbound: Outbound,
}

/// Writes a run's console lines and, when it failed, why.
pub fn write(run: Run<'_>, lines: &[String], failure: Option<&FunctionError>) {
    let Run { function, event, request_id: id, .. } = run;
    if let Some(report) = run.report.filter(|report| report.as_lambda) {
        write_as_lambda(run, report, lines, failure);
        return;
    }
    if !lines.is_empty() && tracing::enabled!(target: TARGET, tracing::Level::INFO) {
        entry(run, format_args!("{id} START DistributionID: {}", run.distribution_id));
        for line in lines.iter().flat_map(|text| text.lines()) {
            entry(run, format_args!("{id} {}", Printable(line)));
        }
        entry(run, format_args!("{id} END"));
    }
    if let Some(error) = failure {
        let reason = Printable(&error.message);
        tracing::warn!(target: TARGET, function, %event, failure = ?error.failure, "{id} {reason}");
    }
}

/// Lambda frames every call, also one that said nothing, and ends with what it cost. `Max Memory Used` counts whole
/// mebibytes, `Billed Duration` whole milliseconds, both rounded up; a cold start is billed with the call.
fn write_as_lambda(
    run: Run<'_>,
    report: &Report,
    lines: &[String],
    failure: Option<&FunctionError>,
) {
    let Report { request_id, version, duration, init, .. } = report;
    if tracing::enabled!(target: TARGET, tracing::Level::INFO) {
        entry(
            run,
            format_args!("{} START RequestId: {request_id} Version: {version}", run.request_id),
        );
        for line in lines.iter().flat_map(|text| text.lines()) {
            entry(run, format_args!("{} {}", run.request_id, Printable(line)));
        }
    }
    if let Some(error) = failure {
        let (function, event, id) = (run.function, run.event, run.request_id);
        let reason = Printable(&error.message);
        tracing::warn!(target: TARGET, function, %event, failure = ?error.failure, "{id} {reason}");
    }
    let milliseconds = |time: &Duration| time.as_secs_f64() * 1e3;
    let billed = (*duration + init.unwrap_or_default()).as_micros().div_ceil(1_000);
    let mebibytes = |bytes: usize| bytes.div_ceil(1 << 20);
    let init = init.map(|init| format!("\tInit Duration: {:.2} ms", milliseconds(&init)));
    entry(run, format_args!("{} END RequestId: {request_id}", run.request_id));
    entry(
        run,
        format_args!(
            "{} REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {billed} ms\t\
             Memory Size: {} MB\tMax Memory Used: {} MB{}",
            run.request_id,
            milliseconds(duration),
            mebibytes(report.memory_bytes_max),
            mebibytes(report.memory_bytes_used),
            init.unwrap_or_default()
        ),
    );
}

fn entry(run: Run<'_>, text: std::fmt::Arguments<'_>) {
    tracing::info!(target: TARGET, function = run.function, event = %run.event, "{text}");
}

/// Text of a function's making with its control characters escaped: a function must not be able to forge log lines or
/// to steer the operator's terminal.
struct Printable<'a>(&'a str);

impl std::fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\t' => f.write_str("\t")?,
                control if control.is_control() => write!(f, "{}", control.escape_unicode())?,
                other => std::fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Captured {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn captured(lines: &[&str], failure: Option<&FunctionError>) -> String {
        captured_with(lines, failure, None)
    }

    fn captured_with(
        lines: &[&str],
        failure: Option<&FunctionError>,
        report: Option<&Report>,
    ) -> String {
        let sink = Captured::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(sink.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        let id = RequestId::from_entropy(&[0; 42]);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        tracing::subscriber::with_default(subscriber, || {
            let event = EventType::ViewerRequest;
            let (function, distribution_id) = ("gate", "E1");
            let run = Run { function, event, request_id: &id, distribution_id, report };
            write(run, &lines, failure);
        });
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_are_framed_and_carry_the_request_id() {
        let text = captured(&["first\nsecond \u{1b}[31mred"], None);
        let id = "A".repeat(56);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].contains(&format!("{id} START DistributionID: E1")));
        assert!(
            lines[1].contains(&format!("{id} first")) && lines[1].contains("function=\"gate\"")
        );
        assert!(lines[2].contains(&format!("{id} second \\u{{1b}}[31mred")), "{text}");
        assert!(lines[3].contains(&format!("{id} END")));
    }

    #[test]
    fn a_lambda_call_is_framed_as_lambda_does() {
        let report = Report {
            request_id: "8c1f".into(),
            version: "5f3a0c11".into(),
            duration: Duration::from_micros(3_204),
            init: Some(Duration::from_micros(1_500)),
            memory_bytes_max: 128 << 20,
            memory_bytes_used: (9 << 20) + 1,
            as_lambda: true,
            outbound: Outbound::default(),
        };
        let error = FunctionError::execution("no");
        let text = captured_with(&["said"], Some(&error), Some(&report));
        let lines: Vec<&str> = text.lines().collect();
        let parts = [
            "START RequestId: 8c1f Version: 5f3a0c11",
            " said",
            " no",
            "END RequestId: 8c1f",
            "REPORT RequestId: 8c1f\tDuration: 3.20 ms\tBilled Duration: 5 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 10 MB\tInit Duration: 1.50 ms",
        ];
        assert_eq!(lines.len(), parts.len(), "{text}");
        for (line, part) in lines.iter().zip(parts) {
            assert!(line.contains(part), "{line:?} has no {part:?}");
        }
        let warm = Report { init: None, ..report };
        let text = captured_with(&[], None, Some(&warm));
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("Billed Duration: 4 ms") && !text.contains("Init"), "{text}");
    }

    #[test]
    fn silence_leaves_nothing_and_a_failure_says_why() {
        assert_eq!(captured(&[], None), "");
        let text = captured(&[], Some(&FunctionError::execution("line 3: x is not defined")));
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("WARN") && text.contains("line 3: x is not defined"), "{text}");
    }
}
