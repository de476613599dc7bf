//! Path patterns of cache behaviors: `*` is any run of characters (slashes too), `?` exactly one.
//! Case-sensitive.

use std::fmt;

/// A compiled path pattern.
#[derive(Clone, PartialEq, Eq)]
pub struct PathPattern {
    /// Without the leading slash, which is optional and meaningless (spec: CDN behaviours section
    /// 1).
    text: Box<[u8]>,
}

impl PathPattern {
    /// Takes the pattern as written; the characters were checked by the configuration.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.strip_prefix('/').unwrap_or(text).as_bytes().into() }
    }

    /// Whether the viewer's path matches. Linear in practice: one point to come back to, never a
    /// stack of them.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let (mut at, mut in_path) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while in_path < path.len() {
            match self.text.get(at) {
                Some(b'*') => {
                    retry = Some((at + 1, in_path));
                    at += 1;
                }
                Some(&wanted) if wanted == b'?' || wanted == path[in_path] => {
                    at += 1;
                    in_path += 1;
                }
                _ => {
                    let Some((after_star, taken)) = retry else { return false };
                    retry = Some((after_star, taken + 1));
                    at = after_star;
                    in_path = taken + 1;
                }
            }
        }
        self.text[at..].iter().all(|&rest| rest == b'*')
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathPattern({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    #[test]
    fn patterns_match_as_the_specification_says() {
        let cases = [
            ("*", "/", true),
            ("*", "/a/b", true),
            ("/images/*.jpg", "/images/a/b.jpg", true),
            ("images/*.jpg", "/images/.jpg", true),
            ("images/*.jpg", "/images/a.JPG", false),
            ("a??.js", "/abc.js", true),
            ("a??.js", "/ab.js", false),
            ("*a*b*c", "/xxaxxbxxcxxc", true),
            ("*a*b*c", "/xxaxxbxx", false),
            ("/api/*", "/api", false),
            ("", "/", true),
            ("", "/a", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(
                PathPattern::new(pattern).matches(path.as_bytes()),
                expected,
                "{pattern} on {path}"
            );
        }
    }
}
