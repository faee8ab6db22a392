//! The architecture as a test: reads `src/` as text and holds it to design rules that the compiler does not know.

use std::{collections::BTreeMap, fs, path::PathBuf};

mod imports;
mod source;

use imports::{arrows, circles};
use source::{Source, collect, sources};
use tussock::runtime::logging::PARTS;

/// No file of the product may be longer, in lines.
const MAX_FILE_LINES: usize = 400;
/// No function of the product may be longer, in lines.
const MAX_FUNCTION_LINES: usize = 70;

/// Code lines only: comments do not count as uses.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(at, line)| (at + 1, line))
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// What each module may import from this crate, and which external crates are its own (design, section 1).
fn layers() -> BTreeMap<&'static str, (Vec<&'static str>, Vec<&'static str>)> {
    let base = vec!["base"];
    let chain = vec!["base", "chain"];
    let wire = vec!["base", "chain", "wire"];
    BTreeMap::from([
        ("base", (base, vec!["blake3", "bincode", "chacha20", "unicode_normalization"])),
        ("chain", (chain, vec!["ed25519_zebra", "bech32", "ruint", "toml"])),
        ("wire", (wire, vec![])),
        (
            "wallet",
            (
                vec!["base", "chain", "wallet"],
                vec!["argon2", "chacha20poly1305", "bip39", "getrandom", "hmac", "sha2", "serde_json"],
            ),
        ),
        ("store", (vec!["base", "chain", "store"], vec!["rusqlite"])),
        ("node", (vec!["base", "chain", "wire", "node"], vec!["tussock_noise"])),
        ("link", (vec!["base", "chain", "wire", "node", "link"], vec!["tussock_noise"])),
        ("net", (vec!["base", "chain", "wire", "node", "link", "net"], vec!["mio"])),
        ("sim", (vec!["base", "chain", "wire", "node", "link", "store", "sim"], vec!["tussock_noise"])),
        (
            "runtime",
            (
                vec!["base", "chain", "wire", "node", "link", "store", "net", "runtime"],
                vec!["crossbeam_channel", "signal_hook", "mio", "simplelog", "time"],
            ),
        ),
        (
            "rpc",
            (
                vec!["base", "chain", "wallet", "wire", "node", "store", "runtime", "rpc"],
                vec!["httparse", "serde_json", "mio"],
            ),
        ),
        ("cli", (vec!["*"], vec!["*"])),
        ("config", (vec!["*"], vec!["*"])),
        ("main", (vec!["*"], vec!["*"])),
        ("lib", (vec!["*"], vec![])),
        ("core", (vec!["*"], vec![])),
        ("roles", (vec!["*"], vec![])),
        ("drivers", (vec!["*"], vec![])),
        ("lthash", (vec![], vec!["chacha20"])),
        ("noise", (vec!["noise"], vec!["blake2", "chacha20poly1305", "curve25519_dalek", "snow"])),
    ])
}

/// Crates that are not free for all.
const OWNED: [&str; 28] = [
    "blake3",
    "chacha20",
    "bincode",
    "ed25519_zebra",
    "bech32",
    "ruint",
    "toml",
    "rusqlite",
    "mio",
    "crossbeam_channel",
    "signal_hook",
    "signal_hook_mio",
    "simplelog",
    "httparse",
    "serde_json",
    "clap",
    "indicatif",
    "comfy_table",
    "argon2",
    "bip39",
    "chacha20poly1305",
    "getrandom",
    "clap_mangen",
    "snow",
    "blake2",
    "curve25519_dalek",
    "tussock_noise",
    "unicode_normalization",
];

fn module_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn a_module_imports_only_from_the_layers_above_it() {
    let layers = layers();
    let mut problems = Vec::new();
    for source in sources() {
        let module = module_of(&source.path);
        let Some((own, crates)) = layers.get(module) else {
            problems.push(format!("src/{}: no layer is known for it", source.path));
            continue;
        };
        if own.contains(&"*") {
            continue;
        }
        let text: String = code_lines(&source.product).map(|(_, line)| format!("{line}\n")).collect();
        for used in uses_of_this_crate(&text) {
            if !own.contains(&used.as_str()) {
                problems.push(format!("src/{}: {module} may not use {used}", source.path));
            }
        }
        for name in OWNED {
            let mentions = text.contains(&format!("{name}::")) || text.contains(&format!("use {name};"));
            if mentions && !crates.iter().any(|own| *own == name || name.starts_with(&format!("{own}_"))) {
                problems.push(format!("src/{}: {module} may not use the crate {name}", source.path));
            }
        }
    }
    report(&problems);
}

