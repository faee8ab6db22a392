# For scripts that build for other kinds of hosts; they source this file. `prepare_target TARGET` finds or installs what it
# takes and sets:
#   triple   Rust's name of the target
#   cpu      what qemu calls its processor
#   cargo    the command that stands for `cargo`, an array
#   flags    what each build needs behind Cargo's subcommand, an array
#   sysroot  where programs of a dynamic target find their libraries; empty for static ones
#
# Rust's standard library comes, in this order, from rustup's target if it is installed (not for armv7, see below), from
# rustup's `rust-src`, or from Debian's rustc-web with rust-web-src. The C compiler is zig (from PyPI) for static programs with
# musl, and Debian's cross gcc for s390x. All installing together ends after 20 minutes.

install_until=$((EPOCHSECONDS + ${INSTALL_SECONDS:-1200}))
# Where zig is kept: outside the sources, so that two source folders share it.
tools=${CROSS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/tussock-tools}

prepare_target() {
  name_target "$1"
  cargo=(cargo) flags=(--locked --target "$triple")
  # In the environment these replace what .cargo/config.toml says.
  unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS LIBSQLITE3_FLAGS CFLAGS
  mkdir -p "$tools"
  prepare_library "$1"
  case $triple in
    *-musl*) prepare_zig ;;
    *) prepare_gcc ;;
  esac
  # For musl on 32 bits, Rust's standard library has times of 64 bits only with this. musl itself has them since 1.2. rustup's
  # ready-made library was built without it.
  export RUST_LIBC_UNSTABLE_MUSL_V1_2_3=1
}

name_target() {
  case $1 in
    x86_64 | aarch64) triple=$1-unknown-linux-musl cpu=$1 ;;
    armv7) triple=armv7-unknown-linux-musleabihf cpu=arm ;;
    riscv64) triple=riscv64gc-unknown-linux-musl cpu=riscv64 ;;
    s390x) triple=s390x-unknown-linux-gnu cpu=s390x ;;
    *) complain "$1 is no target: x86_64, aarch64, armv7, riscv64 (static, musl) and s390x (glibc, for tests) are known" ;;
  esac
  sysroot=
}

# Rust's standard library for the target.
prepare_library() { # TARGET
  if [ "$1" != armv7 ] && ls "$(rustc --print target-libdir --target "$triple")"/libstd-*.rlib >/dev/null 2>&1; then
    return
  fi
  if [ ! -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    install_packages rustc-web cargo-web rust-web-src ||
      lack "a standard library for $triple: rustup component add rust-src"
    # Debian's toolchain, before any other.
    export PATH="/usr/bin:/bin:$PATH" RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc CARGO=/usr/bin/cargo
    cargo=(/usr/bin/cargo)
    unset RUSTUP_TOOLCHAIN
  fi
  # A released compiler builds its own standard library only if it is told that it may.
  export RUSTC_BOOTSTRAP=1
  flags+=("-Zbuild-std=std,${panic:-panic_abort}")
  # The target's folder has none of musl's start files either; zig brings its own.
  case $triple in *-musl*) flags+=(--config 'build.rustflags=["-Clink-self-contained=no"]') ;; esac
}

prepare_zig() {
  if [ ! -x "$tools/zig/bin/cargo-zigbuild" ]; then
    python3 -m venv "$tools/zig" && in_time "$tools/zig/bin/pip" install --quiet --timeout 30 --retries 1 ziglang==0.17.1 cargo-zigbuild==0.24.1 ||
      lack "zig: python3 with venv, and PyPI, are needed"
  fi
  export PATH="$tools/zig/bin:$PATH" ZIG_GLOBAL_CACHE_DIR="$tools/zig-cache" CARGO_ZIGBUILD_CACHE_DIR="$tools/zigbuild"
  cargo=(cargo-zigbuild)
}

prepare_gcc() {
  local gcc=${triple/-unknown/}
  install_packages "gcc-$gcc" "libc6-dev-$cpu-cross" || lack "a C compiler for $triple: $gcc-gcc is needed"
  export "CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$triple")_LINKER=$gcc-gcc"
  sysroot=/usr/$gcc
}

# Debian's packages, if this is Debian and root asks. Fails if they are not there and cannot be installed.
install_packages() {
  local missing=() package
  for package; do dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' || missing+=("$package"); done
  [ ${#missing[@]} != 0 ] || return 0
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  # An index that the mirror is just renewing is no reason to stop: the old one will do.
  local get=(apt-get -qq -o Acquire::http::Timeout=30 -o Acquire::Retries=1)
  in_time "${get[@]}" update >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive in_time "${get[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1
}

# Ends the command when the time for installing is over.
in_time() { # COMMAND…
  local left=$((install_until - EPOCHSECONDS))
  [ "$left" -gt 0 ] && timeout "$left" "$@"
}

complain() {
  printf '%s\n' "$*" >&2
  exit 1
}

# What is needed is not here. Exit code 3, so that CI can tell it from a failure.
lack() {
  printf 'not here: %s\n' "$*" >&2
  exit 3
}
