//! Key files: `keys/<name>.json`, one key each, plain or encrypted with a passphrase.
//!
//! Encryption: Argon2id (19 MiB, 2 passes, 1 lane: OWASP's minimum, for small hosts) derives the key of
//! XChaCha20-Poly1305. The address is authenticated too, so that a secret cannot be moved into another file.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};

use crate::{
    base::hash::{hex, unhex},
    chain::{
        address::{Address, Prefix},
        key::SecretKey,
    },
    wallet::{
        error::{Outcome, WalletError},
        files,
    },
};

/// The only version of the file format.
const VERSION: u32 = 1;
/// KiB of memory for Argon2id in a new file.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
const PASSES: u32 = 2;

/// The content of a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    version: u32,
    /// The key's name when the file was made.
    pub name: String,
    /// The address in the chain's text form.
    pub address: String,
    /// The public key, hex; empty if only the address is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_key: String,
    /// The owner's note, shown in lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<Encrypted>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encrypted {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    cipher: String,
    nonce: String,
    data: String,
}

impl KeyFile {
    /// A file for this key; encrypted if there is a passphrase.
    pub fn new(name: &str, address: String, key: &SecretKey, passphrase: Option<&str>) -> Outcome<Self> {
        let (secret, encrypted) = match passphrase {
            None => (Some(hex(&key.seed())), None),
            Some(passphrase) => (None, Some(encrypt(key, passphrase)?)),
        };
        let public_key = hex(&key.public_key());
        let (name, label) = (name.to_owned(), String::new());
        Ok(Self { version: VERSION, name, address, public_key, label, secret, encrypted })
    }

    /// A file for a key that is elsewhere: its address alone.
    pub fn watched(name: &str, address: String) -> Self {
        let (name, public_key, label) = (name.to_owned(), String::new(), String::new());
        Self { version: VERSION, name, address, public_key, label, secret: None, encrypted: None }
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match file.version {
            VERSION if file.is_of_one_key() => Ok(file),
            VERSION => Err("its address is not that of its public key: import the key again".to_owned()),
            other => Err(format!("version {other}; only version {VERSION} is known")),
        }
    }

    /// Whether address and public key belong together, on whatever chain: lists show the one, and who pays uses the other.
    fn is_of_one_key(&self) -> bool {
        if self.is_watched() {
            return true;
        }
        let prefix = self.address.rsplit_once('1').and_then(|(prefix, _)| Prefix::new(prefix));
        let text = |key: [u8; 32]| prefix.map(|prefix| Address::of(&key).to_text(&prefix));
        self.public_key().and_then(text).as_ref() == Some(&self.address)
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a key file is plain data") + "\n"
    }

    /// Whether a passphrase is needed.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted.is_some() && self.secret.is_none()
    }

    /// Whether the key is elsewhere, and only its address is known here.
    pub fn is_watched(&self) -> bool {
        self.public_key.is_empty() && self.secret.is_none() && self.encrypted.is_none()
    }

    /// The address that the key may spend from. `None`: the file is damaged, or of another chain.
    pub fn owner(&self, prefix: &Prefix) -> Option<Address> {
        match self.is_watched() {
            true => Address::parse(&self.address, prefix).ok(),
            false => self.public_key().map(|key| Address::of(&key)),
        }
    }

    /// The public key.
    pub fn public_key(&self) -> Option<[u8; 32]> {
        unhex(&self.public_key)?.try_into().ok()
    }

    /// KiB of memory that its passphrase takes; `None`: it needs none.
    pub fn memory_kib(&self) -> Option<u32> {
        self.encrypted.as_ref().filter(|_| self.secret.is_none()).map(|encrypted| encrypted.memory_kib)
    }

    /// The secret key; `ask` gives the passphrase if one is needed.
    pub fn unlock<E: From<WalletError>>(&self, ask: impl FnOnce() -> Result<String, E>) -> Result<SecretKey, E> {
        if self.is_watched() {
            return Err(WalletError::Watched { name: self.name.clone() }.into());
        }
        let seed = match (&self.secret, &self.encrypted) {
            (Some(secret), _) => unhex(secret).and_then(|seed| seed.try_into().ok()),
            (None, Some(encrypted)) => Some(decrypt(encrypted, self.public_key(), &ask()?)?),
            (None, None) => None,
        };
        let key = seed.map(SecretKey::from_seed);
        // A file with mixed parts would receive for one key and sign with another.
        key.filter(|key| Some(key.public_key()) == self.public_key()).ok_or_else(|| {
            WalletError::Damaged(format!("the file of key {} is damaged; import the key again", self.name)).into()
        })
    }
}

fn encrypt(key: &SecretKey, passphrase: &str) -> Outcome<Encrypted> {
    let (salt, nonce) = (files::random_bytes::<16>()?, files::random_bytes::<24>()?);
    let cipher = cipher(passphrase, &salt, MEMORY_KIB, PASSES)?;
    let (seed, address) = (key.seed(), Address::of(&key.public_key()));
    let data = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: &seed, aad: &address.0 })
        .map_err(|_| WalletError::Internal("the key cannot be encrypted".to_owned()))?;
    Ok(Encrypted {
        kdf: "argon2id".to_owned(),
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        salt: hex(&salt),
        cipher: "xchacha20-poly1305".to_owned(),
        nonce: hex(&nonce),
        data: hex(&data),
    })
}

