#!/bin/sh
# Builds the Lambda handlers below this directory with the real tools and runs them on their events. No part of
# `cargo test`: that downloads nothing.
#
#   tests/handlers/run.sh TOOLS [NAME ...]            compare with the expected results
#   BLESS=--bless tests/handlers/run.sh TOOLS ...     write them
#
# TOOLS is a folder with node_modules (npm install esbuild componentize-qjs) and .venv (pip install componentize-py).
# VERGE is the program; without it, target/debug/verge.
set -eu
tools=$(cd "${1:?TOOLS, a folder with node_modules and .venv}" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
verge=${VERGE:-$here/../../target/debug/verge}
# Tools are looked for above a handler's folder.
work=$(mktemp -d "$tools/handlers.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
    set -- $(cd "$here" && ls -d */ | tr -d /)
fi
failed=0
for name in "$@"; do
    cp -r "$here/$name" "$work/$name"
    if "$verge" build "$work/$name" > "$work/log" 2>&1 &&
        (cd "$work" && "$verge" test ${BLESS:-} "./$name") >> "$work/log" 2>&1; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        sed 's/^/        /' "$work/log"
        failed=1
    fi
    [ -z "${BLESS:-}" ] || cp "$work/$name"/events/*.expected.json "$here/$name/events/"
done
exit $failed
