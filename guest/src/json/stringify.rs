//! `JSON.stringify`, without a recursion: the objects around what is written are a list.

use boa_engine::property::PropertyKey;
use boa_engine::value::IntegerOrInfinity;
use boa_engine::{
    Context, JsBigInt, JsNativeError, JsObject, JsResult, JsString, JsValue, js_string,
};

use super::Members;
use super::members::{lacks, length_of};
use super::out::Out;
use crate::maps::plain_object;
use crate::text;

/// Units of indentation that count, as spaces or as a text (ECMA-262, 25.5.2).
const GAP_UNITS_MAX: usize = 10;

/// An object that is being written.
struct Frame {
    object: JsObject,
    names: Names,
    /// Whether a part of it has been written.
    begun: bool,
    /// [`Writing::ran`] when the values beside the names were true.
    since: usize,
}

/// The names that are left.
enum Names {
    Indexes(std::ops::Range<u64>),
    /// With the values that they had when the object was begun.
    Keys(std::vec::IntoIter<(PropertyKey, Option<JsValue>)>),
}

impl Names {
    /// The next one, with its value if that was known.
    fn next(&mut self) -> Option<(PropertyKey, Option<JsValue>)> {
        match self {
            Self::Indexes(left) => left.next().map(|index| (PropertyKey::from(index), None)),
            Self::Keys(left) => left.next(),
        }
    }
}

struct Writing<'a> {
    out: Out,
    gap: JsString,
    replacer: Option<JsObject>,
    /// The names that count, when the caller says so.
    list: Option<Vec<PropertyKey>>,
    to_json: PropertyKey,
    frames: Vec<Frame>,
    /// How often something ran that may have changed anything: a getter, a function.
    ran: usize,
    members: &'a Members,
    context: &'a mut Context,
}

/// `JSON.stringify(value, replacer, space)`
///
/// # Errors
/// For what has no JSON, and what functions on the way throw.
pub fn run(
    _this: &JsValue,
    arguments: &[JsValue],
    members: &Members,
    context: &mut Context,
) -> JsResult<JsValue> {
    let argument = |index| arguments.get(index).cloned().unwrap_or_default();
    let replacer = argument(1).as_object();
    let is_function = replacer.as_ref().is_some_and(JsObject::is_callable);
    let list = match &replacer {
        Some(list) if !is_function && members.is_array(list, context)? => {
            Some(names_in(list, context)?)
        }
        _ => None,
    };
    let gap = gap_of(&argument(2), context)?;
    let mut writing = Writing {
        out: Out::new(),
        gap,
        replacer: replacer.filter(|_| is_function),
        list,
        to_json: PropertyKey::from(js_string!("toJSON")),
        frames: Vec::new(),
        ran: 0,
        members,
        context,
    };
    if writing.whole(argument(0))? {
        Ok(writing.out.finish().into())
    } else {
        Ok(JsValue::undefined())
    }
}

