//! What the engine asks of the machine it runs on: the time, the order of jobs, modules, and leave to compile text.
//!
//! Nothing here reaches outside: the clock stands still during a call, and modules are the built-in ones.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use boa_engine::context::HostHooks;
use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::job::{GenericJob, Job, JobExecutor, NativeAsyncJob, PromiseJob};
use boa_engine::module::{Module, ModuleLoader, ModuleRequest, Referrer};
use boa_engine::realm::Realm;
use boa_engine::{Context, JsNativeError, JsResult, JsString, JsValue, Source};

use crate::wire::reads;
use crate::{looks, trace};

/// A clock that shows what it was set to (spec: CloudFront Functions section 7.2, `Date`).
#[derive(Default)]
pub struct FrozenClock {
    milliseconds: Cell<u64>,
}

impl FrozenClock {
    /// Sets the time, milliseconds since 1970.
    pub fn set(&self, milliseconds: u64) {
        self.milliseconds.set(milliseconds);
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> JsInstant {
        JsInstant::new(0, 0)
    }

    fn system_time_millis(&self) -> i64 {
        looks::note(reads::UNREPEATABLE);
        i64::try_from(self.milliseconds.get()).unwrap_or(i64::MAX)
    }
}

/// No code from text, and UTC (spec: CloudFront Functions sections 7.2 and 7.4).
pub struct Hooks;

impl HostHooks for Hooks {
    fn ensure_can_compile_strings(
        &self,
        _realm: Realm,
        _parameters: &[JsString],
        _body: &JsString,
        _direct: bool,
        _context: &mut Context,
    ) -> JsResult<()> {
        Err(JsNativeError::eval().with_message("code cannot be made from text here").into())
    }

    fn local_timezone_offset_seconds(&self, _unix_time_seconds: i64) -> i32 {
        0
    }

    fn max_buffer_size(&self, _context: &mut Context) -> u64 {
        // Beyond what the arena can give: a RangeError says more than the end of the instance.
        8 << 20
    }
}

enum Queued {
    Promise(PromiseJob),
    Async(NativeAsyncJob),
    Generic(GenericJob),
}

/// First come, first served; there are no timers.
#[derive(Default)]
pub struct Jobs {
    queue: RefCell<VecDeque<Queued>>,
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _context: &mut Context) {
        let job = match job {
            Job::PromiseJob(job) => Queued::Promise(job),
            Job::AsyncJob(job) => Queued::Async(job),
            Job::GenericJob(job) => Queued::Generic(job),
            // Nothing in the realm makes the other kinds.
            _ => return,
        };
        self.queue.borrow_mut().push_back(job);
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        loop {
            let Some(job) = self.queue.borrow_mut().pop_front() else { return Ok(()) };
            match job {
                Queued::Promise(job) => job.call(context)?,
                Queued::Generic(job) => job.call(context)?,
                Queued::Async(job) => complete(job.call(&RefCell::new(context)))?,
            };
        }
    }
}

/// Runs a future that never waits: there is nothing to wait for in here.
fn complete<T>(future: impl Future<Output = JsResult<T>>) -> JsResult<T> {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => {
            Err(JsNativeError::error().with_message("this would wait for ever").into())
        }
    }
}

/// Runs a part of the prelude, whose source is a function, with `arguments`. Its lines are told from the user's own by
/// their path.
///
/// # Errors
/// When it throws, or is no function: a defect.
pub fn prelude_part(
    source: &str,
    arguments: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    let source = Source::from_bytes(source).with_path(Path::new(trace::PRELUDE));
    let broken = || JsNativeError::error().with_message("a part of the prelude is no function");
    let part = context.eval(source)?.as_callable().ok_or_else(broken)?;
    part.call(&JsValue::undefined(), arguments, context)
}

/// The built-in modules, by name.
#[derive(Default)]
pub struct Modules {
    known: RefCell<Vec<(JsString, Module)>>,
}

impl Modules {
    /// Adds one.
    pub fn insert(&self, name: JsString, module: Module) {
        self.known.borrow_mut().push((name, module));
    }

    fn find(&self, name: &JsString) -> Option<Module> {
        let known = self.known.borrow();
        known.iter().find(|(known, _)| known == name).map(|(_, module)| module.clone())
    }
}

impl ModuleLoader for Modules {
    async fn load_imported_module(
        self: Rc<Self>,
        _referrer: Referrer,
        request: ModuleRequest,
        _context: &RefCell<&mut Context>,
    ) -> JsResult<Module> {
        let name = request.specifier();
        self.find(name).ok_or_else(|| {
            let name = name.to_std_string_lossy();
            JsNativeError::reference()
                .with_message(format!(
                    "there is no module '{name}'; there are buffer, cloudfront, crypto and querystring"
                ))
                .into()
        })
    }
}
