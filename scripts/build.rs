//! Leaves out of the release program what only unwinding would read, about a fifteenth of it. The release profile aborts on a panic,
//! after the hook of `src/runtime/panics.rs`; tests and debug builds unwind, and keep their tables.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=scripts/no-unwind-tables.ld");
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/scripts/no-unwind-tables.ld");
    }
}
