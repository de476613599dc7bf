//! The memory of the sandboxed engine: one region, cut from the front.
//!
//! The allocator has two lives. While the engine starts and while a function is loaded it keeps lists of free blocks and
//! zeroes what is freed, so that the memory image holds live objects and otherwise zeros. While a function answers a
//! request it only moves a pointer: the whole instance is thrown away afterwards, so freeing would be wasted work, and
//! new objects lie side by side on few pages.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

/// Block sizes below this grow in steps of 8 bytes, above it in four steps a doubling.
const FINE: usize = 128;
const FINE_CLASSES: usize = FINE / 8;
/// Four steps for each doubling from 128 bytes to 128 MiB.
const CLASSES: usize = FINE_CLASSES + 4 * 20;
/// Every block starts on a multiple of this; a layout that needs more is cut from the front and never reused.
const ALIGN: usize = 8;

/// The state behind [`Arena`], apart from where its memory comes from.
#[derive(Debug)]
pub struct Blocks {
    /// First byte never handed out.
    next: usize,
    /// First byte beyond the region.
    end: usize,
    /// Heads of the lists of free blocks; 0 ends a list. Each free block starts with the address of the next.
    free: [usize; CLASSES],
    /// Blocks handed out and not given back.
    live: usize,
    /// Whether freed blocks are kept for reuse.
    reuse: bool,
    /// Whether a request for memory was ever refused.
    pub exhausted: bool,
}

/// Index of the smallest class that holds `size` bytes, and the class's size.
fn class_of(size: usize) -> Option<(usize, usize)> {
    let size = size.max(ALIGN);
    if size <= FINE {
        let index = size.div_ceil(8);
        return Some((index - 1, index * 8));
    }
    let doubling = usize::BITS - 1 - (size - 1).leading_zeros();
    let base = 1usize << doubling;
    let step = base / 4;
    let quarter = (size - base).div_ceil(step);
    let index = FINE_CLASSES + 4 * (doubling as usize - 7) + quarter - 1;
    (index < CLASSES).then_some((index, base + quarter * step))
}

impl Blocks {
    /// A region that begins and ends at `start`; it grows by [`Blocks::extend`].
    #[must_use]
    pub const fn new(start: usize) -> Self {
        Self { next: start, end: start, free: [0; CLASSES], live: 0, reuse: true, exhausted: false }
    }

    /// Moves the end of the region.
    pub fn extend(&mut self, end: usize) {
        self.end = end;
    }

    /// First byte never handed out.
    #[must_use]
    pub fn frontier(&self) -> usize {
        self.next
    }

    /// Blocks handed out and not given back.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live
    }

    /// Takes a block; 0 when the region is full.
    ///
    /// # Safety
    /// The region is memory that nobody else uses, zeroed where it was never handed out.
    pub unsafe fn take(&mut self, layout: Layout) -> usize {
        let aligned = layout.align() <= ALIGN;
        let Some((class, class_size)) = class_of(layout.size()) else { return 0 };
        if self.reuse && aligned && self.free[class] != 0 {
            let block = self.free[class];
            // SAFETY: `block` came from `give_back`, which stored the next block's address in its first bytes.
            self.free[class] = unsafe { ptr::with_exposed_provenance::<usize>(block).read() };
            // SAFETY: the same bytes; the block is handed out zeroed apart from nothing.
            unsafe { ptr::with_exposed_provenance_mut::<usize>(block).write(0) };
            self.live += 1;
            return block;
        }
        let size = if self.reuse { class_size } else { layout.size().next_multiple_of(ALIGN) };
        let start = self.next.next_multiple_of(layout.align().max(ALIGN));
        let Some(next) = start.checked_add(size).filter(|next| *next <= self.end) else { return 0 };
        self.next = next;
        self.live += 1;
        start
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// `block` was handed out by this value for `layout` and is not used any more.
    pub unsafe fn give_back(&mut self, block: usize, layout: Layout) {
        self.live = self.live.wrapping_sub(1);
        let Some((class, _)) = class_of(layout.size()).filter(|_| self.reuse) else { return };
        let bytes = ptr::with_exposed_provenance_mut::<u8>(block);
        // SAFETY: the block is at least as long as its layout and belongs to us again.
        unsafe { bytes.write_bytes(0, layout.size()) };
        if layout.align() <= ALIGN {
            // SAFETY: every class is at least 8 bytes long and aligned to 8.
            unsafe { bytes.cast::<usize>().write(self.free[class]) };
            self.free[class] = block;
        }
    }

    /// Resizes a block where it stands, if it can.
    ///
    /// # Safety
    /// As for [`Blocks::give_back`], but the block stays in use.
    pub unsafe fn resize(&mut self, block: usize, layout: Layout, size: usize) -> bool {
        let held = layout.size().next_multiple_of(ALIGN);
        if size <= held && !self.reuse {
            return true;
        }
        if self.reuse {
            return class_of(layout.size()) == class_of(size) && layout.align() <= ALIGN;
        }
        let last = block.checked_add(held) == Some(self.next);
        match block.checked_add(size.next_multiple_of(ALIGN)) {
            Some(next) if last && next <= self.end => {
                self.next = next;
                true
            }
            _ => false,
        }
    }

    /// Forgets the free blocks and clears their links, so that what follows is cut from the front.
    ///
    /// # Safety
    /// As for [`Blocks::take`].
    pub unsafe fn forget_free_blocks(&mut self) {
        for head in &mut self.free {
            while *head != 0 {
                let link = ptr::with_exposed_provenance_mut::<usize>(*head);
                // SAFETY: a free block starts with its link, see `give_back`.
                *head = unsafe { link.replace(0) };
            }
        }
    }

    /// Starts cutting again at `frontier`.
    ///
    /// # Safety
    /// No live block lies at or behind `frontier`, and all bytes there are zero.
    pub unsafe fn rewind(&mut self, frontier: usize) {
        self.next = frontier;
    }

    /// From now on freed blocks are lost, and at most `bytes` more are handed out.
    pub fn stop_reusing(&mut self, bytes: usize) {
        self.reuse = false;
        self.end = self.end.min(self.next.saturating_add(bytes));
    }

    /// Freed blocks are kept again.
    pub fn start_reusing(&mut self) {
        self.reuse = true;
    }
}

