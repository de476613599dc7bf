//! Reading `request.querystring` back: a text, or a map of parameters.

use super::{Checked, invalid, is_unfit_for_url, shown};
use crate::wire::{
    self, ABSENT, ENTRY_UNTOUCHED, ENTRY_VALUES, MAP, Malformed, Reader, TEXT, UNTOUCHED,
};

/// The new query string; `None` when it stays, `Some(None)` when there is none any more.
pub(super) fn read(
    reader: &mut Reader<'_>,
    original: Option<&[u8]>,
) -> Checked<Option<Option<String>>> {
    let known = original.map(wire::text_of);
    let known = known.as_deref().unwrap_or_default();
    let query = match reader.u8()? {
        UNTOUCHED => return Ok(None),
        ABSENT => String::new(),
        TEXT => {
            let text = reader.text()?;
            check(text)?;
            text.to_owned()
        }
        MAP => match read_map(reader, known)? {
            Some(query) => query,
            None => return Ok(None),
        },
        _ => return Err(Malformed.into()),
    };
    if query == known {
        return Ok(None);
    }
    Ok(Some(Some(query).filter(|query| !query.is_empty())))
}

/// `None` when every parameter is there, untouched.
fn read_map(reader: &mut Reader<'_>, known: &str) -> Checked<Option<String>> {
    let groups = wire::query_groups(known);
    let count = reader.count()?;
    let mut untouched = 0;
    let mut query = String::new();
    for _ in 0..count {
        let name = reader.text()?;
        match reader.u8()? {
            ENTRY_UNTOUCHED => {
                untouched += 1;
                let group = groups.get(reader.count()?).ok_or(Malformed)?;
                push_original(&mut query, known, group.name);
            }
            ENTRY_VALUES => push_values(&mut query, reader, name)?,
            _ => return Err(Malformed.into()),
        }
    }
    let same = untouched == groups.len() && count == untouched;
    Ok((!same).then_some(query))
}

/// A parameter's pieces as the viewer wrote them: `a` and `a=` look alike to the function but stay different.
fn push_original(query: &mut String, known: &str, name: &str) {
    let pieces = known.split('&').filter(|piece| !piece.is_empty());
    for piece in pieces.filter(|piece| piece.split_once('=').map_or(*piece, |pair| pair.0) == name)
    {
        push_piece(query, piece);
    }
}

fn push_values(query: &mut String, reader: &mut Reader<'_>, name: &str) -> Checked<()> {
    if let Some(bad) = name.chars().find(|bad| is_unfit_for_url(*bad) || matches!(bad, '&' | '=')) {
        let name = shown(name);
        return invalid(format!(
            "request.querystring: the name '{name}' contains {bad:?}, which must be percent-encoded"
        ));
    }
    for _ in 0..reader.count()? {
        let value = reader.text()?;
        if let Some(bad) = value.chars().find(|bad| is_unfit_for_url(*bad)) {
            return invalid(format!(
                "request.querystring['{name}'] contains {bad:?}, which must be percent-encoded"
            ));
        }
        push_piece(query, &format!("{name}={value}"));
    }
    Ok(())
}

fn push_piece(query: &mut String, piece: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(piece);
}

fn check(query: &str) -> Checked<()> {
    match query.chars().find(|character| is_unfit_for_url(*character)) {
        Some(bad) => {
            invalid(format!("request.querystring contains {bad:?}, which must be percent-encoded"))
        }
        None => Ok(()),
    }
}
