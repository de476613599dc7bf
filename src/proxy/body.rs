//! The request's body where a function gets it: read before the function runs, and sent afterwards as the
//! viewer sent it, or replaced.
//!
//! Pingora reads and forwards bodies piece by piece and shows each to `request_body_filter`. What was read before is put
//! in front there. For a body that has ended already it calls that filter only when its retry buffer has all of it. So while
//! the origin's request is begun another session [stands in](stand_in()) for the viewer's, one with a body of a byte, until the
//! filter is called.

use std::io::Cursor;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use pingora::ErrorType;
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::context::Context;
use crate::error::{EdgeError, FunctionError, FunctionKind, ViewerFailure};
use crate::event::BodyView;
use crate::limits::ORIGIN_REQUEST_BODIES_BYTES_MAX;

/// Room for the bodies that are kept, of all requests together.
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ORIGIN_REQUEST_BODIES_BYTES_MAX)))
    }
}

/// What was read of a request's body before it was forwarded.
pub struct Kept {
    /// The body's beginning; more than functions are shown when the last part read went beyond.
    data: Bytes,
    /// What functions are shown.
    shown: Bytes,
    /// Whether that is not all.
    truncated: bool,
    /// Whether the viewer's body ended with `data`.
    is_whole: bool,
    /// Up to how much functions may be shown, bytes.
    most: usize,
    /// How much of the body the origin that is asked has got, bytes.
    sent: usize,
    /// What a viewer-request function put in its place, for whichever origin is asked.
    replacement: Option<Bytes>,
    /// The viewer's session while another one stands in for it.
    aside: Option<Box<ServerSession>>,
    _room: OwnedSemaphorePermit,
}

/// What the origin that is asked gets in place of the viewer's body.
fn replacement(ctx: &Context) -> Option<&Bytes> {
    let kept = ctx.body.as_ref();
    ctx.origin.new_request_body.as_ref().or_else(|| kept?.replacement.as_ref())
}

/// The body as the next function sees it: the viewer's, or what a former function made of it.
pub fn view(ctx: &Context) -> Option<BodyView<'_>> {
    match (replacement(ctx), &ctx.body) {
        (Some(new), _) => Some(BodyView { data: new, truncated: false }),
        (None, Some(kept)) => Some(BodyView { data: &kept.shown, truncated: kept.truncated }),
        (None, None) => None,
    }
}

/// Puts what a viewer-request function made up in place of the viewer's body.
pub fn replace(ctx: &mut Context, new: Bytes) {
    if let Some(kept) = &mut ctx.body {
        kept.replacement = Some(new);
    }
}

/// Reads the request's body for the function `name`, the `most` bytes that it is shown, behind what is kept already. A
/// viewer who pauses for longer than `patience` is given up.
///
/// # Errors
/// What the viewer did wrong; and that there is no room, which throttles the function.
pub async fn read(
    room: &Room,
    session: &mut Session,
    kept: &mut Option<Box<Kept>>,
    most: usize,
    patience: Duration,
    name: &str,
) -> Result<(), EdgeError> {
    if kept.as_ref().is_some_and(|kept| kept.most >= most || kept.replacement.is_some()) {
        return Ok(());
    }
    let length = content_length(session.req_header());
    let wanted = match length {
        Some(length) => length.min(most),
        // One more tells whether there is more.
        None => most + 1,
    };
    let (mut data, mut taken) = match kept.take() {
        Some(kept) => (BytesMut::from(kept.data), kept._room),
        None => (BytesMut::new(), take(room, 0, name)?),
    };
    while data.len() < wanted && !session.is_body_done() {
        let part = match timeout(patience, session.read_request_body()).await {
            Ok(Ok(Some(part))) => part,
            Ok(Ok(None)) => break,
            Ok(Err(error)) if *error.etype() != ErrorType::ReadTimedout => {
                return Err(EdgeError::Viewer(ViewerFailure::Malformed));
            }
            Ok(Err(_)) | Err(_) => return Err(EdgeError::Viewer(ViewerFailure::Stalled)),
        };
        taken.merge(take(room, part.len(), name)?);
        data.extend_from_slice(&part);
    }
    let data = data.freeze();
    let shown = data.slice(..data.len().min(most));
    let is_whole = session.is_body_done();
    *kept = Some(Box::new(Kept {
        truncated: !is_whole || shown.len() < data.len(),
        data,
        shown,
        is_whole,
        most,
        sent: 0,
        replacement: None,
        aside: None,
        _room: taken,
    }));
    Ok(())
}

