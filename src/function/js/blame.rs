//! Where a name stands that is not defined. The engine keeps no place for it and tells the beginning of the function
//! that it is in; the name itself is the first of its kind behind that.

use crate::error::FunctionError;

/// What was thrown, with the place of the name if it is a `ReferenceError` that the engine told of `source`.
pub(super) fn at_name(mut error: FunctionError, source: &str) -> FunctionError {
    let told = error.bare_message();
    let name = told
        .strip_prefix("ReferenceError: ")
        .and_then(|message| message.strip_suffix(" is not defined"));
    let Some(name) = name.filter(|name| !name.is_empty()) else { return error };
    let found = error.place().and_then(|place| find(source, name, offset(source, place)?));
    let Some((line, column)) = found else { return error };
    error.message = format!("{told}, at line {line}, column {column}");
    if let Some(frame) = error.frames.iter_mut().find(|frame| frame.place.is_some()) {
        frame.place = Some((line, column));
    }
    error
}

/// The byte at a line and column, both from 1; columns count characters.
fn offset(source: &str, (line, column): (u32, u32)) -> Option<usize> {
    let [line, column] = [line, column].map(|number| usize::try_from(number).ok()?.checked_sub(1));
    let start: usize = source.split_inclusive('\n').take(line?).map(str::len).sum();
    let text = source.get(start..)?;
    Some(start + text.char_indices().nth(column?).map_or(text.len(), |(at, _)| at))
}

/// Line and column of the first `name` from `start` on that is a whole word and no member of something.
fn find(source: &str, name: &str, start: usize) -> Option<(u32, u32)> {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let behind = source.get(start..)?;
    let at = behind.match_indices(name).map(|(at, _)| start + at).find(|&at| {
        let before = source.get(..at).and_then(|text| text.chars().next_back());
        let after = source.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(|before| is_part(before) || before == '.')
            && !after.is_some_and(is_part)
    })?;
    let before = source.get(..at)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next()?.chars().count() + 1;
    Some((u32::try_from(line).ok()?, u32::try_from(column).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Frame;

    fn blamed(source: &str, name: &str, place: (u32, u32)) -> (String, Option<(u32, u32)>) {
        let message = format!(
            "ReferenceError: {name} is not defined, at line {}, column {}",
            place.0, place.1
        );
        let mut error = FunctionError::execution(message);
        error.frames = vec![Frame { name: "handler".into(), place: Some(place) }];
        let error = at_name(error, source);
        (error.message, error.frames[0].place)
    }

    #[test]
    fn the_place_is_the_names_own() {
        let source = "function handler(e) {\n  // ü\n  e.foo = 'food'; foo.bar();\n}";
        let (message, place) = blamed(source, "foo", (1, 21));
        assert_eq!(message, "ReferenceError: foo is not defined, at line 3, column 19");
        assert_eq!(place, Some((3, 19)));
    }

    #[test]
    fn what_is_not_found_stays_as_told() {
        for (name, place) in
            [("bar", (1, 1)), ("foo", (1, 2)), ("foo", (9, 1)), ("foo", (1, 0)), ("", (1, 1))]
        {
            let (message, kept) = blamed("foo", name, place);
            assert!(
                message.ends_with(&format!("line {}, column {}", place.0, place.1)),
                "{message}"
            );
            assert_eq!(kept, Some(place));
        }
    }
}
