//! From bytes to a function that can be called: everything that can be refused is refused here, by
//! name.

use std::fmt;
use std::time::{Duration, Instant};

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, HasSelf, InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use super::OriginFunction;
use super::bindings::{OriginFunction as World, exports::verge::edge};
use super::host::HostState;
use super::run;
use crate::event::EventType;
use crate::function::engine::Sandbox;
use crate::limits::ORIGIN_FUNCTION_BYTES_MAX;

/// Interfaces a component may import. `types` has no functions; it only names the records.
const OFFERED: [&str; 3] =
    ["verge:edge/types@0.1.0", "verge:edge/crypto@0.1.0", "verge:edge/log@0.1.0"];
const REQUEST_EXPORT: &str = "verge:edge/origin-request@0.1.0";
const RESPONSE_EXPORT: &str = "verge:edge/origin-response@0.1.0";
const LAMBDA_EXPORT: &str = "handle";

/// Why a function cannot be used: its name, what is wrong, and the remedy.
#[derive(Debug)]
pub struct LoadError {
    function: String,
    message: String,
}

impl LoadError {
    fn new(function: &str, message: impl Into<String>) -> Self {
        Self { function: function.to_owned(), message: message.into() }
    }

    /// What is wrong and the remedy, without the function's name.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.message)
    }
}

impl std::error::Error for LoadError {}

/// How a component is called.
pub(super) enum Entry {
    /// One or both typed handlers.
    Typed {
        /// `origin-request`.
        request: Option<edge::origin_request::GuestIndices>,
        /// `origin-response`.
        response: Option<edge::origin_response::GuestIndices>,
    },
    /// Lambda@Edge's JSON for either event.
    Lambda(ComponentExportIndex),
}

impl Entry {
    pub(super) fn handles(&self, event: EventType) -> bool {
        match (self, event) {
            (Self::Typed { request, .. }, EventType::OriginRequest) => request.is_some(),
            (Self::Typed { response, .. }, EventType::OriginResponse) => response.is_some(),
            (Self::Lambda(_), EventType::OriginRequest | EventType::OriginResponse) => true,
            (_, EventType::ViewerRequest | EventType::ViewerResponse) => false,
        }
    }
}

impl OriginFunction {
    /// Compiles (or takes from the cache), links and tries out a component. Blocks: seconds for a
    /// large component that was never compiled, and up to `budget` if its start function does not
    /// end.
    ///
    /// `budget` is the wall-clock time of one call, `memory_bytes_max` the memory of one instance.
    ///
    /// # Errors
    /// When the bytes are too many or no component, import what is not offered, export no handler,
    /// or cannot be instantiated within the function's own limits.
    pub fn load(
        sandbox: &Sandbox,
        name: &str,
        bytes: &[u8],
        budget: Duration,
        memory_bytes_max: usize,
    ) -> Result<Self, LoadError> {
        if bytes.len() > ORIGIN_FUNCTION_BYTES_MAX {
            return Err(LoadError::new(
                name,
                format!(
                    "the component has {} bytes; at most {ORIGIN_FUNCTION_BYTES_MAX} are \
                 allowed: strip it (wasm-opt -Oz --strip-debug)",
                    bytes.len()
                ),
            ));
        }
        if is_core_module(bytes) {
            return Err(LoadError::new(
                name,
                format!(
                    "this is a core module, not a component: make one of it against \
                 wit/edge.wit (functions/build.sh shows how)"
                ),
            ));
        }
        let component = sandbox
            .load_component(name, bytes)
            .map_err(|error| LoadError::new(name, error.to_string()))?;
        check_imports(sandbox, name, &component)?;
        let linked = link(sandbox, name, &component)?;
        let entry = find_entry(name, &linked)?;
        let function = Self {
            name: name.into(),
            sandbox: sandbox.clone(),
            linked,
            entry,
            budget,
            memory_bytes_max,
        };
        function.try_out()?;
        Ok(function)
    }

