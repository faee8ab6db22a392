//! `--seal`: the key with which a node takes part in sealing blocks.

use std::path::{Path, PathBuf};

use crate::{
    base::hash::hex,
    chain::{key::SecretKey, spec::ChainSpec},
    cli::{
        exit::{Exit, Failure, Outcome},
        key_files,
        passphrase::PassphraseFlags,
    },
    config::NodeFlags,
    wallet::keys::Keys,
};

/// A file with the passphrase of the key.
const PASSPHRASE_FILE: &str = "TUSSOCK_PASSPHRASE_FILE";

/// The key of `--seal`. Refuses one that is none of the chain's authorities, and flags that the chain has no use for.
pub(super) fn key(flags: &NodeFlags, spec: &ChainSpec, folder: &Path) -> Outcome<Option<SecretKey>> {
    let (name, authorities) = (&spec.name, spec.authorities.at(1));
    match (&flags.seal, &flags.mine, authorities) {
        (Some(_), Some(_), _) => Err(Failure::usage("--seal and --mine exclude each other; leave out one of them")),
        (Some(_), None, None) => {
            let what = format!("--seal: chain \"{name}\" has no authorities; its blocks are mined: --mine ADDRESS");
            Err(Failure::usage(what))
        }
        (None, Some(_), Some(_)) => {
            let what = format!("--mine: the blocks of chain \"{name}\" are sealed by its authorities; use --seal KEY");
            Err(Failure::usage(what))
        }
        (None, ..) => Ok(None),
        (Some(text), None, Some(set)) => {
            let key = read(text, spec, folder)?;
            // It may seal only later, or have sealed before.
            let is_known = spec.authorities.terms().iter().any(|term| term.set.number_of(&key.public_key()).is_some());
            match is_known {
                true => Ok(Some(key)),
                false => {
                    let public = hex(&key.public_key());
                    let what = format!("--seal {text}: {public} is none of the {} authorities", set.count());
                    Err(Failure::usage(format!("{what} of chain \"{name}\"; compare with its file")))
                }
            }
        }
    }
}

fn read(text: &str, spec: &ChainSpec, folder: &Path) -> Outcome<SecretKey> {
    let passphrase =
        PassphraseFlags { passphrase: false, passphrase_file: std::env::var_os(PASSPHRASE_FILE).map(PathBuf::from) };
    let found = match Path::new(text) {
        file if file.is_file() => key_files::read_secret(Some(file), &passphrase),
        _ => Keys::new(folder, spec).find(text).map_err(Failure::from).and_then(|named| passphrase.unlock(&named)),
    };
    found.map_err(|failure| match failure.exit {
        // The terminal was asked for, or the file is another user's.
        Exit::Unauthorised => Failure::new(
            failure.exit,
            format!("--seal {text}: {}", failure.message.replace("--passphrase-file FILE", PASSPHRASE_FILE)),
        ),
        _ => Failure::usage(format!("--seal {text}: {}", failure.message)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test chain that the well-known accounts 1 to 4 seal.
    fn sealed() -> ChainSpec {
        let keys: Vec<String> = (1..5).map(|n| hex(&SecretKey::well_known(n).public_key())).collect();
        ChainSpec::from_toml(&format!(
            "protocol = 2\nname = \"a\"\naddress_prefix = \"x\"\ngenesis_time = 1\nblock_time = 5\nsubsidy = 5\n\
             halving_interval = 10\nmaturity = 1\ntest = true\nseal = \"authorities\"\nauthorities = {keys:?}\n"
        ))
        .unwrap()
    }

    fn refused(flags: &NodeFlags, spec: &ChainSpec) -> String {
        let failure = key(flags, spec, Path::new("/nonexistent")).expect_err("it is refused");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.message.contains('\n'));
        failure.message
    }

    #[test]
    fn a_key_must_be_one_of_the_authorities_and_nobody_mines_there() {
        let flags = |seal: Option<&str>, mine: Option<&str>| NodeFlags {
            seal: seal.map(str::to_owned),
            mine: mine.map(str::to_owned),
            ..NodeFlags::default()
        };
        let (work, sealed) = (ChainSpec::local(), sealed());
        assert!(refused(&flags(Some("dev0"), None), &work).contains("has no authorities"));
        assert!(refused(&flags(None, Some("dev0")), &sealed).contains("use --seal KEY"));
        assert!(refused(&flags(Some("dev0"), Some("dev0")), &sealed).contains("exclude"));
        assert!(refused(&flags(Some("dev0"), None), &sealed).contains("is none of the 4 authorities"));
        assert!(refused(&flags(Some("nobody"), None), &sealed).contains("no key"));
        let own = key(&flags(Some("dev4"), None), &sealed, Path::new("/nonexistent")).unwrap();
        assert_eq!(own.map(|key| key.public_key()), Some(SecretKey::well_known(4).public_key()));
        assert!(matches!(key(&flags(None, None), &sealed, Path::new("/")), Ok(None)));
        assert!(matches!(key(&flags(None, Some("dev0")), &work, Path::new("/")), Ok(None)));
    }
}
