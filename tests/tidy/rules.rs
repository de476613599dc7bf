//! The rules as data and as one function each. A function takes a file and gives its complaints.

use crate::source::Source;

/// The rooms of `src/` and their levels: a room may use the rooms of lower levels, and none of its own level.
pub const ROOMS: [(&str, u8); 21] = [
    ("ids", 0),
    ("error", 0),
    ("limits", 0),
    ("wire", 0),
    ("compat", 1),
    ("egress", 1),
    ("event", 1),
    ("geo", 1),
    ("jwt", 1),
    ("kv", 1),
    ("distribution", 2),
    ("observe", 2),
    ("config", 3),
    ("cache", 3),
    ("origin", 3),
    ("function", 3),
    ("gate", 3),
    ("proxy", 4),
    ("server", 5),
    ("cli", 6),
    ("main", 7),
];

/// Engines, by the beginning of their crates' names, and the only places that may name them. The program that takes the
/// guest's snapshot is a tool for building it and no part of the edge.
pub const ENGINES: [(&str, &[&str]); 4] = [
    ("wasmtime", &["src/function/", "guest/snapshot/"]),
    ("boa_", &["guest/"]),
    ("oxc_", &["src/compat/"]),
    ("pingora", &["src/proxy/", "src/server/", "src/cache/store", "src/origin/peer"]),
];

/// Lines in a file.
pub const FILE_LINES_MAX: usize = 500;
/// Lines in a function.
pub const FUNCTION_LINES_MAX: usize = 60;

/// What a limit can be measured in: a unit, or the things that are counted.
const UNITS: [&str; 39] = [
    "BYTES",
    "CHARS",
    "SECONDS",
    "MILLISECONDS",
    "MICROSECONDS",
    "PERCENT",
    "SHARE",
    "FUEL",
    "TICKS",
    "DEPTH",
    "LINES",
    "PAGES",
    "RECORDS",
    "ENTRIES",
    "ELEMENTS",
    "TABLES",
    "MEMORIES",
    "INSTANCES",
    "CONNECTIONS",
    "REQUESTS",
    "CONCURRENCY",
    "ATTEMPTS",
    "ORIGINS",
    "GROUPS",
    "BEHAVIORS",
    "CHAIN",
    "HEADERS",
    "COOKIES",
    "NAMES",
    "KEYS",
    "VALUES",
    "WILDCARDS",
    "THREADS",
    "REDIRECTS",
    "ITEMS",
    "CALLS",
    "PIECES",
    "HITS",
    "OVERRUNS",
];

/// What a tracked file must not contain: paths of one machine, and hosts that only a package client should know.
/// Spelled in two halves, because this file is tracked too.
pub const PLACES: [(&str, &str); 9] = [
    ("/ro", "ot/"),
    ("/wo", "rk/"),
    ("/ho", "me/"),
    ("index.cra", "tes.io"),
    ("static.cra", "tes.io"),
    ("registry.npm", "js.org"),
    ("proxy.go", "lang.org"),
    ("py", "pi.org"),
    ("deb.deb", "ian.org"),
];

/// Words that mark unfinished work, in two halves for the same reason. They count in comments too.
const UNFINISHED: [(&str, &str); 7] = [
    ("TO", "DO"),
    ("FIX", "ME"),
    ("XX", "X"),
    ("dbg", "!("),
    ("to", "do!("),
    ("unimplemen", "ted!("),
    ("#[ign", "ore"),
];

fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split('/').next()?;
    Some(name.strip_suffix(".rs").unwrap_or(name))
}

fn level(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, level)| *level)
}

/// Arrows point down.
pub fn arrows(file: &Source) -> Vec<String> {
    let Some(from) = room(&file.path).filter(|room| *room != "lib") else { return Vec::new() };
    let Some(from_level) = level(from) else {
        return vec![format!("{}: {from} is not among the rooms of the tidy test", file.path)];
    };
    let mut complaints = Vec::new();
    for (place, to) in room_references(file) {
        let Some(to_level) = level(to) else { continue };
        if to != from && to_level >= from_level {
            complaints.push(format!(
                "{}: {from} (level {from_level}) uses {to} (level {to_level}); arrows point down",
                file.at(place)
            ));
        }
    }
    complaints
}

/// Every name that follows a path to the crate's root, with its place.
fn room_references(file: &Source) -> Vec<(usize, &str)> {
    let depth = module_depth(&file.path);
    let words: Vec<_> = file.identifiers().collect();
    let mut found = Vec::new();
    for (index, (place, word)) in words.iter().enumerate() {
        let follows_path = file.code[..*place].ends_with("::");
        let root = match *word {
            "crate" | "verge" => !follows_path,
            "super" => {
                let supers = words[..index].iter().rev().take_while(|(_, w)| *w == "super").count();
                supers + 1 >= depth
            }
            _ => false,
        };
        if root && let Some(tree) = file.code[place + word.len()..].strip_prefix("::") {
            found.extend(first_names(tree).into_iter().map(|name| (*place, name)));
        }
    }
    found
}