    /// Makes one instance and looks its handlers up, so that a wrong signature, a start function
    /// that fails and an initial memory beyond the limit show at load and not on the first request.
    fn try_out(&self) -> Result<(), LoadError> {
        let mut store = run::store(&self.sandbox, self.memory_bytes_max);
        let deadline = Instant::now() + self.budget;
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            let over = Instant::now() >= deadline;
            Ok(if over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
        });
        let _running = self.sandbox.running_guest();
        self.look_up(&mut store).map_err(|error| {
            let fault = run::describe(&error, store.data(), self.budget, self.memory_bytes_max);
            LoadError::new(&self.name, format!("cannot be started: {}", fault.message))
        })
    }

    fn look_up(&self, store: &mut Store<HostState>) -> wasmtime::Result<()> {
        let instance = self.linked.instantiate(&mut *store)?;
        match &self.entry {
            Entry::Typed { request, response } => {
                if let Some(export) = request {
                    export.load(&mut *store, &instance)?;
                }
                if let Some(export) = response {
                    export.load(&mut *store, &instance)?;
                }
            }
            Entry::Lambda(export) => {
                instance.get_typed_func::<(&str,), (Result<String, String>,)>(store, export)?;
            }
        }
        Ok(())
    }
}

/// A binary's fifth byte tells modules (1) from components (13).
fn is_core_module(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x01\0\0\0")
}

fn check_imports(sandbox: &Sandbox, name: &str, component: &Component) -> Result<(), LoadError> {
    let kind = component.component_type();
    let foreign = kind.imports(sandbox.engine()).find(|(import, _)| !OFFERED.contains(import));
    let Some((import, _)) = foreign else {
        return Ok(());
    };
    let remedy = if import.starts_with("wasi:") {
        "build it without WASI (Rust: --target wasm32-unknown-unknown; C: clang --target=wasm32 \
         -nostdlib)"
    } else {
        "build it against wit/edge.wit of this version"
    };
    Err(LoadError::new(
        name,
        format!(
            "imports {import}, which verge does not offer; {remedy}. Offered are {} and {}.",
            OFFERED[1], OFFERED[2]
        ),
    ))
}

fn link(
    sandbox: &Sandbox,
    name: &str,
    component: &Component,
) -> Result<InstancePre<HostState>, LoadError> {
    let mut linker = Linker::new(sandbox.engine());
    World::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)
        .and_then(|()| linker.instantiate_pre(component))
        .map_err(|error| {
            LoadError::new(
                name,
                format!("does not fit wit/edge.wit of this version, build it again: {error:#}"),
            )
        })
}

fn find_entry(name: &str, linked: &InstancePre<HostState>) -> Result<Entry, LoadError> {
    let component = linked.component();
    let mismatch = |error: wasmtime::Error| {
        LoadError::new(name, format!("an export does not fit wit/edge.wit: {error:#}"))
    };
    let has = |export: &str| component.get_export_index(None, export).is_some();
    let request = has(REQUEST_EXPORT)
        .then(|| edge::origin_request::GuestIndices::new(linked))
        .transpose()
        .map_err(mismatch)?;
    let response = has(RESPONSE_EXPORT)
        .then(|| edge::origin_response::GuestIndices::new(linked))
        .transpose()
        .map_err(mismatch)?;
    if request.is_some() || response.is_some() {
        return Ok(Entry::Typed { request, response });
    }
    match component.get_export(None, LAMBDA_EXPORT) {
        Some((ComponentItem::ComponentFunc(_), index)) => Ok(Entry::Lambda(index)),
        _ => Err(LoadError::new(
            name,
            format!(
                "exports no handler; it needs {REQUEST_EXPORT}, {RESPONSE_EXPORT} or the \
             function {LAMBDA_EXPORT} of the lambda world (wit/edge.wit)"
            ),
        )),
    }
}
