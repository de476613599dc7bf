//! Regular expressions that JavaScript takes and njs, which hands them to PCRE2, does not.
//!
//! Source: njs 0.7.9 with PCRE2, tried. Nobody has told CloudFront's engine from it, so these are possible findings.

use super::{Report, rules};

/// What PCRE2 refuses of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// `[\w-.]`
    Range,
    /// `[]`
    EmptyClass,
    /// `(?<=a+)`
    Lookbehind,
}

/// Looks at a pattern that begins at `offset` of the source, without its slashes or quotes.
pub(super) fn check(report: &mut Report<'_>, offset: u32, pattern: &str) {
    let Some(fault) = fault(pattern.as_bytes()) else { return };
    let (message, remedy) = match fault {
        Fault::Range => (
            "a hyphen between \\w and another character of a class is no range to PCRE2",
            "put the hyphen last, or escape it: [\\w.-]",
        ),
        Fault::EmptyClass => ("an empty class is no class to PCRE2", "use [\\s\\S] for [^]"),
        Fault::Lookbehind => (
            "a lookbehind without a fixed length is refused by PCRE2",
            "match the text before it as a group",
        ),
    };
    let remedy = remedy.to_owned();
    report.add_possible(&rules::REGEXP_PATTERN, offset, message.to_owned(), remedy);
}

fn fault(pattern: &[u8]) -> Option<Fault> {
    let mut rest = pattern;
    // Groups that are open; whether each is within a lookbehind.
    let mut groups: Vec<bool> = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'\\' => rest = after.get(1..).unwrap_or_default(),
            b'[' => match class(after) {
                Ok(after) => rest = after,
                Err(fault) => return Some(fault),
            },
            b'(' => {
                let behind = after.starts_with(b"?<=") || after.starts_with(b"?<!");
                groups.push(behind || groups.last() == Some(&true));
                // The question mark of the group itself is no quantifier.
                rest = after.strip_prefix(b"?").unwrap_or(after);
            }
            b')' => {
                groups.pop();
            }
            b'*' | b'+' | b'?' if groups.last() == Some(&true) => return Some(Fault::Lookbehind),
            _ => {}
        }
    }
    None
}

/// What follows a class whose `[` is behind, unless there is a fault in it.
fn class(inside: &[u8]) -> Result<&[u8], Fault> {
    let mut rest = inside.strip_prefix(b"^").unwrap_or(inside);
    if rest.starts_with(b"]") {
        return Err(Fault::EmptyClass);
    }
    let mut is_first = true;
    while let Some((is_set, after)) = class_member(rest) {
        let (hyphen, end) = (after.strip_prefix(b"-"), rest.starts_with(b"]"));
        if end {
            return Ok(after);
        }
        rest = after;
        // A hyphen in front of the end is itself, and so is one at the beginning.
        let lone = is_first && inside.starts_with(b"-");
        is_first = false;
        let Some(to) = hyphen.filter(|to| !to.starts_with(b"]") && !lone) else { continue };
        match class_member(to) {
            Some((false, after)) if !is_set => rest = after,
            Some(_) => return Err(Fault::Range),
            None => {}
        }
    }
    Ok(rest)
}

/// Whether what stands first in a class is a set such as `\w`, and what follows it.
fn class_member(rest: &[u8]) -> Option<(bool, &[u8])> {
    let (first, after) = rest.split_first()?;
    if *first != b'\\' {
        return Some((false, after));
    }
    let (escaped, after) = after.split_first()?;
    let digits = match escaped {
        b'x' => 2,
        b'u' => 4,
        b'c' => 1,
        _ => 0,
    };
    let is_set = matches!(escaped, b'w' | b'W' | b'd' | b'D' | b's' | b'S');
    Some((is_set, after.get(digits..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_pattern_breaks_the_reading(pattern in "[-\\\\\\[\\]()^?*+<=!wdxuca1]{0,30}") {
            // A pattern without special characters in front changes nothing.
            let longer = format!("ab{pattern}");
            prop_assert_eq!(fault(pattern.as_bytes()), fault(longer.as_bytes()));
        }
    }

    #[test]
    fn patterns_that_only_javascript_takes() {
        for (pattern, expected) in [
            (r"[\w-.]+@", Some(Fault::Range)),
            (r"a[.-\d]", Some(Fault::Range)),
            (r"[^\s-x]", Some(Fault::Range)),
            (r"[]", Some(Fault::EmptyClass)),
            (r"[^]*", Some(Fault::EmptyClass)),
            (r"(?<=a+)b", Some(Fault::Lookbehind)),
            (r"(?<!(?:a|b)?)c", Some(Fault::Lookbehind)),
            (r"[\w.-]+[-\w][a-z0-9\-_][\w\-.][\x41-\x5a][\u0041-z]", None),
            (r"\[\w-.\](?:a+)?(?<n>b*)(?=c+)(?!d*)", None),
            (r"(?<=ab)c+(?<!\+)d*", None),
            (r"[[(*]?[^)]*[^a]]", None),
            (r"[", None),
            ("\\", None),
        ] {
            assert_eq!(fault(pattern.as_bytes()), expected, "{pattern}");
        }
    }
}
