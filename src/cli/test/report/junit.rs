//! JUnit's XML, as continuous integration reads it: one suite a function. Without times: what is printed depends on
//! nothing but the tests.

use std::fmt::Write;

use super::{Counts, clean, details, message, sentences};
use crate::cli::test::suite::{CaseResult, Verdict};
use crate::cli::test::{Trouble, run, yaml};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

pub(super) fn suite(results: &[CaseResult<'_>]) -> String {
    let all = Counts::of(results);
    let mut text = format!(
        "{HEAD}<testsuites name=\"verge test\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n",
        results.len(),
        all.failed
    );
    let same = |a: &CaseResult<'_>, b: &CaseResult<'_>| std::ptr::eq(a.loaded, b.loaded);
    for of_function in results.chunk_by(same) {
        let Some(first) = of_function.first() else { continue };
        let name = escaped(&first.loaded.subject.source.name);
        let counts = Counts::of(of_function);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
            of_function.len(),
            counts.failed,
            counts.skipped
        );
        of_function.iter().for_each(|result| case(result, &name, &mut text));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn case(result: &CaseResult<'_>, function: &str, text: &mut String) {
    let name = if result.name.is_empty() { "events" } else { &result.name };
    let _ = writeln!(text, "    <testcase classname=\"{function}\" name=\"{}\">", escaped(name));
    if let Some(outcome) = &result.outcome {
        let used = run::utilization(result.loaded, outcome);
        let _ = writeln!(
            text,
            "      <properties><property name=\"computeUtilization\" value=\"{used}\"/></properties>"
        );
    }
    let _ = match &result.verdict {
        Verdict::Passed | Verdict::Blessed(_) => Ok(()),
        Verdict::Skipped(why) => writeln!(text, "      <skipped message=\"{}\"/>", escaped(why)),
        Verdict::Failed(failure) => writeln!(
            text,
            "      <failure message=\"{}\">{}</failure>",
            escaped(&message(failure)),
            escaped(&yaml::text(&details(result, failure)))
        ),
    };
    let logs = result.outcome.as_ref().map(|outcome| outcome.logs.join("\n")).unwrap_or_default();
    if !logs.is_empty() {
        let _ = writeln!(text, "      <system-out>{}</system-out>", escaped(&logs));
    }
    text.push_str("    </testcase>\n");
}

pub(super) fn trouble(trouble: &Trouble) -> String {
    let why = escaped(&sentences(trouble).join("\n"));
    format!(
        "{HEAD}<testsuites name=\"verge test\" tests=\"1\" failures=\"0\" errors=\"1\">\n  \
         <testsuite name=\"verge test\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    \
         <testcase classname=\"verge\" name=\"configuration\">\n      \
         <error message=\"nothing could be tested\">{why}</error>\n    \
         </testcase>\n  </testsuite>\n</testsuites>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}
