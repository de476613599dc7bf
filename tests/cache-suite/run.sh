#!/usr/bin/env bash
# Runs the public HTTP cache tests (https://cache-tests.fyi) against `verge serve` and compares every result with the
# record in expected.txt. Prints how many required and optimal tests pass, and each difference from the record.
#
#   git clone https://github.com/http-tests/cache-tests && (cd cache-tests && npm ci)
#   tests/cache-suite/run.sh cache-tests
#
# The suite's only release in a registry is from before RFC 9111 and tests against it, so the clone is the reader's to
# make. The record is of commit b55b8bd. VERGE is the program; without it, target/debug/verge. Needs node.
# Exit 0: as recorded; 1: something differs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=$(cd "${1:?SUITE, a clone of the cache tests with its node_modules}" && pwd)
verge=${VERGE:-$here/../../target/debug/verge}

work=$(mktemp -d)
started=()
finish() {
    if ((${#started[@]} > 0)); then
        kill "${started[@]}" 2>/dev/null || true
        wait "${started[@]}" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# wait_for PID LOG TEXT: until the program has said the text; fails if it ended instead.
wait_for() {
    until grep -qs -- "$3" "$2"; do
        if ! kill -0 "$1" 2>/dev/null; then
            cat "$2" >&2
            return 1
        fi
        sleep 0.1
    done
}

port=$(node -e 's = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close() })')
(
    cd "$suite"
    export npm_config_protocol=http npm_config_port="$port" npm_config_pidfile="$work/pid"
    exec node test-engine/server/server.mjs
) >"$work/origin.log" 2>&1 &
started+=($!)
wait_for $! "$work/origin.log" "Listening"

sed -e "s|ORIGIN_PORT|$port|" -e "s|STATE|$work/state|" "$here/verge.toml" >"$work/verge.toml"
"$verge" serve --config "$work/verge.toml" >"$work/verge.log" 2>&1 &
started+=($!)
wait_for $! "$work/verge.log" "is ready"
edge=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$work/verge.log" | head -n 1)

(
    cd "$suite"
    # An empty id runs all tests.
    export npm_config_base="$edge" npm_config_id="" npm_package_config_id=""
    node --no-warnings test-engine/cli.mjs
) >"$work/results.json"
node "$here/compare.mjs" "$suite/tests" "$work/results.json" "$here/expected.txt"
