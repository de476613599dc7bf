//! Dates in header fields.

use std::time::SystemTime;

use http::HeaderValue;

/// Reads a date in one of HTTP's three formats (RFC 9110 section 5.6.7); `None` for what is none of them.
///
/// Names of days and months count in any case, as that section wants it. A day of the week that does not fit its date
/// is ignored: it is the one part that says nothing of its own, and the rest is not in doubt.
#[must_use]
pub fn read(value: &HeaderValue) -> Option<SystemTime> {
    let text = value.to_str().ok()?;
    httpdate::parse_http_date(text).ok().or_else(|| {
        let spelled = spell_names(text);
        let (day_name, rest) = spelled.split_at_checked(spelled.find([',', ' '])?)?;
        DAYS.iter().find_map(|day| {
            // The obsolete RFC 850 format writes the day out, the others its first three letters.
            let name = if day_name.len() > SHORT { day } else { day.get(..SHORT)? };
            httpdate::parse_http_date(&format!("{name}{rest}")).ok()
        })
    })
}

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Letters of a day's short name.
const SHORT: usize = 3;

/// Writes `GMT` in capitals and every other word with one.
fn spell_names(text: &str) -> String {
    let mut before = ' ';
    let spell = |letter: char| {
        let first = !before.is_ascii_alphabetic();
        before = letter;
        if first { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(spell).collect::<String>().replace("Gmt", "GMT")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        let read = read(&HeaderValue::from_str(text).ok()?)?;
        read.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
    }

    #[test]
    fn names_count_in_any_case_and_a_wrong_day_of_the_week_is_ignored() {
        let same = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "sun, 06 NOV 1994 08:49:37 gmt",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN NOV  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Tuesday, 06-Nov-94 08:49:37 GMT",
            "Wed Nov  6 08:49:37 1994",
        ];
        for text in same {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
        let none = [
            "",
            "0",
            "-1",
            "Sun",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "06 Nov 1994 08:49:37 GMT",
        ];
        for text in none {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_date_is_read_as_it_was_written(since in 0_u64..253_402_300_800) {
            let written = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(since));
            prop_assert_eq!(seconds(&written.to_uppercase()), Some(since));
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}") {
            seconds(&text);
        }
    }
}
