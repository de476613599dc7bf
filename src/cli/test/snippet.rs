//! An error with the line of the source that it comes from, as a compiler shows it.

use std::fmt::Write;
use std::path::Path;

use super::Loaded;
use crate::config::FunctionSource;
use crate::error::FunctionError;
use crate::function::LoadError;
use crate::limits::TEST_SHOWN_LINE_CHARS_MAX;

/// What a function threw, or why its result cannot be used.
pub(super) fn thrown(loaded: &Loaded, error: &FunctionError) -> String {
    let source = &loaded.subject.source;
    let mut text = shown(source, error.bare_message(), error.place());
    // The innermost call is the place above; a stack of one says nothing more.
    if error.frames.len() > 1 {
        for frame in &error.frames {
            let name = if frame.name.is_empty() { "(anonymous)" } else { &frame.name };
            let _ = match frame.place {
                Some((line, column)) => {
                    write!(text, "\n  at {name} ({}:{line}:{column})", source.file.display())
                }
                None => write!(text, "\n  at {name} (built in)"),
            };
        }
    }
    text
}

/// Why a function cannot be loaded.
pub(super) fn refused(source: &FunctionSource, error: &LoadError) -> String {
    let place = error.line.map(|line| (line, error.column.unwrap_or(1)));
    let mut text = shown(source, &error.message, place);
    if !error.remedy.is_empty() {
        let _ = write!(text, "\n  = {}", error.remedy);
    }
    text
}

fn shown(source: &FunctionSource, message: &str, place: Option<(u32, u32)>) -> String {
    let code = String::from_utf8_lossy(&source.code);
    match place {
        Some(place) => format!("error: {message}{}", at(&source.file, &code, place)),
        None => format!("error: {message}\n --> {}", source.file.display()),
    }
}

/// Place, line and caret. The line is cut to what is around the column; control characters become spaces.
fn at(file: &Path, code: &str, (line, column): (u32, u32)) -> String {
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let mut text = format!("\n{gap}--> {}:{line}:{column}", file.display());
    let index = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
    let Some(written) = index.and_then(|index| code.lines().nth(index)) else { return text };
    let characters: Vec<char> =
        written.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    let at = usize::try_from(column).unwrap_or_default().saturating_sub(1).min(characters.len());
    let start = if characters.len() <= TEST_SHOWN_LINE_CHARS_MAX {
        0
    } else {
        let latest = characters.len() - TEST_SHOWN_LINE_CHARS_MAX;
        at.saturating_sub(TEST_SHOWN_LINE_CHARS_MAX / 2).min(latest)
    };
    let end = characters.len().min(start + TEST_SHOWN_LINE_CHARS_MAX);
    let shown: String = characters.get(start..end).unwrap_or_default().iter().collect();
    let (before, after) =
        (if start > 0 { "…" } else { "" }, if end < characters.len() { "…" } else { "" });
    let caret = at - start + before.chars().count();
    let _ = write!(
        text,
        "\n{gap} |\n{number} | {before}{}{after}\n{gap} | {}^",
        shown.trim_end(),
        " ".repeat(caret)
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_under_the_column() {
        let code = "var a;\n\treturn b.c;\n";
        let shown = at(Path::new("f.js"), code, (2, 9));
        assert_eq!(shown, "\n --> f.js:2:9\n  |\n2 |  return b.c;\n  |         ^");
        let beyond = at(Path::new("f.js"), code, (9, 1));
        assert_eq!(beyond, "\n --> f.js:9:1");
        let past = at(Path::new("f.js"), "ab", (1, 99));
        assert!(past.ends_with("\n1 | ab\n  |   ^"), "{past}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let code = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let shown = at(Path::new("f.js"), &code, (1, 501));
        let lines: Vec<&str> = shown.lines().collect();
        let column = lines[4].chars().position(|one| one == '^');
        assert_eq!(lines[3].chars().position(|one| one == '!'), column, "{shown}");
        assert!(lines[3].chars().count() < 140 && lines[3].ends_with('…'), "{shown}");
    }
}
