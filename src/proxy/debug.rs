//! The debug header: who may ask for it gets the explanation of a request with its answer.
//!
//! `Verge-Explain` is taken from every request, so that no function, key or origin ever sees it. It counts from the
//! loopback, unless the request was forwarded from elsewhere, and with a signature from anywhere.

use std::time::{Duration, SystemTime};

use http::header::{FORWARDED, HeaderName, HeaderValue, VIA};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use ring::hmac;
use serde_json::{Value, json};

use super::context::Context;
use super::explain;
use crate::limits::{EXPLAIN_TOKEN_LIFETIME_MAX, EXPLANATION_BYTES_MAX};

/// Asks for an explanation.
pub const EXPLAIN: HeaderName = HeaderName::from_static("verge-explain");
const EXPLANATION: HeaderName = HeaderName::from_static("verge-explanation");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Takes the field from a request, and has the request traced if its sender may ask for that.
pub fn take(request: &mut RequestHeader, ctx: &mut Context) {
    if !request.headers.contains_key(&EXPLAIN) {
        return;
    }
    let Some(value) = request.remove_header(&EXPLAIN) else { return };
    let forwarded = [FORWARDED, VIA, X_FORWARDED_FOR];
    let is_direct = !forwarded.iter().any(|name| request.headers.contains_key(name));
    let is_local = ctx.peer.ip.to_canonical().is_loopback() && is_direct;
    let secret = ctx.published.config.explain_secret.as_ref();
    let is_signed = || {
        secret.is_some_and(|secret| is_valid(value.as_bytes(), secret.bytes(), SystemTime::now()))
    };
    if is_local || is_signed() {
        ctx.trace = Some(Box::default());
    }
}

/// A value of the field that counts until `expires`: seconds since 1970, a dot, and HMAC-SHA256 in hexadecimal.
#[must_use]
pub fn token(secret: &[u8], expires: SystemTime) -> String {
    let seconds = seconds(expires).to_string();
    let signature = hmac::sign(&key(secret), &signed(&seconds));
    let hex: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{seconds}.{hex}")
}

fn is_valid(value: &[u8], secret: &[u8], now: SystemTime) -> bool {
    let Some((expires, signature)) =
        std::str::from_utf8(value).ok().and_then(|v| v.split_once('.'))
    else {
        return false;
    };
    let Some(signature) = unhex(signature) else { return false };
    let Ok(until) = expires.parse::<u64>() else { return false };
    let allowed = seconds(now)..=seconds(now + EXPLAIN_TOKEN_LIFETIME_MAX);
    hmac::verify(&key(secret), &signed(expires), &signature).is_ok() && allowed.contains(&until)
}

fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// What is signed: the purpose keeps a signature of the same secret for something else from counting here.
fn signed(expires: &str) -> Vec<u8> {
    format!("verge-explain {expires}").into_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Adds the explanation to the answer of a request that is traced.
pub fn answer(session: &Session, response: &mut ResponseHeader, ctx: &Context) {
    if ctx.trace.is_none() {
        return;
    }
    let meta = session.cache.maybe_cache_meta();
    let told = explain::served(session.req_header(), meta, ctx);
    if let Ok(value) = HeaderValue::from_str(&field(told)) {
        // A valid name and value: pingora refuses neither.
        let _ = response.insert_header(EXPLANATION, value);
    }
}

/// JSON in ASCII and of bounded length: what is too long loses its details first.
fn field(mut told: Value) -> String {
    let whole = ascii(&told);
    if whole.len() <= EXPLANATION_BYTES_MAX {
        return whole;
    }
    for run in told["functions"].as_array_mut().into_iter().flatten() {
        run["changes"] = Value::Null;
    }
    told["key"] = Value::Null;
    told["shortened"] = true.into();
    let short = ascii(&told);
    if short.len() <= EXPLANATION_BYTES_MAX { short } else { ascii(&json!({ "shortened": true })) }
}

fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn a_token_counts_with_its_secret_until_it_expires() {
        let hour = Duration::from_secs(3_600);
        let token = token(SECRET, NOW + hour);
        let valid = |value: &str, secret: &[u8], now| is_valid(value.as_bytes(), secret, now);
        assert!(valid(&token, SECRET, NOW));
        assert!(valid(&token, SECRET, NOW + hour));
        assert!(!valid(&token, SECRET, NOW + hour + Duration::from_secs(1)), "expired");
        assert!(!valid(&token, b"another secret of some length", NOW));
        assert!(!valid(&token.replace("3600.", "3601."), SECRET, NOW), "another time");
        assert!(!valid(token.get(..20).expect("it is longer"), SECRET, NOW), "a part of it");
        let far = super::token(SECRET, NOW + EXPLAIN_TOKEN_LIFETIME_MAX + hour);
        assert!(!valid(&far, SECRET, NOW), "too far away");
    }

    #[test]
    fn an_explanation_is_ascii_of_bounded_length() {
        assert_eq!(field(json!({ "a": "ä€𝄞" })), r#"{"a":"\u00e4\u20ac\ud834\udd1e"}"#);
        let long = "x".repeat(EXPLANATION_BYTES_MAX);
        let told = json!({ "functions": [{ "name": "f", "changes": [long] }], "key": [] });
        let short = field(told);
        assert_eq!(
            short,
            r#"{"functions":[{"name":"f","changes":null}],"key":null,"shortened":true}"#
        );
        assert_eq!(field(json!({ "functions": [{ "message": long }] })), r#"{"shortened":true}"#);
    }

    proptest! {
        #[test]
        fn no_other_value_counts(value in "[0-9a-f.]{0,80}") {
            prop_assert!(!is_valid(value.as_bytes(), SECRET, NOW));
        }
    }
}
