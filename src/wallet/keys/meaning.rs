//! Whom a word means: an address, a key or a contact.

use super::Keys;
use crate::{
    chain::address::Address,
    wallet::{
        contacts::{Contact, form, is_same},
        error::{Outcome, WalletError},
        names,
    },
};

impl Keys<'_> {
    /// Parses an address, or finds that of the key or contact with this name. What reads as an address is one, even if a key
    /// or a contact is called so.
    pub fn address(&self, text: &str) -> Outcome<Address> {
        let parsed = Address::parse(text, &self.spec.prefix);
        if Address::is_like(text, &self.spec.prefix) {
            return parsed.map_err(|error| WalletError::usage(format!("{text}: {error}")));
        }
        if text.len() <= super::MAX_NAME {
            match self.find(text) {
                Ok(named) => {
                    if let Some(address) = named.owner(&self.spec.prefix) {
                        return self.check_meaning(text, &address).map(|()| address);
                    }
                }
                Err(error @ WalletError::Denied(_)) => return Err(error),
                Err(_) => {}
            }
        }
        if let Some(address) = self.contacts().find(text)? {
            let is_key = self.names()?.iter().any(|name| is_same(name, text));
            return if is_key || self.well_known(&form(text)).is_some() { Err(ambiguous(text)) } else { Ok(address) };
        }
        if text.trim().is_empty() {
            return Err(WalletError::usage(
                "an address, or the name of a key or contact, is needed and not an empty text",
            ));
        }
        let start = format!("{}1", self.spec.prefix);
        let shown = |contact: Contact| names::shown(&contact.name).into_owned();
        let similar = self.contacts().like(text)?.into_iter().next().map(shown);
        let similar = similar.or_else(|| self.names().ok()?.into_iter().find(|name| is_same(name, text)));
        let similar = similar.or_else(|| self.well_known_like(text));
        parsed.map_err(|error| match similar {
            Some(name) => WalletError::usage(format!("{text}: neither a key nor a contact; there is \"{name}\"")),
            None if text.contains('1') => WalletError::usage(format!("{text}: {error}")),
            None => WalletError::usage(format!(
                "{text}: neither a key, a contact nor an address; addresses start with {start}"
            )),
        })
    }

    /// The name of the key that a user means. What reads as an address means the key of that address, even if another key's file
    /// is called so.
    pub fn key_name(&self, text: &str) -> Outcome<String> {
        if !Address::is_like(text, &self.spec.prefix) {
            return Ok(text.to_owned());
        }
        let owner = self.address(text)?;
        self.name_of(&owner)?.ok_or_else(|| WalletError::NoKey {
            name: text.to_owned(),
            folder: self.folder.display().to_string(),
            hint: "no key that is here may spend from this address".to_owned(),
            known: Vec::new(),
        })
    }

    /// The publicly known key that people would take for one of this name.
    pub(super) fn well_known_like(&self, name: &str) -> Option<String> {
        Some(form(name)).filter(|form| form != name && self.well_known(form).is_some())
    }

    /// Refuses the name of a key of this address if people would take it for that of a contact or of another key.
    fn check_meaning(&self, name: &str, address: &Address) -> Outcome {
        // Who has keys needs no table of contacts that can be read.
        let contacts = self.contacts().like(name).unwrap_or_default();
        if let Some(rival) = contacts.iter().find(|contact| contact.address != *address) {
            return Err(ambiguous(&rival.name));
        }
        let names = self.names()?.into_iter().filter(|other| other != name && is_same(other, name));
        let files = self.read_all(names).files.into_iter();
        let mut others =
            files.filter(|(_, file)| file.owner(&self.spec.prefix) != Some(*address)).map(|(other, _)| other);
        let well_known =
            || Some(form(name)).filter(|form| self.well_known(form).is_some_and(|key| key.address() != *address));
        match others.next().or_else(well_known) {
            None => Ok(()),
            Some(other) => Err(WalletError::usage(format!(
                "\"{name}\" may be one of two keys: there is \"{other}\", too; name the address, or remove one of them"
            ))),
        }
    }
}

