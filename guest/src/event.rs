//! The event object: made once, before the memory image is taken, and filled in as far as somebody looks.
//!
//! A request starts with fresh memory, so the one event object in the image is that request's own. Its members are own
//! accessors whose first use replaces them by plain members, so that a function that reads `request.uri` pays for the
//! path and nothing else. To `Object.keys`, spreading, `JSON.stringify`, assignment and `delete` they look plain.

use std::cell::RefCell;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{
    Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string,
};

use crate::maps::{Keys, Made, Single, data, dictionary, plain_object};
use crate::wire::{self, EVENT_REQUEST, EVENT_RESPONSE, Group, Malformed, Reader};

/// A member that is made on demand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Member {
    /// `event.context`
    Origin,
    /// `event.viewer`
    Viewer,
    /// `request.method`
    Method,
    /// `request.uri`
    Uri,
    /// `request.querystring`
    Query,
    /// `request.headers`
    Headers,
    /// `request.cookies`
    Cookies,
    /// `response.statusCode`
    Status,
    /// `response.statusDescription`
    Reason,
    /// `response.headers`
    ResponseHeaders,
    /// `response.cookies`
    ResponseCookies,
}

use Member::{
    Cookies, Headers, Method, Origin, Query, Reason, ResponseCookies, ResponseHeaders, Status, Uri,
    Viewer,
};

/// All members, in the order of their numbers.
const MEMBERS: [(Member, &str); 11] = [
    (Origin, "context"),
    (Viewer, "viewer"),
    (Method, "method"),
    (Uri, "uri"),
    (Query, "querystring"),
    (Headers, "headers"),
    (Cookies, "cookies"),
    (Status, "statusCode"),
    (Reason, "statusDescription"),
    (ResponseHeaders, "headers"),
    (ResponseCookies, "cookies"),
];

type Function = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

fn get<const M: usize>(
    _this: &JsValue,
    _arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    MEMBERS.get(M).map_or(Ok(JsValue::undefined()), |(member, _)| read(*member, context))
}

fn set<const M: usize>(
    this: &JsValue,
    arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let value = arguments.first().cloned().unwrap_or_default();
    if let Some((member, _)) = MEMBERS.get(M) {
        assign(*member, this, value, context)?;
    }
    Ok(JsValue::undefined())
}

const ACCESSORS: [(Function, Function); 11] = [
    (get::<0>, set::<0>),
    (get::<1>, set::<1>),
    (get::<2>, set::<2>),
    (get::<3>, set::<3>),
    (get::<4>, set::<4>),
    (get::<5>, set::<5>),
    (get::<6>, set::<6>),
    (get::<7>, set::<7>),
    (get::<8>, set::<8>),
    (get::<9>, set::<9>),
    (get::<10>, set::<10>),
];

/// Where the parts of the encoded event begin.
#[derive(Clone, Copy, Default)]
struct Places {
    context: usize,
    method: usize,
    headers: usize,
    cookies: usize,
    response: usize,
    response_headers: usize,
    response_cookies: usize,
}

/// The event of the call that runs.
pub struct Event {
    bytes: Vec<u8>,
    used: usize,
    places: Places,
    /// `event` for a viewer request, and for a viewer response.
    events: [JsObject; 2],
    request: JsObject,
    response: JsObject,
    names: Vec<PropertyKey>,
    getters: Vec<JsObject>,
    /// What each member was made as.
    values: [Option<JsValue>; 11],
    made: [Option<Made>; 11],
    keys: Keys,
}

thread_local! {
    static EVENT: RefCell<Option<Event>> = const { RefCell::new(None) };
}

/// Gives `f` the event; `None` before [`install`].
pub fn with<T>(f: impl FnOnce(&mut Event) -> T) -> Option<T> {
    EVENT.with_borrow_mut(|event| event.as_mut().map(f))
}

