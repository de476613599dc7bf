//! What nodes hold.

use std::collections::BTreeMap;

use super::{Done, Kind, Node, Refused};

/// A block: what memory is taken and counted in.
pub(in super::super) const BLOCK_BYTES: u64 = 4096;
const BLOCK: usize = 4096;

/// `length` in whole blocks, bytes.
pub(super) fn in_blocks(length: u64) -> Done<u64> {
    length.checked_next_multiple_of(BLOCK_BYTES).ok_or(Refused::FileTooLarge)
}

/// What a node holds.
pub(super) enum Content {
    /// Bytes.
    File(File),
    /// Names.
    Directory {
        /// The directory it is in; the root is in itself.
        parent: Node,
        /// In the order in which they are listed.
        names: BTreeMap<String, Node>,
    },
    /// A relative path.
    Link(Box<str>),
}

impl Content {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::File,
            Self::Directory { .. } => Kind::Directory,
            Self::Link(_) => Kind::Link,
        }
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::File(file) => file.length(),
            Self::Directory { .. } => 0,
            Self::Link(target) => target.len() as u64,
        }
    }

    /// What is counted for it besides its names.
    pub(super) fn held_bytes(&self) -> u64 {
        // It was counted when it grew to this length.
        in_blocks(self.length()).unwrap_or_default()
    }

    pub(super) fn file_mut(&mut self) -> Done<&mut File> {
        match self {
            Self::File(file) => Ok(file),
            Self::Directory { .. } => Err(Refused::IsDirectory),
            Self::Link(_) => Err(Refused::Invalid),
        }
    }

    pub(super) fn names(&self) -> Done<&BTreeMap<String, Node>> {
        match self {
            Self::Directory { names, .. } => Ok(names),
            Self::File(_) | Self::Link(_) => Err(Refused::NotDirectory),
        }
    }

    pub(super) fn names_mut(&mut self) -> Done<&mut BTreeMap<String, Node>> {
        match self {
            Self::Directory { names, .. } => Ok(names),
            Self::File(_) | Self::Link(_) => Err(Refused::NotDirectory),
        }
    }
}

/// A file's bytes in blocks; one that nothing was written to is zeros and takes no memory.
#[derive(Default)]
pub(super) struct File {
    blocks: Vec<Option<Box<[u8; BLOCK]>>>,
    length: u64,
}

impl File {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn read(&self, offset: u64, most: usize) -> Vec<u8> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(left.min(most));
        for (index, within, count) in pieces(offset, left.min(most)) {
            match self.blocks.get(index).and_then(Option::as_ref) {
                Some(block) => {
                    bytes.extend_from_slice(block.get(within..within + count).unwrap_or_default());
                }
                None => bytes.resize(bytes.len() + count, 0),
            }
        }
        bytes
    }

    /// Writes below the file's end, which was moved before.
    pub(super) fn write(&mut self, offset: u64, mut bytes: &[u8]) {
        for (index, within, count) in pieces(offset, bytes.len()) {
            let (piece, rest) = bytes.split_at(count);
            bytes = rest;
            let Some(place) = self.blocks.get_mut(index) else { return };
            let block = place.get_or_insert_with(|| Box::new([0; BLOCK]));
            if let Some(place) = block.get_mut(within..within + count) {
                place.copy_from_slice(piece);
            }
        }
    }

    /// Cuts it, or adds zeros.
    pub(super) fn resize(&mut self, length: u64) {
        let blocks = usize::try_from(length.div_ceil(BLOCK_BYTES)).unwrap_or(usize::MAX);
        self.blocks.resize_with(blocks, || None);
        self.blocks.shrink_to(blocks.saturating_mul(2));
        if length < self.length
            && let Some(Some(last)) = self.blocks.last_mut()
            && let Ok(kept) = usize::try_from(length % BLOCK_BYTES)
            && kept > 0
        {
            // What was cut off must not come back when the file grows.
            last.iter_mut().skip(kept).for_each(|byte| *byte = 0);
        }
        self.length = length;
    }
}

/// The blocks that `count` bytes from `offset` lie in: which block, where in it, and how many of the bytes.
fn pieces(offset: u64, count: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let mut at = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut left = count;
    std::iter::from_fn(move || {
        let within = at % BLOCK;
        let piece = left.min(BLOCK - within);
        let found = (at / BLOCK, within, piece);
        (at, left) = (at.saturating_add(piece), left - piece);
        (piece > 0).then_some(found)
    })
}
