//! The way to an origin: what it gets to see ([`forward`]), which one is asked ([`select`]), and how ([`peer`]).
//!
//! [`forward`] and [`select`] do no I/O.

pub mod change;
pub mod forward;
pub mod peer;
pub mod resolve;
pub mod select;
