//! Who seals blocks, as a chain's file says it: `authorities = [KEY, …]`, or a table `[[authorities]]` for each set.

use serde::Deserialize;

use crate::{
    base::{
        codec::List,
        hash::{Hash, unhex},
        limits::MAX_AUTHORITIES,
    },
    chain::{key, seal::Authorities, spec_error::SpecError},
};

/// The file form.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a list of keys, or tables [[authorities]] with from and keys, are needed")]
pub(super) enum AuthoritiesFile {
    /// One set for ever.
    First(Vec<String>),
    /// Sets with the heights of their first blocks, that of the first set being 1.
    Terms(Vec<TermFile>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermFile {
    from: u32,
    keys: Vec<String>,
    continues: Option<Hash32>,
}

/// A hash of 64 hex digits.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Hash32(Hash);

type Keys = List<[u8; 32], MAX_AUTHORITIES>;

impl AuthoritiesFile {
    /// The keys of the first set, and all sets.
    pub(super) fn read(file: Option<&Self>) -> Result<(Keys, Authorities), SpecError> {
        match file {
            None => read_keys(&[]).map(|keys| (keys.clone(), Authorities::new(keys.to_vec(), Vec::new()))),
            Some(Self::First(texts)) => {
                let keys = read_keys(texts)?;
                Ok((keys.clone(), Authorities::new(keys.to_vec(), Vec::new())))
            }
            Some(Self::Terms(terms)) => read_terms(terms),
        }
    }
}

fn wrong(problem: String) -> SpecError {
    SpecError::Value { key: "authorities", problem }
}

fn read_terms(terms: &[TermFile]) -> Result<(Keys, Authorities), SpecError> {
    let Some((first, later)) = terms.split_first() else { return Err(wrong("at least one set is needed".to_owned())) };
    if first.from != 1 || first.continues.is_some() {
        return Err(wrong("the first set is needed from = 1, and continues nothing".to_owned()));
    }
    let keys = read_keys(&first.keys)?;
    let mut last = first.from;
    let mut others = Vec::new();
    for term in later {
        if term.from <= last {
            return Err(wrong(format!("from = {} follows {last}: the heights of sets must ascend", term.from)));
        }
        last = term.from;
        let continues = term.continues.as_ref().map(|hash| hash.0);
        others.push((term.from, read_keys(&term.keys)?.to_vec(), continues));
    }
    Ok((keys.clone(), Authorities::new(keys.to_vec(), others)))
}

/// A public key as `tussock key show` prints it.
pub fn read_key(text: &str) -> Option<[u8; 32]> {
    let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    unhex(text).and_then(|bytes| bytes.try_into().ok()).filter(|key| lower && key::is_valid(key))
}

fn read_keys(texts: &[String]) -> Result<Keys, SpecError> {
    let mut keys: Vec<[u8; 32]> = Vec::new();
    for text in texts {
        let key = read_key(text).ok_or_else(|| {
            wrong(format!("\"{text}\" is not a public key of 64 lower-case hex digits, as tussock key show prints it"))
        })?;
        if keys.contains(&key) {
            return Err(wrong(format!("{text} is there twice")));
        }
        keys.push(key);
    }
    match List::new(keys) {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        _ => Err(wrong(format!("1 to {MAX_AUTHORITIES} keys are needed"))),
    }
}

impl TryFrom<String> for Hash32 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hash = unhex(&text).and_then(|bytes| bytes.try_into().ok()).map(|bytes| Self(Hash(bytes)));
        hash.ok_or("continues: the hash of a block, 64 hex digits, is needed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::hash::hex,
        chain::{key::SecretKey, seal::Term, spec::ChainSpec},
    };

    fn key_text(n: u32) -> String {
        hex(&SecretKey::well_known(n).public_key())
    }

    fn read(authorities: &str) -> Result<ChainSpec, String> {
        let text = format!(
            "protocol = 2\nname = \"a\"\naddress_prefix = \"x\"\ngenesis_time = 1\nblock_time = 5\nsubsidy = 5\n\
             halving_interval = 10\nmaturity = 1\nseal = \"authorities\"\n{authorities}"
        );
        ChainSpec::from_toml(&text).map_err(|error| error.to_string())
    }

    fn table(from: u32, keys: &[u32], rest: &str) -> String {
        let keys: Vec<String> = keys.iter().map(|n| key_text(*n)).collect();
        format!("[[authorities]]\nfrom = {from}\nkeys = {keys:?}\n{rest}")
    }

    #[test]
    fn later_sets_make_no_other_network() {
        let plain = read(&format!("authorities = {:?}\n", [key_text(1), key_text(2)])).unwrap();
        let first = read(&table(1, &[1, 2], "")).unwrap();
        let block = "continues = \"0707070707070707070707070707070707070707070707070707070707070707\"\n";
        let more = [table(1, &[1, 2], ""), table(10, &[2, 3, 4, 5], ""), table(20, &[4], block)].concat();
        let more = read(&more).unwrap();
        assert_eq!([first.genesis_hash(), more.genesis_hash()], [plain.genesis_hash(); 2]);
        assert_eq!(first.authorities, plain.authorities);
        let shown = |term: &Term| (term.from, term.set.epoch(), term.set.count(), term.continues);
        let terms: Vec<_> = more.authorities.terms().iter().map(shown).collect();
        assert_eq!(terms, [(1, 0, 2, None), (10, 1, 4, None), (20, 2, 1, Some(Hash([7; 32])))]);
        assert_ne!(read(&table(1, &[2, 1], "")).unwrap().genesis_hash(), plain.genesis_hash());
    }

    #[test]
    fn sets_ascend_and_each_has_keys() {
        let first = table(1, &[1, 2], "");
        let refused = |rest: &str| read(&format!("{first}{rest}")).expect_err(rest);
        assert!(refused(&table(1, &[3], "")).contains("must ascend"));
        assert!(refused(&[table(9, &[3], ""), table(9, &[4], "")].concat()).contains("must ascend"));
        assert!(refused(&table(5, &[], "")).contains("1 to 64 keys"));
        assert!(refused(&table(5, &[3, 3], "")).contains("is there twice"));
        assert!(refused(&table(5, &(0..65).collect::<Vec<_>>(), "")).contains("1 to 64 keys"));
        assert!(!refused(&table(5, &[3], "until = 9\n")).is_empty());
        assert!(!refused(&table(5, &[3], "continues = \"07\"\n")).is_empty());
        assert!(read(&table(2, &[1], "")).unwrap_err().contains("from = 1"));
        assert!(read("").unwrap_err().contains("1 to 64 keys"));
    }
}
