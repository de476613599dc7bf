//! For people.

use std::fmt::Write;

use serde_json::Value;

use super::{Counts, clean, differences, error_text, message, problems};
use crate::cli::counted;
use crate::cli::test::expected::Miss;
use crate::cli::test::run::utilization;
use crate::cli::test::suite::{CaseResult, Failure, Verdict};
use crate::cli::test::{Trouble, snippet};
use crate::limits::TEST_SHOWN_VALUE_CHARS_MAX;

pub(super) fn suite(results: &[CaseResult<'_>]) -> String {
    let mut text = String::new();
    let mut function = None;
    for result in results {
        let name = &result.loaded.subject.source.name;
        if function != Some(name) {
            let _ = writeln!(text, "{name}");
            function = Some(name);
        }
        line(result, &mut text);
    }
    let Counts { passed, failed, blessed, skipped } = Counts::of(results);
    let _ = write!(text, "{passed} passed, {failed} failed");
    for (count, word) in [(blessed, "blessed"), (skipped, "skipped")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text.push('\n');
    clean(&text).into_owned()
}

fn line(result: &CaseResult<'_>, text: &mut String) {
    let used = result.outcome.as_ref().map(|outcome| utilization(result.loaded, outcome));
    let used = used.map(|used| format!("  {used} %")).unwrap_or_default();
    let name = &result.name;
    let _ = match &result.verdict {
        Verdict::Passed => writeln!(text, "  ok       {name}{used}"),
        Verdict::Blessed(file) => {
            writeln!(text, "  blessed  {name}{used}: wrote {}", file.display())
        }
        Verdict::Skipped(why) => writeln!(text, "  skipped: {why}"),
        Verdict::Failed(failure) if name.is_empty() => {
            writeln!(text, "  FAILED   {}", message(failure))
        }
        Verdict::Failed(failure) => {
            let _ = writeln!(text, "  FAILED   {name}{used}: {}", message(failure));
            explain(result, failure, text);
            Ok(())
        }
    };
}

fn explain(result: &CaseResult<'_>, failure: &Failure, text: &mut String) {
    for difference in differences(failure) {
        let path = if difference.path.is_empty() { "the output" } else { &difference.path };
        let _ = writeln!(
            text,
            "      {path}\n        expected  {}\n        given     {}",
            shown(difference.expected.as_ref()),
            shown(difference.given.as_ref())
        );
    }
    if let Failure::Miss(Miss::NoError { given, .. }) = failure {
        let _ = writeln!(text, "      given  {}", shown(Some(given)));
    }
    if let Some(error) = error_text(result) {
        for line in error.lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
    for line in result.outcome.iter().flat_map(|outcome| &outcome.logs) {
        let _ = writeln!(text, "      log: {line}");
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "(nothing)".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(TEST_SHOWN_VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

pub(super) fn trouble(trouble: &Trouble) {
    match trouble {
        Trouble::Usage(text) => eprintln!("{text}"),
        Trouble::Failure(text) => eprintln!("not tested: {text}"),
        Trouble::Configuration(_) => {
            let problems = problems(trouble);
            for problem in &problems {
                eprintln!("{problem}");
            }
            eprintln!("{}", counted(problems.len(), "problem"));
        }
        Trouble::Load(errors) => {
            for (source, error) in errors {
                eprintln!("{}", clean(&snippet::refused(source, error)));
            }
            eprintln!("{} cannot be loaded", counted(errors.len(), "function"));
        }
    }
}
