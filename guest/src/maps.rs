//! Headers, cookies and query parameters as JavaScript objects, and back.
//!
//! A map is made when the function first looks at it. What it was made of is kept beside it, so that reading it back
//! says of each entry whether it is still the event's own; those entries keep the viewer's bytes.

use boa_engine::builtins::object::OrdinaryObject;
use boa_engine::object::builtins::JsArray;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsObject, JsString, JsValue, js_string};

use crate::result::Fault;
use crate::text;
use crate::wire::{ENTRY_UNTOUCHED, ENTRY_VALUES, Group, MAP, Writer};

/// The names of an entry's members, made once.
pub struct Keys {
    /// `value`
    pub value: PropertyKey,
    /// `multiValue`
    pub multi: PropertyKey,
    /// `attributes`
    pub attributes: PropertyKey,
}

impl Keys {
    /// Makes them.
    #[must_use]
    pub fn new() -> Self {
        Self {
            value: PropertyKey::from(js_string!("value")),
            multi: PropertyKey::from(js_string!("multiValue")),
            attributes: PropertyKey::from(js_string!("attributes")),
        }
    }
}

/// One value, and for a response's cookie what follows its first semicolon.
#[derive(Clone, PartialEq, Eq)]
pub struct Single {
    value: JsString,
    attributes: Option<JsString>,
}

impl Single {
    /// A value without attributes.
    #[must_use]
    pub fn plain(value: &str) -> Self {
        Self { value: JsString::from(value), attributes: None }
    }

    /// A response's cookie.
    #[must_use]
    pub fn cookie(value: &str, attributes: &str) -> Self {
        Self { value: JsString::from(value), attributes: Some(JsString::from(attributes)) }
    }
}

/// An entry as it was made.
struct Entry {
    key: PropertyKey,
    object: JsObject,
    first: Single,
    more: Vec<Single>,
}

/// A map that was made for the function.
pub struct Made {
    object: JsObject,
    entries: Vec<Entry>,
}

/// A property that behaves as if an object literal had made it.
pub fn data(value: impl Into<JsValue>) -> PropertyDescriptor {
    PropertyDescriptor::builder()
        .value(value)
        .writable(true)
        .enumerable(true)
        .configurable(true)
        .build()
}

/// An empty object with a layout that other objects share.
pub fn plain_object(context: &Context) -> JsObject {
    let prototype = context.intrinsics().constructors().object().prototype();
    JsObject::new(context.root_shape(), prototype, OrdinaryObject).upcast()
}

/// An empty object that will have names of its own.
pub fn dictionary(context: &Context) -> JsObject {
    let prototype = context.intrinsics().constructors().object().prototype();
    JsObject::new_unique(prototype, OrdinaryObject).upcast()
}

fn single_object(single: &Single, keys: &Keys, context: &Context) -> JsObject {
    let object = plain_object(context);
    object.insert_property(keys.value.clone(), data(single.value.clone()));
    if let Some(attributes) = &single.attributes {
        object.insert_property(keys.attributes.clone(), data(attributes.clone()));
    }
    object
}

impl Made {
    /// Makes a map of `groups`, whose values `single` turns into texts.
    pub fn new<V>(
        groups: Vec<Group<'_, V>>,
        keys: &Keys,
        context: &mut Context,
        single: impl Fn(&V) -> Single,
    ) -> Self {
        let object = dictionary(context);
        let mut entries = Vec::with_capacity(groups.len());
        for group in groups {
            let mut singles = group.values.iter().map(&single);
            let Some(first) = singles.next() else { continue };
            let more: Vec<Single> = singles.collect();
            let entry = single_object(&first, keys, context);
            if !more.is_empty() {
                let all = std::iter::once(&first).chain(&more);
                let all: Vec<JsValue> =
                    all.map(|single| single_object(single, keys, context).into()).collect();
                entry.insert_property(keys.multi.clone(), data(JsArray::from_iter(all, context)));
            }
            let key = PropertyKey::from(JsString::from(group.name));
            object.insert_property(key.clone(), data(entry.clone()));
            entries.push(Entry { key, object: entry, first, more });
        }
        Self { object, entries }
    }

    /// The object that the function sees.
    #[must_use]
    pub fn object(&self) -> &JsObject {
        &self.object
    }
}

/// Reads maps back.
pub struct MapReader<'a> {
    /// Names of members.
    pub keys: &'a Keys,
    /// What the map is called in a message, such as `request.headers`.
    pub name: &'static str,
    /// Whether entries have `attributes`.
    pub attributes: bool,
}

