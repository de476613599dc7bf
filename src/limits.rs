//! Every limit, with its unit in its name and its reason. A number that bounds something lives
//! here, in the file of what it bounds; all are used as `limits::NAME`.

mod cache;
mod configuration;
mod egress;
mod origin_function;
mod sandbox;
mod server;
mod tooling;
mod viewer_function;

pub use cache::*;
pub use configuration::*;
pub use egress::*;
pub use origin_function::*;
pub use sandbox::*;
pub use server::*;
pub use tooling::*;
pub use viewer_function::*;
