#!/bin/sh
# Rebuilds guest/engine.wasm.zst, the JavaScript engine as a wasm module that has already started, and its provenance.
#
# With rustup:   rustup target add wasm32-unknown-unknown; guest/rebuild.sh
# With Debian:   apt install rustc-web rust-web-src libstd-rust-web-dev lld-22; GUEST_RUSTC=/usr/bin/rustc guest/rebuild.sh
#                (that compiler comes without a standard library for this target: it is built along, about five minutes
#                of CPU the first time)
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target/guest}
export CARGO_TARGET_DIR="$target"
flags='--cfg getrandom_backend="custom" -C link-arg=-zstack-size=1048576 -C target-feature=+simd128,+bulk-memory'
if [ -n "${GUEST_RUSTC:-}" ]; then
    RUSTC=$GUEST_RUSTC RUSTC_BOOTSTRAP=1 \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=${GUEST_LINKER:-wasm-ld-22} \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags \
        cargo build -p verge-guest --lib --profile guest --target wasm32-unknown-unknown --locked \
        -Zbuild-std=std,panic_abort
    compiler=$("$GUEST_RUSTC" --version)
else
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags \
        cargo build -p verge-guest --lib --profile guest --target wasm32-unknown-unknown --locked
    compiler=$(rustc --version)
fi
cargo run --quiet --release --manifest-path guest/snapshot/Cargo.toml -- \
    "$target/wasm32-unknown-unknown/guest/verge_guest.wasm" guest/engine.wasm.zst
cat > guest/engine.provenance.toml <<END
# Written by guest/rebuild.sh; a test compares it with the sources. After a change of either, run that script.
compiler = "$compiler"
target = "wasm32-unknown-unknown"
flags = '$flags'
boa_engine = "$(sed -n '/^name = "boa_engine"/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)"
sources_sha256 = "$(guest/sources.sh | sha256sum | cut -d' ' -f1)"
module_sha256 = "$(sha256sum guest/engine.wasm.zst | cut -d' ' -f1)"
END
ls -l guest/engine.wasm.zst
