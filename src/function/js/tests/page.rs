//! docs/runtimes.md against the engine and the compatibility lint, row by row.

use super::*;
use crate::compat::{self, Dialect};

const PAGE: &str = include_str!("../../../../docs/runtimes.md");

/// What a row says of one runtime.
struct Row<'a> {
    section: &'a str,
    codes: Vec<&'a str>,
    dialect: Dialect,
    /// `supported`, `differs` or `refused`.
    verdict: &'a str,
    note: &'a str,
}

/// The code spans of a cell, with one or two backticks around each.
fn spans(cell: &str) -> Vec<&str> {
    let fence = if cell.contains("``") { "``" } else { "`" };
    cell.split(fence).skip(1).step_by(2).map(str::trim).collect()
}

fn rows() -> Vec<Row<'static>> {
    let mut section = "";
    let mut rows = Vec::new();
    for line in PAGE.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let Some(cells) = line.strip_prefix("| `").map(|_| line.trim_matches('|')) else {
            continue;
        };
        let cells: Vec<&str> = cells.split(" | ").map(str::trim).collect();
        let [what, one, two, rest @ ..] = cells.as_slice() else { panic!("{line}") };
        for (dialect, verdict) in [(Dialect::One, *one), (Dialect::Two, *two)] {
            let note = rest.first().copied().unwrap_or_default();
            rows.push(Row { section, codes: spans(what), dialect, verdict, note });
        }
    }
    rows.into_iter().filter(|row| row.section != "The event").collect()
}

impl Row<'_> {
    /// A function that uses what the row is about, and throws where it is not there.
    fn source(&self, codes: &[&str]) -> String {
        let uses = codes.iter().map(|code| match (self.section, code.rsplit_once('.')) {
            ("Members" | "Modules", Some((owner, name))) => format!(
                "(function () {{ return {code}; }});
                 if (!('{name}' in {owner})) {{ throw new Error('no {code}'); }}"
            ),
            ("Globals", _) => format!("({code});"),
            _ => (*code).to_owned(),
        });
        let body = uses.collect::<Vec<_>>().join("\n");
        let module = codes[0].split('.').next().filter(|_| self.section == "Modules");
        let module = module.map(|name| match self.dialect {
            Dialect::One => format!("var {name} = require('{name}');\n"),
            Dialect::Two => format!("import {name} from '{name}';\n"),
        });
        let module = module.unwrap_or_default();
        format!("{module}function handler(event) {{\n{body}\nreturn event.request; }}")
    }

    fn runs(&self, codes: &[&str]) -> Result<(), String> {
        let runtime = match self.dialect {
            Dialect::One => Runtime::CloudfrontJs10,
            Dialect::Two => Runtime::CloudfrontJs20,
        };
        let function = load_as(Mode::Production, runtime, &self.source(codes));
        let function = function.map_err(|error| error.to_string())?;
        let called = on_request(&function, &plain(), &mut patient());
        called.result.map(|_| ()).map_err(|error| error.to_string())
    }

    fn lint(&self, codes: &[&str]) -> Result<(), String> {
        let findings = compat::lint(&self.source(codes), self.dialect);
        match findings.iter().find(|finding| finding.fails_strict()) {
            Some(finding) => Err(finding.to_string()),
            None => Ok(()),
        }
    }

    /// Why the row is not true, if it is not.
    fn complaint(&self) -> Option<String> {
        // What has to fail is tried one by one, what has to go well together.
        let fails = |tried: &dyn Fn(&[&str]) -> Result<(), String>, told: &str| {
            let well = self.codes.iter().find(|code| tried(&[**code]).is_ok());
            well.map(|code| format!("{code} {told}"))
        };
        let note = self.note;
        match self.verdict {
            "supported" | "differs" => {
                self.lint(&self.codes).and_then(|()| self.runs(&self.codes)).err()
            }
            "refused" => fails(&|codes| self.lint(codes), "passes the lint").or_else(|| {
                if note.contains("not there") || note.contains("throws") {
                    fails(&|codes| self.runs(codes), "runs")
                } else if note.contains("run here") {
                    self.runs(&self.codes).err()
                } else {
                    None
                }
            }),
            other => Some(format!("{other:?} is no verdict")),
        }
    }
}

#[test]
fn every_row_of_the_page_is_true() {
    let rows = rows();
    assert!(rows.len() > 150, "{}", rows.len());
    let complaints = rows.iter().filter_map(|row| {
        let runtime = row.dialect.as_str();
        row.complaint().map(|complaint| format!("{} ({runtime}): {complaint}", row.codes[0]))
    });
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