fn decrypt(encrypted: &Encrypted, public_key: Option<[u8; 32]>, passphrase: &str) -> Outcome<[u8; 32]> {
    let damaged = || WalletError::Damaged("the key file is damaged; import the key again".to_owned());
    if encrypted.kdf != "argon2id" || encrypted.cipher != "xchacha20-poly1305" {
        let problem = "the key file was written by another program or a newer version";
        return Err(WalletError::Foreign(problem.to_owned()));
    }
    // A foreign file must not exhaust the host's memory.
    if encrypted.memory_kib > 1024 * 1024 || encrypted.passes > 64 {
        return Err(damaged());
    }
    let bytes = |text: &str| unhex(text).ok_or_else(damaged);
    let (salt, data) = (bytes(&encrypted.salt)?, bytes(&encrypted.data)?);
    let nonce: [u8; 24] = bytes(&encrypted.nonce)?.try_into().map_err(|_| damaged())?;
    let address = Address::of(&public_key.ok_or_else(damaged)?);
    let seed = cipher(passphrase, &salt, encrypted.memory_kib, encrypted.passes)?
        .decrypt(&XNonce::from(nonce), Payload { msg: &data, aad: &address.0 })
        .map_err(|_| WalletError::WrongPassphrase)?;
    seed.try_into().map_err(|_| damaged())
}

fn cipher(passphrase: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Outcome<XChaCha20Poly1305> {
    let failed = |_: argon2::Error| WalletError::Internal("the passphrase cannot be turned into a key".to_owned());
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(failed)?;
    let mut key = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.as_bytes(), salt, &mut key).map_err(failed)?;
    Ok(XChaCha20Poly1305::new(&key.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Outcome<String> {
        panic!("no passphrase is needed")
    }

    fn with(passphrase: &str) -> Outcome<String> {
        Ok(passphrase.to_owned())
    }

    fn text_of(key: &SecretKey) -> String {
        key.address().to_text(&crate::chain::spec::ChainSpec::local().prefix)
    }

    #[test]
    fn a_plain_file_round_trips() {
        let key = SecretKey::well_known(3);
        let file = KeyFile::new("a", text_of(&key), &key, None).unwrap();
        let read = KeyFile::parse(&file.to_text()).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.unlock(never).unwrap().seed(), key.seed());
    }

    #[test]
    fn an_encrypted_file_needs_its_passphrase_and_hides_the_secret() {
        let key = SecretKey::well_known(3);
        let file = KeyFile::new("a", text_of(&key), &key, Some("open sesame")).unwrap();
        let text = file.to_text();
        assert!(!text.contains(&hex(&key.seed())) && file.is_encrypted());
        let read = KeyFile::parse(&text).unwrap();
        assert_eq!(read.unlock(|| with("open sesame")).unwrap().seed(), key.seed());
        assert_eq!(read.unlock(|| with("open barley")).unwrap_err(), WalletError::WrongPassphrase);
    }

    #[test]
    fn a_watched_address_has_no_secret() {
        let (key, prefix) = (SecretKey::well_known(3), crate::chain::spec::ChainSpec::local().prefix);
        let file = KeyFile::watched("a", key.address().to_text(&prefix));
        let read = KeyFile::parse(&file.to_text()).unwrap();
        assert!(read.is_watched() && !read.is_encrypted() && read.public_key().is_none());
        assert_eq!(read.owner(&prefix), Some(key.address()));
        assert_eq!(read.unlock(never).unwrap_err(), WalletError::Watched { name: "a".to_owned() });
        let other = KeyFile::new("a", text_of(&key), &key, None).unwrap();
        assert_eq!((other.owner(&prefix), other.is_watched()), (Some(key.address()), false));
        assert_eq!(KeyFile::watched("a", "nonsense".to_owned()).owner(&prefix), None);
    }

    #[test]
    fn a_file_with_parts_of_two_keys_is_refused() {
        let mut file = KeyFile::new("a", text_of(&SecretKey::well_known(3)), &SecretKey::well_known(3), None).unwrap();
        file.public_key = hex(&SecretKey::well_known(4).public_key());
        assert!(matches!(file.unlock(never), Err(WalletError::Damaged(_))));
        assert!(KeyFile::parse("{\"version\":2}").is_err());
        // Whoever pays it would pay another key than the one that lists show.
        assert!(KeyFile::parse(&file.to_text()).unwrap_err().contains("not that of its public key"));
        let mut file = KeyFile::new("a", text_of(&SecretKey::well_known(3)), &SecretKey::well_known(3), None).unwrap();
        assert!(KeyFile::parse(&file.to_text()).is_ok());
        file.address = text_of(&SecretKey::well_known(4));
        assert!(KeyFile::parse(&file.to_text()).is_err());
    }
}
