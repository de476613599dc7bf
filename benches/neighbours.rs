//! What functions cost that are there but do not run, and what one that burns its time costs others.
//!
//!     cargo bench --bench neighbours
//!
//! Three parts: memory and time of loading 1, 10 and 1,000 functions; how precisely a function that never ends is cut
//! off; and the latency of an innocent behavior while a function on another one burns half of a worker's time.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use verge::event::{EdgeLocation, EventContext, RequestView};
use verge::function::engine::{Mode, Sandbox};
use verge::function::js::{Budget, JsEngine, ViewerFunction};
use verge::function::wasm::Settings;
use verge::function::{Runtime, Source};
use verge::ids::RequestId;

mod support;

use support::{Client, Server};

const CUT_CALLS: usize = 3_000;
const ROUNDS: usize = 20;
const INNOCENT_REQUESTS_PER_ROUND: usize = 250;
const INNOCENT_PAUSE: Duration = Duration::from_millis(2);
/// Steps of a loop that burn three quarters of the budget: more would be cut off now and then, and then throttled.
const BURNED_STEPS: u32 = 3_500;

fn load(engine: &Arc<JsEngine>, code: String) -> Result<ViewerFunction, Box<dyn Error>> {
    let source = Source {
        store: None,
        name: "bench".into(),
        runtime: Runtime::CloudfrontJs20,
        code: code.into_bytes(),
        settings: Settings::default(),
        memo_bytes_max: None,
    };
    Ok(ViewerFunction::load(engine, &source)?)
}

/// Calls a function; its CPU time.
fn call(function: &ViewerFunction) -> Duration {
    let id = RequestId::from_entropy(&[7; 42]);
    let context = EventContext {
        distribution_domain_name: "d1.test",
        distribution_id: "E1",
        request_id: &id,
        viewer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        edge: EdgeLocation::DEFAULT,
    };
    let headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("d1.test"))]);
    let request =
        RequestView { method: "GET", path: b"/a/b", query: None, headers: &headers, body: None };
    function.on_request(&context, &request, &mut Budget::default()).cpu
}

