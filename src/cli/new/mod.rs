//! `verge new`: a folder to begin an origin function in, with source, events and how to build it.

mod template;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::limits::NAME_CHARS_MAX;
use template::Template;

/// The words of `verge new`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder to make; its last part is the function's name: 1 to 64 letters, digits, `-`, `_`.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// The language.
    #[arg(long, value_enum)]
    lang: Language,
    /// The event it runs on. Default: origin-request.
    #[arg(long, value_enum, conflicts_with = "origin")]
    event: Option<EventWord>,
    /// Answer in place of an origin.
    #[arg(long)]
    origin: bool,
}

/// A language that there are templates for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Language {
    /// Rust: typed, or wasi:http in place of an origin.
    Rust,
    /// JavaScript: a Lambda handler of Node.js.
    Js,
    /// Python: a Lambda handler.
    Python,
    /// C: typed.
    C,
    /// AssemblyScript: typed.
    #[value(name = "assemblyscript")]
    AssemblyScript,
}

/// An event on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum EventWord {
    /// A miss, before the origin.
    OriginRequest,
    /// The origin's answer, before it is stored.
    OriginResponse,
}

/// What a function does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Job {
    OriginRequest,
    OriginResponse,
    Origin,
}

/// Makes the folder and says what is in it.
pub fn run(arguments: &Arguments) -> ExitCode {
    super::report(make(arguments))
}

fn make(arguments: &Arguments) -> Result<String, String> {
    let Arguments { folder, lang, event, origin } = arguments;
    let job = match event {
        _ if *origin => Job::Origin,
        Some(EventWord::OriginResponse) => Job::OriginResponse,
        Some(EventWord::OriginRequest) | None => Job::OriginRequest,
    };
    let name = name(folder)?;
    let files = Template { language: *lang, job, name, folder }.files()?;
    create(folder)?;
    let mut report = String::new();
    for (path, text) in files {
        write(&folder.join(path), &text)?;
        report += &format!("{}\n", folder.join(path).display());
    }
    Ok(report + &format!("{} says how it is built.", folder.join("README.md").display()))
}

/// The function's name: the folder's.
fn name(folder: &Path) -> Result<&str, String> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(allowed) {
        return Err(format!(
            "{}: the last part is the function's name and must have 1 to {NAME_CHARS_MAX} letters, digits, - or _",
            folder.display()
        ));
    }
    Ok(name)
}

/// Makes the folder, which must be new: nothing that is there is written over.
fn create(folder: &Path) -> Result<(), String> {
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    let made = above.map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::create_dir(folder));
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{} is there already; choose another name", folder.display())
        }
        _ => format!("cannot make {}: {error}", folder.display()),
    })
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
