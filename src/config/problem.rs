//! What is wrong with a configuration: a list, each entry with its place and what to do about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// Line in that file, from 1; `None` when the fault is no line's (a file that cannot be read).
    pub line: Option<usize>,
    /// Where in the document, such as `distribution[0].behavior[2].cache_policy`; empty for the
    /// file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " ({})", self.remedy) }
    }
}

/// Which line each part of a document is on, by path.
#[derive(Debug, Default)]
struct Places(BTreeMap<String, usize>);

impl Places {
    /// The line of `path` or, for what is not written, of the nearest part around it.
    fn line(&self, path: &str) -> Option<usize> {
        let mut part = path;
        loop {
            if let Some(line) = self.0.get(part) {
                return Some(*line);
            }
            part = part.get(..part.rfind(['.', '['])?)?;
        }
    }
}

/// The problems of one file, as they are found.
#[derive(Debug)]
pub struct Problems {
    file: PathBuf,
    places: Places,
    found: Vec<Problem>,
    /// Paths that have a problem already: what follows from a mistake is not reported beside it.
    reported: BTreeSet<String>,
}

impl Problems {
    /// An empty list for `file`.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            places: Places::default(),
            found: Vec::new(),
            reported: BTreeSet::new(),
        }
    }

    /// Notes that `path` begins on `line`, counted from 1.
    pub(super) fn note(&mut self, path: &str, line: usize) {
        self.places.0.insert(path.to_owned(), line);
    }

    /// Adds a problem at `path`, unless that path has one already.
    pub fn add(
        &mut self,
        path: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let path = path.into();
        let line = self.places.line(&path);
        self.add_at_line(line, path, message, remedy);
    }

    /// Adds a problem whose line is known better than by its path.
    pub(super) fn add_at_line(
        &mut self,
        line: Option<usize>,
        path: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let path = path.into();
        if path.is_empty() || self.reported.insert(path.clone()) {
            self.found.push(Problem {
                file: self.file.clone(),
                line,
                path,
                message: message.into(),
                remedy: remedy.into(),
            });
        }
    }

    /// Takes over the problems of another file, found on the way.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Problem>) {
        self.found.extend(others);
    }

    /// Whether nothing was found so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Everything found: this file's in the order of their lines, then those of other files.
    #[must_use]
    pub fn into_list(self) -> Vec<Problem> {
        let mut list = self.found;
        list.sort_by(|one, other| {
            let key = |problem: &Problem| (problem.file != self.file, problem.line);
            key(one).cmp(&key(other)).then_with(|| one.file.cmp(&other.file))
        });
        list
    }
}
