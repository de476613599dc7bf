//! What the prelude's JavaScript leaves to Rust: digests, encodings, random numbers.

use std::cell::Cell;

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::{AlignedVec, JsArrayBuffer, JsUint8Array};
use boa_engine::property::PropertyKey;
use boa_engine::string::{JsStr, JsStrVariant};
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction};
use hmac::{Hmac, Mac};
use sha2::Digest;

use crate::maps::{data, dictionary};
use crate::wire::reads;
use crate::{looks, text};

/// Reads base64 with or without padding, as Node does.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

/// What boa calls: `this`, the arguments, the context.
type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// The functions, as members of an object that only the prelude sees.
#[must_use]
pub fn object(context: &mut Context) -> JsObject {
    const FUNCTIONS: [(&str, Native); 7] = [
        ("hash", hash),
        ("hmac", hmac_of),
        ("encode", encode),
        ("decode", decode),
        ("random", random),
        ("atob", atob),
        ("btoa", btoa),
    ];
    let object = dictionary(context);
    for (name, function) in FUNCTIONS {
        let function = NativeFunction::from_fn_ptr(function);
        let function = FunctionObjectBuilder::new(context.realm(), function);
        let function = function.name(name).length(1).build();
        object.insert_property(PropertyKey::from(JsString::from(name)), data(function));
    }
    object
}

fn argument(arguments: &[JsValue], index: usize) -> JsValue {
    arguments.get(index).cloned().unwrap_or_default()
}

/// The bytes of a text (UTF-8) or of an array of bytes.
fn bytes_of(value: &JsValue, context: &mut Context) -> JsResult<Vec<u8>> {
    if let Some(text) = value.as_string() {
        return Ok(text::of(&text).into_bytes());
    }
    let object = value.as_object().ok_or_else(no_bytes)?;
    JsUint8Array::from_object(object).map_err(|_| no_bytes())?.to_vec(context)
}

fn no_bytes() -> JsNativeError {
    JsNativeError::typ().with_message("a string or a Buffer is needed here")
}

fn array_buffer(bytes: &[u8], context: &mut Context) -> JsResult<JsValue> {
    let block = AlignedVec::from_slice(0, bytes);
    Ok(JsArrayBuffer::from_byte_block(block, context)?.into())
}

fn no_algorithm(name: &str) -> JsNativeError {
    let message = format!("unknown digest '{name}'; there are md5, sha1 and sha256");
    JsNativeError::typ().with_message(message)
}

/// `hash(algorithm, data)`: the digest as an array buffer.
fn hash(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = argument(arguments, 0).to_string(context)?.to_std_string_lossy();
    let input = bytes_of(&argument(arguments, 1), context)?;
    let digest = match name.as_str() {
        "md5" => md5::Md5::digest(&input).to_vec(),
        "sha1" => sha1::Sha1::digest(&input).to_vec(),
        "sha256" => sha2::Sha256::digest(&input).to_vec(),
        _ => return Err(no_algorithm(&name).into()),
    };
    array_buffer(&digest, context)
}

/// `hmac(algorithm, key, data)`: the digest as an array buffer.
fn hmac_of(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = argument(arguments, 0).to_string(context)?.to_std_string_lossy();
    let key = bytes_of(&argument(arguments, 1), context)?;
    let input = bytes_of(&argument(arguments, 2), context)?;
    let digest = match name.as_str() {
        "md5" => sign::<Hmac<md5::Md5>>(&key, &input),
        "sha1" => sign::<Hmac<sha1::Sha1>>(&key, &input),
        "sha256" => sign::<Hmac<sha2::Sha256>>(&key, &input),
        _ => return Err(no_algorithm(&name).into()),
    };
    array_buffer(&digest, context)
}

fn sign<M: Mac + hmac::digest::KeyInit>(key: &[u8], input: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104 section 3); the error type is for other codes.
    let Ok(mut mac) = <M as Mac>::new_from_slice(key) else { return Vec::new() };
    mac.update(input);
    mac.finalize().into_bytes().to_vec()
}

/// `encode(bytes, encoding)`: a text.
fn encode(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = match argument(arguments, 0).as_string() {
        // A text stands for the bytes that its characters are (runtime 1.0's byte strings).
        Some(text) => byte_string(&text)?,
        None => bytes_of(&argument(arguments, 0), context)?,
    };
    let encoding = argument(arguments, 1).to_string(context)?.to_std_string_lossy();
    let text = match encoding.as_str() {
        "utf8" | "utf-8" => JsString::from(String::from_utf8_lossy(&bytes).as_ref()),
        "hex" => JsString::from(hex_of(&bytes).as_str()),
        "base64" => JsString::from(BASE64.encode(&bytes).as_str()),
        "base64url" => JsString::from(BASE64_URL.encode(&bytes).as_str()),
        "latin1" | "binary" => JsString::from(JsStr::latin1(&bytes)),
        _ => return Err(no_encoding(&encoding).into()),
    };
    Ok(text.into())
}

