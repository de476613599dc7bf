//! Reading `headers` back: names, values, and who may touch which field.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Checked, encode, invalid, shown};
use crate::event::{EventType, HeaderEdit, rules};
use crate::wire::{
    ABSENT, ENTRY_UNTOUCHED, ENTRY_VALUES, MAP, Malformed, Reader, UNTOUCHED, text_of,
};

/// What became of a map of headers.
#[derive(Default)]
pub(super) struct Headers {
    /// Fields that changed.
    pub edits: Vec<HeaderEdit>,
    /// Cookies that a response set through its headers, which many functions do.
    pub set_cookie: Vec<HeaderValue>,
}

/// Reads the headers of `owner`, `request` or `response`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    owner: &str,
    original: &HeaderMap,
    event: EventType,
) -> Checked<Headers> {
    let count = match reader.u8()? {
        UNTOUCHED => return Ok(Headers::default()),
        ABSENT => 0,
        MAP => reader.count()?,
        _ => return Err(Malformed.into()),
    };
    let names: Vec<&HeaderName> = encode::visible(original).collect();
    let mut kept = vec![false; names.len()];
    let mut headers = Headers::default();
    let place = Place { owner, event, original };
    for _ in 0..count {
        let name = reader.text()?;
        match reader.u8()? {
            ENTRY_UNTOUCHED => *kept.get_mut(reader.count()?).ok_or(Malformed)? = true,
            ENTRY_VALUES => {
                let name = place.name(name)?;
                let values = place.values(reader, &name)?;
                if let Some(index) = names.iter().position(|known| **known == name) {
                    kept[index] = true;
                }
                if name == SET_COOKIE {
                    headers.set_cookie.extend(values);
                } else if !place.is_as_before(&name, &values) {
                    place.check_writable(&name)?;
                    headers.edits.push(HeaderEdit::Set(name, values));
                }
            }
            _ => return Err(Malformed.into()),
        }
    }
    for (name, _) in names.into_iter().zip(kept).filter(|(_, kept)| !kept) {
        place.check_writable(name)?;
        headers.edits.push(HeaderEdit::Remove(name.clone()));
    }
    Ok(headers)
}

struct Place<'a> {
    owner: &'a str,
    event: EventType,
    original: &'a HeaderMap,
}

impl Place<'_> {
    fn name(&self, name: &str) -> Checked<HeaderName> {
        let owner = self.owner;
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let name = shown(name);
            return invalid(format!("{owner}.headers must have names in lower case, not '{name}'"));
        }
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return invalid(format!("{owner}.headers: '{}' is no name of a field", shown(name)));
        };
        if rules::is_disallowed(&header) {
            return invalid(format!("{owner}.headers['{header}'] must not be set by a function"));
        }
        if header == COOKIE && owner == "request" {
            return invalid(
                "request.headers['cookie'] must not be set; use request.cookies".into(),
            );
        }
        Ok(header)
    }

    fn values(&self, reader: &mut Reader<'_>, name: &HeaderName) -> Checked<Vec<HeaderValue>> {
        let count = reader.count()?;
        let mut values = Vec::new();
        for _ in 0..count {
            let text = reader.text()?;
            let mut before = self.original.get_all(name).iter();
            if let Some(before) = before.find(|before| text_of(before.as_bytes()) == text) {
                values.push(before.clone());
                continue;
            }
            let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
                let owner = self.owner;
                return invalid(format!(
                    "{owner}.headers['{name}'] contains a control character, such as a line break"
                ));
            };
            values.push(value);
        }
        Ok(values)
    }

    fn is_as_before(&self, name: &HeaderName, values: &[HeaderValue]) -> bool {
        let before = self.original.get_all(name).iter();
        let before = before.map(|value| text_of(value.as_bytes()));
        let mut after = values.iter().map(|value| text_of(value.as_bytes()));
        before.eq(after.by_ref())
    }

    fn check_writable(&self, name: &HeaderName) -> Checked<()> {
        if rules::is_read_only(self.event, name) {
            let (owner, event) = (self.owner, self.event);
            return invalid(format!("{owner}.headers['{name}'] is read-only at {event}"));
        }
        Ok(())
    }
}
