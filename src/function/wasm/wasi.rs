//! WASI 0.2 for origin functions: what a program of another language expects of a system, without
//! any authority. Its environment is what the configuration says, its standard output goes to the
//! function's log, its standard input is empty, its files are in the environment's own memory;
//! there are no sockets. What it may ask of others over HTTP its `egress` says.
//!
//! Every host call either returns at once or waits on tokio's timers, where the deadline of the
//! call ends it; none blocks a thread.

use std::sync::Arc;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::console::{Channel, Console};
use super::files::{self, Files};
use super::host::HostState;
use super::outbound::{Client, Requests};
use crate::limits::{
    ORIGIN_FUNCTION_RANDOM_BYTES_MAX, ORIGIN_FUNCTION_RESOURCES_ENTRIES_MAX,
    OUTBOUND_HEADERS_BYTES_MAX,
};

/// Interfaces of WASI that a component may import, in any version `0.2.x`.
const OFFERED: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Whether an import is one of WASI's that is offered. Sockets are among them because the languages' runtimes import
/// them whether or not a program uses them: what a program gets there is that access is denied.
pub(super) fn offers(import: &str) -> bool {
    let Some((interface, version)) = import.split_once('@') else { return false };
    OFFERED.contains(&interface) && version.starts_with("0.2.")
}

/// The system one guest sees.
pub(super) struct System {
    context: WasiCtx,
    resources: ResourceTable,
    files: Files,
    http: WasiHttpCtx,
    requests: Requests,
}

impl System {
    /// A system with these variables, whose output goes to `console`, with room for so many bytes of files, and whose
    /// requests go through `client`.
    pub(super) fn new(
        environment: &[(String, String)],
        console: &Console,
        storage_bytes_max: u64,
        client: &Arc<Client>,
    ) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(ORIGIN_FUNCTION_RESOURCES_ENTRIES_MAX);
        let context = WasiCtxBuilder::new()
            .envs(environment)
            .stdout(console.stream(Channel::Out))
            .stderr(console.stream(Channel::Error))
            .max_random_size(ORIGIN_FUNCTION_RANDOM_BYTES_MAX)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(OUTBOUND_HEADERS_BYTES_MAX);
        let files = Files::new(storage_bytes_max);
        Self { context, resources, files, http, requests: Requests::new(client, console) }
    }

    /// The files, and the table of what is open.
    pub(super) fn files(&mut self) -> (&Files, &mut ResourceTable) {
        (&self.files, &mut self.resources)
    }

    /// What the guest has handles of.
    pub(super) fn resources(&mut self) -> &mut ResourceTable {
        &mut self.resources
    }

    /// The guest's own requests.
    pub(super) fn requests(&mut self) -> &mut Requests {
        &mut self.requests
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let System { context, resources, .. } = self.system();
        WasiCtxView { ctx: context, table: resources }
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let deadline = self.deadline;
        let System { resources, http, requests, .. } = self.system();
        requests.deadline = deadline;
        WasiHttpCtxView { ctx: http, table: resources, hooks: requests }
    }
}

/// Makes the system's interfaces known to a linker.
///
/// # Errors
/// Never, for a linker that has none of them yet.
pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    files::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}
