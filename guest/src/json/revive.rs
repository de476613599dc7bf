//! InternalizeJSONProperty: what a reviver makes of a parsed value, from the inside out and without a recursion.

use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsObject, JsResult, JsValue, js_string};

use super::Members;
use super::members::length_of;
use crate::maps::plain_object;
use crate::text;

/// An object whose members are being revived.
struct Frame {
    /// What has the object as its member `name`.
    holder: JsObject,
    name: PropertyKey,
    object: JsObject,
    names: Names,
}

/// The names that are left.
enum Names {
    Indexes(std::ops::Range<u64>),
    Keys(std::vec::IntoIter<PropertyKey>),
}

impl Names {
    fn next(&mut self) -> Option<PropertyKey> {
        match self {
            Self::Indexes(left) => left.next().map(PropertyKey::from),
            Self::Keys(left) => left.next(),
        }
    }
}

/// Gives `value` and all its parts to `reviver`.
///
/// # Errors
/// What the reviver, or a proxy that it made, throws.
pub fn revive(
    value: JsValue,
    reviver: &JsObject,
    members: &Members,
    context: &mut Context,
) -> JsResult<JsValue> {
    let mut holder = plain_object(context);
    let mut name = PropertyKey::from(js_string!(""));
    holder.create_data_property_or_throw(name.clone(), value, context)?;
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let value = holder.get(name.clone(), context)?;
        match value.as_object() {
            Some(object) => {
                let names = names_of(&object, members, context)?;
                frames.push(Frame { holder, name, object, names });
            }
            None => {
                let revived = call(reviver, &holder, &name, value, context)?;
                if frames.is_empty() {
                    return Ok(revived);
                }
                put(&holder, &name, revived, members, context)?;
            }
        }
        (holder, name) = loop {
            // The one that stands for the whole text is never popped without an end.
            let Some(frame) = frames.last_mut() else { return Ok(JsValue::undefined()) };
            if let Some(next) = frame.names.next() {
                break (frame.object.clone(), next);
            }
            let Some(Frame { holder, name, object, .. }) = frames.pop() else { continue };
            let revived = call(reviver, &holder, &name, object.into(), context)?;
            if frames.is_empty() {
                return Ok(revived);
            }
            put(&holder, &name, revived, members, context)?;
        };
    }
}

fn names_of(object: &JsObject, members: &Members, context: &mut Context) -> JsResult<Names> {
    Ok(if members.is_array(object, context)? {
        Names::Indexes(0..length_of(object, context)?)
    } else {
        Names::Keys(members.keys(object, context)?.into_iter())
    })
}

fn call(
    reviver: &JsObject,
    holder: &JsObject,
    name: &PropertyKey,
    value: JsValue,
    context: &mut Context,
) -> JsResult<JsValue> {
    let name = text::of_key(name).unwrap_or_default();
    reviver.call(&holder.clone().into(), &[name.into(), value], context)
}

/// Puts a revived member in its place; `undefined` has none.
fn put(
    holder: &JsObject,
    name: &PropertyKey,
    value: JsValue,
    members: &Members,
    context: &mut Context,
) -> JsResult<()> {
    if value.is_undefined() {
        return members.delete(holder, name, context);
    }
    // Where it is refused it stays as it was.
    holder.create_data_property(name.clone(), value, context).map(drop)
}
