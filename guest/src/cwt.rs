//! CBOR Web Tokens (RFC 8392) in a COSE_Mac0 (RFC 9052 section 6.2) under HMAC with SHA-256, the one kind that
//! CloudFront Functions know (spec: CloudFront Functions section 8.3). Claims are the function's business.

use hmac::{Hmac, Mac};

use crate::cbor::{self, Item};

/// A token's bytes: CloudFront's limit.
pub const TOKEN_BYTES_MAX: usize = 1_024;

/// Tag of a CWT; it may be missing.
const TAG_CWT: u64 = 61;
/// Tag of a COSE_Mac0; it must be there.
const TAG_MAC0: u64 = 17;
/// The header parameter that names the algorithm (RFC 9052 section 3.1).
const ALGORITHM: Item = Item::Unsigned(1);
/// HMAC 256/256 (RFC 9053 section 3.1).
const HMAC_256_256: u64 = 5;

/// The parts of a token that are not its tag.
#[derive(Clone, PartialEq, Debug)]
pub struct Token {
    /// Header parameters under the tag.
    pub protected: Item,
    /// Header parameters that anyone could have changed.
    pub unprotected: Item,
    /// The claims.
    pub payload: Item,
}

/// Reads a token whose tag `key` made.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn verify(token: &[u8], key: &[u8]) -> Result<Token, String> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(format!("it has {} bytes; {TOKEN_BYTES_MAX} are allowed", token.len()));
    }
    let broken = |broken: cbor::Broken| broken.as_str().to_string();
    let item = match cbor::decode(token).map_err(broken)? {
        Item::Tag(TAG_CWT, item) => *item,
        item => item,
    };
    let Item::Tag(TAG_MAC0, item) = item else {
        return Err("it is no COSE_Mac0: tag 17 is missing".into());
    };
    let Item::Array(parts) = *item else { return Err("its COSE_Mac0 is no array".into()) };
    let Ok(
        [
            Item::Bytes(protected),
            unprotected @ Item::Map(_),
            Item::Bytes(payload),
            Item::Bytes(tag),
        ],
    ) = <[Item; 4]>::try_from(parts)
    else {
        return Err("its COSE_Mac0 is not [protected, unprotected, payload, tag]".into());
    };
    // Before anything in it is believed.
    let right = mac(&protected, &payload, key).is_some_and(|mac| mac.verify_slice(&tag).is_ok());
    if !right {
        return Err("its tag was not made with this key".into());
    }
    let protected = if protected.is_empty() {
        Item::Map(Vec::new())
    } else {
        cbor::decode(&protected).map_err(broken)?
    };
    for headers in [&protected, &unprotected] {
        check_algorithm(headers)?;
    }
    let payload = match cbor::decode(&payload).map_err(broken)? {
        // Some issuers tag the claims instead of the whole (RFC 8392 section 6 allows either).
        Item::Tag(TAG_CWT, claims) => *claims,
        claims => claims,
    };
    Ok(Token { protected, unprotected, payload })
}

fn check_algorithm(headers: &Item) -> Result<(), String> {
    let Item::Map(headers) = headers else { return Err("its headers are no map".into()) };
    match headers.iter().find(|(name, _)| *name == ALGORITHM) {
        None => Ok(()),
        Some((_, algorithm)) if is_hmac(algorithm) => Ok(()),
        Some(_) => Err("its algorithm (header 1) is not 5, HMAC 256/256".into()),
    }
}

/// CloudFront's own sample writes the number as a text.
fn is_hmac(algorithm: &Item) -> bool {
    *algorithm == Item::Unsigned(HMAC_256_256) || *algorithm == Item::Text(HMAC_256_256.to_string())
}

/// Writes a token with its tag.
///
/// # Errors
/// A sentence that says what cannot be written.
pub fn generate(token: Token, key: &[u8], cwt_tag: bool) -> Result<Vec<u8>, String> {
    let Item::Map(mut protected) = token.protected else {
        return Err("`protected` must be an object".into());
    };
    match protected.iter_mut().find(|(name, _)| *name == ALGORITHM) {
        None => protected.insert(0, (ALGORITHM, Item::Unsigned(HMAC_256_256))),
        Some((_, algorithm)) if is_hmac(algorithm) => *algorithm = Item::Unsigned(HMAC_256_256),
        Some(_) => {
            return Err("`protected` must have 5 (HMAC 256/256) as its algorithm, header 1".into());
        }
    }
    for (part, name) in [(&token.unprotected, "unprotected"), (&token.payload, "payload")] {
        if !matches!(part, Item::Map(_)) {
            return Err(format!("`{name}` must be an object"));
        }
    }
    let (mut headers, mut claims) = (Vec::new(), Vec::new());
    cbor::encode(&Item::Map(protected), &mut headers);
    cbor::encode(&token.payload, &mut claims);
    let tag = mac(&headers, &claims, key).map(|mac| mac.finalize().into_bytes().to_vec());
    let tag = tag.ok_or("the key cannot be used")?;
    let parts =
        vec![Item::Bytes(headers), token.unprotected, Item::Bytes(claims), Item::Bytes(tag)];
    let mut item = Item::Tag(TAG_MAC0, Box::new(Item::Array(parts)));
    if cwt_tag {
        item = Item::Tag(TAG_CWT, Box::new(item));
    }
    let mut bytes = Vec::new();
    cbor::encode(&item, &mut bytes);
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(format!("it would have {} bytes; {TOKEN_BYTES_MAX} are allowed", bytes.len()));
    }
    Ok(bytes)
}

