//! Snippets and what is found in them; what must find nothing; what must not break the lint.

use proptest::prelude::*;

use super::{Certainty, Dialect, lint, rules};
use crate::limits;

mod findings;
mod hostile;
mod innocent;

/// `code line:column` for each finding, with `?` after one that is only possible and `~` after advice.
fn found(dialect: Dialect, source: &str) -> String {
    let findings = lint(source, dialect);
    let words = findings.iter().map(|finding| {
        let mark = match finding.certainty {
            Certainty::Refused => "",
            Certainty::Possible => "?",
            Certainty::Advice => "~",
        };
        format!("{} {}:{}{mark}", finding.code, finding.line, finding.column)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// All rows that differ at once: a table is corrected as a whole.
fn compare(rows: &[(Dialect, &str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(dialect, source, expected)| {
            let given = found(*dialect, source);
            let line = format!("{dialect:?} {source:?}\n  expected {expected}\n  given    {given}");
            (given != *expected).then_some(line)
        })
        .collect();
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_is_explained_on_the_page() {
    let page = include_str!("../../docs/compatibility.md");
    let missing: Vec<_> =
        rules::ALL.iter().filter(|rule| !page.contains(&format!("`{}`", rule.code))).collect();
    assert!(missing.is_empty(), "docs/compatibility.md does not explain {missing:?}");
}

#[test]
fn a_finding_says_what_is_wrong_what_to_do_and_shows_the_place() {
    let findings = lint("function handler(e) {\n\treturn new URL(e.request.uri);\n}", Dialect::Two);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(finding.message, "cloudfront-js-2.0 has no URL");
    assert!(finding.remedy.contains("request.uri"), "{finding:?}");
    assert_eq!(finding.marked(), "    \treturn new URL(e.request.uri);\n    \t           ^");
    assert!(finding.fails_strict());
}

#[test]
fn of_a_long_line_the_part_around_the_place_is_shown() {
    let source = format!("var a = [{}];a.flat();", "1,".repeat(2_000));
    let findings = lint(&source, Dialect::Two);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    assert!(finding.excerpt.chars().count() <= limits::SOURCE_EXCERPT_CHARS_MAX);
    let from_caret: String = finding.excerpt.chars().skip(finding.caret).collect();
    assert_eq!(from_caret, "flat();");
}

#[test]
fn no_amount_of_advice_hides_what_is_refused() {
    let source = "x => async y => y;\n".repeat(300) + "class A {}";
    let findings = lint(&source, Dialect::Two);
    assert!(findings.iter().any(|finding| finding.code == "class"));
    assert_eq!(findings.len(), limits::LINT_FINDINGS_ITEMS_MAX + 1);
}

proptest! {
    #[test]
    fn no_text_breaks_the_lint(source in "\\PC{0,200}") {
        let findings = lint(&source, Dialect::Two);
        prop_assert!(findings.len() <= 2 * limits::LINT_FINDINGS_ITEMS_MAX);
    }

    #[test]
    fn no_sequence_of_words_breaks_the_lint(
        words in proptest::collection::vec(proptest::sample::select(WORDS), 0..80)
    ) {
        let source = words.join(" ");
        for dialect in [Dialect::One, Dialect::Two] {
            for finding in lint(&source, dialect) {
                let line = source.lines().nth(finding.line - 1).unwrap_or_default();
                prop_assert!(finding.column <= line.chars().count() + 1, "{finding:?}");
            }
        }
    }
}

/// What programs are made of, and what is not ASCII.
const WORDS: &[&str] = &[
    "a",
    "b",
    "ä",
    "𝒳",
    "x=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ";",
    ",",
    "=>",
    "async",
    "await",
    "function",
    "function*",
    "class",
    "extends",
    "?.",
    "??=",
    "...",
    "`",
    "${",
    "/a/u",
    "1n",
    "'t'",
    "if(a)",
    "else",
    "for(",
    "of",
    "in",
    "var",
    "let",
    "const",
    "=",
    "+",
    "!",
    "typeof",
    "new",
    "import",
    "from",
    "export",
    "URL",
    "Array",
    ".flat()",
    ".prototype",
    "console.log(1,2)",
    "try{}catch",
    "\n",
    "return",
    "yield",
    "super",
    "#p",
    "//",
    "/*",
    "*/",
    "\u{2028}",
    "\r\n",
    "?",
    ":",
    "require(",
];
