//! The folder of key files, and the names of keys.

mod file;
mod passphrase;
mod scarce;
mod spending;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use file::KeyFile;
pub use passphrase::PassphraseFlags;
pub use spending::SpendingLock;

use super::{
    datadir,
    exit::{Exit, Failure, Outcome},
};
use crate::{
    chain::{
        address::Address,
        key::SecretKey,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
    },
    config::suggest,
    rpc::client::Deadline,
};

/// Bytes of a key file; ours are below 1 KiB.
const KEY_FILE_BYTES: u64 = 64 * 1024;

/// Longest name of a key.
const MAX_NAME: usize = 64;
/// Most characters of a label.
const MAX_LABEL: usize = 80;

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

    /// The secret key; asks for a passphrase if one is needed.
    pub fn unlock(&self, flags: &PassphraseFlags) -> Outcome<SecretKey> {
        match self {
            Self::File(file) => file.unlock(|| flags.to_open()),
            Self::WellKnown(key) => Ok((**key).clone()),
        }
    }
}

impl<'a> Keys<'a> {
    /// The keys in a chain's folder.
    pub fn new(chain_folder: &Path, spec: &'a ChainSpec) -> Self {
        Self { folder: chain_folder.join(datadir::KEYS), spec }
    }

    /// The names of all key files, sorted.
    pub fn names(&self) -> Outcome<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io("cannot read", &self.folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Failure::io("cannot read", &self.folder, &error))?;
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
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Failure::denied(&path)),
                _ => {}
            }
        }
        if let Some(key) = self.well_known(name) {
            return Ok(NamedKey::WellKnown(Box::new(key)));
        }
        let names = self.names()?;
        let hint = match (suggest(name, names.iter().map(String::as_str)), names.is_empty(), self.spec.test) {
            (Some(meant), ..) => format!("did you mean \"{meant}\"?"),
            (None, false, _) => format!("there are: {}", names.join(", ")),
            (None, true, true) => "dev0 to dev9 always work on this chain".to_owned(),
            (None, true, false) => "make one with: tussock key new NAME".to_owned(),
        };
        let hint = match self.elsewhere(name) {
            Some(file) => format!("a key of that name is in {}: name that file", file.display()),
            None => hint,
        };
        Err(Failure::new(Exit::NotFound, format!("no key \"{name}\": {}; {hint}", self.folder.display())))
    }

    /// A key of this name of another chain of the data directory: one that was made before the chain's file.
    fn elsewhere(&self, name: &str) -> Option<PathBuf> {
        let (own, file) = (self.path(name), self.path(name).file_name()?.to_owned());
        let chains = fs::read_dir(self.folder.parent()?.parent()?).ok()?;
        let files = chains.flatten().map(|chain| chain.path().join("keys").join(&file));
        files.filter(|file| check_name(name).is_ok() && *file != own && file.is_file()).min()
    }

    /// Waits for the right to choose coins of this key. Publicly known keys have no file, so their payments take turns by
    /// the running node's cookie.
    pub fn lock_spending(&self, name: &str, deadline: Deadline) -> Outcome<SpendingLock> {
        let path = self.path(name);
        let path = if path.exists() { path } else { self.folder.with_file_name(datadir::COOKIE) };
        SpendingLock::acquire(&path, name, deadline)
    }

    /// Reads a key file.
    pub fn read(&self, name: &str) -> Outcome<KeyFile> {
        let path = self.path(name);
        let size = fs::metadata(&path).map_err(|error| Failure::io("cannot read", &path, &error))?.len();
        let text = if size > KEY_FILE_BYTES { Ok(String::new()) } else { fs::read_to_string(&path) };
        let text = text.map_err(|error| Failure::io("cannot read", &path, &error))?;
        KeyFile::parse(&text).map_err(|problem| {
            Failure::new(Exit::Io, format!("not a key file: {}: {problem}; import the key again", path.display()))
        })
    }

    /// Changes the label of a key file.
    pub fn label(&self, name: &str, label: &str) -> Outcome<KeyFile> {
        if label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
            return Err(Failure::usage(format!("a label is one line of at most {MAX_LABEL} characters")));
        }
        let NamedKey::File(mut file) = self.find(name)? else {
            return Err(Failure::usage(format!("\"{name}\" is a publicly known key without a file; it has no label")));
        };
        file.label = label.to_owned();
        datadir::write_atomically(&self.path(name), file.to_text().as_bytes(), 0o600)?;
        Ok(*file)
    }

    /// Writes a new key file; an existing one is never replaced.
    pub fn add(&self, name: &str, key: &SecretKey, passphrase: Option<&str>) -> Outcome<KeyFile> {
        check_name(name).map_err(Failure::usage)?;
        if self.well_known(name).is_some() {
            return Err(Failure::usage(format!(
                "\"{name}\" names a publicly known key of this chain; choose another name"
            )));
        }
        let path = self.path(name);
        if path.exists() {
            let problem = format!("a key \"{name}\" exists: {}; choose another name", path.display());
            return Err(Failure::usage(problem));
        }
        datadir::make_private_folder(&self.folder)?;
        let file = KeyFile::new(name, key.address().to_text(&self.spec.prefix), key, passphrase)?;
        datadir::write_atomically(&path, file.to_text().as_bytes(), 0o600)?;
        Ok(file)
    }

    /// The path of a key's file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    /// Parses an address, or finds the address of the key with this name.
    pub fn address(&self, text: &str) -> Outcome<Address> {
        let by_name = |named: NamedKey| named.public_key().map(|key| Address::of(&key));
        if text.len() <= MAX_NAME {
            match self.find(text) {
                Ok(named) => {
                    if let Some(address) = by_name(named) {
                        return Ok(address);
                    }
                }
                Err(failure) if failure.exit == Exit::Unauthorised => return Err(failure),
                Err(_) => {}
            }
        }
        let start = format!("{}1", self.spec.prefix);
        Address::parse(text, &self.spec.prefix).map_err(|error| match text.contains('1') {
            true => Failure::usage(format!("{text}: {error}")),
            false => Failure::usage(format!("{text}: neither a key nor an address; addresses start with {start}")),
        })
    }

    /// `dev0` to `dev9` on test chains.
    fn well_known(&self, name: &str) -> Option<SecretKey> {
        let digits = name.strip_prefix("dev").filter(|digits| digits.len() == 1 && self.spec.test)?;
        let number: u32 = digits.parse().ok()?;
        (number < WELL_KNOWN_ACCOUNTS).then(|| SecretKey::well_known(number))
    }
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

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tussock-keys-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        path
    }

    #[test]
    fn files_are_private_found_by_name_and_never_replaced() {
        let (folder, spec) = (folder("files"), ChainSpec::local());
        let keys = Keys::new(&folder, &spec);
        assert_eq!(keys.names().unwrap(), [] as [&str; 0]);
        let key = SecretKey::from_seed([9; 32]);
        keys.add("alice", &key, None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&keys.path("alice")), mode(&folder.join("keys"))), (0o600, 0o700));
        assert_eq!(keys.names().unwrap(), ["alice"]);
        assert_eq!(keys.find("alice").unwrap().public_key(), Some(key.public_key()));
        assert_eq!(keys.address("alice"), Ok(key.address()));
        assert_eq!(keys.add("alice", &key, None).unwrap_err().exit, Exit::Usage);
        keys.label("alice", "for rent").unwrap();
        assert_eq!((keys.read("alice").unwrap().label.as_str(), mode(&keys.path("alice"))), ("for rent", 0o600));
        assert_eq!(keys.label("alice", "two\nlines").unwrap_err().exit, Exit::Usage);
        assert_eq!(keys.label("dev0", "x").unwrap_err().exit, Exit::Usage);
        let missing = keys.find("alcie").err().unwrap();
        assert_eq!(missing.exit, Exit::NotFound);
        assert!(missing.message.contains("alice"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn well_known_names_work_on_test_chains_and_are_reserved() {
        let (folder, mut spec) = (folder("well-known"), ChainSpec::local());
        let address = SecretKey::well_known(9).address();
        let keys = Keys::new(&folder, &spec);
        assert_eq!(keys.address("dev9"), Ok(address));
        assert_eq!(keys.address(&address.to_text(&spec.prefix)), Ok(address));
        assert_eq!(keys.address("dev10").unwrap_err().exit, Exit::Usage);
        assert_eq!(keys.add("dev1", &SecretKey::well_known(1), None).unwrap_err().exit, Exit::Usage);
        spec.test = false;
        assert_eq!(Keys::new(&folder, &spec).find("dev9").err().unwrap().exit, Exit::NotFound);
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
