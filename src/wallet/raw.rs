//! Transactions as programs pass them between who makes, who signs and who sends them: in their encoding.
//!
//! An input names the key that signs it, which whoever makes the payment need not know. Until then the owner's address stands
//! in its place, after zeros: what has not been signed still says whose coins it spends.

use std::collections::BTreeSet;

use super::{
    building::Draft,
    error::Outcome,
    offline::{Unsigned, UnsignedInput},
};
use crate::{
    base::{codec::List, hash::Hash},
    chain::{
        address::Address,
        key::{self, SecretKey},
        spec::ChainSpec,
        transaction::{Input, Transaction},
    },
};

/// Zeros before an address in the place of a key. A key that begins so is found once in 2^96.
const ZEROS: usize = 12;

/// What stands for the key of an owner who has not signed.
pub fn in_place_of_key(owner: &Address) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[ZEROS..].copy_from_slice(&owner.0);
    bytes
}

/// The owner whose address stands in the place of this input's key.
pub fn unsigned_owner(input: &Input) -> Option<Address> {
    let (zeros, address) = input.public_key.split_first_chunk::<ZEROS>()?;
    (*zeros == [0; ZEROS] && input.signature == [0; 64]).then(|| Address(address.try_into().expect("20 of 32 bytes")))
}

/// The owner of the coin that an input spends, as it says.
pub fn owner(input: &Input) -> Address {
    unsigned_owner(input).unwrap_or_else(|| Address::of(&input.public_key))
}

/// Signs with these keys. Those that are not needed do nothing. Names the inputs that have no signature afterwards which
/// holds.
pub fn sign(transaction: &mut Transaction, keys: &[SecretKey], genesis: &Hash) -> BTreeSet<usize> {
    for input in transaction.inputs.as_mut_slice() {
        let Some(owner) = unsigned_owner(input) else { continue };
        if let Some(key) = keys.iter().find(|key| key.address() == owner) {
            input.public_key = key.public_key();
        }
    }
    keys.iter().for_each(|key| key.sign_transaction(transaction, genesis));
    let claims = key::claims(transaction, &transaction.txid(), genesis);
    claims.enumerate().filter(|(_, claim)| !claim.holds()).map(|(at, _)| at).collect()
}

/// Refuses a fee that is likely a mistake, such as a forgotten change: see [`Draft::check_rate`].
pub fn check_fee(transaction: &Transaction, spec: &ChainSpec, estimate: u64) -> Outcome {
    let payers = transaction.inputs.iter().map(owner).collect();
    Draft::of(transaction.clone(), &payers)?.check_rate(spec, estimate)
}

/// The payment of a transaction that nobody has signed.
pub fn unsigned(transaction: &Transaction) -> Option<Unsigned> {
    let inputs = transaction.inputs.iter().map(|input| {
        let owner = unsigned_owner(input)?;
        Some(UnsignedInput { outpoint: input.outpoint, amount: input.amount, owner })
    });
    let inputs = inputs.collect::<Option<Vec<_>>>().filter(|inputs| !inputs.is_empty())?;
    let (outputs, memo) = (transaction.outputs.clone(), transaction.memo.clone());
    Some(Unsigned { inputs: List::truncated(inputs), outputs, memo })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::transaction::{OutPoint, Output, TRANSACTION_VERSION};

    #[test]
    fn what_is_unsigned_names_its_owners_and_each_signs_for_himself() {
        let spec = ChainSpec::local();
        let keys = [0, 1].map(SecretKey::well_known);
        let input = |(index, key): (u32, &SecretKey)| Input {
            outpoint: OutPoint { txid: Hash([3; 32]), index },
            amount: 50,
            public_key: in_place_of_key(&key.address()),
            signature: [0; 64],
        };
        let mut transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated((0..).zip(&keys).map(input)),
            outputs: List::truncated([Output { amount: 90, address: Address([7; 20]) }]),
            memo: List::truncated([]),
        };
        let owners: Vec<Address> = transaction.inputs.iter().map(owner).collect();
        assert_eq!(owners, keys.each_ref().map(SecretKey::address));
        assert_eq!(unsigned(&transaction).unwrap().fee(), Ok(10));
        let genesis = spec.genesis_hash();
        assert_eq!(sign(&mut transaction, &keys[..1], &genesis), [1].into(), "the other is missing");
        assert_eq!(unsigned(&transaction), None);
        // The id is another one now, so whoever signed first signs again.
        assert_eq!(sign(&mut transaction, &keys[1..], &genesis), [0].into());
        assert!(sign(&mut transaction, &keys[..1], &genesis).is_empty());
        assert!(transaction.inputs.iter().map(owner).eq(owners));
        let mut transaction = Transaction { inputs: List::truncated((0..).zip(&keys).map(input)), ..transaction };
        assert!(sign(&mut transaction, &keys, &genesis).is_empty());
    }
}
