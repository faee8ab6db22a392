//! `genesis authorities`: shows and changes who seals a chain, in its file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Exit, Failure, Outcome},
    kept_file::{self, FileLock},
    output,
};
use crate::{
    base::{
        hash::{Hash, hex, unhex},
        limits::MAX_AUTHORITIES,
    },
    chain::{
        authorities_file::read_key,
        seal::{Authorities, AuthoritySet, Term},
        spec::ChainSpec,
    },
    wallet::keys::{KeyFile, Keys},
};

/// `tussock genesis authorities`
#[derive(Args, Debug)]
pub(super) struct AuthoritiesArgs {
    /// The chain's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Let the owners of these keys seal, too: public keys, names of keys or key files
    #[arg(long, value_name = "KEY", num_args = 1.., requires = "from")]
    add: Vec<String>,
    /// Let the owners of these keys seal no longer
    #[arg(long, value_name = "KEY", num_args = 1.., requires = "from")]
    remove: Vec<String>,
    /// The height of the first block of the new set; the file is left as it is without it
    #[arg(long, value_name = "HEIGHT")]
    from: Option<u32>,
}

/// Shows the sets in the file, or adds one.
pub(super) fn run(context: &Context, arguments: &AuthoritiesArgs) -> Outcome {
    let file = &arguments.file;
    let Some(from) = arguments.from else {
        let text = fs::read_to_string(file).map_err(|error| Failure::input(file, &error))?;
        return show(context, &read_file(file, &text)?);
    };
    // Else two who edit at once would lose a change.
    let _lock = FileLock::acquire(file)?;
    let text = fs::read_to_string(file).map_err(|error| Failure::input(file, &error))?;
    let spec = read_file(file, &text)?;
    let change = Change {
        continues: None,
        from,
        add: public_keys(context, "--add", &arguments.add)?,
        remove: public_keys(context, "--remove", &in_full(&spec, &arguments.remove))?,
    };
    let edited = edit(&text, &spec, &change)?;
    kept_file::replace(file, edited.as_bytes(), 0o644)?;
    output::note(&format!(
        "give this file to all nodes and start each again before block {} comes: a node without it waits there",
        from - 1
    ));
    show(context, &read(&edited)?)
}

/// Reads a chain's file, which an error names.
pub(super) fn read_file(file: &Path, text: &str) -> Outcome<ChainSpec> {
    read(text).map_err(|failure| Failure { message: format!("{}: {}", file.display(), failure.message), ..failure })
}

pub(super) fn read(text: &str) -> Outcome<ChainSpec> {
    let spec = ChainSpec::from_toml(text).map_err(|error| Failure::usage(error.to_string()))?;
    if spec.authorities.terms().is_empty() {
        return Err(Failure::usage(format!("chain \"{}\" has no authorities: its blocks are mined", spec.name)));
    }
    Ok(spec)
}

pub(super) fn show(context: &Context, spec: &ChainSpec) -> Outcome {
    let terms = spec.authorities.terms();
    if context.json {
        return output::json(&json!({
            "name": spec.name,
            "genesis": spec.genesis_hash(),
            "sets": terms.iter().map(of_term).collect::<Vec<_>>(),
        }));
    }
    let mut text = String::new();
    for term in terms {
        text.push_str(&format!("from block {}: {}\n", term.from, trust(&term.set)));
        term.set
            .keys()
            .iter()
            .enumerate()
            .for_each(|(number, key)| text.push_str(&format!("  {number:>2}  {}\n", hex(key))));
    }
    output::raw(text.as_bytes())
}

fn of_term(term: &Term) -> Value {
    json!({
        "from": term.from,
        "epoch": term.set.epoch(),
        "hash": term.set.hash(),
        "keys": term.set.keys().iter().map(|key| hex(key)).collect::<Vec<_>>(),
        "tolerated": term.set.tolerated(),
        "quorum": term.set.quorum(),
        "continues": term.continues,
    })
}

