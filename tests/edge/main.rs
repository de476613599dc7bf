//! The edge as its users meet it: each test is a scene of viewer, edge and origin over real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod aws;
mod bodies;
mod cache;
mod check;
mod compat;
mod compression;
mod disk;
mod error_pages;
mod events;
mod explain;
mod failures;
mod function_origins;
mod geo;
mod hostile;
mod invalidation;
mod kvs;
mod lambda;
mod origins;
mod outbound;
mod outputs;
mod protocols;
mod provenance;
mod ranges;
mod rfc9111;
mod samples;
mod scene;
mod secrets;
mod status;
mod testing;
mod viewer_components;
