//! `verge secret`

use std::io::{Read as _, stdin};
use std::process::ExitCode;

use super::print;
use crate::config::sealed::{KEY_VARIABLE, Key};
use crate::limits::CONFIG_MATERIAL_BYTES_MAX;

/// What is done.
#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a new key, for the environment variable VERGE_SECRET_KEY.
    Key,
    /// Read a secret from standard input and print what stands for it in a configuration, encrypted with the key in
    /// VERGE_SECRET_KEY. A line's end at its end is not part of it.
    Encrypt,
}

/// Prints a key or an encrypted value.
pub(super) fn run(command: Command) -> ExitCode {
    let text = match command {
        Command::Key => Key::random().map_err(|fault| fault.to_string()),
        Command::Encrypt => encrypt(),
    };
    match text {
        Ok(text) => print(format!("{text}\n").as_bytes()),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn encrypt() -> Result<String, String> {
    let key = std::env::var(KEY_VARIABLE).map_err(|_| {
        format!("{KEY_VARIABLE} is not set: set it to what `verge secret key` prints")
    })?;
    let key = Key::parse(&key).map_err(|fault| format!("{fault}: {}", fault.remedy()))?;
    let mut secret = String::new();
    // One byte more than allowed tells "full" from "too much".
    let read = stdin().take(CONFIG_MATERIAL_BYTES_MAX + 1).read_to_string(&mut secret);
    read.map_err(|error| format!("standard input: {error}"))?;
    if secret.len() as u64 > CONFIG_MATERIAL_BYTES_MAX {
        return Err(format!("standard input has more than {CONFIG_MATERIAL_BYTES_MAX} bytes"));
    }
    let secret = secret.trim_end_matches(['\r', '\n']);
    key.encrypt(secret).map_err(|fault| format!("{fault}: {}", fault.remedy()))
}
