//! Accessors: how members of the event, and entries of its maps, are made when somebody looks at them.
//!
//! They stay accessors. Replacing them by plain members at the first use would be wrong: the engine remembers, for each
//! place in the source, what kind of member it found there, and would call the new member as the old getter.

use std::rc::Rc;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::PropertyDescriptor;
use boa_engine::realm::Realm;
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction};

use super::Member::{self, Cookies, Headers, Query, ResponseCookies, ResponseHeaders};
use super::with;
use crate::looks;
use crate::wire::{Malformed, reads};

/// Entries of one map that are made on demand; further ones are made with the map. Few requests have more fields.
const LAZY_ENTRIES: usize = 32;

/// An accessor whose one function gets without an argument and sets with one.
pub(super) fn accessor(
    realm: &Realm,
    get: impl Fn(&mut Context) -> JsResult<JsValue> + Copy + 'static,
    set: impl Fn(&JsValue, &JsValue, &mut Context) -> JsResult<()> + Copy + 'static,
) -> PropertyDescriptor {
    let both = NativeFunction::from_copy_closure(move |this, arguments, context| match arguments {
        [] => get(context),
        [value, ..] => set(this, value, context).map(|()| JsValue::undefined()),
    });
    let both = FunctionObjectBuilder::new(realm, both).build();
    PropertyDescriptor::builder()
        .get(both.clone())
        .set(both)
        .enumerable(true)
        .configurable(true)
        .build()
}

fn missing() -> JsNativeError {
    JsNativeError::error().with_message("there is no event: a handler looks at it, not a module")
}

pub(super) fn read(member: Member, context: &mut Context) -> JsResult<JsValue> {
    with(|event| event.make(member, context).map_err(|Malformed| missing().into()))
        .unwrap_or_else(|| Err(missing().into()))
}

pub(super) fn assign(
    member: Member,
    this: &JsValue,
    value: &JsValue,
    context: &mut Context,
) -> JsResult<()> {
    let receiver = receiver(this)?;
    let assigned = with(|event| event.assign(member, &receiver, value)).ok_or_else(missing)?;
    if assigned.ok_or_else(read_only)? {
        return Ok(());
    }
    // An object that inherits the member gets one of its own.
    let name = with(|event| event.name(member).clone()).ok_or_else(missing)?;
    receiver.create_data_property_or_throw(name, value.clone(), context).map(drop)
}

/// Whether two descriptors have the same accessor.
pub fn is_same(own: &PropertyDescriptor, other: &PropertyDescriptor) -> bool {
    let getter = |descriptor: &PropertyDescriptor| descriptor.get()?.as_object();
    match (getter(own), getter(other)) {
        (Some(own), Some(other)) => JsObject::equals(&own, &other),
        _ => false,
    }
}

fn read_only() -> JsNativeError {
    JsNativeError::typ().with_message("Cannot assign to read-only property")
}

fn receiver(this: &JsValue) -> JsResult<JsObject> {
    this.as_object().ok_or_else(|| JsNativeError::typ().with_message("not an object").into())
}

/// Accessors for the entries of a map; none for a member that is no map.
pub(super) fn entry_accessors(member: Member, realm: &Realm) -> Rc<[PropertyDescriptor]> {
    let maps = [Query, Headers, Cookies, ResponseHeaders, ResponseCookies];
    let lazy = if maps.contains(&member) { LAZY_ENTRIES } else { 0 };
    (0..lazy)
        .map(|index| {
            accessor(
                realm,
                move |context| read_entry(member, index, context),
                move |this, value, context| assign_entry(member, index, this, value, context),
            )
        })
        .collect()
}

fn read_entry(member: Member, index: usize, context: &mut Context) -> JsResult<JsValue> {
    let value = with(|event| event.made(member)?.look(index, &event.bytes, &event.keys, context));
    Ok(value.flatten().unwrap_or_default())
}

fn assign_entry(
    member: Member,
    index: usize,
    this: &JsValue,
    value: &JsValue,
    context: &mut Context,
) -> JsResult<()> {
    let receiver = receiver(this)?;
    let made = with(|event| event.made(member)).flatten().ok_or_else(missing)?;
    if made.assign(index, &receiver, value).ok_or_else(read_only)? {
        return Ok(());
    }
    let name = made.key(index).cloned().ok_or_else(missing)?;
    receiver.create_data_property_or_throw(name, value.clone(), context).map(drop)
}

/// `request.rawQueryString()` (spec: CloudFront Functions section 8.3).
pub(super) fn raw_query_string(
    _this: &JsValue,
    _arguments: &[JsValue],
    _context: &mut Context,
) -> JsResult<JsValue> {
    looks::note(reads::RAW_QUERY);
    with(|event| {
        let raw = event.raw_query().map_err(|Malformed| missing())?;
        Ok(raw.map_or(JsValue::undefined(), |raw| JsString::from(raw).into()))
    })
    .unwrap_or_else(|| Err(missing().into()))
}
