//! What a record looks like in a segment: a label of fixed size, the object's head, and its body unless an older
//! record has that. Little-endian; each record begins at a multiple of [`ALIGNMENT`].

use super::At;
use crate::cache::store::{Slot, checksum};

const MAGIC: &[u8; 4] = b"vrg1";

/// Bytes of a label.
pub(super) const LABEL_BYTES: usize = 88;

/// Where records begin, bytes.
pub(super) const ALIGNMENT: u64 = 8;

/// What stands before an object's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label {
    pub(super) slot: Slot,
    pub(super) stamp: u64,
    pub(super) head_bytes: u32,
    pub(super) head_checksum: u64,
    pub(super) body_bytes: u32,
    pub(super) body_checksum: u64,
    /// The record that has the body; `None`: it follows the head.
    pub(super) body_at: Option<At>,
}

impl Label {
    /// Bytes of the whole record.
    pub(super) fn record_bytes(&self) -> u64 {
        let body = if self.body_at.is_none() { u64::from(self.body_bytes) } else { 0 };
        (LABEL_BYTES as u64 + u64::from(self.head_bytes) + body).next_multiple_of(ALIGNMENT)
    }

    pub(super) fn to_bytes(self) -> [u8; LABEL_BYTES] {
        let mut bytes = [0; LABEL_BYTES];
        let mut rest = &mut bytes[..];
        let mut put = |field: &[u8]| {
            if let Some((place, after)) =
                std::mem::take(&mut rest).split_at_mut_checked(field.len())
            {
                place.copy_from_slice(field);
                rest = after;
            }
        };
        let body_at = self.body_at.unwrap_or_default();
        put(MAGIC);
        put(&[u8::from(self.slot.variance.is_some()), u8::from(self.body_at.is_some()), 0, 0]);
        put(&self.slot.primary);
        put(&self.slot.variance.unwrap_or_default());
        put(&self.stamp.to_le_bytes());
        put(&self.head_bytes.to_le_bytes());
        put(&self.body_bytes.to_le_bytes());
        put(&self.head_checksum.to_le_bytes());
        put(&self.body_checksum.to_le_bytes());
        put(&body_at.segment.to_le_bytes());
        put(&body_at.offset.to_le_bytes());
        let sum = checksum(&bytes[..LABEL_BYTES - 8]);
        bytes[LABEL_BYTES - 8..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The label that was written; `None` for other bytes.
    pub(super) fn from_bytes(bytes: &[u8; LABEL_BYTES]) -> Option<Self> {
        let (fields, sum) = bytes.split_last_chunk::<8>()?;
        if checksum(fields).to_le_bytes() != *sum {
            return None;
        }
        let mut rest = fields;
        let (magic, [has_variance, has_body_elsewhere, _, _]) =
            (take(&mut rest)?, take(&mut rest)?);
        let slot = Slot {
            primary: take(&mut rest)?,
            variance: Some(take(&mut rest)?).filter(|_| has_variance == 1),
        };
        let stamp = u64::from_le_bytes(take(&mut rest)?);
        let mut number = || Some(u32::from_le_bytes(take(&mut rest)?));
        let (head_bytes, body_bytes) = (number()?, number()?);
        let head_checksum = u64::from_le_bytes(take(&mut rest)?);
        let body_checksum = u64::from_le_bytes(take(&mut rest)?);
        let mut number = || Some(u32::from_le_bytes(take(&mut rest)?));
        let body_at = At { segment: number()?, offset: number()? };
        (magic == *MAGIC).then_some(Self {
            slot,
            stamp,
            head_bytes,
            head_checksum,
            body_bytes,
            body_checksum,
            body_at: (has_body_elsewhere == 1).then_some(body_at),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (field, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A label is read as it was written, and not at all with any bit changed.
        #[test]
        fn labels_come_back(
            primary: [u8; 16],
            variance: Option<[u8; 16]>,
            stamp: u64,
            numbers: [u32; 2],
            sums: [u64; 2],
            body_at: Option<(u32, u32)>,
            bit in 0..LABEL_BYTES * 8,
        ) {
            let label = Label {
                slot: Slot { primary, variance },
                stamp,
                head_bytes: numbers[0],
                head_checksum: sums[0],
                body_bytes: numbers[1],
                body_checksum: sums[1],
                body_at: body_at.map(|(segment, offset)| At { segment, offset }),
            };
            let mut bytes = label.to_bytes();
            prop_assert_eq!(Label::from_bytes(&bytes), Some(label));
            prop_assert_eq!(label.record_bytes() % ALIGNMENT, 0);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Label::from_bytes(&bytes), None);
        }
    }
}
