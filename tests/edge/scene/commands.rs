//! The program as a command: what it prints and how it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A configuration's least distribution.
pub const SMALLEST_DISTRIBUTION: &str = r#"
[[distribution]]
domain_name = "d1.test"
[[distribution.origin]]
id = "origin"
domain_name = "127.0.0.1"
protocol = "http-only"
[[distribution.behavior]]
target = "origin"
cache_policy = "CachingDisabled"
"#;

/// How a command ended.
#[derive(Debug)]
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the program with these arguments.
pub fn verge(arguments: &[&str]) -> Run {
    ended(Command::new(env!("CARGO_BIN_EXE_verge")).args(arguments))
}

/// Runs the program in a folder.
pub fn verge_in(folder: &Path, arguments: &[&str]) -> Run {
    ended(&mut command_in(folder, arguments))
}

/// The program in a folder, to be started: without a configuration it keeps machine code where the other tests do.
pub fn command_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verge"));
    command.args(arguments).current_dir(folder).env("XDG_CACHE_HOME", cache_home());
    command
}

/// Runs the program with the key of encrypted values, if there is one, on what comes over its standard input.
pub fn verge_with_key(arguments: &[&str], key: Option<&str>, input: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verge"));
    command.args(arguments).env_remove("VERGE_SECRET_KEY");
    command.envs(key.map(|key| ("VERGE_SECRET_KEY", key)));
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the program starts");
    // Whoever reads no input may be gone.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    told(&child.wait_with_output().expect("the program ends"))
}

fn ended(command: &mut Command) -> Run {
    told(&command.output().expect("the program starts"))
}

fn told(output: &Output) -> Run {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it prints text");
    Run {
        code: output.status.code().expect("no signal ended the program"),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// Machine code of the JavaScript engine is compiled once for all tests of a build.
pub fn state_directory() -> PathBuf {
    cache_home().join("verge")
}

/// What takes the place of the user's cache.
fn cache_home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("state")
}
