//! `JSON.parse` and `JSON.stringify` (ECMA-262, 25.5), over the engine's own.
//!
//! The engine parses a JSON text as a script and joins a text of vectors of units: an ordinary event cost most of a
//! call's budget. Nothing here recurses, whatever is nested: a text or a value of any depth takes memory, of which a
//! call has only so much, and no stack.

pub mod members;
mod out;
mod parse;
mod revive;
mod stringify;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsNativeError, JsResult, JsString, JsValue, NativeFunction, js_string};

pub use members::Members;

/// Replaces the members of the global `JSON`. What the engine has besides `parse` and `stringify` goes: CloudFront does
/// not have it, and what it makes is for the engine's own `stringify` only.
///
/// # Errors
/// When the realm lacks what every realm has: a defect.
pub fn install(context: &mut Context) -> JsResult<()> {
    let missing = || JsNativeError::error().with_message("the realm has no JSON");
    let json = context.global_object().get(js_string!("JSON"), context)?;
    let json = json.as_object().ok_or_else(missing)?;
    let members = Members::new(context)?;
    let parse = NativeFunction::from_copy_closure_with_captures(parse_text, members.clone());
    let stringify = NativeFunction::from_copy_closure_with_captures(stringify::run, members);
    for (name, length, function) in [("parse", 2, parse), ("stringify", 3, stringify)] {
        let function =
            FunctionObjectBuilder::new(context.realm(), function).name(name).length(length).build();
        let hidden = PropertyDescriptor::builder().value(function).writable(true);
        let hidden = hidden.enumerable(false).configurable(true).build();
        json.insert_property(PropertyKey::from(JsString::from(name)), hidden);
    }
    for name in ["rawJSON", "isRawJSON"] {
        json.delete_property_or_throw(JsString::from(name), context)?;
    }
    Ok(())
}

/// `JSON.parse(text, reviver)`
fn parse_text(
    _this: &JsValue,
    arguments: &[JsValue],
    members: &Members,
    context: &mut Context,
) -> JsResult<JsValue> {
    let text = arguments.first().unwrap_or(&JsValue::undefined()).to_string(context)?;
    let value = parse::parse(&text, context).map_err(|wrong| {
        JsNativeError::syntax().with_message(format!("{} at position {}", wrong.what, wrong.at))
    })?;
    match arguments.get(1).and_then(JsValue::as_callable) {
        Some(reviver) => revive::revive(value, &reviver, members, context),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests;
