//! Invalidation that needs no index of what is stored, cannot be outrun, and costs the same however much is stored.
//!
//! Time is counted in generations. A request takes a [`Stamp`] before it asks the origin; an invalidation begins a new
//! generation and notes it under the *name* it was given: a place (a location, a tag, a whole distribution) or a
//! prefix of locations. An object is valid while its stamp is not older than what its names say. So an answer that
//! was asked for before the invalidation is never served after it, however late it is stored.
//!
//! A generation is the time of its beginning in microseconds, moved forward where the clock stands still. That tells
//! since when something softly invalidated is stale.
//!
//! An object is compared once with each new generation and remembers that it passed, so a hit usually reads one
//! number. What is remembered is bounded: when it is full, the store is swept once, and what did not pass by then
//! (an answer still on its way) is not trusted any more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::cache::invalidate::{Item, Mode};
use crate::cache::key;
use crate::cache::tag::Tag;
use crate::distribution::policy::NameSelection;
use crate::limits::CACHE_INVALIDATIONS_BYTES_MAX;

mod journal;
mod remembered;

pub(super) use journal::{Journal, Written};
pub(super) use remembered::Place;
use remembered::{Name, Note, Places, Remembered, place};

/// The generation in which a request began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp(u64);

impl Stamp {
    pub(super) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

/// How an object stands with all invalidations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Nothing was said about it.
    Valid,
    /// It may be used as what is stale since then.
    StaleSince(SystemTime),
    /// It must not be used any more.
    Gone,
}

/// What stands for a tag of a distribution.
#[derive(Clone, Debug)]
pub struct Tags(Arc<[Place]>);

impl Tags {
    /// The tags of an answer of the distribution with this domain name.
    #[must_use]
    pub fn new(domain_name: &str, tags: &[Tag]) -> Self {
        let mut places: Vec<_> = tags.iter().map(|tag| tag_place(domain_name, tag)).collect();
        places.sort_unstable();
        places.dedup();
        Self(places.into())
    }

    pub(super) fn from_places(places: Vec<Place>) -> Self {
        Self(places.into())
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.0
    }
}

/// What an object carries to be compared with the generations. While it lives, its names count it.
pub(super) struct Mark {
    /// When the origin was asked for it, or about it last.
    stamp: Stamp,
    location: Place,
    primary: Place,
    distribution: Place,
    tags: Option<Tags>,
    /// The newest generation it was compared with.
    checked: AtomicU64,
    /// The generation that made it stale; 0: none did.
    stale_since: AtomicU64,
    places: Arc<Places>,
}

impl Mark {
    /// The mark for a new head of the same stored body, which the origin was asked about at `stamp`: as the old one
    /// was valid then, only what came since counts.
    pub(super) fn renewed(&self, stamp: Option<Stamp>, tags: Option<Tags>) -> Self {
        let stamp = stamp.unwrap_or(self.stamp);
        Self {
            stamp,
            tags: tags.or_else(|| self.tags.clone()),
            checked: AtomicU64::new(stamp.0),
            stale_since: AtomicU64::new(0),
            places: Arc::clone(&self.places),
            ..*self
        }
        .counted()
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    pub(super) fn tags(&self) -> Option<&Tags> {
        self.tags.as_ref()
    }

    fn counted(self) -> Self {
        self.names().for_each(|name| self.places.count(name, self.stamp));
        self
    }

    fn names(&self) -> impl Iterator<Item = Place> {
        let tags = self.tags.iter().flat_map(|tags| tags.0.iter().copied());
        [self.location, self.distribution].into_iter().chain(tags)
    }

    /// Bytes it takes beyond its own size.
    pub(super) fn bytes(&self) -> u64 {
        // A tag's own name, and its share of a place.
        const TAG_BYTES: u64 = 72;
        self.tags.as_ref().map_or(0, |tags| tags.0.len() as u64 * TAG_BYTES)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.names().for_each(|name| self.places.uncount(name, self.stamp));
    }
}

/// A location begins with the length of a domain name, so no other name looks like one.
fn distribution_place(domain_name: &[u8]) -> Place {
    place(&[b"*", domain_name].concat())
}

fn tag_place(domain_name: &str, tag: &Tag) -> Place {
    place(&[b"#", domain_name.as_bytes(), b"#", tag.as_str().as_bytes()].concat())
}

/// The generations of one store.
pub(super) struct Generations {
    now: AtomicU64,
    remembered: Remembered,
    /// What was not compared with this generation is not trusted.
    floor: AtomicU64,
    noting: Mutex<Noting>,
}

/// Held by who notes an invalidation.
#[derive(Default)]
struct Noting {
    /// Bytes of remembered invalidations.
    bytes: usize,
    /// Where they survive the process, when objects do.
    journal: Option<Journal>,
}

/// What became of an invalidation.
pub(super) struct Noted {
    /// For each item the objects known under it, stored or arriving; `None` where that is not known.
    pub(super) objects: Vec<Option<u64>>,
    /// Whether the store should be swept: see [`Generations::forget`].
    pub(super) is_full: bool,
    /// Whether it will be forgotten with the process although objects are not: they must go.
    pub(super) is_unwritten: bool,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self {
            now: AtomicU64::new(microseconds(SystemTime::now())),
            remembered: Remembered::default(),
            floor: AtomicU64::new(0),
            noting: Mutex::default(),
        }
    }

