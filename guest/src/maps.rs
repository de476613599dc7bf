//! Headers, cookies and query parameters as JavaScript objects, and back.
//!
//! A map is made when the function first looks at it. What it was made of is kept beside it, so that reading it back
//! says of each entry whether it is still the event's own; those entries keep the viewer's bytes.

use std::cell::{OnceCell, RefCell};
use std::iter::repeat;
use std::ops::Range;
use std::rc::Rc;

use boa_engine::builtins::object::OrdinaryObject;
use boa_engine::object::builtins::JsArray;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsObject, JsString, JsValue, js_string};

use crate::result::Fault;
use crate::wire::{ENTRY_UNTOUCHED, ENTRY_VALUES, Group, MAP, Writer};
use crate::{event, looks, text};

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

/// Where a text stands in the encoded event.
#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// The place of `text`, which is a part of `event`.
    fn of(text: &str, event: &[u8]) -> Self {
        let part = |number: usize| u32::try_from(number).unwrap_or_default();
        Self {
            start: part(text.as_ptr().addr().saturating_sub(event.as_ptr().addr())),
            length: part(text.len()),
        }
    }

    fn text(self, event: &[u8]) -> JsString {
        let (start, length) = (self.start as usize, self.length as usize);
        let bytes = event.get(start..start + length).unwrap_or_default();
        JsString::from(std::str::from_utf8(bytes).unwrap_or_default())
    }
}

/// An entry of a map, made when the function looks at it.
struct Entry {
    key: PropertyKey,
    /// Its values, as indexes into [`Made::spans`].
    values: Range<usize>,
    seen: OnceCell<Seen>,
    /// What the function assigned to it, while its accessor stands.
    assigned: RefCell<Option<JsValue>>,
}

/// An entry as it was made.
struct Seen {
    object: JsObject,
    first: Single,
    more: Vec<Single>,
}

/// A map that was made for the function.
pub struct Made {
    /// Which one: a number of [`crate::wire::reads`].
    map: u32,
    object: JsObject,
    entries: Vec<Entry>,
    /// Values and, for a response's cookies, attributes of all entries, one after the other.
    spans: Vec<(Span, Option<Span>)>,
    /// What entries that nobody looked at yet have in the object, by their index.
    accessors: Rc<[PropertyDescriptor]>,
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
    /// Makes `map` of `groups`, whose texts are parts of `event`; `split` gives value and attributes of one value. The
    /// entries that have an accessor are made on demand.
    pub fn new<'e, V: Copy>(
        map: u32,
        groups: &[Group<'e, V>],
        event: &[u8],
        accessors: &Rc<[PropertyDescriptor]>,
        context: &Context,
        split: impl Fn(V) -> (&'e str, Option<&'e str>),
    ) -> Self {
        let object = dictionary(context);
        let accessors = Rc::clone(accessors);
        let mut entries = Vec::with_capacity(groups.len());
        let mut spans = Vec::with_capacity(groups.len());
        for (group, accessor) in groups.iter().zip(accessors.iter().map(Some).chain(repeat(None))) {
            let first = spans.len();
            for value in &group.values {
                let (value, attributes) = split(*value);
                spans.push((Span::of(value, event), attributes.map(|text| Span::of(text, event))));
            }
            let key = PropertyKey::from(JsString::from(group.name));
            if let Some(accessor) = accessor {
                object.insert_property(key.clone(), accessor.clone());
            }
            entries.push(Entry {
                key,
                values: first..spans.len(),
                seen: OnceCell::new(),
                assigned: RefCell::new(None),
            });
        }
        Self { map, object, entries, spans, accessors }
    }

    /// Makes the entries that have no accessor: there are only so many.
    pub fn make_rest(&self, event: &[u8], keys: &Keys, context: &mut Context) {
        for index in self.accessors.len()..self.entries.len() {
            if let Some(object) = self.look(index, event, keys, context) {
                self.object.insert_property(self.entries[index].key.clone(), data(object));
            }
        }
    }

    /// The object that the function sees.
    #[must_use]
    pub fn object(&self) -> &JsObject {
        &self.object
    }

    /// The name of entry `index`.
    #[must_use]
    pub fn key(&self, index: usize) -> Option<&PropertyKey> {
        self.entries.get(index).map(|entry| &entry.key)
    }

    /// Whether `descriptor` is the accessor of entry `index`.
    #[must_use]
    pub fn is_accessor_of(&self, index: usize, descriptor: &PropertyDescriptor) -> bool {
        self.accessors.get(index).is_some_and(|own| event::is_same(own, descriptor))
    }

    /// Entry `index` as the function sees it.
    pub fn look(
        &self,
        index: usize,
        event: &[u8],
        keys: &Keys,
        context: &mut Context,
    ) -> Option<JsValue> {
        if let Some(assigned) = self.assigned(index) {
            return Some(assigned);
        }
        self.see(index, event, keys, context).map(|seen| seen.object.clone().into())
    }

    /// Gives entry `index` another value, where `receiver` is this map and still has the entry's accessor; `false` when
    /// it is not. `None`: it is frozen.
    pub fn assign(&self, index: usize, receiver: &JsObject, value: &JsValue) -> Option<bool> {
        let entry = self.entries.get(index)?;
        let own = receiver.borrow().properties().get(&entry.key);
        let owns = JsObject::equals(&self.object, receiver);
        let Some(own) = own.filter(|own| owns && self.is_accessor_of(index, own)) else {
            return Some(false);
        };
        own.configurable().filter(|open| *open)?;
        entry.assigned.replace(Some(value.clone()));
        Some(true)
    }

