//! What is printed about tests.

mod human;
mod json;
mod junit;
mod tap;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::arguments::Format;
use super::compare::Difference;
use super::expected::Miss;
use super::suite::{CaseResult, Failure, Verdict, too_costly};
use super::{Trouble, print, run, snippet};
use crate::config::Problem;
use crate::server::functions::problem_in;

/// The report of a round of tests.
pub(super) fn suite(results: &[CaseResult<'_>], format: Format) -> String {
    match format {
        Format::Human => human::suite(results),
        Format::Json => json::suite(results),
        Format::Tap => tap::suite(results),
        Format::Junit => junit::suite(results),
    }
}

/// Says why there are no results.
pub(super) fn trouble(trouble: &Trouble, format: Format) {
    match format {
        Format::Human => human::trouble(trouble),
        Format::Json => json::trouble(trouble),
        Format::Tap => print(&tap::trouble(trouble)),
        Format::Junit => print(&junit::trouble(trouble)),
    }
}

/// One line about each thing that is wrong.
fn sentences(trouble: &Trouble) -> Vec<String> {
    match trouble {
        Trouble::Usage(text) | Trouble::Failure(text) => vec![text.clone()],
        Trouble::Configuration(_) | Trouble::Load(_) => {
            problems(trouble).iter().map(ToString::to_string).collect()
        }
    }
}

/// The problems of configuration and functions.
fn problems(trouble: &Trouble) -> Vec<Problem> {
    match trouble {
        Trouble::Configuration(problems) => problems.clone(),
        Trouble::Load(errors) => {
            errors.iter().map(|(source, error)| problem_in(&source.file, error)).collect()
        }
        Trouble::Usage(_) | Trouble::Failure(_) => Vec::new(),
    }
}

/// Numbers of tests by how they ended.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    blessed: usize,
    skipped: usize,
}

impl Counts {
    fn of(results: &[CaseResult<'_>]) -> Self {
        let mut counts = Self::default();
        for result in results {
            match result.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::Blessed(_) => counts.blessed += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
            }
        }
        counts
    }
}

/// A failure in one line.
fn message(failure: &Failure) -> String {
    match failure {
        Failure::NotRun(why) => why.clone(),
        Failure::TooCostly(used, most) => too_costly(*used, *most),
        Failure::Miss(Miss::Failed) => "the function failed".to_owned(),
        Failure::Miss(Miss::Output(found)) => match found.len() {
            1 => "the output differs in one place".to_owned(),
            places => format!("the output differs in {places} places"),
        },
        Failure::Miss(Miss::NoError { expected, .. }) => {
            format!("the function should have failed with {expected:?}, and did not")
        }
        Failure::Miss(Miss::OtherError { expected }) => {
            format!("the function should have failed with {expected:?}, and failed otherwise")
        }
    }
}

fn differences(failure: &Failure) -> &[Difference] {
    match failure {
        Failure::Miss(Miss::Output(found)) => found,
        _ => &[],
    }
}

/// The error of the run with its place in the source, when there was one and it matters.
fn error_text(result: &CaseResult<'_>) -> Option<String> {
    let error = result.outcome.as_ref()?.result.as_ref().err()?;
    let text = snippet::thrown(result.loaded, error);
    Some(format!("{}\n{text}", run::sentence(result.loaded, error)))
}

/// What programs get to know about a failure.
fn details(result: &CaseResult<'_>, failure: &Failure) -> Value {
    let mut details = json!({ "message": message(failure) });
    if !result.file.as_os_str().is_empty() {
        details["file"] = result.file.display().to_string().into();
    }
    let rows = differences(failure).iter().map(|difference| {
        let mut row = json!({ "path": difference.path });
        for (name, side) in [("expected", &difference.expected), ("given", &difference.given)] {
            if let Some(value) = side {
                row[name] = value.clone();
            }
        }
        row
    });
    let rows: Vec<Value> = rows.collect();
    if !rows.is_empty() {
        details["differences"] = rows.into();
    }
    if let Failure::Miss(Miss::NoError { given, .. }) = failure {
        details["given"] = given.clone();
    }
    if let Some(error) = error_text(result) {
        details["error"] = error.into();
    }
    if let Some(outcome) = result.outcome.as_ref().filter(|outcome| !outcome.logs.is_empty()) {
        details["logs"] = outcome.logs.clone().into();
    }
    details
}

/// Text without control characters other than line ends and tabs: a function must not steer the terminal, and XML
/// has no way to write them.
fn clean(text: &str) -> Cow<'_, str> {
    let bad = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    if text.contains(bad) { text.replace(bad, "\u{fffd}").into() } else { text.into() }
}
