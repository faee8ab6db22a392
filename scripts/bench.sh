#!/usr/bin/env bash
# Runs every benchmark (medians of five runs) and writes one file with a table and all figures: target/bench.md.
# Options: scripts/bench.sh --help. Needs a Rust toolchain and a C compiler, and a machine with nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --quiet --locked --bench suite -- "$@"
