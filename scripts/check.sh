#!/usr/bin/env bash
# Everything that a commit must pass, as CI runs it: format, lints, documentation, dependencies, and the README's test
# command. All of it uses the release profile, so that SQLite and procedural macros are compiled once; clippy and rustdoc
# share what they know of the dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; "$@"; }

step cargo fmt --check
step cargo clippy --locked --release --all-targets -- --deny warnings
# Private items are documented too, so that links to them work.
RUSTDOCFLAGS='--deny warnings --allow rustdoc::private-intra-doc-links' step cargo doc --locked --release --no-deps --document-private-items

# Two versions of one library in the program cost memory and trust. Two of `syn`, which most derives are made with, cost
# every build three seconds: Cargo.lock holds serde, clap and thiserror at their last versions with the older one, until
# curve25519-dalek and zeroize use the newer one too.
duplicates=$(cargo tree --locked --duplicates --edges normal,build --depth 0 | grep -vE '^hashbrown |^$' || true)
if [ -n "$duplicates" ]; then
  printf 'more than one version of:\n%s\n' "$duplicates"
  exit 1
fi

# Licences, known flaws of dependencies, where they come from: deny.toml.
if command -v cargo-deny >/dev/null; then
  step cargo deny --locked check
else
  printf '\n== cargo deny check: skipped, cargo-deny is not installed\n'
fi

step cargo test --release
# The roles that know the time, in 2042 and while 32 bits of seconds end in 2106.
for epoch in 2272147200 4294967266; do
  TEST_EPOCH=$epoch step cargo test --release --lib -- --quiet headers:: peers:: handshake:: miner::
done

# A host with 32 bits and a big-endian one, under emulation: as long again as all of the above, so only CI does it unasked.
if [ -z "${CROSS_TEST:-}" ]; then
  printf '\n== tests on armv7 and s390x: skipped; CROSS_TEST=1 turns them on (scripts/cross-test.sh)\n'
else
  status=0
  TUSSOCK_BIN=${CARGO_TARGET_DIR:-$PWD/target}/release/tussock step scripts/cross-test.sh armv7 s390x || status=$?
  case $status in
    0) ;;
    3) printf 'tests on armv7 and s390x: not all of them were run, see above for what is not here\n' ;;
    *) exit "$status" ;;
  esac
fi
