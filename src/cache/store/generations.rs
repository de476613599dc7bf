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

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use twox_hash::XxHash3_128;

use crate::cache::invalidate::{Item, Mode};
use crate::cache::key;
use crate::cache::tag::Tag;
use crate::distribution::policy::NameSelection;
use crate::limits::CACHE_INVALIDATIONS_BYTES_MAX;

/// The generation in which a request began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stamp(u64);

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

/// A name that invalidations know objects by, as a hash. A collision costs an object, which is a miss and never a
/// wrong answer.
type Place = u64;

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

fn place(bytes: &[u8]) -> Place {
    // The low half of a 128-bit hash always fits.
    Place::try_from(XxHash3_128::oneshot(bytes) & u128::from(Place::MAX)).unwrap_or_default()
}

/// A location begins with the length of a domain name, so no other name looks like one.
fn distribution_place(domain_name: &[u8]) -> Place {
    place(&[b"*", domain_name].concat())
}

fn tag_place(domain_name: &str, tag: &Tag) -> Place {
    place(&[b"#", domain_name.as_bytes(), b"#", tag.as_str().as_bytes()].concat())
}

/// The generations of the last invalidations under one name; 0: none.
#[derive(Clone, Copy, Default)]
struct Last {
    hard: u64,
    soft: u64,
}

impl Last {
    fn note(&mut self, generation: u64, mode: Mode) {
        match mode {
            Mode::Hard => self.hard = generation,
            Mode::Soft => self.soft = generation,
        }
    }

    fn newest(self, other: Self) -> Self {
        Self { hard: self.hard.max(other.hard), soft: self.soft.max(other.soft) }
    }

    fn is_none(self) -> bool {
        self.hard == 0 && self.soft == 0
    }

    /// What is left when everything up to `generation` is forgotten.
    fn after(self, generation: u64) -> Self {
        let keep = |last| if last > generation { last } else { 0 };
        Self { hard: keep(self.hard), soft: keep(self.soft) }
    }
}

#[derive(Default)]
struct Known {
    last: Last,
    /// Objects of this name that its last hard invalidation did not reach.
    objects: u32,
}

/// Independent locks of the places.
const SHARDS: usize = 16;

/// Bytes of a place, with the room that a hash table keeps free.
const PLACE_BYTES: usize = 64;

/// The places that have objects, or invalidations to remember.
#[derive(Default)]
struct Places([Mutex<HashMap<Place, Known>>; SHARDS]);

impl Places {
    fn shard(&self, name: Place) -> MutexGuard<'_, HashMap<Place, Known>> {
        let index = usize::try_from(name % SHARDS as Place).unwrap_or_default();
        self.0[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, name: Place, stamp: Stamp) {
        let mut shard = self.shard(name);
        let known = shard.entry(name).or_default();
        if stamp.0 >= known.last.hard {
            known.objects += 1;
        }
    }

    fn uncount(&self, name: Place, stamp: Stamp) {
        let mut shard = self.shard(name);
        let Some(known) = shard.get_mut(&name) else { return };
        if stamp.0 >= known.last.hard {
            known.objects = known.objects.saturating_sub(1);
        }
        if known.objects == 0 && known.last.is_none() {
            shard.remove(&name);
        }
    }

    fn last(&self, name: Place) -> Last {
        self.shard(name).get(&name).map(|known| known.last).unwrap_or_default()
    }

    /// Notes an invalidation. Returns the objects of this name, and the bytes that are remembered in addition.
    fn invalidate(&self, name: Place, generation: u64, mode: Mode) -> (u64, usize) {
        let mut shard = self.shard(name);
        let known = shard.entry(name).or_default();
        let bytes = if known.last.is_none() { PLACE_BYTES } else { 0 };
        known.last.note(generation, mode);
        let objects = u64::from(known.objects);
        if mode == Mode::Hard {
            known.objects = 0;
        }
        (objects, bytes)
    }

    /// Forgets what was invalidated up to `generation`. Returns the bytes that are still remembered.
    fn forget(&self, generation: u64) -> usize {
        let mut bytes = 0;
        for shard in &self.0 {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, known| {
                known.last = known.last.after(generation);
                bytes += if known.last.is_none() { 0 } else { PLACE_BYTES };
                known.objects > 0 || !known.last.is_none()
            });
        }
        bytes
    }
}

/// Bytes of a prefix beside its text.
const PREFIX_BYTES: usize = 80;

/// Prefixes of locations: domain name, path, `?` and query, as text. A domain name has no `/`, so they cannot run into
/// each other.
#[derive(Default)]
struct Prefixes(BTreeMap<Box<[u8]>, Last>);

impl Prefixes {
    /// The last invalidations of all prefixes of a location.
    fn last(&self, location: &[u8]) -> Last {
        let mut last = Last::default();
        let mut bound = Bound::Included(location);
        // The greatest entry that is not greater than the location is its longest prefix, or what they share bounds
        // all shorter ones.
        while let Some((prefix, found)) =
            self.0.range::<[u8], _>((Bound::Unbounded, bound)).next_back()
        {
            let shared =
                prefix.iter().zip(location).take_while(|(one, other)| one == other).count();
            bound = if shared == prefix.len() {
                last = last.newest(*found);
                Bound::Excluded(&location[..shared])
            } else {
                Bound::Included(&location[..shared])
            };
        }
        last
    }
}