/// The code over a COSE_Mac0's MAC_structure (RFC 9052 section 6.3), without external data.
fn mac(protected: &[u8], payload: &[u8], key: &[u8]) -> Option<Hmac<sha2::Sha256>> {
    let structure = Item::Array(vec![
        Item::Text("MAC0".into()),
        Item::Bytes(protected.to_vec()),
        Item::Bytes(Vec::new()),
        Item::Bytes(payload.to_vec()),
    ]);
    let mut bytes = Vec::new();
    cbor::encode(&structure, &mut bytes);
    let mut mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(key).ok()?;
    mac.update(&bytes);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn text(text: &str) -> Item {
        Item::Text(text.into())
    }

    /// RFC 8392 appendix A.2.2: the key; A.4: a MACed CWT, whose tag is the first 8 bytes (HMAC 256/64).
    #[test]
    fn the_mac_is_that_of_rfc_8392() {
        let key = hex("403697de87af64611c1d32a05dab0fe1fcb715a86ab435f1ec99192d79569388");
        let protected = hex("a10104");
        let claims =
            hex("a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f6170
            3a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b71");
        assert_eq!(claims.len(), 0x50);
        let code = mac(&protected, &claims, &key).expect("any key").finalize().into_bytes();
        assert_eq!(code[..8], hex("093101ef6d789200"));
        // The token itself is refused: 64 bits of a tag are not what this engine takes.
        let mut token = hex("d83dd18443a10104a1044c53796d6d65747269633235365850");
        token.extend_from_slice(&claims);
        token.extend_from_slice(&hex("48093101ef6d789200"));
        assert_eq!(verify(&token, &key), Err("its tag was not made with this key".into()));
    }

    #[test]
    fn a_token_comes_back_and_nothing_else_does() {
        let token = Token {
            protected: Item::Map(vec![]),
            unprotected: Item::Map(vec![(Item::Unsigned(4), Item::Bytes(vec![1, 2]))]),
            payload: Item::Map(vec![
                (Item::Unsigned(1), text("me")),
                (text("x"), Item::Negative(4)),
            ]),
        };
        for tagged in [false, true] {
            let bytes = generate(token.clone(), b"secret", tagged).expect("it is small");
            assert_eq!(bytes.starts_with(&[0xd8, 0x3d]), tagged);
            let read = verify(&bytes, b"secret").expect("the key is right");
            assert_eq!((&read.payload, &read.unprotected), (&token.payload, &token.unprotected));
            assert_eq!(read.protected, Item::Map(vec![(ALGORITHM, Item::Unsigned(5))]));
            assert!(verify(&bytes, b"Secret").is_err());
            let signed = bytes.len() - 1;
            for place in 0..signed {
                let mut other = bytes.clone();
                other[place] ^= 1;
                // The unprotected headers are what their name says.
                if let Ok(read) = verify(&other, b"secret") {
                    assert_eq!(read.payload, token.payload, "byte {place}");
                    assert_ne!(read.unprotected, token.unprotected, "byte {place}");
                }
            }
        }
    }

    #[test]
    fn other_algorithms_shapes_and_sizes_are_refused() {
        let map = |pairs: Vec<(Item, Item)>| Item::Map(pairs);
        let token =
            |protected: Item, payload: Item| Token { protected, unprotected: map(vec![]), payload };
        let algorithm = |value: Item| map(vec![(ALGORITHM, value)]);
        assert!(generate(token(algorithm(text("5")), map(vec![])), b"k", false).is_ok());
        for (wrong, words) in [
            (token(algorithm(Item::Unsigned(4)), map(vec![])), "must have 5"),
            (token(text("x"), map(vec![])), "`protected` must be an object"),
            (token(map(vec![]), text("x")), "`payload` must be an object"),
            (
                token(map(vec![]), map(vec![(text("x"), Item::Bytes(vec![0; 1_000]))])),
                "1024 are allowed",
            ),
        ] {
            let error = generate(wrong, b"k", false).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        let sealed = |item: Item| {
            let mut bytes = Vec::new();
            cbor::encode(&item, &mut bytes);
            verify(&bytes, b"k").expect_err("refused")
        };
        assert!(sealed(Item::Array(vec![])).contains("tag 17"));
        assert!(sealed(Item::Tag(61, Box::new(Item::Null))).contains("tag 17"));
        assert!(sealed(Item::Tag(17, Box::new(Item::Null))).contains("no array"));
        assert!(
            sealed(Item::Tag(17, Box::new(Item::Array(vec![Item::Null])))).contains("is not [")
        );
        assert!(verify(&[0; 1_025], b"k").expect_err("long").contains("1024 are allowed"));
    }

    proptest! {
        #[test]
        fn no_bytes_pass_without_the_key(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(verify(&bytes, b"k").is_err());
        }
    }
}
