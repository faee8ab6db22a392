//! Reads `src/` as text: the product's part of each file, its code without comments and strings, and its tokens.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// One source file.
pub(super) struct Source {
    /// Its path below `src/`.
    pub(super) path: String,
    /// All of its text.
    pub(super) whole: String,
    /// The text with every item under `#[cfg(test)]` blanked. Lines keep their numbers.
    pub(super) product: String,
    /// The product without comments and without what is in strings. Lines keep their numbers.
    pub(super) code: String,
    /// How many lines the product has: those of tests are not counted.
    pub(super) product_lines: usize,
    /// The paths of the modules that this file declares for tests alone.
    test_modules: Vec<String>,
}

/// Every file of `src/`, in the order of paths. Files that only tests use have an empty product.
pub(super) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read);
    &SOURCES
}

fn read() -> Vec<Source> {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src"].iter().collect();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    assert!(files.len() > 30, "src/ was not found");
    let source = |file: &PathBuf| {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        Source::new(path, fs::read_to_string(file).unwrap())
    };
    let mut sources: Vec<Source> = files.iter().map(source).collect();
    let tests: Vec<String> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in &mut sources {
        let module = module_path(&source.path);
        if tests.iter().any(|test| module == *test || module.starts_with(&format!("{test}::"))) {
            (source.product, source.code, source.product_lines) = (String::new(), String::new(), 0);
        }
    }
    sources
}

/// Every Rust file below `folder`.
pub(super) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

impl Source {
    pub(super) fn new(path: String, whole: String) -> Self {
        let code = mask(&whole);
        let tests = test_items(&code);
        let cut = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            for range in &tests {
                blank(&mut bytes[range.clone()]);
            }
            String::from_utf8(bytes).unwrap()
        };
        let test_lines: usize = tests.iter().map(|range| whole[range.clone()].lines().count()).sum();
        let product_lines = whole.lines().count() - test_lines;
        let test_modules = tests.iter().filter_map(|range| declared_module(&path, &code[range.clone()])).collect();
        let (product, code) = (cut(&whole), cut(&code));
        Self { path, whole, product, code, product_lines, test_modules }
    }

    /// Each function's name and how many lines it has, from `fn` to the closing brace.
    pub(super) fn functions(&self) -> Vec<(&str, usize)> {
        let tokens = tokens(&self.code);
        let line = |at: usize| self.code[..at].matches('\n').count();
        let mut found = Vec::new();
        for (index, (start, token)) in tokens.iter().enumerate() {
            let Some((_, name)) = tokens.get(index + 1).filter(|(_, name)| *token == "fn" && is_name(name)) else {
                continue;
            };
            let end = end_of_item(&tokens, index);
            if tokens[end].1 == "}" {
                found.push((*name, line(tokens[end].0) - line(*start) + 1));
            }
        }
        found
    }
}

/// The path of the module that `item` declares, if it is a declaration without a body.
fn declared_module(path: &str, item: &str) -> Option<String> {
    let tokens: Vec<&str> = tokens(item).into_iter().map(|(_, token)| token).collect();
    let at = tokens.iter().position(|token| *token == "mod")?;
    (tokens.get(at + 2) == Some(&";")).then(|| format!("{}::{}", module_path(path), tokens[at + 1]))
}

/// `chain/overlay/mod.rs` is `crate::chain::overlay`. The crate roots are `crate`.
pub(super) fn module_path(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" | "core" | "roles" => "crate".to_owned(),
        path => format!("crate::{}", path.replace('/', "::")),
    }
}

/// Names, `::`, and everything else character by character, each with its place.
pub(super) fn tokens(code: &str) -> Vec<(usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = code.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        let mut end = start + c.len_utf8();
        if c.is_whitespace() {
            continue;
        }
        if is_part(c) {
            while let Some((at, _)) = rest.next_if(|(_, c)| is_part(*c)) {
                end = at + 1;
            }
        } else if c == ':' && rest.next_if(|(_, c)| *c == ':').is_some() {
            end += 1;
        }
        found.push((start, &code[start..end]));
    }
    found
}

