//! `verge test`: functions on events, and what they make of them.
//!
//! ```text
//! subjects   which functions, and where their events are
//! events     which events, as JSON, YAML or raw HTTP
//! run        one function on one event
//! suite      all of them, held to what is expected (compare, expected)
//! report     for people, as JSON, TAP or JUnit XML
//! batch      JSON lines in, JSON lines out
//! watch      again, whenever a file changes
//! ```
//! One function on one event is shown in the shape of CloudFront's `TestFunction` (spec: CloudFront Functions
//! section 9). docs/testing.md says all of this to users.

mod arguments;
mod batch;
mod compare;
mod events;
mod expected;
mod http_text;
mod report;
mod run;
mod single;
mod snippet;
mod store;
mod subjects;
mod suite;
mod watch;
mod yaml;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::{EXIT_CONFIGURATION, EXIT_USAGE, check};
use crate::config::{FunctionSource, Problem};
use crate::function::engine::Mode;
use crate::function::{Function, LoadError};
use crate::server::StartError;
use crate::server::functions::{self, Loader};
use run::Setting;
use subjects::{Subject, Subjects};

pub use arguments::Arguments;
use arguments::Format;

/// Why there is no result.
enum Trouble {
    /// The configuration is wrong.
    Configuration(Vec<Problem>),
    /// Functions that cannot be loaded.
    Load(Vec<(FunctionSource, LoadError)>),
    /// The arguments are wrong.
    Usage(String),
    /// Anything else.
    Failure(String),
}

impl Trouble {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Configuration(_) | Self::Load(_) => ExitCode::from(EXIT_CONFIGURATION),
            Self::Usage(_) => ExitCode::from(EXIT_USAGE),
            Self::Failure(_) => ExitCode::FAILURE,
        }
    }
}

impl From<StartError> for Trouble {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Problems(problems) => Self::Configuration(problems),
            other @ StartError::Other(_) => Self::Failure(other.to_string()),
        }
    }
}

/// A function ready to be called.
struct Loaded {
    subject: Subject,
    function: Function,
}

/// Does what the arguments say.
pub fn run(arguments: &Arguments) -> ExitCode {
    if arguments.batch {
        return batch::run();
    }
    if arguments.watch {
        return watch::run(arguments);
    }
    let done = Subjects::find(arguments).and_then(|subjects| {
        let loader = loader(subjects.code_cache.as_deref())?;
        test(arguments, subjects, &loader)
    });
    done.unwrap_or_else(|trouble| {
        report::trouble(&trouble, arguments.format);
        trouble.exit_code()
    })
}

/// The sandbox that counts instructions. `code_cache`: where machine code is kept.
fn loader(code_cache: Option<&Path>) -> Result<Loader, Trouble> {
    Ok(Loader::with_code_cache(Mode::Metered, code_cache)?)
}

/// One round: loads the functions, runs the events, prints.
fn test(arguments: &Arguments, subjects: Subjects, loader: &Loader) -> Result<ExitCode, Trouble> {
    let loaded = load(subjects.list, loader)?;
    let store = arguments.kvs.as_deref().map(store::read).transpose().map_err(Trouble::Usage)?;
    let setting = Setting {
        event_type: arguments.event_type.map(Into::into),
        now_ms: arguments.now,
        seed: arguments.random,
        store,
    };
    let plain = matches!(arguments.format, Format::Human | Format::Json) && !arguments.bless;
    if let (true, Some(event), [only]) = (plain, &arguments.event, &*loaded) {
        return single::run(only, event, &setting, arguments);
    }
    let cases = suite::cases(&loaded, arguments)?;
    let results = suite::run(cases, &setting, arguments);
    print(&report::suite(&results, arguments.format));
    Ok(if suite::passed(&results) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn load(subjects: Vec<Subject>, loader: &Loader) -> Result<Vec<Loaded>, Trouble> {
    let sources = || subjects.iter().map(|subject| &subject.source);
    check::report_warnings(&functions::warnings(sources()));
    let refused = functions::refused(sources(), &[]);
    if !refused.is_empty() {
        return Err(Trouble::Configuration(refused));
    }
    let mut loaded = Vec::new();
    let mut errors = Vec::new();
    for subject in subjects {
        match loader.load_one(&subject.source) {
            Ok(function) => loaded.push(Loaded { subject, function }),
            Err(error) => errors.push((subject.source, error)),
        }
    }
    if errors.is_empty() { Ok(loaded) } else { Err(Trouble::Load(errors)) }
}

/// Prints all at once. A reader that went away has seen what it wanted: that is no error, and no panic.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
