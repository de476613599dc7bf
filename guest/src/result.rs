//! What the function returned, written down for the host.
//!
//! Only what was touched is looked at: a request that comes back as it went costs a few comparisons. Every rule that
//! needs to know JavaScript is decided here; rules about header names and the like are the host's.

use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsError, JsObject, JsValue, js_string};

use crate::cloudfront;
use crate::event::{self, Member};
use crate::maps::{Keys, MapReader};
use crate::text;
use crate::wire::{
    ABSENT, BASE64, EVENT_REQUEST, RESULT_REQUEST, RESULT_RESPONSE, TEXT, UNTOUCHED, Writer,
};

/// Why there is no result.
pub enum Fault {
    /// The function threw; or what it returned did when it was looked at, in the member that is named.
    Threw(JsError, Option<String>),
    /// What it returned is not a request or a response.
    Invalid(String),
}

impl Fault {
    /// An unusable result.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The same, and that `member` was looked at, unless a member of it is named already.
    pub fn within(self, member: impl FnOnce() -> String) -> Self {
        match self {
            Self::Threw(error, None) => Self::Threw(error, Some(member())),
            named => named,
        }
    }
}

impl From<JsError> for Fault {
    fn from(error: JsError) -> Self {
        Self::Threw(error, None)
    }
}

/// What a member of a returned object is.
enum Found {
    /// The event's own, never looked at.
    Pending,
    /// This.
    Value(JsValue),
}

/// Reads one returned object.
struct Returned<'a> {
    object: JsObject,
    context: &'a mut Context,
    keys: Keys,
}

/// Writes the value that a handler for an event of `kind` returned.
///
/// # Errors
/// When it is neither a request nor a response, or throws when looked at.
pub fn write(
    kind: u8,
    value: &JsValue,
    context: &mut Context,
    out: &mut Writer,
) -> Result<(), Fault> {
    let Some(object) = value.as_object() else {
        let wanted = if kind == EVENT_REQUEST { "a request or a response" } else { "a response" };
        let got = if value.is_null() { "null" } else { value.type_of() };
        return Err(Fault::invalid(format!("the handler must return {wanted}; it returned {got}")));
    };
    let mut returned = Returned { object, context, keys: Keys::new() };
    let status = match returned.find(Member::Status, "statusCode")? {
        Found::Value(value) if value.is_undefined() => None,
        found => Some(found),
    };
    match status {
        Some(status) => returned.write_response(status, out),
        None if kind == EVENT_REQUEST => returned.write_request(out),
        None => Err(Fault::invalid(
            "the handler of a viewer-response must return a response; \
             it returned an object without statusCode",
        )),
    }
}

