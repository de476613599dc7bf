//! For programs.

use serde_json::{Map, Value, json};

use super::{Counts, details, problems, sentences};
use crate::cli::test::suite::{CaseResult, Verdict, passed};
use crate::cli::test::{Trouble, print, single};

pub(super) fn suite(results: &[CaseResult<'_>]) -> String {
    let counts = Counts::of(results);
    let report = json!({
        "ok": passed(results),
        "passed": counts.passed,
        "failed": counts.failed,
        "blessed": counts.blessed,
        "skipped": counts.skipped,
        "tests": results.iter().map(test).collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

fn test(result: &CaseResult<'_>) -> Value {
    let mut shown = Map::new();
    shown.insert("function".to_owned(), result.loaded.subject.source.name.clone().into());
    shown.insert("event".to_owned(), result.name.clone().into());
    let status = match &result.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "failed",
        Verdict::Blessed(_) => "blessed",
        Verdict::Skipped(_) => "skipped",
    };
    shown.insert("status".to_owned(), status.into());
    match &result.verdict {
        Verdict::Passed => {}
        Verdict::Failed(failure) => {
            shown.extend(details(result, failure).as_object().cloned().unwrap_or_default());
        }
        Verdict::Blessed(file) => {
            shown.insert("wrote".to_owned(), file.display().to_string().into());
        }
        Verdict::Skipped(why) => {
            shown.insert("message".to_owned(), why.clone().into());
        }
    }
    if let Some(outcome) = &result.outcome {
        shown.insert("result".to_owned(), single::test_result(result.loaded, outcome));
    }
    Value::Object(shown)
}

pub(super) fn trouble(trouble: &Trouble) {
    match trouble {
        Trouble::Configuration(_) | Trouble::Load(_) => {
            print(&format!("{}\n", json!({ "ok": false, "problems": problems(trouble) })));
        }
        // As everywhere, wrong arguments are told on standard error.
        Trouble::Usage(_) | Trouble::Failure(_) => {
            sentences(trouble).iter().for_each(|text| eprintln!("{text}"));
        }
    }
}
