//! What the store costs when it is full: a lookup beside a million objects, also while others are evicted and while
//! everything is invalidated; an invalidation among a hundred thousand tags; memory against the budget; the disk tier.
//!
//!     cargo bench --bench cache
//!
//! Memory is counted first: what the process holds is compared with what the store says it holds. Times are of single
//! calls through pingora's own interface, medians of many.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method};
use pingora::cache::storage::Storage;
use pingora::cache::trace::{Span, SpanHandle};
use pingora::cache::{CacheKey, CacheMeta};
use pingora::http::ResponseHeader;
use verge::cache::invalidate::{Item, Mode};
use verge::cache::key;
use verge::cache::store::{DiskSettings, Store, Tags};
use verge::cache::tag::Tag;
use verge::distribution::policy::{CachePolicy, NameSelection};

/// The program's: what a head takes depends on it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOMAIN: &str = "d1.test";
const OBJECTS: usize = 1_000_000;
const TAGS: usize = 100_000;
const TAGS_OF_AN_OBJECT: usize = 3;
const INVALIDATIONS: usize = 10_000;
const BODY_BYTES: usize = 1_024;
const LOOKUPS: usize = 200_000;
/// All objects and more.
const ROOMY_BYTES: u64 = 8 << 30;
/// An eighth of what all objects take.
const TIGHT_BYTES: u64 = 256 << 20;
const OBJECT_BYTES_MAX: u64 = 16 << 20;
const DISK_OBJECTS: usize = 200_000;
/// An eighth of what those take; the index of them all fits.
const DISK_MEMORY_BYTES: u64 = 80 << 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A store with what its interface wants.
struct Bench {
    store: &'static Store,
    policy: CachePolicy,
    trace: SpanHandle,
}

impl Bench {
    fn new(memory_bytes: u64) -> Self {
        Self::of(Store::new(memory_bytes, OBJECT_BYTES_MAX).leak())
    }

    fn of(store: &'static Store) -> Self {
        let policy = CachePolicy {
            name: "bench".to_owned(),
            min_ttl: Duration::ZERO,
            default_ttl: Duration::ZERO,
            max_ttl: Duration::from_secs(86_400),
            headers: Vec::new(),
            cookies: NameSelection::None,
            query_strings: NameSelection::All,
            accept_encoding_gzip: false,
            accept_encoding_brotli: false,
        };
        Self { store, policy, trace: Span::inactive().handle() }
    }

    fn key(&self, number: usize) -> CacheKey {
        let path = format!("/{}/page-{number}.html", number % 100);
        let (path, none) = (path.as_bytes(), HeaderMap::new());
        let mut bytes = Vec::new();
        key::primary_key(DOMAIN, &Method::GET, path, None, &none, &self.policy, &mut bytes);
        self.store.key(bytes)
    }

    async fn put(&self, number: usize) -> Outcome<()> {
        let mut header = ResponseHeader::build(200, Some(5))?;
        header.append_header("content-type", "text/html; charset=utf-8")?;
        header.append_header("cache-control", "max-age=3600")?;
        header.append_header("etag", format!("\"{number:x}\""))?;
        header.append_header("content-length", BODY_BYTES)?;
        header.append_header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")?;
        let now = SystemTime::now();
        let mut meta = CacheMeta::new(now + Duration::from_secs(3_600), now, 0, 0, header);
        let tags: Vec<Tag> =
            (0..TAGS_OF_AN_OBJECT).map(|which| tag(number, which)).collect::<Outcome<_>>()?;
        Tags::new(DOMAIN, &tags).mark(&mut meta);
        self.store.stamp().mark(&mut meta);
        let mut writer = self.store.get_miss_handler(&self.key(number), &meta, &self.trace).await?;
        writer.write_body(Bytes::from(vec![b'x'; BODY_BYTES]), true).await?;
        writer.finish().await?;
        Ok(())
    }

    /// Whether an object is found, and how long that took.
    async fn look(&self, number: usize) -> Outcome<(bool, Duration)> {
        let key = self.key(number);
        let started = Instant::now();
        let found = self.store.lookup(&key, &self.trace).await?.is_some();
        Ok((found, started.elapsed()))
    }

