//! What `Accept-Language` means, so that two requests that mean the same share a variant.

use http::{HeaderMap, header};

/// A language range with its weight in thousandths (RFC 9110 sections 12.4.2 and 12.5.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Choice {
    /// In lower case: language tags ignore it (RFC 5646 section 2.1.1).
    pub(super) range: String,
    pub(super) weight: u16,
}

/// The languages a request asks for, the preferred ones first, ranges of one weight by name: their order in the field
/// means nothing that "can be relied upon" (RFC 9110 section 12.5.4). `None` for a field that is absent or malformed.
pub(super) fn choices(request: &HeaderMap) -> Option<Vec<Choice>> {
    let mut choices = Vec::new();
    for line in request.get_all(header::ACCEPT_LANGUAGE) {
        for member in line.to_str().ok()?.split(',').map(str::trim) {
            if !member.is_empty() {
                choices.push(choice(member)?);
            }
        }
    }
    choices.sort_unstable_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.range.cmp(&b.range)));
    (!choices.is_empty()).then_some(choices)
}

fn choice(member: &str) -> Option<Choice> {
    let (range, weight) = match member.split_once(';') {
        None => (member, FULL),
        Some((range, parameter)) => {
            let (name, value) = parameter.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("q") {
                return None;
            }
            (range.trim_end(), weight(value.trim())?)
        }
    };
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'*';
    (!range.is_empty() && range.bytes().all(letters))
        .then(|| Choice { range: range.to_ascii_lowercase(), weight })
}

/// Weight of a range without one, in thousandths.
const FULL: u16 = 1_000;

/// `0`, `1`, or a number between them with up to three digits.
fn weight(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{digits:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL),
        _ => None,
    }
}

/// Whether a stored response is in the one language, or one of those, that the request wants most.
///
/// Only the very tag that was asked for counts: whether another region's will do is for the origin to say.
pub(super) fn is_first_choice(stored: &HeaderMap, request: &HeaderMap) -> bool {
    let mut languages = stored.get_all(header::CONTENT_LANGUAGE).iter();
    let (Some(language), None) = (languages.next(), languages.next()) else { return false };
    let Some(choices) = choices(request) else { return false };
    let most = choices.first().map_or(0, |choice| choice.weight);
    most > 0
        && choices.iter().take_while(|choice| choice.weight == most).any(|choice| {
            choice.range.as_bytes().eq_ignore_ascii_case(language.as_bytes().trim_ascii())
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Vec<(String, u16)>> {
        let mut request = HeaderMap::new();
        request.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(text).ok()?);
        Some(choices(&request)?.into_iter().map(|choice| (choice.range, choice.weight)).collect())
    }

    #[test]
    fn ranges_come_by_weight_and_name() {
        let of = |text, expected: &[(&str, u16)]| {
            let expected: Vec<_> =
                expected.iter().map(|&(range, weight)| (range.to_owned(), weight)).collect();
            assert_eq!(read(text), Some(expected), "{text}");
        };
        of("en-US,en;q=0.9,de;q=0.8", &[("en-us", 1_000), ("en", 900), ("de", 800)]);
        of("fr ; q=0.5 , DE;Q=1.000, *;q=0", &[("de", 1_000), ("fr", 500), ("*", 0)]);
        for malformed in
            ["", ",", "de;q", "de;q=1.1", "de;q=0.1234", "de;level=1", "d e", "de;q=.5"]
        {
            assert_eq!(read(malformed), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_members_means_nothing(
            mut members in proptest::collection::vec("[a-z]{2}(;q=0\\.[0-9]{1,3})?", 1..6),
        ) {
            let one = read(&members.join(","));
            prop_assert!(one.is_some());
            members.reverse();
            prop_assert_eq!(read(&members.join(" , ")), one);
        }

        #[test]
        fn no_field_is_too_strange(text in "[a-zA-Z0-9;=,.* -]{0,40}") {
            read(&text);
        }
    }
}
