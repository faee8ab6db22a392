#!/usr/bin/env bash
# Cargo: a package's own optimisation level gives the program its symbols back.
#
# One would guess: `strip = "symbols"` of a profile holds for the program, whatever [profile.X.package.NAME] says of the
# same package. An override cannot name `strip` at all, so it cannot be meant to change it.
# What happens: as soon as the package with the program has any override, `opt-level` for example, Cargo passes
# `-C strip=debuginfo` for it, without a word. The symbol table is back in the file. The same holds where the override
# is inherited from another profile.
# Whom it hurts: who ships small programs and sets levels package by package. Our own program grew by 1.3 MB of 4.6.
# Way out: strip at the linker (`-Wl,--strip-all`) or afterwards.
#
# Needs: cargo and a C compiler. Nothing is installed: the tool is Cargo itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset CARGO_TARGET_DIR RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
cargo --version

mkdir src
echo 'fn main() {}' >src/main.rs
package='[package]
name = "small"
version = "0.1.0"
edition = "2021"
'
release='
[profile.release]
strip = "symbols"
'
override='
[profile.release.package.small]
opt-level = "z"
'
inherited='
[profile.release.package.small]
opt-level = "z"
[profile.dist]
inherits = "release"
strip = "symbols"
'

# What Cargo tells the compiler about stripping.
strip_of() { # manifest, profile
  printf '%s' "$1" >Cargo.toml
  rm -rf target
  cargo build --profile "$2" --verbose 2>&1 | grep -oE 'strip=[a-z]+' | head -n 1
}
plain=$(strip_of "$package$release" release)
plain_bytes=$(stat -c %s target/release/small)
overridden=$(strip_of "$package$release$override" release)
overridden_bytes=$(stat -c %s target/release/small)
inherits=$(strip_of "$package$inherited" dist)
echo "profile alone:                    $plain, $plain_bytes bytes"
echo "with an override of the package:  $overridden, $overridden_bytes bytes"
echo "override from another profile:    $inherits"

if [ "$plain" = strip=symbols ] && [ "$overridden" = strip=debuginfo ] && [ "$inherits" = strip=debuginfo ]; then
  echo "as found: an override of the package undoes the profile's strip"
else
  echo "changed"
  exit 1
fi
