//! What a call looked at. The host keeps answers under it: a call that looks at the same things and sees the same
//! gives the same answer, for its memory is fresh each time.

use std::cell::RefCell;

use crate::wire::{Writer, reads};

/// Looks that are kept apart; a call with more of them is not worth remembering.
const READS_MAX: usize = 256;

thread_local! {
    static TRACE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Forgets everything, and makes room so that noting allocates nothing.
pub fn begin() {
    TRACE.with_borrow_mut(|trace| {
        trace.clear();
        trace.reserve(READS_MAX);
    });
}

/// Notes a look at `what`, one of [`reads`].
pub fn note(what: u32) {
    push(what << 16);
}

/// Notes a look at entry `index` of the map `what`.
pub fn note_entry(what: u32, index: usize) {
    match u16::try_from(index) {
        Ok(index) => push((what | reads::ENTRY) << 16 | u32::from(index)),
        Err(_) => note(reads::UNREPEATABLE),
    }
}

fn push(read: u32) {
    TRACE.with_borrow_mut(|trace| match trace.len() {
        READS_MAX.. => {
            if let Some(first) = trace.first_mut() {
                *first = reads::UNREPEATABLE << 16;
            }
        }
        _ if trace.contains(&read) => {}
        _ => trace.push(read),
    });
}

/// Appends what was noted to a result.
pub fn write(out: &mut Writer) {
    TRACE.with_borrow(|trace| {
        for read in trace {
            out.u32(*read);
        }
        out.u32(u32::try_from(trace.len()).unwrap_or_default());
    });
}

#[cfg(test)]
mod tests;