/// Nobody is paid whose name means two.
fn ambiguous(name: &str) -> WalletError {
    let name = names::shown(name);
    WalletError::usage(format!(
        "both a key and a contact are called \"{name}\"; name the address, or remove one of them"
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        chain::{address::Prefix, key::SecretKey, spec::ChainSpec},
        wallet::test_folder::TestFolder,
    };

    #[test]
    fn what_reads_as_an_address_names_no_key_and_means_the_address() {
        let (folder, spec) = (TestFolder::new("meaning-like-an-address"), ChainSpec::local());
        let keys = Keys::new(&folder, &spec);
        let [own, theirs] = [7, 8].map(|seed| SecretKey::from_seed([seed; 32]));
        let text = theirs.address().to_text(&spec.prefix);
        let elsewhere = theirs.address().to_text(&Prefix::new("other").unwrap());
        let (capital, mixed) = (text.to_uppercase(), text.replacen("ltus", "LTUS", 1));
        for name in [&text, &capital, &mixed, &elsewhere] {
            for refused in [keys.add(name, &own, None), keys.watch(name, &own.address())] {
                let error = refused.unwrap_err().to_string();
                assert!(error.contains("an address cannot be the name of another"), "{name}: {error}");
            }
            assert!(keys.add_contact(name, &own.address()).is_err(), "{name}");
        }

        // Files that were made by hand, or by an older program.
        keys.add("own", &own, None).unwrap();
        for name in [&text, &capital, &mixed, &elsewhere] {
            fs::copy(keys.path("own"), keys.path(name)).unwrap();
        }
        fs::remove_file(keys.path("own")).unwrap();
        fs::write(keys.contacts().path(), format!("{text},{}\n", own.address().to_text(&spec.prefix))).unwrap();
        for name in [&text, &capital] {
            assert_eq!(keys.address(name), Ok(theirs.address()), "{name}");
        }
        for name in [&mixed, &elsewhere] {
            assert!(keys.address(name).is_err(), "{name}");
        }
        assert_eq!(keys.known().get(&own.address()), None, "nor is an address shown as another");
        // Nor does it sign in the place of another.
        let missing = keys.key_name(&text).unwrap_err().to_string();
        assert!(missing.contains("no key that is here"), "{missing}");
        keys.add("theirs", &theirs, None).unwrap();
        assert_eq!((keys.key_name(&text), keys.key_name(&capital)), (Ok("theirs".to_owned()), Ok("theirs".to_owned())));
        assert!(keys.key_name(&elsewhere).unwrap_err().to_string().contains("another chain"));
        let mistyped = format!("{}qq", &text[..text.len() - 2]);
        for refused in [
            keys.key_name(&mistyped).map(drop),
            keys.address(&mistyped).map(drop),
            keys.add(&mistyped, &own, None).map(drop),
        ] {
            assert!(refused.is_err(), "{mistyped}");
        }
        assert_eq!((keys.key_name("own"), keys.key_name("dev3")), (Ok("own".to_owned()), Ok("dev3".to_owned())));
        let dev3 = keys.address("dev3").unwrap().to_text(&spec.prefix);
        assert_eq!(keys.key_name(&dev3), Ok("dev3".to_owned()));
        keys.remove(&text).unwrap();
    }

    /// It was said to be a mistyped address, because of its digit.
    #[test]
    fn a_known_key_in_capitals_is_told_with_its_own_spelling() {
        let (folder, mut spec) = (TestFolder::new("meaning-capitals"), ChainSpec::local());
        for name in ["Dev1", "DEV1"] {
            let keys = Keys::new(&folder, &spec);
            let error = keys.address(name).unwrap_err().to_string();
            assert_eq!(error, format!("{name}: neither a key nor a contact; there is \"dev1\""));
            let missing = keys.find(name).err();
            assert!(matches!(&missing, Some(WalletError::NoKey { known, .. }) if known.contains(&"dev1".to_owned())));
        }
        for nothing in ["", " "] {
            let error = Keys::new(&folder, &spec).address(nothing).unwrap_err().to_string();
            assert!(error.starts_with("an address, or the name"), "{error}");
        }
        spec.test = false;
        let error = Keys::new(&folder, &spec).address("Dev1").unwrap_err().to_string();
        assert!(!error.contains("there is"), "{error}");
    }

    #[test]
    fn no_key_is_paid_by_a_name_that_another_has_in_another_case() {
        let (folder, spec) = (TestFolder::new("meaning-doubled"), ChainSpec::local());
        let keys = Keys::new(&folder, &spec);
        let [one, two] = [7, 8].map(|seed| SecretKey::from_seed([seed; 32]));
        keys.add("fred", &one, None).unwrap();
        keys.add("other", &two, None).unwrap();
        for name in ["FRED", "dev3"] {
            fs::copy(keys.path("other"), keys.path(name)).unwrap();
        }
        for name in ["fred", "FRED", "dev3"] {
            let error = keys.address(name).unwrap_err().to_string();
            assert!(error.contains("one of two keys"), "{name}: {error}");
        }
        let doubled = || keys.doubled(&keys.read_all(keys.names().unwrap()).files);
        assert_eq!((doubled(), keys.address("other")), (vec!["FRED".to_owned(), "fred".to_owned()], Ok(two.address())));
        fs::copy(keys.path("fred"), keys.path("FRED")).unwrap();
        assert_eq!((doubled(), keys.address("fred")), (Vec::<String>::new(), Ok(one.address())));
        keys.remove("FRED").unwrap();
    }
}
