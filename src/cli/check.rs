//! `verge check`

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::{EXIT_CONFIGURATION, Format};
use crate::config::{self, Config, Problem};
use crate::function::engine::Mode;
use crate::server::StartError;
use crate::server::functions::Loader;

/// Checks what `serve` would check, and starts nothing.
pub fn run(file: &Path, format: Format) -> ExitCode {
    match check(file) {
        Ok(config) => {
            report_success(&config, format);
            ExitCode::SUCCESS
        }
        Err(StartError::Problems(problems)) => {
            report_problems(&problems, format);
            ExitCode::from(EXIT_CONFIGURATION)
        }
        Err(error @ StartError::Other(_)) => {
            eprintln!("not checked: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(file: &Path) -> Result<Config, StartError> {
    let config = config::load(file).map_err(StartError::Problems)?;
    let loader = Loader::new(Mode::Production, &config)?;
    loader.load(&config).map_err(StartError::Problems)?;
    Ok(config)
}

fn report_success(config: &Config, format: Format) {
    let (distributions, functions) = (config.distributions.len(), config.functions.len());
    match format {
        Format::Human => println!("ok: {distributions} distributions, {functions} functions"),
        Format::Json => println!(
            "{}",
            json!({ "ok": true, "distributions": distributions, "functions": functions })
        ),
    }
}

/// Prints a list of problems and their number.
pub(super) fn report_problems(problems: &[Problem], format: Format) {
    match format {
        Format::Human => {
            for problem in problems {
                eprintln!("{problem}");
            }
            eprintln!("{} problems", problems.len());
        }
        Format::Json => println!("{}", json!({ "ok": false, "problems": problems })),
    }
}