/// What the number of authorities means.
pub(super) fn trust(set: &AuthoritySet) -> String {
    let (count, tolerated, quorum) = (set.count(), set.tolerated(), set.quorum());
    let tolerated = if tolerated == 0 { "none".to_owned() } else { tolerated.to_string() };
    let authorities = if count == 1 { "1 authority".to_owned() } else { format!("{count} authorities") };
    let goes_on = if quorum == count { "all of them".to_owned() } else { format!("any {quorum} of them") };
    format!("of {authorities} {tolerated} may fail or lie; blocks become final while {goes_on} work")
}

/// Public keys in hex, for each a public key, the name of a key or a key file.
pub(super) fn public_keys(context: &Context, flag: &str, texts: &[String]) -> Outcome<Vec<String>> {
    let folder = context.folder();
    let keys = Keys::new(&folder, context.spec());
    let public = |text: &String| {
        let refused = |what: &str| Failure::usage(format!("{flag} {text}: {what}"));
        if unhex(text).is_some_and(|bytes| bytes.len() == 32) {
            return Ok(text.to_lowercase());
        }
        let key = match Path::new(text) {
            file if file.is_file() => {
                let text = fs::read_to_string(file).map_err(|error| Failure::input(file, &error))?;
                KeyFile::parse(&text)
                    .map_err(|_| refused("no key file; a public key, as tussock key show prints it, will do"))?
                    .public_key()
            }
            _ if is_address(text) => {
                return Err(refused("that is an address; its public key is needed: tussock key show NAME"));
            }
            _ => keys.find(text).map_err(|error| refused(&Failure::from(error).message))?.public_key(),
        };
        key.map(|key| hex(&key)).ok_or_else(|| refused("the key file has no public key"))
    };
    texts.iter().map(public).collect()
}

