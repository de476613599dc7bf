//! What CloudFront's own engine would refuse of a viewer function that runs here.
//!
//! CloudFront runs a relative of njs, which takes less of JavaScript than the engine of this edge. [`lint`] reads a source
//! into a syntax tree with scopes and looks every construct, global, member and module up in tables:
//!
//! ```text
//! reader   text -> tree, on a stack that no source of the allowed size can exhaust
//! syntax   constructs               rules     their table
//! globals  names nobody declared    names     what each runtime has
//! patterns regular expressions
//! members  methods, modules         kinds     what an expression is, when the source says so
//! ```
//! It is called when functions are loaded and never for a request. docs/compatibility.md explains every code.

mod globals;
mod kinds;
mod members;
mod modules;
mod names;
mod patterns;
mod reader;
mod rules;
mod syntax;

use std::fmt;

use oxc_semantic::Semantic;

use crate::limits;
use rules::{Rule, Verdict};

/// The runtime that a function is written for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// `cloudfront-js-1.0`.
    One,
    /// `cloudfront-js-2.0`.
    Two,
}

impl Dialect {
    /// As written in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "cloudfront-js-1.0",
            Self::Two => "cloudfront-js-2.0",
        }
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// CloudFront refuses it, or throws when it is reached.
    Refused,
    /// It does if a value is of the kind that the message names, which the source does not say.
    Possible,
    /// It runs there, but AWS advises against it.
    Advice,
}

/// One thing that CloudFront would not take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The rule, in kebab-case.
    pub code: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
    /// Line in the source, from 1.
    pub line: usize,
    /// Column in that line, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The source's line; of a long one the part around the column.
    pub excerpt: String,
    /// Where in `excerpt` the column is, characters from 0.
    pub caret: usize,
}

impl Finding {
    /// Whether a function with it does not pass `strict`.
    #[must_use]
    pub fn fails_strict(&self) -> bool {
        self.certainty != Certainty::Advice
    }

    /// The source's line, and below it a caret under the column.
    #[must_use]
    pub fn marked(&self) -> String {
        // A tab stays a tab, so that the caret stands where the reader's terminal puts the column.
        let before = self.excerpt.chars().take(self.caret);
        let blank: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("    {}\n    {blank}^", self.excerpt)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.code, self.message, self.remedy)
    }
}

/// Everything in `source` that CloudFront's engine would refuse, in the order of the source. Takes well under a
/// millisecond for a usual function, and a thread of its own. A source that cannot be read is a finding too, so that
/// nothing passes without having been looked at.
#[must_use]
pub fn lint(source: &str, dialect: Dialect) -> Vec<Finding> {
    if source.len() > limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX {
        let most = limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX;
        let mut report = Report::new(source, dialect);
        let message = format!("the source has {} bytes, {most} are allowed", source.len());
        report.add_worded(&rules::TOO_LARGE, 0, message, "minify it");
        return report.findings();
    }
    reader::on_large_stack(source, dialect)
}

/// Whether a rule only says that the source could not be looked at.
#[must_use]
pub fn is_about_reading(code: &str) -> bool {
    [&rules::TOO_LARGE, &rules::NOT_CHECKED, &rules::SYNTAX].iter().any(|rule| rule.code == code)
}

/// Walks the tree once for each table.
fn walk(tree: &Semantic<'_>, report: &mut Report<'_>) {
    syntax::check(tree, report);
    let own = globals::Own::collect(tree);
    globals::check(tree, &own, report);
    members::check(tree, &own, report);
    modules::check(tree, report);
}

/// The findings, as they are found.
struct Report<'a> {
    source: &'a str,
    dialect: Dialect,
    found: Vec<(u32, Finding)>,
}

impl<'a> Report<'a> {
    fn new(source: &'a str, dialect: Dialect) -> Self {
        Self { source, dialect, found: Vec::new() }
    }

    /// Adds what a rule of syntax says about the place `offset`, if it says anything for this runtime.
    fn add(&mut self, rule: &'static Rule, offset: u32) {
        self.add_about(rule, offset, rule.what);
    }

    /// The same with a name of its own for what is not there.
    fn add_about(&mut self, rule: &'static Rule, offset: u32, what: &str) {
        let message = match rule.verdict(self.dialect) {
            Verdict::Runs => return,
            Verdict::Refused => format!("{} has no {what}", self.dialect.as_str()),
            Verdict::Advice => what.to_owned(),
        };
        self.add_worded(rule, offset, message, rule.remedy);
    }

    /// Adds a finding in its own words.
    fn add_worded(&mut self, rule: &'static Rule, offset: u32, message: String, remedy: &str) {
        let certainty = match rule.verdict(self.dialect) {
            Verdict::Runs => return,
            Verdict::Refused => Certainty::Refused,
            Verdict::Advice => Certainty::Advice,
        };
        self.push(rule, certainty, offset, message, remedy.to_owned());
    }

    /// Adds a finding that depends on what a value turns out to be.
    fn add_possible(&mut self, rule: &'static Rule, offset: u32, message: String, remedy: String) {
        self.push(rule, Certainty::Possible, offset, message, remedy);
    }

    fn push(
        &mut self,
        rule: &'static Rule,
        certainty: Certainty,
        offset: u32,
        message: String,
        remedy: String,
    ) {
        // Counted apart, so that no amount of advice hides what fails.
        let advice = certainty == Certainty::Advice;
        let alike = self.found.iter().filter(|(_, f)| advice == (f.certainty == Certainty::Advice));
        if alike.count() >= limits::LINT_FINDINGS_ITEMS_MAX {
            return;
        }
        let place = place(self.source, offset);
        let (line, column) = (place.line, place.column);
        let Place { excerpt, caret, .. } = place;
        let code = rule.code;
        let finding = Finding { code, certainty, line, column, message, remedy, excerpt, caret };
        self.found.push((offset, finding));
    }

    fn findings(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|(offset, _)| *offset);
        let mut findings: Vec<_> = self.found.into_iter().map(|(_, finding)| finding).collect();
        findings.dedup();
        findings
    }
}

/// A place for people.
struct Place {
    line: usize,
    column: usize,
    excerpt: String,
    caret: usize,
}

/// Where byte `offset` of `source` is.
fn place(source: &str, offset: u32) -> Place {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(source.len());
    let before = source.as_bytes().get(..offset).unwrap_or_default();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let text = source.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let column = source.get(start..offset).map_or(0, |text| text.chars().count());
    // A minified source is one line: the part around the place says more than all of it.
    let most = limits::SOURCE_EXCERPT_CHARS_MAX;
    let skipped = if text.chars().count() > most { column.saturating_sub(most / 2) } else { 0 };
    let excerpt = text.chars().skip(skipped).take(most).collect();
    Place { line, column: column + 1, excerpt, caret: column - skipped }
}

#[cfg(test)]
mod tests;
