//! The process around the proxy: certificates, the admin listener, the demo origin.

pub mod admin;
pub mod certs;
pub mod demo_origin;
mod listen;