/// Whether a text has the form of an address, of whatever chain.
fn is_address(text: &str) -> bool {
    let (prefix, rest) = text.rsplit_once('1').unwrap_or_default();
    !prefix.is_empty() && rest.len() >= 32 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Keys of the last set in full that are named by the 8 digits or more with which status shows them.
pub(super) fn in_full(spec: &ChainSpec, texts: &[String]) -> Vec<String> {
    let set = spec.authorities.terms().last().map_or(&[][..], |term| term.set.keys());
    let full = |text: &String| {
        let digits = text.trim_end_matches('…').to_lowercase();
        let mut found = set.iter().map(|key| hex(key)).filter(|key| digits.len() >= 8 && key.starts_with(&digits));
        found.next().filter(|_| found.next().is_none()).unwrap_or_else(|| text.clone())
    };
    texts.iter().map(full).collect()
}

/// A new set, told by how it differs from the last one. Keys in hex.
pub(super) struct Change {
    /// The height of its first block.
    pub(super) from: u32,
    /// The block before that, if the set continues for one whose quorum is lost.
    pub(super) continues: Option<Hash>,
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
}

/// The file with one more set. What is in it stays as it is, but for the form of a first set that stands alone.
pub(super) fn edit(text: &str, spec: &ChainSpec, change: &Change) -> Outcome<String> {
    let last = spec.authorities.terms().last().ok_or_else(|| Failure::usage("the file has no authorities"))?;
    let keys = changed(last, change)?;
    let mut edited = with_tables(text).ok_or_else(cannot_edit)?;
    edited.push_str(&format!("\n[[authorities]]\nfrom = {}\n", change.from));
    if let Some(block) = change.continues {
        edited.push_str(&format!("continues = \"{block}\"\n"));
    }
    edited.push_str("keys = [\n");
    for key in &keys {
        edited.push_str(&format!("    \"{key}\",{}\n", remark(text, key)));
    }
    edited.push_str("]\n");
    // Whatever the text was: the result is what was asked for, or nothing is written.
    let read = ChainSpec::from_toml(&edited).map_err(|_| cannot_edit())?;
    let mut later: Vec<_> = spec.authorities.terms().iter().skip(1).map(plain).collect();
    later.push((change.from, keys.iter().filter_map(|key| read_key(key)).collect(), change.continues));
    let first = spec.authorities.at(1).map(|set| set.keys().to_vec()).unwrap_or_default();
    let is_as_asked = read.authorities == Authorities::new(first, later) && read.genesis_hash() == spec.genesis_hash();
    if is_as_asked { Ok(edited) } else { Err(cannot_edit()) }
}

fn plain(term: &Term) -> (u32, Vec<[u8; 32]>, Option<Hash>) {
    (term.from, term.set.keys().to_vec(), term.continues)
}

fn cannot_edit() -> Failure {
    Failure::new(Exit::Usage, "the file has a form that this command cannot edit; add a table [[authorities]] by hand")
}

/// The keys of the new set.
fn changed(last: &Term, change: &Change) -> Outcome<Vec<String>> {
    let refused = |what: String| Err(Failure::usage(what));
    if change.from <= last.from {
        let out = "to change that, take its table [[authorities]] out of the file by hand first";
        let (from, begins) = (change.from, last.from);
        return refused(match change.continues {
            Some(_) => format!("the last set in the file already begins at block {begins}; {out}"),
            None => format!("--from {from}: the last set in the file begins at block {begins}; {out}"),
        });
    }
    let mut keys: Vec<String> = last.set.keys().iter().map(|key| hex(key)).collect();
    for key in &change.remove {
        match keys.iter().position(|other| other == key) {
            Some(at) => drop(keys.remove(at)),
            None => return refused(format!("--remove {key}: it is none of the last set's keys")),
        }
    }
    for key in &change.add {
        if read_key(key).is_none() {
            return refused(format!("--add {key}: not a public key, as tussock key show prints it"));
        }
        if keys.contains(key) {
            return refused(format!("--add {key}: it is in the set already"));
        }
        keys.push(key.clone());
    }
    if change.add.is_empty() && change.remove.is_empty() {
        return refused("nothing changes; name keys with --add or --remove".to_owned());
    }
    match keys.len() {
        0 => refused("a set without keys seals nothing; add another key with --add".to_owned()),
        1..=MAX_AUTHORITIES => Ok(keys),
        count => refused(format!("{count} authorities are too many; at most {MAX_AUTHORITIES} are possible")),
    }
}

/// The text with the first set as a table, where it is `authorities = [KEY, …]`: both forms do not go together. Its keys and
/// the remarks beside them move as they are.
fn with_tables(text: &str) -> Option<String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        let value = code.strip_prefix("authorities").map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
        if let Some(value) = value {
            let begin = at + (line.len() - value.len());
            let end = begin + end_of_list(text.get(begin..)?)?;
            let (before, list, after) = (text.get(..at)?, text.get(begin..end)?.trim(), text.get(end..)?);
            let told = "# Who makes blocks: the tables [[authorities]] at the end of this file.";
            let after = after.trim_end();
            return Some(format!("{before}{told}{after}\n\n[[authorities]]\nfrom = 1\nkeys = {list}\n"));
        }
        if code.starts_with('[') {
            break;
        }
        at += line.len();
    }
    Some(format!("{}\n", text.trim_end()))
}

/// How far a list reaches, its bracket included.
fn end_of_list(text: &str) -> Option<usize> {
    let (mut quote, mut in_remark) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n') => in_remark = false,
            _ if in_remark => {}
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '#') => in_remark = true,
            (None, ']') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The remark that the file has beside a key, the last one if there are several.
