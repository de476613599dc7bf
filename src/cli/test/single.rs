//! One function on one event, shown as CloudFront's `TestFunction` shows it.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::{Arguments, Format};
use super::run::{self, Outcome, Setting, error_message, utilization};
use super::suite::{ceiling, too_costly};
use super::{Loaded, Trouble, events, print, snippet};

/// Runs the function and prints the result.
///
/// # Errors
/// When the event cannot be read or used.
pub(super) fn run(
    loaded: &Loaded,
    event: &Path,
    setting: &Setting,
    arguments: &Arguments,
) -> Result<ExitCode, Trouble> {
    let event = events::read_for(&loaded.function, event).map_err(Trouble::Usage)?;
    let outcome = run::run(loaded, &event, setting).map_err(Trouble::Usage)?;
    match arguments.format {
        Format::Json => print(&format!("{:#}\n", test_result(loaded, &outcome))),
        Format::Human | Format::Tap | Format::Junit => show(loaded, &outcome),
    }
    let used = utilization(loaded, &outcome);
    let most = ceiling(loaded, arguments);
    if let Some(most) = most.filter(|most| used > *most) {
        eprintln!("{}", too_costly(used, most));
        return Ok(ExitCode::FAILURE);
    }
    Ok(if outcome.result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(loaded: &Loaded, outcome: &Outcome) {
    let mut text = String::new();
    for line in &outcome.logs {
        text += &format!("log: {line}\n");
    }
    text += &format!("compute utilization: {} %\n", utilization(loaded, outcome));
    if let Ok(output) = &outcome.result {
        text += &format!("{output:#}\n");
    }
    print(&text);
    if let Err(error) = &outcome.result {
        eprintln!("{}\n{}", run::sentence(loaded, error), snippet::thrown(loaded, error));
    }
}

/// CloudFront's `TestResult`.
pub(super) fn test_result(loaded: &Loaded, outcome: &Outcome) -> Value {
    let source = &loaded.subject.source;
    let (output, error) = match &outcome.result {
        Ok(output) => (output.to_string(), String::new()),
        Err(error) => (String::new(), error_message(loaded, error)),
    };
    json!({
        "FunctionSummary": {
            "Name": source.name,
            "Status": "UNPUBLISHED",
            "FunctionConfig": { "Comment": source.comment, "Runtime": source.runtime.as_str() },
            "FunctionMetadata": {
                "FunctionARN": format!("arn:aws:cloudfront::000000000000:function/{}", source.name),
                "Stage": "DEVELOPMENT",
            },
        },
        "ComputeUtilization": utilization(loaded, outcome).to_string(),
        "FunctionExecutionLogs": outcome.logs,
        "FunctionErrorMessage": error,
        "FunctionOutput": output,
    })
}
