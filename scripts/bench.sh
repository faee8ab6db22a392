#!/usr/bin/env bash
# Runs every benchmark (medians of five runs) with the `dist` build, or with the program that TUSSOCK_BIN names, and
# writes one file with a table and all figures: target/bench.md. Options: scripts/bench.sh --help.
# Needs a Rust toolchain and a C compiler, and a machine with nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${TUSSOCK_BIN:-}" ] || TUSSOCK_BIN=$(scripts/dist.sh)
export TUSSOCK_BIN
exec cargo bench --quiet --locked --bench suite -- "$@"
