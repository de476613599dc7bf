//! Files as streams. They are in memory: none ever waits.

use bytes::Bytes;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::{Open, Refused};
use crate::limits::{ORIGIN_FUNCTION_READ_BYTES_MAX, ORIGIN_FUNCTION_WRITE_BYTES_MAX};

/// A file being read.
pub(super) struct Reading {
    file: Open,
    offset: u64,
}

impl Reading {
    pub(super) fn new(file: Open, offset: u64) -> Self {
        Self { file, offset }
    }
}

#[async_trait::async_trait]
impl Pollable for Reading {
    async fn ready(&mut self) {}
}

impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let most = size.min(ORIGIN_FUNCTION_READ_BYTES_MAX);
        let Open { files, node, .. } = &self.file;
        let bytes = files.disk().read(*node, self.offset, most).map_err(failed)?;
        if bytes.is_empty() && most > 0 {
            return Err(StreamError::Closed);
        }
        self.offset += bytes.len() as u64;
        Ok(bytes.into())
    }
}

/// A file being written; at its end where there is no offset.
pub(super) struct Writing {
    file: Open,
    offset: Option<u64>,
}

impl Writing {
    pub(super) fn new(file: Open, offset: Option<u64>) -> Self {
        Self { file, offset }
    }
}

#[async_trait::async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {}
}

impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let Open { files, node, .. } = &self.file;
        let mut disk = files.disk();
        let at = match self.offset {
            Some(offset) => offset,
            None => disk.status(*node).map_err(failed)?.length,
        };
        disk.write(*node, at, &bytes).map_err(failed)?;
        self.offset = self.offset.map(|offset| offset + bytes.len() as u64);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(ORIGIN_FUNCTION_WRITE_BYTES_MAX)
    }
}

/// Why a stream ended, for `filesystem-error-code` to tell.
fn failed(refused: Refused) -> StreamError {
    StreamError::LastOperationFailed(refused.into())
}
