//! The engine with one function in it: made once, loaded once, called once (in the sandbox) for each request.

use std::rc::Rc;

use boa_engine::builtins::promise::PromiseState;
use boa_engine::module::Module;
use boa_engine::object::FunctionObjectBuilder;
use boa_engine::property::PropertyKey;
use boa_engine::{
    Context, JsError, JsNativeError, JsObject, JsResult, JsValue, NativeFunction, Script, Source,
    js_string,
};

use crate::event;
use crate::host::{FrozenClock, Hooks, Jobs, Modules, prelude_part};
use crate::maps::data;
use crate::nesting::{self, Place};
use crate::result::{self, Fault};
use crate::trace::{self, Frame};
use crate::wire::{RESULT_FAILED, RESULT_INVALID, Writer};
use crate::{cloudfront, console, json, kv, looks, natives, query, strings};

/// Calls in calls that JavaScript may make. Their frames are on the engine's own heap; natives that call back are
/// bounded by the sandbox's stack instead.
const RECURSION_MAX: usize = 2_000;
/// Values on the engine's stack: enough for the deepest recursion with some locals each.
const STACK_VALUES_MAX: usize = 64 * 1024;
/// Characters of a thrown message that are kept.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Appended to a function's source: hands the handler over, however it was declared (spec: CloudFront Functions
/// section 3, entry point). Inside the module, so that `const` is seen as well.
const EPILOGUE: &str =
    "\n;globalThis.__handler(typeof handler === 'undefined' ? undefined : handler);";

/// Why a source was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Where, when the engine says so.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
}

/// The engine.
pub struct Machine {
    context: Context,
    clock: Rc<FrozenClock>,
    legacy: JsObject,
    handler: Option<JsObject>,
    out: Writer,
}

impl Machine {
    /// Starts the engine and runs the prelude, with room for an encoded event of `event_bytes`.
    ///
    /// # Errors
    /// When the prelude does not run: a defect.
    pub fn new(event_bytes: usize) -> JsResult<Self> {
        let clock = Rc::new(FrozenClock::default());
        let modules = Rc::new(Modules::default());
        let mut context = Context::builder()
            .clock(Rc::clone(&clock))
            .host_hooks(Rc::new(Hooks))
            .job_executor(Rc::new(Jobs::default()))
            .module_loader(Rc::clone(&modules))
            .build()?;
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(RECURSION_MAX);
        limits.set_stack_size_limit(STACK_VALUES_MAX);
        limits.set_backtrace_limit(trace::FRAMES_MAX);
        console::install(&mut context)?;
        json::install(&mut context)?;
        strings::install(&mut context)?;
        let legacy = run_prelude(&modules, &mut context)?;
        event::install(event_bytes, &mut context);
        let out = Writer::reusing(Vec::with_capacity(event_bytes));
        Ok(Self { context, clock, legacy, handler: None, out })
    }

    /// Sets what the clock shows, milliseconds since 1970.
    #[cfg(any(target_family = "wasm", test))]
    pub fn set_clock(&self, now: u64) {
        self.clock.set(now);
    }

    /// Loads a function: evaluates its module and finds its handler. `legacy` is runtime 1.0.
    ///
    /// # Errors
    /// When it does not parse, throws, or has no handler.
    pub fn load(&mut self, source: &str, legacy: bool, depth_max: usize) -> Result<(), Refusal> {
        if let Some(place) = nesting::too_deep(source, depth_max) {
            let message = format!("brackets are nested more than {depth_max} levels deep");
            return Err(Refusal { place: Some(place), message });
        }
        let lines = u32::try_from(source.lines().count()).unwrap_or(u32::MAX);
        self.evaluate(source, legacy)
            .map_err(|error| refusal(describe(&error, &mut self.context).0, lines))?;
        let taken = self.context.global_object().get(js_string!("__handler"), &mut self.context);
        let handler = taken.ok().and_then(|value| value.as_object());
        let _ = self
            .context
            .global_object()
            .delete_property_or_throw(js_string!("__handler"), &mut self.context);
        match handler.filter(JsObject::is_callable) {
            Some(handler) => {
                self.handler = Some(handler);
                Ok(())
            }
            None => Err(Refusal {
                place: None,
                message: "there is no handler; declare function handler(event) at top level".into(),
            }),
        }
    }

