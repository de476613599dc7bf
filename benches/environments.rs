//! What environments of origin functions cost, by language, and what those that wait or spin cost others.
//!
//!     cargo bench --bench environments
//!
//! The samples in Rust and C are in `functions/`. Components of JavaScript and Python are those that
//! `tests/handlers/run.py` builds: `VERGE_HANDLERS` names their folder. Without it only the samples are measured.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use verge::event::lambda::{LambdaEvent, parse_event};
use verge::function::engine::{Mode, Sandbox};
use verge::function::wasm::{Isolation, OriginFunction, Settings};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Name in the table, folder, event, calls that are measured.
const SAMPLES: [(&str, &str, &str, usize); 3] = [
    ("C, typed", "functions/header-signing", "signed", 3_000),
    ("Rust, typed", "functions/origin-selection", "europe", 3_000),
    ("Rust, Lambda's JSON", "functions/maintenance", "open", 3_000),
];
const HANDLERS: [(&str, &str, &str, usize); 2] =
    [("JavaScript", "response-headers", "", 1_000), ("Python", "python-guide", "", 200)];
/// The handler that waits or spins for as long as the query says.
const WAITS: &str = "waits";
const ASLEEP: usize = 1_000;
const TICK: Duration = Duration::from_millis(1);

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let cache = tempfile::tempdir()?;
    let handlers = std::env::var_os("VERGE_HANDLERS").map(PathBuf::from);
    println!("a call, microseconds");
    println!(
        "{:22} {:>10} {:>12} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11}",
        "",
        "bytes",
        "compiled ms",
        "from cache",
        "cold",
        "warm",
        "p99",
        "fresh",
        "p99",
        "fresh a s"
    );
    for (name, folder, event, calls) in SAMPLES {
        language(&runtime, cache.path(), name, Path::new(folder), event, calls)?;
    }
    let Some(handlers) = handlers else {
        println!("VERGE_HANDLERS is not set: no JavaScript, no Python, nobody waits or spins");
        return Ok(());
    };
    for (name, folder, event, calls) in HANDLERS {
        language(&runtime, cache.path(), name, &handlers.join(folder), event, calls)?;
    }
    let waits = handlers.join(WAITS);
    others(&runtime, cache.path(), &waits)?;
    deadlines(&runtime, cache.path(), &waits)
}

fn load(cache: &Path, folder: &Path, settings: &Settings) -> Outcome<Arc<OriginFunction>> {
    let bytes = fs::read(folder.join("function.wasm"))?;
    let sandbox = Sandbox::new(Mode::Production, Some(cache))?;
    Ok(Arc::new(OriginFunction::load(&sandbox, "bench", &bytes, settings)?))
}

