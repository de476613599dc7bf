//! All functions of one configuration, loaded.

use std::fmt;
use std::sync::Arc;

use super::breaker::Breaker;
use super::engine::Sandbox;
use super::js::{JsEngine, ViewerFunction};
use super::wasm::{OriginFunction, Settings, Share};
use crate::ids::FunctionId;
use crate::kv::NamedStore;

/// What a function is written for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Runtime {
    /// `cloudfront-js-1.0`: a viewer function.
    CloudfrontJs10,
    /// `cloudfront-js-2.0`: a viewer function.
    CloudfrontJs20,
    /// A WebAssembly component: an origin function.
    Wasm,
}

/// A function as it was read from its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// The name that the configuration gives it.
    pub name: String,
    /// What it is written for.
    pub runtime: Runtime,
    /// JavaScript, or a component's bytes.
    pub code: Vec<u8>,
    /// How a component is run; JavaScript has the bounds of its event.
    pub settings: Settings,
    /// Memory for remembered answers of JavaScript, bytes; `None`: they are not remembered.
    pub memo_bytes_max: Option<usize>,
    /// The key-value store that is associated with it.
    pub store: Option<Arc<NamedStore>>,
}

/// Why a function cannot be used, for its author.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError {
    /// The function's name.
    pub function: String,
    /// The line in its source, from 1, when there is one to blame.
    pub line: Option<u32>,
    /// The column in that line, from 1.
    pub column: Option<u32>,
    /// The source's line, when there is one to blame.
    pub source_line: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty when the message says it.
    pub remedy: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.function)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        if let (Some(line), Some(column)) = (&self.source_line, self.column) {
            let before = usize::try_from(column.saturating_sub(1)).unwrap_or_default();
            write!(f, "\n    {line}\n    {:before$}^", "")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

/// A loaded function.
#[derive(Debug)]
pub enum Function {
    /// JavaScript, for viewer events.
    Viewer(ViewerFunction),
    /// WebAssembly, for origin events.
    Origin(OriginFunction),
}

/// The loaded functions of one configuration, by [`FunctionId`].
#[derive(Debug, Default)]
pub struct Catalogue {
    functions: Vec<Function>,
    breakers: Vec<Breaker>,
}

impl Catalogue {
    /// Loads all functions, in their order; an id is a place in that order.
    ///
    /// # Errors
    /// Every function that cannot be used, not only the first.
    pub fn load(
        sandbox: &Sandbox,
        engine: &Arc<JsEngine>,
        sources: &[Source],
    ) -> Result<Self, Vec<LoadError>> {
        let mut functions = Vec::with_capacity(sources.len());
        let mut errors = Vec::new();
        let common = Share::common(reserved(sources));
        for source in sources {
            match Function::load_beside(sandbox, engine, source, &common) {
                Ok(function) => functions.push(function),
                Err(error) => errors.push(error),
            }
        }
        let breakers = functions.iter().map(|_| Breaker::default()).collect();
        if errors.is_empty() { Ok(Self { functions, breakers }) } else { Err(errors) }
    }

    /// A function; `None` for an id of another catalogue.
    #[must_use]
    pub fn get(&self, id: FunctionId) -> Option<&Function> {
        self.functions.get(usize::try_from(id.0).ok()?)
    }

    /// What says whether a viewer function may be called; `None` for an id of another catalogue.
    #[must_use]
    pub fn breaker(&self, id: FunctionId) -> Option<&Breaker> {
        self.breakers.get(usize::try_from(id.0).ok()?)
    }

    /// All functions, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FunctionId, &Function)> {
        let ids = (0..).map(FunctionId);
        ids.zip(&self.functions)
    }
}

impl Function {
    /// Loads one function.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn load(
        sandbox: &Sandbox,
        engine: &Arc<JsEngine>,
        source: &Source,
    ) -> Result<Self, LoadError> {
        let common = Share::common(reserved(std::slice::from_ref(source)));
        Self::load_beside(sandbox, engine, source, &common)
    }

    /// The same beside others, with which it shares `common` when it reserves nothing.
    fn load_beside(
        sandbox: &Sandbox,
        engine: &Arc<JsEngine>,
        source: &Source,
        common: &Share,
    ) -> Result<Self, LoadError> {
        match source.runtime {
            Runtime::CloudfrontJs10 | Runtime::CloudfrontJs20 => {
                ViewerFunction::load(engine, source).map(Self::Viewer)
            }
            Runtime::Wasm => {
                let Source { name, code, settings, store, .. } = source;
                let store = store.clone();
                let loaded =
                    OriginFunction::load_beside(sandbox, name, code, settings, store, common);
                // Its text says what to do as well.
                loaded.map(Self::Origin).map_err(|error| LoadError::plain(source, &error.message()))
            }
        }
    }
}

/// Calls at a time that functions keep for themselves.
fn reserved(sources: &[Source]) -> u32 {
    sources.iter().filter_map(|source| source.settings.concurrency).fold(0, u32::saturating_add)
}

impl LoadError {
    fn plain(source: &Source, error: &dyn fmt::Display) -> Self {
        Self {
            function: source.name.clone(),
            line: None,
            column: None,
            source_line: None,
            message: error.to_string(),
            remedy: String::new(),
        }
    }
}
