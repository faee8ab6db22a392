//! The folder of key files, and the names of keys.

mod file;
mod folder;
mod meaning;
mod spending;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use file::{KeyFile, MEMORY_KIB};
pub use folder::KeyFiles;
pub use spending::SpendingLock;

use crate::{
    chain::{
        address::{Address, Prefix},
        key::SecretKey,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
    },
    wallet::{
        contacts::Contacts,
        error::{Outcome, WalletError},
    },
};

/// The folder of key files in a chain's folder.
pub const FOLDER: &str = "keys";

/// Bytes of a key file; ours are below 1 KiB.
const KEY_FILE_BYTES: u64 = 64 * 1024;

/// Longest name of a key.
const MAX_NAME: usize = 64;

/// The keys of one chain's folder.
pub struct Keys<'a> {
    folder: PathBuf,
    spec: &'a ChainSpec,
}

/// A key found by its name.
pub enum NamedKey {
    /// A file.
    File(Box<KeyFile>),
    /// One of the publicly known keys of a test chain.
    WellKnown(Box<SecretKey>),
}

impl NamedKey {
    /// The public key.
    pub fn public_key(&self) -> Option<[u8; 32]> {
        match self {
            Self::File(file) => file.public_key(),
            Self::WellKnown(key) => Some(key.public_key()),
        }
    }

    /// The address that it may spend from.
    pub fn owner(&self, prefix: &Prefix) -> Option<Address> {
        match self {
            Self::File(file) => file.owner(prefix),
            Self::WellKnown(key) => Some(key.address()),
        }
    }

    /// KiB of memory that its passphrase takes; `None`: it needs none.
    pub fn memory_kib(&self) -> Option<u32> {
        match self {
            Self::File(file) => file.memory_kib(),
            Self::WellKnown(_) => None,
        }
    }

    /// The secret key; `ask` gives the passphrase if one is needed.
    pub fn unlock<E: From<WalletError>>(&self, ask: impl FnOnce() -> Result<String, E>) -> Result<SecretKey, E> {
        match self {
            Self::File(file) => file.unlock(ask),
            Self::WellKnown(key) => Ok((**key).clone()),
        }
    }
}

impl<'a> Keys<'a> {
    /// The keys in a chain's folder.
    pub fn new(chain_folder: &Path, spec: &'a ChainSpec) -> Self {
        Self { folder: chain_folder.join(FOLDER), spec }
    }

    /// The names of all key files, sorted.
    pub fn names(&self) -> Outcome<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(WalletError::file("cannot read", &self.folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| WalletError::file("cannot read", &self.folder, &error))?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if let Some(name) = name.strip_suffix(".json").filter(|name| check_name(name).is_ok()) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Finds the key with this name. The failure lists the names that exist.
    pub fn find(&self, name: &str) -> Outcome<NamedKey> {
        if check_name(name).is_ok() {
            let path = self.path(name);
            match path.try_exists() {
                Ok(true) => return self.read(name).map(Box::new).map(NamedKey::File),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(denied(&path)),
                _ => {}
            }
        }
        if let Some(key) = self.well_known(name) {
            return Ok(NamedKey::WellKnown(Box::new(key)));
        }
        let mut known = self.names()?;
        let hint = match (self.elsewhere(name), known.is_empty(), self.spec.test) {
            (Some(file), ..) => {
                known.clear();
                format!("a key of that name is in {}: name that file", file.display())
            }
            (None, false, _) => format!("there are: {}", known.join(", ")),
            (None, true, true) => "dev0 to dev9 always work on this chain".to_owned(),
            (None, true, false) => "make one with: tussock key new NAME".to_owned(),
        };
        known.extend(self.well_known_like(name));
        Err(WalletError::NoKey { name: name.to_owned(), folder: self.folder.display().to_string(), hint, known })
    }

    /// A key of this name of another chain of the data directory: one that was made before the chain's file.
    fn elsewhere(&self, name: &str) -> Option<PathBuf> {
        let (own, file) = (self.path(name), self.path(name).file_name()?.to_owned());
        let chains = fs::read_dir(self.folder.parent()?.parent()?).ok()?;
        let files = chains.flatten().map(|chain| chain.path().join("keys").join(&file));
        files.filter(|file| check_name(name).is_ok() && *file != own && file.is_file()).min()
    }

    /// The right to choose coins of this key, unless somebody else has it now. It must be held until the node has the
    /// payment. Publicly known keys have no file, so their payments take turns by the chain's folder.
    pub fn try_lock_spending(&self, name: &str) -> Option<SpendingLock> {
        let path = self.path(name);
        SpendingLock::try_acquire(if path.exists() { &path } else { self.folder.parent().unwrap_or(&path) })
    }

    /// The name of the key that may spend from this address, if one of them may.
    pub fn name_of(&self, owner: &Address) -> Outcome<Option<String>> {
        for name in self.names()? {
            // A damaged file is not this key's.
            if self.read(&name).is_ok_and(|file| file.public_key().is_some_and(|key| Address::of(&key) == *owner)) {
                return Ok(Some(name));
            }
        }
        Ok(self.well_known_of(owner))
    }

    /// The name of the publicly known key of this address.
    fn well_known_of(&self, owner: &Address) -> Option<String> {
        let mut well_known = (0..WELL_KNOWN_ACCOUNTS).map(|number| format!("dev{number}"));
        well_known.find(|name| self.well_known(name).is_some_and(|key| key.address() == *owner))
    }

    /// Reads a key file.
    pub fn read(&self, name: &str) -> Outcome<KeyFile> {
        let path = self.path(name);
        let what = fs::metadata(&path).map_err(|error| WalletError::file("cannot read", &path, &error))?;
        // A pipe would be waited for, and a device never ends.
        let is_readable = what.is_file() && what.len() <= KEY_FILE_BYTES;
        let text = if is_readable { fs::read_to_string(&path) } else { Ok(String::new()) };
        let text = text.map_err(|error| WalletError::file("cannot read", &path, &error))?;
        KeyFile::parse(&text).map_err(|problem| {
            WalletError::Damaged(format!("not a key file: {}: {problem}; import the key again", path.display()))
        })
    }

    /// The path of a key's file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    /// The names of other people's addresses in the same folder.
    pub fn contacts(&self) -> Contacts<'a> {
        Contacts::new(self.folder.parent().unwrap_or(&self.folder), self.spec)
    }

