//! From a source to a function that can be called: one instance loads it, and what that changed is kept.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http::header::{HOST, HeaderMap, HeaderValue};
use wasmtime::TypedFunc;

use super::delta::Delta;
use super::instance::{Alive, unpack_answer};
use super::memo::Memo;
use super::{Budget, JsEngine, ViewerFunction, now_ms};
use crate::error::FunctionFailure;
use crate::event::{EventContext, RequestView};
use crate::function::engine::Mode;
use crate::function::{LoadError, Runtime, Source};
use crate::ids::RequestId;
use crate::limits;
use crate::wire::Reader;

/// Enough for the pool to have a used memory at hand.
const WARM_UP_CALLS: usize = 3;

/// Length of a source, runtime 1.0 or not, nesting limit, memory for one call, the time; address and length of the
/// answer.
type Load = TypedFunc<(u32, u32, u32, u32, u64), u64>;

impl Budget {
    /// What loading may use.
    pub(super) fn for_loading() -> Self {
        Self { cpu: limits::VIEWER_FUNCTION_LOAD_CPU_BUDGET, fuel: u64::MAX }
    }
}

impl ViewerFunction {
    /// Loads a function: parses it, runs its top level, and finds its handler. Takes milliseconds.
    ///
    /// # Errors
    /// When it is too large, does not parse, throws, or has no handler; with the place.
    pub fn load(engine: &Arc<JsEngine>, source: &Source) -> Result<Self, LoadError> {
        let error = |message: String, remedy: &str| LoadError {
            function: source.name.clone(),
            line: None,
            column: None,
            source_line: None,
            message,
            remedy: remedy.into(),
        };
        if source.code.len() > limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX {
            let (bytes, most) = (source.code.len(), limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX);
            let message = format!("the source has {bytes} bytes; {most} are allowed");
            return Err(error(message, "remove comments, or minify it"));
        }
        let _running = engine.sandbox().running_guest();
        let broken = |cause: wasmtime::Error| {
            error(format!("the JavaScript engine cannot load it: {cause:#}"), "")
        };
        let mut alive = engine.instantiate(Budget::for_loading()).map_err(broken)?;
        match load_in(engine, &mut alive, source) {
            Ok((place, length)) => {
                let memory = alive.memory.data(&alive.store);
                let answer = memory.get(place..place.saturating_add(length)).unwrap_or_default();
                if !answer.is_empty() {
                    return Err(refused(source, answer));
                }
                let remembers = engine.sandbox().mode() == Mode::Production;
                let takes_store = source.runtime == Runtime::CloudfrontJs20;
                let mut function = Self {
                    name: source.name.as_str().into(),
                    engine: Arc::clone(engine),
                    delta: Arc::new(Delta::between(engine.image(), memory)),
                    source: String::from_utf8_lossy(&source.code).into(),
                    memo: None,
                    takes_store,
                    store: source.store.clone().filter(|_| takes_store),
                };
                function.warm_up();
                let memo_bytes_max = source.memo_bytes_max.filter(|_| remembers);
                function.memo = memo_bytes_max.map(|bytes| Box::new(Memo::new(bytes)));
                Ok(function)
            }
            Err(trap) => {
                let cause = engine.explain(&alive, &trap);
                Err(match cause.failure {
                    FunctionFailure::Throttled => error(
                        "its top level does not finish".into(),
                        "move the work into the handler, or do less of it",
                    ),
                    _ => error(cause.message, "nest expressions and statements less deeply"),
                })
            }
        }
    }
}

impl ViewerFunction {
    /// Calls the function on an event of no consequence, so that the first request does not pay with
    /// its budget for pages that were never touched. What it returns does not matter.
    fn warm_up(&self) {
        let id = RequestId::from_entropy(&[0; 42]);
        let context = EventContext {
            distribution_domain_name: "",
            distribution_id: "",
            request_id: &id,
            viewer_ip: Ipv4Addr::LOCALHOST.into(),
            edge: crate::event::EdgeLocation::DEFAULT,
        };
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("localhost"))]);
        let request =
            RequestView { method: "GET", path: b"/", query: None, headers: &headers, body: None };
        for _ in 0..WARM_UP_CALLS {
            drop(self.on_request(&context, &request, &mut Budget::default()));
        }
    }
}

fn load_in(
    engine: &JsEngine,
    alive: &mut Alive,
    source: &Source,
) -> wasmtime::Result<(usize, usize)> {
    engine.write_input(alive, &source.code)?;
    let load: Load = alive.instance.get_typed_func(&mut alive.store, "load")?;
    let legacy = u32::from(source.runtime == Runtime::CloudfrontJs10);
    let length = u32::try_from(source.code.len())?;
    let depth = u32::try_from(limits::SOURCE_NESTING_DEPTH_MAX)?;
    let memory = u32::try_from(limits::VIEWER_FUNCTION_MEMORY_BYTES_MAX)?;
    load.call(&mut alive.store, (length, legacy, depth, memory, now_ms())).map(unpack_answer)
}

/// The guest's words: line, column (0: unknown), message.
fn refused(source: &Source, answer: &[u8]) -> LoadError {
    let mut reader = Reader::new(answer);
    let mut number = || reader.count().ok().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    let (line, column) = (number(), number());
    let message = reader.text().unwrap_or("the JavaScript engine does not say why").to_owned();
    let text = String::from_utf8_lossy(&source.code);
    let index = line.and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
    let source_line = index.and_then(|index| text.lines().nth(index)).map(str::to_owned);
    let remedy = String::new();
    LoadError { function: source.name.clone(), line, column, source_line, message, remedy }
}
