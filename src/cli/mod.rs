//! The command line: one arm a command, each one call.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration (`EX_CONFIG` of sysexits.h).

mod admin;
mod build;
mod check;
mod explain;
mod interfaces;
mod invalidate;
mod new;
mod secret;
mod serve;
mod test;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

/// The configuration, or a function it names, is wrong.
const EXIT_CONFIGURATION: u8 = 78;

/// The arguments are wrong: clap's own code for it.
const EXIT_USAGE: u8 = 2;

/// CloudFront Functions and Lambda@Edge code, around a real cache, on your own machines.
#[derive(Debug, Parser)]
#[command(
    name = "verge",
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Configuration,
}

#[derive(Debug, clap::Args)]
struct Configuration {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "verge.toml")]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (what happens without a command). SIGTERM and SIGINT stop gracefully, SIGHUP reloads.
    Serve(Configuration),
    /// Check the configuration and compile every function; print all problems.
    Check {
        #[command(flatten)]
        configuration: Configuration,
        /// How to print.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Begin an origin function: a folder with its source, events to test it on, and how to build it.
    New(new::Arguments),
    /// Make a component of a folder with a function's sources, with the language's own tools: a Lambda handler of Node.js
    /// or Python, or a function in Rust, C or AssemblyScript.
    Build(build::Arguments),
    /// Run functions on events and compare with what is expected; one function on one event prints the result in the
    /// shape of CloudFront's TestFunction.
    Test(Box<test::Arguments>),
    /// Invalidate what a running edge has stored: paths, paths that end in `*`, and tags.
    Invalidate(invalidate::Arguments),
    /// Tell what becomes of a request: behavior, functions, cache key, what the cache has, and why. No origin is asked.
    Explain(explain::Arguments),
    /// Encrypt what a configuration keeps secret.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Print the JSON Schema of the configuration file.
    Schema,
    /// Print a completion script.
    Completions {
        /// The shell it is for.
        shell: clap_complete::Shell,
    },
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// Reads the arguments and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(configuration) => serve::run(&configuration.config),
        Command::Check { configuration, format } => check::run(&configuration.config, format),
        Command::New(arguments) => new::run(&arguments),
        Command::Build(arguments) => build::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Invalidate(arguments) => invalidate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Secret(command) => secret::run(command),
        Command::Schema => print_schema(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "verge", &mut script);
            print(&script)
        }
    }
}

/// `1 problem`, `2 problems`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Prints what a command made, or why it did not.
fn report(outcome: Result<String, String>) -> ExitCode {
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what a command is for. A reader who has seen enough (`| head`) is no error.
fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("error: standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn print_schema() -> ExitCode {
    match serde_json::to_string_pretty(&crate::config::schema()) {
        Ok(text) => print(format!("{text}\n").as_bytes()),
        Err(error) => {
            eprintln!("the schema cannot be printed: {error}");
            ExitCode::FAILURE
        }
    }
}