/// Top-level modules named by `crate::x` and by the groups of `use crate::{…}`.
fn uses_of_this_crate(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && c == ',') {
                    found.push(first_name(&item));
                    item.clear();
                } else {
                    item.push(c);
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push(first_name(rest));
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn first_name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn banned_calls_stay_out() {
    // What, where it is allowed, and why it is banned elsewhere.
    let rules: [(&str, &[&str], &str); 13] = [
        (
            "Instant::now",
            &["runtime/clock.rs", "runtime/logging.rs", "runtime/node.rs", "rpc/", "cli/"],
            "roles are told the time",
        ),
        ("SystemTime::now", &["runtime/clock.rs"], "roles are told the time; others ask runtime::unix_now"),
        ("now_utc", &[], "runtime::unix_now is right after 2038 on every host"),
        ("thread::sleep", &[], "wait on an event with a deadline"),
        (".unwrap()", &[], "a value that is missing is a fault, an error, or a named invariant"),
        ("todo!(", &[], "nothing unfinished is called done"),
        ("unimplemented!(", &[], "nothing unfinished is called done"),
        ("TODO", &[], "finish it or file it"),
        ("FIXME", &[], "finish it or file it"),
        ("#[allow", &[], "expect, with a reason"),
        ("#![allow", &[], "expect, with a reason"),
        ("dbg!(", &[], "leftover"),
        ("cfg(feature", &[], "the simulator runs what production runs"),
    ];
    let mut problems = Vec::new();
    for source in sources() {
        for (line, text) in code_lines(&source.product) {
            for (what, allowed, why) in rules {
                if text.contains(what) && !allowed.iter().any(|place| source.path.starts_with(place)) {
                    problems.push(format!("src/{}:{line}: {what}: {why}", source.path));
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn roles_and_simulator_are_deterministic_by_construction() {
    let mut problems = Vec::new();
    for source in sources() {
        if !["node", "link", "sim", "wire", "chain", "base"].contains(&module_of(&source.path)) {
            continue;
        }
        for (line, text) in code_lines(&source.product) {
            for what in ["HashMap", "HashSet", "std::thread", "std::fs", "TcpStream", "rand::", "std::env"] {
                if text.contains(what) && !(what == "std::fs" && source.path.starts_with("sim/")) {
                    problems.push(format!("src/{}:{line}: {what}", source.path));
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn nothing_in_a_test_sleeps() {
    let mut files = Vec::new();
    collect(&[env!("CARGO_MANIFEST_DIR"), "tests"].iter().collect::<PathBuf>(), &mut files);
    let mut texts: Vec<(String, String)> =
        files.iter().map(|file| (file.display().to_string(), fs::read_to_string(file).unwrap())).collect();
    texts.extend(sources().iter().map(|source| (source.path.clone(), source.whole.clone())));
    let call = ["thread::", "sleep("].concat();
    let problems: Vec<String> = texts.iter().filter(|(_, text)| text.contains(&call)).map(|(p, _)| p.clone()).collect();
    report(&problems);
}

/// Files in a circle of imports. Mend them and delete them here: the list may only shrink.
const KNOWN_CIRCLES: &[&str] = &[];

/// Files and functions over their limits, as `FILE` and `FILE fn NAME`. The list may only shrink.
const KNOWN_LONG: &[&str] = &[];

/// Fails on what is found and not known, and on what is known and no longer found.
fn report_all_but(known: &[&str], found: &BTreeMap<String, String>) {
    let new = found.iter().filter(|(what, _)| !known.contains(&what.as_str()));
    let mut problems: Vec<String> = new.map(|(what, why)| format!("src/{what}: {why}")).collect();
    let mended = known.iter().filter(|what| !found.contains_key(**what));
    problems.extend(mended.map(|what| format!("src/{what} is mended: delete it from the list in tests/tidy.rs")));
    report(&problems);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let arrows = arrows(sources());
    let mut found = BTreeMap::new();
    for circle in circles(&arrows) {
        for file in &circle {
            let inside = arrows[file].iter().filter(|(to, _)| circle.contains(*to));
            let uses = inside.map(|(to, names)| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("\n    uses {to}: {}", names.join(", "))
            });
            found.insert(file.clone(), format!("in a circle{}", uses.collect::<String>()));
        }
    }
    report_all_but(KNOWN_CIRCLES, &found);
}

#[test]
fn files_and_functions_stay_short() {
    let mut found = BTreeMap::new();
    for source in sources() {
        let lines = source.product_lines;
        if lines > MAX_FILE_LINES {
            found.insert(source.path.clone(), format!("{lines} lines, more than {MAX_FILE_LINES}"));
        }
        for (name, lines) in source.functions().into_iter().filter(|(_, lines)| *lines > MAX_FUNCTION_LINES) {
            found
                .insert(format!("{} fn {name}", source.path), format!("{lines} lines, more than {MAX_FUNCTION_LINES}"));
        }
    }
    report_all_but(KNOWN_LONG, &found);
}

/// `tussock log` and --log refuse what is no part, and lines of a module that is none could not be asked for.
#[test]
fn each_module_that_logs_has_a_level_of_its_own() {
    let speaks = |source: &&Source| {
        ["error", "warn", "info", "debug", "trace"].iter().any(|level| source.code.contains(&format!("log::{level}!")))
    };
    let silent = |source: &&Source| {
        let path = source.path.strip_prefix("node/").unwrap_or(&source.path);
        !PARTS.contains(&module_of(path))
    };
    let problem = |source: &Source| format!("src/{}: add its module to PARTS in src/runtime/logging.rs", source.path);
    report(&sources().iter().filter(speaks).filter(silent).map(problem).collect::<Vec<_>>());
}

#[test]
fn the_top_level_holds_nothing_unexpected() {
    let expected = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "LICENSE",
        "src",
        "tests",
        "scripts",
        "target",
        "rustfmt.toml",
        "clippy.toml",
        "deny.toml",
        "findings",
    ];
    let problems: Vec<String> = fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !expected.contains(&name.as_str()))
        .collect();
    report(&problems);
}
