//! The keys of the node's folder.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    chain::{address::Address, key::SecretKey},
    rpc::{
        context::Context,
        error::{KEYS_USED_UP, RpcError, WALLET},
    },
    wallet::{error::WalletError, files, keys::Keys},
};

/// Keys of a folder that RPC deals with: each call asks for the coins or transactions of all.
const MAX_KEYS: usize = 1_000;
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
}

/// The chain's folder.
pub fn folder(context: &Context) -> PathBuf {
    context.ledger_path.parent().map(PathBuf::from).unwrap_or_default()
}

/// All keys; on test chains also the first one that is publicly known.
pub fn keys(context: &Context) -> Result<Vec<OwnKey>, RpcError> {
    let folder = folder(context);
    let keys = Keys::new(&folder, &context.chain);
    let names = keys.names()?;
    if names.len() > MAX_KEYS {
        let text = format!("there are {} keys; RPC deals with at most {MAX_KEYS}", names.len());
        return Err(RpcError::new(WALLET, text));
    }
    let mut all = Vec::with_capacity(names.len() + 1);
    for name in names {
        let file = keys.read(&name)?;
        let Some(public_key) = file.public_key() else { continue };
        let (label, is_locked) = (file.label.clone(), file.is_encrypted());
        all.push(OwnKey { name, label, address: Address::of(&public_key), public_key, is_locked });
    }
    if context.chain.test {
        let public_key = SecretKey::well_known(0).public_key();
        let (name, address) = (TEST_KEY.to_owned(), Address::of(&public_key));
        all.push(OwnKey { name, label: String::new(), address, public_key, is_locked: false });
    }
    Ok(all)
}

/// Labels by address.
pub fn labels(keys: &[OwnKey]) -> BTreeMap<Address, String> {
    keys.iter().map(|key| (key.address, key.label.clone())).collect()
}

/// Makes a key in a file of its own, and returns its address.
pub fn make(context: &Context, label: &str) -> Result<String, RpcError> {
    let folder = folder(context);
    let keys = Keys::new(&folder, &context.chain);
    let count = keys.names()?.len();
    if count >= MAX_KEYS {
        let text = format!("there are {count} keys, and RPC makes no more; addresses may be used again");
        return Err(RpcError::new(KEYS_USED_UP, text));
    }
    let key = SecretKey::from_seed(files::random_bytes::<32>()?);
    for number in count + 1.. {
        let name = format!("rpc-{number}");
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
