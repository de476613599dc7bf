//! What is in a new folder: the files of `templates/`, with the function's name put in.

use std::path::Path;

use super::{Job, Language};
use crate::cli::interfaces::INTERFACES;

/// One file of `templates/`.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/", $path))
    };
}

/// Path in the new folder, and text.
type File = (&'static str, &'static str);

/// A function to begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template<'a> {
    pub(super) language: Language,
    pub(super) job: Job,
    pub(super) name: &'a str,
    /// Where it is made, as the user wrote it.
    pub(super) folder: &'a Path,
}

impl Template<'_> {
    /// The files: path in the folder, and text.
    ///
    /// # Errors
    /// There is no such template, and why.
    pub(super) fn files(self) -> Result<Vec<(&'static str, String)>, String> {
        let mut files = self.source()?;
        files.extend(self.language_files());
        files.extend(self.events());
        files.extend([
            ("README.md", template!("README.md")),
            ("function.toml", template!("function.toml")),
            (".gitignore", template!("gitignore")),
        ]);
        Ok(files.into_iter().map(|(path, text)| (path, self.filled(text))).collect())
    }

    /// The source.
    fn source(self) -> Result<Vec<File>, String> {
        use Job::{Origin, OriginRequest, OriginResponse};
        Ok(match (self.language, self.job) {
            (Language::Rust, OriginRequest) => {
                vec![("src/lib.rs", template!("rust/origin-request.rs"))]
            }
            (Language::Rust, OriginResponse) => {
                vec![("src/lib.rs", template!("rust/origin-response.rs"))]
            }
            (Language::Rust, Origin) => vec![("src/lib.rs", template!("rust/origin.rs"))],
            (Language::Js, OriginRequest) => {
                vec![("index.mjs", template!("js/origin-request.mjs"))]
            }
            (Language::Js, OriginResponse) => {
                vec![("index.mjs", template!("js/origin-response.mjs"))]
            }
            (Language::Js, Origin) => vec![("index.mjs", template!("js/origin.mjs"))],
            (Language::Python, OriginRequest) => {
                vec![("lambda_function.py", template!("python/origin-request.py"))]
            }
            (Language::Python, OriginResponse) => {
                vec![("lambda_function.py", template!("python/origin-response.py"))]
            }
            (Language::Python, Origin) => {
                vec![("lambda_function.py", template!("python/origin.py"))]
            }
            (Language::C, OriginRequest) => vec![
                ("function.c", template!("c/origin-request.c")),
                ("edge-request.c", template!("c/edge-request.c")),
            ],
            (Language::C, OriginResponse) => vec![
                ("function.c", template!("c/origin-response.c")),
                ("edge-response.c", template!("c/edge-response.c")),
            ],
            (Language::AssemblyScript, OriginRequest) => {
                vec![("assembly/index.ts", template!("assemblyscript/origin-request.ts"))]
            }
            (Language::AssemblyScript, OriginResponse) => {
                vec![("assembly/index.ts", template!("assemblyscript/origin-response.ts"))]
            }
            (Language::C | Language::AssemblyScript, Origin) => {
                return Err(
                    "there is no template for --origin in this language: it has no bindings of wasi:http, and no JSON \
                     for the load balancer's event; use --lang rust, js or python"
                        .to_owned(),
                );
            }
        })
    }

    /// What the language needs beside it.
    fn language_files(self) -> Vec<File> {
        match self.language {
            Language::Rust => {
                let mut files = vec![
                    ("Cargo.toml", template!("rust/Cargo.toml.in")),
                    (".cargo/config.toml", template!("rust/config.toml")),
                ];
                if self.job != Job::Origin {
                    files.extend(INTERFACES);
                }
                files
            }
            Language::Js => vec![("package.json", template!("js/package.json"))],
            Language::Python => Vec::new(),
            Language::C => {
                vec![("edge.h", template!("c/edge.h")), ("edge.c", template!("c/edge.c"))]
            }
            Language::AssemblyScript => vec![
                ("package.json", template!("assemblyscript/package.json")),
                ("tsconfig.json", template!("assemblyscript/tsconfig.json")),
                ("assembly/edge.ts", template!("assemblyscript/edge.ts")),
            ],
        }
    }

    /// Events, and what every language makes of them.
    fn events(self) -> Vec<File> {
        match self.job {
            Job::OriginRequest => vec![
                ("events/folder.json", template!("events/origin-request/folder.json")),
                (
                    "events/folder.expected.json",
                    template!("events/origin-request/folder.expected.json"),
                ),
                ("events/health.json", template!("events/origin-request/health.json")),
                (
                    "events/health.expected.json",
                    template!("events/origin-request/health.expected.json"),
                ),
            ],
            Job::OriginResponse => vec![
                ("events/missing.json", template!("events/origin-response/missing.json")),
                (
                    "events/missing.expected.json",
                    template!("events/origin-response/missing.expected.json"),
                ),
                ("events/page.json", template!("events/origin-response/page.json")),
                (
                    "events/page.expected.json",
                    template!("events/origin-response/page.expected.json"),
                ),
            ],
            Job::Origin => vec![
                ("events/hello.json", template!("events/origin/hello.json")),
                ("events/hello.expected.json", template!("events/origin/hello.expected.json")),
                ("events/missing.json", template!("events/origin/missing.json")),
                ("events/missing.expected.json", template!("events/origin/missing.expected.json")),
            ],
        }
    }

    fn filled(self, text: &str) -> String {
        let (purpose, event) = match self.job {
            Job::OriginRequest => (
                "Asks the origin for the index of a folder, and answers `/healthz` itself.",
                "origin-request",
            ),
            Job::OriginResponse => (
                "Adds a header field to every answer, and gives one of status 404 a page.",
                "origin-response",
            ),
            Job::Origin => ("Answers `/hello?name=…` in place of an origin.", ""),
        };
        let events = match self.job {
            Job::Origin => String::new(),
            Job::OriginRequest | Job::OriginResponse => format!("events = [\"{event}\"]\n"),
        };
        let dependency = match self.job {
            Job::Origin => "wasip2 = \"2\"",
            Job::OriginRequest | Job::OriginResponse => {
                "wit-bindgen = { version = \"0.57\", default-features = false, features = [\"macros\", \"realloc\"] }"
            }
        };
        text.replace("@INSTALL@", self.install())
            .replace("@USE@", &self.usage(event))
            .replace("@PURPOSE@", purpose)
            .replace("@EVENTS@", &events)
            .replace("@DEPENDENCY@", dependency)
            .replace("@NAME@", self.name)
    }

    /// The command that brings the language's tools.
    fn install(self) -> &'static str {
        match self.language {
            Language::Rust => "rustup target add wasm32-unknown-unknown",
            Language::Js | Language::AssemblyScript => "npm install",
            Language::Python => "python3 -m venv .venv && .venv/bin/pip install componentize-py",
            Language::C => "apt install clang lld wasi-libc libclang-rt-dev-wasm32",
        }
    }

    /// The configuration that uses the function.
    fn usage(self, event: &str) -> String {
        // TOML's basic texts are written as JSON's.
        let path = serde_json::Value::from(self.folder.to_string_lossy());
        let used = match self.job {
            Job::Origin => {
                "[[distribution.origin]]\n    id = \"@NAME@\"\n    function = \"@NAME@\"".to_owned()
            }
            Job::OriginRequest | Job::OriginResponse => format!(
                "# in the [[distribution.behavior]] that it is for:\n    {} = \"@NAME@\"",
                event.replace('-', "_")
            ),
        };
        format!("    [[function]]\n    path = {path}\n\n    {used}")
    }
}
