//! From text to the file types, with every fault of form found at once: syntax, unknown keys,
//! types, ranges, missing keys. What is at fault is left out, so that the meaning of the rest can
//! still be checked.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::Problems;
use super::schema::schema_of;
use super::suggest;

/// Reads `text`, the content of `file`, as a `T`; `None` when the text is not TOML at all.
pub fn read<T: DeserializeOwned + JsonSchema>(file: &Path, text: &str) -> (Option<T>, Problems) {
    let mut problems = Problems::new(file);
    let lines = Lines::of(text);
    let (document, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        report_syntax(&faults, &lines, &mut problems);
        return (None, problems);
    }
    let schema = schema_of::<T>();
    let mut shape = Shape { root: &schema, lines, problems };
    let kept = shape.table(&schema, document.get_ref(), "");
    let mut problems = shape.problems;
    match serde_json::from_value(Value::Object(kept)) {
        Ok(value) => (Some(value), problems),
        Err(error) => {
            // The schema and the types are one source; a difference between them would show here.
            problems.add("", format!("cannot be read: {error}"), "");
            (None, problems)
        }
    }
}

/// One mistake often leads the parser to several complaints; the first of a line says it.
fn report_syntax(faults: &[toml::de::Error], lines: &Lines, problems: &mut Problems) {
    let mut last = None;
    for fault in faults {
        let line = fault.span().map(|span| lines.line(span.start));
        if line.is_none() || line != last {
            let message = format!("is not TOML: {}", fault.message());
            problems.add_at_line(line, "", message, "see https://toml.io/en/v1.0.0");
        }
        last = line;
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect(),
        )
    }

    /// The line of a byte, from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|newline| *newline < offset)
    }
}

/// Holds a document to a schema.
struct Shape<'s> {
    root: &'s Value,
    lines: Lines,
    problems: Problems,
}

impl<'s> Shape<'s> {
    /// The value without its faulty parts, or `None` if it is at fault itself.
    fn value(&mut self, schema: &'s Value, value: &DeValue<'_>, path: &str) -> Option<Value> {
        let schema = self.resolve(schema);
        let kinds = kinds(schema);
        let found = kind_of(value);
        let fits = |kind: &&str| *kind == found || (*kind == "number" && found == "integer");
        if !kinds.iter().any(fits) {
            let message = format!("must be {}, not {}", spell_kinds(&kinds), spell_kind(found));
            self.problems.add(path, message, "");
            return None;
        }
        match value {
            DeValue::Table(table) => Some(Value::Object(self.table(schema, table, path))),
            DeValue::Array(array) => self.array(schema, array, path),
            DeValue::String(text) => self.word(schema, text, path),
            DeValue::Boolean(truth) => Some(Value::Bool(*truth)),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                self.number(schema, number.map(Into::into).ok(), path)
            }
            DeValue::Float(number) => {
                let number = number.as_str().parse().ok();
                self.number(schema, number.and_then(serde_json::Number::from_f64), path)
            }
            DeValue::Datetime(_) => None,
        }
    }

    fn table(&mut self, schema: &'s Value, table: &DeTable<'_>, path: &str) -> Map<String, Value> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let known: Vec<&str> =
            properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let mut kept = Map::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let at = join(path, name);
            self.problems.note(&at, self.lines.line(key.span().start));
            match properties.and_then(|properties| properties.get(name)).or(others) {
                Some(schema) => {
                    if let Some(value) = self.value(schema, value.get_ref(), &at) {
                        kept.insert(name.to_owned(), value);
                    }
                }
                None => {
                    let message = format!("there is no key \"{name}\" here");
                    self.problems.add(at, message, suggest::remedy(name, &known, "use one of"));
                }
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !table.contains_key(name) {
                let meaning = properties.and_then(|all| all.get(name)).and_then(description);
                let remedy = format!("add `{name}`: {}", meaning.unwrap_or_default());
                self.problems.add(
                    join(path, name),
                    "is missing",
                    remedy.trim_end_matches(['.', ' ']),
                );
            }
        }
        kept
    }

    fn array(&mut self, schema: &'s Value, array: &DeArray<'_>, path: &str) -> Option<Value> {
        let items = self.resolve(schema.get("items")?);
        let of_tables = kinds(items).contains(&"object");
        let mut kept = Vec::new();
        let mut whole = true;
        for (index, item) in array.iter().enumerate() {
            let at = format!("{path}[{index}]");
            self.problems.note(&at, self.lines.line(start(item)));
            match self.value(items, item.get_ref(), &at) {
                Some(value) => kept.push(value),
                // An empty table in its place keeps the numbers of those behind it.
                None if of_tables => kept.push(Value::Object(Map::new())),
                None => whole = false,
            }
        }
        whole.then_some(Value::Array(kept))
    }

    fn word(&mut self, schema: &Value, text: &str, path: &str) -> Option<Value> {
        let words = words(schema);
        if words.is_empty() || words.contains(&text) {
            return Some(Value::String(text.to_owned()));
        }
        let message = format!("\"{text}\" is not one of its values");
        self.problems.add(path, message, suggest::remedy(text, &words, "use one of"));
        None
    }

    fn number(
        &mut self,
        schema: &Value,
        number: Option<serde_json::Number>,
        path: &str,
    ) -> Option<Value> {
        let bound = |name| schema.get(name).and_then(Value::as_f64);
        let (least, most) = (bound("minimum"), bound("maximum"));
        let size = number.as_ref().and_then(serde_json::Number::as_f64);
        let fits = size.is_some_and(|size| {
            least.is_none_or(|least| size >= least) && most.is_none_or(|most| size <= most)
        });
        if fits {
            return number.map(Value::Number);
        }
        let remedy = match (least, most) {
            (Some(least), Some(most)) => format!("use {least} to {most}"),
            (Some(least), None) => format!("use {least} or more"),
            (None, Some(most)) => format!("use at most {most}"),
            (None, None) => "use a number that 64 bits hold".to_owned(),
        };
        self.problems.add(path, "is out of range", remedy);
        None
    }

    /// Follows `$ref`: the schemas of the file types refer to each other by name.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target =
            reference.and_then(|reference| self.root.pointer(reference.strip_prefix('#')?));
        target.unwrap_or(schema)
    }
}

/// A table's own span may lie behind its header; the header's line is what a reader looks for.
fn start(item: &Spanned<DeValue<'_>>) -> usize {
    item.span().start
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}

/// The types a schema allows; those of a list of words are strings.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => vec!["string"],
    }
}

/// The words a schema allows; empty when any text will do.
fn words(schema: &Value) -> Vec<&str> {
    let list = |name| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    let described = list("oneOf").filter_map(|choice| choice.get("const"));
    list("enum").chain(described).filter_map(Value::as_str).collect()
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn spell_kinds(kinds: &[&str]) -> String {
    kinds.iter().map(|kind| spell_kind(kind)).collect::<Vec<_>>().join(" or ")
}

fn spell_kind(kind: &str) -> &str {
    match kind {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        "date" => "a date",
        other => other,
    }
}