fn remark(text: &str, key: &str) -> String {
    let beside = |line: &str| {
        let (_, behind) = line.split_once(key)?;
        let (_, remark) = behind.split_once('#')?;
        Some(format!("  # {}", remark.trim()))
    };
    text.lines().rev().find_map(beside).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::key::SecretKey;

    fn key(n: u32) -> String {
        hex(&SecretKey::well_known(n).public_key())
    }

    fn file() -> String {
        format!(
            "# A chain.\nprotocol = 2\nname = \"a\"\naddress_prefix = \"x\" # short\ngenesis_time = 1\nblock_time = 5\nsubsidy = 5\n\
             halving_interval = 10\nmaturity = 1\nseal = \"authorities\"\nauthorities = [ # two ]\n    \"{}\", # Anna\n    \"{}\"\n]\n\
             # Funded.\n[[allocations]]\naddress = \"{}\"\namount = 7\n",
            key(1),
            key(2),
            SecretKey::well_known(1).address().to_text(&crate::chain::address::Prefix::new("x").unwrap()),
        )
    }

    fn change(text: &str, from: u32, add: &[u32], remove: &[u32]) -> Outcome<String> {
        let keys = |numbers: &[u32]| numbers.iter().map(|n| key(*n)).collect();
        edit(text, &read(text).unwrap(), &Change { from, continues: None, add: keys(add), remove: keys(remove) })
    }

    #[test]
    fn sets_are_added_and_everything_else_stays() {
        let text = file();
        let once = change(&text, 10, &[3, 4], &[2]).unwrap();
        let twice = change(&once, 20, &[2], &[4]).unwrap();
        let spec = read(&twice).unwrap();
        let sets: Vec<(u32, usize)> =
            spec.authorities.terms().iter().map(|term| (term.from, term.set.count())).collect();
        assert_eq!((sets, spec.genesis_hash()), (vec![(1, 2), (10, 3), (20, 3)], read(&text).unwrap().genesis_hash()));
        assert!(twice.contains("# short") && twice.contains("[ # two ]") && twice.contains("# Funded."));
        assert_eq!(twice.matches("# Anna").count(), 3, "{twice}");
        assert!(twice.starts_with("# A chain.\nprotocol = 2\n") && twice.starts_with(once.trim_end()));
    }

    #[test]
    fn keys_that_leave_may_be_named_as_status_shows_them_and_an_address_is_no_key() {
        let (spec, [one, two]) = (read(&file()).unwrap(), [key(1), key(2)]);
        let full = |text: &str| in_full(&spec, &[text.to_owned()]).remove(0);
        assert_eq!((full(&one[..8]), full(&format!("{}…", &two[..9])), full(&two)), (one.clone(), two.clone(), two));
        assert_eq!(
            (full(&one[..7]), full("0"), full("anna")),
            (one[..7].to_owned(), "0".to_owned(), "anna".to_owned())
        );
        let address = SecretKey::well_known(1).address().to_text(&crate::chain::address::Prefix::new("ltus").unwrap());
        assert!(is_address(&address) && !is_address(&one) && !is_address("alice1") && !is_address(""));
    }

    #[test]
    fn what_makes_no_set_is_refused_in_one_line() {
        let text = file();
        let refused = |from, add: &[u32], remove: &[u32]| {
            let failure = change(&text, from, add, remove).expect_err("it is refused");
            assert!(failure.exit == Exit::Usage && !failure.message.contains('\n'));
            failure.message
        };
        assert!(refused(1, &[3], &[]).contains("begins at block 1"));
        assert!(refused(9, &[], &[]).contains("nothing changes"));
        assert!(refused(9, &[2], &[]).contains("already"));
        assert!(refused(9, &[3, 3], &[]).contains("already"));
        assert!(refused(9, &[], &[7]).contains("none of the last set's keys"));
        assert!(refused(9, &[], &[1, 2]).contains("without keys"));
        assert!(refused(9, &(3..66).collect::<Vec<_>>(), &[]).contains("at most 64"));
        assert!(read(&text.replace("seal = \"authorities\"", "")).is_err());
        let odd = text.replace("authorities = [", "\"authorities\" = [");
        assert!(change(&odd, 9, &[3], &[]).unwrap_err().message.contains("by hand"));
    }
}