impl Returned<'_> {
    /// The member, called `told` in messages.
    fn find(&mut self, member: Member, told: &str) -> Result<Found, Fault> {
        let name = event::with(|event| event.name(member).clone())
            .ok_or_else(|| Fault::invalid("there is no event"))?;
        let own = self.object.borrow().properties().get(&name);
        if let Some(own) = &own {
            if event::with(|event| event.is_accessor_of(member, own)) == Some(true) {
                let value = event::with(|event| event.value(member)).flatten();
                return Ok(value.map_or(Found::Pending, Found::Value));
            }
            if let Some(value) = PropertyDescriptor::value(own) {
                return Ok(Found::Value(value.clone()));
            }
        }
        self.get(name, told).map(Found::Value)
    }

    fn get(&mut self, name: impl Into<PropertyKey>, told: &str) -> Result<JsValue, Fault> {
        let value = self.object.get(name, self.context);
        value.map_err(|error| Fault::from(error).within(|| told.to_owned()))
    }

    /// A symbol means nothing to anybody: who uses one as a name expects something that does not happen.
    fn refuse_symbols(&mut self, told: &str) -> Result<(), Fault> {
        let keys = self.object.own_property_keys(self.context);
        let keys = keys.map_err(|error| Fault::from(error).within(|| told.to_owned()))?;
        if keys.iter().any(|key| matches!(key, PropertyKey::Symbol(_))) {
            return Err(Fault::invalid(format!("{told} has a symbol as a name")));
        }
        Ok(())
    }

    fn write_request(&mut self, out: &mut Writer) -> Result<(), Fault> {
        self.refuse_symbols("request")?;
        out.u8(RESULT_REQUEST);
        self.write_text(Member::Method, "request.method", true, out)?;
        self.write_text(Member::Uri, "request.uri", true, out)?;
        match self.find(Member::Query, "request.querystring")? {
            Found::Value(value) if value.is_string() => {
                out.u8(TEXT);
                text::write(out, &value.as_string().unwrap_or_default());
            }
            found => self.write_found(found, Member::Query, "request.querystring", out)?,
        }
        self.write_map(Member::Headers, "request.headers", out)?;
        self.write_map(Member::Cookies, "request.cookies", out)?;
        cloudfront::write_changes(out);
        Ok(())
    }

    fn write_response(&mut self, status: Found, out: &mut Writer) -> Result<(), Fault> {
        self.refuse_symbols("response")?;
        out.u8(RESULT_RESPONSE);
        match status {
            Found::Pending => out.u8(UNTOUCHED),
            Found::Value(value) => {
                let number = value.as_number().filter(|number| number.fract() == 0.0);
                let status = number.filter(|number| (200.0..=599.0).contains(number));
                let Some(status) = status else {
                    return Err(Fault::invalid(
                        "response.statusCode must be an integer from 200 to 599",
                    ));
                };
                out.u8(TEXT);
                // The range was checked just above.
                out.u16(status as u16);
            }
        }
        self.write_text(Member::Reason, "response.statusDescription", false, out)?;
        self.write_map(Member::ResponseHeaders, "response.headers", out)?;
        self.write_map(Member::ResponseCookies, "response.cookies", out)?;
        self.write_body(out)
    }

    fn write_text(
        &mut self,
        member: Member,
        name: &str,
        required: bool,
        out: &mut Writer,
    ) -> Result<(), Fault> {
        match self.find(member, name)? {
            Found::Pending => out.u8(UNTOUCHED),
            Found::Value(value) if value.is_undefined() && !required => out.u8(ABSENT),
            Found::Value(value) => {
                let Some(value) = value.as_string() else {
                    let what = if value.is_undefined() { "is missing" } else { "is no string" };
                    return Err(Fault::invalid(format!("{name} {what}")));
                };
                out.u8(TEXT);
                text::write(out, &value);
            }
        }
        Ok(())
    }

    fn write_map(
        &mut self,
        member: Member,
        name: &'static str,
        out: &mut Writer,
    ) -> Result<(), Fault> {
        let found = self.find(member, name)?;
        self.write_found(found, member, name, out)
    }

    fn write_found(
        &mut self,
        found: Found,
        member: Member,
        name: &'static str,
        out: &mut Writer,
    ) -> Result<(), Fault> {
        let value = match found {
            Found::Pending => {
                out.u8(UNTOUCHED);
                return Ok(());
            }
            Found::Value(value) if value.is_undefined() => {
                out.u8(ABSENT);
                return Ok(());
            }
            Found::Value(value) => value,
        };
        let made = event::with(|event| event.made(member)).flatten();
        let attributes = member == Member::ResponseCookies;
        let reader = MapReader { keys: &self.keys, name, attributes };
        let written = reader.write(&value, made.as_deref(), self.context, out);
        written.map_err(|fault| fault.within(|| name.to_owned()))
    }

    /// `body`: a text, or an object that says how its text is encoded (spec: CloudFront Functions section 2).
    fn write_body(&mut self, out: &mut Writer) -> Result<(), Fault> {
        let body = self.get(js_string!("body"), "response.body")?;
        if body.is_undefined() {
            out.u8(ABSENT);
            return Ok(());
        }
        if let Some(body) = body.as_string() {
            out.u8(TEXT);
            text::write(out, &body);
            return Ok(());
        }
        let wrong = || Fault::invalid("response.body must be a string or {encoding, data}");
        let body = body.as_object().ok_or_else(wrong)?;
        let mut get = |name| {
            let value = body.get(name, self.context);
            value.map_err(|error| Fault::from(error).within(|| "response.body".to_owned()))
        };
        let encoding = get(js_string!("encoding"))?;
        let data = get(js_string!("data"))?.as_string().ok_or_else(wrong)?;
        let kind = match encoding.as_string() {
            Some(encoding) if encoding == "text" => TEXT,
            Some(encoding) if encoding == "base64" => BASE64,
            _ => return Err(Fault::invalid("response.body.encoding must be text or base64")),
        };
        out.u8(kind);
        text::write(out, &data);
        Ok(())
    }
}
