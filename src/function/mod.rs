//! Functions: what runs them, and what they may do.

mod aside;
mod breaker;
mod catalogue;
pub mod engine;
mod invocation;
pub mod js;
pub mod wasm;

pub use breaker::Breaker;
pub use catalogue::{Catalogue, Function, LoadError, Runtime, Source};
pub use invocation::Invocation;