pub(super) fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The ranges of items, statements, fields and arms under `#[cfg(test)]`, as whole lines.
fn test_items(code: &str) -> Vec<Range<usize>> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let tokens = tokens(code);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices(ATTRIBUTE) {
        if ranges.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let first = tokens.partition_point(|(place, _)| *place < at + ATTRIBUTE.len());
        let start = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = tokens[end_of_item(&tokens, skip_attributes(&tokens, first))].0;
        ranges.push(start..code[end..].find('\n').map_or(code.len(), |newline| end + newline + 1));
    }
    ranges
}

fn skip_attributes(tokens: &[(usize, &str)], mut at: usize) -> usize {
    while tokens[at].1 == "#" {
        while tokens[at].1 != "]" {
            at += 1;
        }
        at += 1;
    }
    at
}

/// The last token of what begins at `first`.
fn end_of_item(tokens: &[(usize, &str)], first: usize) -> usize {
    let mut words = tokens[first..].iter().map(|(_, token)| *token).take_while(|token| *token != "{").take(8);
    let is_item = words.clone().any(|token| ["fn", "mod", "struct", "enum", "impl", "trait"].contains(&token));
    let ends_by_semicolon = words.any(|token| ["use", "let", "const", "static", "type"].contains(&token)) && !is_item;
    let mut depth = 0;
    for (index, (_, token)) in tokens.iter().enumerate().skip(first) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        let ends = match *token {
            _ if depth < 0 => return index - 1,
            ";" => true,
            "}" => !ends_by_semicolon,
            // Fields and arms end so. The comma of an item stands between its generic parameters.
            "," => !is_item && !ends_by_semicolon,
            _ => false,
        };
        if depth == 0 && ends {
            return index;
        }
    }
    tokens.len() - 1
}

/// The text with comments, and what is in strings and character literals, replaced by blanks.
fn mask(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        if !b"/\"'rb".contains(&bytes[at]) {
            at += 1;
            continue;
        }
        let length = opaque(&text[at..], at > 0 && is_word(bytes[at - 1]));
        blank(&mut bytes[at..at + length]);
        at += length.max(1);
    }
    String::from_utf8(bytes).unwrap()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// The length of the comment, string or character at the start of `text`; 0 if there is none.
fn opaque(text: &str, after_word: bool) -> usize {
    let to_end = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return to_end(2, "*/");
    }
    if let Some(raw) = text.strip_prefix('r').filter(|_| !after_word).or_else(|| text.strip_prefix("br")) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let open = text.len() - raw.len() + hashes + 1;
            return to_end(open, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    if let Some(literal) = text.strip_prefix('\'') {
        let mut chars = literal.chars();
        let is_lifetime = chars.next() != Some('\\') && chars.next() != Some('\'');
        return if is_lifetime { 0 } else { quoted(text, '\'') };
    }
    if text.starts_with('"') { quoted(text, '"') } else { 0 }
}

/// The length of a literal between two quotes, with escapes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn only_what_is_under_cfg_test_is_cut() {
    let text = r##"
mod product;
#[cfg(test)]
mod tests;
struct A {
    kept: u8,
    #[cfg(test)]
    cut: Vec<u8>,
}
#[cfg(test)]
#[expect(dead_code, reason = "x")]
fn cut<A, B>(a: A, b: B) -> [u8; 2] {
    "}"; '}'; r#"}"#; // }
}
fn kept<'a>(a: &'a str) {
    #[cfg(test)]
    let cut = A { kept: 1 };
    match a {
        #[cfg(test)]
        "cut" => 1,
        _ => "#[cfg(test)]",
    }
}
#[cfg(test)]
use cut::{a, b};
const KEPT: u8 = 1;
"##;
    let source = Source::new("x.rs".to_owned(), text.to_owned());
    assert!(!source.product.contains("cut"), "{}", source.product);
    let kept = ["mod product;", "kept: u8,", "fn kept", "match a", "_ =>", "const KEPT: u8 = 1;"];
    assert!(kept.iter().all(|kept| source.product.contains(kept)), "{}", source.product);
    assert_eq!((source.product.lines().count(), source.product_lines), (26, 11));
    assert_eq!(source.functions(), [("kept", 9)]);
    assert_eq!(source.test_modules, ["crate::x::tests"]);
}
