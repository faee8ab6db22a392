//! The keys of the node's folder.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::{
    chain::{address::Address, key::SecretKey},
    rpc::{
        context::Context,
        error::{KEYS_USED_UP, RpcError},
    },
    wallet::{error::WalletError, files, keys::Keys, raw},
};

/// Keys of a folder that RPC deals with: each call asks for the coins or transactions of all.
const MAX_KEYS: usize = 2_000;
/// Keys that RPC makes.
const MAX_MADE: usize = 1_000;
/// Begins their names.
const MADE: &str = "rpc-";
/// The key without a file that a test chain's wallet also has.
const TEST_KEY: &str = "dev0";

/// A key.
#[derive(Clone, Debug)]
pub struct OwnKey {
    /// Its name.
    pub name: String,
    /// What its owner wrote on it.
    pub label: String,
    /// Its address.
    pub address: Address,
    /// Its public key.
    pub public_key: [u8; 32],
    /// Whether it has a passphrase.
    pub is_locked: bool,
    /// Whether only its address is here.
    pub is_watched: bool,
}

/// The chain's folder.
pub fn folder(context: &Context) -> PathBuf {
    context.ledger_path.parent().map(PathBuf::from).unwrap_or_default()
}

/// The keys that RPC deals with.
#[derive(Clone, Debug, Default)]
pub struct Wallet {
    /// The keys, those included that are only watched; on test chains also the first one that is publicly known.
    pub keys: Vec<OwnKey>,
    /// Why others are left out, a line for each.
    pub warnings: Vec<String>,
}

impl Wallet {
    /// The keys without those that are only watched, or with them.
    pub fn keys(&self, with_watched: bool) -> impl Iterator<Item = &OwnKey> + Clone {
        self.keys.iter().filter(move |key| with_watched || !key.is_watched)
    }
}

/// Whether RPC has made a key of this name.
fn is_made(name: &str) -> bool {
    name.strip_prefix(MADE).is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads the keys of the folder. Of very many those count that RPC made, then the others by their names.
pub fn wallet(context: &Context) -> Result<Wallet, RpcError> {
    let folder = folder(context);
    let keys = Keys::new(&folder, &context.chain);
    let (mut names, others): (Vec<_>, Vec<_>) = keys.names()?.into_iter().partition(|name| is_made(name));
    names.extend(others);
    let left_out = names.len().saturating_sub(MAX_KEYS);
    names.truncate(MAX_KEYS);
    let all = keys.read_all(names);
    let mut wallet = Wallet { keys: Vec::with_capacity(all.files.len() + 1), warnings: all.damaged };
    for (name, file) in all.files {
        let Some(address) = file.owner(&context.chain.prefix) else { continue };
        let public_key = file.public_key().unwrap_or_else(|| raw::in_place_of_key(&address));
        let (label, is_locked, is_watched) = (file.label.clone(), file.is_encrypted(), file.is_watched());
        wallet.keys.push(OwnKey { name, label, address, public_key, is_locked, is_watched });
    }
    if left_out > 0 {
        let text = format!("{left_out} keys are left out: RPC deals with at most {MAX_KEYS}");
        wallet.warnings.push(text);
    }
    if context.chain.test {
        let public_key = SecretKey::well_known(0).public_key();
        let (name, address) = (TEST_KEY.to_owned(), Address::of(&public_key));
        let label = String::new();
        wallet.keys.push(OwnKey { name, label, address, public_key, is_locked: false, is_watched: false });
    }
    // A key may be in two files, such as a copy that somebody made: it counts once.
    let mut known: BTreeMap<Address, String> = BTreeMap::new();
    let mut doubles = Vec::new();
    wallet.keys.retain(|key| {
        let first = if key.is_watched { None } else { known.get(&key.address) };
        if let Some(first) = first {
            doubles.push(format!("\"{}\" is the key \"{first}\" once more: it counts once", key.name));
            return false;
        }
        if !key.is_watched {
            known.insert(key.address, key.name.clone());
        }
        true
    });
    wallet.warnings.extend(doubles);
    // What is watched may have been imported since.
    let own: BTreeSet<Address> = wallet.keys.iter().filter(|key| !key.is_watched).map(|key| key.address).collect();
    wallet.keys.retain(|key| !key.is_watched || !own.contains(&key.address));
    Ok(wallet)
}

/// Labels by address.
pub fn labels<'a>(keys: impl Iterator<Item = &'a OwnKey>) -> BTreeMap<Address, String> {
    keys.map(|key| (key.address, key.label.clone())).collect()
}

/// Makes a key in a file of its own, and returns its address.
pub fn make(context: &Context, label: &str) -> Result<String, RpcError> {
    let folder = folder(context);
    let keys = Keys::new(&folder, &context.chain);
    let count = keys.names()?.iter().filter(|name| is_made(name)).count();
    if count >= MAX_MADE {
        let text = format!("RPC has made {count} keys, and makes no more; addresses may be used again");
        return Err(RpcError::new(KEYS_USED_UP, text));
    }
    let key = SecretKey::from_seed(files::random_bytes::<32>()?);
    for number in count + 1.. {
        let name = format!("{MADE}{number}");
        match keys.add(&name, &key, None) {
            Err(WalletError::Exists { .. }) => {}
            made => {
                made?;
                if !label.is_empty() {
                    keys.label(&name, label)?;
                }
                break;
            }
        }
    }
    Ok(context.text(&key.address()))
}
