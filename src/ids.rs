//! Newtypes for every identifier, so that one is never passed for another.

use std::fmt;

/// One request's identity: what `X-Amz-Cf-Id`, the log line and the function's `context.requestId` carry.
///
/// 56 characters of URL-safe base64, the shape CloudFront's ids have.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId([u8; RequestId::LEN]);

impl RequestId {
    /// Characters in an id.
    pub const LEN: usize = 56;
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// A new id. Not secret, so it costs no system call.
    #[must_use]
    pub fn random() -> Self {
        let mut entropy = [0; 42];
        fastrand::fill(&mut entropy);
        Self::from_entropy(&entropy)
    }

    /// Spells 42 random bytes as an id.
    #[must_use]
    pub fn from_entropy(bytes: &[u8; 42]) -> Self {
        let mut text = [0; Self::LEN];
        for (group, out) in bytes.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            for (place, character) in out.iter_mut().enumerate() {
                let index = (bits >> (18 - 6 * place)) & 0x3f;
                *character = Self::ALPHABET[index as usize];
            }
        }
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII, so this is always valid; an empty id would only hide a defect in a log line.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A function's place in the configuration; an index into the catalogue of loaded functions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// An origin's place in its distribution's list of origins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct OriginIndex(pub usize);

/// An origin group's place in its distribution's list of origin groups.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct OriginGroupIndex(pub usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_url_safe_and_follows_its_entropy() {
        let zero = RequestId::from_entropy(&[0; 42]);
        let ones = RequestId::from_entropy(&[0xff; 42]);
        assert_eq!(zero.as_str(), "A".repeat(56));
        assert_eq!(ones.as_str(), "_".repeat(56));
    }
}
