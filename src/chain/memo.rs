//! Memos as people read and find them: their text, their words, and the keys under which an index keeps them.
//!
//! A memo is any bytes. Only what is text without signs that could drive a terminal, or turn the direction of a line, is ever
//! shown as text.

use std::collections::BTreeSet;

use crate::base::{
    hash::{Domain, Hash, unhex},
    text::{composed, decomposed, folded},
};

/// Words of a memo that an index keeps. More would let 250 bytes of a transaction cost more than as much in the index.
pub const MAX_WORDS: usize = 16;

/// Ways of writing the words of a text that are looked for: each reads lists of its own.
const MAX_SPELLINGS: usize = 16;

/// Bytes of a key: so few, because whoever finds one compares the memo anyway.
pub const KEY_BYTES: usize = 5;

/// The memo as text, if it is printable. Line feeds are.
pub fn text(memo: &[u8]) -> Option<&str> {
    std::str::from_utf8(memo).ok().filter(|text| text.chars().all(is_printable))
}

/// Neither a control character nor one that changes the direction of the text around it, nor a line end of Unicode's own.
fn is_printable(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\n' || !(c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// The first words of a memo, each once: letters and digits that follow each other, in lower case. None of what is no text. An
/// index has them as they are written: an accent of its own ends a word.
pub fn words(memo: &[u8]) -> Vec<String> {
    first_words(std::str::from_utf8(memo).unwrap_or_default(), str::to_lowercase)
}

/// The first words of a text as people compare them.
fn folded_words(text: &str) -> Vec<String> {
    first_words(&composed(text), folded)
}

fn first_words(text: &str, form: impl Fn(&str) -> String) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if words.len() == MAX_WORDS {
            break;
        }
        let word = form(word);
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// How a text may be written in memos that are meant by it, as an index has them: each of its words with the accents apart or not,
/// with `ss` or `ß`, and with a capital `İ`, which in lower case keeps its dot. Words with so many spellings that there would be too
/// many lists are left out: of what is found, the memo is compared anyway.
fn spellings(text: &str) -> BTreeSet<Vec<String>> {
    let small = composed(text).to_lowercase().replace("i\u{307}", "i");
    let mut all = BTreeSet::from([Vec::new()]);
    for word in words(small.as_bytes()) {
        let ways = ways(&word);
        if all.len() * ways.len() <= MAX_SPELLINGS {
            let with = |before: &Vec<String>| ways.iter().map(|way| [&before[..], way].concat()).collect::<Vec<_>>();
            all = all.iter().flat_map(with).collect();
        }
    }
    // As it was typed.
    all.insert(words(text.as_bytes()));
    all
}

/// How a word in lower case may be written; accents of their own part it.
fn ways(word: &str) -> BTreeSet<Vec<String>> {
    let forms = [word.to_owned(), word.replace("ss", "ß"), word.replace('ß', "ss")];
    let mut ways: BTreeSet<Vec<String>> = forms.iter().map(|form| vec![dotted(form)]).collect();
    ways.extend(forms.iter().map(|form| vec![form.clone()]));
    ways.extend(forms.iter().map(|form| words(decomposed(form).as_bytes())));
    ways
}

fn dotted(word: &str) -> String {
    match word.strip_prefix('i') {
        Some(rest) => format!("i\u{307}{rest}"),
        None => word.to_owned(),
    }
}

/// The keys of a memo: of its words, or of the whole if it has none. An empty memo has no key.
pub fn keys(memo: &[u8]) -> BTreeSet<u64> {
    let words = words(memo);
    if words.is_empty() && !memo.is_empty() {
        return BTreeSet::from([whole_key(memo)]);
    }
    words.iter().map(|word| word_key(word)).collect()
}

fn whole_key(memo: &[u8]) -> u64 {
    start_of(&Domain::MEMO.hash(memo))
}

fn word_key(word: &str) -> u64 {
    start_of(&Domain::MEMO_WORD.hash(word.as_bytes()))
}

fn start_of(hash: &Hash) -> u64 {
    hash.0.iter().take(KEY_BYTES).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// What somebody looks for in memos: all words of a text, or all bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoQuery {
    words: Vec<String>,
    /// The words as memos may have them.
    spellings: BTreeSet<Vec<String>>,
    /// Whole memos that are meant, too.
    whole: Vec<Vec<u8>>,
}

impl MemoQuery {
    /// Memos that have all words of a text, in any order, in whatever case and composition; that are the text; or whose bytes it is in hex.
    pub fn of(text: &str) -> Self {
        let mut whole = vec![text.as_bytes().to_vec()];
        whole.extend(unhex(text.trim()).filter(|bytes| !bytes.is_empty()));
        Self { words: folded_words(text), spellings: spellings(text), whole }
    }

    /// Memos that are this text, or whose bytes it is in hex.
    pub fn exactly(text: &str) -> Self {
        Self { words: Vec::new(), spellings: BTreeSet::new(), ..Self::of(text) }
    }

    /// Whether a memo is meant.
    pub fn matches(&self, memo: &[u8]) -> bool {
        let has_words = || {
            let found = folded_words(std::str::from_utf8(memo).unwrap_or_default());
            !self.words.is_empty() && self.words.iter().all(|word| found.contains(word))
        };
        self.is_exactly(memo) || has_words()
    }

    /// Whether a memo is meant as a whole.
    pub fn is_exactly(&self, memo: &[u8]) -> bool {
        self.whole.iter().any(|whole| whole == memo)
    }

    /// Sets of keys: a memo that has all keys of one set may be meant.
    pub fn key_sets(&self) -> BTreeSet<BTreeSet<u64>> {
        let words = self.spellings.iter().map(|words| words.iter().map(|word| word_key(word)).collect());
        let sets = words.chain(self.whole.iter().map(|memo| keys(memo)));
        sets.filter(|set: &BTreeSet<u64>| !set.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_in_lower_case_each_once() {
        assert_eq!(
            words("Invoice 2026-11/Nº4711, invoice für ÄNNE".as_bytes()),
            ["invoice", "2026", "11", "nº4711", "für", "änne"]
        );
        assert_eq!(words(b"sha256:00ff"), ["sha256", "00ff"]);
        assert!(words(b"  ... ").is_empty() && words(&[0xff, b'a']).is_empty());
        let many: String = (0..100).map(|number| format!("{number} ")).collect();
        assert_eq!(words(many.as_bytes()).len(), MAX_WORDS);
    }

    #[test]
    fn only_what_cannot_drive_a_terminal_is_text() {
        assert_eq!(text("Grüße,\n東京 👍🏽".as_bytes()), Some("Grüße,\n東京 👍🏽"));
        for hostile in ["\u{1b}[2J", "a\rb", "\u{9b}31m", "\u{202e}gpj", "\u{2066}x", "a\u{2028}b", "\u{7f}", "\0"] {
            assert_eq!(text(hostile.as_bytes()), None, "{hostile:?}");
        }
        assert_eq!(text(&[0xc3, 0x28]), None);
    }

    #[test]
    fn a_query_means_memos_with_all_its_words_and_those_that_it_is() {
        let query = MemoQuery::of("invoice 4711");
        for memo in ["4711: Invoice", "invoice 4711", "for INVOICE-4711, thanks"] {
            assert!(query.matches(memo.as_bytes()), "{memo}");
            let found = keys(memo.as_bytes());
            assert!(query.key_sets().iter().any(|set| set.iter().all(|key| found.contains(key))), "{memo}");
        }
        for memo in ["invoice 47111", "4711", "invoices 4711", ""] {
            assert!(!query.matches(memo.as_bytes()), "{memo}");
        }
        assert!(query.is_exactly(b"invoice 4711") && !query.is_exactly(b"4711 invoice"));
        let exactly = MemoQuery::exactly("invoice 4711");
        assert!(exactly.matches(b"invoice 4711") && !exactly.matches(b"invoice 4711 "));
        let bytes = MemoQuery::of("00fFee");
        assert!(bytes.matches(&[0, 0xff, 0xee]) && bytes.matches(b"Tree 00ffee") && !bytes.matches(&[0]));
        assert!(MemoQuery::of("!?").matches(b"!?") && !MemoQuery::of("!?").matches(b"!"));
        assert!(keys(b"").is_empty());
    }

    #[test]
    fn a_word_is_found_however_its_letters_are_written() {
        for (query, memo) in [
            ("école", "for the e\u{301}cole"),
            ("e\u{301}cole", "ÉCOLE 7"),
            ("STRASSE", "Lange Straße 5"),
            ("straße", "Strasse"),
            ("STRAẞE", "strasse"),
            ("istanbul", "to İstanbul"),
            ("İstanbul", "ISTANBUL"),
            ("Invoice", "INVOICE 7"),
            // Each word in its own way.
            ("école straße", "E\u{301}cole, Strasse 5"),
            ("E\u{301}COLE STRASSE", "straße der École"),
            ("İstanbul strasse école", "Straße, Istanbul, e\u{301}cole"),
            ("istanbul straße", "İSTANBUL, Strasse"),
            ("Größe Maß Fuß Guss Nuss", "Grösse Mass Fuß Guß Nuss"),
        ] {
            let (query, found) = (MemoQuery::of(query), keys(memo.as_bytes()));
            assert!(query.matches(memo.as_bytes()), "{query:?} {memo}");
            assert!(query.key_sets().iter().any(|set| set.is_subset(&found)), "{query:?} {memo}");
        }
        assert!(!MemoQuery::of("ecole").matches("école".as_bytes()));
        assert!(MemoQuery::of("invoice 4711").key_sets().len() <= 3, "few lists are read");
        let many: String = (0..8).map(|number| format!("ißäss{number} ")).collect();
        assert!((1..=MAX_SPELLINGS + 2).contains(&MemoQuery::of(&many).key_sets().len()), "nor of many such words");
    }
}
