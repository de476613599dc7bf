//! Rust types of `wit/`, made at compile time.

wasmtime::component::bindgen!({
    path: "wit",
    world: "origin-function-with-body",
    imports: {
        "verge:edge/context.sleep": async | trappable,
        "verge:edge/fetch.wait": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});
