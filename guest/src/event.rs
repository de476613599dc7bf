//! The event object: made once, before the memory image is taken, and filled in as far as somebody looks.
//!
//! A request starts with fresh memory, so the one event object in the image is that request's own. Its members are own
//! accessors whose first use replaces them by plain members, so that a function that reads `request.uri` pays for the
//! path and nothing else. To `Object.keys`, spreading, `JSON.stringify`, assignment and `delete` they look plain.

mod access;

use std::cell::RefCell;
use std::rc::Rc;

use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::{PropertyDescriptor, PropertyKey};
use boa_engine::{Context, JsObject, JsString, JsValue, NativeFunction, js_string};

use crate::looks;
use crate::maps::{Keys, Made, data, dictionary, plain_object};
use crate::wire::{self, EVENT_REQUEST, EVENT_RESPONSE, Group, Malformed, Reader, reads};

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
    /// `event.context.requestId`
    RequestId,
}

impl Member {
    /// What looking at it is called in the trace.
    fn read(self) -> u32 {
        match self {
            Origin => reads::CONTEXT,
            Viewer => reads::VIEWER,
            Method => reads::METHOD,
            Uri => reads::URI,
            Query => reads::QUERY,
            Headers => reads::HEADERS,
            Cookies => reads::COOKIES,
            Status => reads::STATUS,
            Reason => reads::REASON,
            ResponseHeaders => reads::RESPONSE_HEADERS,
            ResponseCookies => reads::RESPONSE_COOKIES,
            RequestId => reads::UNREPEATABLE,
        }
    }
}

use Member::{
    Cookies, Headers, Method, Origin, Query, Reason, RequestId, ResponseCookies, ResponseHeaders,
    Status, Uri, Viewer,
};

/// All members, in the order of their numbers.
const MEMBERS: [(Member, &str); 12] = [
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
    (RequestId, "requestId"),
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
    accessors: Vec<PropertyDescriptor>,
    /// What entries that nobody looked at have, for each member that is a map.
    entries: Vec<Rc<[PropertyDescriptor]>>,
    /// What each member was made as, or was assigned.
    values: [Option<JsValue>; MEMBERS.len()],
    made: [Option<Rc<Made>>; MEMBERS.len()],
    keys: Keys,
}

