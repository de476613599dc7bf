//! From bytes to a function that can be called: everything that can be refused is refused here, by
//! name.

use std::sync::Arc;
use std::{fmt, thread};

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, HasSelf, InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler;

use super::bindings::{OriginFunctionWithBody as World, exports::verge::edge};
use super::host::HostState;
use super::identity::Identity;
use super::outbound::Client;
use super::pool::Pool;
use super::run::Run;
use super::settings::{Isolation, Settings};
use super::{OriginFunction, Share, stores, wasi};
use crate::event::EventType;
use crate::function::engine::{Mode, Sandbox};
use crate::kv::NamedStore;
use crate::limits::ORIGIN_FUNCTION_BYTES_MAX;

/// Interfaces a component may import besides WASI's. `types` has no functions; it only names the
/// records.
const OFFERED: [&str; 8] = [
    "verge:edge/types@0.1.0",
    "verge:edge/crypto@0.1.0",
    "verge:edge/log@0.1.0",
    "verge:edge/context@0.1.0",
    "verge:edge/digest@0.1.0",
    "verge:edge/body@0.1.0",
    "verge:edge/fetch@0.1.0",
    "verge:edge/files@0.1.0",
];
const REQUEST_EXPORT: &str = "verge:edge/origin-request@0.1.0";
const RESPONSE_EXPORT: &str = "verge:edge/origin-response@0.1.0";
const LAMBDA_EXPORT: &str = "handle";
const HTTP_EXPORT: &str = "wasi:http/incoming-handler";

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
#[derive(Clone)]
pub(super) enum Entry {
    /// One or both typed handlers.
    Typed {
        /// `origin-request`.
        request: Option<edge::origin_request::GuestIndices>,
        /// `origin-response`.
        response: Option<edge::origin_response::GuestIndices>,
    },
    /// Lambda@Edge's JSON for each of its events, a load balancer's in the place of an origin.
    Lambda(ComponentExportIndex),
    /// `wasi:http/incoming-handler`, in the place of an origin.
    Http(incoming_handler::GuestIndices),
}

impl Entry {
    pub(super) fn handles(&self, event: EventType) -> bool {
        match (self, event) {
            (Self::Typed { request, .. }, EventType::OriginRequest) => request.is_some(),
            (Self::Typed { response, .. }, EventType::OriginResponse) => response.is_some(),
            (Self::Lambda(_), _) => true,
            (Self::Http(_), event) => event == EventType::Origin,
            (Self::Typed { .. }, _) => false,
        }
    }
}

impl OriginFunction {
    /// Compiles (or takes from the cache), links and tries out a component. Blocks: seconds for a
    /// large component that was never compiled, and up to its budget if its start function does not
    /// end.
    ///
    /// # Errors
    /// When the bytes are too many or no component, import what is not offered, export no handler,
    /// or cannot be instantiated within the function's own limits.
    pub fn load(
        sandbox: &Sandbox,
        name: &str,
        bytes: &[u8],
        settings: &Settings,
    ) -> Result<Self, LoadError> {
        let common = Share::common(settings.concurrency.unwrap_or_default());
        Self::load_beside(sandbox, name, bytes, settings, None, &common)
    }

    /// The same with a key-value store, beside other functions, with which it shares `common` when it reserves nothing.
    pub(in crate::function) fn load_beside(
        sandbox: &Sandbox,
        name: &str,
        bytes: &[u8],
        settings: &Settings,
        store: Option<Arc<NamedStore>>,
        common: &Share,
    ) -> Result<Self, LoadError> {
        check_form(name, bytes)?;
        let component = sandbox
            .load_component(name, bytes)
            .map_err(|error| LoadError::new(name, error.to_string()))?;
        check_imports(sandbox, name, &component)?;
        let linked = link(sandbox, name, &component)?;
        let entry = find_entry(name, &linked)?;
        let Settings { budget, viewer_budget, isolation, concurrency, egress, .. } = settings;
        let identity = Identity::new(name, bytes, settings);
        let usual = match &entry {
            Entry::Typed { .. } | Entry::Http(_) => Isolation::Fresh,
            Entry::Lambda(_) => Isolation::Warm,
        };
        // In a test a function sees each event as if it were the first, in whatever order they come.
        let warm =
            isolation.unwrap_or(usual) == Isolation::Warm && sandbox.mode() == Mode::Production;
        let function = Self {
            identity: Arc::new(identity),
            sandbox: sandbox.clone(),
            linked,
            entry,
            budget: *budget,
            viewer_budget: *viewer_budget,
            store,
            client: Client::new(egress.clone(), sandbox.idle_connections()),
            pool: warm.then(|| Arc::new(Pool::default())),
            share: concurrency.map_or_else(|| common.clone(), Share::reserved),
        };
        function.try_out()?;
        Ok(function)
    }

