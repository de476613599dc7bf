//! What one run of a function yields besides its result, alike for both kinds.

use std::time::Duration;

use crate::error::FunctionError;
use crate::observe::function_log::Report;

/// One finished run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation<T> {
    /// What the function decided, or how it failed.
    pub result: Result<T, FunctionError>,
    /// Lines it logged, in order, whether or not it failed; bounded by
    /// [`crate::limits::FUNCTION_LOG_BYTES_MAX`].
    pub logs: Vec<String>,
    /// CPU time it used.
    pub cpu: Duration,
    /// Instructions it ran, in a metered sandbox.
    pub fuel: Option<u64>,
    /// Whether the answer is that of an earlier run that saw the same.
    pub remembered: bool,
    /// What Lambda would report of it; `None` for viewer functions, and where nothing ran.
    pub report: Option<Box<Report>>,
}

impl<T> Invocation<T> {
    /// A run that never began.
    pub(super) fn unmade(error: FunctionError) -> Self {
        Self {
            result: Err(error),
            logs: Vec::new(),
            cpu: Duration::ZERO,
            fuel: None,
            remembered: false,
            report: None,
        }
    }
}
