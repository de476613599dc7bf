//! Reading `request.cookies` and `response.cookies` back into fields.

use std::borrow::Cow;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Checked, encode, invalid, shown};
use crate::event::HeaderEdit;
use crate::wire::{self, ABSENT, ENTRY_UNTOUCHED, ENTRY_VALUES, MAP, Malformed, Reader, UNTOUCHED};

/// A cookie as the viewer or the origin sent it, and how a function saw it.
struct Sent<'a> {
    name: &'a str,
    value: &'a str,
    attributes: &'a str,
    bytes: Vec<u8>,
}

impl Sent<'_> {
    fn is(&self, name: &str, value: &str, attributes: &str) -> bool {
        (self.name, self.value, self.attributes) == (name, value, attributes)
    }
}

/// The bytes that a part of a field's text was read from: of a field that is not UTF-8, each character was a byte.
fn bytes_of(part: &str, is_utf8: bool) -> Vec<u8> {
    if is_utf8 {
        return part.as_bytes().to_vec();
    }
    part.chars().map(|byte| u8::try_from(u32::from(byte)).unwrap_or(b'?')).collect()
}

fn sent_by_viewer<'a>(fields: &'a [Cow<'_, str>]) -> Vec<Sent<'a>> {
    let pieces = fields.iter().flat_map(|field| field.split(';').map(move |piece| (piece, field)));
    let sent = pieces.flat_map(|(piece, field)| {
        let whole = piece.trim_matches([' ', '\t']);
        let read = wire::cookie_groups(&[piece]).into_iter().next()?;
        let value = read.values.first().copied()?;
        Some(Sent {
            name: read.name,
            value,
            attributes: "",
            bytes: bytes_of(whole, matches!(field, Cow::Borrowed(_))),
        })
    });
    sent.collect()
}

fn sent_by_origin<'a>(fields: &'a [Cow<'_, str>]) -> Vec<Sent<'a>> {
    let sent = fields.iter().flat_map(|field| {
        let read = wire::set_cookie_groups(&[&**field]).into_iter().next()?;
        let (value, attributes) = read.values.first().copied()?;
        Some(Sent {
            name: read.name,
            value,
            attributes,
            bytes: bytes_of(field, matches!(field, Cow::Borrowed(_))),
        })
    });
    sent.collect()
}

/// The edit of `Cookie`, if any.
pub(super) fn read_request(
    reader: &mut Reader<'_>,
    original: &HeaderMap,
) -> Checked<Option<HeaderEdit>> {
    let Some(count) = read_count(reader)? else { return Ok(None) };
    let fields = encode::texts(original, &COOKIE);
    let lines: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
    let groups = wire::cookie_groups(&lines);
    let sent = sent_by_viewer(&fields);
    let mut pairs = Vec::new();
    let mut untouched = 0;
    for _ in 0..count {
        let name = reader.text()?;
        match reader.u8()? {
            ENTRY_UNTOUCHED => {
                untouched += 1;
                let group = groups.get(reader.count()?).ok_or(Malformed)?;
                let all = sent.iter().filter(|sent| sent.name == group.name);
                pairs.extend(all.map(|sent| sent.bytes.clone()));
            }
            ENTRY_VALUES => {
                check("request.cookies", name, name, true)?;
                for _ in 0..reader.count()? {
                    let value = reader.text()?;
                    check("request.cookies", name, value, false)?;
                    let before = sent.iter().find(|sent| sent.is(name, value, ""));
                    let made = || format!("{name}={value}").into_bytes();
                    pairs.push(before.map_or_else(made, |sent| sent.bytes.clone()));
                }
            }
            _ => return Err(Malformed.into()),
        }
    }
    if untouched == groups.len() && count == untouched {
        return Ok(None);
    }
    if pairs.is_empty() {
        return Ok(Some(HeaderEdit::Remove(COOKIE)));
    }
    Ok(Some(HeaderEdit::Set(COOKIE, vec![line("request.cookies", &pairs.join(&b"; "[..]))?])))
}

/// The edit of `Set-Cookie`, if any; `added` are lines that came through the headers.
pub(super) fn read_response(
    reader: &mut Reader<'_>,
    original: &HeaderMap,
    added: Vec<HeaderValue>,
) -> Checked<Option<HeaderEdit>> {
    let lines = read_count(reader)?.map(|count| rebuild(reader, original, count)).transpose()?;
    let before = || original.get_all(SET_COOKIE).iter().cloned();
    let mut after = match lines.flatten() {
        Some(lines) => lines,
        None if added.is_empty() => return Ok(None),
        None => before().collect(),
    };
    after.extend(added);
    if before().eq(after.iter().cloned()) {
        return Ok(None);
    }
    let edit = |name: HeaderName| match after.is_empty() {
        true => HeaderEdit::Remove(name),
        false => HeaderEdit::Set(name, after),
    };
    Ok(Some(edit(SET_COOKIE)))
}

/// All lines of `Set-Cookie` as the function left them; `None` when it left them all alone.
fn rebuild(
    reader: &mut Reader<'_>,
    original: &HeaderMap,
    count: usize,
) -> Checked<Option<Vec<HeaderValue>>> {
    let fields = encode::texts(original, &SET_COOKIE);
    let known: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
    let groups = wire::set_cookie_groups(&known);
    let sent = sent_by_origin(&fields);
    let mut lines = Vec::new();
    let mut untouched = 0;
    for _ in 0..count {
        let name = reader.text()?;
        match reader.u8()? {
            ENTRY_UNTOUCHED => {
                untouched += 1;
                let group = groups.get(reader.count()?).ok_or(Malformed)?;
                for sent in sent.iter().filter(|sent| sent.name == group.name) {
                    lines.push(line("response.cookies", &sent.bytes)?);
                }
            }
            ENTRY_VALUES => {
                check("response.cookies", name, name, true)?;
                for _ in 0..reader.count()? {
                    let (value, attributes) = (reader.text()?, reader.text()?);
                    check("response.cookies", name, value, false)?;
                    lines.push(match sent.iter().find(|sent| sent.is(name, value, attributes)) {
                        Some(sent) => line("response.cookies", &sent.bytes)?,
                        None => set_cookie(name, value, attributes)?,
                    });
                }
            }
            _ => return Err(Malformed.into()),
        }
    }
    let same = untouched == groups.len() && count == untouched;
    Ok((!same).then_some(lines))
}

/// Entries of a map of cookies; `None` when it is untouched.
fn read_count(reader: &mut Reader<'_>) -> Checked<Option<usize>> {
    match reader.u8()? {
        UNTOUCHED => Ok(None),
        ABSENT => Ok(Some(0)),
        MAP => Ok(Some(reader.count()?)),
        _ => Err(Malformed.into()),
    }
}

/// Refuses what would become another cookie or another field (RFC 6265 section 4.1.1).
fn check(owner: &str, name: &str, text: &str, is_name: bool) -> Checked<()> {
    let unfit = |bad: &char| {
        bad.is_ascii_control() || *bad == ';' || is_name && matches!(bad, '=' | ' ' | ',')
    };
    match text.chars().find(unfit) {
        Some(bad) => invalid(format!("{owner}['{}'] contains {bad:?}", shown(name))),
        None => Ok(()),
    }
}

fn set_cookie(name: &str, value: &str, attributes: &str) -> Checked<HeaderValue> {
    let text = match attributes {
        "" => format!("{name}={value}"),
        attributes => format!("{name}={value}; {attributes}"),
    };
    // Name and value are checked: only the attributes are left to be wrong.
    line(&format!("response.cookies['{}'].attributes", shown(name)), text.as_bytes())
}

fn line(owner: &str, bytes: &[u8]) -> Checked<HeaderValue> {
    match HeaderValue::from_bytes(bytes) {
        Ok(line) => Ok(line),
        Err(_) => invalid(format!("{owner} contains a control character, such as a line break")),
    }
}
