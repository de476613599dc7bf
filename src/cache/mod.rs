//! The cache: what counts as the same object, what may be kept and for how long, and where it is
//! kept.
//!
//! Policy is apart from movement. Every file here but [`store`] is a set of pure functions: no
//! clock, no socket, no lock; time is a parameter. [`store`] holds the bytes and knows no rule of
//! HTTP.
//!
//! | question | file |
//! |---|---|
//! | are these two requests for the same object? | [`key`], [`vary`] |
//! | what did the origin say about caching? | [`directives`] |
//! | may it be stored, until when is it fresh? | [`ttl`] |
//! | may it be served although it is stale? | [`stale`] |
//! | which bytes does it ask for, which are these? | [`range`] |
//! | what does a 304 change? | [`revalidate`] |
//! | what must no longer be served? | [`invalidate`], [`tag`] |
//! | where are the bytes? | [`store`] |

pub mod compress;
pub mod date;
pub mod directives;
pub mod invalidate;
pub mod key;
pub mod range;
pub mod revalidate;
pub mod stale;
pub mod store;
pub mod tag;
pub mod ttl;
pub mod vary;
