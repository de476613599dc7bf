//! The verge program: everything is in the library.

use std::process::ExitCode;

/// A request makes some hundred small allocations on one thread and frees most of them on the same one: what this
/// allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    verge::cli::main()
}
