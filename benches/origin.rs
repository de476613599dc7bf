//! What a call of an origin function costs: instance, call and drop of the samples in `functions/`.
//!
//!     cargo bench --bench origin
//!
//! First what does not depend on the machine (instructions, bytes of code), then medians of time.
//! Every sample is called in turn, round after round, so that a busy moment hits all of them.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use verge::event::lambda::{LambdaEvent, parse_event};
use verge::function::engine::{Mode, Sandbox};
use verge::function::wasm::{OriginFunction, Settings};

/// A function with one of its events.
const SAMPLES: [(&str, &str); 4] = [
    ("origin-selection", "europe"),
    ("header-signing", "signed"),
    ("response-transform", "own-rule"),
    ("maintenance", "open"),
];
const WARM_UP_ROUNDS: usize = 200;
const ROUNDS: usize = 5_000;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut subjects = Vec::new();
    let settings = Settings::default();
    let metered = Sandbox::new(Mode::Metered, None)?;
    let production = Sandbox::new(Mode::Production, None)?;
    println!("{:20} {:>10} {:>14} {:>12}", "function", "bytes", "instructions", "compiled in");
    for (name, event) in SAMPLES {
        let folder = Path::new("functions").join(name);
        let bytes = fs::read(folder.join("function.wasm"))?;
        let event = fs::read_to_string(folder.join("events").join(event).with_extension("json"))?;
        let event = parse_event(&serde_json::from_str::<Value>(&event)?)?;
        let counted = OriginFunction::load(&metered, name, &bytes, &settings)?;
        let fuel = runtime.block_on(call(&counted, &event))?.unwrap_or_default();
        let started = Instant::now();
        let function = OriginFunction::load(&production, name, &bytes, &settings)?;
        let compiled = started.elapsed();
        println!("{name:20} {:>10} {fuel:>14} {compiled:>12.1?}", bytes.len());
        subjects.push((name, function, event, Vec::with_capacity(ROUNDS)));
    }
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        for (_, function, event, times) in &mut subjects {
            let started = Instant::now();
            runtime.block_on(call(function, event))?;
            if round >= WARM_UP_ROUNDS {
                times.push(started.elapsed());
            }
        }
    }
    println!("\n{:20} {:>10} {:>10} {:>10}", "function", "median", "p90", "p99");
    for (name, _, _, times) in &mut subjects {
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!("{name:20} {:>10.1?} {:>10.1?} {:>10.1?}", at(50), at(90), at(99));
    }
    Ok(())
}

/// One call; yields the instructions where they are counted.
async fn call(
    function: &OriginFunction,
    event: &LambdaEvent,
) -> Result<Option<u64>, Box<dyn Error>> {
    let (context, request) = (event.context(), event.request());
    let origin = event.origin().ok_or("no origin event")?;
    if let Some(response) = event.response() {
        let run = function.on_response(&context, &request, origin, &response).await;
        run.result?;
        return Ok(run.fuel);
    }
    let run = function.on_request(&context, &request, origin).await;
    run.result?;
    Ok(run.fuel)
}