/// `decode(text, encoding)`: an array buffer.
fn decode(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = argument(arguments, 0).to_string(context)?;
    let encoding = argument(arguments, 1).to_string(context)?.to_std_string_lossy();
    let bytes = match encoding.as_str() {
        "utf8" | "utf-8" => text::of(&text).into_bytes(),
        "hex" => bytes_of_hex(&text::of(&text)),
        "base64" | "base64url" => bytes_of_base64(&text::of(&text)),
        "latin1" | "binary" => byte_string(&text)?,
        _ => return Err(no_encoding(&encoding).into()),
    };
    array_buffer(&bytes, context)
}

fn no_encoding(name: &str) -> JsNativeError {
    let message = format!("unknown encoding '{name}'; there are utf8, hex, base64 and base64url");
    JsNativeError::typ().with_message(message)
}

fn byte_string(text: &JsString) -> JsResult<Vec<u8>> {
    narrow(text).ok_or_else(|| {
        JsNativeError::range().with_message("the string has a character beyond U+00FF").into()
    })
}

fn hex_of(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Node stops at the first pair that is no hexadecimal number.
fn bytes_of_hex(text: &str) -> Vec<u8> {
    let nibble =
        |byte: u8| char::from(byte).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
    let pair = |pair: &[u8]| Some(nibble(pair[0])? << 4 | nibble(pair[1])?);
    text.as_bytes().chunks_exact(2).map_while(pair).collect()
}

/// Both alphabets at once; what is no digit is skipped and padding ends the text, as Node does.
fn bytes_of_base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().take_while(|byte| *byte != b'=').filter_map(|byte| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        byte if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => Some(byte),
        _ => None,
    });
    let mut digits: Vec<u8> = digits.collect();
    if digits.len() % 4 == 1 {
        // Six bits are no byte.
        digits.pop();
    }
    BASE64.decode(&digits).unwrap_or_default()
}

/// The characters of a text as bytes; `None` when one is beyond U+00FF.
fn narrow(text: &JsString) -> Option<Vec<u8>> {
    match text.as_str().variant() {
        JsStrVariant::Latin1(bytes) => Some(bytes.to_vec()),
        JsStrVariant::Utf16(units) => {
            units.iter().map(|unit| u8::try_from(*unit)).collect::<Result<_, _>>().ok()
        }
    }
}

/// `atob(text)`: blanks do not count, padding may be missing.
fn atob(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let invalid =
        || JsNativeError::typ().with_message("the string to be decoded is not correctly encoded");
    let mut digits = narrow(&argument(arguments, 0).to_string(context)?).ok_or_else(invalid)?;
    digits.retain(|byte| !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '));
    if digits.len() % 4 == 0 {
        for _ in 0..2 {
            digits.pop_if(|last| *last == b'=');
        }
    }
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if digits.len() % 4 == 1 || !digits.iter().all(is_digit) {
        return Err(invalid().into());
    }
    let bytes = BASE64.decode(&digits).map_err(|_| invalid())?;
    Ok(JsString::from(JsStr::latin1(&bytes)).into())
}

/// `btoa(text)`
fn btoa(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = narrow(&argument(arguments, 0).to_string(context)?);
    let beyond = || JsNativeError::typ().with_message("invalid character (>= U+00FF)");
    let written = BASE64.encode(bytes.ok_or_else(beyond)?);
    Ok(JsString::from(JsStr::latin1(written.as_bytes())).into())
}

thread_local! {
    static RANDOM: Cell<u64> = const { Cell::new(1) };
}

/// Sets where `Math.random` starts.
pub fn seed(seed: u64) {
    RANDOM.set(seed | 1);
}

/// `Math.random`: xorshift64*, not secret (spec: CloudFront Functions section 7.2).
fn random(_this: &JsValue, _arguments: &[JsValue], _context: &mut Context) -> JsResult<JsValue> {
    looks::note(reads::UNREPEATABLE);
    let mut state = RANDOM.get();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    RANDOM.set(state);
    let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
    Ok(JsValue::from(bits as f64 / (1u64 << 53) as f64))
}