pub use access::is_same;

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
        accessors: Vec::new(),
        entries: Vec::new(),
        values: [const { None }; MEMBERS.len()],
        made: [const { None }; MEMBERS.len()],
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
        for (index, (member, _)) in MEMBERS.into_iter().enumerate() {
            let accessor = access::accessor(
                &realm,
                move |context| access::read(member, context),
                move |this, value, context| access::assign(member, this, value, context),
            );
            for owner in self.owners(member) {
                owner.insert_property(self.names[index].clone(), accessor.clone());
            }
            self.accessors.push(accessor);
            self.entries.push(access::entry_accessors(member, &realm));
        }
        for object in &self.events {
            object.insert_property(js_string!("request"), data(self.request.clone()));
        }
        self.events[1].insert_property(js_string!("response"), data(self.response.clone()));
        let raw = NativeFunction::from_fn_ptr(access::raw_query_string);
        let raw = FunctionObjectBuilder::new(&realm, raw).name("rawQueryString").build();
        let hidden = PropertyDescriptor::builder().value(raw).writable(true).configurable(true);
        self.request
            .insert_property(js_string!("rawQueryString"), hidden.enumerable(false).build());
    }

    /// The objects that have a member.
    fn owners(&self, member: Member) -> Vec<JsObject> {
        match member {
            Origin | Viewer => self.events.to_vec(),
            Method | Uri | Query | Headers | Cookies => vec![self.request.clone()],
            Status | Reason | ResponseHeaders | ResponseCookies => vec![self.response.clone()],
            RequestId => {
                let context = self.values[Origin as usize].as_ref();
                context.and_then(JsValue::as_object).into_iter().collect()
            }
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

    /// What the function was given as `member`, if it looked.
    #[must_use]
    pub fn made(&self, member: Member) -> Option<Rc<Made>> {
        self.made[member as usize].clone()
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
        looks::note(reads::EDGE);
        let mut reader = self.at(self.places.context);
        // The distribution's two, the request's id and the viewer's address come before.
        for _ in 0..4 {
            reader.text().ok()?;
        }
        Some([reader.text().ok()?, reader.text().ok()?, reader.text().ok()?])
    }

    /// The event as the host wrote it.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `descriptor` is this member's own accessor.
    #[must_use]
    pub fn is_accessor_of(&self, member: Member, descriptor: &PropertyDescriptor) -> bool {
        access::is_same(&self.accessors[member as usize], descriptor)
    }

    /// What a member that still has its accessor holds: what it was made as, or was assigned; `None` when nobody ever
    /// looked or assigned.
    #[must_use]
    pub fn value(&self, member: Member) -> Option<JsValue> {
        self.values[member as usize].clone()
    }

    /// Whether `descriptor` is the accessor of any member, or of any entry.
    #[must_use]
    pub fn is_own(&self, descriptor: &PropertyDescriptor) -> bool {
        let mut all = self.accessors.iter().chain(self.entries.iter().flat_map(|own| own.iter()));
        all.any(|own| access::is_same(own, descriptor))
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
            RequestId => {
                let mut reader = self.at(self.places.context);
                reader.text()?;
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
        let (map, accessors) = (member.read(), &self.entries[member as usize]);
        let made = |groups: &[Group<'_, &str>]| {
            Made::new(map, groups, &self.bytes, accessors, context, |value| (value, None))
        };
        let made = match member {
            Query => made(&wire::query_groups(self.raw_query()?.unwrap_or_default())),
            Headers => made(&self.fields(self.places.headers)?),
            ResponseHeaders => made(&self.fields(self.places.response_headers)?),
            Cookies => made(&wire::cookie_groups(&self.lines(self.places.cookies)?)),
            ResponseCookies => {
                let lines = self.lines(self.places.response_cookies)?;
                let groups = wire::set_cookie_groups(&lines);
                Made::new(map, &groups, &self.bytes, accessors, context, |(value, attributes)| {
                    (value, Some(attributes))
                })
            }
            _ => return Ok(None),
        };
        made.make_rest(&self.bytes, &self.keys, context);
        Ok(Some(made))
    }

    /// `event.context` or `event.viewer`.
    fn place_of_origin(&self, member: Member, context: &Context) -> Result<JsObject, Malformed> {
        let mut reader = self.at(self.places.context);
        let object = plain_object(context);
        let put = |name: &str, text: &str| {
            object.insert_property(JsString::from(name), data(JsString::from(text)));
        };
        let (domain, id) = (reader.text()?, reader.text()?);
        let (_, ip) = (reader.text()?, reader.text()?);
        if member == Viewer {
            put("ip", ip);
        } else {
            let response = self.bytes.first() == Some(&EVENT_RESPONSE);
            put("distributionDomainName", domain);
            put("distributionId", id);
            put("eventType", if response { "viewer-response" } else { "viewer-request" });
            let id = &self.accessors[RequestId as usize];
            object.insert_property(self.name(RequestId).clone(), id.clone());
        }
        Ok(object)
    }

    fn make(&mut self, member: Member, context: &mut Context) -> Result<JsValue, Malformed> {
        if let Some(value) = &self.values[member as usize] {
            return Ok(value.clone());
        }
        looks::note(member.read());
        let value = match member {
            Origin | Viewer => self.place_of_origin(member, context)?.into(),
            Method | Uri | Status | Reason | RequestId => self.scalar(member)?,
            Query | Headers | Cookies | ResponseHeaders | ResponseCookies => {
                let made = self.map(member, context)?.map(Rc::new);
                let value = made.as_ref().map(|made| made.object().clone().into());
                self.made[member as usize] = made;
                value.unwrap_or_default()
            }
        };
        self.values[member as usize] = Some(value.clone());
        Ok(value)
    }

    /// Gives a member another value, where `receiver` is the member's owner and still has its accessor; `false` when it
    /// is not. `None`: it is frozen.
    fn assign(&mut self, member: Member, receiver: &JsObject, value: &JsValue) -> Option<bool> {
        let owns = self.owners(member).iter().any(|owner| JsObject::equals(owner, receiver));
        let own = receiver.borrow().properties().get(self.name(member));
        let Some(own) = own.filter(|own| owns && self.is_accessor_of(member, own)) else {
            return Some(false);
        };
        own.configurable().filter(|open| *open)?;
        self.values[member as usize] = Some(value.clone());
        Some(true)
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

/// Forgets what was made: natively one thread answers many events; in the sandbox fresh memory does this.
#[cfg(not(target_family = "wasm"))]
pub fn renew(context: &mut Context) {
    crate::cloudfront::forget_changes();
    let capacity = with(|event| event.bytes.len()).unwrap_or_default();
    install(capacity, context);
}
