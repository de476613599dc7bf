//! Functions: what runs them, and what they may do.

pub mod engine;
mod invocation;

pub use invocation::Invocation;