fn quantile(sorted: &[Duration], per_thousand: usize) -> f64 {
    let at = (sorted.len() * per_thousand / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}

/// Loads more and more functions, and calls all of them in turns.
fn fleet(engine: &Arc<JsEngine>) -> Result<(), Box<dyn Error>> {
    println!("loaded functions: publishing, memory, and a call when all are called in turns");
    println!(
        "{:>9} {:>12} {:>12} {:>16} {:>12} {:>12}",
        "functions", "median ms", "p99 ms", "KiB a function", "call µs", "call p99"
    );
    let code = |number: usize| {
        format!(
            "function handler(event) {{ const r = event.request; r.headers['x-fleet'] = {{ value: '{number}' }};
             r.uri = r.uri.replace(/^\\/v\\d+\\//, '/'); return r; }}"
        )
    };
    call(&load(engine, code(0))?);
    let before = resident_kib()?;
    let mut functions: Vec<ViewerFunction> = Vec::new();
    for wanted in [1, 10, 1_000] {
        let mut published = Vec::new();
        while functions.len() < wanted {
            let started = Instant::now();
            functions.push(load(engine, code(functions.len()))?);
            published.push(started.elapsed());
        }
        published.sort_unstable();
        let mut calls = Vec::new();
        for _ in 0..(5_000 / wanted).max(3) {
            for function in &functions {
                let started = Instant::now();
                call(function);
                calls.push(started.elapsed());
            }
        }
        calls.sort_unstable();
        println!(
            "{wanted:>9} {:>12.1} {:>12.1} {:>16} {:>12.1} {:>12.1}",
            quantile(&published, 500) / 1e3,
            quantile(&published, 990) / 1e3,
            resident_kib()?.saturating_sub(before) / wanted as u64,
            quantile(&calls, 500),
            quantile(&calls, 990),
        );
    }
    Ok(())
}

/// CPU time at which functions that never end are cut off.
fn cutoff(engine: &Arc<JsEngine>) -> Result<(), Box<dyn Error>> {
    println!("\ncut off after, CPU microseconds of {CUT_CALLS} calls");
    println!("{:24} {:>8} {:>8} {:>8} {:>8}", "function", "median", "p99", "p99.9", "max");
    for (name, body) in [
        ("an empty loop", "for (;;) {}"),
        ("a loop of allocations", "const a = []; for (;;) a[a.length & 1023] = {};"),
        ("a regular expression", "/^(a+)+$/.test('a'.repeat(40) + 'b');"),
    ] {
        let function = load(engine, format!("function handler(event) {{ {body} }}"))?;
        let mut times: Vec<Duration> = (0..CUT_CALLS).map(|_| call(&function)).collect();
        times.sort_unstable();
        let [median, p99, p999, max] = [500, 990, 999, 1_000].map(|part| quantile(&times, part));
        println!("{name:24} {median:>8.0} {p99:>8.0} {p999:>8.0} {max:>8.0}");
    }
    Ok(())
}

/// Asks for what burns, at a pace that keeps one worker busy for half of the time, while `burning` says so.
fn burn(port: u16, burning: &AtomicBool, stop: &AtomicBool) -> Result<(), String> {
    let ask = |client: &mut Client| client.ask("/burn/a").and_then(|()| client.read_any());
    let mut client = Client::connect(port).map_err(|error| error.to_string())?;
    while !stop.load(Ordering::Relaxed) {
        if burning.load(Ordering::Relaxed) {
            let started = Instant::now();
            ask(&mut client).map_err(|error| error.to_string())?;
            std::thread::sleep(started.elapsed());
        } else {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// The words of two behaviors: one whose function burns, one whose function does not.
fn words() -> [String; 2] {
    let function = |name: &str, body: &str| {
        format!(
            "[[function]]\nname = \"{name}\"\nruntime = \"cloudfront-js-2.0\"\nmemo = false\n\
             code = \"function handler(event) {{ {body} return event.request; }}\"\n"
        )
    };
    let behavior = |pattern: &str, name: &str| {
        format!(
            "[[distribution.behavior]]\n{pattern}target = \"o\"\ncache_policy = \"CachingOptimized\"\n\
             viewer_request = \"{name}\"\n"
        )
    };
    let burner = format!("let n = 0; for (let i = 0; i < {BURNED_STEPS}; i++) n += i;");
    [
        function("innocent", "event.request.headers['x-a'] = { value: '1' };")
            + &function("burner", &burner),
        behavior("path_pattern = \"/burn/*\"\n", "burner") + &behavior("", "innocent"),
    ]
}

/// Latencies of an innocent behavior, without and with a neighbour that burns.
fn innocents(threads: usize) -> Result<(), Box<dyn Error>> {
    let port = support::free_port()?;
    let [functions, behaviors] = words();
    let name = format!("neighbours-{threads}");
    let server = Server::verge(&name, threads, port, support::origin()?, [&functions, &behaviors])?;
    let mut client = Client::connect(port)?;
    let (burning, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut latencies = [const { Vec::new() }; 2];
    let mut busy = [0; 2];
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        let burner = scope.spawn(|| burn(port, &burning, &stop));
        let mut measure = || -> Result<(), Box<dyn Error>> {
            for round in 0..2 * ROUNDS {
                burning.store(round % 2 == 1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
                let (before, began) = (server.cpu_nanoseconds()?, Instant::now());
                for _ in 0..INNOCENT_REQUESTS_PER_ROUND {
                    let started = Instant::now();
                    client.ask("/a")?;
                    client.read()?;
                    latencies[round % 2].push(started.elapsed());
                    std::thread::sleep(INNOCENT_PAUSE);
                }
                let used = u128::from(server.cpu_nanoseconds()? - before);
                busy[round % 2] += used * 100 / began.elapsed().as_nanos();
            }
            Ok(())
        };
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        burner.join().map_err(|_| "the burner panicked")??;
        measured
    })?;
    for (times, (name, busy)) in latencies.iter_mut().zip(["alone", "beside it"].iter().zip(busy)) {
        times.sort_unstable();
        let [median, p90, p99] = [500, 900, 990].map(|part| quantile(times, part));
        let busy = busy / ROUNDS as u128;
        println!("{threads:>7} {name:12} {median:>8.0} {p90:>8.0} {p99:>8.0} {busy:>8}");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-code");
    let engine = JsEngine::new(&Sandbox::new(Mode::Production, Some(&cache))?)?;
    fleet(&engine)?;
    cutoff(&engine)?;
    println!("\nlatency of an innocent cache hit with a function, microseconds");
    println!(
        "{:>7} {:12} {:>8} {:>8} {:>8} {:>8}",
        "workers", "", "median", "p90", "p99", "% of CPU"
    );
    innocents(1)?;
    innocents(2)
}
