//! Values as the engine of CloudFront's functions, a relative of njs, prints them: `{a:1,b:'x'}`.

use boa_engine::builtins::error::Error;
use boa_engine::object::builtins::{JsArray, JsDate, JsRegExp, JsTypedArray};
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsObject, JsResult, JsString, JsSymbol, JsValue, js_string};

use crate::{event, text};

/// Objects in objects; of one level more only an error is shown, as njs does it.
const DEPTH_MAX: usize = 32;

/// Appends `value` to `line`, which needs not grow beyond `most` bytes.
///
/// # Errors
/// When a proxy or a member of an error throws.
pub fn show(
    value: &JsValue,
    most: usize,
    line: &mut String,
    context: &mut Context,
) -> JsResult<()> {
    let start = line.len();
    let mut dump = Dump { most, line, above: Vec::new(), is_too_deep: false, context };
    dump.value(value)?;
    if dump.is_too_deep {
        line.truncate(start);
        line.push_str("TypeError: Nested too deep or a cyclic structure");
    }
    Ok(())
}

struct Dump<'a> {
    most: usize,
    line: &'a mut String,
    /// The objects around the one that is shown.
    above: Vec<JsObject>,
    is_too_deep: bool,
    context: &'a mut Context,
}

impl Dump<'_> {
    fn value(&mut self, value: &JsValue) -> JsResult<()> {
        if self.line.len() > self.most {
            return Ok(());
        }
        if let Some(object) = value.as_object() {
            return self.object(&object);
        }
        match value.as_string() {
            Some(text) => self.quoted(&text),
            None => self.line.push_str(&value.display().to_string()),
        }
        Ok(())
    }

    /// A text inside of something else.
    fn quoted(&mut self, text: &JsString) {
        self.line.push('\'');
        for character in text::of(text).chars() {
            match character {
                '\\' => self.line.push_str("\\\\"),
                '\n' => self.line.push_str("\\n"),
                '\r' => self.line.push_str("\\r"),
                '\t' => self.line.push_str("\\t"),
                '\u{8}' => self.line.push_str("\\b"),
                '\u{c}' => self.line.push_str("\\f"),
                control if control < ' ' => {
                    self.line.push_str(&format!("\\u{:04x}", u32::from(control)));
                }
                other => self.line.push(other),
            }
        }
        self.line.push('\'');
    }

    fn object(&mut self, object: &JsObject) -> JsResult<()> {
        if self.above.iter().any(|other| JsObject::equals(other, object)) {
            self.line.push_str("[Circular]");
            return Ok(());
        }
        if self.above.len() >= DEPTH_MAX {
            self.is_too_deep = true;
            return Ok(());
        }
        if object.is_callable() {
            let name = own_text(object, js_string!("name")).unwrap_or_default();
            self.line.push_str(if name.is_empty() { "[Function" } else { "[Function: " });
            self.line.push_str(&name);
            self.line.push(']');
        } else if let Some(text) = self.scalar(object)? {
            self.line.push_str(&text);
        } else {
            self.above.push(object.clone());
            let shown = self.members(object);
            self.above.pop();
            return shown;
        }
        Ok(())
    }

    /// Objects that are shown as one text.
    fn scalar(&mut self, object: &JsObject) -> JsResult<Option<String>> {
        if object.is::<Error>() {
            let mut part = |name, otherwise: &str| -> JsResult<String> {
                let value = object.get(name, self.context)?;
                let text = (!value.is_undefined()).then(|| value.to_string(self.context));
                Ok(text
                    .transpose()?
                    .map_or(otherwise.to_owned(), |text| text.to_std_string_lossy()))
            };
            let (name, message) =
                (part(js_string!("name"), "Error")?, part(js_string!("message"), "")?);
            let both = !name.is_empty() && !message.is_empty();
            return Ok(Some([&*name, if both { ": " } else { "" }, &*message].concat()));
        }
        if let Ok(date) = JsDate::from_object(object.clone()) {
            let text = date.to_iso_string(self.context).ok().and_then(|text| text.as_string());
            return Ok(Some(text.map_or("Invalid Date".into(), |text| text.to_std_string_lossy())));
        }
        if JsRegExp::from_object(object.clone()).is_ok() {
            let text = JsValue::from(object.clone()).to_string(self.context)?;
            return Ok(Some(text.to_std_string_lossy()));
        }
        let boxed = |kind: &str, value: String| Ok(Some(format!("[{kind}: {value}]")));
        if let Some(text) = object.downcast_ref::<JsString>() {
            return boxed("String", format!("'{}'", text.to_std_string_lossy()));
        }
        if let Some(number) = object.downcast_ref::<f64>() {
            return boxed("Number", JsValue::from(*number).display().to_string());
        }
        if let Some(truth) = object.downcast_ref::<bool>() {
            return boxed("Boolean", truth.to_string());
        }
        Ok(None)
    }

    fn members(&mut self, object: &JsObject) -> JsResult<()> {
        let bytes = JsTypedArray::from_object(object.clone()).is_ok();
        let array = object.is_array();
        if bytes {
            let constructor = object.get(js_string!("constructor"), self.context)?;
            let name = constructor.as_object().and_then(|made| own_text(&made, js_string!("name")));
            self.line.push_str(&name.unwrap_or_default());
            self.line.push(' ');
        } else if let Some(tag) =
            object.get(JsSymbol::to_string_tag(), self.context)?.as_string().filter(|_| !array)
        {
            self.line.push_str(&tag.to_std_string_lossy());
            self.line.push(' ');
        }
        self.line.push(if array || bytes { '[' } else { '{' });
        let start = self.line.len();
        let mut next = 0;
        let mut indexed = array;
        for key in object.own_property_keys(self.context)? {
            if self.line.len() > self.most {
                break;
            }
            match &key {
                PropertyKey::Index(index) if array => {
                    self.holes(next, u64::from(index.get()), start);
                    next = u64::from(index.get()) + 1;
                }
                _ if indexed => {
                    indexed = false;
                    let length = JsArray::from_object(object.clone())?.length(self.context)?;
                    self.holes(next, length, start);
                }
                _ => {}
            }
            let bare = (array || bytes) && matches!(key, PropertyKey::Index(_));
            self.member(object, key, bare, start)?;
        }
        self.line.push(if array || bytes { ']' } else { '}' });
        Ok(())
    }

    fn separate(&mut self, start: usize) {
        if self.line.len() > start {
            self.line.push(',');
        }
    }

    /// What an array has no members for, between `from` and `to`.
    fn holes(&mut self, from: u64, to: u64, start: usize) {
        match to.saturating_sub(from) {
            0 => {}
            1 => {
                self.separate(start);
                self.line.push_str("<empty>");
            }
            count => {
                self.separate(start);
                self.line.push_str(&format!("<{count} empty items>"));
            }
        }
    }

    fn member(
        &mut self,
        object: &JsObject,
        key: PropertyKey,
        bare: bool,
        start: usize,
    ) -> JsResult<()> {
        let own = object.borrow().properties().get(&key);
        if own.as_ref().is_some_and(|own| own.enumerable() == Some(false)) {
            return Ok(());
        }
        self.separate(start);
        if !bare {
            match &key {
                PropertyKey::Symbol(symbol) => {
                    self.line.push_str(&JsValue::from(symbol.clone()).display().to_string());
                }
                key => {
                    let name = text::of_key(key).unwrap_or_default();
                    self.line.push_str(&text::of(&name));
                }
            }
            self.line.push(':');
        }
        match own.as_ref().and_then(accessor) {
            Some(kind) => self.line.push_str(kind),
            None => {
                let value = object.get(key, self.context)?;
                self.value(&value)?;
            }
        }
        Ok(())
    }
}

/// How a property is shown that is made of functions; the event's own members are none of these.
fn accessor(own: &PropertyDescriptor) -> Option<&'static str> {
    if !own.is_accessor_descriptor() || event::with(|event| event.is_own(own)) == Some(true) {
        return None;
    }
    let is = |function: Option<&JsValue>| function.is_some_and(|value| !value.is_undefined());
    Some(match (is(own.get()), is(own.set())) {
        (true, false) => "'[Getter]'",
        (false, true) => "'[Setter]'",
        _ => "'[Getter/Setter]'",
    })
}

/// A text that an object has as a plain member, without running anything.
fn own_text(object: &JsObject, name: JsString) -> Option<String> {
    let own = object.borrow().properties().get(&PropertyKey::from(name))?;
    Some(own.value()?.as_string()?.to_std_string_lossy())
}
