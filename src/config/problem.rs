//! What is wrong with a configuration: a list, each entry with its place and what to do about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::compat::{Certainty, Finding};

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
    /// What else is known of a place in a function's source.
    #[serde(flatten)]
    pub detail: Option<Detail>,
}

/// A place in a function's source, and what rule it breaks.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Detail {
    /// The function's name.
    pub function: String,
    /// The rule, in kebab-case.
    pub code: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
    /// Column in the line, from 1, in characters.
    pub column: usize,
    /// The source's line; of a long one the part around the column.
    pub source_line: String,
    /// Whether the source stands in the configuration file: lines are counted from where it begins.
    #[serde(skip)]
    pub inline: bool,
    /// The source's line with a caret below.
    #[serde(skip)]
    pub marked: String,
}

impl Problem {
    /// What the compatibility lint found in a function whose source is in `file`.
    #[must_use]
    pub fn of_finding(function: &str, file: &Path, inline: bool, finding: Finding) -> Self {
        let marked = finding.marked();
        Self {
            file: file.to_owned(),
            line: Some(finding.line),
            path: String::new(),
            message: finding.message,
            remedy: finding.remedy,
            detail: Some(Detail {
                function: function.to_owned(),
                code: finding.code,
                certainty: finding.certainty,
                column: finding.column,
                source_line: finding.excerpt,
                inline,
                marked,
            }),
        }
    }

    /// The problem on one line, for a log.
    #[must_use]
    pub fn headline(&self) -> String {
        let mut text = self.file.display().to_string();
        if let Some(detail) = self.detail.as_ref().filter(|detail| detail.inline) {
            text.push_str(": code of ");
            text.push_str(&detail.function);
        }
        if let Some(line) = self.line {
            text.push_str(&format!(":{line}"));
        }
        if let Some(detail) = &self.detail {
            text.push_str(&format!(":{}: {}", detail.column, detail.code));
        }
        if !self.path.is_empty() {
            text.push_str(&format!(": {}", self.path));
        }
        text.push_str(&format!(": {}", self.message));
        if !self.remedy.is_empty() {
            text.push_str(&format!(" ({})", self.remedy));
        }
        text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        match &self.detail {
            Some(detail) => write!(f, "\n{}", detail.marked),
            None => Ok(()),
        }
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
                detail: None,
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
