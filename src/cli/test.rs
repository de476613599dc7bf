//! `verge test`: one function, one event, and the result in the shape of CloudFront's
//! `TestFunction` (spec: CloudFront Functions section 9).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Configuration, EXIT_CONFIGURATION, EXIT_USAGE, Format, check};
use crate::config::{self, Config, FunctionSource};
use crate::error::{EdgeError, FunctionError, FunctionKind};
use crate::event::viewer::json as viewer;
use crate::event::{EventType, OriginRequestOutcome, RequestOutcome, lambda};
use crate::function::engine::Mode;
use crate::function::js::{Budget, ViewerFunction};
use crate::function::wasm::OriginFunction;
use crate::function::{Function, Invocation};
use crate::ids::FunctionId;
use crate::limits::{VIEWER_FUNCTION_CPU_BUDGET, VIEWER_FUNCTION_FUEL_BUDGET};
use crate::server::StartError;
use crate::server::functions::{Loader, warnings};

/// What `verge test` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The function's name in the configuration.
    function: String,
    /// The event, as JSON: CloudFront Functions' for JavaScript, Lambda@Edge's for WebAssembly.
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// The event's type, where the file says none or another.
    #[arg(long, value_enum)]
    event_type: Option<EventWord>,
    #[command(flatten)]
    configuration: Configuration,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// An event's type on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum EventWord {
    ViewerRequest,
    OriginRequest,
    OriginResponse,
    ViewerResponse,
}

impl From<EventWord> for EventType {
    fn from(word: EventWord) -> Self {
        match word {
            EventWord::ViewerRequest => Self::ViewerRequest,
            EventWord::OriginRequest => Self::OriginRequest,
            EventWord::OriginResponse => Self::OriginResponse,
            EventWord::ViewerResponse => Self::ViewerResponse,
        }
    }
}

/// One run: what the function decided as `FunctionOutput` shows it, and what it cost.
type Outcome = Invocation<Value>;

/// Why there is no result.
enum Trouble {
    /// The configuration, or the function, is wrong.
    Configuration(Vec<config::Problem>),
    /// The arguments are wrong.
    Usage(String),
    /// Anything else.
    Failure(String),
}

/// Runs the function and prints the result.
pub fn run(arguments: &Arguments) -> ExitCode {
    match outcome(arguments) {
        Ok((source, outcome)) => report(&source, &outcome, arguments.format),
        Err(Trouble::Configuration(problems)) => {
            check::report_problems(&problems, arguments.format);
            ExitCode::from(EXIT_CONFIGURATION)
        }
        Err(Trouble::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(EXIT_USAGE)
        }
        Err(Trouble::Failure(text)) => {
            eprintln!("not tested: {text}");
            ExitCode::FAILURE
        }
    }
}

fn outcome(arguments: &Arguments) -> Result<(FunctionSource, Outcome), Trouble> {
    let mut config =
        config::load(&arguments.configuration.config).map_err(Trouble::Configuration)?;
    let source = take_function(&mut config, &arguments.function)?;
    let event = read_event(&arguments.event)?;
    let failure = |error: &StartError| Trouble::Failure(error.to_string());
    let loader = Loader::new(Mode::Metered, &config).map_err(|error| failure(&error))?;
    check::report_warnings(&warnings(&config));
    let catalogue = loader.load(&config).map_err(Trouble::Configuration)?;
    let event_type = arguments.event_type.map(EventType::from);
    let outcome = match catalogue.get(FunctionId(0)) {
        Some(Function::Viewer(function)) => run_viewer(function, &event, event_type)?,
        Some(Function::Origin(function)) => run_origin(function, event, event_type)?,
        None => return Err(Trouble::Failure("the function was not loaded".to_owned())),
    };
    Ok((source, outcome))
}

/// Leaves the one function in the configuration: the others need not be compiled, nor be in order.
fn take_function(config: &mut Config, name: &str) -> Result<FunctionSource, Trouble> {
    let names: Vec<&str> = config.functions.iter().map(|function| &*function.name).collect();
    let Some(source) = config.functions.iter().find(|function| function.name == name).cloned()
    else {
        let remedy = config::suggestion(name, &names, "use one of");
        return Err(Trouble::Usage(format!("there is no function \"{name}\" ({remedy})")));
    };
    config.distributions.clear();
    config.functions = vec![source.clone()];
    Ok(source)
}