    fn evaluate(&mut self, source: &str, legacy: bool) -> JsResult<()> {
        let context = &mut self.context;
        if legacy {
            self.legacy.call(&JsValue::undefined(), &[], context)?;
        }
        let receive = NativeFunction::from_fn_ptr(receive_handler);
        let receive = FunctionObjectBuilder::new(context.realm(), receive).build();
        context.global_object().insert_property(js_string!("__handler"), data(receive));
        let whole = [source, EPILOGUE].concat();
        let module = match Module::parse(Source::from_bytes(&whole), None, context) {
            Ok(module) => module,
            Err(error) => return evaluate_script(&whole, context).unwrap_or(Err(error)),
        };
        let promise = module.load_link_evaluate(context);
        context.run_jobs()?;
        match promise.state() {
            PromiseState::Fulfilled(_) => Ok(()),
            PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
            PromiseState::Pending => {
                Err(JsNativeError::error().with_message("the top level waits for ever").into())
            }
        }
    }

    /// Answers the event in the first `length` bytes of the event's room: the result, then what was looked at. The
    /// answer is valid until the next call.
    pub fn call(&mut self, length: usize) -> &[u8] {
        self.out.clear();
        looks::begin();
        if let Err(fault) = self.answer(length) {
            self.out.clear();
            match fault {
                Fault::Invalid(message) => {
                    self.out.u8(RESULT_INVALID);
                    self.out.text(&message);
                }
                Fault::Threw(error, member) => {
                    let (told, frames) = describe(&error, &mut self.context);
                    let member = member.map(|member| format!("{member} cannot be read: "));
                    let place = told
                        .place
                        .map(|place| format!(", at line {}, column {}", place.line, place.column));
                    self.out.u8(RESULT_FAILED);
                    let place = place.unwrap_or_default();
                    self.out.text(&(member.unwrap_or_default() + &told.message + &place));
                    trace::write(&frames, &mut self.out);
                }
            }
        }
        looks::write(&mut self.out);
        self.out.as_bytes()
    }

    fn answer(&mut self, length: usize) -> Result<(), Fault> {
        let begun = event::with(|event| {
            event.begin(length).ok().map(|begun| (begun, event.object(begun.kind)))
        });
        let Some((begun, object)) = begun.flatten() else {
            return Err(Fault::invalid("the event cannot be read"));
        };
        self.clock.set(begun.now);
        natives::seed(begun.seed);
        let context = &mut self.context;
        kv::begin(context)?;
        let handler =
            self.handler.as_ref().ok_or_else(|| Fault::invalid("no function is loaded"))?;
        let mut value = handler.call(&JsValue::undefined(), &[object.into()], context)?;
        if let Some(promise) = value.as_promise() {
            context.run_jobs()?;
            value = match promise.state() {
                PromiseState::Fulfilled(value) => value,
                PromiseState::Rejected(reason) => return Err(JsError::from_opaque(reason).into()),
                PromiseState::Pending => {
                    let never = "the handler's promise is never settled";
                    return Err(JsError::from(JsNativeError::error().with_message(never)).into());
                }
            };
        }
        result::write(begun.kind, &value, context, &mut self.out)
    }
}

/// Runs a source that is no module but would be strict code of a script: there a name may be declared by several
/// functions and variables, as CloudFront's engine has it. `None`: it would not.
fn evaluate_script(source: &str, context: &mut Context) -> Option<JsResult<()>> {
    const STRICT: &str = "'use strict';";
    Script::parse(Source::from_bytes(&[STRICT, source].concat()), None, context).ok()?;
    // In a function, since declarations of a script would become members of the global object. On the source's own first
    // line, so that the others keep their numbers.
    let wrapped = ["(function () { ", STRICT, source, "\n})();"].concat();
    Some(context.eval(Source::from_bytes(&wrapped)).map(drop))
}