    /// Makes one instance and looks its handlers up, so that a wrong signature, a start function
    /// that fails and an initial memory beyond the limit show at load and not on the first request.
    fn try_out(&self) -> Result<(), LoadError> {
        let cannot = |reason: &dyn fmt::Display| {
            LoadError::new(&self.identity.name, format!("cannot be started: {reason}"))
        };
        // The thread may belong to a runtime already, and nothing may block in one.
        let tried = thread::scope(|scope| {
            let attempt = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let mut run = Run::new(self, self.budget);
                Ok(runtime?.block_on(run.within_budget(async |_| Ok(()))))
            });
            attempt.join().unwrap_or_else(|_| Err(std::io::Error::other("it panicked")))
        });
        match tried {
            Ok(Ok(())) => Ok(()),
            Ok(Err(fault)) => Err(cannot(&fault.message)),
            Err(error) => Err(cannot(&error)),
        }
    }
}

fn check_form(name: &str, bytes: &[u8]) -> Result<(), LoadError> {
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
            "this is a core module, not a component: `verge build` makes one of it",
        ));
    }
    Ok(())
}

/// A binary's fifth byte tells modules (1) from components (13).
fn is_core_module(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x01\0\0\0")
}

fn check_imports(sandbox: &Sandbox, name: &str, component: &Component) -> Result<(), LoadError> {
    let kind = component.component_type();
    let mut imports = kind.imports(sandbox.engine());
    let foreign = imports.find(|(import, _)| !is_offered(import));
    let Some((import, _)) = foreign else {
        return Ok(());
    };
    let remedy = if ["wasi:keyvalue/", "wasi:config/"].iter().any(|name| import.starts_with(name)) {
        "build it against wit/deps of this version"
    } else if import.starts_with("wasi:") {
        "build it for WASI 0.2 (wasm32-wasip2)"
    } else {
        "build it against wit/ of this version"
    };
    Err(LoadError::new(
        name,
        format!(
            "imports {import}, which verge does not offer; {remedy}. Offered are {}, {} and WASI 0.2 \
             with cli, clocks, filesystem, http, io, random and sockets.",
            OFFERED.join(", "),
            stores::OFFERED.join(", ")
        ),
    ))
}

fn is_offered(import: &str) -> bool {
    OFFERED.contains(&import) || stores::OFFERED.contains(&import) || wasi::offers(import)
}

fn link(
    sandbox: &Sandbox,
    name: &str,
    component: &Component,
) -> Result<InstancePre<HostState>, LoadError> {
    let mut linker = Linker::new(sandbox.engine());
    World::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)
        .and_then(|()| stores::add_to_linker(&mut linker))
        .and_then(|()| wasi::add_to_linker(&mut linker))
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
    if let Some((ComponentItem::ComponentFunc(_), index)) =
        component.get_export(None, LAMBDA_EXPORT)
    {
        return Ok(Entry::Lambda(index));
    }
    if exports_http(linked) {
        return incoming_handler::GuestIndices::new(linked).map(Entry::Http).map_err(mismatch);
    }
    Err(LoadError::new(
        name,
        format!(
            "exports no handler; it needs {REQUEST_EXPORT}, {RESPONSE_EXPORT}, the function \
             {LAMBDA_EXPORT} of the lambda world (wit/edge.wit) or {HTTP_EXPORT}@0.2"
        ),
    ))
}

/// Any version `0.2.x` will do.
fn exports_http(linked: &InstancePre<HostState>) -> bool {
    let kind = linked.component().component_type();
    let engine = linked.engine();
    kind.exports(engine).any(|(export, _)| {
        let named = export.split_once('@');
        named.is_some_and(|(name, version)| name == HTTP_EXPORT && version.starts_with("0.2."))
    })
}
