//! The verge program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    verge::cli::main()
}
