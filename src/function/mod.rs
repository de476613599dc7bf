//! Functions: what runs them, and what they may do.

pub mod engine;
mod invocation;
pub mod wasm;

pub use invocation::Invocation;
