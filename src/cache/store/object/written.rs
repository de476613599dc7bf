//! Heads as bytes, for a tier that survives the process.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue, StatusCode, Version};
use pingora::Result;
use pingora::http::ResponseHeader;
use serde::{Deserialize, Serialize};

use super::{Head, Revalidated, Times, head_weight};
use crate::cache::store::generations::{Generations, Place, Stamp, Tags};

/// A head as it is written. Changes of it change the tier's format: see `disk::folder`.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    key: &'a [u8],
    stamp: u64,
    tags: Option<Vec<Place>>,
    status: u16,
    /// 10 for HTTP/1.0, 11, 20; 0 for others.
    version: u8,
    reason: Option<&'a str>,
    #[serde(borrow)]
    fields: Vec<(&'a str, &'a [u8])>,
    fresh_until: SystemTime,
    created: SystemTime,
    epoch: Option<SystemTime>,
    stale_while_revalidate_seconds: u32,
    stale_if_error_seconds: u32,
    variance: Option<[u8; 16]>,
    revalidated: Option<(&'a [u8], &'a [u8])>,
}

const VERSIONS: [(u8, Version); 3] =
    [(10, Version::HTTP_10), (11, Version::HTTP_11), (20, Version::HTTP_2)];

impl Head {
    /// The head as bytes; `None` for times before 1970, which have no form.
    pub(in crate::cache::store) fn to_bytes(&self) -> Option<Vec<u8>> {
        let header = &self.header;
        let fields = header.headers.iter();
        let written = Written {
            key: &self.key,
            stamp: self.mark.stamp().number(),
            tags: self.mark.tags().map(|tags| tags.places().to_vec()),
            status: header.status.as_u16(),
            version: VERSIONS
                .iter()
                .find(|(_, version)| *version == header.version)
                .map_or(0, |it| it.0),
            reason: header.get_reason_phrase(),
            fields: fields.map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
            fresh_until: self.times.fresh_until,
            created: self.times.created,
            epoch: self.times.epoch,
            stale_while_revalidate_seconds: self.times.stale_while_revalidate_seconds,
            stale_if_error_seconds: self.times.stale_if_error_seconds,
            variance: self.variance,
            revalidated: self
                .revalidated
                .as_ref()
                .map(|kept| (&kept.internal[..], &kept.empty_header[..])),
        };
        postcard::to_allocvec(&written).ok()
    }

    /// The head that was written.
    ///
    /// # Errors
    /// When these are not the bytes of one.
    pub(in crate::cache::store) fn from_bytes(
        bytes: &[u8],
        primary: &[u8; 16],
        generations: &Generations,
    ) -> Result<Arc<Self>> {
        let written: Written<'_> = postcard::from_bytes(bytes).map_err(damaged)?;
        let tags = written.tags.map(Tags::from_places);
        let stamp = Stamp::from_number(written.stamp);
        let mark = generations.mark(stamp, written.key, primary, tags);
        let status = StatusCode::from_u16(written.status).map_err(damaged)?;
        let mut header = ResponseHeader::build_no_case(status, Some(written.fields.len()))?;
        if let Some((_, version)) = VERSIONS.iter().find(|(number, _)| *number == written.version) {
            header.set_version(*version);
        }
        header.set_reason_phrase(written.reason)?;
        for (name, value) in written.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(damaged)?;
            header.append_header(name, HeaderValue::from_bytes(value).map_err(damaged)?)?;
        }
        let header = super::compact(&header)?;
        let revalidated = written.revalidated.map(|(internal, empty_header)| {
            Box::new(Revalidated { internal: internal.into(), empty_header: empty_header.into() })
        });
        let bytes = head_weight(&mark, written.key, &header, revalidated.as_deref());
        Ok(Arc::new(Self {
            key: written.key.into(),
            mark,
            header,
            times: Times {
                fresh_until: written.fresh_until,
                created: written.created,
                epoch: written.epoch,
                stale_while_revalidate_seconds: written.stale_while_revalidate_seconds,
                stale_if_error_seconds: written.stale_if_error_seconds,
            },
            variance: written.variance,
            revalidated,
            bytes,
        }))
    }
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> pingora::BError {
    pingora::Error::because(pingora::ErrorType::InternalError, "a stored head is damaged", error)
}
