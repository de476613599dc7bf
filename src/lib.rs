//! verge: CloudFront Functions and Lambda@Edge code, around a real cache, on your own machines.
//!
//! The rooms, lowest first; arrows point down only (`tests/tidy.rs` holds the rule as data):
//!
//! | level | rooms |
//! |---|---|
//! | 6 | [`cli`]: one arm a command |
//! | 5 | [`server`]: listeners, TLS, admin, demo origin |
//! | 4 | [`proxy`]: the life of a request |
//! | 3 | [`config`], [`cache`], [`origin`], [`function`]: blind to each other |
//! | 2 | [`distribution`], [`observe`] |
//! | 1 | [`event`], [`compat`], [`egress`], [`geo`], [`kv`] |
//! | 0 | [`ids`], [`error`], [`limits`], [`wire`] |

#![forbid(unsafe_op_in_unsafe_fn)]
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the documentation is for those who work on verge and shows private items too"
)]

pub mod cache;
pub mod cli;
pub mod compat;
pub mod config;
pub mod distribution;
pub mod egress;
pub mod error;
pub mod event;
pub mod function;
pub mod geo;
pub mod ids;
pub mod kv;
pub mod limits;
pub mod observe;
pub mod origin;
pub mod proxy;
pub mod server;
pub mod wire;
