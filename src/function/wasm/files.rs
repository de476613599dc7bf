//! `wasi:filesystem` on an environment's own disk: `/tmp`, and nothing else. No call reaches a file of the host.
//!
//! The bindings are wasmtime's, but its descriptors are files of the host. So in the table of resources stand ours, under
//! the numbers of its types: nothing else makes or reads entries of those types.

mod direct;
mod shapes;
mod streams;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::disk::{Disk, Kind, Node, Opening, ROOT, Refused};
use super::host::HostState;
use crate::limits::ORIGIN_FUNCTION_READ_BYTES_MAX;
use shapes::{follows, hash, kind, new_time, stat, told};
use streams::{Reading, Writing};

/// Where a guest finds its disk.
const MOUNT: &str = "/tmp";

/// The disk of one environment; clones are the same one.
#[derive(Clone)]
pub(super) struct Files(Arc<Mutex<Disk>>);

impl Files {
    /// An empty disk for so many bytes.
    pub(super) fn new(quota: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk::new(quota))))
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node that a guest or a stream has open.
struct Open {
    files: Files,
    node: Node,
    read: bool,
    write: bool,
}

impl Open {
    /// Opens the same node once more.
    fn again(&self) -> Self {
        self.files.disk().hold(self.node);
        Self { files: self.files.clone(), ..*self }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.files.disk().close(self.node);
    }
}

/// A directory being listed, and the name told last.
struct Listing {
    directory: Open,
    last: Option<String>,
}

/// The disk with the table that its descriptors are in.
pub(super) struct View<'a> {
    files: &'a Files,
    table: &'a mut ResourceTable,
}

struct Access;

impl HasData for Access {
    type Data<'a> = View<'a>;
}

/// Makes `wasi:filesystem` known to a linker, in place of wasmtime's.
///
/// # Errors
/// Never, for a linker that has only wasmtime's.
pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    fn view(state: &mut HostState) -> View<'_> {
        let (files, table) = state.system().files();
        View { files, table }
    }
    linker.allow_shadowing(true);
    types::add_to_linker::<HostState, Access>(linker, view)?;
    preopens::add_to_linker::<HostState, Access>(linker, view)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl View<'_> {
    fn get(&self, descriptor: &Resource<types::Descriptor>) -> FsResult<&Open> {
        Ok(self.table.get(&Resource::<Open>::new_borrow(descriptor.rep()))?)
    }

    fn writable(&self, descriptor: &Resource<types::Descriptor>) -> FsResult<&Open> {
        match self.get(descriptor)? {
            open if open.write => Ok(open),
            open if open
                .files
                .disk()
                .status(open.node)
                .is_ok_and(|s| s.kind == Kind::Directory) =>
            {
                Err(types::ErrorCode::IsDirectory.into())
            }
            _ => Err(types::ErrorCode::BadDescriptor.into()),
        }
    }

    fn readable(&self, descriptor: &Resource<types::Descriptor>) -> FsResult<&Open> {
        match self.get(descriptor)? {
            open if open.read => Ok(open),
            _ => Err(types::ErrorCode::BadDescriptor.into()),
        }
    }

    fn push(&mut self, open: Open) -> FsResult<Resource<types::Descriptor>> {
        Ok(Resource::new_own(self.table.push(open)?.rep()))
    }

    fn stat_of(&self, node: Node) -> FsResult<types::DescriptorStat> {
        Ok(stat(&told(self.files.disk().status(node))?))
    }
}

impl preopens::Host for View<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<types::Descriptor>, String)>> {
        self.files.disk().hold(ROOT);
        let root = Open { files: self.files.clone(), node: ROOT, read: true, write: false };
        let root = self.table.push(root)?;
        Ok(vec![(Resource::new_own(root.rep()), MOUNT.to_owned())])
    }
}

impl types::Host for View<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        let error = self.table.get(&error)?;
        Ok(error.downcast_ref::<Refused>().map(|refused| (*refused).into()))
    }
}

type Descriptor = Resource<types::Descriptor>;

