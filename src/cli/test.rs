//! stub
use std::process::ExitCode;
#[derive(Debug, clap::Args)]
pub struct Arguments {
    function: String,
}
pub fn run(_a: &Arguments) -> ExitCode {
    ExitCode::FAILURE
}
