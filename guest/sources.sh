#!/bin/sh
# Prints everything that the engine's module is made of, in a fixed order: what its provenance hashes.
set -eu
cd "$(dirname "$0")/.."
for file in $(find guest/src -type f ! -name 'tests.rs' | LC_ALL=C sort) guest/Cargo.toml src/wire.rs; do
    echo "== $file"
    cat "$file"
done