/// A global allocator over [`Blocks`], for a machine with one thread.
pub struct Arena(UnsafeCell<Blocks>);

// SAFETY: the wasm machine has one thread, and no allocator call re-enters another.
unsafe impl Sync for Arena {}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An empty arena; its region begins at the first growth of memory.
    #[must_use]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Blocks::new(0)))
    }

    /// The state.
    #[expect(clippy::mut_from_ref, reason = "one thread; the borrow ends before the next call")]
    pub fn blocks(&self) -> &mut Blocks {
        // SAFETY: one thread, and no caller keeps the reference across an allocation.
        unsafe { &mut *self.0.get() }
    }

    /// Makes the memory larger by at least `bytes`; false when it cannot be.
    fn grow(&self, bytes: usize) -> bool {
        const PAGE: usize = 1 << 16;
        let pages = bytes.div_ceil(PAGE) + 1;
        let Some(end) = grow_memory(pages).map(|old| (old + pages) * PAGE) else { return false };
        let blocks = self.blocks();
        if blocks.next == 0 {
            blocks.next = end - pages * PAGE;
        }
        blocks.extend(end);
        true
    }
}

#[cfg(target_family = "wasm")]
fn grow_memory(pages: usize) -> Option<usize> {
    Some(core::arch::wasm32::memory_grow(0, pages)).filter(|old| *old != usize::MAX)
}

/// Off the sandbox the system's allocator is used; see `lib.rs`.
#[cfg(not(target_family = "wasm"))]
fn grow_memory(_pages: usize) -> Option<usize> {
    None
}

// SAFETY: blocks are disjoint, as long as asked for and aligned; see `Blocks`.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the region is what `memory.grow` added, which nobody else uses and which starts zeroed.
        let mut block = unsafe { self.blocks().take(layout) };
        if block == 0 && self.blocks().reuse && self.grow(layout.size() + layout.align()) {
            // SAFETY: as above.
            block = unsafe { self.blocks().take(layout) };
        }
        self.blocks().exhausted |= block == 0;
        ptr::with_exposed_provenance_mut(block)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.blocks().give_back(block.expose_provenance(), layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        if unsafe { self.blocks().resize(block.expose_provenance(), layout, size) } {
            return block;
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: `size` is not zero, says the caller.
        let target = unsafe { self.alloc(wanted) };
        if !target.is_null() {
            // SAFETY: both blocks are at least this long, and they are different blocks.
            unsafe { ptr::copy_nonoverlapping(block, target, layout.size().min(size)) };
            // SAFETY: nobody uses the old block any more.
            unsafe { self.dealloc(block, layout) };
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(bytes: usize) -> (Vec<u64>, Blocks) {
        let mut memory = vec![0u64; bytes / 8];
        let start = memory.as_mut_ptr().expose_provenance();
        let mut blocks = Blocks::new(start);
        blocks.extend(start + bytes);
        (memory, blocks)
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).expect("a layout")
    }

    #[test]
    fn classes_hold_what_they_are_asked_for() {
        let mut last = 0;
        for size in (1..100_000).chain([1 << 20, (1 << 20) + 1, 100 << 20]) {
            let (index, class) = class_of(size).expect("a class");
            assert!(class >= size && class % 8 == 0, "{size} got {class}");
            assert!(class <= size.max(8) * 5 / 4 + 8, "{size} wastes: {class}");
            assert!(index >= last || size == 1 << 20, "{size} went backwards");
            last = index;
        }
        assert_eq!(class_of(usize::MAX / 2), None);
    }

    #[test]
    fn freed_blocks_are_zeroed_and_come_back() {
        let (memory, mut blocks) = region(4096);
        // SAFETY: the region is `memory`, which nobody else uses.
        unsafe {
            let first = blocks.take(layout(40));
            ptr::with_exposed_provenance_mut::<u8>(first).write_bytes(7, 40);
            blocks.give_back(first, layout(40));
            let again = blocks.take(layout(36));
            assert_eq!(first, again, "the free block was not used");
            blocks.give_back(again, layout(36));
            blocks.forget_free_blocks();
            assert_eq!(blocks.live(), 0);
        }
        assert!(memory.iter().all(|word| *word == 0), "something was left behind");
    }

    #[test]
    fn a_request_never_reuses_and_never_passes_its_limit() {
        let (memory, mut blocks) = region(4096);
        // SAFETY: as above.
        unsafe {
            let before = blocks.take(layout(64));
            blocks.stop_reusing(256);
            blocks.give_back(before, layout(64));
            let first = blocks.take(layout(64));
            assert_ne!(first, before);
            assert!(blocks.resize(first, layout(64), 128), "the last block can grow in place");
            let second = blocks.take(layout(8));
            assert_eq!(second, first + 128);
            assert!(!blocks.resize(first, layout(128), 136), "it would run into its neighbour");
            assert_eq!(blocks.take(layout(256)), 0, "beyond the limit");
            assert_ne!(blocks.take(layout(120)), 0, "up to the limit");
        }
        drop(memory);
    }
}