/// The names in a replacer that is a list.
fn names_in(list: &JsObject, context: &mut Context) -> JsResult<Vec<PropertyKey>> {
    let mut names = Vec::new();
    for index in 0..length_of(list, context)? {
        let item = list.get(index, context)?;
        let is_boxed =
            item.as_object().is_some_and(|item| item.is::<JsString>() || item.is::<f64>());
        if item.is_string() || item.is_number() || is_boxed {
            let name = PropertyKey::from(item.to_string(context)?);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// What lines are indented with, once for each level.
fn gap_of(space: &JsValue, context: &mut Context) -> JsResult<JsString> {
    let boxed = space.as_object();
    let number = match &boxed {
        Some(object) if object.is::<f64>() => Some(JsValue::from(space.to_number(context)?)),
        _ => space.is_number().then(|| space.clone()),
    };
    if let Some(number) = number {
        let count = match number.to_integer_or_infinity(context)? {
            IntegerOrInfinity::Integer(count) => usize::try_from(count).unwrap_or_default(),
            IntegerOrInfinity::PositiveInfinity => GAP_UNITS_MAX,
            IntegerOrInfinity::NegativeInfinity => 0,
        };
        return Ok(JsString::from(" ".repeat(count.min(GAP_UNITS_MAX)).as_str()));
    }
    let text = match &boxed {
        Some(object) if object.is::<JsString>() => Some(space.to_string(context)?),
        _ => space.as_string(),
    };
    Ok(text.map(|text| text.slice(0, GAP_UNITS_MAX)).unwrap_or_default())
}

impl Writing<'_> {
    /// Writes a value with all its parts; `false` when it has no JSON.
    fn whole(&mut self, value: JsValue) -> JsResult<bool> {
        let name = PropertyKey::from(js_string!(""));
        let value = match &self.replacer {
            Some(_) => {
                let holder = plain_object(self.context);
                holder.create_data_property_or_throw(name.clone(), value.clone(), self.context)?;
                self.prepared(&name, Some(&holder), value)?
            }
            None => self.prepared(&name, None, value)?,
        };
        if !self.has_json(&value) {
            return Ok(false);
        }
        self.begin(&value)?;
        while let Some(frame) = self.frames.last_mut() {
            let in_array = matches!(frame.names, Names::Indexes(_));
            let Some((name, known)) = frame.names.next() else {
                self.end(in_array);
                continue;
            };
            let object = frame.object.clone();
            let value = match known.filter(|_| frame.since == self.ran) {
                Some(value) => value,
                None => {
                    self.ran += 1;
                    object.get(name.clone(), self.context)?
                }
            };
            let value = self.prepared(&name, Some(&object), value)?;
            let has_json = self.has_json(&value);
            if in_array || has_json {
                self.separate();
            }
            if !in_array && has_json {
                self.name(&name);
            }
            if has_json {
                self.begin(&value)?;
            } else if in_array {
                self.out.narrow(b"null");
            }
        }
        Ok(true)
    }

    /// What is written for a value: the first half of SerializeJSONProperty.
    fn prepared(
        &mut self,
        name: &PropertyKey,
        holder: Option<&JsObject>,
        mut value: JsValue,
    ) -> JsResult<JsValue> {
        let to_json = if let Some(object) = value.as_object() {
            if lacks(&object, &self.to_json) {
                JsValue::undefined()
            } else {
                self.ran += 1;
                object.get(self.to_json.clone(), self.context)?
            }
        } else if value.is_bigint() {
            self.members.get_of(&value, &self.to_json, self.context)?
        } else {
            JsValue::undefined()
        };
        if let Some(to_json) = to_json.as_callable() {
            self.ran += 1;
            let name = text::of_key(name).unwrap_or_default();
            value = to_json.call(&value, &[name.into()], self.context)?;
        }
        if let (Some(replacer), Some(holder)) = (&self.replacer, holder) {
            self.ran += 1;
            let name = text::of_key(name).unwrap_or_default();
            value = replacer.call(&holder.clone().into(), &[name.into(), value], self.context)?;
        }
        let plain = |object: &JsObject| object.is_ordinary() || object.is_array();
        let Some(object) = value.as_object().filter(|object| !plain(object)) else {
            return Ok(value);
        };
        // What has `valueOf` or is a proxy may run something as well.
        self.ran += 1;
        if object.is::<f64>() {
            return Ok(value.to_number(self.context)?.into());
        }
        if object.is::<JsString>() {
            return Ok(value.to_string(self.context)?.into());
        }
        if let Some(truth) = object.downcast_ref::<bool>() {
            return Ok(JsValue::from(*truth));
        }
        if let Some(number) = object.downcast_ref::<JsBigInt>() {
            return Ok(JsValue::from(number.clone()));
        }
        Ok(value)
    }

    /// Whether a prepared value is written at all.
    fn has_json(&self, value: &JsValue) -> bool {
        !(value.is_undefined() || value.is_symbol() || value.is_callable())
    }

    /// Writes a prepared value, of an object the beginning.
    fn begin(&mut self, value: &JsValue) -> JsResult<()> {
        if let Some(text) = value.as_string() {
            self.out.quoted(&text);
        } else if let Some(object) = value.as_object() {
            return self.begin_object(object);
        } else if let Some(number) = value.as_number() {
            let number = Some(number).filter(|number| number.is_finite());
            match number {
                Some(_) => self.out.text(&value.to_string(self.context)?),
                None => self.out.narrow(b"null"),
            }
        } else if let Some(truth) = value.as_boolean() {
            self.out.narrow(if truth { b"true" } else { b"false" });
        } else if value.is_bigint() {
            return Err(JsNativeError::typ().with_message("a BigInt has no JSON").into());
        } else {
            self.out.narrow(b"null");
        }
        Ok(())
    }

    fn begin_object(&mut self, object: JsObject) -> JsResult<()> {
        if self.frames.iter().any(|frame| JsObject::equals(&frame.object, &object)) {
            return Err(JsNativeError::typ().with_message("cyclic object value").into());
        }
        let is_array = self.members.is_array(&object, self.context)?;
        let names = if is_array {
            Names::Indexes(0..length_of(&object, self.context)?)
        } else if let Some(list) = &self.list {
            let names: Vec<_> = list.iter().map(|name| (name.clone(), None)).collect();
            Names::Keys(names.into_iter())
        } else {
            Names::Keys(self.members.entries(&object, self.context)?.into_iter())
        };
        self.out.narrow(if is_array { b"[" } else { b"{" });
        self.frames.push(Frame { object, names, begun: false, since: self.ran });
        Ok(())
    }

    /// Ends the innermost object.
    fn end(&mut self, is_array: bool) {
        if self.frames.pop().is_some_and(|frame| frame.begun) {
            self.new_line();
        }
        self.out.narrow(if is_array { b"]" } else { b"}" });
    }

    /// Writes what stands before a part.
    fn separate(&mut self) {
        if self.frames.last_mut().is_some_and(|frame| std::mem::replace(&mut frame.begun, true)) {
            self.out.narrow(b",");
        }
        self.new_line();
    }

    fn new_line(&mut self) {
        if self.gap.is_empty() {
            return;
        }
        self.out.narrow(b"\n");
        for _ in 0..self.frames.len() {
            self.out.text(&self.gap);
        }
    }

    fn name(&mut self, name: &PropertyKey) {
        match name {
            PropertyKey::String(name) => self.out.quoted(name),
            name => self.out.quoted(&text::of_key(name).unwrap_or_default()),
        }
        self.out.narrow(if self.gap.is_empty() { b":" } else { b": " });
    }
}
