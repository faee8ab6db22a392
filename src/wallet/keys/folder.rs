//! All key files of a folder, and changes in it.

use std::{collections::BTreeMap, fs};

use super::{KeyFile, Keys, NamedKey, check_name};
use crate::{
    base::text::one_line,
    chain::{address::Address, key::SecretKey, spec::WELL_KNOWN_ACCOUNTS},
    wallet::{
        contacts::{Contact, NAMED_LIKE_AN_ADDRESS, form, is_same},
        error::{Outcome, WalletError},
        files::{self, Existing},
        names,
    },
};

/// Most characters of a label.
const MAX_LABEL: usize = 80;

/// The key files of a folder.
#[derive(Debug, Default)]
pub struct KeyFiles {
    /// Each with its name, by which they are sorted.
    pub files: Vec<(String, KeyFile)>,
    /// Why others are left out, a line for each.
    pub damaged: Vec<String>,
}

impl Keys<'_> {
    /// Reads key files. One that cannot be read says nothing against the others.
    pub fn read_all(&self, names: impl IntoIterator<Item = String>) -> KeyFiles {
        let mut all = KeyFiles::default();
        for name in names {
            match self.read(&name) {
                Ok(file) if file.owner(&self.spec.prefix).is_some() => all.files.push((name, file)),
                Ok(_) => all
                    .damaged
                    .push(format!("not a key file: {}: it names no address of this chain", self.path(&name).display())),
                // Whoever removes a key meanwhile needs no word of it.
                Err(_) if matches!(self.path(&name).try_exists(), Ok(false)) => {}
                Err(error) => all.damaged.push(error.to_string()),
            }
        }
        all
    }

    /// The names of all addresses that have one: of keys, which come first, of contacts, and on test chains of keys that everybody has.
    /// What cannot be read has none, and no name reads as an address, whatever people call their files.
    pub fn known(&self) -> BTreeMap<Address, String> {
        let is_name = |name: &str| !Address::is_like(name, &self.spec.prefix);
        let contacts = self.contacts().list().unwrap_or_default().into_iter().filter(|one| is_name(&one.name));
        let numbered = (0..WELL_KNOWN_ACCOUNTS).map(|number| format!("dev{number}"));
        let mut known: BTreeMap<Address, String> =
            numbered.filter_map(|name| Some((self.well_known(&name)?.address(), name))).collect();
        known.extend(contacts.map(|one| (one.address, names::shown(&one.name).into_owned())));
        let names = self.names().unwrap_or_default().into_iter().filter(|name| is_name(name));
        let files = self.read_all(names).files.into_iter();
        known.extend(files.filter_map(|(name, file)| Some((file.owner(&self.spec.prefix)?, name))));
        known
    }

    /// The keys of other addresses that people would take for each other: nobody is paid by these names.
    pub fn doubled(&self, files: &[(String, KeyFile)]) -> Vec<String> {
        let mut meant: BTreeMap<String, Vec<(&String, Option<Address>)>> = BTreeMap::new();
        for (name, file) in files {
            meant.entry(form(name)).or_default().push((name, file.owner(&self.spec.prefix)));
        }
        meant.retain(|_, same| same.windows(2).any(|two| two[0].1 != two[1].1));
        meant.into_values().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// Changes the label of a key file.
    pub fn label(&self, name: &str, label: &str) -> Outcome<KeyFile> {
        if label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
            return Err(WalletError::usage(format!("a label is one line of at most {MAX_LABEL} characters")));
        }
        if one_line(label) != label {
            return Err(WalletError::usage(
                "the label holds a mark that changes the order of letters; type it without",
            ));
        }
        let NamedKey::File(mut file) = self.find(name)? else {
            return Err(WalletError::usage(format!(
                "\"{name}\" is a publicly known key without a file; it has no label"
            )));
        };
        file.label = label.to_owned();
        files::write(&self.path(name), file.to_text().as_bytes(), Existing::Replace)?;
        Ok(*file)
    }

    /// Writes a key file again, with another passphrase or none.
    pub fn protect(&self, name: &str, key: &SecretKey, passphrase: Option<&str>) -> Outcome<KeyFile> {
        let NamedKey::File(before) = self.find(name)? else {
            return Err(WalletError::usage(format!("\"{name}\" is a publicly known key without a file")));
        };
        let mut file = KeyFile::new(&before.name, before.address, key, passphrase)?;
        file.label = before.label;
        files::write(&self.path(name), file.to_text().as_bytes(), Existing::Replace)?;
        Ok(file)
    }

    /// Removes a key file.
    pub fn remove(&self, name: &str) -> Outcome {
        let NamedKey::File(_) = self.find(name)? else {
            return Err(WalletError::usage(format!("\"{name}\" is a publicly known key without a file")));
        };
        let path = self.path(name);
        fs::remove_file(&path).map_err(|error| WalletError::file("cannot remove", &path, &error))
    }

    /// Writes a new key file; an existing one is never replaced.
    pub fn add(&self, name: &str, key: &SecretKey, passphrase: Option<&str>) -> Outcome<KeyFile> {
        self.check_free(name)?;
        let file = KeyFile::new(name, key.address().to_text(&self.spec.prefix), key, passphrase)?;
        self.write_new(name, file)
    }

    /// Writes a new key file of an address whose key is elsewhere.
    pub fn watch(&self, name: &str, address: &Address) -> Outcome<KeyFile> {
        self.check_free(name)?;
        if let Some(known) = self.names_of(address)?.first() {
            return Err(WalletError::usage(format!("that is the address of \"{known}\" already; use this name")));
        }
        self.write_new(name, KeyFile::watched(name, address.to_text(&self.spec.prefix)))
    }

    /// Names somebody else's address. No key may have the name.
    pub fn add_contact(&self, name: &str, address: &Address) -> Outcome<Contact> {
        let mut names = self.names()?;
        let form = form(name);
        names.extend(self.well_known(&form).map(|_| form.clone()));
        self.contacts().add(name, address, &names)
    }

    /// Refuses names that keys cannot have, and those that mean somebody already.
    fn check_free(&self, name: &str) -> Outcome {
        check_name(name).map_err(WalletError::usage)?;
        if name == "all" {
            return Err(WalletError::usage(
                "\"all\" cannot name a key: it is the amount of all coins; choose another name",
            ));
        }
        if Address::is_like(name, &self.spec.prefix) {
            return Err(WalletError::usage(NAMED_LIKE_AN_ADDRESS));
        }
        if self.well_known(&name.to_lowercase()).is_some() {
            return Err(WalletError::usage(format!(
                "\"{name}\" names a publicly known key of this chain; choose another name"
            )));
        }
        if let Some(known) = self.names()?.into_iter().find(|known| is_same(known, name)) {
            let place = self.path(&known).display().to_string();
            return Err(WalletError::Exists { what: "key", name: known, place });
        }
        let contacts = self.contacts();
        // A table that cannot be read keeps nobody from a new key.
        match contacts.like(name).unwrap_or_default().into_iter().next() {
            Some(contact) => {
                let place = contacts.path().display().to_string();
                let name = names::shown(&contact.name).into_owned();
                Err(WalletError::Exists { what: "contact", name, place })
            }
            None => Ok(()),
        }
    }

    /// The names of the keys of this address, in other files or publicly known.
    pub fn names_of(&self, owner: &Address) -> Outcome<Vec<String>> {
        let files = self.read_all(self.names()?).files.into_iter();
        let files = files.filter(|(_, file)| file.owner(&self.spec.prefix) == Some(*owner)).map(|(name, _)| name);
        Ok(files.chain(self.well_known_of(owner)).collect())
    }

    fn write_new(&self, name: &str, file: KeyFile) -> Outcome<KeyFile> {
        files::make_folder(&self.folder)?;
        files::write(&self.path(name), file.to_text().as_bytes(), Existing::Keep)?;
        Ok(file)
    }
}
