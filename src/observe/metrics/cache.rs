//! What the cache holds and did, tier by tier, as it says itself when asked.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The cache; its first three numbers are of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheNumbers {
    /// Objects held.
    pub objects: u64,
    /// Bytes that the objects take.
    pub bytes: u64,
    /// Objects pushed out for want of room since the start.
    pub evictions: u64,
    /// The disk tier, if there is one.
    pub disk: Option<DiskNumbers>,
}

/// The disk tier of the cache; what happened, since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskNumbers {
    /// Objects held.
    pub objects: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Objects read.
    pub hits: u64,
    /// Objects written.
    pub writes: u64,
    /// Objects not written, because the disk failed or was too slow.
    pub refused: u64,
    /// Objects removed for want of room.
    pub evictions: u64,
    /// Objects that could not be read, or were not what had been written.
    pub damaged: u64,
    /// Whether the disk is left alone after a failure.
    pub is_failing: bool,
}

#[derive(Default)]
pub(super) struct CacheGauges {
    objects: Gauge,
    bytes: Gauge,
    evictions: Counter,
    disk_objects: Gauge,
    disk_bytes: Gauge,
    disk_hits: Counter,
    disk_writes: Counter,
    disk_refused: Counter,
    disk_evictions: Counter,
    disk_damaged: Counter,
    disk_failing: Gauge,
}

impl CacheGauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let gauges = [
            ("cache_objects", "Objects in the cache's memory", &all.objects),
            ("cache_bytes", "Bytes in the cache's memory", &all.bytes),
            ("cache_disk_objects", "Objects in the cache's disk tier", &all.disk_objects),
            ("cache_disk_bytes", "Bytes of the cache's disk tier", &all.disk_bytes),
            (
                "cache_disk_failing",
                "1 while the cache's disk tier is left alone after a failure",
                &all.disk_failing,
            ),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            (
                "cache_evictions",
                "Objects pushed out of the cache's memory for want of room",
                &all.evictions,
            ),
            ("cache_disk_hits", "Objects read from the disk", &all.disk_hits),
            ("cache_disk_writes", "Objects written to the disk", &all.disk_writes),
            (
                "cache_disk_refused",
                "Objects not written to the disk, which failed or was too slow",
                &all.disk_refused,
            ),
            (
                "cache_disk_evictions",
                "Objects removed from the disk for want of room",
                &all.disk_evictions,
            ),
            (
                "cache_disk_damaged",
                "Objects on the disk that could not be read or were not what had been written",
                &all.disk_damaged,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        all
    }

    pub(super) fn show(&self, numbers: &CacheNumbers) {
        let set = |gauge: &Gauge, value| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let count = |counter: &Counter, value| counter.inner().store(value, Ordering::Relaxed);
        set(&self.objects, numbers.objects);
        set(&self.bytes, numbers.bytes);
        count(&self.evictions, numbers.evictions);
        let Some(disk) = &numbers.disk else { return };
        set(&self.disk_objects, disk.objects);
        set(&self.disk_bytes, disk.bytes);
        set(&self.disk_failing, disk.is_failing.into());
        count(&self.disk_hits, disk.hits);
        count(&self.disk_writes, disk.writes);
        count(&self.disk_refused, disk.refused);
        count(&self.disk_evictions, disk.evictions);
        count(&self.disk_damaged, disk.damaged);
    }
}
