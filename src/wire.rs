//! The bytes that the edge and the JavaScript engine in its sandbox exchange: one event in, one result out.
//!
//! Both sides compile this one file, so they cannot disagree; it knows neither of them. Integers are little-endian,
//! a text is its length in bytes (u32) and then UTF-8. Query strings and cookies travel as the viewer wrote them and
//! are taken apart here, only when somebody looks.

/// Bytes of a text that may come from anywhere: UTF-8 as it is, anything else read as ISO-8859-1
/// (spec: CloudFront Functions section 2.2).
#[must_use]
pub fn text_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
    }
}

/// First byte of an event: a viewer request.
pub const EVENT_REQUEST: u8 = 0;
/// First byte of an event: a viewer response.
pub const EVENT_RESPONSE: u8 = 1;

/// First byte of a result: the function threw, or the engine gave up. A text follows.
pub const RESULT_FAILED: u8 = 0;
/// First byte of a result: what was returned cannot be used. A text follows.
pub const RESULT_INVALID: u8 = 1;
/// First byte of a result: a request.
pub const RESULT_REQUEST: u8 = 2;
/// First byte of a result: a response.
pub const RESULT_RESPONSE: u8 = 3;

/// A member that the function left as it was.
pub const UNTOUCHED: u8 = 0;
/// A member with a new text.
pub const TEXT: u8 = 1;
/// A map with entries.
pub const MAP: u8 = 2;
/// A body in base64.
pub const BASE64: u8 = 3;
/// A member that is not there.
pub const ABSENT: u8 = 4;

/// Asks a key-value store for the value of a key.
pub const KV_GET: u32 = 0;
/// Asks a key-value store whether it has a key.
pub const KV_EXISTS: u32 = 1;
/// Asks a key-value store about itself: when it was made and last changed, milliseconds since 1970 (u64 each), and its
/// number of keys (u64).
pub const KV_META: u32 = 2;
/// Room that a store's answer needs at most, bytes: 1,024 characters of UTF-8.
pub const KV_ROOM_BYTES: usize = 4 * 1024;

/// Upper half of a store's answer: it is there, and the lower half is its length in the room.
pub const KV_FOUND: u32 = 0;
/// The store has no such key.
pub const KV_NOT_FOUND: u32 = 1;
/// No store is associated with the function.
pub const KV_NO_STORE: u32 = 2;
/// The store that is associated has another id.
pub const KV_OTHER_STORE: u32 = 3;
/// The question or the room does not have the shape that this file gives it.
pub const KV_MALFORMED: u32 = 4;

/// An entry that is the event's own, untouched: its values are not repeated.
pub const ENTRY_UNTOUCHED: u8 = 0;
/// An entry whose values follow.
pub const ENTRY_VALUES: u8 = 1;

/// What a call looked at, behind its result: each a number of these, shifted left by 16, with the index of an entry
/// added; then how many there are (u32). What was looked at twice is there once, in the order of the first looks.
pub mod reads {
    /// `event.context`, apart from the request's id.
    pub const CONTEXT: u32 = 0;
    /// `event.viewer`
    pub const VIEWER: u32 = 1;
    /// `request.method`
    pub const METHOD: u32 = 2;
    /// `request.uri`
    pub const URI: u32 = 3;
    /// The names in `request.querystring`; with [`ENTRY`], the values of one of them. So for the other maps.
    pub const QUERY: u32 = 4;
    /// The names in `request.headers`.
    pub const HEADERS: u32 = 5;
    /// The names in `request.cookies`.
    pub const COOKIES: u32 = 6;
    /// `response.statusCode`
    pub const STATUS: u32 = 7;
    /// `response.statusDescription`
    pub const REASON: u32 = 8;
    /// The names in `response.headers`.
    pub const RESPONSE_HEADERS: u32 = 9;
    /// The names in `response.cookies`.
    pub const RESPONSE_COOKIES: u32 = 10;
    /// `request.rawQueryString()`
    pub const RAW_QUERY: u32 = 11;
    /// Something that is another at each call: the request's id, the clock, a random number.
    pub const UNREPEATABLE: u32 = 12;
    /// `cf.edgeLocation`
    pub const EDGE: u32 = 13;
    /// The key-value store, whatever was asked of it.
    pub const STORE: u32 = 14;
    /// Added for an entry of a map.
    pub const ENTRY: u32 = 1 << 7;
}

/// The message does not have the shape that this file gives it: a defect, or a hostile guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// Puts a message together.
#[derive(Default, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer that reuses `bytes`' memory; their content goes.
    #[must_use]
    pub fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes }
    }

    /// The message.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The message so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Starts again.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A text, cut at 4 GiB, which no message reaches.
    pub fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A text of raw bytes, see [`text_of`].
    pub fn raw(&mut self, bytes: &[u8]) {
        self.text(&text_of(bytes));
    }

    /// A text that may be missing.
    pub fn optional(&mut self, text: Option<&[u8]>) {
        match text {
            None => self.u8(ABSENT),
            Some(text) => {
                self.u8(TEXT);
                self.raw(text);
            }
        }
    }

    /// Leaves room for a count that [`Writer::fill_count`] fills in.
    pub fn count(&mut self) -> usize {
        self.u32(0);
        self.bytes.len()
    }

    /// Fills in the count that was left open at `place`.
    pub fn fill_count(&mut self, place: usize, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if let Some(hole) = self.bytes.get_mut(place.saturating_sub(4)..place) {
            hole.copy_from_slice(&count.to_le_bytes());
        }
    }
}

