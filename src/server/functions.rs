//! Configured functions become functions that can be called.
use crate::config::{Config, Problem};
use crate::function::Catalogue;
use crate::function::engine::Sandbox;
/// stub
pub fn load(_config: &Config, _sandbox: &Sandbox) -> Result<Catalogue, Vec<Problem>> {
    Ok(Catalogue)
}
