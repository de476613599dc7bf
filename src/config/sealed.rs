//! Secrets that are encrypted where they are written: AES-256-GCM (NIST SP 800-38D) under a key of the environment.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The environment variable with the key: 32 bytes in base64.
pub const KEY_VARIABLE: &str = "VERGE_SECRET_KEY";

/// What an encrypted value begins with. Behind it stand, in base64, a nonce of 12 bytes, the ciphertext and a tag of 16.
pub(super) const MARK: &str = "encrypted:";

/// Authenticated with each value: what the same key encrypts for another purpose or in another shape is none.
const PURPOSE: &[u8] = b"verge secret, nonce first";

/// Encrypts and decrypts.
pub struct Key(LessSafeKey);

/// Why a value cannot be had. Neither key nor value are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The key's form is wrong.
    Key,
    /// What stands behind the mark is not base64, or too short.
    Form,
    /// It was encrypted with another key, or changed since.
    Refused,
    /// What was encrypted is no UTF-8 text.
    NoText,
    /// The system has no random numbers.
    NoRandomness,
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Key => "take one from `verge secret key`",
            Self::Form | Self::NoText => "take a value from `verge secret encrypt`",
            Self::Refused => {
                "set VERGE_SECRET_KEY to the key it was encrypted with, or encrypt it again"
            }
            Self::NoRandomness => "run it where getrandom(2) works",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "VERGE_SECRET_KEY is not 32 bytes in base64",
            Self::Form => "the encrypted value is not what `verge secret encrypt` prints",
            Self::Refused => "the encrypted value was made with another key, or is damaged",
            Self::NoText => "the encrypted value is no UTF-8 text",
            Self::NoRandomness => "the system has no random numbers",
        })
    }
}

impl Key {
    /// The key that `text` says: 32 bytes in base64.
    ///
    /// # Errors
    /// [`Fault::Key`].
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| Fault::Key)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| Fault::Key)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// A new key as text.
    ///
    /// # Errors
    /// [`Fault::NoRandomness`].
    pub fn random() -> Result<String, Fault> {
        Ok(STANDARD.encode(random::<32>()?))
    }

    /// `secret` as it may be written into a configuration. The nonce is random: 2^32 values of one key are safe.
    ///
    /// # Errors
    /// [`Fault::NoRandomness`].
    pub fn encrypt(&self, secret: &str) -> Result<String, Fault> {
        let nonce = random::<NONCE_LEN>()?;
        let mut sealed = secret.as_bytes().to_vec();
        let whole = Nonce::assume_unique_for_key(nonce);
        // It fails for texts of 64 GiB and more.
        self.0
            .seal_in_place_append_tag(whole, Aad::from(PURPOSE), &mut sealed)
            .map_err(|_| Fault::Form)?;
        Ok(format!("{MARK}{}", STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// The secret in `text`, what stands behind the mark.
    ///
    /// # Errors
    /// [`Fault::Form`], [`Fault::Refused`], [`Fault::NoText`].
    pub(super) fn decrypt(&self, text: &str) -> Result<String, Fault> {
        let mut bytes = STANDARD.decode(text.trim()).map_err(|_| Fault::Form)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(Fault::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Fault::Form)?;
        let secret = self.0.open_in_place(nonce, Aad::from(PURPOSE), sealed);
        let secret = secret.map_err(|_| Fault::Refused)?;
        std::str::from_utf8(secret).map(str::to_owned).map_err(|_| Fault::NoText)
    }
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Fault> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Fault::NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key::parse(&Key::random().expect("random numbers")).expect("a key")
    }

    fn sealed(key: &Key, secret: &str) -> String {
        let text = key.encrypt(secret).expect("random numbers");
        text.strip_prefix(MARK).expect("the mark").to_owned()
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let random = Key::random().expect("random numbers");
        assert!(Key::parse(&format!("{random}\n")).is_ok());
        for text in ["", "short", "AAAA", &format!("{random}{random}"), "ключ"] {
            assert_eq!(Key::parse(text).err(), Some(Fault::Key), "{text}");
        }
    }

    #[test]
    fn another_key_and_what_is_no_text_are_refused() {
        let key = key();
        let text = sealed(&key, "s3cret");
        assert_eq!(key.decrypt(&text).as_deref(), Ok("s3cret"));
        assert_eq!(super::tests::key().decrypt(&text), Err(Fault::Refused));
        assert_ne!(text, sealed(&key, "s3cret"), "two nonces");
        assert_eq!(key.decrypt("AAAA"), Err(Fault::Form));
        assert_eq!(key.decrypt("not base64"), Err(Fault::Form));
        assert_eq!(key.decrypt(&STANDARD.encode([0; NONCE_LEN])), Err(Fault::Refused));
    }

    proptest! {
        #[test]
        fn a_secret_comes_back_and_no_changed_bit_goes_unnoticed(
            secret in ".{0,40}", place in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let key = key();
            let text = sealed(&key, &secret);
            prop_assert_eq!(key.decrypt(&text), Ok(secret));
            let mut bytes = STANDARD.decode(&text).expect("base64");
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(key.decrypt(&STANDARD.encode(bytes)), Err(Fault::Refused));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,80}") {
            prop_assert!(key().decrypt(&text).is_err());
        }
    }
}
