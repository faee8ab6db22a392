//! Tells the program how it was built, and the linker what the `dist` profile allows.
//!
//! Flags in `.cargo/config.toml` get lost: `RUSTFLAGS` in the environment replaces them, and `cargo install` never reads
//! that file. The program is right without them, only larger and slower. So the build warns, and `tussock --version` and
//! `tussock doctor` say so.
//!
//! In `release` and `dist` the linker packs the addresses that the loader corrects, where the C library is new enough to
//! unpack them: unpacked they are a tenth of the pages of a `release` program that runs. And where it can, it keeps functions
//! of the same instructions only once; nothing here tells functions apart by their addresses.
//!
//! `dist` never unwinds: it aborts on a panic, after the hook of `src/runtime/panics.rs`. So the linker leaves out what
//! only unwinding reads, a fifteenth of the program. All other profiles unwind or keep the tables for a profiler.

use std::{
    env, fs,
    io::Write as _,
    path::{Component, Path},
    process::{Command, Stdio},
};

/// What `.cargo/config.toml` tells the Rust compiler.
const RUST_FLAGS: [&str; 2] = ["sha2_backend_soft", "chacha20_avx512"];
/// One of the flags that it has for SQLite: enough to know that they arrived.
const SQLITE_FLAG: &str = "-DSQLITE_OMIT_LOAD_EXTENSION";

/// How glibc says that it unpacks addresses; since 2.36.
const UNPACKS: &[u8] = b"GLIBC_ABI_DT_RELR";
/// GNU's linker does not know it; Rust's own, the default on this system since 1.90, does.
const FOLDS: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=scripts/no-unwind-tables.ld");
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "LIBSQLITE3_FLAGS"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let profile = profile().unwrap_or_default();
    describe(&profile);
    if is("CARGO_CFG_TARGET_OS", "linux") {
        match profile.as_str() {
            "dist" => {
                link_without_unwinding();
                link_small();
            }
            "release" => link_small(),
            _ => {}
        }
    }
}

fn is(name: &str, wanted: &str) -> bool {
    env::var(name).is_ok_and(|value| value == wanted)
}

/// The folder of the profile: `OUT_DIR` is `…/dist/build/…`. `PROFILE` is `release` for all profiles that inherit from it.
fn profile() -> Option<String> {
    let out = env::var_os("OUT_DIR")?;
    let names: Vec<_> = Path::new(&out).components().map(Component::as_os_str).collect();
    let build = names.iter().rposition(|name| *name == "build")?;
    Some(names.get(build.checked_sub(1)?)?.to_str()?.to_owned())
}

/// Sets what `tussock --version` says of the build.
fn describe(profile: &str) {
    let rust_flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut lost: Vec<&str> = RUST_FLAGS.into_iter().filter(|flag| !rust_flags.contains(flag)).collect();
    if !env::var("LIBSQLITE3_FLAGS").is_ok_and(|flags| flags.contains(SQLITE_FLAG)) {
        lost.push("LIBSQLITE3_FLAGS");
    }
    if lost.is_empty() {
        println!("cargo::rustc-env=TUSSOCK_BUILD={profile}");
        return;
    }
    let lost = format!("without {} of .cargo/config.toml: larger and slower", lost.join(", "));
    println!("cargo::rustc-env=TUSSOCK_BUILD={profile}; {lost}");
    if is("PROFILE", "release") {
        println!("cargo::warning=built {lost}; RUSTFLAGS in the environment and `cargo install` have that effect");
    }
}

fn link_without_unwinding() {
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/scripts/no-unwind-tables.ld");
    // Cargo forgets `strip` for a package with settings of its own (findings/cargo_override_undoes_strip.sh).
    println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
}

fn link_small() {
    if is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST") == env::var("TARGET") {
        if unpacks_addresses() {
            println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        }
        if links(FOLDS).unwrap_or(false) {
            println!("cargo::rustc-link-arg-bins={FOLDS}");
        }
    }
}

/// Whether this host's C library can. If the library is not found, it is taken not to.
fn unpacks_addresses() -> bool {
    let Ok(answer) = Command::new("cc").arg("-print-file-name=libc.so.6").output() else { return false };
    let library = fs::read(String::from_utf8_lossy(&answer.stdout).trim()).unwrap_or_default();
    library.windows(UNPACKS.len()).any(|part| part == UNPACKS)
}

/// Whether the linker that will be used takes an option: links an empty program with it.
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