fn read_event(file: &Path) -> Result<Value, Trouble> {
    let named = |error: String| Trouble::Usage(format!("{}: {error}", file.display()));
    let text = fs::read(file).map_err(|error| named(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| named(format!("is not JSON: {error}")))
}

fn run_viewer(
    function: &ViewerFunction,
    event: &Value,
    event_type: Option<EventType>,
) -> Result<Outcome, Trouble> {
    let event = viewer::parse_event(event, event_type)
        .map_err(|error| Trouble::Usage(format!("the event cannot be used: {error}")))?;
    let (context, request) = (event.context(), event.request());
    let mut budget = Budget::default();
    Ok(match (event.event_type, event.response()) {
        (EventType::ViewerRequest, _) => {
            let called = function.on_request(&context, &request, &mut budget);
            map(called, |outcome| match outcome {
                RequestOutcome::Continue(edits) => {
                    json!({ "request": viewer::edited_request_json(&request, &edits) })
                }
                RequestOutcome::Respond(response) => {
                    json!({ "response": viewer::generated_response_json(&response) })
                }
            })
        }
        (EventType::ViewerResponse, Some(response)) => {
            let called = function.on_response(&context, &request, &response, &mut budget);
            map(
                called,
                |edits| json!({ "response": viewer::edited_response_json(&response, &edits) }),
            )
        }
        (other, _) => {
            let text = format!("JavaScript functions do not run on {other}");
            return Err(Trouble::Usage(text));
        }
    })
}

fn run_origin(
    function: &OriginFunction,
    mut event: Value,
    event_type: Option<EventType>,
) -> Result<Outcome, Trouble> {
    if let (Some(event_type), Some(config)) =
        (event_type, event.pointer_mut("/Records/0/cf/config").and_then(Value::as_object_mut))
    {
        config.insert("eventType".to_owned(), event_type.as_str().into());
    }
    let event = lambda::parse_event(&event)
        .map_err(|error| Trouble::Usage(format!("the event cannot be used: {error}")))?;
    if !function.handles(event.event_type) {
        let text = format!("{} has no handler for {}", function.name(), event.event_type);
        return Err(Trouble::Usage(text));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::Failure(error.to_string()))?;
    let (context, request, origin) = (event.context(), event.request(), &event.origin);
    Ok(match event.response() {
        None => {
            let called = runtime.block_on(function.on_request(&context, &request, origin));
            map(called, |outcome| match outcome {
                OriginRequestOutcome::Continue(edits, chosen) => {
                    let origin = chosen.as_ref().unwrap_or(origin);
                    lambda::edited_request_json(&context, &request, origin, &edits)
                }
                OriginRequestOutcome::Respond(response) => {
                    lambda::generated_response_json(&response)
                }
            })
        }
        Some(response) => {
            let run = function.on_response(&context, &request, origin, &response);
            map(runtime.block_on(run), |edits| lambda::edited_response_json(&response, &edits))
        }
    })
}

fn map<T>(called: Invocation<T>, show: impl FnOnce(T) -> Value) -> Outcome {
    let Invocation { result, logs, cpu, fuel, remembered } = called;
    Invocation { result: result.map(show), logs, cpu, fuel, remembered }
}

fn report(source: &FunctionSource, outcome: &Outcome, format: Format) -> ExitCode {
    match format {
        Format::Human => report_for_people(source, outcome),
        Format::Json => println!("{:#}", test_result(source, outcome)),
    }
    if outcome.result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report_for_people(source: &FunctionSource, outcome: &Outcome) {
    for line in &outcome.logs {
        println!("log: {line}");
    }
    println!("compute utilization: {} %", utilization(source, outcome));
    match &outcome.result {
        Ok(output) => println!("{output:#}"),
        Err(error) => eprintln!("{}", error_message(source, error)),
    }
}

/// CloudFront's `TestResult`.
fn test_result(source: &FunctionSource, outcome: &Outcome) -> Value {
    let (output, error) = match &outcome.result {
        Ok(output) => (output.to_string(), String::new()),
        Err(error) => (String::new(), error_message(source, error)),
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
        "ComputeUtilization": utilization(source, outcome),
        "FunctionExecutionLogs": outcome.logs,
        "FunctionErrorMessage": error,
        "FunctionOutput": output,
    })
}

fn error_message(source: &FunctionSource, error: &FunctionError) -> String {
    let kind = match source.runtime {
        config::Runtime::JavaScript1 | config::Runtime::JavaScript2 => FunctionKind::Viewer,
        config::Runtime::Wasm => FunctionKind::Origin,
    };
    let failed = EdgeError::Function { kind, name: source.name.clone(), error: error.clone() };
    format!("{} Error: {error}", failed.answer().sentence)
}

/// Per cent of the budget that the run used, 0 to 100, from counted instructions: the same number
/// on a busy and on an idle machine. The viewer functions' budget says how many instructions a time
/// stands for.
fn utilization(source: &FunctionSource, outcome: &Outcome) -> String {
    let times = source.budget.as_nanos() / VIEWER_FUNCTION_CPU_BUDGET.as_nanos();
    let allowed = u128::from(VIEWER_FUNCTION_FUEL_BUDGET).saturating_mul(times).max(1);
    let used = u128::from(outcome.fuel.unwrap_or_default()) * 100;
    used.div_ceil(allowed).min(100).to_string()
}
