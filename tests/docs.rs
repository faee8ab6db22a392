//! The documents name files and items of this repository: each of them exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Documents that are written by hand and read by newcomers.
const DOCUMENTS: [&str; 5] = [
    "README.md",
    ".github/CONTRIBUTING.md",
    "src/wire/PROTOCOL.md",
    "src/cli/bench/FIGURES.md",
    "tests/hostile/README.md",
];
/// A word that starts with one of these is a path.
const FOLDERS: [&str; 6] = ["src/", "tests/", "scripts/", "findings/", ".github/", ".cargo/"];
/// A name in backticks that ends with one of these is a file of the repository.
const EXTENSIONS: [&str; 7] = [".rs", ".md", ".sh", ".sql", ".html", ".json", ".toml"];
/// Files that commands write or read, and that the repository does not hold.
const ELSEWHERE: [&str; 4] = ["meadow.toml", "config.toml", "endpoints.json", "target/bench.md"];
/// Files that other work adds.
const AWAITED: [&str; 3] = ["src/ARCHITECTURE.md", "deny.toml", "scripts/dist.sh"];
/// Words of a README that somebody reads before a first start.
const README_WORDS: usize = 700;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// What stands in backticks outside code blocks.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// The targets of links into this repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#'))
}

/// All words that are paths, whether they stand in prose, in a table or in a command.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "`()[]|\"',;".contains(c))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
}

/// A pattern or a placeholder stands for files; it is not one.
fn is_pattern(path: &str) -> bool {
    path.contains(['*', '<', '…', '{']) || path.split('/').any(|part| part.starts_with("NAME"))
}

/// Paths are relative to the repository, to `src/` or to the document's own folder.
fn exists(document: &str, path: &str) -> bool {
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    [PathBuf::new(), PathBuf::from("src"), folder.to_owned()].iter().any(|base| root().join(base).join(path).exists())
}

#[test]
fn every_file_that_a_document_names_exists() {
    let mut missing = BTreeSet::new();
    for document in DOCUMENTS {
        let text = read(document);
        let files = quoted(&text).into_iter().filter(|name| {
            !name.contains(char::is_whitespace)
                && (EXTENSIONS.iter().any(|end| name.ends_with(end)) || (name.ends_with('/') && name.len() > 1))
        });
        for path in files.chain(links(&text)).chain(paths(&text)) {
            if !is_pattern(path) && !ELSEWHERE.contains(&path) && !AWAITED.contains(&path) && !exists(document, path) {
                missing.insert(format!("{document}: {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such file:\n{missing:#?}");
}

#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= README_WORDS, "{words} words");
}
