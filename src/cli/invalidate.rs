//! `verge invalidate`

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::admin::{self, Place, Trouble};
use super::{Configuration, EXIT_CONFIGURATION, Format, check, counted, print};

/// What is invalidated, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A path (`/a.html`, `/a?b=c`), a path that ends in `*` (`/images/*`, `/*`), or a tag (`#product-17`).
    #[arg(value_name = "ITEM", required = true)]
    items: Vec<String>,
    /// The distribution's id; needed where there are several.
    #[arg(long, value_name = "ID")]
    distribution: Option<String>,
    /// Keep it as stale: it is revalidated at its next use, and served meanwhile where its answer allows that.
    #[arg(long)]
    soft: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    configuration: Configuration,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Invalidates, and says what it reached.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mode = if arguments.soft { "soft" } else { "hard" };
    let mut body = json!({ "items": arguments.items, "mode": mode });
    if let Some(id) = &arguments.distribution {
        body["distribution"] = id.as_str().into();
    }
    let address = arguments.place.address(&arguments.configuration.config);
    let answer = match address.and_then(|address| admin::post(address, "/invalidations", &body)) {
        Ok(answer) => answer,
        Err(Trouble::Problems(problems)) => {
            check::report_problems(&problems, arguments.format);
            eprintln!("{}", admin::WITHOUT_CONFIGURATION);
            return ExitCode::from(EXIT_CONFIGURATION);
        }
        Err(Trouble::NoAddress(text) | Trouble::Unreachable(text) | Trouble::NotOne(text)) => {
            eprintln!("not invalidated: {text}");
            return ExitCode::FAILURE;
        }
    };
    if answer.status != 200 {
        let message = answer.body["Error"]["Message"].as_str().unwrap_or("no reason was given");
        eprintln!("not invalidated: {message}");
        return ExitCode::FAILURE;
    }
    match arguments.format {
        Format::Json => print(format!("{:#}\n", answer.body).as_bytes()),
        Format::Human => print(told(&answer.body).as_bytes()),
    }
}

/// One line an item.
fn told(answer: &Value) -> String {
    let mut text = String::new();
    for item in answer["items"].as_array().into_iter().flatten() {
        let name = item["item"].as_str().unwrap_or_default();
        let reached = match item["objects"].as_u64().map(usize::try_from) {
            Some(Ok(count)) => format!("{} known", counted(count, "object")),
            _ => "not counted: compared when objects are asked for".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}  {reached}");
    }
    text
}
