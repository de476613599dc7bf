//! Two values, compared by what they mean: the order of members and the spelling of numbers do not matter.

use serde_json::{Map, Value};

use crate::limits::TEST_DIFFERENCES_ITEMS_MAX;

/// One place where two values differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Difference {
    /// Such as `request.headers.x-a.multiValue[1].value`; empty for the whole.
    pub path: String,
    /// `None`: nothing should be there.
    pub expected: Option<Value>,
    /// `None`: nothing is there.
    pub given: Option<Value>,
}

/// All differences, in the order of `expected` and then of what only `given` has; at most
/// [`TEST_DIFFERENCES_ITEMS_MAX`].
pub(super) fn differences(expected: &Value, given: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(Some(expected), Some(given), String::new(), &mut found);
    found
}

fn compare(
    expected: Option<&Value>,
    given: Option<&Value>,
    path: String,
    found: &mut Vec<Difference>,
) {
    if found.len() >= TEST_DIFFERENCES_ITEMS_MAX {
        return;
    }
    match (expected, given) {
        (Some(Value::Object(expected)), Some(Value::Object(given))) => {
            for (name, value) in expected {
                compare(Some(value), given.get(name), member(&path, name), found);
            }
            only(given, expected, &path, found);
        }
        (Some(Value::Array(expected)), Some(Value::Array(given))) => {
            for index in 0..expected.len().max(given.len()) {
                compare(expected.get(index), given.get(index), format!("{path}[{index}]"), found);
            }
        }
        (Some(expected), Some(given)) if same(expected, given) => {}
        (expected, given) => {
            let (expected, given) = (expected.cloned(), given.cloned());
            found.push(Difference { path, expected, given });
        }
    }
}

/// What only `given` has.
fn only(
    given: &Map<String, Value>,
    expected: &Map<String, Value>,
    path: &str,
    found: &mut Vec<Difference>,
) {
    for (name, value) in given.iter().filter(|(name, _)| !expected.contains_key(*name)) {
        compare(None, Some(value), member(path, name), found);
    }
}

fn same(expected: &Value, given: &Value) -> bool {
    match (expected.as_f64(), given.as_f64()) {
        (Some(expected), Some(given)) => expected.total_cmp(&given).is_eq(),
        _ => expected == given,
    }
}

fn member(path: &str, name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '$');
    if name.is_empty() || !name.chars().all(plain) {
        return format!("{path}[{}]", Value::from(name));
    }
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let expected = json!({ "b": [1, { "c": "x" }], "a": 1.0, "gone": null, "x.y": 1 });
        let given = json!({ "a": 1, "b": [1, { "c": "y" }, 3], "x.y": 2, "more": {} });
        let told: Vec<_> = differences(&expected, &given)
            .into_iter()
            .map(|difference| (difference.path, difference.expected, difference.given))
            .collect();
        let row = |path: &str, expected, given| (path.to_owned(), expected, given);
        assert_eq!(
            told,
            [
                row("b[1].c", Some(json!("x")), Some(json!("y"))),
                row("b[2]", None, Some(json!(3))),
                row("gone", Some(json!(null)), None),
                row("[\"x.y\"]", Some(json!(1)), Some(json!(2))),
                row("more", None, Some(json!({}))),
            ]
        );
        assert_eq!(differences(&json!("1"), &json!(1)).len(), 1, "a text is no number");
        assert_eq!(differences(&expected, &expected), []);
    }
}
