//! A body of which some parts are there.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::limits::CACHE_PART_ENTRIES_MAX;

/// Parts of one representation: in order, none empty, none overlapping.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(Vec<(u64, Bytes)>);

impl Parts {
    /// One part.
    pub(super) fn one(start: u64, bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Vec::new() } else { vec![(start, bytes)] })
    }

    /// These parts and a new one, whose bytes count where they overlap. When that is more than `bytes_max`, or than a
    /// body may have parts, the new one alone.
    pub(super) fn with(&self, start: u64, bytes: Bytes, bytes_max: u64) -> Self {
        let end = start + bytes.len() as u64;
        let mut parts = Vec::with_capacity(self.0.len() + 2);
        let mut rest = Vec::new();
        for (at, old) in &self.0 {
            let old_end = at + old.len() as u64;
            parts.extend(cut(*at, old, *at..old_end.min(start)));
            rest.extend(cut(*at, old, end.max(*at)..old_end));
        }
        parts.push((start, bytes.clone()));
        parts.append(&mut rest);
        let parts = Self(parts);
        if parts.bytes() > bytes_max || parts.0.len() > CACHE_PART_ENTRIES_MAX {
            return Self::one(start, bytes);
        }
        parts
    }

    /// Bytes of all parts.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// What the list itself takes, bytes.
    pub(super) fn overhead(&self) -> u64 {
        (self.0.len() * size_of::<(u64, Bytes)>()) as u64
    }

    /// Whether every byte of `range` is there.
    pub(super) fn cover(&self, range: &Range<u64>) -> bool {
        let mut next = range.start;
        while next < range.end {
            let Some(piece) = self.piece(&(next..range.end)) else { return false };
            next += piece.len() as u64;
        }
        true
    }

    /// The first bytes of `range`, as many as lie in one piece; `None` when they are not there or the range is empty.
    pub(super) fn piece(&self, range: &Range<u64>) -> Option<Bytes> {
        let after = self.0.partition_point(|(start, _)| *start <= range.start);
        let (start, bytes) = self.0.get(after.checked_sub(1)?)?;
        let from = usize::try_from(range.start - start).ok()?;
        let until = usize::try_from(range.end.checked_sub(*start)?)
            .map_or(bytes.len(), |end| end.min(bytes.len()));
        (from < until).then(|| bytes.slice(from..until))
    }

    /// The whole body in one buffer, if all `length` bytes of it are there.
    pub(super) fn whole(&self, length: u64) -> Option<Bytes> {
        if length == 0 || !self.cover(&(0..length)) {
            return None;
        }
        let mut whole = BytesMut::with_capacity(usize::try_from(length).ok()?);
        for (_, bytes) in &self.0 {
            whole.extend_from_slice(bytes);
        }
        Some(whole.freeze())
    }
}

/// What is left of a part within `keep`. All of it as it is; less as a copy, so that what is cut away becomes free.
fn cut(at: u64, bytes: &Bytes, keep: Range<u64>) -> Option<(u64, Bytes)> {
    if keep.is_empty() {
        return None;
    }
    if keep == (at..at + bytes.len() as u64) {
        return Some((at, bytes.clone()));
    }
    let index = |offset: u64| usize::try_from(offset - at).ok();
    let kept = bytes.get(index(keep.start)?..index(keep.end)?)?;
    Some((keep.start, Bytes::copy_from_slice(kept)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_new_part_counts_and_too_much_leaves_it_alone() {
        let parts = Parts::one(0, Bytes::from_static(b"aaaa"))
            .with(6, Bytes::from_static(b"bbbb"), 100)
            .with(2, Bytes::from_static(b"cccccc"), 100);
        assert_eq!(parts.whole(10), Some(Bytes::from_static(b"aaccccccbb")));
        assert_eq!(parts.whole(11), None);
        let alone = parts.with(20, Bytes::from_static(b"dd"), 11);
        assert!(alone.cover(&(20..22)) && !alone.cover(&(0..1)));
        let empty = Parts::one(3, Bytes::new());
        assert!(!empty.cover(&(3..4)) && empty.bytes() == 0);
    }

    proptest! {
        /// Against a body of which each byte is there or not.
        #[test]
        fn parts_are_what_was_put_in(
            puts in proptest::collection::vec((0_u64..60, 0_usize..20, any::<u8>()), 0..12),
            asked in (0_u64..80, 1_u64..30),
        ) {
            let mut model = [None; 100];
            let mut parts = Parts::default();
            for (start, length, byte) in puts {
                if length == 0 {
                    continue;
                }
                parts = parts.with(start, Bytes::from(vec![byte; length]), 1_000);
                let from = usize::try_from(start).expect("small");
                model[from..from + length].fill(Some(byte));
            }
            prop_assert_eq!(parts.bytes(), model.iter().flatten().count() as u64);
            let range = asked.0..asked.0 + asked.1;
            let expected: Option<Vec<u8>> = range
                .clone()
                .map(|at| model.get(usize::try_from(at).ok()?).copied().flatten())
                .collect();
            prop_assert_eq!(parts.cover(&range), expected.is_some());
            let mut read = Vec::new();
            let mut next = range.start;
            while let Some(piece) = parts.piece(&(next..range.end)) {
                next += piece.len() as u64;
                read.extend_from_slice(&piece);
            }
            if let Some(expected) = expected {
                prop_assert_eq!(read, expected);
            }
        }
    }
}
