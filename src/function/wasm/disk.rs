//! The files of one execution environment: a tree in memory that never takes more than its quota.
//!
//! Everything counts that takes memory: a file by its length, holes included, in whole blocks; each name in a directory
//! by a block of its own. So a quota holds against many small files, links and sparse files as it does against long ones.
//! What all disks hold together is bounded too ([`ORIGIN_FILES_BYTES_MAX`]). A file lives as long as it has a name or
//! somebody has it open. No call blocks.

mod content;
mod path;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub(super) use content::BLOCK_BYTES;
use content::{Content, File};
use path::Place;

use crate::limits::ORIGIN_FILES_BYTES_MAX;

/// What all disks of the process hold, bytes.
static HELD: AtomicU64 = AtomicU64::new(0);

/// A file, a directory or a symbolic link; never the number of another one.
pub(super) type Node = u64;

/// The directory that everything is in.
pub(super) const ROOT: Node = 0;

/// Why something cannot be done; POSIX has the same words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    /// EEXIST.
    Exists,
    /// EFBIG.
    FileTooLarge,
    /// EINVAL.
    Invalid,
    /// EISDIR.
    IsDirectory,
    /// ELOOP.
    Loop,
    /// ENAMETOOLONG.
    NameTooLong,
    /// ENOENT.
    NoEntry,
    /// ENOSPC.
    NoSpace,
    /// ENOTDIR.
    NotDirectory,
    /// ENOTEMPTY.
    NotEmpty,
    /// EPERM: out of the directory that was opened.
    NotPermitted,
}

type Done<T> = Result<T, Refused>;

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
}

/// What is told about a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) kind: Kind,
    /// Names it has.
    pub(super) links: u64,
    /// Length in bytes; of a link: of what it points to.
    pub(super) length: u64,
    pub(super) accessed: SystemTime,
    pub(super) modified: SystemTime,
    pub(super) changed: SystemTime,
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Opening {
    pub(super) create: bool,
    pub(super) directory: bool,
    pub(super) exclusive: bool,
    pub(super) truncate: bool,
    pub(super) write: bool,
    /// Whether a link at the path's end is followed.
    pub(super) follow: bool,
}

struct Entry {
    content: Content,
    links: u64,
    opened: u64,
    accessed: SystemTime,
    modified: SystemTime,
    changed: SystemTime,
}

/// A disk.
pub(super) struct Disk {
    nodes: BTreeMap<Node, Entry>,
    next: Node,
    quota: u64,
    used: u64,
}

impl Disk {
    /// An empty disk for so many bytes.
    pub(super) fn new(quota: u64) -> Self {
        let mut disk = Self { nodes: BTreeMap::new(), next: ROOT, quota, used: 0 };
        let root = disk.insert(Content::Directory { parent: ROOT, names: BTreeMap::new() });
        // The root has no name, and stays.
        if let Some(root) = disk.nodes.get_mut(&root) {
            root.links = 1;
        }
        disk
    }

    /// Opens what is at `path` below `base`, and makes it where that is asked for. The node is held open until
    /// [`Self::close`].
    pub(super) fn open(&mut self, base: Node, path: &str, how: Opening) -> Done<Node> {
        let is_new = how.create && how.exclusive;
        let place = self.find(base, path, how.follow && !is_new)?;
        let node = match place.node {
            Some(_) if is_new => return Err(Refused::Exists),
            Some(node) => node,
            None if how.create && !how.directory => {
                if place.must_be_directory {
                    return Err(Refused::IsDirectory);
                }
                self.add(&place, Content::File(File::default()))?
            }
            None => return Err(Refused::NoEntry),
        };
        match self.kind(node)? {
            Kind::Link => return Err(Refused::Loop),
            Kind::Directory if how.write || how.truncate => return Err(Refused::IsDirectory),
            Kind::File if how.directory || place.must_be_directory => {
                return Err(Refused::NotDirectory);
            }
            Kind::Directory | Kind::File => {}
        }
        if how.truncate {
            self.resize(node, 0)?;
        }
        self.hold(node);
        Ok(node)
    }

