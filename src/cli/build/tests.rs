//! Builds with stand-ins for the languages' tools: nothing is downloaded in a test.

use std::os::unix::fs::PermissionsExt;

use super::tool::Tool;
use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        fs::write(&path, text).expect("writable");
        if name.contains("bin/") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
        }
    }
    folder
}

fn built(folder: &tempfile::TempDir, handler: Option<&str>) -> Result<String, String> {
    let (folder, handler) = (folder.path().to_owned(), handler.map(str::to_owned));
    build(&Arguments { folder, handler })
}

/// Writes the last argument's file, or what stands behind `--name=`.
const BUNDLER: &str = "#!/bin/sh
for word; do case $word in
    --outfile=*) echo bundled > \"${word#*=}\" ;;
    --metafile=*) cat \"$(dirname \"$0\")/facts.json\" > \"${word#*=}\" ;;
esac; done";
const COMPONENTIZER: &str = "#!/bin/sh
for word; do last=$word; done
grep -q bundled bundle.js && ls wit node > \"$last\"";
const FACTS: &str = r#"{"outputs":{"bundle.js":{"imports":[{"path":"verge:edge/log@0.1.0"}]}}}"#;

#[test]
fn a_folder_with_a_handler_becomes_a_function() {
    let folder = folder(&[
        ("index.js", "exports.handler = async () => {};"),
        ("node_modules/.bin/esbuild", BUNDLER),
        ("node_modules/.bin/facts.json", FACTS),
        ("node_modules/.bin/componentize-qjs", COMPONENTIZER),
    ]);
    let report = built(&folder, None).expect("builds");
    assert!(report.contains("function.toml: written"), "{report}");
    let inside = fs::read_to_string(folder.path().join("function.wasm")).expect("made");
    for name in ["edge.wit", "lambda.wit", "adapter.js", "entry.js"] {
        assert!(inside.contains(name), "{name} was not there:\n{inside}");
    }
    let description = fs::read_to_string(folder.path().join("function.toml")).expect("made");
    assert!(description.contains("runtime = \"wasm\"\ncode = \"function.wasm\""), "{description}");
    fs::write(folder.path().join("function.toml"), "mine").expect("writable");
    assert!(built(&folder, None).expect("builds").contains("kept as it is"));
    assert_eq!(fs::read_to_string(folder.path().join("function.toml")).expect("kept"), "mine");
}

#[test]
fn what_node_has_and_verge_has_not_is_named() {
    let facts = r#"{"outputs":{"b":{"imports":[{"path":"net"},{"path":"fs"},{"path":"fs"}]}}}"#;
    let folder = folder(&[
        ("index.mjs", "export const handler = async () => {};"),
        ("node_modules/.bin/esbuild", BUNDLER),
        ("node_modules/.bin/facts.json", facts),
        ("node_modules/.bin/componentize-qjs", COMPONENTIZER),
    ]);
    let error = built(&folder, None).expect_err("needs files");
    assert!(error.contains("needs fs, net, which verge does not have"), "{error}");
    assert!(!folder.path().join("function.wasm").exists());
}

#[test]
fn a_tool_that_fails_is_quoted() {
    let failing = "#!/bin/sh\necho 'index.js:3: ERROR: Unexpected end of file' >&2; exit 1";
    let folder = folder(&[
        ("index.js", "{"),
        ("node_modules/.bin/esbuild", failing),
        ("node_modules/.bin/componentize-qjs", failing),
    ]);
    let error = built(&folder, None).expect_err("fails");
    assert!(error.starts_with("esbuild failed (exit status: 1):\nindex.js:3: ERROR"), "{error}");
}

/// Writes a module after `--outFile` if the transform is there.
const COMPILER: &str = "#!/bin/sh
grep -q originRequest \"${8}\" && printf '\\0asm\\1\\0\\0\\0' > \"${10}\"";

#[test]
fn a_module_without_a_handler_is_no_function() {
    let folder = folder(&[("assembly/index.ts", ""), ("node_modules/.bin/asc", COMPILER)]);
    let error = built(&folder, None).expect_err("an empty module");
    assert!(error.contains("the module exports no handler"), "{error}");
    assert!(!folder.path().join("function.wasm").exists());
}

#[test]
fn a_crate_for_another_machine_is_refused() {
    let folder = folder(&[
        (
            "Cargo.toml",
            "[package]\nname = \"f\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n",
        ),
        ("src/lib.rs", ""),
    ]);
    let error = built(&folder, None).expect_err("no wasm");
    assert!(error.contains("for this machine: say target = \"wasm32-unknown-unknown\""), "{error}");
}

#[test]
fn a_missing_tool_comes_with_its_command() {
    let error = Tool { name: "no-such-tool", folder: Some("x"), install: "npm install it" }
        .find(Path::new("/"))
        .expect_err("is not there");
    assert!(error.contains("run `npm install it` in /"), "{error}");
}

#[test]
fn handlers_are_found_as_lambda_finds_them() {
    let folder = folder(&[("app.cjs", ""), ("src/main.py", ""), ("lambda_function.py", "")]);
    let found = |named| find(folder.path(), named);
    let node = Handler::Node(folder.path().join("app.cjs"), "main".into());
    assert_eq!(found(Some("app.main")), Ok(node));
    let python = |module: &str, function: &str| Handler::Python(module.into(), function.into());
    assert_eq!(found(None), Ok(python("lambda_function", "lambda_handler")));
    assert_eq!(found(Some("src/main.run")), Ok(python("src.main", "run")));
    for (file, handler) in [
        ("Cargo.toml", Handler::Cargo),
        ("function.c", Handler::C),
        ("assembly/index.ts", Handler::AssemblyScript),
    ] {
        assert_eq!(find(self::folder(&[(file, "")]).path(), None), Ok(handler));
    }
    assert!(found(Some("other.run")).expect_err("absent").contains("other.js, .mjs"));
    assert!(found(Some("index")).expect_err("no dot").contains("index.handler"));
}
