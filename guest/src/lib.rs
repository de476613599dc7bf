//! The JavaScript engine of viewer functions, built as one wasm module that the host runs in its sandbox.
//!
//! It reaches one thing outside: the function that it imports looks keys up in the call's key-value store (`kv`). The
//! host writes an encoded event into its memory, calls it, and reads an encoded result; `wire` is the encoding.
//! Natively the crate is a library, so that plain `cargo test` tests the same code.

mod arena;
mod cbor;
mod cloudfront;
mod console;
mod cwt;
mod dump;
mod event;
mod host;
mod json;
mod kv;
mod looks;
mod machine;
mod maps;
mod natives;
mod nesting;
mod query;
mod result;
mod strings;
mod text;
mod trace;
#[path = "../../src/wire.rs"]
pub mod wire;

#[cfg(target_family = "wasm")]
mod abi;

pub use arena::{Arena, Blocks};
#[cfg(not(target_family = "wasm"))]
pub use console::take_lines;
#[cfg(not(target_family = "wasm"))]
pub use event::renew;
pub use machine::{Machine, Refusal};
pub use nesting::Place;
