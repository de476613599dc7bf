//! Configured functions become functions that can be called.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Config, FunctionSource, Problem};
use crate::event::EventType;
use crate::function::engine::{Mode, Sandbox};
use crate::function::js::{JsEngine, ViewerFunction};
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
        Function::load(&self.sandbox, &self.engine, &source(function))
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
        let (name, budget) = (name.to_owned(), limits::VIEWER_FUNCTION_CPU_BUDGET);
        let memory_bytes_max = limits::VIEWER_FUNCTION_MEMORY_BYTES_MAX;
        let source = Source { name, runtime, code, budget, memory_bytes_max };
        ViewerFunction::load(&self.engine, &source)
    }

    /// Loads every function of a configuration.
    ///
    /// # Errors
    /// Every function that cannot be used, and every association with an event that its function has no handler for.
    pub fn load(&self, config: &Config) -> Result<Catalogue, Vec<Problem>> {
        let sources: Vec<Source> = config.functions.iter().map(source).collect();
        let catalogue =
            Catalogue::load(&self.sandbox, &self.engine, &sources).map_err(|errors| {
                errors.iter().map(|error| problem(config, error)).collect::<Vec<_>>()
            })?;
        let unhandled = unhandled_events(config, &catalogue);
        if unhandled.is_empty() { Ok(catalogue) } else { Err(unhandled) }
    }
}

fn source(function: &FunctionSource) -> Source {
    Source {
        name: function.name.clone(),
        runtime: match function.runtime {
            config::Runtime::JavaScript1 => Runtime::CloudfrontJs10,
            config::Runtime::JavaScript2 => Runtime::CloudfrontJs20,
            config::Runtime::Wasm => Runtime::Wasm,
        },
        code: function.code.clone(),
        budget: function.budget,
        memory_bytes_max: function.memory_bytes_max,
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
    }
}

/// A component may export one handler of two; an association with the other could only fail at run time.
fn unhandled_events(config: &Config, catalogue: &Catalogue) -> Vec<Problem> {
    let mut asked: BTreeMap<(FunctionId, &'static str), EventType> = BTreeMap::new();
    for behavior in config.distributions.iter().flat_map(|d| &d.behaviors) {
        for (chain, event) in [
            (&behavior.origin_request, EventType::OriginRequest),
            (&behavior.origin_response, EventType::OriginResponse),
        ] {
            asked.extend(chain.iter().map(|&id| ((id, event.as_str()), event)));
        }
    }
    let mut problems = Vec::new();
    for ((id, _), event) in asked {
        if let Some(Function::Origin(function)) = catalogue.get(id)
            && !function.handles(event)
            && let Some(source) =
                usize::try_from(id.0).ok().and_then(|index| config.functions.get(index))
        {
            problems.push(Problem {
                file: source.file.clone(),
                line: None,
                path: String::new(),
                message: format!("function {} has no handler for {event}", source.name),
                remedy: format!(
                    "export verge:edge/{event} from the component, or take the function off {event}"
                ),
            });
        }
    }
    problems
}