    /// Holds a node open once more.
    pub(super) fn hold(&mut self, node: Node) {
        if let Some(entry) = self.nodes.get_mut(&node) {
            entry.opened += 1;
        }
    }

    /// Lets a node go that was held open; without a name it is gone.
    pub(super) fn close(&mut self, node: Node) {
        if let Some(entry) = self.nodes.get_mut(&node) {
            entry.opened = entry.opened.saturating_sub(1);
        }
        self.forget_if_unused(node);
    }

    /// Bytes from `offset` on, `most` at most; fewer only at the end.
    pub(super) fn read(&mut self, node: Node, offset: u64, most: usize) -> Done<Vec<u8>> {
        let entry = self.entry_mut(node)?;
        entry.accessed = SystemTime::now();
        Ok(entry.content.file_mut()?.read(offset, most))
    }

    /// Writes all of `bytes` at `offset`, or nothing.
    pub(super) fn write(&mut self, node: Node, offset: u64, bytes: &[u8]) -> Done<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(Refused::FileTooLarge)?;
        let length = self.entry_mut(node)?.content.file_mut()?.length();
        if end > length {
            self.resize(node, end)?;
        }
        let entry = self.entry_mut(node)?;
        entry.modified = SystemTime::now();
        entry.content.file_mut()?.write(offset, bytes);
        Ok(())
    }

    /// Cuts a file or makes it longer.
    pub(super) fn resize(&mut self, node: Node, length: u64) -> Done<()> {
        let was = self.entry_mut(node)?.content.file_mut()?.length();
        let (before, after) = (content::in_blocks(was)?, content::in_blocks(length)?);
        if after > before {
            self.take(after - before)?;
        } else {
            self.give(before - after);
        }
        let entry = self.entry_mut(node)?;
        entry.modified = SystemTime::now();
        entry.content.file_mut()?.resize(length);
        Ok(())
    }

    /// What is known of a node.
    pub(super) fn status(&self, node: Node) -> Done<Status> {
        let entry = self.entry(node)?;
        Ok(Status {
            kind: entry.content.kind(),
            links: entry.links,
            length: entry.content.length(),
            accessed: entry.accessed,
            modified: entry.modified,
            changed: entry.changed,
        })
    }

    /// The node at `path` below `base`.
    pub(super) fn look_up(&self, base: Node, path: &str, follow: bool) -> Done<Node> {
        let place = self.find(base, path, follow)?;
        let node = place.node.ok_or(Refused::NoEntry)?;
        if place.must_be_directory && self.kind(node)? != Kind::Directory {
            return Err(Refused::NotDirectory);
        }
        Ok(node)
    }

    /// Sets when a node was read and written last; `None` leaves that as it is.
    pub(super) fn set_times(
        &mut self,
        node: Node,
        accessed: Option<SystemTime>,
        modified: Option<SystemTime>,
    ) -> Done<()> {
        let entry = self.entry_mut(node)?;
        entry.accessed = accessed.unwrap_or(entry.accessed);
        entry.modified = modified.unwrap_or(entry.modified);
        entry.changed = SystemTime::now();
        Ok(())
    }

    /// The name that follows `after` in a directory, and what it is.
    pub(super) fn next_name(
        &self,
        directory: Node,
        after: Option<&str>,
    ) -> Done<Option<(String, Kind)>> {
        let names = self.entry(directory)?.content.names()?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let Some((name, &node)) = names.range::<str, _>((from, Bound::Unbounded)).next() else {
            return Ok(None);
        };
        Ok(Some((name.clone(), self.kind(node)?)))
    }

    /// Makes a directory.
    pub(super) fn make_directory(&mut self, base: Node, path: &str) -> Done<()> {
        let place = self.find_free(base, path)?;
        let content = Content::Directory { parent: place.directory, names: BTreeMap::new() };
        self.add(&place, content).map(drop)
    }

    /// Makes a symbolic link to `target`, which is relative.
    pub(super) fn make_link(&mut self, base: Node, path: &str, target: &str) -> Done<()> {
        path::check_link(target)?;
        let place = self.find_free(base, path)?;
        if place.must_be_directory {
            return Err(Refused::NoEntry);
        }
        let bytes = content::in_blocks(target.len() as u64)?;
        self.take(bytes)?;
        let made = self.add(&place, Content::Link(target.into()));
        if made.is_err() {
            self.give(bytes);
        }
        made.map(drop)
    }

    /// What a symbolic link points to.
    pub(super) fn read_link(&self, base: Node, path: &str) -> Done<String> {
        match &self.entry(self.look_up(base, path, false)?)?.content {
            Content::Link(target) => Ok(target.to_string()),
            Content::File(_) | Content::Directory { .. } => Err(Refused::Invalid),
        }
    }

    /// Gives a file another name.
    pub(super) fn link(&mut self, old: (Node, &str), new: (Node, &str)) -> Done<()> {
        let node = self.look_up(old.0, old.1, false)?;
        if self.kind(node)? == Kind::Directory {
            return Err(Refused::NotPermitted);
        }
        let place = self.find_free(new.0, new.1)?;
        if place.must_be_directory {
            return Err(Refused::NoEntry);
        }
        self.name(&place, node)
    }

    /// Takes a name away from a file or a link.
    pub(super) fn unlink(&mut self, base: Node, path: &str) -> Done<()> {
        let place = self.find(base, path, false)?;
        let node = place.node.ok_or(Refused::NoEntry)?;
        match self.kind(node)? {
            Kind::Directory => Err(Refused::IsDirectory),
            Kind::File | Kind::Link if place.must_be_directory => Err(Refused::NotDirectory),
            Kind::File | Kind::Link => self.unname(&place, node),
        }
    }

    /// Takes an empty directory away.
    pub(super) fn remove_directory(&mut self, base: Node, path: &str) -> Done<()> {
        let place = self.find(base, path, false)?;
        let node = place.node.ok_or(Refused::NoEntry)?;
        if !self.entry(node)?.content.names()?.is_empty() {
            return Err(Refused::NotEmpty);
        }
        self.unname(&place, node)
    }

    /// Gives what has one name another one instead, and replaces what had that.
    pub(super) fn rename(&mut self, old: (Node, &str), new: (Node, &str)) -> Done<()> {
        let from = self.find(old.0, old.1, false)?;
        let node = from.node.ok_or(Refused::NoEntry)?;
        let to = self.find(new.0, new.1, false)?;
        let is_directory = self.kind(node)? == Kind::Directory;
        if (from.must_be_directory || to.must_be_directory) && !is_directory {
            return Err(Refused::NotDirectory);
        }
        if from.name.is_none() || to.name.is_none() || self.is_within(to.directory, node)? {
            return Err(Refused::Invalid);
        }
        self.check_nameable(&to)?;
        match to.node {
            Some(replaced) if replaced == node => return Ok(()),
            Some(replaced) => {
                self.check_replaceable(is_directory, replaced)?;
                self.unname(&to, replaced)?;
            }
            None => {}
        }
        // The new name takes the old one's place in the count.
        self.detach(&from, node)?;
        self.attach(&to, node)?;
        if let Content::Directory { parent, .. } = &mut self.entry_mut(node)?.content {
            *parent = to.directory;
        }
        Ok(())
    }

    fn check_replaceable(&self, by_directory: bool, replaced: Node) -> Done<()> {
        match (by_directory, self.kind(replaced)?) {
            (true, Kind::Directory) if !self.entry(replaced)?.content.names()?.is_empty() => {
                Err(Refused::NotEmpty)
            }
            (true, Kind::File | Kind::Link) => Err(Refused::NotDirectory),
            (false, Kind::Directory) => Err(Refused::IsDirectory),
            (true, Kind::Directory) | (false, Kind::File | Kind::Link) => Ok(()),
        }
    }

    /// Whether `inner` is `outer` or a directory somewhere in it.
    fn is_within(&self, mut inner: Node, outer: Node) -> Done<bool> {
        while inner != outer {
            let Content::Directory { parent, .. } = self.entry(inner)?.content else {
                return Err(Refused::NotDirectory);
            };
            if inner == ROOT {
                return Ok(false);
            }
            inner = parent;
        }
        Ok(true)
    }

    fn find_free(&self, base: Node, path: &str) -> Done<Place> {
        let place = self.find(base, path, false)?;
        if place.node.is_some() { Err(Refused::Exists) } else { Ok(place) }
    }

    fn insert(&mut self, content: Content) -> Node {
        let now = SystemTime::now();
        let node = self.next;
        self.next += 1;
        let (accessed, modified, changed) = (now, now, now);
        let entry = Entry { content, links: 0, opened: 0, accessed, modified, changed };
        self.nodes.insert(node, entry);
        node
    }

    /// A new node at a free place.
    fn add(&mut self, place: &Place, content: Content) -> Done<Node> {
        let node = self.insert(content);
        let named = self.name(place, node);
        if named.is_err() {
            self.nodes.remove(&node);
        }
        named.map(|()| node)
    }

    /// Names a node; each name takes a block.
    fn name(&mut self, place: &Place, node: Node) -> Done<()> {
        self.check_nameable(place)?;
        self.take(BLOCK_BYTES)?;
        self.attach(place, node)
    }

    fn unname(&mut self, place: &Place, node: Node) -> Done<()> {
        self.detach(place, node)?;
        self.give(BLOCK_BYTES);
        self.forget_if_unused(node);
        Ok(())
    }

    /// A directory that was removed while it was open takes no names.
    fn check_nameable(&self, place: &Place) -> Done<()> {
        match (&place.name, self.entry(place.directory)?.links) {
            (None, _) => Err(Refused::Exists),
            (Some(_), 0) => Err(Refused::NoEntry),
            (Some(_), _) => Ok(()),
        }
    }

    fn attach(&mut self, place: &Place, node: Node) -> Done<()> {
        let name = place.name.clone().ok_or(Refused::Invalid)?;
        let now = SystemTime::now();
        let directory = self.entry_mut(place.directory)?;
        directory.modified = now;
        directory.content.names_mut()?.insert(name, node);
        let entry = self.entry_mut(node)?;
        entry.links += 1;
        entry.changed = now;
        Ok(())
    }

    fn detach(&mut self, place: &Place, node: Node) -> Done<()> {
        let name = place.name.as_deref().ok_or(Refused::Invalid)?;
        let now = SystemTime::now();
        let directory = self.entry_mut(place.directory)?;
        directory.modified = now;
        directory.content.names_mut()?.remove(name);
        let entry = self.entry_mut(node)?;
        entry.links = entry.links.saturating_sub(1);
        entry.changed = now;
        Ok(())
    }

    fn forget_if_unused(&mut self, node: Node) {
        let unused = |entry: &Entry| entry.links == 0 && entry.opened == 0;
        if self.nodes.get(&node).is_some_and(unused)
            && let Some(entry) = self.nodes.remove(&node)
        {
            self.give(entry.content.held_bytes());
        }
    }

    fn entry(&self, node: Node) -> Done<&Entry> {
        self.nodes.get(&node).ok_or(Refused::NoEntry)
    }

    fn entry_mut(&mut self, node: Node) -> Done<&mut Entry> {
        self.nodes.get_mut(&node).ok_or(Refused::NoEntry)
    }

    fn kind(&self, node: Node) -> Done<Kind> {
        Ok(self.entry(node)?.content.kind())
    }

    /// Counts bytes that are about to be held.
    fn take(&mut self, bytes: u64) -> Done<()> {
        let used = self.used.checked_add(bytes).filter(|used| *used <= self.quota);
        let used = used.ok_or(Refused::NoSpace)?;
        let room =
            |held: u64| held.checked_add(bytes).filter(|held| *held <= ORIGIN_FILES_BYTES_MAX);
        HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .map_err(|_| Refused::NoSpace)?;
        self.used = used;
        Ok(())
    }

    fn give(&mut self, bytes: u64) {
        self.used -= bytes;
        HELD.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.give(self.used);
    }
}

#[cfg(test)]
mod tests;