    /// The generations that go on from what a journal holds, and from the newest stamp of the objects that survived
    /// with it: a clock that was put back must not make an invalidation older than they are.
    pub(super) fn restored(journal: Journal, written: &Written, newest: Stamp) -> Self {
        let new = Self::new();
        let mut noting = Noting::default();
        let mut last = newest.0.max(written.floor);
        for note in &written.notes {
            noting.bytes += new.remembered.note(note).1;
            last = last.max(note.generation);
        }
        noting.journal = Some(journal);
        new.now.fetch_max(last + 1, Ordering::AcqRel);
        new.floor.store(written.floor, Ordering::Release);
        Self { noting: Mutex::new(noting), ..new }
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp(self.now.load(Ordering::Acquire))
    }

    /// The mark of an answer that was asked for at `stamp`.
    pub(super) fn mark(
        &self,
        stamp: Stamp,
        primary_key: &[u8],
        primary: &[u8; 16],
        tags: Option<Tags>,
    ) -> Mark {
        let location = key::location(primary_key);
        let of_location = location.map_or(primary_key, |location| location.bytes);
        let domain_name = location.map_or(&b""[..], |location| location.domain_name);
        Mark {
            stamp,
            location: place(of_location),
            primary: place(primary),
            distribution: distribution_place(domain_name),
            tags,
            checked: AtomicU64::new(stamp.0),
            stale_since: AtomicU64::new(0),
            places: Arc::clone(&self.remembered.places),
        }
        .counted()
    }

    /// How many objects of this place the last hard invalidation did not reach.
    pub(super) fn known_at(&self, bytes: &[u8]) -> u64 {
        self.remembered.places.known_at(place(bytes))
    }

    /// Invalidates what lies at a location, or has a primary hash.
    pub(super) fn invalidate_place(&self, bytes: &[u8], mode: Mode) -> Noted {
        self.note(std::iter::once(Name::Place(place(bytes))), mode)
    }

    /// Invalidates what the items name, all in one generation.
    pub(super) fn invalidate(&self, domain_name: &str, items: &[Item], mode: Mode) -> Noted {
        self.note(items.iter().map(|item| name_of(domain_name, item)), mode)
    }

    /// A new generation is there for others when all that it invalidates is noted.
    fn note(&self, names: impl Iterator<Item = Name>, mode: Mode) -> Noted {
        let mut noting = self.noting();
        let before = self.now.load(Ordering::Acquire);
        let generation = microseconds(SystemTime::now()).max(before + 1);
        let notes: Vec<_> = names.map(|name| Note { generation, mode, name }).collect();
        let mut objects = Vec::with_capacity(notes.len());
        for note in &notes {
            let (known, bytes) = self.remembered.note(note);
            objects.push(known);
            noting.bytes += bytes;
        }
        let is_full = noting.bytes > CACHE_INVALIDATIONS_BYTES_MAX;
        let is_unwritten = self.write(&mut noting, &notes).is_err();
        self.now.store(generation, Ordering::Release);
        Noted { objects, is_full, is_unwritten }
    }