impl types::HostDescriptor for View<'_> {
    async fn advise(
        &mut self,
        descriptor: Descriptor,
        _offset: u64,
        _length: u64,
        _advice: types::Advice,
    ) -> FsResult<()> {
        self.get(&descriptor).map(drop)
    }

    async fn sync_data(&mut self, descriptor: Descriptor) -> FsResult<()> {
        self.get(&descriptor).map(drop)
    }

    async fn sync(&mut self, descriptor: Descriptor) -> FsResult<()> {
        self.get(&descriptor).map(drop)
    }

    async fn get_flags(&mut self, descriptor: Descriptor) -> FsResult<types::DescriptorFlags> {
        let open = self.get(&descriptor)?;
        let mut flags = types::DescriptorFlags::empty();
        if open.read {
            flags |= types::DescriptorFlags::READ;
        }
        if open.write {
            flags |= types::DescriptorFlags::WRITE;
        }
        if told(self.files.disk().status(open.node))?.kind == Kind::Directory {
            flags |= types::DescriptorFlags::MUTATE_DIRECTORY;
        }
        Ok(flags)
    }

    async fn get_type(&mut self, descriptor: Descriptor) -> FsResult<types::DescriptorType> {
        let node = self.get(&descriptor)?.node;
        Ok(self.stat_of(node)?.type_)
    }

    async fn set_size(&mut self, descriptor: Descriptor, size: u64) -> FsResult<()> {
        let node = self.writable(&descriptor)?.node;
        told(self.files.disk().resize(node, size))
    }

    async fn set_times(
        &mut self,
        descriptor: Descriptor,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> FsResult<()> {
        let node = self.get(&descriptor)?.node;
        let (accessed, modified) = (new_time(accessed)?, new_time(modified)?);
        told(self.files.disk().set_times(node, accessed, modified))
    }

    async fn read(
        &mut self,
        descriptor: Descriptor,
        length: u64,
        offset: u64,
    ) -> FsResult<(Vec<u8>, bool)> {
        let node = self.readable(&descriptor)?.node;
        let most =
            usize::try_from(length).unwrap_or(usize::MAX).min(ORIGIN_FUNCTION_READ_BYTES_MAX);
        let bytes = told(self.files.disk().read(node, offset, most))?;
        let end = bytes.len() < most;
        Ok((bytes, end))
    }

    async fn write(
        &mut self,
        descriptor: Descriptor,
        bytes: Vec<u8>,
        offset: u64,
    ) -> FsResult<u64> {
        let node = self.writable(&descriptor)?.node;
        told(self.files.disk().write(node, offset, &bytes))?;
        Ok(bytes.len() as u64)
    }

    fn read_via_stream(
        &mut self,
        descriptor: Descriptor,
        offset: u64,
    ) -> FsResult<Resource<DynInputStream>> {
        let open = self.readable(&descriptor)?;
        if told(self.files.disk().status(open.node))?.kind == Kind::Directory {
            return Err(types::ErrorCode::IsDirectory.into());
        }
        let stream: DynInputStream = Box::new(Reading::new(open.again(), offset));
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        descriptor: Descriptor,
        offset: u64,
    ) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(&descriptor)?.again();
        let stream: DynOutputStream = Box::new(Writing::new(file, Some(offset)));
        Ok(self.table.push(stream)?)
    }

    fn append_via_stream(&mut self, descriptor: Descriptor) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(&descriptor)?.again();
        let stream: DynOutputStream = Box::new(Writing::new(file, None));
        Ok(self.table.push(stream)?)
    }

    async fn read_directory(
        &mut self,
        descriptor: Descriptor,
    ) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let directory = self.get(&descriptor)?;
        told(self.files.disk().next_name(directory.node, None))?;
        let listing = Listing { directory: directory.again(), last: None };
        Ok(Resource::new_own(self.table.push(listing)?.rep()))
    }

    async fn create_directory_at(&mut self, base: Descriptor, path: String) -> FsResult<()> {
        let base = self.get(&base)?.node;
        told(self.files.disk().make_directory(base, &path))
    }

    async fn stat(&mut self, descriptor: Descriptor) -> FsResult<types::DescriptorStat> {
        let node = self.get(&descriptor)?.node;
        self.stat_of(node)
    }

    async fn stat_at(
        &mut self,
        base: Descriptor,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::DescriptorStat> {
        let base = self.get(&base)?.node;
        let node = told(self.files.disk().look_up(base, &path, follows(flags)))?;
        self.stat_of(node)
    }

    async fn set_times_at(
        &mut self,
        base: Descriptor,
        flags: types::PathFlags,
        path: String,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> FsResult<()> {
        let base = self.get(&base)?.node;
        let (accessed, modified) = (new_time(accessed)?, new_time(modified)?);
        let mut disk = self.files.disk();
        let node = told(disk.look_up(base, &path, follows(flags)))?;
        told(disk.set_times(node, accessed, modified))
    }

    async fn link_at(
        &mut self,
        old_base: Descriptor,
        old_flags: types::PathFlags,
        old_path: String,
        new_base: Descriptor,
        new_path: String,
    ) -> FsResult<()> {
        if follows(old_flags) {
            return Err(types::ErrorCode::Invalid.into());
        }
        let (old, new) = (self.get(&old_base)?.node, self.get(&new_base)?.node);
        told(self.files.disk().link((old, &old_path), (new, &new_path)))
    }

    async fn open_at(
        &mut self,
        base: Descriptor,
        path_flags: types::PathFlags,
        path: String,
        how: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Descriptor> {
        let base = self.get(&base)?.node;
        let write = flags.contains(types::DescriptorFlags::WRITE);
        let opening = Opening {
            create: how.contains(types::OpenFlags::CREATE),
            directory: how.contains(types::OpenFlags::DIRECTORY),
            exclusive: how.contains(types::OpenFlags::EXCLUSIVE),
            truncate: how.contains(types::OpenFlags::TRUNCATE),
            write,
            follow: follows(path_flags),
        };
        let node = told(self.files.disk().open(base, &path, opening))?;
        let read = flags.contains(types::DescriptorFlags::READ);
        self.push(Open { files: self.files.clone(), node, read, write })
    }

    async fn readlink_at(&mut self, base: Descriptor, path: String) -> FsResult<String> {
        let base = self.get(&base)?.node;
        told(self.files.disk().read_link(base, &path))
    }

    async fn remove_directory_at(&mut self, base: Descriptor, path: String) -> FsResult<()> {
        let base = self.get(&base)?.node;
        told(self.files.disk().remove_directory(base, &path))
    }

    async fn rename_at(
        &mut self,
        old_base: Descriptor,
        old_path: String,
        new_base: Descriptor,
        new_path: String,
    ) -> FsResult<()> {
        let (old, new) = (self.get(&old_base)?.node, self.get(&new_base)?.node);
        told(self.files.disk().rename((old, &old_path), (new, &new_path)))
    }

    async fn symlink_at(&mut self, base: Descriptor, target: String, path: String) -> FsResult<()> {
        let base = self.get(&base)?.node;
        told(self.files.disk().make_link(base, &path, &target))
    }

    async fn unlink_file_at(&mut self, base: Descriptor, path: String) -> FsResult<()> {
        let base = self.get(&base)?.node;
        told(self.files.disk().unlink(base, &path))
    }

    async fn is_same_object(&mut self, a: Descriptor, b: Descriptor) -> wasmtime::Result<bool> {
        let node = |descriptor: &Descriptor| {
            let open = self.table.get(&Resource::<Open>::new_borrow(descriptor.rep()));
            open.map(|open| open.node)
        };
        Ok(node(&a)? == node(&b)?)
    }

    async fn metadata_hash(
        &mut self,
        descriptor: Descriptor,
    ) -> FsResult<types::MetadataHashValue> {
        Ok(hash(self.get(&descriptor)?.node))
    }

    async fn metadata_hash_at(
        &mut self,
        base: Descriptor,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let base = self.get(&base)?.node;
        Ok(hash(told(self.files.disk().look_up(base, &path, follows(flags)))?))
    }

    fn drop(&mut self, descriptor: Descriptor) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Open>::new_own(descriptor.rep()))?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for View<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let listing = Resource::<Listing>::new_borrow(stream.rep());
        let listing = self.table.get_mut(&listing)?;
        let Listing { directory, last } = listing;
        let next = told(self.files.disk().next_name(directory.node, last.as_deref()))?;
        let Some((name, what)) = next else { return Ok(None) };
        *last = Some(name.clone());
        Ok(Some(types::DirectoryEntry { type_: kind(what), name }))
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Listing>::new_own(stream.rep()))?;
        Ok(())
    }
}