/// RFC 9110 section 8.6; the request's framing was checked.
fn content_length(request: &RequestHeader) -> Option<usize> {
    if request.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    request.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn take(room: &Room, bytes: usize, name: &str) -> Result<OwnedSemaphorePermit, EdgeError> {
    // A part has some tens of kilobytes.
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    room.0.clone().try_acquire_many_owned(permits).map_err(|_| EdgeError::Function {
        kind: FunctionKind::Component,
        name: name.to_owned(),
        error: FunctionError::throttled(format!(
            "was not run: the request bodies that functions wait for have \
             {ORIGIN_REQUEST_BODIES_BYTES_MAX} bytes already"
        )),
    })
}

/// Frames a request whose body was replaced, which is about to be sent.
///
/// # Errors
/// Pingora refused a field: a defect of the edge.
pub fn frame(request: &mut RequestHeader, ctx: &Context) -> pingora::Result<()> {
    if let Some(replacement) = replacement(ctx) {
        request.remove_header(&TRANSFER_ENCODING);
        request.insert_header(CONTENT_LENGTH, HeaderValue::from(replacement.len()))?;
    }
    Ok(())
}

/// Begins with the body anew, for a request that is about to be sent. Lets another session stand in for the viewer's where a body that has ended is to be sent: one with the same head, and a
/// body of a byte in its retry buffer. Pingora then calls `request_body_filter` before it does anything else with it.
///
/// # Errors
/// Pingora did not take it: a defect of the edge.
pub async fn stand_in(session: &mut Session, ctx: &mut Context) -> pingora::Result<()> {
    let is_replaced = replacement(ctx).is_some();
    let Some(kept) = &mut ctx.body else { return Ok(()) };
    kept.sent = 0;
    if !kept.is_whole || kept.aside.is_some() || (kept.data.is_empty() && !is_replaced) {
        return Ok(());
    }
    let message = b"POST / HTTP/1.1\r\nHost: edge\r\nContent-Length: 1\r\n\r\n.";
    let mut other = ServerSession::new_http1(Box::new(Cursor::new(message.to_vec())));
    other.read_request().await?;
    other.enable_retry_buffering();
    other.read_request_body().await?;
    // How its own body is framed is known by now.
    *other.req_header_mut() = session.req_header().clone();
    kept.aside = Some(Box::new(mem::replace(session.as_mut(), other)));
    Ok(())
}

/// Puts the viewer's session back where another one stands in for it, and says whether one did.
pub fn put_back(session: &mut Session, ctx: &mut Context) -> bool {
    let viewers = ctx.body.as_mut().and_then(|kept| kept.aside.take());
    let stood_in = viewers.is_some();
    if let Some(viewers) = viewers {
        *session.as_mut() = *viewers;
    }
    stood_in
}

/// Makes `part`, which pingora is about to send, what the origin is to get: what it lacks of the viewer's body, or of the
/// one that took its place. `is_last`: the viewer's body ends with it.
pub fn pass(session: &mut Session, part: &mut Option<Bytes>, is_last: bool, ctx: &mut Context) {
    if put_back(session, ctx) {
        *part = None;
    }
    // Nobody reads it there, and its head has the viewer's framing.
    let is_canned = ctx.origin.canned.is_some();
    let new = replacement(ctx).filter(|_| !is_canned).cloned();
    let Some(kept) = &mut ctx.body else { return };
    let received = session.body_bytes_read();
    let passed = match new {
        // Not before the viewer has sent everything: an origin that answers earlier ends the viewer's connection.
        Some(new) if is_last => new,
        Some(_) => Bytes::new(),
        None => lacking(kept, &part.take().unwrap_or_default(), received),
    };
    kept.sent = received;
    // Where there is nothing left, the end comes alone.
    *part = (!passed.is_empty() || !is_last).then_some(passed);
}

/// What the origin lacks of a body of which `received` bytes came, the last of them in `part`. Pingora hands its retry
/// buffer over as if it came just now, so a part may repeat what is kept or was sent.
fn lacking(kept: &Kept, part: &Bytes, received: usize) -> Bytes {
    let had = kept.sent.min(kept.data.len());
    let from_kept = kept.data.slice(had..);
    let begin = received.saturating_sub(part.len());
    let had = kept.sent.max(kept.data.len()).saturating_sub(begin);
    let from_part = part.slice(had.min(part.len())..);
    if from_kept.is_empty() {
        return from_part;
    }
    if from_part.is_empty() {
        return from_kept;
    }
    let mut joined = BytesMut::with_capacity(from_kept.len() + from_part.len());
    joined.extend_from_slice(&from_kept);
    joined.extend_from_slice(&from_part);
    joined.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_much_and_it_comes_back() {
        let room = Room::default();
        let most = take(&room, ORIGIN_REQUEST_BODIES_BYTES_MAX, "f").expect("all of it");
        let error = take(&room, 1, "f").expect_err("it is full");
        assert_eq!(error.answer().result_type, "LambdaLimitExceeded");
        drop(most);
        assert!(take(&room, 1, "f").is_ok());
    }

    proptest::proptest! {
        /// However a body comes in parts, some of them kept and some repeated, the origin gets each byte once.
        #[test]
        fn an_origin_gets_each_byte_once(
            size in 0..200_usize, kept in 0..=200_usize, buffered in 0..=200_usize, step in 1..50_usize,
        ) {
            let body: Bytes = (0..=u8::MAX).take(size).collect();
            let (kept_bytes, mut received) = (kept.min(size), kept.min(size));
            let data = body.slice(..kept_bytes);
            let room = take(&Room::default(), 0, "f").expect("nothing fits");
            let mut kept =
                Kept { shown: data.clone(), data, is_whole: kept_bytes == size, aside: None, truncated: kept_bytes < size, most: size, sent: 0, replacement: None, _room: room };
            // First the retry buffer, if there is one; then what comes.
            let mut part = body.slice(buffered.min(kept_bytes)..kept_bytes);
            let mut sent = Vec::new();
            loop {
                sent.extend_from_slice(&lacking(&kept, &part, received));
                kept.sent = received;
                if received == size {
                    break;
                }
                let end = (received + step).min(size);
                part = body.slice(received..end);
                received = end;
            }
            proptest::prop_assert_eq!(sent, body);
        }
    }
}
