//! Configured functions become functions that can be called.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::compat::{self, Dialect, Finding};
use crate::config::{self, Compat, Config, FunctionSource, Problem};
use crate::distribution::FunctionOrigin;
use crate::event::EventType;
use crate::function::engine::{Mode, Sandbox};
use crate::function::js::{JsEngine, ViewerFunction};
use crate::function::wasm::{Isolation, Settings};
use crate::function::{Catalogue, Function, LoadError, Runtime, Source};
use crate::ids::FunctionId;
use crate::limits;

use super::StartError;

/// The sandbox and the JavaScript engine in it: made once, used for every configuration that is loaded.
pub struct Loader {
    sandbox: Sandbox,
    engine: Arc<JsEngine>,
}

impl Loader {
    /// Compiles the JavaScript engine, or takes its machine code from the state directory.
    ///
    /// # Errors
    /// When the sandbox cannot be made on this machine.
    pub fn new(mode: Mode, config: &Config) -> Result<Self, StartError> {
        Self::with_code_cache(mode, Some(&config.state_directory.join("code")))
    }

    /// The same without a configuration. `code_cache`: where machine code is kept; `None`: nowhere.
    ///
    /// # Errors
    /// When the sandbox cannot be made on this machine.
    pub fn with_code_cache(mode: Mode, code_cache: Option<&Path>) -> Result<Self, StartError> {
        let sandbox = Sandbox::new(mode, code_cache).map_err(super::other)?;
        let engine = JsEngine::new(&sandbox).map_err(super::other)?;
        Ok(Self { sandbox, engine })
    }

    /// Loads one function.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn load_one(&self, function: &FunctionSource) -> Result<Function, LoadError> {
        Function::load(
            &self.sandbox,
            &self.engine,
            &source(function, limits::VIEWER_MEMOS_BYTES_MAX),
        )
    }

    /// Loads a viewer function that no configuration names. `runtime` is one of JavaScript's.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn load_viewer(
        &self,
        name: &str,
        runtime: Runtime,
        code: Vec<u8>,
    ) -> Result<ViewerFunction, LoadError> {
        let source = Source {
            name: name.to_owned(),
            runtime,
            code,
            settings: Settings::default(),
            memo_bytes_max: None,
            store: None,
        };
        ViewerFunction::load(&self.engine, &source)
    }

    /// Loads every function of a configuration.
    ///
    /// # Errors
    /// Every function that cannot be used, and every association with an event that its function has no handler for.
    pub fn load(&self, config: &Config) -> Result<Catalogue, Vec<Problem>> {
        let remembering = config.functions.iter().filter(|function| remembers(function)).count();
        let memo_bytes_max = limits::VIEWER_MEMOS_BYTES_MAX / remembering.max(1);
        let source = |function| source(function, memo_bytes_max);
        let sources: Vec<Source> = config.functions.iter().map(source).collect();
        let mut problems = Vec::new();
        let loaded = Catalogue::load(&self.sandbox, &self.engine, &sources);
        let broken = match &loaded {
            Ok(catalogue) => {
                problems.extend(unhandled_events(config, catalogue));
                &[][..]
            }
            Err(errors) => {
                problems.extend(errors.iter().map(|error| problem(config, error)));
                errors
            }
        };
        problems.extend(refused(&config.functions, broken));
        match loaded {
            Ok(catalogue) if problems.is_empty() => Ok(catalogue),
            _ => Err(problems),
        }
    }
}

/// What CloudFront's engine would refuse of functions that are strict about it. Of one that the edge's own engine did not
/// take (`broken`), not that the lint could not read it either.
pub fn refused<'a>(
    functions: impl IntoIterator<Item = &'a FunctionSource>,
    broken: &[LoadError],
) -> Vec<Problem> {
    let strict = functions.into_iter().filter(|function| function.compat == Compat::Strict);
    let mut problems = Vec::new();
    for function in strict {
        let is_broken = broken.iter().any(|error| error.function == function.name);
        let counts = |finding: &Finding| {
            finding.fails_strict() && !(is_broken && compat::is_about_reading(finding.code))
        };
        let findings = findings(function).into_iter().filter(counts);
        problems.extend(findings.map(|finding| found(function, finding)));
    }
    problems
}

/// What CloudFront's engine would refuse, or AWS advises against, and what does not keep a function from running here.
/// Reads every function's source: for loading and for commands, never for a request.
#[must_use]
pub fn warnings<'a>(functions: impl IntoIterator<Item = &'a FunctionSource>) -> Vec<Problem> {
    let mut warnings = Vec::new();
    for function in functions {
        let said = |finding: &Finding| match function.compat {
            Compat::Warn => true,
            Compat::Strict => !finding.fails_strict(),
            Compat::Off => false,
        };
        let findings = findings(function).into_iter().filter(said);
        warnings.extend(findings.map(|finding| found(function, finding)));
    }
    warnings
}

