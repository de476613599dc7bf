//! Sources that are made to exhaust the parser.

use super::super::{Dialect, lint};
use crate::limits;

/// `before`, as many `open` and `close` around `core` as fit, and `after`.
fn nested(before: &str, open: &str, core: &str, close: &str, after: &str) -> String {
    let room = limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX - before.len() - core.len() - after.len();
    let times = room / (open.len() + close.len());
    format!("{before}{}{core}{}{after}", open.repeat(times), close.repeat(times))
}

#[test]
fn chains_of_the_largest_size_do_not_exhaust_the_stack() {
    let shapes = [
        ("x=", "!", "1", "", ""),
        ("x=", "- ", "1", "", ""),
        ("", "typeof ", "a", "", ""),
        ("", "new ", "a", "", ""),
        ("a", ".a", "", "", ""),
        ("a", "?.a", "", "", ""),
        ("a", "()", "", "", ""),
        ("a", "[0]", "", "", ""),
        ("a", "``", "", "", ""),
        ("a", "+a", "", "", ""),
        ("", "a**", "a", "", ""),
        ("", "a??", "a", "", ""),
        ("", "a=", "a", "", ""),
        ("", "a=>", "a", "", ""),
        ("x=", "async a=>", "a", "", ""),
        ("", "a?a:", "a", "", ""),
        ("", "a?", "a", ":a", ""),
        ("", "a,", "a", "", ""),
        ("", "if(a);else ", ";", "", ""),
        ("", "if(a)", ";", "", ""),
        ("", "for(;;)", ";", "", ""),
        ("", "do ", ";", "while(a);", ""),
        ("", "with(a)", ";", "", ""),
        ("async function f(){", "await ", "a", "", "}"),
        ("function* f(){", "yield ", "a", "", "}"),
        ("x=", "class extends ", "a", "{}", ""),
    ];
    for (before, open, core, close, after) in shapes {
        let source = nested(before, open, core, close, after);
        assert!(source.len() > 10_000, "{open} is not the largest");
        for dialect in [Dialect::One, Dialect::Two] {
            // That it returns is what is asserted; what it finds differs.
            let findings = lint(&source, dialect);
            assert!(findings.iter().all(|finding| finding.code != "not-checked"), "{open}");
        }
    }
}

#[test]
fn brackets_that_nest_deeper_than_the_engine_takes_are_not_read_and_do_not_pass() {
    let shapes = [
        "[".repeat(10_000),
        "(".repeat(10_000),
        "{".repeat(10_000),
        "`${".repeat(3_000),
        nested("x=", "[", "", "]", ""),
        nested("x=", "(", "1", ")", ""),
        nested("", "(function(){", "", "})()", ""),
        nested("", "`${", "1", "}`", ""),
        nested("x=", "{a:", "1", "}", ""),
        nested("var ", "[", "a", "]", "=x"),
        nested("", "({a=", "1", "})", ""),
    ];
    for source in shapes {
        let findings = lint(&source, Dialect::Two);
        assert!(findings.iter().any(super::super::Finding::fails_strict), "{findings:?}");
        assert_eq!(findings.first().map(|finding| finding.code), Some("not-checked"));
    }
}

#[test]
fn a_source_beyond_the_largest_size_is_not_read_and_does_not_pass() {
    let source = ";".repeat(limits::VIEWER_FUNCTION_SOURCE_BYTES_MAX + 1);
    let findings = lint(&source, Dialect::Two);
    assert_eq!(findings.first().map(|finding| finding.code), Some("too-large"));
}