fn run_prelude(modules: &Modules, context: &mut Context) -> JsResult<JsObject> {
    let natives = natives::object(context);
    kv::install(&natives, context)?;
    query::install(&natives, context)?;
    let broken = || JsNativeError::error().with_message("the prelude returned something else");
    let buffer =
        prelude_part(include_str!("prelude/buffer.js"), &[natives.clone().into()], context)?;
    let made =
        prelude_part(include_str!("prelude/prelude.js"), &[natives.into(), buffer], context)?;
    let made = made.as_object().ok_or_else(broken)?;
    let known = made.get(js_string!("modules"), context)?.as_object().ok_or_else(broken)?;
    cloudfront::extend(&known, context)?;
    for key in known.own_property_keys(context)? {
        let PropertyKey::String(name) = &key else { continue };
        let module = Module::from_value_as_default(known.get(key.clone(), context)?, context);
        modules.insert(name.clone(), module);
    }
    made.get(js_string!("legacy"), context)?.as_object().ok_or_else(|| broken().into())
}

/// `globalThis.__handler(f)`: leaves `f`, or a global of that name, where [`Machine::load`] finds it.
fn receive_handler(
    _this: &JsValue,
    arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let mut handler = arguments.first().cloned().unwrap_or_default();
    if handler.is_undefined() {
        handler = context.global_object().get(js_string!("handler"), context)?;
    }
    context.global_object().insert_property(js_string!("__handler"), data(handler));
    Ok(JsValue::undefined())
}

/// What was thrown, for the function's author: message, place, and the calls on the way to it.
fn describe(error: &JsError, context: &mut Context) -> (Refusal, Vec<Frame>) {
    let (text, frames) = match error.try_native(context) {
        Ok(native) => (native.to_string(), trace::frames(&error.to_string())),
        Err(_) => match error.as_opaque() {
            // Showing it may take long: it is anything.
            Some(value) if value.is_object() => {
                ("threw an object that is no Error".to_string(), Vec::new())
            }
            Some(value) => {
                (format!("threw {}", value.display()), trace::frames(&error.to_string()))
            }
            None => {
                let told = error.to_string();
                let text = told.split("\n    at ").next().unwrap_or_default();
                (text.to_string(), trace::frames(&told))
            }
        },
    };
    let (message, place) = split_place(&text);
    // The engine's words name the outermost call's place; what the author looks for is the innermost.
    let place = frames.iter().find_map(|frame| frame.place).or(place);
    let end = message.char_indices().nth(MESSAGE_CHARS_MAX).map_or(message.len(), |(at, _)| at);
    let message = message.get(..end).unwrap_or_default().to_string();
    (Refusal { place, message }, frames)
}

/// Takes the place out of the engine's words, which end in `(name at path:3:7)` for what was thrown and in
/// `at line 3, col 7 (native)` for what does not parse.
fn split_place(text: &str) -> (&str, Option<Place>) {
    let (text, thrown) = match text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
        Some((head, origin)) if is_origin(origin) => {
            let mut parts = origin.rsplitn(3, ':');
            let column = parts.next().and_then(|column| column.parse().ok());
            let line = parts.next().and_then(|line| line.parse().ok());
            (head, line.zip(column).map(|(line, column)| Place { line, column }))
        }
        _ => (text, None),
    };
    let parsed = text.rsplit_once(" at line ").and_then(|(head, tail)| {
        let (line, column) = tail.split_once(", col ")?;
        Some((head, Place { line: line.parse().ok()?, column: column.parse().ok()? }))
    });
    match parsed {
        Some((head, place)) => (head, Some(place)),
        None => (text, thrown),
    }
}

fn is_origin(text: &str) -> bool {
    text == "native" || text.contains(" at ") || text.starts_with(trace::PRELUDE)
}

/// A place behind the source's last line is in the epilogue: something is not closed.
fn refusal(refusal: Refusal, lines: u32) -> Refusal {
    let behind = match refusal.place {
        Some(place) => place.line > lines,
        None => refusal.message.ends_with("abrupt end"),
    };
    if !behind {
        return refusal;
    }
    Refusal {
        place: Some(Place { line: lines, column: 1 }),
        message: format!("{}: the source ends before something is closed", refusal.message),
    }
}

#[cfg(test)]
pub(crate) mod tests;
