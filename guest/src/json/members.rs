//! What an object has: quickly where nobody could notice, by the realm's own functions elsewhere.

use boa_engine::property::PropertyKey;
use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsValue, js_string};
use boa_gc::{Finalize, Trace};

/// The realm's functions for what the engine does not offer to Rust, taken before anybody could replace them.
#[derive(Clone)]
pub struct Members {
    /// `Object.keys`, `Array.isArray`, `Reflect.get`, `Reflect.deleteProperty`
    functions: [JsObject; 4],
}

impl Finalize for Members {}

// SAFETY: the functions are all there is to trace, and the macro passes each operation on to them.
unsafe impl Trace for Members {
    boa_gc::custom_trace!(this, mark, {
        mark(&this.functions);
    });
}

impl Members {
    /// Takes them.
    ///
    /// # Errors
    /// When the realm lacks one: a defect.
    pub fn new(context: &mut Context) -> JsResult<Self> {
        let mut function = |holder: &str, name: &str| {
            let missing = || JsNativeError::error().with_message("the realm is not complete");
            let holder = context.global_object().get(js_string!(holder), context)?;
            let holder = holder.as_object().ok_or_else(missing)?;
            let function = holder.get(js_string!(name), context)?;
            JsResult::Ok(function.as_callable().ok_or_else(missing)?)
        };
        let functions = [
            function("Object", "keys")?,
            function("Array", "isArray")?,
            function("Reflect", "get")?,
            function("Reflect", "deleteProperty")?,
        ];
        Ok(Self { functions })
    }

    fn call(
        &self,
        function: usize,
        arguments: &[JsValue],
        context: &mut Context,
    ) -> JsResult<JsValue> {
        self.functions[function].call(&JsValue::undefined(), arguments, context)
    }

    /// The names of an object's own enumerable members (EnumerableOwnProperties of kind key).
    ///
    /// # Errors
    /// What a proxy throws.
    pub fn keys(&self, object: &JsObject, context: &mut Context) -> JsResult<Vec<PropertyKey>> {
        if object.is_ordinary() || object.is_array() {
            let mut keys = object.own_property_keys(context)?;
            let object = object.borrow();
            let members = object.properties();
            keys.retain(|key| {
                let shown = || members.get(key).is_some_and(|own| own.enumerable() == Some(true));
                !matches!(key, PropertyKey::Symbol(_)) && shown()
            });
            return Ok(keys);
        }
        let list = self.call(0, &[object.clone().into()], context)?;
        let list = list.as_object().ok_or_else(|| JsNativeError::typ().with_message("no list"))?;
        let length = length_of(&list, context)?;
        (0..length).map(|index| list.get(index, context)?.to_property_key(context)).collect()
    }

    /// The same with the values of those that are no accessors, as they are now; of what is not looked at so easily only
    /// the names.
    ///
    /// # Errors
    /// What a proxy throws.
    pub fn entries(
        &self,
        object: &JsObject,
        context: &mut Context,
    ) -> JsResult<Vec<(PropertyKey, Option<JsValue>)>> {
        if !object.is_ordinary() {
            let keys = self.keys(object, context)?;
            return Ok(keys.into_iter().map(|key| (key, None)).collect());
        }
        let keys = object.own_property_keys(context)?;
        let object = object.borrow();
        let members = object.properties();
        let entry = |key: PropertyKey| {
            let own = members.get(&key).filter(|own| own.enumerable() == Some(true))?;
            (!matches!(key, PropertyKey::Symbol(_))).then(|| (key, own.value().cloned()))
        };
        Ok(keys.into_iter().filter_map(entry).collect())
    }

    /// IsArray: a proxy of an array is one as well.
    ///
    /// # Errors
    /// When it is a revoked proxy.
    pub fn is_array(&self, object: &JsObject, context: &mut Context) -> JsResult<bool> {
        if object.is_array() || object.is_ordinary() {
            return Ok(object.is_array());
        }
        Ok(self.call(1, &[object.clone().into()], context)?.to_boolean())
    }

    /// GetV: a member of what is no object itself.
    ///
    /// # Errors
    /// What a getter throws.
    pub fn get_of(
        &self,
        value: &JsValue,
        key: &PropertyKey,
        context: &mut Context,
    ) -> JsResult<JsValue> {
        let object = value.to_object(context)?;
        match object.prototype() {
            Some(prototype) if !value.is_object() => {
                self.call(2, &[prototype.into(), key.into(), value.clone()], context)
            }
            _ => object.get(key.clone(), context),
        }
    }

    /// The internal method `[[Delete]]`: whether it succeeds or not.
    ///
    /// # Errors
    /// What a proxy throws.
    pub fn delete(
        &self,
        object: &JsObject,
        key: &PropertyKey,
        context: &mut Context,
    ) -> JsResult<()> {
        self.call(3, &[object.clone().into(), key.into()], context).map(drop)
    }
}

/// Whether getting a member of an object gives nothing and runs nothing: neither the object nor what it inherits from has
/// it, and all of them are plain.
pub fn lacks(object: &JsObject, key: &PropertyKey) -> bool {
    let mut next = Some(object.clone());
    while let Some(object) = next {
        let plain = object.is_ordinary() || object.is_array();
        if !plain || object.borrow().properties().contains_key(key) {
            return false;
        }
        next = object.prototype();
    }
    true
}

/// LengthOfArrayLike.
///
/// # Errors
/// What a getter throws.
pub fn length_of(object: &JsObject, context: &mut Context) -> JsResult<u64> {
    object.get(js_string!("length"), context)?.to_length(context)
}