/// Makes the event objects, with room for an encoded event of `capacity` bytes.
pub fn install(capacity: usize, context: &mut Context) {
    let names = MEMBERS.iter().map(|(_, name)| PropertyKey::from(JsString::from(*name))).collect();
    let mut event = Event {
        bytes: vec![0; capacity],
        used: 0,
        places: Places::default(),
        events: [dictionary(context), dictionary(context)],
        request: dictionary(context),
        response: dictionary(context),
        names,
        getters: Vec::new(),
        values: [const { None }; 11],
        made: [const { None }; 11],
        keys: Keys::new(),
    };
    event.fill(context);
    EVENT.set(Some(event));
}

impl Event {
    fn fill(&mut self, context: &mut Context) {
        let realm = context.realm().clone();
        for object in &self.events {
            object.insert_property(js_string!("version"), data(js_string!("1.0")));
        }
        for (index, (getter, setter)) in ACCESSORS.into_iter().enumerate() {
            let function = |function| {
                FunctionObjectBuilder::new(&realm, NativeFunction::from_fn_ptr(function)).build()
            };
            let getter: JsObject = function(getter).into();
            let accessor = PropertyDescriptor::builder()
                .get(getter.clone())
                .set(function(setter))
                .enumerable(true)
                .configurable(true)
                .build();
            self.getters.push(getter);
            for owner in self.owners(index) {
                owner.insert_property(self.names[index].clone(), accessor.clone());
            }
        }
        for object in &self.events {
            object.insert_property(js_string!("request"), data(self.request.clone()));
        }
        self.events[1].insert_property(js_string!("response"), data(self.response.clone()));
        let raw = NativeFunction::from_fn_ptr(raw_query_string);
        let raw = FunctionObjectBuilder::new(&realm, raw).name("rawQueryString").build();
        let hidden = PropertyDescriptor::builder().value(raw).writable(true).configurable(true);
        self.request
            .insert_property(js_string!("rawQueryString"), hidden.enumerable(false).build());
    }

    /// The objects that have member `index`.
    fn owners(&self, index: usize) -> Vec<JsObject> {
        match index {
            0 | 1 => self.events.to_vec(),
            2..=6 => vec![self.request.clone()],
            _ => vec![self.response.clone()],
        }
    }

