//! What the disk says, in WASI's shapes.

use std::time::{Duration, SystemTime};

use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types;

use crate::function::wasm::disk::{Kind, Node, Refused, Status};

impl From<Refused> for types::ErrorCode {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Exists => Self::Exist,
            Refused::FileTooLarge => Self::FileTooLarge,
            Refused::Invalid => Self::Invalid,
            Refused::IsDirectory => Self::IsDirectory,
            Refused::Loop => Self::Loop,
            Refused::NameTooLong => Self::NameTooLong,
            Refused::NoEntry => Self::NoEntry,
            Refused::NoSpace => Self::InsufficientSpace,
            Refused::NotDirectory => Self::NotDirectory,
            Refused::NotEmpty => Self::NotEmpty,
            Refused::NotPermitted => Self::NotPermitted,
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Refused {}

/// What a call of the disk gives, as WASI says it.
pub(super) fn told<T>(done: Result<T, Refused>) -> FsResult<T> {
    done.map_err(|refused| types::ErrorCode::from(refused).into())
}

pub(super) fn kind(kind: Kind) -> types::DescriptorType {
    match kind {
        Kind::File => types::DescriptorType::RegularFile,
        Kind::Directory => types::DescriptorType::Directory,
        Kind::Link => types::DescriptorType::SymbolicLink,
    }
}

pub(super) fn stat(status: &Status) -> types::DescriptorStat {
    let time = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some(Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() })
    };
    types::DescriptorStat {
        type_: kind(status.kind),
        link_count: status.links,
        size: status.length,
        data_access_timestamp: time(status.accessed),
        data_modification_timestamp: time(status.modified),
        status_change_timestamp: time(status.changed),
    }
}

/// The time to set; `None` for none.
pub(super) fn new_time(time: types::NewTimestamp) -> FsResult<Option<SystemTime>> {
    match time {
        types::NewTimestamp::NoChange => Ok(None),
        types::NewTimestamp::Now => Ok(Some(SystemTime::now())),
        types::NewTimestamp::Timestamp(time) if time.nanoseconds < 1_000_000_000 => {
            let since = Duration::new(time.seconds, time.nanoseconds);
            let time = SystemTime::UNIX_EPOCH.checked_add(since);
            time.map(Some).ok_or_else(|| types::ErrorCode::Overflow.into())
        }
        types::NewTimestamp::Timestamp(_) => Err(types::ErrorCode::Invalid.into()),
    }
}

pub(super) fn follows(flags: types::PathFlags) -> bool {
    flags.contains(types::PathFlags::SYMLINK_FOLLOW)
}

pub(super) fn hash(node: Node) -> types::MetadataHashValue {
    types::MetadataHashValue { lower: node, upper: 0 }
}
