//! `verge check`

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::{EXIT_CONFIGURATION, Format, counted};
use crate::compat;
use crate::config::{self, Config, Problem};
use crate::function::engine::Mode;
use crate::server::StartError;
use crate::server::functions::{Loader, warnings};

/// Checks what `serve` would check, and starts nothing.
pub fn run(file: &Path, format: Format) -> ExitCode {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(problems) => return failed(&problems, &[], format),
    };
    let mut warnings = warnings(&config.functions);
    match load(&config) {
        Ok(()) => {
            report_success(&config, &warnings, format);
            ExitCode::SUCCESS
        }
        Err(StartError::Problems(problems)) => {
            // What keeps a function from being loaded is said once.
            warnings.retain(|warning| !(is_about_reading(warning) && is_named(warning, &problems)));
            failed(&problems, &warnings, format)
        }
        Err(error @ StartError::Other(_)) => {
            eprintln!("not checked: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(config: &Config) -> Result<(), StartError> {
    let loader = Loader::new(Mode::Production, config)?;
    loader.load(config).map(drop).map_err(StartError::Problems)
}

fn is_about_reading(warning: &Problem) -> bool {
    warning.detail.as_ref().is_some_and(|detail| compat::is_about_reading(detail.code))
}

fn is_named(warning: &Problem, problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.file == warning.file)
}

fn report_success(config: &Config, warnings: &[Problem], format: Format) {
    let (distributions, functions) = (config.distributions.len(), config.functions.len());
    match format {
        Format::Human => {
            report_warnings(warnings);
            println!(
                "ok: {}, {}",
                counted(distributions, "distribution"),
                counted(functions, "function")
            );
        }
        Format::Json => println!(
            "{}",
            json!({
                "ok": true,
                "distributions": distributions,
                "functions": functions,
                "warnings": warnings,
            })
        ),
    }
}

fn failed(problems: &[Problem], warnings: &[Problem], format: Format) -> ExitCode {
    match format {
        Format::Human => {
            report_warnings(warnings);
            report_problems(problems, format);
        }
        Format::Json => {
            println!("{}", json!({ "ok": false, "problems": problems, "warnings": warnings }));
        }
    }
    ExitCode::from(EXIT_CONFIGURATION)
}

/// Prints what does not keep functions from running here, to standard error: each with file, line, column, the source's
/// line and a caret.
pub(super) fn report_warnings(warnings: &[Problem]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    if !warnings.is_empty() {
        let warnings = counted(warnings.len(), "warning");
        eprintln!("{warnings}: CloudFront would not take this (compat = \"warn\")");
    }
}

/// Prints a list of problems and their number.
pub(super) fn report_problems(problems: &[Problem], format: Format) {
    match format {
        Format::Human => {
            for problem in problems {
                eprintln!("{problem}");
            }
            eprintln!("{}", counted(problems.len(), "problem"));
        }
        Format::Json => println!("{}", json!({ "ok": false, "problems": problems })),
    }
}
