//! How a function is run.

use std::time::Duration;

use crate::egress::Egress;
use crate::limits;

/// Whether state outlives a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Every call gets an instance of its own and loses it afterwards.
    Fresh,
    /// An instance serves one call after the other, as Lambda's execution environments do: what a
    /// handler keeps outside of itself is there the next time.
    Warm,
}

/// How a function is run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Wall-clock time of one call, the start of a new instance included.
    pub budget: Duration,
    /// The same at a viewer event.
    pub viewer_budget: Duration,
    /// Memory of one instance, bytes.
    pub memory_bytes_max: usize,
    /// What the files of one instance may take, bytes.
    pub storage_bytes_max: u64,
    /// `None`: warm for the `lambda` world, fresh for typed components.
    pub isolation: Option<Isolation>,
    /// Calls at a time that are kept for this function, and not exceeded; `None`: it shares what
    /// no function reserves.
    pub concurrency: Option<u32>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Whom it may call.
    pub egress: Egress,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            budget: limits::ORIGIN_FUNCTION_BUDGET,
            viewer_budget: limits::VIEWER_COMPONENT_BUDGET_MAX,
            memory_bytes_max: limits::ORIGIN_FUNCTION_MEMORY_BYTES_MAX,
            storage_bytes_max: limits::ORIGIN_FUNCTION_STORAGE_BYTES_MAX,
            isolation: None,
            concurrency: None,
            environment: Vec::new(),
            egress: Egress::default(),
        }
    }
}
