#!/usr/bin/env bash
# Makes the program that is shipped, for this host, and prints where it is. Figures are measured with it.
# Needs a Rust toolchain and a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

# In the environment these replace what .cargo/config.toml says.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS LIBSQLITE3_FLAGS CFLAGS
cargo build --profile dist --quiet --locked --bin tussock
binary=${CARGO_TARGET_DIR:-$PWD/target}/dist/tussock
version=$("$binary" --version)
case $version in
  *'(dist)') printf '%s\n' "$binary" ;;
  *) printf 'not what is shipped: %s\n' "$version" >&2; exit 1 ;;
esac
