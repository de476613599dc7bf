//! What a function of WebAssembly finds around it: variables, room for files, and whether it finds itself again.

use super::values;
use crate::config::file::{FunctionFolder, IsolationWord};
use crate::config::problem::Problems;
use crate::config::units::spell_size;
use crate::config::{Isolation, Runtime};
use crate::egress::{Egress, Entry, Fault};
use crate::limits::{
    EGRESS_ENTRIES_MAX, FUNCTION_ENVIRONMENT_BYTES_MAX, ORIGIN_FUNCTION_RESERVED_CONCURRENCY_MAX,
    ORIGIN_FUNCTION_STORAGE_BYTES_CEILING, ORIGIN_FUNCTION_STORAGE_BYTES_MAX,
};

/// What surrounds a function.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// Whether state outlives a call; `None`: as its world usually has it.
    pub isolation: Option<Isolation>,
    /// Calls at a time.
    pub concurrency: Option<u32>,
    /// Room in `/tmp`, bytes.
    pub storage_bytes_max: u64,
    /// Environment variables.
    pub variables: Vec<(String, String)>,
    /// Whom it may call.
    pub egress: Egress,
}

/// Checks them; `at` is what their words' paths begin with.
pub(super) fn check(
    described: &FunctionFolder,
    variables: Vec<(String, String)>,
    runtime: Runtime,
    at: &str,
    problems: &mut Problems,
) -> Surroundings {
    if runtime != Runtime::Wasm {
        let written = [
            ("isolation", described.isolation.is_some()),
            ("concurrency", described.concurrency.is_some()),
            ("environment", described.environment.is_some()),
            ("ephemeral_storage", described.ephemeral_storage.is_some()),
            ("egress", described.egress.is_some()),
        ];
        for (word, _) in written.into_iter().filter(|(_, written)| *written) {
            let message = "is for WebAssembly functions";
            problems.add(format!("{at}{word}"), message, format!("leave `{word}` out"));
        }
        return Surroundings::default();
    }
    if described.concurrency == Some(0) {
        let remedy = "use 1 to 900, or take the function off its events";
        problems.add(format!("{at}concurrency"), "is 0: the function would never run", remedy);
    }
    for (name, _) in &variables {
        check_name(name, &format!("{at}environment.{name}"), problems);
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > FUNCTION_ENVIRONMENT_BYTES_MAX {
        let message = format!(
            "has {bytes} bytes of names and values, {FUNCTION_ENVIRONMENT_BYTES_MAX} are allowed"
        );
        problems.add(format!("{at}environment"), message, "shorten it");
    }
    Surroundings {
        isolation: described.isolation.map(|word| match word {
            IsolationWord::Fresh => Isolation::Fresh,
            IsolationWord::Warm => Isolation::Warm,
        }),
        concurrency: described.concurrency,
        storage_bytes_max: values::size(
            described.ephemeral_storage.as_ref(),
            &spell_size(ORIGIN_FUNCTION_STORAGE_BYTES_MAX),
            1 << 20..=ORIGIN_FUNCTION_STORAGE_BYTES_CEILING,
            format!("{at}ephemeral_storage"),
            problems,
        ),
        variables,
        egress: egress(described.egress.as_deref().unwrap_or_default(), at, problems),
    }
}

fn egress(written: &[String], at: &str, problems: &mut Problems) -> Egress {
    if written.len() > EGRESS_ENTRIES_MAX {
        let message = format!("has {} entries, {EGRESS_ENTRIES_MAX} are allowed", written.len());
        problems.add(format!("{at}egress"), message, "use *.example.com or ranges of addresses");
    }
    let numbered = written.iter().enumerate();
    let entries = numbered.filter_map(|(index, text)| {
        let refused = |(message, remedy): Fault| {
            problems.add(format!("{at}egress[{index}]"), format!("\"{text}\" {message}"), remedy);
        };
        Entry::parse(text).map_err(refused).ok()
    });
    Egress::new(entries.collect())
}

/// Lambda's rule: two characters or more, a letter first, then letters, digits and underscores. Some names are the
/// runtime's own.
fn check_name(name: &str, at: &str, problems: &mut Problems) {
    const RESERVED: [&str; 5] =
        ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "LANG", "TZ"];
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let well_formed = name.len() >= 2
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(word);
    if !well_formed {
        let message = "is no name of an environment variable";
        problems.add(at, message, "use a letter, then letters, digits and _");
    } else if RESERVED.contains(&name) || name.starts_with("AWS_LAMBDA_") {
        problems.add(at, "is set by the edge itself", "choose another name");
    }
}

/// What is reserved in all with `calls` more; the function at `at` asks for them.
pub(super) fn reserve(reserved: u32, calls: u32, at: &str, problems: &mut Problems) -> u32 {
    let total = reserved.saturating_add(calls);
    let most = ORIGIN_FUNCTION_RESERVED_CONCURRENCY_MAX;
    if total > most && reserved <= most {
        let message = format!(
            "reserves {calls} calls at a time, {total} with the functions before it; {most} can be reserved"
        );
        problems.add(at, message, "lower `concurrency` here or there");
    }
    total
}