impl MapReader<'_> {
    /// Writes the map `value` to `out`; `made` is what the function was given in this place, if it looked.
    ///
    /// # Errors
    /// When it is no map, or a getter or proxy of the function's throws.
    pub fn write(
        &self,
        value: &JsValue,
        made: Option<&Made>,
        context: &mut Context,
        out: &mut Writer,
    ) -> Result<(), Fault> {
        let Some(map) = value.as_object() else {
            return Err(Fault::invalid(format!("{} must be an object", self.name)));
        };
        out.u8(MAP);
        let place = out.count();
        let mut written = 0;
        let mut expected = 0;
        for key in map.own_property_keys(context)? {
            let Some(name) = text::of_key(&key) else {
                return Err(Fault::invalid(format!("{} has a symbol as a name", self.name)));
            };
            let own = map.borrow().properties().get(&key);
            let entry = match own.as_ref().and_then(PropertyDescriptor::value) {
                Some(value) => value.clone(),
                None => map.get(key.clone(), context)?,
            };
            if own.is_some_and(|own| own.enumerable() == Some(false)) {
                continue;
            }
            let original = made.and_then(|made| find(&made.entries, &key, &mut expected));
            text::write(out, &name);
            self.write_entry(&name, &entry, original, context, out)?;
            written += 1;
        }
        out.fill_count(place, written);
        Ok(())
    }

    fn write_entry(
        &self,
        name: &JsString,
        entry: &JsValue,
        original: Option<(usize, &Entry)>,
        context: &mut Context,
        out: &mut Writer,
    ) -> Result<(), Fault> {
        let Some(object) = entry.as_object() else {
            return Err(self.invalid(name, "must be an object with a value"));
        };
        if let Some((index, original)) = original
            && JsObject::equals(&object, &original.object)
            && original.more.is_empty()
            && self.is_untouched(&object, &original.first)
        {
            out.u8(ENTRY_UNTOUCHED);
            out.u32(u32::try_from(index).unwrap_or(u32::MAX));
            return Ok(());
        }
        let original = original.map(|(index, entry)| (index, entry, entry.more.is_empty()));
        let singles = self.resolve(name, &object, original.map(|(_, entry, _)| entry), context)?;
        if let Some((index, entry, _)) = original
            && singles.len() == 1 + entry.more.len()
            && singles.iter().eq(std::iter::once(&entry.first).chain(&entry.more))
        {
            out.u8(ENTRY_UNTOUCHED);
            out.u32(u32::try_from(index).unwrap_or(u32::MAX));
            return Ok(());
        }
        out.u8(ENTRY_VALUES);
        out.u32(u32::try_from(singles.len()).unwrap_or(u32::MAX));
        for single in &singles {
            text::write(out, &single.value);
            if self.attributes {
                text::write(out, single.attributes.as_ref().unwrap_or(&JsString::default()));
            }
        }
        Ok(())
    }

    /// Whether an entry's own members are what they were made as: no code of the function's runs for this question.
    fn is_untouched(&self, object: &JsObject, original: &Single) -> bool {
        let object = object.borrow();
        let members = object.properties();
        let is = |key: &PropertyKey, text: &JsString| {
            members.get(key).is_some_and(|member| {
                let value = member.value().and_then(JsValue::as_string);
                value.as_ref() == Some(text)
            })
        };
        is(&self.keys.value, &original.value)
            && original.attributes.as_ref().is_none_or(|text| is(&self.keys.attributes, text))
            && members.get(&self.keys.multi).is_none()
    }

    /// The values of an entry by the write-back rule: a changed `multiValue` wins, otherwise `value` replaces the
    /// first one and the others stay (spec: CloudFront Functions section 2.1).
    fn resolve(
        &self,
        name: &JsString,
        object: &JsObject,
        original: Option<&Entry>,
        context: &mut Context,
    ) -> Result<Vec<Single>, Fault> {
        let multi = object.get(self.keys.multi.clone(), context)?;
        if multi.is_undefined() {
            return Ok(vec![self.single(name, object, context)?]);
        }
        let Some(list) = multi.as_object().filter(JsObject::is_array) else {
            return Err(self.invalid(name, "has a multiValue that is no array"));
        };
        let list = JsArray::from_object(list)?;
        let mut values = Vec::new();
        for index in 0..list.length(context)? {
            let Some(single) = list.get(index, context)?.as_object() else {
                return Err(self.invalid(name, "has a multiValue entry that is no object"));
            };
            values.push(self.single(name, &single, context)?);
        }
        if values.is_empty() {
            return Err(self.invalid(name, "has an empty multiValue"));
        }
        // What had one value had no `multiValue`: one that is there now was written.
        let unchanged = original.filter(|entry| !entry.more.is_empty()).is_some_and(|original| {
            values.iter().eq(std::iter::once(&original.first).chain(&original.more))
        });
        if unchanged {
            values[0] = self.single(name, object, context)?;
        }
        Ok(values)
    }

    fn single(
        &self,
        name: &JsString,
        object: &JsObject,
        context: &mut Context,
    ) -> Result<Single, Fault> {
        let value = object.get(self.keys.value.clone(), context)?;
        let Some(value) = value.as_string() else {
            return Err(self.invalid(name, "must have a value that is a string"));
        };
        if !self.attributes {
            return Ok(Single { value, attributes: None });
        }
        let attributes = object.get(self.keys.attributes.clone(), context)?;
        let attributes = if attributes.is_undefined() {
            JsString::default()
        } else {
            attributes
                .as_string()
                .ok_or_else(|| self.invalid(name, "has attributes that are no string"))?
        };
        Ok(Single { value, attributes: Some(attributes) })
    }

    fn invalid(&self, name: &JsString, what: &str) -> Fault {
        Fault::invalid(format!("{}['{}'] {what}", self.name, name.to_std_string_lossy()))
    }
}

/// Finds an entry by name, looking first where the last one was found: maps are mostly read back in their order.
fn find<'a>(
    entries: &'a [Entry],
    key: &PropertyKey,
    expected: &mut usize,
) -> Option<(usize, &'a Entry)> {
    let at = match entries.get(*expected) {
        Some(entry) if entry.key == *key => *expected,
        _ => entries.iter().position(|entry| entry.key == *key)?,
    };
    *expected = at + 1;
    entries.get(at).map(|entry| (at, entry))
}
