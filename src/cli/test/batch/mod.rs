//! `verge test --batch`: a run a line on standard input, a result a line on standard output, in the same order.
//! docs/testing.md has the protocol.

mod functions;
mod line;

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::Format;
use super::run::{self, Outcome, Setting};
use super::{Trouble, loader, report, store, subjects};
use crate::error::{FunctionError, FunctionFailure};
use crate::function::LoadError;
use crate::limits::TEST_BATCH_LINE_BYTES_MAX;
use functions::Functions;
use line::Run;

/// Bytes read from standard input at a time.
const INPUT_BYTES: usize = 256 << 10;

/// Answers every line until the input ends.
pub(super) fn run() -> ExitCode {
    let mut functions = match loader(subjects::user_code_cache().as_deref()) {
        Ok(loader) => Functions::new(loader),
        Err(trouble) => {
            report::trouble(&trouble, Format::Human);
            return trouble.exit_code();
        }
    };
    let input = BufReader::with_capacity(INPUT_BYTES, io::stdin().lock());
    match answer_all(input, BufWriter::new(io::stdout().lock()), &mut functions) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::trouble(&Trouble::Failure(error.to_string()), Format::Human);
            ExitCode::FAILURE
        }
    }
}

fn answer_all(
    mut input: BufReader<impl io::Read>,
    mut output: impl Write,
    functions: &mut Functions,
) -> io::Result<()> {
    let mut text = Vec::new();
    loop {
        let answer = match read_line(&mut input, &mut text)? {
            Line::End => return output.flush(),
            Line::TooLong => Some(usage(
                &Value::Null,
                &format!("the line is longer than {TEST_BATCH_LINE_BYTES_MAX} bytes"),
            )),
            Line::Whole if text.trim_ascii().is_empty() => None,
            Line::Whole => Some(answer(&text, functions)),
        };
        if let Some(answer) = answer {
            serde_json::to_writer(&mut output, &answer)?;
            output.write_all(b"\n")?;
        }
        // Whoever waits for an answer before asking again must get it.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line into `text`, without its end; of one that is too long, only the end is looked for.
fn read_line(input: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<Line> {
    text.clear();
    let mut length = 0_usize;
    loop {
        let part = input.fill_buf()?;
        if part.is_empty() {
            return Ok(match length {
                0 => Line::End,
                _ if length > TEST_BATCH_LINE_BYTES_MAX => Line::TooLong,
                _ => Line::Whole,
            });
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let of_line = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
        length = length.saturating_add(of_line.len());
        if length <= TEST_BATCH_LINE_BYTES_MAX {
            text.extend_from_slice(of_line);
        }
        let used = end.map_or(part.len(), |end| end + 1);
        input.consume(used);
        match end {
            Some(_) if length > TEST_BATCH_LINE_BYTES_MAX => return Ok(Line::TooLong),
            Some(_) => return Ok(Line::Whole),
            // A line that is not empty so far must not look like the end.
            None => length = length.max(1),
        }
    }
}

/// The answer to one line.
fn answer(text: &[u8], functions: &mut Functions) -> Value {
    let value: Value = match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(error) => return usage(&Value::Null, &format!("the line is not JSON: {error}")),
    };
    let id = value.get("id").cloned().unwrap_or_default();
    let Run { runtime, code, name, event, event_type, store, now_ms, seed } =
        match Run::parse(value) {
            Ok(run) => run,
            Err(why) => return usage(&id, &why),
        };
    let store = match store.map(store::parse).transpose() {
        Ok(store) => store,
        Err(why) => return usage(&id, &format!("kvs {why}")),
    };
    let function = match functions.get(&name, runtime, code) {
        Ok(function) => function,
        Err(error) => return not_loaded(&id, &error),
    };
    let setting = Setting { event_type, now_ms, seed, store };
    match run::run_viewer(&function, &event, &setting) {
        Ok((outcome, origin)) => ran(&id, outcome, &origin),
        Err(why) => usage(&id, &why),
    }
}

/// The answer when a function ran; `origin`: what the origin helpers did.
fn ran(id: &Value, outcome: Outcome, origin: &Value) -> Value {
    let utilization = run::share(&outcome, 1).to_string();
    let mut answer = json!({ "id": id });
    match outcome.result {
        Ok(output) => {
            answer["origin"] = origin.clone();
            answer["result"] = output;
        }
        Err(error) => {
            answer["error"] = thrown(&error);
            answer["origin"] = Value::Null;
        }
    }
    answer["logs"] = outcome.logs.into();
    answer["computeUtilization"] = utilization.into();
    answer
}

fn thrown(error: &FunctionError) -> Value {
    let kind = match error.failure {
        FunctionFailure::Validation => "validation",
        FunctionFailure::Execution => "execution",
        FunctionFailure::Throttled => "throttled",
    };
    let mut shown = json!({ "kind": kind, "message": error.message });
    if !error.frames.is_empty() {
        let frames = error.frames.iter().map(|frame| {
            let (line, column) = frame.place.unzip();
            json!({ "name": frame.name, "line": line, "column": column })
        });
        shown["stack"] = frames.collect();
    }
    shown
}

fn not_loaded(id: &Value, error: &LoadError) -> Value {
    let (line, column) = (error.line, error.column);
    let shown = json!({ "kind": "load", "message": error.message, "line": line, "column": column });
    failed(id, shown)
}

fn usage(id: &Value, message: &str) -> Value {
    failed(id, json!({ "kind": "usage", "message": message }))
}

/// The answer when nothing ran.
fn failed(id: &Value, error: Value) -> Value {
    json!({ "id": id, "error": error, "origin": null, "logs": [], "computeUtilization": "0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_and_long_ones_passed_over() {
        let long = "x".repeat(TEST_BATCH_LINE_BYTES_MAX + 1);
        let text = format!("a\n\n{long}\nb");
        let mut input = BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut told = Vec::new();
        loop {
            match read_line(&mut input, &mut line).expect("memory can be read") {
                Line::End => break,
                Line::TooLong => told.push("(too long)".to_owned()),
                Line::Whole => told.push(String::from_utf8_lossy(&line).into_owned()),
            }
        }
        assert_eq!(told, ["a", "", "(too long)", "b"]);
    }
}
