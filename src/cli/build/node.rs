//! Node.js: esbuild makes one module of the handler, what it requires and our stand-ins for Node.js; componentize-qjs
//! makes a component of that module and QuickJS.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::tool::{self, Tool};
use super::workshop::Workshop;

const INSTALL: &str = "npm install --save-dev esbuild componentize-qjs";
const BUNDLER: Tool = Tool { name: "esbuild", folder: Some("node_modules/.bin"), install: INSTALL };
const COMPONENTIZER: Tool =
    Tool { name: "componentize-qjs", folder: Some("node_modules/.bin"), install: INSTALL };

/// The adapter, by name.
const ADAPTER: [(&str, &str); 23] = [
    ("abort.js", include_str!("node/abort.js")),
    ("adapter.js", include_str!("node/adapter.js")),
    ("buffer.js", include_str!("node/buffer.js")),
    ("console.js", include_str!("node/console.js")),
    ("crypto.js", include_str!("node/crypto.js")),
    ("events.js", include_str!("node/events.js")),
    ("exchanges.js", include_str!("node/exchanges.js")),
    ("fetch.js", include_str!("node/fetch.js")),
    ("fs.js", include_str!("node/fs.js")),
    ("fs/promises.js", include_str!("node/fs/promises.js")),
    ("fs/streams.js", include_str!("node/fs/streams.js")),
    ("http.js", include_str!("node/http.js")),
    ("https.js", include_str!("node/https.js")),
    ("md5.js", include_str!("node/md5.js")),
    ("os.js", include_str!("node/os.js")),
    ("path.js", include_str!("node/path.js")),
    ("process.js", include_str!("node/process.js")),
    ("promise.js", include_str!("node/promise.js")),
    ("querystring.js", include_str!("node/querystring.js")),
    ("timers.js", include_str!("node/timers.js")),
    ("url.js", include_str!("node/url.js")),
    ("util.js", include_str!("node/util.js")),
    ("entry.js", include_str!("node/entry.js")),
];
/// Modules of Node.js that a handler may require; each is a file of the adapter.
const MODULES: [&str; 14] = [
    "buffer",
    "crypto",
    "events",
    "fs",
    "fs/promises",
    "http",
    "https",
    "os",
    "path",
    "process",
    "querystring",
    "timers",
    "url",
    "util",
];

/// Builds a component of the handler's file into `made`.
///
/// # Errors
/// What is missing, or what a tool said.
pub(super) fn build(
    folder: &Path,
    file: &Path,
    export: &str,
    workshop: &Workshop,
    made: &Path,
) -> Result<(), String> {
    let (bundler, componentizer) = (BUNDLER.find(folder)?, COMPONENTIZER.find(folder)?);
    if !export.chars().all(|letter| letter.is_ascii_alphanumeric() || "_$".contains(letter)) {
        return Err(format!("\"{export}\" is no name of an export"));
    }
    for (name, text) in ADAPTER {
        // A path as JSON is a text of JavaScript; the template has the quotes already.
        let path = Value::from(file.to_string_lossy()).to_string();
        let text = text.replace("'@HANDLER_FILE@'", &path).replace("@HANDLER_NAME@", export);
        workshop.write(&format!("node/{name}"), &text)?;
    }
    let (bundle, facts) = (workshop.path().join("bundle.js"), workshop.path().join("bundle.json"));
    let mut command = Command::new(bundler);
    command
        .current_dir(folder)
        .arg(workshop.path().join("node/entry.js"))
        .args(["--bundle", "--format=esm", "--platform=node", "--target=esnext"])
        // See promise.js: promises are made by the adapter.
        .args(
            ["async-await", "async-generator", "for-await"]
                .map(|f| format!("--supported:{f}=false")),
        )
        .args(["--external:verge:*", "--log-level=warning", "--charset=utf8"])
        .arg(format!("--outfile={}", bundle.display()))
        .arg(format!("--metafile={}", facts.display()));
    for module in MODULES {
        let stand_in = workshop.path().join(format!("node/{module}.js"));
        command.arg(format!("--alias:{module}={}", stand_in.display()));
        command.arg(format!("--alias:node:{module}={}", stand_in.display()));
    }
    tool::run(&mut command)?;
    let facts = fs::read(&facts).map_err(|error| format!("esbuild wrote no metafile: {error}"))?;
    let facts = serde_json::from_slice(&facts).map_err(|error| format!("metafile: {error}"))?;
    refuse_foreign(&facts)?;
    tool::run(
        Command::new(componentizer)
            .current_dir(workshop.path())
            .arg("--wit")
            .arg(workshop.interfaces())
            .args(["--world", "lambda-function", "--sync", "--js"])
            .arg(&bundle)
            .arg("--output")
            .arg(made),
    )
}

/// What the bundle still asks for when it runs would not be there.
fn refuse_foreign(facts: &Value) -> Result<(), String> {
    let outputs = facts["outputs"].as_object().into_iter().flatten();
    let imports =
        outputs.flat_map(|(_, output)| output["imports"].as_array().into_iter().flatten());
    let mut foreign: Vec<&str> = imports
        .filter_map(|import| import["path"].as_str())
        .filter(|path| !path.starts_with("verge:"))
        .collect();
    foreign.sort_unstable();
    foreign.dedup();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the handler, or a package that it requires, needs {}, which verge does not have; of Node.js there are {}",
        foreign.join(", "),
        MODULES.join(", ")
    ))
}
