//! What pingora writes to an HTTP/1.1 viewer that the edge wants otherwise. It has no hooks for that, so the phases leave
//! word here for the connection's writer: both run in the connection's own task. HTTP/2 has a task for each stream, where
//! nothing is left and nothing found.

use std::cell::Cell;

use http::header::DATE;
use pingora::http::ResponseHeader;

/// Bytes of a date (RFC 9110 section 5.6.7, IMF-fixdate).
const DATE_BYTES: usize = 29;

#[derive(Default)]
struct Word {
    /// Whether a request of the connection is under way.
    under_way: Cell<bool>,
    /// Requests so far, the one under way included.
    requests: Cell<u64>,
    /// The date of the answer whose head is written next.
    date: Cell<Option<[u8; DATE_BYTES]>>,
}

tokio::task_local! {
    static WORD: Word;
}

/// Runs a viewer's connection.
pub async fn watch<T>(connection: impl Future<Output = T>) -> T {
    WORD.scope(Word::default(), connection).await
}

/// While it lives, a request of this task's connection is under way.
#[derive(Debug)]
pub struct UnderWay(());

impl UnderWay {
    /// A request begins.
    #[must_use]
    pub fn begin() -> Self {
        let _ = WORD.try_with(|word| {
            word.under_way.set(true);
            word.requests.set(word.requests.get() + 1);
        });
        Self(())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let _ = WORD.try_with(|word| {
            word.under_way.set(false);
            word.date.set(None);
        });
    }
}

/// Whether this task serves a connection of which no request is under way.
#[must_use]
pub fn is_between_requests() -> bool {
    WORD.try_with(|word| !word.under_way.get()).unwrap_or(false)
}

/// Whether the request under way is its connection's first; `true` as well where nobody counts.
#[must_use]
pub fn is_first_request() -> bool {
    WORD.try_with(|word| word.requests.get() <= 1).unwrap_or(true)
}

/// Leaves the answer's own date, which pingora would replace by the time: a cache must not change it (RFC 9111 section
/// 5.1 counts `Age` beside it).
pub fn keep_date(response: &ResponseHeader) {
    let date = response.headers.get(DATE).and_then(|date| date.as_bytes().try_into().ok());
    let _ = WORD.try_with(|word| word.date.set(date));
}

/// `head`, about to be written, with the date that was left for it; `None` when none was, or it is no head.
#[must_use]
pub fn with_kept_date(head: &[u8]) -> Option<Vec<u8>> {
    const FIELD: &[u8] = b"date: ";
    let date = WORD.try_with(|word| word.date.get()).ok()??;
    if !head.starts_with(b"HTTP/1.") {
        return None;
    }
    let mut line_start = 0;
    let start = head.split_inclusive(|&byte| byte == b'\n').find_map(|line| {
        let is_date = line.get(..FIELD.len()).is_some_and(|name| name.eq_ignore_ascii_case(FIELD));
        let value = line_start + FIELD.len();
        line_start += line.len();
        is_date.then_some(value)
    })?;
    let mut dated = head.to_vec();
    let place = dated.get_mut(start..start + DATE_BYTES)?;
    // An informational head has no date; what stands here is as long as every date.
    place.copy_from_slice(&date);
    Some(dated)
}

/// The head with the date is out.
pub fn date_is_written() {
    let _ = WORD.try_with(|word| word.date.set(None));
}
