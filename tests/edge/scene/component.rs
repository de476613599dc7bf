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

/// `$find` gives the first place from `$at` on where the bytes at `$what` stand, before `$end`; 0 where there is none.
pub const FIND: &str = r#"
    (func $find (param $at i32) (param $what i32) (param $length i32) (param $end i32) (result i32) (local $i i32)
        (block $missing
            (loop $place
                (br_if $missing (i32.gt_u (i32.add (local.get $at) (local.get $length)) (local.get $end)))
                (local.set $i (i32.const 0))
                (block $differs
                    (loop $byte
                        (br_if $differs (i32.ne
                            (i32.load8_u (i32.add (local.get $at) (local.get $i)))
                            (i32.load8_u (i32.add (local.get $what) (local.get $i)))))
                        (local.set $i (i32.add (local.get $i) (i32.const 1)))
                        (br_if $byte (i32.lt_u (local.get $i) (local.get $length))))
                    (return (local.get $at)))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $place)))
        (i32.const 0))"#;

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

/// A component that returns the event's `member`, `request` or `response`, with `with` in place of the first `find` in it.
pub fn replacing(member: &str, find: &str, with: &str) -> Vec<u8> {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let (member, member_length) = (format!("\\\"{member}\\\":"), member.len() + 3);
    lambda(&format!(
        r#"(module
        (import "verge:edge/log@0.1.0" "write" (func $log (param i32 i32)))
        {MEMORY} {FIND}
        (data (i32.const 1024) "{member}") (data (i32.const 1056) "{}") (data (i32.const 2048) "{}")
        (global $out (mut i32) (i32.const 0))
        (func $append (param $from i32) (param $length i32)
            (memory.copy (global.get $out) (local.get $from) (local.get $length))
            (global.set $out (i32.add (global.get $out) (local.get $length))))
        (func (export "handle") (param $event i32) (param $length i32) (result i32)
            (local $end i32) (local $at i32) (local $place i32)
            (call $begin)
            (call $log (local.get $event) (local.get $length))
            (global.set $out (i32.const 0x400000))
            (local.set $end (i32.add (local.get $event) (local.get $length)))
            (local.set $at (i32.add (i32.const {member_length})
                (call $find (local.get $event) (i32.const 1024) (i32.const {member_length}) (local.get $end))))
            (local.set $place
                (call $find (local.get $at) (i32.const 1056) (i32.const {}) (local.get $end)))
            (if (i32.eqz (local.get $place)) (then unreachable))
            (call $append (local.get $at) (i32.sub (local.get $place) (local.get $at)))
            (call $append (i32.const 2048) (i32.const {}))
            (local.set $at (i32.add (local.get $place) (i32.const {})))
            (call $append (local.get $at) (i32.sub (i32.sub (local.get $end) (i32.const 4)) (local.get $at)))
            (i32.store (i32.const 0) (i32.const 0))
            (i32.store (i32.const 4) (i32.const 0x400000))
            (i32.store (i32.const 8) (i32.sub (global.get $out) (i32.const 0x400000)))
            (i32.const 0)))"#,
        escaped(find),
        escaped(with),
        find.len(),
        with.len(),
        find.len(),
    ))
}
