//! A Rust file as the rules want it: its text, and its code with comments and literals blanked out.

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The same lines, with spaces for comments and for what is inside string and character literals.
    pub code: String,
}

impl Source {
    /// Reads a file's text.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// All identifiers of the code with the place of their first byte.
    pub fn identifiers(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        let mut rest = 0;
        std::iter::from_fn(move || {
            let start = rest + self.code[rest..].find(is_part)?;
            let length = self.code[start..].find(|c| !is_part(c));
            rest = length.map_or(self.code.len(), |length| start + length);
            Some((start, &self.code[start..rest]))
        })
    }

    /// The line, counted from 1, of a place in the code.
    pub fn line(&self, place: usize) -> usize {
        self.code[..place].matches('\n').count() + 1
    }

    /// `path:line`.
    pub fn at(&self, place: usize) -> String {
        format!("{}:{}", self.path, self.line(place))
    }

    /// Every function with a body: name, place and number of lines from `fn` to the closing brace.
    pub fn functions(&self) -> Vec<(&str, usize, usize)> {
        let words: Vec<_> = self.identifiers().collect();
        let pairs = words.windows(2).filter(|pair| pair[0].1 == "fn");
        pairs
            .filter(|pair| self.code[pair[0].0 + 2..pair[1].0].chars().all(char::is_whitespace))
            .filter_map(|pair| {
                let ((start, _), (_, name)) = (pair[0], pair[1]);
                let end = body_end(&self.code[start..])? + start;
                Some((name, start, self.line(end) - self.line(start) + 1))
            })
            .collect()
    }
}

/// Where the body of the function that begins the text ends; `None` when it has none.
fn body_end(text: &str) -> Option<usize> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (place, character) in text.char_indices() {
        match character {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if round == 0 && curly == 0 => return None,
            '{' => curly += 1,
            '}' => {
                curly -= 1;
                if curly == 0 {
                    return Some(place);
                }
            }
            _ => {}
        }
    }
    None
}

/// Blanks comments and the insides of literals; everything keeps its place in its line.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = match skipped(&characters, at) {
            Some(end) => end.min(characters.len()),
            None => {
                code.push(characters[at]);
                at += 1;
                continue;
            }
        };
        let hidden = &characters[at..end];
        code.extend(hidden.iter().map(|&character| if character == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

/// The end of the comment or literal that begins here.
fn skipped(characters: &[char], at: usize) -> Option<usize> {
    let here = &characters[at..];
    let follows_word =
        at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
    match here {
        ['/', '/', ..] => Some(at + here.iter().position(|&c| c == '\n').unwrap_or(here.len())),
        ['/', '*', ..] => Some(at + block_comment(here)),
        ['"', ..] => Some(at + quoted(here, '"')),
        ['r', '"' | '#', ..] if !follows_word => raw_string(here).map(|length| at + length),
        ['b' | 'c', 'r', '"' | '#', ..] if !follows_word => {
            raw_string(&here[1..]).map(|length| at + 1 + length)
        }
        ['\'', '\\', ..] => Some(at + quoted(here, '\'')),
        // A lifetime has no second quotation mark right behind its first character.
        ['\'', _, '\'', ..] => Some(at + 3),
        _ => None,
    }
}

/// Length of a block comment; they nest.
fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < text.len() {
        match (text[at], text[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') if depth == 1 => return at + 2,
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of a literal with escapes, both marks included.
fn quoted(text: &[char], mark: char) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            character if character == mark => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of a raw string that begins with `r`; `None` for a raw identifier such as `r#type`.
fn raw_string(text: &[char]) -> Option<usize> {
    let hashes = text[1..].iter().take_while(|&&character| character == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let mut at = 2 + hashes;
    while at < text.len() {
        let closing = text[at + 1..].iter().take_while(|&&character| character == '#').count();
        if text[at] == '"' && closing >= hashes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_nothing_moves() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a\"b", 'c', '\'', 'x)"#, "f(      ,    ,     , 'x)"),
            ("r#\"a\"b\"# + r#type", "         + r#type"),
            ("b\"x\" + br\"y\"", "b    +      "),
            ("for<'a> &'a str", "for<'a> &'a str"),
        ];
        for (text, expected) in cases {
            assert_eq!(Source::new("x.rs", text).code, expected, "{text}");
        }
    }

    #[test]
    fn functions_are_measured_from_their_head_to_their_last_brace() {
        let text = "fn a(x: [u8; 4]) -> fn() {\n  { \"}\" }\n}\ntrait T { fn b(); }\nfn c() {}";
        let source = Source::new("x.rs", text);
        let found: Vec<_> = source.functions().iter().map(|f| (f.0, f.2)).collect();
        assert_eq!(found, [("a", 3), ("c", 1)]);
    }
}
