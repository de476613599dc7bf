//! Test Anything Protocol, version 14.

use std::fmt::Write;

use serde_json::Value;

use super::{clean, details, sentences};
use crate::cli::test::run::utilization;
use crate::cli::test::suite::{CaseResult, Verdict};
use crate::cli::test::{Trouble, yaml};

pub(super) fn suite(results: &[CaseResult<'_>]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", results.len());
    for (index, result) in results.iter().enumerate() {
        let function = &result.loaded.subject.source.name;
        let name = match result.name.as_str() {
            "" => function.clone(),
            event => format!("{function}: {event}"),
        };
        let (name, number) = (escaped(&name), index + 1);
        let _ = match &result.verdict {
            Verdict::Passed => writeln!(text, "ok {number} - {name}"),
            Verdict::Blessed(file) => {
                let _ = writeln!(text, "ok {number} - {name}");
                writeln!(text, "# wrote {}", one_line(&file.display().to_string()))
            }
            Verdict::Skipped(why) => {
                writeln!(text, "ok {number} - {name} # SKIP {}", one_line(why))
            }
            Verdict::Failed(failure) => {
                let _ = writeln!(text, "not ok {number} - {name}");
                diagnose(details(result, failure), result, &mut text);
                Ok(())
            }
        };
    }
    text
}

/// A YAML block under a test point.
fn diagnose(mut details: Value, result: &CaseResult<'_>, text: &mut String) {
    if let Some(outcome) = &result.outcome {
        details["computeUtilization"] = utilization(result.loaded, outcome).into();
    }
    text.push_str("  ---\n");
    yaml::write(&details, 2, text);
    text.push_str("  ...\n");
}

pub(super) fn trouble(trouble: &Trouble) -> String {
    let mut text = "TAP version 14\n".to_owned();
    for sentence in sentences(trouble) {
        for line in sentence.lines() {
            let _ = writeln!(text, "# {}", one_line(line));
        }
    }
    let _ = writeln!(text, "Bail out! nothing could be tested");
    text
}

/// `#` begins a directive, and a backslash takes its meaning away.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}
