//! From a path to the place it names, without ever leaving the directory it starts from.

use super::content::Content;
use super::{Disk, Done, Kind, Node, ROOT, Refused};
use crate::limits::{
    ORIGIN_FILE_LINKS_DEPTH_MAX, ORIGIN_FILE_NAME_BYTES_MAX, ORIGIN_FILE_PATH_BYTES_MAX,
};

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory that the last name is in.
    pub(super) directory: Node,
    /// The last name; `None` for a directory that is named by where it is (`.`, `a/..`).
    pub(super) name: Option<String>,
    /// What is there.
    pub(super) node: Option<Node>,
    /// Whether the path ends in a slash.
    pub(super) must_be_directory: bool,
}

/// Checks what a symbolic link is to point to.
pub(super) fn check_link(target: &str) -> Done<()> {
    if target.starts_with('/') {
        return Err(Refused::NotPermitted);
    }
    if target.is_empty() {
        return Err(Refused::NoEntry);
    }
    check_length(target)
}

fn check_length(path: &str) -> Done<()> {
    if path.len() > ORIGIN_FILE_PATH_BYTES_MAX {
        return Err(Refused::NameTooLong);
    }
    if path.contains('\0') { Err(Refused::Invalid) } else { Ok(()) }
}

/// The names of a path, last first.
fn reversed(path: &str) -> Vec<String> {
    path.split('/').filter(|name| !matches!(*name, "" | ".")).rev().map(str::to_owned).collect()
}

impl Disk {
    /// Follows `path` from the directory `base`. Links on the way are followed, one at the end if `follow` says so.
    pub(super) fn find(&self, base: Node, path: &str, follow: bool) -> Done<Place> {
        check_length(path)?;
        if path.is_empty() {
            return Err(Refused::NoEntry);
        }
        if path.starts_with('/') {
            return Err(Refused::NotPermitted);
        }
        let must_be_directory = path.ends_with('/');
        let mut left = reversed(path);
        // From `base` to where the path has led so far.
        let mut way = vec![base];
        let mut links = 0;
        while let Some(name) = left.pop() {
            let directory = way.last().copied().unwrap_or(base);
            let names = self.entry(directory)?.content.names()?;
            if name == ".." {
                way.pop();
                if way.is_empty() {
                    return Err(Refused::NotPermitted);
                }
                continue;
            }
            if name.len() > ORIGIN_FILE_NAME_BYTES_MAX {
                return Err(Refused::NameTooLong);
            }
            let node = names.get(&name).copied();
            let is_last = left.is_empty();
            match node.map(|node| Ok((node, &self.entry(node)?.content))).transpose()? {
                Some((_, Content::Link(target))) if !is_last || follow || must_be_directory => {
                    links += 1;
                    if links > ORIGIN_FILE_LINKS_DEPTH_MAX {
                        return Err(Refused::Loop);
                    }
                    left.extend(reversed(target));
                }
                Some((node, Content::Directory { .. })) if !is_last => way.push(node),
                Some(_) if !is_last => return Err(Refused::NotDirectory),
                None if !is_last => return Err(Refused::NoEntry),
                Some(_) | None => {
                    return Ok(Place { directory, name: Some(name), node, must_be_directory });
                }
            }
        }
        let node = way.pop().unwrap_or(base);
        debug_assert_eq!(self.kind(node), Ok(Kind::Directory));
        Ok(Place { directory: ROOT, name: None, node: Some(node), must_be_directory })
    }
}
