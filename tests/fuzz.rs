//! Structure-aware fuzzing on the stable toolchain. It changes inputs from `tests/fuzz/corpus/` and from `seeds`, and
//! feeds them to every parser of remote input. No parser may panic or contradict itself.
//!
//! `cargo test` runs a fixed number of inputs from a fixed seed; `scripts/fuzz.sh` runs more, from other seeds.
//! `TUSSOCK_FUZZ_COUNT` and `TUSSOCK_FUZZ_SEED` set both. Input `n` depends only on the seed plus `n`, so a seed and a
//! count of one replay a finding.

mod seeds;
mod targets;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use tussock::base::rng::Rng;

use crate::support::mutate;

/// Inputs for each target in `cargo test`.
const COUNT: u64 = 1_500;
/// Inputs are cut to this length: slow inputs find little.
const MOST_BYTES: usize = 64 * 1024;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fuzz/corpus", name].iter().collect()
}

/// With `TUSSOCK_FUZZ_SAVE=1`, writes what our encoders make into the corpus. Run it once after each change of a format,
/// so that the old encodings stay among the inputs.
fn save(name: &str, made: &[Vec<u8>]) {
    if std::env::var_os("TUSSOCK_FUZZ_SAVE").is_none() {
        return;
    }
    fs::create_dir_all(folder(name)).unwrap();
    for (at, input) in made.iter().enumerate() {
        fs::write(folder(name).join(format!("v2-{at:02}")), input).unwrap();
    }
}

/// The files of a target's corpus, by name: first inputs, and inputs that once failed.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder(name)).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Runs a target over the corpus, and then over changed inputs.
fn fuzz(name: &str, made: Vec<Vec<u8>>, structure: fn(&mut Rng, &mut [u8]), target: fn(&[u8])) {
    save(name, &made);
    let mut inputs = corpus(name);
    assert!(!inputs.is_empty(), "tests/fuzz/corpus/{name} is missing");
    inputs.extend(made);
    inputs.iter().for_each(|input| target(input));
    let (count, first) = (number("TUSSOCK_FUZZ_COUNT").unwrap_or(COUNT), number("TUSSOCK_FUZZ_SEED").unwrap_or(1));
    for seed in first..first.saturating_add(count) {
        let input = change(&inputs, structure, seed);
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let hex: String = input.iter().take(2_000).map(|byte| format!("{byte:02x}")).collect();
            panic!(
                "{name} failed; replay: TUSSOCK_FUZZ_SEED={seed} TUSSOCK_FUZZ_COUNT=1 cargo test --test all fuzz::{name}\ninput: {hex}"
            );
        }
    }
}

/// Makes an input: another one with changed bytes, or the head of one and the tail of another.
fn change(inputs: &[Vec<u8>], structure: fn(&mut Rng, &mut [u8]), seed: u64) -> Vec<u8> {
    let mut rng = Rng::from_number(seed);
    let mut input = rng.pick(inputs).cloned().unwrap_or_default();
    if rng.chance(100_000) {
        let other = rng.pick(inputs).cloned().unwrap_or_default();
        let cut = |bytes: &[u8], rng: &mut Rng| usize::try_from(rng.below(bytes.len() as u64 + 1)).unwrap();
        let (head, tail) = (cut(&input, &mut rng), cut(&other, &mut rng));
        input.truncate(head);
        input.extend_from_slice(&other[tail..]);
    }
    mutate::bytes(&mut rng, &mut input);
    input.truncate(MOST_BYTES);
    structure(&mut rng, &mut input);
    input
}

fn unstructured(_: &mut Rng, _: &mut [u8]) {}

/// Corrects lengths and checksums, in most inputs.
fn whole_frame(rng: &mut Rng, input: &mut [u8]) {
    if rng.chance(800_000) {
        mutate::repair(input);
    }
}

#[test]
fn frames() {
    fuzz("frames", seeds::frames(), whole_frame, targets::frames);
}

#[test]
fn messages() {
    fuzz("messages", seeds::messages(), unstructured, targets::messages);
}

#[test]
fn links() {
    fuzz("links", seeds::links(), unstructured, targets::links);
}

#[test]
fn agreements() {
    fuzz("agreements", seeds::agreements(), unstructured, targets::agreements);
}

#[test]
fn headers() {
    fuzz("headers", seeds::headers(), unstructured, targets::headers);
}

#[test]
fn transactions() {
    fuzz("transactions", seeds::transactions(), unstructured, targets::transactions);
}

#[test]
fn blocks() {
    fuzz("blocks", seeds::blocks(), unstructured, targets::blocks);
}

#[test]
fn http() {
    fuzz("http", Vec::new(), unstructured, targets::http);
}

#[test]
fn json_rpc() {
    fuzz("json_rpc", Vec::new(), unstructured, targets::json_rpc);
}

#[test]
fn configuration() {
    fuzz("configuration", Vec::new(), unstructured, targets::configuration);
}

#[test]
fn chain_specification() {
    fuzz("chain_specification", Vec::new(), unstructured, targets::chain_specification);
}

#[test]
fn the_same_seed_makes_the_same_input() {
    let inputs = seeds::frames();
    let made = |seed| change(&inputs, whole_frame, seed);
    assert_eq!(made(7), made(7));
    assert_ne!(made(7), made(8));
}
