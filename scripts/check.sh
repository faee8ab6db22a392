#!/usr/bin/env bash
# Everything that a commit must pass, as CI runs it: format, lints, documentation, and the README's test command.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; "$@"; }

step cargo fmt --check
step cargo clippy --locked --release --all-targets -- --deny warnings
# Private items are documented too, so that links to them work.
RUSTDOCFLAGS='--deny warnings --allow rustdoc::private-intra-doc-links' step cargo doc --locked --release --no-deps --document-private-items

# Two versions of one library in the binary cost memory and trust; build-time tools may differ.
duplicates=$(cargo tree --locked --duplicates --edges normal --depth 0 | grep -vE '^(hashbrown|syn) |^$' || true)
if [ -n "$duplicates" ]; then
  printf 'more than one version of:\n%s\n' "$duplicates"
  exit 1
fi

# bincode is unmaintained (RUSTSEC-2025-0141) but complete for what we use of it; base/codec.rs is its one home, and golden
# vectors pin its bytes. Whoever runs cargo-audit passes: --ignore RUSTSEC-2025-0141.
step cargo test --release
