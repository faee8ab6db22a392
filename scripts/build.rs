//! What the linker is told about the release program.
//!
//! It leaves out what only unwinding would read, about a fifteenth: the release profile aborts on a panic, after the hook
//! of `src/runtime/panics.rs`; tests and debug builds unwind, and keep their tables. It packs the addresses that are to
//! be corrected when the program is loaded, a fortieth, where the C library is new enough to unpack them. And it keeps
//! functions that came out as the same instructions only once, a sixtieth, where it can; nothing here tells functions
//! apart by their addresses.

use std::{
    env, fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// How glibc says that it can; since 2.36.
const UNPACKS: &[u8] = b"GLIBC_ABI_DT_RELR";

/// GNU's linker does not know it; Rust's own, the default on this system since 1.90, does.
const FOLDS: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=scripts/no-unwind-tables.ld");
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/scripts/no-unwind-tables.ld");
        if is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST") == env::var("TARGET") {
            if unpacks_relocations() {
                println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
            }
            if links(FOLDS).unwrap_or(false) {
                println!("cargo::rustc-link-arg-bins={FOLDS}");
            }
        }
    }
}

/// Whether this host's C library can. Where it cannot be found, it is taken not to.
fn unpacks_relocations() -> bool {
    let Ok(answer) = Command::new("cc").arg("-print-file-name=libc.so.6").output() else { return false };
    let library = fs::read(String::from_utf8_lossy(&answer.stdout).trim()).unwrap_or_default();
    library.windows(UNPACKS.len()).any(|part| part == UNPACKS)
}

/// Whether the linker that will be used takes an option: links the least of programs with it.
fn links(option: &str) -> Option<bool> {
    let program = Path::new(&env::var_os("OUT_DIR")?).join("linked");
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.args(["-", "--crate-name", "linked", "-C"]).arg(format!("link-arg={option}")).arg("-o").arg(&program);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    let mut child = rustc.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    child.stdin.take()?.write_all(b"fn main() {}").ok()?;
    Some(child.wait().ok()?.success())
}