/// The generations of one store.
pub(super) struct Generations {
    now: AtomicU64,
    places: Arc<Places>,
    prefixes: RwLock<Prefixes>,
    /// What was not compared with this generation is not trusted.
    floor: AtomicU64,
    /// Bytes of remembered invalidations; its lock is held by who adds some.
    remembered_bytes: Mutex<usize>,
}

/// What became of an invalidation.
pub(super) struct Noted {
    /// For each item the objects known under it, stored or arriving; `None` where that is not known.
    pub(super) objects: Vec<Option<u64>>,
    /// Whether the store should be swept: see [`Generations::forget`].
    pub(super) is_full: bool,
}

impl Generations {
    pub(super) fn new() -> Self {
        Self {
            now: AtomicU64::new(microseconds(SystemTime::now())),
            places: Arc::default(),
            prefixes: RwLock::default(),
            floor: AtomicU64::new(0),
            remembered_bytes: Mutex::default(),
        }
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
            places: Arc::clone(&self.places),
        }
        .counted()
    }

    /// How many objects of this place the last hard invalidation did not reach.
    pub(super) fn known_at(&self, bytes: &[u8]) -> u64 {
        let name = place(bytes);
        self.places.shard(name).get(&name).map_or(0, |known| known.objects.into())
    }

    /// Invalidates what lies at a location, or has a primary hash.
    pub(super) fn invalidate_place(&self, bytes: &[u8], mode: Mode) -> Noted {
        self.note(|generation| {
            let (objects, bytes) = self.places.invalidate(place(bytes), generation, mode);
            (vec![Some(objects)], bytes)
        })
    }

    /// Invalidates what the items name, all in one generation.
    pub(super) fn invalidate(&self, domain_name: &str, items: &[Item], mode: Mode) -> Noted {
        self.note(|generation| {
            let mut bytes = 0;
            let each = items.iter().map(|item| {
                let (objects, added) = self.note_item(domain_name, item, generation, mode);
                bytes += added;
                objects
            });
            (each.collect(), bytes)
        })
    }

    /// A new generation is there for others when all that it invalidates is noted.
    fn note(&self, noted: impl FnOnce(u64) -> (Vec<Option<u64>>, usize)) -> Noted {
        let mut bytes = self.remembered_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.now.load(Ordering::Acquire);
        let generation = microseconds(SystemTime::now()).max(before + 1);
        let (objects, added) = noted(generation);
        self.now.store(generation, Ordering::Release);
        *bytes += added;
        Noted { objects, is_full: *bytes > CACHE_INVALIDATIONS_BYTES_MAX }
    }

    fn note_item(
        &self,
        domain_name: &str,
        item: &Item,
        generation: u64,
        mode: Mode,
    ) -> (Option<u64>, usize) {
        let name = match item {
            Item::Everything => distribution_place(domain_name.as_bytes()),
            Item::Tag(tag) => tag_place(domain_name, tag),
            Item::Exact(target) => {
                let (mut location, query) = (Vec::new(), target.query.as_deref());
                let all = &NameSelection::All;
                key::write_location(domain_name, &target.path, query, all, &mut location);
                place(&location)
            }
            Item::Prefix(text) => {
                let prefix: Box<[u8]> = [domain_name.as_bytes(), text].concat().into();
                let mut bytes = PREFIX_BYTES + prefix.len();
                let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
                let last = prefixes.0.entry(prefix).or_default();
                if !last.is_none() {
                    bytes = 0;
                }
                last.note(generation, mode);
                return (None, bytes);
            }
        };
        let (objects, bytes) = self.places.invalidate(name, generation, mode);
        (Some(objects), bytes)
    }

    /// Forgets what was invalidated up to `stamp`, after every stored object was asked for its standing since. What was
    /// not stored yet is not trusted then.
    pub(super) fn forget(&self, stamp: Stamp) {
        let mut bytes = self.remembered_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        // Before anything is forgotten: see `compare`.
        self.floor.fetch_max(stamp.0, Ordering::AcqRel);
        *bytes = self.places.forget(stamp.0);
        let mut prefixes = self.prefixes.write().unwrap_or_else(PoisonError::into_inner);
        prefixes.0.retain(|prefix, last| {
            *last = last.after(stamp.0);
            *bytes += if last.is_none() { 0 } else { PREFIX_BYTES + prefix.len() };
            !last.is_none()
        });
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
        let names = mark.names().chain([mark.primary]);
        let mut last =
            names.fold(Last::default(), |last, name| last.newest(self.places.last(name)));
        let prefixes = self.prefixes.read().unwrap_or_else(PoisonError::into_inner);
        if !prefixes.0.is_empty() {
            last = last.newest(prefixes.last(&location.text()));
        }
        drop(prefixes);
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

fn microseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
