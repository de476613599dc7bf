//! `verge serve`

use std::path::Path;
use std::process::ExitCode;

use super::EXIT_CONFIGURATION;
use crate::config;
use crate::server::{self, StartError};

/// Serves until told to stop.
pub fn run(file: &Path) -> ExitCode {
    match server::run(&|| config::load(file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Problems(problems)) => {
            for problem in &problems {
                eprintln!("{problem}");
            }
            eprintln!("not started: {}", super::counted(problems.len(), "problem"));
            ExitCode::from(EXIT_CONFIGURATION)
        }
        Err(error @ StartError::Other(_)) => {
            eprintln!("not started: {error}");
            ExitCode::FAILURE
        }
    }
}
