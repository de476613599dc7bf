//! How deeply a source nests its brackets, before the parser recurses into it.
//!
//! The parser uses some stack for every level, so a source of ten thousand brackets would end the whole instance with a
//! stack overflow, which says nothing to its author. This count does not understand JavaScript: brackets in texts and
//! comments count too, which only matters for sources that no human wrote.

/// A place in a source; both count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in bytes.
    pub column: u32,
}

/// The place where `source` nests more than `limit` levels of brackets, if it does.
#[must_use]
pub fn too_deep(source: &str, limit: usize) -> Option<Place> {
    let mut depth = 0usize;
    let mut place = Place { line: 1, column: 0 };
    for byte in source.bytes() {
        place.column += 1;
        match byte {
            b'\n' => place = Place { line: place.line + 1, column: 0 },
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bracket_too_many_is_named() {
        assert_eq!(too_deep("f(\n[[1]])", 3), None);
        assert_eq!(too_deep("f(\n[[1]])", 2), Some(Place { line: 2, column: 2 }));
        assert_eq!(too_deep(&"()".repeat(10_000), 1), None);
        assert_eq!(too_deep(&"[".repeat(10_000), 128), Some(Place { line: 1, column: 129 }));
    }
}