/// Takes a message apart.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(Malformed)?;
        self.bytes = rest;
        Ok(*head)
    }

    /// One byte.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.take::<1>().map(|[byte]| byte)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.take().map(u16::from_le_bytes)
    }

    /// Four bytes, as a length or a count.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        let value = u32::from_le_bytes(self.take()?);
        usize::try_from(value).map_err(|_| Malformed)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// When the message ends before.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    /// A text.
    ///
    /// # Errors
    /// When the message ends before, or the text is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.count()?;
        let (text, rest) = self.bytes.split_at_checked(length).ok_or(Malformed)?;
        self.bytes = rest;
        std::str::from_utf8(text).map_err(|_| Malformed)
    }

    /// A text that may be missing.
    ///
    /// # Errors
    /// As for [`Reader::text`].
    pub fn optional(&mut self) -> Result<Option<&'a str>, Malformed> {
        match self.u8()? {
            ABSENT => Ok(None),
            TEXT => self.text().map(Some),
            _ => Err(Malformed),
        }
    }
}

/// One name with all its values, in the order of their first appearance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group<'a, V> {
    /// The name.
    pub name: &'a str,
    /// Its values, at least one.
    pub values: Vec<V>,
}

fn push_grouped<'a, V>(groups: &mut Vec<Group<'a, V>>, name: &'a str, value: V) {
    match groups.iter_mut().find(|group| group.name == name) {
        Some(group) => group.values.push(value),
        None => groups.push(Group { name, values: vec![value] }),
    }
}

/// Splits a query string into its parameters, grouped by name; nothing is decoded. A parameter without `=` has the
/// value `""`; empty pieces between `&` are no parameters (spec: CloudFront Functions section 2.1).
#[must_use]
pub fn query_groups(query: &str) -> Vec<Group<'_, &str>> {
    let mut groups = Vec::new();
    for (name, value) in query_pairs(query) {
        push_grouped(&mut groups, name, value);
    }
    groups
}

/// The parameters of a query string in their order, one by one.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

/// Splits the lines of `Cookie` fields into cookies, grouped by name (RFC 6265 section 5.4 read backwards).
#[must_use]
pub fn cookie_groups<'a>(lines: &[&'a str]) -> Vec<Group<'a, &'a str>> {
    let mut groups = Vec::new();
    for piece in lines.iter().flat_map(|line| line.split(';')) {
        let piece = piece.trim_matches([' ', '\t']);
        if !piece.is_empty() {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            push_grouped(&mut groups, name, value);
        }
    }
    groups
}

/// Splits `Set-Cookie` lines into name, value and the rest, which stays as it is
/// (spec: CloudFront Functions section 2.1).
#[must_use]
pub fn set_cookie_groups<'a>(lines: &[&'a str]) -> Vec<Group<'a, (&'a str, &'a str)>> {
    let mut groups = Vec::new();
    for line in lines {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let blank = [' ', '\t'];
        let value = (value.trim_matches(blank), attributes.trim_matches(blank));
        push_grouped(&mut groups, name.trim_matches(blank), value);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        let place = writer.count();
        writer.u8(7);
        writer.u16(513);
        writer.u64(1 << 40);
        writer.text("ä");
        writer.raw(&[0xe4]);
        writer.optional(None);
        writer.optional(Some(b"x"));
        writer.fill_count(place, 3);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.count(), Ok(3));
        assert_eq!(reader.u8(), Ok(7));
        assert_eq!(reader.u16(), Ok(513));
        assert_eq!(reader.u64(), Ok(1 << 40));
        assert_eq!(reader.text(), Ok("ä"));
        assert_eq!(reader.text(), Ok("ä"), "ISO-8859-1 was not recognised");
        assert_eq!(reader.optional(), Ok(None));
        assert_eq!(reader.optional(), Ok(Some("x")));
        assert_eq!(reader.u8(), Err(Malformed), "read beyond the end");
    }

    #[test]
    fn a_length_beyond_the_message_is_malformed() {
        for bytes in [&[9, 0, 0, 0, b'x'][..], &[255, 255, 255, 255], &[1, 0, 0, 0, 0xff]] {
            assert_eq!(Reader::new(bytes).text(), Err(Malformed), "{bytes:?}");
        }
    }

    fn plain<'a>(groups: &'a [Group<'a, &'a str>]) -> Vec<(&'a str, Vec<&'a str>)> {
        groups.iter().map(|group| (group.name, group.values.clone())).collect()
    }

    #[test]
    fn a_query_is_grouped_by_name_and_stays_encoded() {
        let groups = query_groups("a=1&&b=%20&a=2=3&c&=x");
        let expected =
            vec![("a", vec!["1", "2=3"]), ("b", vec!["%20"]), ("c", vec![""]), ("", vec!["x"])];
        assert_eq!(plain(&groups), expected);
        assert!(query_groups("").is_empty());
    }

    #[test]
    fn cookies_are_split_from_all_lines() {
        let groups = cookie_groups(&["a=1; b=x=y ;; c", "a=2"]);
        assert_eq!(
            plain(&groups),
            vec![("a", vec!["1", "2"]), ("b", vec!["x=y"]), ("c", vec![""])]
        );
    }

    #[test]
    fn a_set_cookie_line_keeps_its_attributes_as_one_text() {
        let groups = set_cookie_groups(&["id=1; Path=/; Secure", "id=2", "t=; Max-Age=0"]);
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        assert_eq!(names, ["id", "t"]);
        assert_eq!(groups[0].values, [("1", "Path=/; Secure"), ("2", "")]);
        assert_eq!(groups[1].values, [("", "Max-Age=0")]);
    }
}
