//! Which pages of a guest's memory are its own: the kernel knows, and says so in one call (Linux 6.7).

use std::fs::File;
use std::mem::size_of;
use std::ops::Range;

use nix::sys::resource::{UsageWho, getrusage};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use rustix::mm::{Advice, madvise};

/// Stretches of pages that one scan reports; a memory with more of them is not worth keeping.
const STRETCHES_MAX: usize = 256;
/// `PAGEMAP_SCAN`, from the kernel's `linux/fs.h`; so are the categories and the two structures below.
const PAGEMAP_SCAN: Opcode = opcode::read_write::<Scan>(b'f', 16);
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO_PAGE: u64 = 1 << 5;

/// `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    stretches: u64,
    stretches_max: u64,
    pages_max: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Stretch {
    start: u64,
    end: u64,
    categories: u64,
}

/// Page faults that this thread has taken so far; `None` where the kernel does not count them.
#[must_use]
pub fn thread_faults() -> Option<i64> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
    Some(usage.minor_page_faults().wrapping_add(usage.major_page_faults()))
}

/// Asks the kernel for small pages: with huge ones, one written byte would make two mebibytes private.
pub fn keep_pages_small(memory: &mut [u8]) {
    // SAFETY: this advice says how the kernel backs the range, which is exclusively borrowed, and never changes what it
    // holds. A kernel without huge pages refuses it, and has none to avoid.
    let _ = unsafe { madvise(memory.as_mut_ptr().cast(), memory.len(), Advice::LinuxNoHugepage) };
}

/// The process's page map.
#[derive(Debug)]
pub struct PageMap {
    file: File,
    page_bytes: usize,
}

impl PageMap {
    /// Opens it; `None` where the kernel cannot scan.
    #[must_use]
    pub fn open() -> Option<Self> {
        let file = File::open("/proc/self/pagemap").ok()?;
        let map = Self { file, page_bytes: rustix::param::page_size() };
        let probe = vec![0; map.page_bytes];
        map.private(&probe, 1).is_some().then_some(map)
    }

    /// The stretches of `memory`, as ranges of its bytes, that are not the mapped image any more: pages that were
    /// written since they were mapped. `None` when there are more than `pages_max` of them, or they lie too scattered.
    pub fn private(
        &self,
        memory: &[u8],
        pages_max: usize,
    ) -> Option<impl Iterator<Item = Range<usize>> + use<>> {
        let mut stretches = [Stretch::default(); STRETCHES_MAX];
        let begin = memory.as_ptr().addr();
        let start = begin - begin % self.page_bytes;
        let end = (begin + memory.len()).next_multiple_of(self.page_bytes);
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start: start as u64,
            end: end as u64,
            stretches: stretches.as_mut_ptr().expose_provenance() as u64,
            stretches_max: STRETCHES_MAX as u64,
            // One more than may be, so that stopping there is seen.
            pages_max: pages_max as u64 + 1,
            // Still the image's file, or still the kernel's one page of zeros: not written.
            category_inverted: FILE | ZERO_PAGE,
            category_mask: FILE | ZERO_PAGE,
            // A written page that was swapped out since holds what was written all the same.
            category_anyof_mask: PRESENT | SWAPPED,
            ..Scan::default()
        };
        // SAFETY: the number and the structure are those of the kernel's header, which gives them for each other.
        let request = unsafe { Updater::<PAGEMAP_SCAN, Scan>::new(&mut scan) };
        // SAFETY: the kernel reads page tables and writes to two places only: `scan`, and at most `STRETCHES_MAX`
        // entries from the address of `stretches`, which live until after the call and are plain integers.
        unsafe { ioctl(&self.file, request) }.ok()?;
        let within = |address: u64| {
            let address = usize::try_from(address).unwrap_or_default();
            address.clamp(begin, begin + memory.len()) - begin
        };
        let found = stretches.map(|stretch| within(stretch.start)..within(stretch.end));
        let pages: usize = found.iter().map(|range| range.len().div_ceil(self.page_bytes)).sum();
        let complete = scan.walk_end == scan.end && pages <= pages_max;
        complete.then(|| found.into_iter().filter(|range| !range.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_written_pages_are_private() {
        /// More than an allocator ever keeps for the next one: it comes from the system, never written.
        const FRESH_BYTES: usize = 64 << 20;
        let Some(map) = PageMap::open() else {
            eprintln!("this kernel has no PAGEMAP_SCAN");
            return;
        };
        let page = map.page_bytes;
        let mut memory = vec![0u8; FRESH_BYTES];
        keep_pages_small(&mut memory);
        let first = page - memory.as_ptr().addr() % page;
        let found = |memory: &[u8], max| map.private(memory, max).map(Iterator::collect::<Vec<_>>);
        assert_eq!(
            found(&memory[first..first + 8 * page], 8),
            Some(vec![]),
            "zeros were never written"
        );
        memory[first + 2 * page] = 1;
        memory[first + 5 * page + 7] = 1;
        let expected = vec![2 * page..3 * page, 5 * page..6 * page];
        assert_eq!(found(&memory[first..first + 8 * page], 8), Some(expected));
        assert_eq!(found(&memory[first..first + 8 * page], 1), None, "two pages are more than one");
    }
}
