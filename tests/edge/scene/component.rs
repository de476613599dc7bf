//! Origin functions for scenes: components of the worlds in `wit/`, from the text of core modules.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve};

/// A memory of six megabytes, an allocator that only goes up, and what lets it begin anew.
pub const MEMORY: &str = r#"
    (memory (export "memory") 96)
    (global $top (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
    (func $begin (global.set $top (i32.const 65536)))"#;

/// The component of a module of the `lambda` world.
pub fn lambda(module: &str) -> Vec<u8> {
    of("lambda", module)
}

/// The component of a module of this world.
pub fn of(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir("wit").expect("valid wit");
    of_package(&resolve, package, world, module)
}

/// The component of a module of a world of this package.
pub fn of_package(resolve: &Resolve, package: PackageId, world: &str, module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).expect("valid text");
    let world = resolve.select_world(&[package], Some(world)).expect("a world of the package");
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).expect("fits");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("a module");
    encoder.encode().expect("fits its world")
}

/// A component that returns the same JSON for every event.
pub fn returning(json: &serde_json::Value) -> Vec<u8> {
    let json = json.to_string();
    let (length, escaped) = (json.len(), json.replace('\\', "\\\\").replace('"', "\\\""));
    lambda(&format!(
        r#"(module
        (memory (export "memory") 2)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
        (data (i32.const 1024) "{escaped}")
        (func (export "handle") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (i32.const 0))
            (i32.store (i32.const 4) (i32.const 1024))
            (i32.store (i32.const 8) (i32.const {length}))
            (i32.const 0)))"#
    ))
}