/// An event of the folder: the one of this name, or the first.
fn event_of(folder: &Path, name: &str) -> Outcome<Value> {
    let mut files: Vec<_> =
        fs::read_dir(folder.join("events"))?.flatten().map(|e| e.path()).collect();
    files.sort();
    let is_event = |file: &&PathBuf| {
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        file.ends_with(".json") && !file.ends_with(".expected.json") && file.starts_with(name)
    };
    let file = files.iter().find(is_event).ok_or("no such event")?;
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

/// One call; whether it made a new environment.
async fn call(function: &OriginFunction, event: &LambdaEvent) -> bool {
    let (context, request) = (event.context(), event.request());
    let Some(origin) = event.origin() else { return false };
    let report = match event.response() {
        Some(response) => function.on_response(&context, &request, origin, &response).await.report,
        None => function.on_request(&context, &request, origin).await.report,
    };
    report.is_some_and(|report| report.init.is_some())
}

fn quantile(times: &mut [Duration], share: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * share / 1_000).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// A row of the first table.
fn language(
    runtime: &Runtime,
    cache: &Path,
    name: &str,
    folder: &Path,
    event: &str,
    calls: usize,
) -> Outcome<()> {
    let event = parse_event(&event_of(folder, event)?)?;
    let isolated = |isolation| Settings { isolation: Some(isolation), ..Settings::default() };
    let started = Instant::now();
    drop(load(cache, folder, &Settings::default())?);
    let compiled = started.elapsed();
    let started = Instant::now();
    let warm = load(cache, folder, &isolated(Isolation::Warm))?;
    let cached = started.elapsed();
    let fresh = load(cache, folder, &isolated(Isolation::Fresh))?;
    let timed = |function: &OriginFunction, calls: usize| -> Vec<Duration> {
        let one = |_| {
            let started = Instant::now();
            runtime.block_on(call(function, &event));
            started.elapsed()
        };
        (0..calls).map(one).collect()
    };
    let cold = timed(&warm, 1);
    let mut warm = timed(&warm, calls);
    let mut fresh = timed(&fresh, calls / 2);
    let fresh_median = quantile(&mut fresh, 500);
    println!(
        "{name:22} {:>10} {:>12.0} {:>12.1} {:>9.0} {:>9.0} {:>9.0} {fresh_median:>9.0} {:>9.0} {:>11.0}",
        fs::metadata(folder.join("function.wasm"))?.len(),
        compiled.as_secs_f64() * 1e3,
        cached.as_secs_f64() * 1e3,
        cold.first().map_or(0.0, |time| time.as_secs_f64() * 1e6),
        quantile(&mut warm, 500),
        quantile(&mut warm, 990),
        quantile(&mut fresh, 990),
        1e6 / fresh_median,
    );
    Ok(())
}

/// The event with another query.
fn asking(folder: &Path, query: &str) -> Outcome<Arc<LambdaEvent>> {
    let mut event = event_of(folder, "")?;
    let request = event.pointer_mut("/Records/0/cf/request/querystring").ok_or("no query")?;
    *request = query.into();
    Ok(Arc::new(parse_event(&event)?))
}

fn resident_kib() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

/// How late a task is that wants to run every millisecond, until `busy` has ended.
async fn lateness(mut busy: JoinSet<bool>) -> Vec<Duration> {
    let mut late = Vec::new();
    while !busy.is_empty() {
        let due = Instant::now() + TICK;
        tokio::time::sleep_until(due.into()).await;
        late.push(due.elapsed());
        while busy.try_join_next().is_some() {}
    }
    late
}

/// What waiting and spinning functions cost others: time, and memory when they are done.
fn others(runtime: &Runtime, cache: &Path, folder: &Path) -> Outcome<()> {
    let function = load(cache, folder, &Settings::default())?;
    println!("\nlate by, microseconds, of a task that wants to run every millisecond");
    println!("{:22} {:>9} {:>9} {:>9}", "", "median", "p99", "max");
    for (name, calls, query) in [
        ("nobody", 1, "wait=2000"),
        ("1,000 asleep", ASLEEP, "wait=4000"),
        ("2 spinning", 2, "spin=4000"),
    ] {
        let event = asking(folder, query)?;
        let before = resident_kib()?;
        let mut late = runtime.block_on(async {
            let mut busy = JoinSet::new();
            for _ in 0..calls {
                let (function, event) = (Arc::clone(&function), Arc::clone(&event));
                busy.spawn(async move { call(&function, &event).await });
            }
            // Started from a worker, as requests are.
            tokio::spawn(lateness(busy)).await.unwrap_or_default()
        });
        let [median, p99, max] = [500, 990, 1_000].map(|share| quantile(&mut late, share));
        println!("{name:22} {median:>9.0} {p99:>9.0} {max:>9.0}");
        if calls == ASLEEP {
            let each = resident_kib()?.saturating_sub(before) / ASLEEP as u64;
            println!("{:22} {each} KiB of resident memory each", "");
        }
    }
    Ok(())
}

/// How precisely a call is ended that spins or sleeps beyond its budget.
fn deadlines(runtime: &Runtime, cache: &Path, folder: &Path) -> Outcome<()> {
    println!("\nended after its budget by, microseconds");
    println!("{:22} {:>9} {:>9} {:>9}", "", "runs", "median", "max");
    for (budget_ms, runs) in [(100, 30), (1_000, 5), (10_000, 1)] {
        let budget = Duration::from_millis(budget_ms);
        let function = load(cache, folder, &Settings { budget, ..Settings::default() })?;
        for what in ["spin", "wait"] {
            let event = asking(folder, &format!("{what}=60000"))?;
            let mut late: Vec<Duration> = (0..runs)
                .map(|_| {
                    let started = Instant::now();
                    runtime.block_on(call(&function, &event));
                    started.elapsed().saturating_sub(budget)
                })
                .collect();
            let [median, max] = [500, 1_000].map(|share| quantile(&mut late, share));
            println!("{:22} {runs:>9} {median:>9.0} {max:>9.0}", format!("{what}, {budget_ms} ms"));
        }
    }
    Ok(())
}
