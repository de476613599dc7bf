//! Where an error was thrown, and through which calls: the engine's own words, taken apart.

use crate::nesting::Place;
use crate::wire::Writer;

/// Calls of a stack that are told; the engine is asked for no more either.
pub const FRAMES_MAX: usize = 10;
/// The name that the prelude's source goes by, so that its lines are not taken for the function's own.
pub const PRELUDE: &str = "verge";
/// Characters of a function's name that are told.
const NAME_CHARS_MAX: usize = 100;

/// One call that had not returned when the error was thrown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The called function's name; empty when it has none.
    pub name: String,
    /// Where it was in the function's source; `None` for what is built in.
    pub place: Option<Place>,
}

/// The calls at the end of a displayed error, innermost first: lines such as `    at inner (unknown at :3:7)`.
///
/// Of calls within the built-in modules only the one that the function made itself is kept: the others are not its
/// author's.
#[must_use]
pub fn frames(displayed: &str) -> Vec<Frame> {
    let lines = displayed.rsplit('\n').map_while(|line| line.strip_prefix("    at "));
    let mut frames: Vec<Frame> = lines.map_while(frame).take(FRAMES_MAX).collect();
    frames.reverse();
    let mut kept: Vec<Frame> = Vec::new();
    for frame in frames {
        if frame.place.is_none() && kept.last().is_some_and(|last| last.place.is_none()) {
            kept.pop();
        }
        kept.push(frame);
    }
    kept
}

fn frame(line: &str) -> Option<Frame> {
    let (name, origin) = line.strip_suffix(')')?.rsplit_once(" (")?;
    let name = if name == "<main>" { "" } else { name };
    let end = name.char_indices().nth(NAME_CHARS_MAX).map_or(name.len(), |(at, _)| at);
    Some(Frame { name: name.get(..end).unwrap_or_default().to_owned(), place: place(origin) })
}

/// The place in `unknown at :3:7`; `None` when it is in no source of the function's.
fn place(origin: &str) -> Option<Place> {
    let (line, column) = origin.strip_prefix("unknown at :")?.split_once(':')?;
    Some(Place { line: line.parse().ok()?, column: column.parse().ok()? })
}

/// Writes the calls: their number, and of each its name, line and column (0: built in).
pub fn write(frames: &[Frame], out: &mut Writer) {
    out.u32(frames.len() as u32);
    for frame in frames {
        let (line, column) = frame.place.map_or((0, 0), |place| (place.line, place.column));
        out.text(&frame.name);
        out.u32(line);
        out.u32(column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_the_end_and_built_in_ones_joined() {
        let told = frames(
            "Error: a\n    at nothing\n    at digest (native)\n    at createHash (verge:9:1)\n    \
             at inner (unknown at :3:7)\n    at <main> (unknown at :12:34)",
        );
        let frame = |name: &str, place: Option<(u32, u32)>| Frame {
            name: name.to_owned(),
            place: place.map(|(line, column)| Place { line, column }),
        };
        assert_eq!(
            told,
            [frame("createHash", None), frame("inner", Some((3, 7))), frame("", Some((12, 34)))]
        );
        assert_eq!(frames("Error: no calls"), []);
    }
}
