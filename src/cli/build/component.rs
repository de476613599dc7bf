//! A component of a core module: what compilers give that know nothing of components.

use std::fs;
use std::path::Path;

use wasmparser::{ExternalKind, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::workshop::Workshop;

/// Interfaces of `wit/` that a module may import, beside those of its world `stores`.
const IMPORTS: [&str; 7] = ["body", "context", "crypto", "digest", "fetch", "files", "log"];
/// Its interfaces that a module may export, each as one function `handle`.
const EXPORTS: [&str; 2] = ["origin-request", "origin-response"];
/// The export of the `lambda` world.
const LAMBDA: &str = "handle";
/// Where the compiler of another language says what its module's component looks like.
const METADATA: &str = "component-type";

/// Makes a component of the file that a compiler wrote, into `made`.
///
/// # Errors
/// What the module lacks, or has and must not have.
pub(super) fn make(module: &Path, workshop: &Workshop, made: &Path) -> Result<(), String> {
    let module =
        fs::read(module).map_err(|error| format!("cannot read {}: {error}", module.display()))?;
    let component = of(module, &workshop.interfaces())?;
    fs::write(made, component).map_err(|error| format!("cannot write {}: {error}", made.display()))
}

/// A component of `module`, or what is one already. `interfaces`: the folder of `wit/`.
fn of(module: Vec<u8>, interfaces: &Path) -> Result<Vec<u8>, String> {
    if Parser::is_component(&module) {
        return Ok(module);
    }
    let facts = Facts::read(&module).map_err(|error| format!("this is no module: {error}"))?;
    let module = if facts.has_metadata { module } else { described(module, &facts, interfaces)? };
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        format!("no component can be made of the module: {error:#}{}", facts.remedy())
    })
}

/// What a module tells of itself.
#[derive(Default)]
struct Facts {
    exports: Vec<String>,
    has_metadata: bool,
    /// Whether it wants the system of WASI's first preview.
    wants_preview_1: bool,
}

impl Facts {
    fn read(module: &[u8]) -> wasmparser::Result<Self> {
        let mut facts = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            facts.exports.push(export.name.to_owned());
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        facts.wants_preview_1 |= import?.module == "wasi_snapshot_preview1";
                    }
                }
                Payload::CustomSection(section) => {
                    facts.has_metadata |= section.name().starts_with(METADATA);
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    fn remedy(&self) -> &'static str {
        if self.wants_preview_1 {
            "\nIt asks for the system of WASI preview 1 (files, clocks, printf), which verge does not have: leave that \
             out, or compile for wasm32-wasip2"
        } else {
            ""
        }
    }
}

/// The module with the description of the world that its exports make it a part of.
fn described(mut module: Vec<u8>, facts: &Facts, interfaces: &Path) -> Result<Vec<u8>, String> {
    let mut exports: String = EXPORTS
        .iter()
        .map(|interface| format!("verge:edge/{interface}@0.1.0"))
        .filter(|interface| facts.exports.contains(&format!("{interface}#handle")))
        .map(|interface| format!("  export {interface};\n"))
        .collect();
    if exports.is_empty() && facts.exports.iter().any(|export| export == LAMBDA) {
        exports =
            format!("  export {LAMBDA}: func(event-json: string) -> result<string, string>;\n");
    }
    if exports.is_empty() {
        return Err(format!(
            "the module exports no handler; it needs verge:edge/origin-request@0.1.0#handle, \
             verge:edge/origin-response@0.1.0#handle or {LAMBDA}, and has {}",
            facts.exports.join(", ")
        ));
    }
    let imports: String =
        IMPORTS.map(|interface| format!("  import verge:edge/{interface}@0.1.0;\n")).concat();
    let stores = "  include verge:edge/stores@0.1.0;\n";
    let world = format!("package verge:made;\nworld made {{\n{imports}{stores}{exports}}}\n");
    let embedded = (|| {
        let mut resolve = Resolve::default();
        resolve.push_dir(interfaces)?;
        let package = resolve.push_str("made.wit", &world)?;
        let world = resolve.select_world(&[package], None)?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
    })();
    embedded.map_err(|error| format!("the interfaces cannot be read: {error:#}"))?;
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory, an allocator, and what stands in `fields`.
    fn module(fields: &str) -> Vec<u8> {
        let text = format!(
            "(module {fields} (memory (export \"memory\") 1)
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 64)))"
        );
        wat::parse_str(text).expect("valid text")
    }

    fn handler(export: &str, parameters: &str) -> String {
        format!("(func (export {export:?}) (param {parameters}) (result i32) (i32.const 0))")
    }

    fn made(module: Vec<u8>) -> Result<Vec<u8>, String> {
        let workshop = Workshop::open().expect("a folder");
        of(module, &workshop.interfaces())
    }

    #[test]
    fn every_handler_makes_a_component() {
        let request = handler("verge:edge/origin-request@0.1.0#handle", "i32");
        let response = handler("verge:edge/origin-response@0.1.0#handle", "i32");
        let log = r#"(import "verge:edge/log@0.1.0" "write" (func (param i32 i32)))"#;
        let body = r#"(import "verge:edge/body@0.1.0" "get" (func (param i32)))"#;
        let store =
            r#"(import "wasi:keyvalue/store@0.2.0-draft" "open" (func (param i32 i32 i32)))"#;
        for fields in [
            request.clone(),
            format!("{log} {body} {request} {response}"),
            format!("{log} {response}"),
            format!("{store} {request}"),
            handler("handle", "i32 i32"),
        ] {
            let component =
                made(module(&fields)).unwrap_or_else(|error| panic!("{fields}: {error}"));
            assert!(Parser::is_component(&component));
            assert_eq!(made(component.clone()), Ok(component), "it is one already");
        }
    }

    #[test]
    fn what_makes_none_is_told() {
        let printf = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
        let foreign = r#"(import "env" "abort" (func))"#;
        let lambda = handler("handle", "i32 i32");
        for (fields, words) in [
            (String::new(), "exports no handler; it needs verge:edge/origin-request@0.1.0#handle"),
            (handler("handle", "i64"), "no component can be made of the module"),
            (format!("{foreign} {lambda}"), "env"),
            (format!("{printf} {lambda}"), "WASI preview 1 (files, clocks, printf)"),
        ] {
            let error = made(module(&fields)).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        assert!(made(b"text".to_vec()).expect_err("text").contains("this is no module"));
    }
}