    /// Where the host writes the encoded event; grows when `length` is more than it holds.
    #[cfg(any(target_family = "wasm", test))]
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        if self.bytes.len() < length {
            self.bytes = vec![0; length];
        }
        &mut self.bytes
    }

    /// The bytes that were written to [`Event::room`].
    #[must_use]
    #[cfg(target_family = "wasm")]
    pub fn input(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }

    /// Finds the parts of the event in the first `length` bytes of the room.
    ///
    /// # Errors
    /// When they are no event.
    pub fn begin(&mut self, length: usize) -> Result<Begun, Malformed> {
        let all = self.bytes.get(..length).ok_or(Malformed)?;
        let mut reader = Reader::new(all);
        let kind = reader.u8()?;
        let begun = Begun { kind, now: reader.u64()?, seed: reader.u64()? };
        let section = |reader: &mut Reader<'_>| -> Result<usize, Malformed> {
            let bytes = reader.count()?;
            let place = length - reader.rest().len();
            *reader = Reader::new(reader.rest().get(bytes..).ok_or(Malformed)?);
            Ok(place)
        };
        let mut places = Places {
            context: section(&mut reader)?,
            method: section(&mut reader)?,
            headers: section(&mut reader)?,
            cookies: section(&mut reader)?,
            ..Places::default()
        };
        if kind == EVENT_RESPONSE {
            places.response = section(&mut reader)?;
            places.response_headers = section(&mut reader)?;
            places.response_cookies = section(&mut reader)?;
        }
        self.places = places;
        self.used = length;
        Ok(begun)
    }

    fn at(&self, place: usize) -> Reader<'_> {
        Reader::new(self.bytes.get(place..self.used).unwrap_or_default())
    }

    /// The object that the handler is called with.
    #[must_use]
    pub fn object(&self, kind: u8) -> JsObject {
        self.events[usize::from(kind == EVENT_RESPONSE)].clone()
    }

    /// A member's name.
    #[must_use]
    pub fn name(&self, member: Member) -> &PropertyKey {
        &self.names[member as usize]
    }

    /// Takes what the function was given as `member`, if it looked.
    pub fn take_made(&mut self, member: Member) -> Option<Made> {
        self.made[member as usize].take()
    }

    /// The kind of the event, once there is one.
    #[must_use]
    pub fn kind(&self) -> Option<u8> {
        self.bytes.get(..self.used)?.first().copied()
    }

    /// Name, address and region of the edge; `None` but for a viewer request.
    #[must_use]
    pub fn edge_location(&self) -> Option<[&str; 3]> {
        self.kind().filter(|kind| *kind == EVENT_REQUEST)?;
        let mut reader = self.at(self.places.context);
        // The distribution's two, the request's id and the viewer's address come before.
        for _ in 0..4 {
            reader.text().ok()?;
        }
        Some([reader.text().ok()?, reader.text().ok()?, reader.text().ok()?])
    }

    /// Whether `descriptor` is this member's own accessor, unused.
    #[must_use]
    pub fn is_pending(&self, member: Member, descriptor: &PropertyDescriptor) -> bool {
        let getter = descriptor.get().and_then(JsValue::as_object);
        getter.is_some_and(|getter| JsObject::equals(&getter, &self.getters[member as usize]))
    }

    /// A request's or response's scalar member as the event has it.
    fn scalar(&self, member: Member) -> Result<JsValue, Malformed> {
        let text = |text: &str| JsValue::from(JsString::from(text));
        match member {
            Method => Ok(text(self.at(self.places.method).text()?)),
            Uri => {
                let mut reader = self.at(self.places.method);
                reader.text()?;
                Ok(text(reader.text()?))
            }
            Status => Ok(JsValue::from(i32::from(self.at(self.places.response).u16()?))),
            Reason => {
                let mut reader = self.at(self.places.response);
                reader.u16()?;
                Ok(text(reader.text()?))
            }
            _ => Err(Malformed),
        }
    }

    fn raw_query(&self) -> Result<Option<&str>, Malformed> {
        let mut reader = self.at(self.places.method);
        reader.text()?;
        reader.text()?;
        reader.optional()
    }

    /// The texts of a part that is a list.
    fn lines(&self, place: usize) -> Result<Vec<&str>, Malformed> {
        let mut reader = self.at(place);
        let count = reader.count()?;
        (0..count).map(|_| reader.text()).collect()
    }

    /// The names with their values of a part that is a map.
    fn fields(&self, place: usize) -> Result<Vec<Group<'_, &str>>, Malformed> {
        let mut reader = self.at(place);
        let count = reader.count()?;
        let field = |_| {
            let name = reader.text()?;
            let values = reader.count()?;
            let values = (0..values).map(|_| reader.text()).collect::<Result<_, _>>()?;
            Ok(Group { name, values })
        };
        (0..count).map(field).collect()
    }

    fn map(&self, member: Member, context: &mut Context) -> Result<Option<Made>, Malformed> {
        let plain = |value: &&str| Single::plain(value);
        let groups = match member {
            Query => wire::query_groups(self.raw_query()?.unwrap_or_default()),
            Headers => self.fields(self.places.headers)?,
            ResponseHeaders => self.fields(self.places.response_headers)?,
            Cookies => wire::cookie_groups(&self.lines(self.places.cookies)?),
            ResponseCookies => {
                let lines = self.lines(self.places.response_cookies)?;
                let groups = wire::set_cookie_groups(&lines);
                let cookie = |(value, attributes): &(&str, &str)| Single::cookie(value, attributes);
                return Ok(Some(Made::new(groups, &self.keys, context, cookie)));
            }
            _ => return Ok(None),
        };
        Ok(Some(Made::new(groups, &self.keys, context, plain)))
    }

    /// `event.context` or `event.viewer`.
    fn place_of_origin(&self, member: Member, context: &Context) -> Result<JsObject, Malformed> {
        let mut reader = self.at(self.places.context);
        let object = plain_object(context);
        let put = |name: &str, text: &str| {
            object.insert_property(JsString::from(name), data(JsString::from(text)));
        };
        let (domain, id) = (reader.text()?, reader.text()?);
        let (request, ip) = (reader.text()?, reader.text()?);
        if member == Viewer {
            put("ip", ip);
        } else {
            let response = self.bytes.first() == Some(&EVENT_RESPONSE);
            put("distributionDomainName", domain);
            put("distributionId", id);
            put("eventType", if response { "viewer-response" } else { "viewer-request" });
            put("requestId", request);
        }
        Ok(object)
    }

    fn make(&mut self, member: Member, context: &mut Context) -> Result<JsValue, Malformed> {
        if let Some(value) = &self.values[member as usize] {
            return Ok(value.clone());
        }
        let value = match member {
            Origin | Viewer => self.place_of_origin(member, context)?.into(),
            Method | Uri | Status | Reason => self.scalar(member)?,
            _ => {
                let made = self.map(member, context)?;
                let value = made.as_ref().map(|made| made.object().clone().into());
                self.made[member as usize] = made;
                value.unwrap_or_default()
            }
        };
        self.values[member as usize] = Some(value.clone());
        Ok(value)
    }

    /// Makes a plain member of the accessor, where it still is one that may be changed.
    fn replace(&self, member: Member, owner: &JsObject, value: &JsValue) -> bool {
        let name = self.name(member);
        let own = owner.borrow().properties().get(name);
        let open = own
            .is_some_and(|own| own.configurable() == Some(true) && self.is_pending(member, &own));
        if open {
            owner.insert_property(name.clone(), data(value.clone()));
        }
        open
    }
}