    /// `dev0` to `dev9` on test chains.
    fn well_known(&self, name: &str) -> Option<SecretKey> {
        let digits = name.strip_prefix("dev").filter(|digits| digits.len() == 1 && self.spec.test)?;
        let number: u32 = digits.parse().ok()?;
        (number < WELL_KNOWN_ACCOUNTS).then(|| SecretKey::well_known(number))
    }
}

fn denied(path: &Path) -> WalletError {
    let advice = "run the command as the node's user";
    WalletError::Denied(format!("permission denied: {}; {advice}", path.display()))
}

/// Refuses names that would leave the folder or be special to a shell.
fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(plain) || name.starts_with(['.', '-']) {
        return Err(format!("\"{name}\" cannot name a key; use 1 to {MAX_NAME} letters, digits, hyphens or dots"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::wallet::test_folder::TestFolder;

    #[test]
    fn files_are_private_found_by_name_and_never_replaced() {
        let (folder, spec) = (TestFolder::new("files"), ChainSpec::local());
        let keys = Keys::new(&folder, &spec);
        assert_eq!(keys.names().unwrap(), [] as [&str; 0]);
        let key = SecretKey::from_seed([9; 32]);
        keys.add("alice", &key, None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&keys.path("alice")), mode(&folder.join("keys"))), (0o600, 0o700));
        assert_eq!(keys.names().unwrap(), ["alice"]);
        std::os::unix::fs::symlink("/dev/zero", keys.path("endless")).unwrap();
        assert!(matches!(keys.read("endless"), Err(WalletError::Damaged(_))), "a device is no key file");
        fs::remove_file(keys.path("endless")).unwrap();
        assert_eq!(keys.find("alice").unwrap().public_key(), Some(key.public_key()));
        assert_eq!(keys.address("alice"), Ok(key.address()));
        assert!(matches!(keys.add("all", &key, None), Err(WalletError::Usage(_))), "it is an amount");
        for taken in ["alice", "ALICE"] {
            assert!(matches!(keys.add(taken, &key, None), Err(WalletError::Exists { .. })), "{taken}");
        }
        assert_eq!(keys.names_of(&key.address()), Ok(vec!["alice".to_owned()]));
        keys.label("alice", "for rent").unwrap();
        assert_eq!((keys.read("alice").unwrap().label.as_str(), mode(&keys.path("alice"))), ("for rent", 0o600));
        assert!(matches!(keys.label("alice", "two\nlines"), Err(WalletError::Usage(_))));
        assert!(matches!(keys.label("dev0", "x"), Err(WalletError::Usage(_))));
        let missing = keys.find("alcie").err().unwrap();
        assert!(matches!(&missing, WalletError::NoKey { known, .. } if *known == ["alice"]), "{missing:?}");
    }

    #[test]
    fn one_at_a_time_chooses_coins_of_a_key_also_once_it_has_another_label() {
        let (folder, spec) = (TestFolder::new("spending"), ChainSpec::local());
        let keys = Keys::new(&folder, &spec);
        keys.add("alice", &SecretKey::from_seed([9; 32]), None).unwrap();
        let lock = keys.try_lock_spending("alice").unwrap();
        assert!(keys.try_lock_spending("alice").is_none() && keys.try_lock_spending("dev0").is_some());
        drop(lock);
        let lock = keys.try_lock_spending("dev0").unwrap();
        assert!(keys.try_lock_spending("dev0").is_none());
        drop(lock);
        keys.label("alice", "another file").unwrap();
        let lock = keys.try_lock_spending("alice");
        assert!(lock.is_some() && keys.try_lock_spending("alice").is_none());
    }

    #[test]
    fn well_known_names_work_on_test_chains_and_are_reserved() {
        let (folder, mut spec) = (TestFolder::new("well-known"), ChainSpec::local());
        let address = SecretKey::well_known(9).address();
        let keys = Keys::new(&folder, &spec);
        assert_eq!(keys.address("dev9"), Ok(address));
        assert_eq!(keys.address(&address.to_text(&spec.prefix)), Ok(address));
        assert!(matches!(keys.address("dev10"), Err(WalletError::Usage(_))));
        for name in ["dev1", "DEV1"] {
            assert!(matches!(keys.add(name, &SecretKey::well_known(1), None), Err(WalletError::Usage(_))), "{name}");
        }
        spec.test = false;
        assert!(matches!(Keys::new(&folder, &spec).find("dev9"), Err(WalletError::NoKey { .. })));
        assert!(!folder.exists());
    }

    #[test]
    fn names_stay_within_the_folder() {
        for name in ["", ".", "..", "../x", "a/b", "-rf", "a b", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("Alice_2.old-key").is_ok());
    }
}
