//! What is committed built is what its sources build: the JavaScript engine's module and its provenance.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use ring::digest::{SHA256, digest};

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[test]
fn the_guest_module_was_built_from_these_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let provenance = std::fs::read_to_string(root.join("guest/engine.provenance.toml"));
    let provenance: toml::Table = provenance.expect("it is committed").parse().expect("it is TOML");
    let listed = Command::new("sh").arg(root.join("guest/sources.sh")).output();
    let listed = listed.expect("a shell runs");
    assert!(listed.status.success());
    let module = std::fs::read(root.join("guest/engine.wasm.zst")).expect("it is committed");
    let remedy = "run guest/rebuild.sh and commit what it writes";
    assert_eq!(
        provenance["sources_sha256"].as_str(),
        Some(sha256(&listed.stdout).as_str()),
        "guest/src, guest/Cargo.toml or src/wire.rs changed: {remedy}"
    );
    assert_eq!(
        provenance["module_sha256"].as_str(),
        Some(sha256(&module).as_str()),
        "guest/engine.wasm.zst is another one: {remedy}"
    );
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).expect("it is committed");
    let boa = provenance["boa_engine"].as_str().expect("a version");
    assert!(
        lock.contains(&format!("name = \"boa_engine\"\nversion = \"{boa}\"")),
        "Cargo.lock has another boa_engine than {boa}: {remedy}"
    );
}