    /// Writes notes that were taken in to the journal; all that is remembered, when it is long.
    fn write(&self, noting: &mut Noting, notes: &[Note]) -> std::io::Result<()> {
        match &mut noting.journal {
            Some(journal) if journal.is_to_be_rewritten() => {
                journal.rewrite(self.floor.load(Ordering::Acquire), &self.remembered.notes())
            }
            Some(journal) => journal.append(notes),
            None => Ok(()),
        }
    }

    /// Brings to the disk what was written to the journal, and mends it.
    pub(super) fn sync(&self) {
        let mut noting = self.noting();
        let Some(journal) = &mut noting.journal else { return };
        let floor = self.floor.load(Ordering::Acquire);
        if journal.is_to_be_rewritten() && journal.rewrite(floor, &self.remembered.notes()).is_err()
        {
            return;
        }
        let Some(file) = journal.unsynced() else { return };
        drop(noting);
        if let Err(error) = file.sync_data() {
            tracing::warn!(%error, "the journal of invalidations cannot be brought to the disk");
            self.noting().journal.as_mut().map(Journal::break_off);
        }
    }

    /// Makes the journal one that has to be rewritten, as after a failed write.
    #[cfg(test)]
    pub(super) fn break_journal(&self) {
        self.noting().journal.as_mut().expect("there is one").break_off();
    }

    fn noting(&self) -> std::sync::MutexGuard<'_, Noting> {
        self.noting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was invalidated up to `stamp`, after every stored object was asked for its standing since. What was
    /// not stored yet is not trusted then. Returns whether this is written, if it must be.
    pub(super) fn forget(&self, stamp: Stamp) -> bool {
        let mut noting = self.noting();
        // Before anything is forgotten: see `compare`.
        let floor = self.floor.fetch_max(stamp.0, Ordering::AcqRel).max(stamp.0);
        noting.bytes = self.remembered.forget(stamp.0);
        let notes = || self.remembered.notes();
        noting.journal.as_mut().is_none_or(|journal| journal.rewrite(floor, &notes()).is_ok())
    }

    /// How an object stands.
    pub(super) fn standing(&self, mark: &Mark, primary_key: &[u8]) -> Standing {
        let now = self.now.load(Ordering::Acquire);
        let checked = mark.checked.load(Ordering::Acquire);
        if checked < now {
            if !self.compare(mark, primary_key, checked) {
                return Standing::Gone;
            }
            mark.checked.fetch_max(now, Ordering::AcqRel);
        }
        match mark.stale_since.load(Ordering::Acquire) {
            0 => Standing::Valid,
            generation => {
                Standing::StaleSince(SystemTime::UNIX_EPOCH + Duration::from_micros(generation))
            }
        }
    }

    /// Compares an object with all that is remembered. False: it is gone.
    fn compare(&self, mark: &Mark, primary_key: &[u8], checked: u64) -> bool {
        let Some(location) = key::location(primary_key) else { return false };
        let places = mark.names().chain([mark.primary]);
        let last = self.remembered.last(places, || location.text());
        // After the look at what is remembered: the floor rises before anything is forgotten.
        if last.hard > mark.stamp.0 || checked < self.floor.load(Ordering::Acquire) {
            return false;
        }
        if last.soft > mark.stamp.0 {
            // The first one counts: a second does not make it fresher.
            let _ = mark.stale_since.compare_exchange(
                0,
                last.soft,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
        }
        true
    }
}

/// The name that an item stands for.
fn name_of(domain_name: &str, item: &Item) -> Name {
    match item {
        Item::Everything => Name::Place(distribution_place(domain_name.as_bytes())),
        Item::Tag(tag) => Name::Place(tag_place(domain_name, tag)),
        Item::Exact(target) => {
            let (mut location, query) = (Vec::new(), target.query.as_deref());
            let all = &NameSelection::All;
            key::write_location(domain_name, &target.path, query, all, &mut location);
            Name::Place(place(&location))
        }
        Item::Prefix(text) => Name::Prefix([domain_name.as_bytes(), text].concat().into()),
    }
}

fn microseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