    /// Does so while another thread does something again and again.
    async fn look_around_while(
        &self,
        what: &str,
        other: impl FnOnce(&'static Store, &AtomicBool) -> Outcome<()> + Send + 'static,
    ) -> Outcome<()> {
        let is_over = Arc::new(AtomicBool::new(false));
        let (store, until) = (self.store, Arc::clone(&is_over));
        let other = std::thread::spawn(move || {
            other(store, &until).unwrap_or_else(|error| println!("{error}"));
        });
        self.look_around(what, OBJECTS).await?;
        is_over.store(true, Ordering::Relaxed);
        other.join().map_err(|_| "the other thread failed".into())
    }

    /// Looks objects up in a scattered order and prints what it took.
    async fn look_around(&self, what: &str, objects: usize) -> Outcome<()> {
        let (mut times, mut hits) = (Vec::with_capacity(LOOKUPS), 0);
        for index in 0..LOOKUPS {
            let (found, time) = self.look(scattered(index, objects)).await?;
            times.push(time);
            hits += usize::from(found);
        }
        times.sort_unstable();
        let (median, high) = (nanoseconds(&times, 500), nanoseconds(&times, 990));
        println!("{what:44} {objects:>9} {hits:>8} {median:>9} {high:>9}");
        Ok(())
    }
}

/// Tag `which` of an object: one of [`TAGS`], each on as many objects.
fn tag(number: usize, which: usize) -> Outcome<Tag> {
    let tag = format!("tag-{}", scattered(number * TAGS_OF_AN_OBJECT + which, TAGS));
    Tag::parse(tag.as_bytes()).map_err(|error| format!("{tag}: {error:?}").into())
}

/// A number below `bound`, far from that of the index before.
fn scattered(index: usize, bound: usize) -> usize {
    index.wrapping_mul(0x9E37_79B1) % bound
}

fn nanoseconds(sorted: &[Duration], per_thousand: usize) -> u128 {
    let at = (sorted.len() * per_thousand / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0, Duration::as_nanos)
}

fn resident_bytes() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib << 10)
}

/// Fills a store, and prints what the process took for it.
async fn fill(bench: &Bench, budget: u64) -> Outcome<()> {
    let before = resident_bytes()?;
    for number in 0..OBJECTS {
        bench.put(number).await?;
    }
    let (stats, taken) = (bench.store.stats(), resident_bytes()?.saturating_sub(before));
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{:>10} {:>9} {:>10} {:>10} {:>8}",
        mib(budget),
        stats.objects,
        mib(stats.bytes),
        mib(taken),
        taken * 100 / stats.bytes.max(1),
    );
    Ok(())
}

async fn lookups(bench: &Bench) -> Outcome<()> {
    println!("\nlookups, {LOOKUPS} in a scattered order, nanoseconds");
    println!("{:44} {:>9} {:>8} {:>9} {:>9}", "", "different", "hits", "median", "p99");
    for objects in [1_000, 100_000, OBJECTS] {
        bench.look_around("among a million", objects).await?;
    }
    let mut times = Vec::with_capacity(INVALIDATIONS);
    let mut reached = 0;
    for number in 0..INVALIDATIONS {
        // Three tags, one path and one prefix in turn; the prefix meets nothing, for hits to be left.
        let item = match number % 5 {
            0..=2 => Item::Tag(tag(number, 0)?),
            3 => Item::parse(&format!("/{}/page-{number}.html", number % 100))?,
            _ => Item::parse(&format!("/{number}/none*"))?,
        };
        let started = Instant::now();
        let counts = bench.store.invalidate(DOMAIN, &[item], Mode::Hard);
        times.push(started.elapsed());
        reached += counts.into_iter().flatten().sum::<u64>();
    }
    times.sort_unstable();
    bench.look_around("after the invalidations, first look", OBJECTS).await?;
    bench.look_around("after the invalidations, second look", OBJECTS).await?;
    println!(
        "\n{INVALIDATIONS} invalidations reached {reached} objects; median {} ns, p99 {} ns",
        nanoseconds(&times, 500),
        nanoseconds(&times, 990),
    );
    Ok(())
}