    fn assigned(&self, index: usize) -> Option<JsValue> {
        self.entries.get(index)?.assigned.borrow().clone()
    }

    /// What entry `index`, which still has its accessor, holds; `None` when nobody looked or assigned.
    fn held(&self, index: usize) -> Option<JsValue> {
        let seen = || Some(self.entries.get(index)?.seen.get()?.object.clone().into());
        self.assigned(index).or_else(seen)
    }

    fn see(&self, index: usize, event: &[u8], keys: &Keys, context: &mut Context) -> Option<&Seen> {
        looks::note_entry(self.map, index);
        let entry = self.entries.get(index)?;
        if entry.seen.get().is_none() {
            let spans = self.spans.get(entry.values.clone()).unwrap_or_default();
            let _ = entry.seen.set(Seen::new(spans, event, keys, context)?);
        }
        entry.seen.get()
    }

    /// The same for reading back, when nobody holds the event.
    fn see_again(&self, index: usize, keys: &Keys, context: &mut Context) -> Option<&Seen> {
        event::with(|event| self.see(index, event.encoded(), keys, context)).flatten()
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
            let original = made.and_then(|made| find(&made.entries, &key, &mut expected));
            let held = match (original, made, &own) {
                (Some(index), Some(made), Some(own)) if made.is_accessor_of(index, own) => {
                    let Some(held) = made.held(index) else {
                        text::write(out, &name);
                        write_untouched(index, out);
                        written += 1;
                        continue;
                    };
                    Some(held)
                }
                _ => own.as_ref().and_then(PropertyDescriptor::value).cloned(),
            };
            let entry = match held {
                Some(held) => held,
                None => map
                    .get(key.clone(), context)
                    .map_err(|error| Fault::from(error).within(|| self.entry(&name)))?,
            };
            if own.is_some_and(|own| own.enumerable() == Some(false)) || entry.is_undefined() {
                // A copy of a field that is not there is none, as it would be none in JSON.
                continue;
            }
            text::write(out, &name);
            let original = original.and_then(|index| Some(Original { made: made?, index }));
            self.write_entry(&name, &entry, original, context, out)
                .map_err(|fault| fault.within(|| self.entry(&name)))?;
            written += 1;
        }
        out.fill_count(place, written);
        Ok(())
    }

    fn write_entry(
        &self,
        name: &JsString,
        entry: &JsValue,
        original: Option<Original<'_>>,
        context: &mut Context,
        out: &mut Writer,
    ) -> Result<(), Fault> {
        let Some(object) = entry.as_object() else {
            return Err(self.invalid(name, "must be an object with a value"));
        };
        // An entry that was replaced without a look stays unseen: whether it is the same again is for the host to see.
        let seen = original.as_ref().and_then(Original::seen);
        if let Some((index, seen)) = seen
            && JsObject::equals(&object, &seen.object)
            && seen.more.is_empty()
            && self.is_untouched(&object, &seen.first)
        {
            write_untouched(index, out);
            return Ok(());
        }
        let singles = self.resolve(name, &object, original.as_ref(), context)?;
        if let Some((index, seen)) = seen
            && singles.len() == 1 + seen.more.len()
            && singles.iter().eq(seen.all())
        {
            write_untouched(index, out);
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
        original: Option<&Original<'_>>,
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
        let unchanged = original.is_some_and(|original| {
            let seen = original.made.see_again(original.index, self.keys, context);
            let several = seen.filter(|seen| !seen.more.is_empty());
            several.is_some_and(|seen| values.iter().eq(seen.all()))
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
        Fault::invalid(format!("{} {what}", self.entry(name)))
    }

    /// An entry as messages call it.
    fn entry(&self, name: &JsString) -> String {
        format!("{}['{}']", self.name, name.to_std_string_lossy())
    }
}

/// The entry of the event that has the same name.
struct Original<'a> {
    made: &'a Made,
    index: usize,
}

impl<'a> Original<'a> {
    /// What the function saw of it, if it looked.
    fn seen(&self) -> Option<(usize, &'a Seen)> {
        let seen = self.made.entries.get(self.index)?.seen.get()?;
        Some((self.index, seen))
    }
}

impl Seen {
    /// Makes an entry; `None` without a value, which no group is.
    fn new(
        spans: &[(Span, Option<Span>)],
        event: &[u8],
        keys: &Keys,
        context: &mut Context,
    ) -> Option<Self> {
        let single = |(value, attributes): &(Span, Option<Span>)| Single {
            value: value.text(event),
            attributes: attributes.map(|attributes| attributes.text(event)),
        };
        let (first, more) = spans.split_first()?;
        let (first, more) = (single(first), more.iter().map(single).collect::<Vec<_>>());
        let object = single_object(&first, keys, context);
        if !more.is_empty() {
            let all = std::iter::once(&first).chain(&more);
            let all: Vec<JsValue> =
                all.map(|single| single_object(single, keys, context).into()).collect();
            object.insert_property(keys.multi.clone(), data(JsArray::from_iter(all, context)));
        }
        Some(Self { object, first, more })
    }

    fn all(&self) -> impl Iterator<Item = &Single> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

fn write_untouched(index: usize, out: &mut Writer) {
    out.u8(ENTRY_UNTOUCHED);
    out.u32(u32::try_from(index).unwrap_or(u32::MAX));
}

/// Finds an entry by name, looking first where the last one was found: maps are mostly read back in their order.
fn find(entries: &[Entry], key: &PropertyKey, expected: &mut usize) -> Option<usize> {
    let at = match entries.get(*expected) {
        Some(entry) if entry.key == *key => *expected,
        _ => entries.iter().position(|entry| entry.key == *key)?,
    };
    *expected = at + 1;
    Some(at)
}
