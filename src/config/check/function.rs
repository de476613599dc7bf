//! Functions: names, runtimes, events and bounds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::store::Stores;
use super::{Unique, environment, values};
use crate::config::file::{CompatWord, EventWord, FunctionFolder, RuntimeWord};
use crate::config::load::FunctionMaterial;
use crate::config::problem::Problems;
use crate::config::units::{spell_size, spell_time};
use crate::config::{Compat, FunctionSource, Runtime};
use crate::event::EventType;
use crate::ids::FunctionId;
use crate::kv::NamedStore;
use crate::limits;

/// All functions, by name.
pub(super) struct Functions {
    /// By position in the file. `None`: reported already.
    sources: Vec<Option<FunctionSource>>,
    ids: BTreeMap<String, FunctionId>,
}

impl Functions {
    /// Checks every function; those of a folder against their own file's lines.
    /// `compat` is what holds for those that do not say it themselves.
    pub(super) fn check(
        materials: Vec<Option<FunctionMaterial>>,
        stores: &Stores,
        compat: Option<CompatWord>,
        problems: &mut Problems,
    ) -> Self {
        let mut reserved = 0;
        let mut unique = Unique::default();
        let mut all = Self { sources: Vec::new(), ids: BTreeMap::new() };
        for (index, material) in materials.into_iter().enumerate() {
            let at = format!("function[{index}]");
            let mut source = None;
            if let Some(mut material) = material {
                if let Some(name) = &material.described.name {
                    let at = if material.own_problems.is_some() {
                        format!("{at}.path")
                    } else {
                        format!("{at}.name")
                    };
                    // Fewer than 2^32 functions fit into a configuration file of the allowed size.
                    let id = FunctionId(u32::try_from(index).unwrap_or(u32::MAX));
                    if unique.take(name, &at, problems) {
                        all.ids.insert(name.clone(), id);
                    }
                }
                source = match material.own_problems.take() {
                    Some(mut own) => {
                        let source = one(material, stores, "", compat, &mut own);
                        problems.extend(own.into_list());
                        source
                    }
                    None => one(material, stores, &format!("{at}."), compat, problems),
                };
            }
            if let Some(calls) = source.as_ref().and_then(|source| source.concurrency) {
                reserved = environment::reserve(reserved, calls, &at, problems);
            }
            all.sources.push(source);
        }
        all
    }

    /// The function of that name, and what is known of it.
    pub(super) fn find(&self, name: &str) -> Option<(FunctionId, Option<&FunctionSource>)> {
        let id = *self.ids.get(name)?;
        Some((id, self.source(id)))
    }

    /// What is known of a function.
    pub(super) fn source(&self, id: FunctionId) -> Option<&FunctionSource> {
        let source = usize::try_from(id.0).ok().and_then(|index| self.sources.get(index));
        source.and_then(Option::as_ref)
    }

    /// The names that can be referred to.
    pub(super) fn names(&self) -> Vec<&str> {
        self.ids.keys().map(String::as_str).collect()
    }

    /// Whether a function could not even be named: a reference to it must not be reported as
    /// unknown.
    pub(super) fn some_unnamed(&self) -> bool {
        self.ids.len() < self.sources.len()
    }

    /// The functions in the order of their ids.
    pub(super) fn into_sources(self) -> Option<Vec<FunctionSource>> {
        self.sources.into_iter().collect()
    }
}

/// One function. `at` is what its words' paths begin with.
pub(super) fn one(
    material: FunctionMaterial,
    stores: &Stores,
    at: &str,
    default: Option<CompatWord>,
    problems: &mut Problems,
) -> Option<FunctionSource> {
    let FunctionMaterial { described, code, variables, file, folder, .. } = material;
    let name = described.name.clone();
    let named = name.filter(|name| values::identifier(name, &format!("{at}name"), problems));
    let runtime = match described.runtime? {
        RuntimeWord::JavaScript1 => Runtime::JavaScript1,
        RuntimeWord::JavaScript2 => Runtime::JavaScript2,
        RuntimeWord::Wasm => Runtime::Wasm,
    };
    let (memory_bytes_max, budget) = bounds(&described, runtime, at, problems);
    let viewer_budget = match described.timeout {
        Some(_) => budget,
        None => limits::VIEWER_COMPONENT_BUDGET_MAX,
    };
    let surroundings = environment::check(&described, variables, runtime, at, problems);
    let events = events(&described, runtime, at, problems);
    if runtime == Runtime::Wasm && described.memo.is_some() {
        let message = "is for JavaScript functions";
        problems.add(format!("{at}memo"), message, "leave `memo` out");
    }
    let compat = compat(&described, default, runtime, at, problems);
    let store = store(&described, runtime, stores, at, problems);
    let code = code?;
    // `code` is the source itself in the configuration, but a file's name in a function's folder.
    let in_file = described.code.is_some() && !at.is_empty();
    let inline = described.code.is_none() && !at.is_empty();
    if runtime != Runtime::Wasm {
        let word = if in_file { "file" } else { "code" };
        source_text(&code, &format!("{at}{word}"), problems);
    }
    Some(FunctionSource {
        name: named?,
        runtime,
        code,
        file,
        inline,
        folder,
        comment: described.comment.unwrap_or_default(),
        max_utilization: described.test.and_then(|test| test.max_utilization),
        memory_bytes_max,
        memo: described.memo.unwrap_or(true),
        budget,
        viewer_budget,
        isolation: surroundings.isolation,
        concurrency: surroundings.concurrency,
        storage_bytes_max: surroundings.storage_bytes_max,
        environment: surroundings.variables,
        egress: surroundings.egress,
        events,
        compat,
        store,
    })
}

