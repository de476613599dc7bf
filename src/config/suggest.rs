//! "Did you mean": the nearest of the known names, if it is near enough to be a slip of the
//! fingers.

/// Words longer than this are not compared: nobody mistypes a page of text, and the comparison is
/// quadratic.
const COMPARED_CHARS_MAX: usize = 64;

/// The known name that `written` most likely stands for; `None` when nothing is near.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(written);
    if folded.len() > COMPARED_CHARS_MAX {
        return None;
    }
    let tolerated = folded.len().div_ceil(4).max(1);
    known
        .into_iter()
        .map(|name| (distance(&folded, &fold(name)), name))
        // A word of which nothing is left is no slip: `3` is not a mistyped `2`.
        .filter(|(steps, _)| *steps <= tolerated && *steps < folded.len())
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, name)| name)
}

/// `Did you mean "x"?` or, with nothing near, the whole list after `otherwise`.
#[must_use]
pub fn remedy(written: &str, known: &[&str], otherwise: &str) -> String {
    match nearest(written, known.iter().copied()) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None if known.is_empty() => format!("{otherwise}: there is none yet"),
        None => format!("{otherwise}: {}", known.join(", ")),
    }
}

/// Case, `-` and `_` are what people mix up most; they count for nothing.
fn fold(name: &str) -> Vec<char> {
    let plain = name.chars().filter(|character| !matches!(character, '-' | '_' | ' '));
    plain.flat_map(char::to_lowercase).take(COMPARED_CHARS_MAX + 1).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the
/// other.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, character) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, wanted) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(character != wanted);
            let mut steps = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && one[row - 1] == *wanted && other[column - 1] == *character;
            if swapped {
                steps = steps.min(before_last[column - 1] + 1);
            }
            current.push(steps);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["x", "cache_policy", "compress", "target", "CachingDisabled"];
        let cases = [
            ("cache-policy", Some("cache_policy")),
            ("cahce_policy", Some("cache_policy")),
            ("CompreS", Some("compress")),
            ("cachingdisable", Some("CachingDisabled")),
            ("traget", Some("target")),
            ("origin", None),
            ("t", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }

    #[test]
    fn a_remedy_lists_the_choices_when_nothing_is_near() {
        assert_eq!(remedy("zzzz", &["a", "b"], "use one of"), "use one of: a, b");
        assert_eq!(remedy("zzzz", &[], "add an origin"), "add an origin: there is none yet");
    }
}
