//! Compresses bodies on their way from the origin into the cache. What is compressed, and how, is in
//! [`crate::cache::compress`].

use std::io::Write;

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderValue, VARY,
};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType};

use super::context::Context;
use crate::cache::compress::{self, Coding};
use crate::cache::key::normalized_accept_encoding;
use crate::cache::vary;

/// What each does well at a few hundred microseconds for a page: the next levels take twice the time for a few per cent.
const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: u32 = 5;
/// Brotli looks back at most 2^19 bytes (512 KiB), which is the memory that a body under way takes.
const BROTLI_WINDOW_BITS: u32 = 19;
const BROTLI_BUFFER_BYTES: usize = 4096;

/// Digests of the plain body say nothing about the compressed one.
const DIGESTS: [&str; 3] = ["content-md5", "digest", "content-digest"];

/// A body that is being compressed.
pub struct Compressing {
    coder: Coder,
    /// Bytes that are still to come: the last of them end the coding, however the body is cut.
    left: u64,
}

enum Coder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Finished,
}

/// Decides whether the body that follows is compressed, and says so in its head.
///
/// # Errors
/// Pingora refused a field: a defect of the edge.
pub fn begin(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
) -> pingora::Result<()> {
    ctx.compressing = None;
    let Ok(route) = ctx.route() else { return Ok(()) };
    let behavior = &route.behavior;
    if !behavior.compress || !session.cache.enabled() {
        return Ok(());
    }
    let request = session.req_header();
    let accepted = normalized_accept_encoding(&request.headers, &behavior.cache_policy);
    if compress::negotiates(response.status, &response.headers) {
        vary_by_encoding(response)?;
    }
    let Some((coding, length)) = compress::coding(accepted, response.status, &response.headers)
    else {
        return Ok(());
    };
    response.insert_header(CONTENT_ENCODING, coding.as_str())?;
    response.remove_header(&CONTENT_LENGTH);
    response.remove_header(&ACCEPT_RANGES);
    for name in DIGESTS {
        response.remove_header(name);
    }
    if let Some(tag) = response.remove_header(&ETAG)
        && let Some(weak) = compress::weakened(&tag)
    {
        response.insert_header(ETAG, weak)?;
    }
    ctx.compressing = Some(Compressing { coder: Coder::new(coding), left: length });
    Ok(())
}

/// A 304 about an object that was compressed here brings the plain one's tag: the stored one stays.
///
/// # Errors
/// Pingora refused a field: a defect of the edge.
pub fn keep_weak_tag(session: &Session, response: &mut ResponseHeader) -> pingora::Result<()> {
    let stored = session.cache.maybe_cache_meta().and_then(|meta| meta.headers().get(ETAG));
    if let (Some(stored), Some(tag)) = (stored, response.headers.get(ETAG))
        && compress::weakened(tag).as_ref() == Some(stored)
    {
        let stored = stored.clone();
        response.insert_header(ETAG, stored)?;
    }
    Ok(())
}

/// Caches further down have to know that others get other bytes (RFC 9110 section 12.5.5).
fn vary_by_encoding(response: &mut ResponseHeader) -> pingora::Result<()> {
    let headers = &response.headers;
    let told = vary::is_any(headers) || vary::names(headers).any(|name| name == ACCEPT_ENCODING);
    if !told {
        response.append_header(VARY, HeaderValue::from_static("Accept-Encoding"))?;
    }
    Ok(())
}

/// Takes a part of the body and puts its compressed bytes in its place, which may be none.
///
/// # Errors
/// Writing to memory failed: a defect of the edge.
pub fn pass(body: &mut Option<Bytes>, ctx: &mut Context) -> pingora::Result<()> {
    let Some(compressing) = &mut ctx.compressing else { return Ok(()) };
    let Some(plain) = body.take() else { return Ok(()) };
    let taken = compressing.take(&plain);
    *body =
        taken.map_err(|error| Error::because(ErrorType::InternalError, "compressing", error))?;
    Ok(())
}

impl Compressing {
    fn take(&mut self, plain: &[u8]) -> std::io::Result<Option<Bytes>> {
        self.coder.write(plain)?;
        self.left = self.left.saturating_sub(plain.len() as u64);
        let ready = if self.left == 0 { self.coder.finish()? } else { self.coder.ready() };
        Ok((!ready.is_empty()).then(|| ready.into()))
    }
}

impl Coder {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => {
                Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL)))
            }
            Coding::Brotli => Self::Brotli(Box::new(CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER_BYTES,
                BROTLI_QUALITY,
                BROTLI_WINDOW_BITS,
            ))),
        }
    }

    fn write(&mut self, plain: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Gzip(coder) => coder.write_all(plain),
            Self::Brotli(coder) => coder.write_all(plain),
            Self::Finished => Ok(()),
        }
    }

    /// What has been compressed so far and was not taken yet.
    fn ready(&mut self) -> Vec<u8> {
        match self {
            Self::Gzip(coder) => std::mem::take(coder.get_mut()),
            Self::Brotli(coder) => std::mem::take(coder.get_mut()),
            Self::Finished => Vec::new(),
        }
    }

    fn finish(&mut self) -> std::io::Result<Vec<u8>> {
        match std::mem::replace(self, Self::Finished) {
            Self::Gzip(coder) => coder.finish(),
            Self::Brotli(coder) => Ok(coder.into_inner()),
            Self::Finished => Ok(Vec::new()),
        }
    }
}