/// What is done about what CloudFront's engine would refuse.
fn compat(
    described: &FunctionFolder,
    default: Option<CompatWord>,
    runtime: Runtime,
    at: &str,
    problems: &mut Problems,
) -> Compat {
    if runtime == Runtime::Wasm {
        if described.compat.is_some() {
            let message = "is for JavaScript functions";
            problems.add(format!("{at}compat"), message, "leave `compat` out");
        }
        return Compat::Off;
    }
    match described.compat.or(default) {
        Some(CompatWord::Warn) | None => Compat::Warn,
        Some(CompatWord::Strict) => Compat::Strict,
        Some(CompatWord::Off) => Compat::Off,
    }
}

/// Memory in bytes and time of one run.
fn bounds(
    described: &FunctionFolder,
    runtime: Runtime,
    at: &str,
    problems: &mut Problems,
) -> (usize, Duration) {
    if runtime != Runtime::Wasm {
        let fixed =
            [("memory", described.memory.is_some()), ("timeout", described.timeout.is_some())];
        for (word, _) in fixed.into_iter().filter(|(_, written)| *written) {
            let message = "is fixed for JavaScript functions";
            problems.add(format!("{at}{word}"), message, format!("leave `{word}` out"));
        }
        return (limits::VIEWER_FUNCTION_MEMORY_BYTES_MAX, limits::VIEWER_FUNCTION_CPU_BUDGET);
    }
    let memory = values::size(
        described.memory.as_ref(),
        &spell_size(limits::ORIGIN_FUNCTION_MEMORY_BYTES_MAX as u64),
        1 << 20..=limits::ORIGIN_FUNCTION_MEMORY_BYTES_CEILING,
        format!("{at}memory"),
        problems,
    );
    let budget = values::time(
        described.timeout.as_ref(),
        &spell_time(limits::ORIGIN_FUNCTION_BUDGET),
        Duration::from_millis(1)..=limits::ORIGIN_FUNCTION_BUDGET_MAX,
        format!("{at}timeout"),
        problems,
    );
    (usize::try_from(memory).unwrap_or(limits::ORIGIN_FUNCTION_MEMORY_BYTES_MAX), budget)
}

/// Key-value stores came with runtime 2.0 (spec: CloudFront Functions section 8.1).
fn store(
    described: &FunctionFolder,
    runtime: Runtime,
    stores: &Stores,
    at: &str,
    problems: &mut Problems,
) -> Option<Arc<NamedStore>> {
    let written = described.key_value_stores.as_ref()?;
    let at = format!("{at}key_value_stores");
    if runtime == Runtime::JavaScript1 && !written.is_empty() {
        let message = format!("{} functions cannot read key-value stores", runtime.as_str());
        let remedy = format!("use runtime {}", Runtime::JavaScript2.as_str());
        problems.add(at, message, remedy);
        return None;
    }
    stores.of_function(written, &at, problems)
}

fn events(
    described: &FunctionFolder,
    runtime: Runtime,
    at: &str,
    problems: &mut Problems,
) -> Vec<EventType> {
    let Some(written) = &described.events else { return runtime.events().to_vec() };
    if written.is_empty() {
        let remedy = "name an event, or leave `events` out for both of its kind";
        problems.add(format!("{at}events"), "is empty", remedy);
    }
    let mut unique = Unique::default();
    let mut events = Vec::new();
    for (index, word) in written.iter().enumerate() {
        let event = event(*word);
        let at = format!("{at}events[{index}]");
        if !runtime.events().contains(&event) {
            let message = format!("{} functions do not run on {event}", runtime.as_str());
            let names: Vec<_> = runtime.events().iter().map(|event| event.as_str()).collect();
            problems.add(at, message, format!("use {}", names.join(" or ")));
        } else if unique.take(event.as_str(), &at, problems) {
            events.push(event);
        }
    }
    events
}

fn event(word: EventWord) -> EventType {
    match word {
        EventWord::ViewerRequest => EventType::ViewerRequest,
        EventWord::OriginRequest => EventType::OriginRequest,
        EventWord::OriginResponse => EventType::OriginResponse,
        EventWord::ViewerResponse => EventType::ViewerResponse,
    }
}

/// JavaScript is text, and no longer than the real edge would take.
fn source_text(code: &[u8], at: &str, problems: &mut Problems) {
    let most = limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX;
    let message = if code.len() > most {
        format!("the source has {} bytes, {most} are allowed", code.len())
    } else if std::str::from_utf8(code).is_err() {
        "the source is not UTF-8 text".to_owned()
    } else {
        return;
    };
    problems.add(at, message, "shorten or convert the source");
}
