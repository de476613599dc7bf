//! The Rust side of `prelude/cloudfront.js`: notes what the origin helpers are asked for, tells where the edge is, reads
//! and writes tokens.

use std::cell::RefCell;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::{AlignedVec, JsArray, JsArrayBuffer, JsUint8Array};
use boa_engine::property::PropertyKey;
use boa_engine::{
    Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string,
};

use crate::cbor::{self, Item};
use crate::cwt::{self, Token};
use crate::event;
use crate::host::prelude_part;
use crate::maps::{data, dictionary, plain_object};
use crate::wire::{EVENT_REQUEST, Writer};

/// Numbers up to here are exact in JavaScript.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

type Native = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

thread_local! {
    /// The helpers that the function called, with their arguments as JSON.
    static CHANGES: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Adds what this file and its prelude offer to the `cloudfront` module among `modules`.
///
/// # Errors
/// When the prelude does not run: a defect.
pub fn extend(modules: &JsObject, context: &mut Context) -> JsResult<()> {
    const FUNCTIONS: [(&str, Native); 4] = [
        ("change", change),
        ("edgeLocation", edge_location),
        ("validateToken", validate_token),
        ("generateToken", generate_token),
    ];
    let host = dictionary(context);
    for (name, function) in FUNCTIONS {
        let function = NativeFunction::from_fn_ptr(function);
        let function = FunctionObjectBuilder::new(context.realm(), function).name(name).build();
        host.insert_property(PropertyKey::from(JsString::from(name)), data(function));
    }
    let module = modules.get(js_string!("cloudfront"), context)?;
    let buffer = modules.get(js_string!("buffer"), context)?;
    let arguments = [module, host.into(), buffer];
    prelude_part(include_str!("prelude/cloudfront.js"), &arguments, context).map(drop)
}

/// Writes what the origin helpers were asked for: nothing at all when they were not called.
pub fn write_changes(out: &mut Writer) {
    CHANGES.with_borrow(|changes| {
        if changes.is_empty() {
            return;
        }
        out.u32(u32::try_from(changes.len()).unwrap_or(u32::MAX));
        for (helper, arguments) in changes {
            out.text(helper);
            out.text(arguments);
        }
    });
}

/// Forgets them: natively one thread answers many events; in the sandbox fresh memory does this.
#[cfg(not(target_family = "wasm"))]
pub fn forget_changes() {
    CHANGES.with_borrow_mut(Vec::clear);
}

fn text(arguments: &[JsValue], index: usize) -> String {
    let text = arguments.get(index).and_then(JsValue::as_string);
    text.map(|text| text.to_std_string_lossy()).unwrap_or_default()
}

fn argument(arguments: &[JsValue], index: usize) -> JsValue {
    arguments.get(index).cloned().unwrap_or_default()
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> boa_engine::JsError {
    JsNativeError::typ().with_message(message).into()
}

/// `change(helper, arguments)`: notes a call (spec: CloudFront Functions section 8.2).
fn change(_this: &JsValue, arguments: &[JsValue], _context: &mut Context) -> JsResult<JsValue> {
    let helper = text(arguments, 0);
    if event::with(|event| event.kind()).flatten() != Some(EVENT_REQUEST) {
        let message = format!("cf.{helper} is only available while a viewer-request is handled");
        return Err(wrong(message));
    }
    CHANGES.with_borrow_mut(|changes| changes.push((helper, text(arguments, 1))));
    Ok(JsValue::undefined())
}

/// `edgeLocation()` (spec: CloudFront Functions section 8.3): empty but for a viewer-request.
fn edge_location(
    _this: &JsValue,
    _arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let object = plain_object(context);
    event::with(|event| {
        let Some([name, server_ip, region]) = event.edge_location() else { return };
        for (member, text) in [("name", name), ("serverIp", server_ip), ("region", region)] {
            object.insert_property(JsString::from(member), data(JsString::from(text)));
        }
    });
    Ok(object.into())
}

/// A key: a text, or bytes.
fn key(context_object: &JsValue, method: &str, context: &mut Context) -> JsResult<Vec<u8>> {
    let missing = || wrong(format!("cwt.{method}: `key` must be a string or a Buffer"));
    let object = context_object.as_object().ok_or_else(missing)?;
    let key = object.get(js_string!("key"), context)?;
    let bytes = match key.as_string() {
        Some(text) => text.to_std_string_lossy().into_bytes(),
        None => {
            let object = key.as_object().ok_or_else(missing)?;
            JsUint8Array::from_object(object).map_err(|_| missing())?.to_vec(context)?
        }
    };
    if bytes.is_empty() { Err(missing()) } else { Ok(bytes) }
}

fn array_buffer(bytes: &[u8], context: &mut Context) -> JsResult<JsValue> {
    Ok(JsArrayBuffer::from_byte_block(AlignedVec::from_slice(0, bytes), context)?.into())
}

/// `validateToken(token, {key}, wrap)`; `wrap` makes a Buffer of bytes.
fn validate_token(
    _this: &JsValue,
    arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let token =
        argument(arguments, 0).as_object().ok_or_else(|| wrong("the token must be a Buffer"))?;
    let token = JsUint8Array::from_object(token)?;
    if token.length(context)? > cwt::TOKEN_BYTES_MAX {
        let message =
            format!("cwt.validateToken: the token has more than {} bytes", cwt::TOKEN_BYTES_MAX);
        return Err(JsNativeError::error().with_message(message).into());
    }
    let token = token.to_vec(context)?;
    let key = key(&argument(arguments, 1), "validateToken", context)?;
    let refused = |why: String| {
        JsNativeError::error()
            .with_message(format!("cwt.validateToken: the token is refused: {why}"))
    };
    let token = cwt::verify(&token, &key).map_err(refused)?;
    let wrap = argument(arguments, 2);
    let object = plain_object(context);
    let parts = [
        ("protectedHeaders", &token.protected),
        ("unprotectedHeaders", &token.unprotected),
        ("payload", &token.payload),
    ];
    for (name, part) in parts {
        let value = value_of(part, &wrap, context)?;
        object.insert_property(JsString::from(name), data(value));
    }
    Ok(object.into())
}

/// An item for the function; names of a map are texts (spec: CloudFront Functions section 8.3).
fn value_of(item: &Item, wrap: &JsValue, context: &mut Context) -> JsResult<JsValue> {
    Ok(match item {
        // CloudFront's runtime has no larger integers than a number holds.
        Item::Unsigned(number) => JsValue::from(*number as f64),
        Item::Negative(number) => JsValue::from(-1.0 - *number as f64),
        Item::Float(number) => JsValue::from(*number),
        Item::Bool(value) => JsValue::from(*value),
        Item::Null => JsValue::null(),
        Item::Undefined => JsValue::undefined(),
        Item::Text(text) => JsString::from(text.as_str()).into(),
        Item::Tag(_, item) => value_of(item, wrap, context)?,
        Item::Bytes(bytes) => {
            let bytes = array_buffer(bytes, context)?;
            let wrap = wrap.as_callable().ok_or_else(|| wrong("no Buffer"))?;
            wrap.call(&JsValue::undefined(), &[bytes], context)?
        }
        Item::Array(items) => {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                values.push(value_of(item, wrap, context)?);
            }
            JsArray::from_iter(values, context).into()
        }
        Item::Map(pairs) => {
            let object = dictionary(context);
            for (name, item) in pairs {
                let name = match name {
                    Item::Text(text) => text.clone(),
                    Item::Unsigned(number) => number.to_string(),
                    Item::Negative(number) => (-1 - i128::from(*number)).to_string(),
                    _ => {
                        return Err(unreadable(
                            "a map of the token has a name that is no text or integer",
                        ));
                    }
                };
                let name = PropertyKey::from(JsString::from(name.as_str()));
                if object.borrow().properties().contains_key(&name) {
                    return Err(unreadable("a map of the token has a name twice"));
                }
                let value = value_of(item, wrap, context)?;
                object.insert_property(name, data(value));
            }
            object.into()
        }
    })
}

fn unreadable(message: &'static str) -> boa_engine::JsError {
    JsNativeError::error().with_message(message).into()
}

/// `generateToken(context, token)`: the token's bytes as an array buffer.
fn generate_token(
    _this: &JsValue,
    arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let settings = argument(arguments, 0);
    let fail = |why: &str| wrong(format!("cwt.generateToken: {why}"));
    let object =
        settings.as_object().ok_or_else(|| fail("the context must have `coseTag` and `key`"))?;
    let tag = object.get(js_string!("coseTag"), context)?;
    if tag.as_string().is_none_or(|tag| tag != "MAC0") {
        return Err(fail("`coseTag` must be 'MAC0'"));
    }
    let cwt_tag = object.get(js_string!("cwtTag"), context)?.to_boolean();
    let key = key(&settings, "generateToken", context)?;
    let whole =
        argument(arguments, 1).as_object().ok_or_else(|| fail("the token must be an object"))?;
    let mut items = Items { left: cwt::TOKEN_BYTES_MAX };
    let has_parts = whole.has_property(js_string!("payload"), context)?;
    let mut part = |names: [JsString; 2], context: &mut Context| -> JsResult<Item> {
        for name in names {
            let value = if has_parts { whole.get(name, context)? } else { JsValue::undefined() };
            if !value.is_undefined() {
                return items.item_of(&value, 0, context);
            }
        }
        Ok(Item::Map(Vec::new()))
    };
    // What `validateToken` calls its parts, and what the samples of CloudFront's documentation call them.
    let protected = part([js_string!("protected"), js_string!("protectedHeaders")], context)?;
    let unprotected = part([js_string!("unprotected"), js_string!("unprotectedHeaders")], context)?;
    // An object that has no payload is one.
    let payload =
        if has_parts { whole.get(js_string!("payload"), context)? } else { whole.clone().into() };
    let payload = items.item_of(&payload, 0, context)?;
    let token = Token { protected, unprotected, payload };
    let bytes = cwt::generate(token, &key, cwt_tag).map_err(|why| fail(&why))?;
    array_buffer(&bytes, context)
}

/// Turns values into items, as many as a token could have bytes.
struct Items {
    left: usize,
}

impl Items {
    fn item_of(&mut self, value: &JsValue, depth: usize, context: &mut Context) -> JsResult<Item> {
        let too_large =
            || wrong("cwt.generateToken: the token would be larger than a token may be");
        self.left = self.left.checked_sub(1).ok_or_else(too_large)?;
        if depth >= cbor::DEPTH_MAX {
            return Err(wrong("cwt.generateToken: the token is nested too deeply"));
        }
        if let Some(text) = value.as_string() {
            self.left = self.left.checked_sub(text.len()).ok_or_else(too_large)?;
            return Ok(Item::Text(text.to_std_string_lossy()));
        }
        if let Some(number) = value.as_number() {
            return Ok(number_item(number));
        }
        if let Some(value) = value.as_boolean() {
            return Ok(Item::Bool(value));
        }
        if value.is_null() {
            return Ok(Item::Null);
        }
        if value.is_undefined() {
            return Ok(Item::Undefined);
        }
        match value.as_object() {
            Some(object) if !object.is_callable() => self.object_item(&object, depth, context),
            _ => {
                Err(wrong(format!("cwt.generateToken: a {} cannot be in a token", value.type_of())))
            }
        }
    }

    fn object_item(
        &mut self,
        object: &JsObject,
        depth: usize,
        context: &mut Context,
    ) -> JsResult<Item> {
        if let Ok(bytes) = JsUint8Array::from_object(object.clone()) {
            let length = bytes.length(context)?;
            let too_large =
                || wrong("cwt.generateToken: the token would be larger than a token may be");
            self.left = self.left.checked_sub(length).ok_or_else(too_large)?;
            return Ok(Item::Bytes(bytes.to_vec(context)?));
        }
        if object.is_array() {
            let list = JsArray::from_object(object.clone())?;
            let mut items = Vec::new();
            for index in 0..list.length(context)? {
                let value = list.get(index, context)?;
                items.push(self.item_of(&value, depth + 1, context)?);
            }
            return Ok(Item::Array(items));
        }
        let mut pairs = Vec::new();
        for name in object.own_property_keys(context)? {
            let Some(text) = crate::text::of_key(&name) else { continue };
            let own = object.borrow().properties().get(&name);
            if own.is_some_and(|own| own.enumerable() == Some(false)) {
                continue;
            }
            let value = object.get(name, context)?;
            if value.is_undefined() {
                continue;
            }
            let text = text.to_std_string_lossy();
            self.left = self.left.saturating_sub(text.len());
            pairs.push((name_item(text), self.item_of(&value, depth + 1, context)?));
        }
        Ok(Item::Map(pairs))
    }
}

fn number_item(number: f64) -> Item {
    let whole = number.fract() == 0.0 && number.abs() <= EXACT_MAX;
    // The range was checked just above; -0 is written as 0.
    match number {
        _ if !whole => Item::Float(number),
        0.0.. => Item::Unsigned(number as u64),
        _ if number == 0.0 => Item::Unsigned(0),
        _ => Item::Negative((-1.0 - number) as u64),
    }
}

/// Claims are integers, which JavaScript spells as texts when they name members (RFC 8392 section 4).
fn name_item(name: String) -> Item {
    match name.parse::<i64>() {
        // Only the one spelling that a number has: "01" and "+1" are texts.
        Ok(number) if number.to_string() == name => match u64::try_from(number) {
            Ok(number) => Item::Unsigned(number),
            Err(_) => Item::Negative((-1 - number).unsigned_abs()),
        },
        _ => Item::Text(name),
    }
}

#[cfg(test)]
mod tests;
