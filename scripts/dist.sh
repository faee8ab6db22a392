#!/usr/bin/env bash
# Makes the program that is shipped, for this host, and prints where it is. Figures are measured with it.
# Needs a Rust toolchain and a C compiler.
#
#   dist.sh               for this host
#   dist.sh TARGET…       static programs for other hosts: x86_64, aarch64, armv7, riscv64. They stand in target/shipped/, with
#                         SHA256SUMS, a systemd unit and a script for OpenWrt's procd. scripts/targets.sh says what it needs
#   dist.sh --twice TARGET…   the same, and again from a clone in another folder; fails if two programs differ by a byte
#
# The same commit, compiler and zig give the same bytes, in whatever folder. .github/CONTRIBUTING.md says what differs elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/targets.sh
target_folder=${CARGO_TARGET_DIR:-$PWD/target}

build_here() {
  # In the environment these replace what .cargo/config.toml says.
  unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS LIBSQLITE3_FLAGS CFLAGS
  cargo build --profile dist --quiet --locked --bin tussock
  local binary=$target_folder/dist/tussock version
  version=$("$binary" --version)
  case $version in
    *'(dist)') printf '%s\n' "$binary" ;;
    *) complain "not what is shipped: $version" ;;
  esac
}

build_for() { # TARGET
  local panic=panic_abort
  prepare_target "$1"
  # Panic messages name source files: they must not name folders of this host.
  local home=${CARGO_HOME:-$HOME/.cargo} roots
  roots=$(printf '"--remap-path-prefix=%s=%s",' "$PWD" /tussock "$home/registry/src" /crates \
    "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust" /rust "$target_folder" /target)
  "${cargo[@]}" rustc --quiet --profile dist --bin tussock "${flags[@]}" --config "build.rustflags=[${roots%,}]"
  install -m 755 "$target_folder/$triple/dist/tussock" "$shipped/tussock-$1"
}

# Builds the same commit in a folder that has another name and nothing of an earlier build, and compares.
compare_second_build() { # TARGET…
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  git -c advice.detachedHead=false -c init.defaultBranch=main clone --quiet . "$copy/sources"
  CARGO_TARGET_DIR=$copy/built "$copy/sources/scripts/dist.sh" "$@" >/dev/null
  local target
  for target; do
    cmp "$shipped/tussock-$target" "$copy/built/shipped/tussock-$target" || complain "two builds for $target differ"
  done
  printf 'two builds are equal to the byte: %s\n' "$*"
}

if [ $# = 0 ]; then
  build_here
  exit
fi
twice=
if [ "$1" = --twice ]; then
  twice=1
  shift
  [ $# != 0 ] || complain 'which TARGET is to be built twice?'
  [ -z "$(git status --porcelain)" ] || complain 'the second build is of a clone, which lacks what is not committed'
fi
shipped=$target_folder/shipped
mkdir -p "$shipped"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || printf 0)
export SOURCE_DATE_EPOCH
for target; do name_target "$target"; done
for target; do (build_for "$target"); done
cp src/cli/tussock.service src/cli/tussock.openwrt "$shipped"
(cd "$shipped" && sha256sum tussock-* tussock.* >SHA256SUMS)
stat -c '%s bytes  %n' "$shipped"/tussock-*
if [ -n "$twice" ]; then compare_second_build "$@"; fi
