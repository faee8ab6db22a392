//! What the linker is told about the release program.
//!
//! It leaves out what only unwinding would read, about a fifteenth: the release profile aborts on a panic, after the hook
//! of `src/runtime/panics.rs`; tests and debug builds unwind, and keep their tables. And it packs the addresses that are
//! to be corrected when the program is loaded, a fortieth, where the C library is new enough to unpack them.

use std::{env, fs, process::Command};

/// How glibc says that it can; since 2.36.
const UNPACKS: &[u8] = b"GLIBC_ABI_DT_RELR";

fn main() {
    println!("cargo::rerun-if-changed=scripts/no-unwind-tables.ld");
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/scripts/no-unwind-tables.ld");
        if is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST") == env::var("TARGET") && unpacks_relocations() {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
    }
}

/// Whether this host's C library can. Where it cannot be found, it is taken not to.
fn unpacks_relocations() -> bool {
    let Ok(answer) = Command::new("cc").arg("-print-file-name=libc.so.6").output() else { return false };
    let library = fs::read(String::from_utf8_lossy(&answer.stdout).trim()).unwrap_or_default();
    library.windows(UNPACKS.len()).any(|part| part == UNPACKS)
}
