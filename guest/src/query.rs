//! The querystring module's coders, and its `parse` and `stringify` as long as the function has no coders of its own.

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::object::builtins::JsArray;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction};

use crate::json::Members;
use crate::json::members::length_of;
use crate::maps::data;
use crate::strings::{escaped, hexadecimal};
use crate::text;

/// Adds the functions to the object that only the prelude sees.
///
/// # Errors
/// When the realm lacks what every realm has: a defect.
pub fn install(natives: &JsObject, context: &mut Context) -> JsResult<()> {
    let members = Members::new(context)?;
    let functions = [
        ("unescapeQuery", NativeFunction::from_fn_ptr(unescape)),
        ("escapeQuery", NativeFunction::from_fn_ptr(escape)),
        ("parseQuery", NativeFunction::from_fn_ptr(parse)),
        ("stringifyQuery", NativeFunction::from_copy_closure_with_captures(stringify, members)),
    ];
    for (name, function) in functions {
        let function = FunctionObjectBuilder::new(context.realm(), function).name(name).build();
        natives.insert_property(PropertyKey::from(JsString::from(name)), data(function));
    }
    Ok(())
}

fn argument(arguments: &[JsValue], index: usize, context: &mut Context) -> JsResult<String> {
    let value = arguments.get(index).cloned().unwrap_or_default();
    Ok(text::of(&value.to_string(context)?))
}

fn unescape(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    Ok(unescaped(&argument(arguments, 0, context)?).into())
}

fn escape(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    Ok(JsString::from(escaped(&argument(arguments, 0, context)?).as_str()).into())
}

/// A text with its escapes taken out, `+` read as a blank, as njs does (Node does that in `parse` alone). What is no
/// escape stays as it is, and bytes that are no UTF-8 become U+FFFD.
fn unescaped(text: &str) -> JsString {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return JsString::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, hexadecimal(tail)) {
            (b'%', Some((byte, tail))) => {
                bytes.push(byte);
                rest = tail;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    JsString::from(String::from_utf8_lossy(&bytes).as_ref())
}

/// `parse(text, separator, equals, most)`
fn parse(_this: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = argument(arguments, 0, context)?;
    let separator = argument(arguments, 1, context)?;
    let equals = argument(arguments, 2, context)?;
    let most = arguments.get(3).and_then(JsValue::as_number).unwrap_or(f64::INFINITY);
    let found = JsObject::with_null_proto();
    let pieces = text.split(separator.as_str()).filter(|piece| !piece.is_empty());
    for (count, piece) in pieces.enumerate() {
        if count as f64 + 1.0 > most {
            break;
        }
        let (name, value) = piece.split_once(equals.as_str()).unwrap_or((piece, ""));
        let name = PropertyKey::from(unescaped(name));
        let value = JsValue::from(unescaped(value));
        let earlier = found.borrow().properties().get(&name);
        let Some(earlier) = earlier.as_ref().and_then(PropertyDescriptor::value) else {
            found.insert_property(name, data(value));
            continue;
        };
        match earlier.as_object() {
            // Values are texts: what is none is the list that was made when the name came again.
            Some(list) => drop(JsArray::from_object(list)?.push(value, context)?),
            None => {
                let both = JsArray::from_iter([earlier.clone(), value], context);
                found.insert_property(name, data(both));
            }
        }
    }
    Ok(found.into())
}

/// `stringify(object, separator, equals)`
fn stringify(
    _this: &JsValue,
    arguments: &[JsValue],
    members: &Members,
    context: &mut Context,
) -> JsResult<JsValue> {
    let none = || JsNativeError::typ().with_message("an object is needed here");
    let object = arguments.first().and_then(JsValue::as_object).ok_or_else(none)?;
    let separator = argument(arguments, 1, context)?;
    let equals = argument(arguments, 2, context)?;
    let mut out = String::new();
    let mut pair = |name: &str, value: &JsValue, context: &mut Context| -> JsResult<()> {
        let begun = !out.is_empty();
        let value = escaped(&primitive(value, context)?);
        out.extend([if begun { &*separator } else { "" }, name, &*equals, &*value]);
        Ok(())
    };
    for key in members.keys(&object, context)? {
        let name = escaped(&text::of(&text::of_key(&key).unwrap_or_default()));
        let value = object.get(key, context)?;
        match value.as_object() {
            Some(list) if members.is_array(&list, context)? => {
                for index in 0..length_of(&list, context)? {
                    pair(&name, &list.get(index, context)?, context)?;
                }
            }
            _ => pair(&name, &value, context)?,
        }
    }
    Ok(JsString::from(out.as_str()).into())
}

/// The text of a value that has one in a query; empty for others.
fn primitive(value: &JsValue, context: &mut Context) -> JsResult<String> {
    let finite = value.as_number().is_some_and(f64::is_finite);
    if value.is_string() || value.is_boolean() || value.is_bigint() || finite {
        return Ok(text::of(&value.to_string(context)?));
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests;
