//! The hostile functions, read from their file: shared by the scene that sends them requests and the bench that times
//! how long their answers take.

const TEXT: &str = include_str!("functions.js");

/// Name and source of every hostile function.
pub fn functions() -> Vec<(String, String)> {
    let parts = TEXT.split("\n//# ").skip(1);
    let named = parts.map(|part| {
        let (name, body) = part.split_once('\n').expect("a name ends with its line");
        (name.to_owned(), format!("function handler(e) {{\n{body}\n}}"))
    });
    named.collect()
}
