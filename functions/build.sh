#!/bin/sh
# Builds the WebAssembly of the origin functions below this directory, and notes from which sources it was built.
#
#   functions/build.sh            all of them
#   functions/build.sh NAME ...   only these
#
# Needs:
#   Rust functions   rustup target add wasm32-unknown-unknown
#   C functions      clang (19 or later) and lld: packages clang-19 and lld-19; cargo install wit-bindgen-cli@0.57.1
#   components       cargo install wasm-tools
set -eu
cd "$(dirname "$0")"
CLANG=${CLANG:-clang-19}

fail() {
    echo "functions/build.sh: $*" >&2
    exit 1
}

need() {
    command -v "$1" > /dev/null || fail "$1 is missing; see the head of this file for what to install"
}

build_rust() {
    (cd "$1" && cargo build --quiet --release --locked --target wasm32-unknown-unknown --target-dir "$work")
    # Rust names the file after the crate, with underscores; the world travels in a section of its own.
    module="$work/wasm32-unknown-unknown/release/$(echo "$1" | tr - _).wasm"
    wasm-tools component new "$module" -o "$work/$1.wasm"
}

build_c() {
    need "$CLANG"
    need wit-bindgen
    wit-bindgen c ../wit --world origin-request-function --out-dir "$work" > "$work/log" 2>&1 ||
        fail "wit-bindgen: $(cat "$work/log")"
    "$CLANG" --target=wasm32 -Oz -flto -nostdlib -fno-builtin -Wall -Wextra -Wno-unused-parameter \
        -isystem "$1/freestanding" -I "$work" \
        "$1/function.c" "$1/freestanding/freestanding.c" "$work/origin_request_function.c" \
        "$work/origin_request_function_component_type.o" \
        -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=16384 -o "$work/$1.core.wasm"
    wasm-tools component new "$work/$1.core.wasm" -o "$work/$1.wasm"
}

# One line a source file, sorted by name: its SHA-256 and its name. A test compares it with the files.
note_sources() {
    sources=$(cd "$1" && find . -type f \( -name '*.rs' -o -name '*.c' -o -name '*.h' -o -name Cargo.toml \
        -o -name Cargo.lock \) -not -path './target/*' | LC_ALL=C sort)
    (cd "$1" && sha256sum $sources ../../wit/edge.wit | sed 's| \./| |') > "$1/function.sources"
}

need wasm-tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
    set -- $(grep -l '^runtime = "wasm"' ./*/function.toml | cut -d/ -f2)
fi
for name in "$@"; do
    [ -f "$name/function.toml" ] || fail "there is no functions/$name/function.toml"
    if [ -f "$name/Cargo.toml" ]; then build_rust "$name"; else build_c "$name"; fi
    wasm-tools strip --all "$work/$name.wasm" -o "$name/function.wasm"
    note_sources "$name"
    echo "$name: $(wc -c < "$name/function.wasm") bytes"
done
