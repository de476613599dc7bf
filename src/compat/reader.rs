//! From text to a syntax tree with scopes.
//!
//! The parser is native code that recurses, and a stack overflow would end the process. Brackets nest no deeper than the
//! edge's own engine takes them; other chains (`!!!!a`, `a ? b : c ? …`, else after else) are bounded by the size of the
//! source, and the stack is measured to hold the deepest tree that fits into it.

use std::thread;

use oxc_allocator::Allocator;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use super::{Dialect, Finding, Report, rules, walk};
use crate::limits;

/// Reads and checks `source` on a thread with room for any nesting.
pub(super) fn on_large_stack(source: &str, dialect: Dialect) -> Vec<Finding> {
    let unread = |why: &str| {
        let mut report = Report::new(source, dialect);
        let message = format!("the source was not looked at: {why}");
        report.add_worded(&rules::NOT_CHECKED, 0, message, "simplify it, or set compat = \"off\"");
        report.findings()
    };
    if nests_deeper(source, limits::SOURCE_NESTING_DEPTH_MAX) {
        return unread(&format!("brackets nest deeper than {}", limits::SOURCE_NESTING_DEPTH_MAX));
    }
    thread::scope(|scope| {
        let builder =
            thread::Builder::new().name("lint".into()).stack_size(limits::LINT_STACK_BYTES);
        match builder.spawn_scoped(scope, || read(source, dialect)) {
            Ok(thread) => thread.join().unwrap_or_else(|_| unread("the parser gave up")),
            Err(error) => unread(&error.to_string()),
        }
    })
}

/// Counts brackets in texts and comments too, as the edge's engine does: only sources that no human wrote notice.
fn nests_deeper(source: &str, most: usize) -> bool {
    let mut depth = 0usize;
    source.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > most
    })
}

fn read(source: &str, dialect: Dialect) -> Vec<Finding> {
    let mut report = Report::new(source, dialect);
    let allocator = Allocator::default();
    // A module is strict code and may import; both runtimes are always strict.
    let options = ParseOptions { preserve_parens: false, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, source, SourceType::mjs()).with_options(options).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        let offset = error.labels.first().map_or(0, oxc_span::LabeledSpan::offset);
        let message = format!("the source cannot be read: {}", error.message);
        let remedy = "correct the syntax; the rest of the source was not looked at";
        report.add_worded(&rules::SYNTAX, offset, message, remedy);
        return report.findings();
    }
    let program = allocator.alloc(parsed.program);
    let tree = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    walk(&tree, &mut report);
    find_redeclared(&allocator, source, &mut report);
    report.findings()
}

/// Names that are declared twice in one scope. CloudFront's engines read a source without imports as a script, where
/// functions and variables may share a name.
fn find_redeclared(allocator: &Allocator, source: &str, report: &mut Report<'_>) {
    let script = Parser::new(allocator, source, SourceType::script()).parse();
    let parsed = if script.diagnostics.errors().next().is_none() {
        script
    } else {
        Parser::new(allocator, source, SourceType::mjs()).parse()
    };
    let program = allocator.alloc(parsed.program);
    let checked = SemanticBuilder::new().with_check_syntax_error(true).build(program);
    for error in checked.diagnostics.errors() {
        if !error.message.ends_with("has already been declared") {
            continue;
        }
        let offset = error.labels.last().map_or(0, oxc_span::LabeledSpan::offset);
        let message = format!("the source is refused: {}", error.message);
        report.add_worded(&rules::REDECLARED, offset, message, "give one of the two another name");
    }
}
