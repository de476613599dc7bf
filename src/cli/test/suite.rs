//! Functions on folders of events, each held to its expected output.

use std::path::PathBuf;

use super::arguments::Arguments;
use super::events::{self, EventFile};
use super::expected::{Expected, Miss, blessed};
use super::run::{self, Outcome, Setting, utilization};
use super::{Loaded, Trouble};

/// One test to run.
pub(super) struct Case<'l> {
    loaded: &'l Loaded,
    task: Task,
}

enum Task {
    /// An event; the flag says whether it needs an expected output.
    Event(EventFile, bool),
    /// A file that cannot be a test, and why.
    Stray(PathBuf, String),
    /// A function without events, and where they would be.
    Nothing(String),
}

/// What became of one test.
pub(super) struct CaseResult<'l> {
    pub loaded: &'l Loaded,
    /// The event's name; for a stray file, the file's.
    pub name: String,
    /// The event's file.
    pub file: PathBuf,
    /// The run, when there was one.
    pub outcome: Option<Outcome>,
    pub verdict: Verdict,
}

/// How a test ended.
pub(super) enum Verdict {
    Passed,
    /// The expected output was written, there.
    Blessed(PathBuf),
    /// There was nothing to do, and that is no fault.
    Skipped(String),
    Failed(Failure),
}

/// Why a test failed.
pub(super) enum Failure {
    /// It could not be run.
    NotRun(String),
    /// It ran, and this is not what was expected.
    Miss(Miss),
    /// It used more than it may: per cent used, per cent allowed.
    TooCostly(u8, u8),
}

/// Every test that the arguments ask for.
///
/// # Errors
/// When a folder of events cannot be read.
pub(super) fn cases<'l>(
    loaded: &'l [Loaded],
    arguments: &Arguments,
) -> Result<Vec<Case<'l>>, Trouble> {
    let mut cases = Vec::new();
    for loaded in loaded {
        let mut add = |task| cases.push(Case { loaded, task });
        if let Some(event) = &arguments.event {
            add(Task::Event(events::single(event), false));
            continue;
        }
        let Some(folder) = &loaded.subject.events else {
            add(Task::Nothing(
                "has no folder of its own; name its events with --events".to_owned(),
            ));
            continue;
        };
        if !folder.is_dir() {
            add(Task::Nothing(format!("has no events in {}", folder.display())));
            continue;
        }
        let found = events::folder(folder).map_err(Trouble::Failure)?;
        if found.events.is_empty() && found.stray.is_empty() {
            add(Task::Nothing(format!("has no events in {}", folder.display())));
        }
        found.events.into_iter().for_each(|event| add(Task::Event(event, true)));
        found.stray.into_iter().for_each(|(file, why)| add(Task::Stray(file, why)));
    }
    Ok(cases)
}

/// Runs them, one after the other.
pub(super) fn run<'l>(
    cases: Vec<Case<'l>>,
    setting: &Setting,
    arguments: &Arguments,
) -> Vec<CaseResult<'l>> {
    cases.into_iter().map(|case| one(case, setting, arguments)).collect()
}

/// Whether nothing failed and something was tested.
pub(super) fn passed(results: &[CaseResult<'_>]) -> bool {
    let tested =
        |result: &CaseResult<'_>| matches!(result.verdict, Verdict::Passed | Verdict::Blessed(_));
    let failed = |result: &CaseResult<'_>| matches!(result.verdict, Verdict::Failed(_));
    results.iter().any(tested) && !results.iter().any(failed)
}

/// The utilization above which a run fails.
pub(super) fn ceiling(loaded: &Loaded, arguments: &Arguments) -> Option<u8> {
    arguments.max_utilization.or(loaded.subject.source.max_utilization)
}

/// The sentence for a run above it.
pub(super) fn too_costly(used: u8, most: u8) -> String {
    format!("compute utilization is {used} %; at most {most} % are allowed")
}

fn one<'l>(case: Case<'l>, setting: &Setting, arguments: &Arguments) -> CaseResult<'l> {
    let loaded = case.loaded;
    let (name, file, verdict) = match case.task {
        Task::Event(event, needs_expected) => {
            let (outcome, verdict) = event_case(loaded, &event, needs_expected, setting, arguments);
            return CaseResult { loaded, name: event.name, file: event.event, outcome, verdict };
        }
        Task::Stray(file, why) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, file, Verdict::Failed(Failure::NotRun(why)))
        }
        Task::Nothing(why) if arguments.all => {
            (String::new(), PathBuf::new(), Verdict::Skipped(why))
        }
        Task::Nothing(why) => {
            (String::new(), PathBuf::new(), Verdict::Failed(Failure::NotRun(why)))
        }
    };
    CaseResult { loaded, name, file, outcome: None, verdict }
}

fn event_case(
    loaded: &Loaded,
    event: &EventFile,
    needs_expected: bool,
    setting: &Setting,
    arguments: &Arguments,
) -> (Option<Outcome>, Verdict) {
    let not_run = |why| Verdict::Failed(Failure::NotRun(why));
    let read = events::read_for(&loaded.function, &event.event)
        .and_then(|value| run::run(loaded, &value, setting));
    let outcome = match read {
        Ok(outcome) => outcome,
        Err(why) => return (None, not_run(why)),
    };
    let expected = event.expected.as_deref().map(|path| events::read(path).map(Expected::from));
    let checked = match expected.transpose() {
        // What cannot be read is written anew.
        Err(why) if !arguments.bless => return (Some(outcome), not_run(why)),
        Err(_) => None,
        Ok(expected) => expected.map(|expected| expected.check(&outcome.result)),
    };
    let mut verdict = match checked {
        Some(Ok(())) => Verdict::Passed,
        _ if arguments.bless => bless(event, &outcome),
        Some(Err(miss)) => Verdict::Failed(Failure::Miss(miss)),
        None if needs_expected => {
            let path = events::expected_path(&event.event);
            not_run(format!("there is no {}; --bless writes it", path.display()))
        }
        None if outcome.result.is_err() => Verdict::Failed(Failure::Miss(Miss::Failed)),
        None => Verdict::Passed,
    };
    let used = utilization(loaded, &outcome);
    if let Some(most) = ceiling(loaded, arguments).filter(|most| used > *most)
        && !matches!(verdict, Verdict::Failed(_))
    {
        verdict = Verdict::Failed(Failure::TooCostly(used, most));
    }
    (Some(outcome), verdict)
}

fn bless(event: &EventFile, outcome: &Outcome) -> Verdict {
    let path = event.expected.clone().unwrap_or_else(|| events::expected_path(&event.event));
    match events::write(&path, &blessed(&outcome.result)) {
        Ok(()) => Verdict::Blessed(path),
        Err(why) => Verdict::Failed(Failure::NotRun(why)),
    }
}
