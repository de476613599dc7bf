//! YAML 1.2 as another spelling of JSON: one document, keys that are texts, no aliases.

use std::fmt::Write;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::limits::TEST_YAML_DEPTH_MAX;

/// A list or table that is not complete yet.
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Table(Map<String, Value>, Option<String>),
}

/// Reads a document.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut reading = Reading::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("is not YAML: {error}"))?;
        let at = |error: String| format!("line {}: {error}", span.start.line());
        reading.event(event).map_err(at)?;
    }
    Ok(reading.whole.unwrap_or(Value::Null))
}

#[derive(Default)]
struct Reading {
    open: Vec<Open>,
    whole: Option<Value>,
}

impl Reading {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, _, tag) => {
                let value = match tag.as_ref().map(|tag| &*tag.suffix) {
                    None if style == ScalarStyle::Plain && !self.expects_key() => plain(&text),
                    None | Some("str") => Value::String(text.into_owned()),
                    Some(_) => return Err("tags other than !!str have no meaning here".to_owned()),
                };
                self.put(value)
            }
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new())),
            Event::MappingStart(..) => self.begin(Open::Table(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.put(Value::Array(items)),
                Some(Open::Table(members, _)) => self.put(Value::Object(members)),
                None => Ok(()),
            },
            Event::Alias(_) => Err("aliases are not followed; write the value again".to_owned()),
            Event::DocumentStart(_) if self.whole.is_some() => {
                Err("there is a second document".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Table(_, None)))
    }

    fn begin(&mut self, open: Open) -> Result<(), String> {
        if self.expects_key() {
            return Err("a key must be a text".to_owned());
        }
        if self.open.len() >= TEST_YAML_DEPTH_MAX {
            return Err(format!("more than {TEST_YAML_DEPTH_MAX} levels"));
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, value: Value) -> Result<(), String> {
        match self.open.last_mut() {
            None => self.whole = Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Table(members, key)) => match (key.take(), value) {
                (Some(key), value) => {
                    if members.contains_key(&key) {
                        return Err(format!("the key {key:?} is there twice"));
                    }
                    members.insert(key, value);
                }
                (None, Value::String(name)) => *key = Some(name),
                (None, _) => return Err("a key must be a text".to_owned()),
            },
        }
        Ok(())
    }
}

/// What a text without quotes stands for (YAML 1.2 section 10.3.2).
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = || -> Option<Value> {
        if let Some(digits) = text.strip_prefix("0o") {
            return u64::from_str_radix(digits, 8).ok().map(Value::from);
        }
        if let Some(digits) = text.strip_prefix("0x") {
            return u64::from_str_radix(digits, 16).ok().map(Value::from);
        }
        if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
            return None;
        }
        if let Ok(whole) = text.parse::<i64>() {
            return Some(whole.into());
        }
        let digits = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
        text.parse::<f64>().ok().filter(|_| text.chars().all(digits)).map(Value::from)
    };
    number().unwrap_or_else(|| text.into())
}

/// Writes a value as a document.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out
}

/// Writes a value's lines, each indented by `indent`, or the rest of a line that has begun.
pub(super) fn write(value: &Value, indent: usize, out: &mut String) {
    let gap = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let _ = write!(out, "{gap}{}:", word(name));
                write_after(value, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for value in items {
                let _ = write!(out, "{gap}-");
                write_after(value, indent, out);
            }
        }
        value => {
            let _ = writeln!(out, "{gap}{}", flat(value));
        }
    }
}

fn write_after(value: &Value, indent: usize, out: &mut String) {
    let nested = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        write(value, indent + 2, out);
    } else {
        let _ = writeln!(out, " {}", flat(value));
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        other => other.to_string(),
    }
}

/// A text without quotes where nobody can mistake it, else with them.
fn word(text: &str) -> String {
    let simple = |letter: char| letter.is_ascii_alphanumeric() || "/_-.".contains(letter);
    let unmistakable = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(simple)
        && plain(text).is_string();
    if unmistakable {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        let _ = match letter {
            '"' | '\\' => write!(quoted, "\\{letter}"),
            '\n' => write!(quoted, "\\n"),
            // Line ends and marks that a reader of YAML may take for something else.
            '\u{2028}' | '\u{2029}' | '\u{feff}' => write!(quoted, "\\u{:04x}", u32::from(letter)),
            control if control.is_control() => write!(quoted, "\\u{:04x}", u32::from(control)),
            other => write!(quoted, "{other}"),
        };
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_read_as_the_json_it_stands_for() {
        let text = "request: # a comment\n  method: GET\n  uri: '/a: b'\n  headers:\n    host: {value: h.example}\n\
                    list:\n- 1\n- -2.5\n- yes\n- true\n- ~\n- '3'\n- 0x10\n- 1.2.3\n200: \"\\u00e4\"\nfolded: >-\n  a\n  b\n";
        assert_eq!(
            parse(text),
            Ok(json!({
                "request": { "method": "GET", "uri": "/a: b", "headers": { "host": { "value": "h.example" } } },
                "list": [1, -2.5, "yes", true, null, "3", 16, "1.2.3"],
                "200": "ä",
                "folded": "a b",
            }))
        );
        assert_eq!(parse(""), Ok(Value::Null));
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_line() {
        for (text, message) in [
            ("a: &x [1]\nb: *x\n", "line 2: aliases"),
            ("a: 1\na: 2\n", "line 2: the key \"a\" is there twice"),
            ("? [1]\n: 2\n", "a key must be a text"),
            ("a: !!set {}\n--- \nb: 1\n", "line 2: there is a second document"),
            ("a: !thing 1\n", "line 1: tags"),
            ("a: [1\n", "is not YAML"),
        ] {
            let error = parse(text).expect_err("refused");
            assert!(error.contains(message), "{text}: {error}");
        }
        assert!(parse(&"[".repeat(300)).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[0-9a-z~ :#.+-]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-zA-Z0-9 .:~-]{0,5}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in value()) {
            prop_assert_eq!(parse(&text(&value)), Ok(value.clone()), "{}", text(&value));
        }

        #[test]
        fn no_text_is_too_odd(text in "[ -~\n\t]{0,60}") {
            let _ = parse(&text);
        }
    }
}
