//! Configured functions become functions that can be called.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{self, Config, FunctionSource, Problem};
use crate::event::EventType;
use crate::function::engine::{Mode, Sandbox};
use crate::function::js::JsEngine;
use crate::function::{Catalogue, Function, LoadError, Runtime, Source};
use crate::ids::FunctionId;

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
        let code_cache = config.state_directory.join("code");
        let sandbox = Sandbox::new(mode, Some(&code_cache)).map_err(super::other)?;
        let engine = JsEngine::new(&sandbox).map_err(super::other)?;
        Ok(Self { sandbox, engine })
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
        store: function.store.clone(),
    }
}

/// A function's own error with the file it is in.
fn problem(config: &Config, error: &LoadError) -> Problem {
    let source = config.functions.iter().find(|function| function.name == error.function);
    Problem {
        file: source.map(|source| source.file.clone()).unwrap_or_default(),
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