/// Everything the lint says about one function.
fn findings(function: &FunctionSource) -> Vec<Finding> {
    let dialect = match function.runtime {
        config::Runtime::JavaScript1 => Dialect::One,
        config::Runtime::JavaScript2 => Dialect::Two,
        config::Runtime::Wasm => return Vec::new(),
    };
    if function.compat == Compat::Off {
        return Vec::new();
    }
    compat::lint(&String::from_utf8_lossy(&function.code), dialect)
}

fn found(function: &FunctionSource, finding: Finding) -> Problem {
    Problem::of_finding(&function.name, &function.file, function.inline, finding)
}

fn remembers(function: &FunctionSource) -> bool {
    function.memo && function.runtime != config::Runtime::Wasm
}

/// `memo_bytes_max` is what one function's remembered answers may take.
fn source(function: &FunctionSource, memo_bytes_max: usize) -> Source {
    Source {
        name: function.name.clone(),
        runtime: match function.runtime {
            config::Runtime::JavaScript1 => Runtime::CloudfrontJs10,
            config::Runtime::JavaScript2 => Runtime::CloudfrontJs20,
            config::Runtime::Wasm => Runtime::Wasm,
        },
        code: function.code.clone(),
        settings: Settings {
            budget: function.budget,
            viewer_budget: function.viewer_budget,
            memory_bytes_max: function.memory_bytes_max,
            storage_bytes_max: function.storage_bytes_max,
            isolation: function.isolation.map(|isolation| match isolation {
                config::Isolation::Fresh => Isolation::Fresh,
                config::Isolation::Warm => Isolation::Warm,
            }),
            concurrency: function.concurrency,
            environment: function.environment.clone(),
            egress: function.egress.clone(),
        },
        memo_bytes_max: remembers(function).then_some(memo_bytes_max),
        store: function.store.clone(),
    }
}

fn problem(config: &Config, error: &LoadError) -> Problem {
    let source = config.functions.iter().find(|function| function.name == error.function);
    problem_in(source.map(|source| &*source.file).unwrap_or(Path::new("")), error)
}

/// A function's own error with the file it is in.
#[must_use]
pub fn problem_in(file: &Path, error: &LoadError) -> Problem {
    Problem {
        file: file.to_owned(),
        line: error.line.and_then(|line| usize::try_from(line).ok()),
        path: String::new(),
        message: error.to_string(),
        remedy: String::new(),
        detail: None,
    }
}

/// A component may export some handlers and not others; an association with the others could only fail at run time.
fn unhandled_events(config: &Config, catalogue: &Catalogue) -> Vec<Problem> {
    let mut asked: BTreeMap<(FunctionId, &'static str), EventType> = BTreeMap::new();
    let mut with_lists = Vec::new();
    for origin in config.distributions.iter().flat_map(|d| &d.origins) {
        if let Some(FunctionOrigin { function, multi_value_headers }) = origin.function {
            asked.insert((function, EventType::Origin.as_str()), EventType::Origin);
            with_lists.extend(multi_value_headers.then_some(function));
        }
    }
    for behavior in config.distributions.iter().flat_map(|d| &d.behaviors) {
        let requests = [
            (EventType::ViewerRequest, &behavior.viewer_request),
            (EventType::OriginRequest, &behavior.origin_request),
        ];
        let responses = [
            (EventType::OriginResponse, &behavior.origin_response),
            (EventType::ViewerResponse, &behavior.viewer_response),
        ];
        for (event, associations) in requests {
            let ids = associations.iter().map(|association| association.function);
            asked.extend(ids.map(|id| ((id, event.as_str()), event)));
        }
        for (event, ids) in responses {
            asked.extend(ids.iter().map(|id| ((*id, event.as_str()), event)));
        }
    }
    let mut problems = Vec::new();
    for ((id, _), event) in asked {
        let Some(Function::Origin(function)) = catalogue.get(id) else { continue };
        if !function.handles(event) {
            let message = format!("function {} has no handler for {event}", function.name());
            problems.extend(about(config, id, message, export_for(event)));
        } else if event == EventType::Origin && function.speaks_http() && with_lists.contains(&id) {
            let message =
                format!("function {} speaks wasi:http and gets no event", function.name());
            let remedy = "leave multi_value_headers of its origin out".to_owned();
            problems.extend(about(config, id, message, remedy));
        }
    }
    problems
}

fn export_for(event: EventType) -> String {
    match event {
        EventType::Origin => "export wasi:http/incoming-handler or the lambda world's `handle` \
                              from the component, or name another function in the origin"
            .to_owned(),
        EventType::ViewerRequest | EventType::ViewerResponse => format!(
            "export the lambda world's `handle` from the component, or take the function off {event}"
        ),
        EventType::OriginRequest | EventType::OriginResponse => format!(
            "export verge:edge/{event} from the component, or take the function off {event}"
        ),
    }
}

fn about(config: &Config, id: FunctionId, message: String, remedy: String) -> Option<Problem> {
    let source = usize::try_from(id.0).ok().and_then(|index| config.functions.get(index))?;
    let (file, path) = (source.file.clone(), String::new());
    Some(Problem { file, line: None, path, message, remedy, detail: None })
}