/// Stores new objects until it is over.
fn push_others_out(store: &'static Store, is_over: &AtomicBool) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let bench = Bench::of(store);
    runtime.block_on(async {
        for number in OBJECTS.. {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            bench.put(number).await?;
        }
        Ok(())
    })
}

/// Makes everything stale every millisecond until it is over.
fn invalidate_everything(store: &'static Store, is_over: &AtomicBool) -> Outcome<()> {
    let everything = Item::parse("/*")?;
    while !is_over.load(Ordering::Relaxed) {
        store.invalidate(DOMAIN, std::slice::from_ref(&everything), Mode::Soft);
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// What the disk tier adds to storing, what a read from it takes, and how long a start takes that finds its objects.
async fn disk() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let settings = DiskSettings { directory: folder.path().to_owned(), bytes_max: 8 << 30 };
    let open = || Store::new(DISK_MEMORY_BYTES, OBJECT_BYTES_MAX).with_disk(&settings);
    let bench = Bench::of(open()?.leak());
    let without = Bench::new(DISK_MEMORY_BYTES);
    println!("\ndisk tier: {DISK_OBJECTS} objects of {BODY_BYTES} bytes, microseconds");
    println!("{:44} {:>9} {:>9}", "", "median", "p99");
    for (what, bench) in
        [("stored in memory", &without), ("stored in memory and on the disk", &bench)]
    {
        let mut times = Vec::with_capacity(DISK_OBJECTS);
        for number in 0..DISK_OBJECTS {
            let started = Instant::now();
            bench.put(number).await?;
            times.push(started.elapsed());
        }
        print_microseconds(what, times);
    }
    let mut times = Vec::new();
    for index in 0..DISK_OBJECTS / 4 {
        // The first ones are not in memory any more.
        let (found, time) = bench.look(scattered(index, DISK_OBJECTS / 2)).await?;
        times.extend(found.then_some(time));
    }
    let stats = bench.store.stats().disk.unwrap_or_default();
    print_microseconds(&format!("looked up, of which {} from the disk", stats.hits), times);
    // The store keeps its folder; a copy is what a crash would leave.
    let copy = tempfile::tempdir()?;
    for entry in std::fs::read_dir(folder.path())? {
        let entry = entry?;
        std::fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
    }
    let settings = DiskSettings { directory: copy.path().to_owned(), ..settings };
    let started = Instant::now();
    let again = Store::new(DISK_MEMORY_BYTES, OBJECT_BYTES_MAX).with_disk(&settings)?;
    let found = again.stats().disk.unwrap_or_default();
    println!("opened with {} objects in {} ms", found.objects, started.elapsed().as_millis());
    Ok(())
}

fn print_microseconds(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let tenths = |per_thousand| nanoseconds(&times, per_thousand) / 100;
    let (median, high) = (tenths(500), tenths(990));
    let text = |tenths: u128| format!("{}.{}", tenths / 10, tenths % 10);
    println!("{what:44} {:>9} {:>9}", text(median), text(high));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    println!(
        "{OBJECTS} objects of {BODY_BYTES} bytes are stored, with {TAGS_OF_AN_OBJECT} of {TAGS} tags each; MiB"
    );
    println!(
        "{:>10} {:>9} {:>10} {:>10} {:>8}",
        "budget", "objects", "weight", "resident", "percent"
    );
    let tight = Bench::new(TIGHT_BYTES);
    fill(&tight, TIGHT_BYTES).await?;
    let roomy = Bench::new(ROOMY_BYTES);
    fill(&roomy, ROOMY_BYTES).await?;
    lookups(&roomy).await?;
    println!("\nbeside another thread");
    let what = "among a million";
    roomy.look_around_while(what, |_, _| Ok(())).await?;
    let what = "all made stale every millisecond";
    roomy.look_around_while(what, invalidate_everything).await?;
    tight.look_around_while("in the small store", |_, _| Ok(())).await?;
    tight.look_around_while("others pushed out all the time", push_others_out).await?;
    disk().await
}