/// How many modules a file is below the crate's root.
fn module_depth(path: &str) -> usize {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    inside.trim_end_matches("/mod").split('/').count()
}

/// The first name of a path, or the first names of all branches of a `{…}` tree.
fn first_names(tree: &str) -> Vec<&str> {
    let name = |text: &'_ str| -> usize {
        text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
    };
    let Some(branches) = tree.strip_prefix('{') else { return vec![&tree[..name(tree)]] };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (place, character) in branches.char_indices() {
        if depth == 0 && matches!(character, ',' | '}') {
            let branch = branches[start..place].trim_start();
            names.push(&branch[..name(branch)]);
            start = place + 1;
        }
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// Engines stay in their rooms.
pub fn engines(file: &Source) -> Vec<String> {
    if !file.path.starts_with("src/") && !file.path.starts_with("guest/") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (engine, places) in ENGINES {
        if places.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        let named = file.identifiers().find(|(_, word)| word.starts_with(engine));
        if let Some((place, word)) = named {
            let places = places.join(", ");
            complaints.push(format!("{}: {word} belongs into {places} only", file.at(place)));
        }
    }
    complaints
}

/// Files and functions are small.
pub fn sizes(file: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        complaints.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", file.path));
    }
    for (name, place, lines) in file.functions() {
        if lines > FUNCTION_LINES_MAX {
            let at = file.at(place);
            complaints
                .push(format!("{at}: {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"));
        }
    }
    complaints
}

/// Nothing is left unfinished.
pub fn unfinished(file: &Source) -> Vec<String> {
    let words = UNFINISHED.map(|(first, second)| format!("{first}{second}"));
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let word = words.iter().find(|word| line.contains(word.as_str()))?;
            Some(format!("{}:{}: {word} marks unfinished work", file.path, number + 1))
        })
        .collect()
}

/// Every unsafe block and implementation is proven in the comment above it or beside it. An `unsafe fn` makes a demand
/// instead of a promise; clippy asks for the documentation of that.
pub fn unsafe_is_proven(file: &Source) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let leads_up = |line: &str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[") || line.ends_with('=')
    };
    let mut complaints = Vec::new();
    for (place, word) in file.identifiers().filter(|(_, word)| *word == "unsafe") {
        if !promises(&file.code[place + word.len()..]) {
            continue;
        }
        let number = file.line(place) - 1;
        let above = lines[..number].iter().rev().take_while(|line| leads_up(line));
        if !above.chain(lines.get(number)).any(|line| line.contains("SAFETY:")) {
            complaints.push(format!("{}: unsafe without a SAFETY comment", file.at(place)));
        }
    }
    complaints
}

/// Whether what follows `unsafe` is a block, an implementation or a block of foreign declarations.
fn promises(after: &str) -> bool {
    let after = after.trim_start();
    let foreign =
        after.strip_prefix("extern").is_some_and(|rest| rest.trim_start().starts_with('{'));
    after.starts_with('{') || after.starts_with("impl") || foreign
}

/// Every file begins by saying what it is for.
pub fn head_doc(file: &Source) -> Vec<String> {
    if file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}: does not begin with //! and what the file is for", file.path)]
}

/// A limit is a duration or names its unit, and says why it is what it is.
pub fn limits(file: &Source) -> Vec<String> {
    if file.path != "src/limits.rs" && !file.path.starts_with("src/limits/") {
        return Vec::new();
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let mut complaints = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(constant) = line.trim_start().strip_prefix("pub const ") else { continue };
        let Some((name, rest)) = constant.split_once(':') else { continue };
        let at = format!("{}:{}: {name}", file.path, number + 1);
        let is_duration = rest.trim_start().starts_with("Duration");
        if !is_duration && !name.split('_').any(|word| UNITS.contains(&word)) {
            complaints.push(format!("{at} names no unit and is no Duration"));
        }
        if !number.checked_sub(1).is_some_and(|above| lines[above].starts_with("///")) {
            complaints.push(format!("{at} gives no reason in a doc comment"));
        }
    }
    complaints
}

/// No tracked file knows the machine it was written on.
pub fn places(path: &str, text: &str) -> Vec<String> {
    let needles = PLACES.map(|(first, second)| format!("{first}{second}"));
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let needle = needles.iter().find(|needle| line.contains(needle.as_str()))?;
            Some(format!("{path}:{}: names {needle}", number + 1))
        })
        .collect()
}