/// What every call needs to know of its event.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// [`wire::EVENT_REQUEST`] or [`EVENT_RESPONSE`].
    pub kind: u8,
    /// Milliseconds since 1970.
    pub now: u64,
    /// Where `Math.random` starts.
    pub seed: u64,
}

fn missing() -> JsNativeError {
    JsNativeError::error().with_message("there is no event: a handler looks at it, not a module")
}

fn read(member: Member, context: &mut Context) -> JsResult<JsValue> {
    with(|event| {
        let value = event.make(member, context).map_err(|Malformed| missing())?;
        for owner in event.owners(member as usize) {
            event.replace(member, &owner, &value);
        }
        Ok(value)
    })
    .unwrap_or_else(|| Err(missing().into()))
}

fn assign(member: Member, this: &JsValue, value: JsValue, context: &mut Context) -> JsResult<()> {
    let Some(receiver) = this.as_object() else {
        return Err(JsNativeError::typ().with_message("not an object").into());
    };
    if with(|event| event.replace(member, &receiver, &value)) == Some(true) {
        return Ok(());
    }
    // An object that inherits the member gets one of its own; a frozen event refuses.
    let name = with(|event| event.name(member).clone()).ok_or_else(missing)?;
    receiver.create_data_property_or_throw(name, value, context).map(drop)
}

/// `request.rawQueryString()` (spec: CloudFront Functions section 8.3).
fn raw_query_string(
    _this: &JsValue,
    _arguments: &[JsValue],
    _context: &mut Context,
) -> JsResult<JsValue> {
    with(|event| {
        let raw = event.raw_query().map_err(|Malformed| missing())?;
        Ok(raw.map_or(JsValue::undefined(), |raw| JsString::from(raw).into()))
    })
    .unwrap_or_else(|| Err(missing().into()))
}

/// Forgets what was made: natively one thread answers many events; in the sandbox fresh memory does this.
#[cfg(not(target_family = "wasm"))]
pub fn renew(context: &mut Context) {
    crate::cloudfront::forget_changes();
    let capacity = with(|event| event.bytes.len()).unwrap_or_default();
    install(capacity, context);
}
