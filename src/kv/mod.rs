//! Key-value stores that functions read (spec: CloudFront Functions section 8.1).
//!
//! A [`Store`] never changes: a call that has one sees the same content until it ends. A [`NamedStore`] is what
//! functions are associated with; who has newer content puts another [`Store`] into it. This room reads no files and
//! no clock.

mod import;
mod named;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ring::digest::{Context, SHA256};

use crate::limits;

pub use named::{NamedStore, OtherStore, Reading};

/// The content of a key-value store at one moment.
#[derive(Clone)]
pub struct Store {
    entries: HashMap<Arc<str>, Box<str>>,
    /// Sorted.
    keys: Box<[Arc<str>]>,
    /// SHA-256 over the entries in the order of their keys.
    digest: [u8; 32],
    created_ms: u64,
    updated_ms: u64,
}

/// What tells the contents of stores apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Version(u128);

impl Version {
    /// As a number.
    #[must_use]
    pub fn number(self) -> u128 {
        self.0
    }
}

/// Something that is wrong with what a store should hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Line in the file, from 1, where one is to blame.
    pub line: Option<usize>,
    /// Where: `data[3].key` in a file, the key itself elsewhere; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " ({})", self.remedy) }
    }
}

impl Store {
    /// A store with these entries.
    ///
    /// # Errors
    /// Every entry that CloudFront would refuse: no key, too long, there twice; and a store that is too large.
    pub fn from_entries(
        entries: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Fault>> {
        let mut filling = Filling::default();
        for (key, value) in entries {
            let path = key.clone();
            filling.add(key, value, |_| (None, path.clone()));
        }
        filling.finish()
    }

    /// A store from the file that CloudFront imports: `{"data":[{"key":"…","value":"…"}]}`.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its lines.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        import::read(bytes)
    }

    /// The same content, made and last changed at these moments, milliseconds since 1970. Without it: in 1970.
    #[must_use]
    pub fn dated(mut self, created_ms: u64, updated_ms: u64) -> Self {
        (self.created_ms, self.updated_ms) = (created_ms, updated_ms);
        self
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(AsRef::as_ref)
    }

    /// The keys, sorted bytewise.
    #[must_use]
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// Number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// When it was made, milliseconds since 1970.
    #[must_use]
    pub fn created_ms(&self) -> u64 {
        self.created_ms
    }

    /// When it was last changed, milliseconds since 1970.
    #[must_use]
    pub fn updated_ms(&self) -> u64 {
        self.updated_ms
    }

    /// Equal for stores that answer every question alike, dates included; different for others. Whoever remembers an
    /// answer remembers this beside it.
    #[must_use]
    pub fn version(&self) -> Version {
        let (head, _) = self.digest.as_chunks::<16>();
        let content = head.first().copied().map(u128::from_le_bytes).unwrap_or_default();
        let dates = u128::from(self.created_ms) << 64 | u128::from(self.updated_ms);
        // The digest is uniform, so dates that differ never meet by arithmetic.
        Version(content.wrapping_add(dates))
    }
}

impl fmt::Debug for Store {
    /// Without the content, which may be secret and is large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Store");
        shown.field("count", &self.count()).field("version", &self.version());
        shown.finish_non_exhaustive()
    }
}

/// A store that is being filled, and what was wrong so far.
#[derive(Default)]
struct Filling {
    entries: HashMap<Arc<str>, Box<str>>,
    bytes: usize,
    faults: Vec<Fault>,
    /// Faults that are not listed.
    more: usize,
}

impl Filling {
    /// Adds an entry. `place` gives line and path of its member `key` or `value`, for a fault.
    fn add(
        &mut self,
        key: String,
        value: String,
        place: impl Fn(&'static str) -> (Option<usize>, String),
    ) {
        let (key_chars, value_chars) = (key.chars().count(), value.chars().count());
        let (key_max, value_max) =
            (limits::KEY_VALUE_STORE_KEY_CHARS_MAX, limits::KEY_VALUE_STORE_VALUE_CHARS_MAX);
        if key.is_empty() {
            self.fault(place("key"), "is empty".into(), "give every value a key");
        } else if key_chars > key_max {
            let message = format!("the key has {key_chars} characters; {key_max} are allowed");
            self.fault(place("key"), message, "use a shorter key, such as a hash of it");
        } else if self.entries.contains_key(key.as_str()) {
            let message = format!("the key \"{key}\" is there twice");
            self.fault(place("key"), message, "keep one of the two");
        }
        if value_chars > value_max {
            let message =
                format!("the value has {value_chars} characters; {value_max} are allowed");
            self.fault(place("value"), message, "shorten it, or spread it over several keys");
        }
        self.bytes += key.len() + value.len();
        if self.faults.is_empty() {
            self.entries.insert(key.into(), value.into());
        } else {
            // The store will never be used; the key still counts for the next one like it.
            self.entries.entry(key.into()).or_default();
        }
    }

    fn fault(&mut self, (line, path): (Option<usize>, String), message: String, remedy: &str) {
        if self.faults.len() >= limits::KEY_VALUE_STORE_FAULT_ITEMS_MAX {
            self.more += 1;
            return;
        }
        self.faults.push(Fault { line, path, message, remedy: remedy.to_owned() });
    }

    fn finish(mut self) -> Result<Store, Vec<Fault>> {
        if self.bytes > limits::KEY_VALUE_STORE_BYTES_MAX {
            self.fault((None, String::new()), too_large(self.bytes), TOO_LARGE_REMEDY);
        }
        if self.more > 0 {
            let message = format!("{} more entries are wrong", self.more);
            self.faults.push(Fault {
                line: None,
                path: String::new(),
                message,
                remedy: "mend those above first".to_owned(),
            });
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let mut keys: Box<[_]> = self.entries.keys().cloned().collect();
        keys.sort_unstable();
        let digest = digest(&keys, &self.entries);
        Ok(Store { entries: self.entries, keys, digest, created_ms: 0, updated_ms: 0 })
    }
}

const TOO_LARGE_REMEDY: &str = "remove entries, or split the store";

fn too_large(bytes: usize) -> String {
    let most = limits::KEY_VALUE_STORE_BYTES_MAX;
    format!("the store has {bytes} bytes; {most} are allowed")
}

fn digest(keys: &[Arc<str>], entries: &HashMap<Arc<str>, Box<str>>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let values = keys.iter().filter_map(|key| Some((&**key, &**entries.get(key)?)));
    for text in values.flat_map(|(key, value)| [key, value]) {
        context.update(&text.len().to_le_bytes());
        context.update(text.as_bytes());
    }
    let mut bytes = [0; 32];
    for (byte, made) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *byte = *made;
    }
    bytes
}

#[cfg(test)]
mod tests;
