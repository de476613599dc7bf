//! Rust types of `wit/edge.wit`, made at compile time.

wasmtime::component::bindgen!({
    path: "wit",
    world: "origin-function",
    imports: { default: trappable },
    exports: { default: async },
});
