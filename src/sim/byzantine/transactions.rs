//! Sends transactions that are invalid in one way or another.

use crate::{
    base::{codec::List, hash::Hash, ids::LinkId, rng::Rng},
    chain::{
        key::SecretKey,
        spec::ChainSpec,
        testkit,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    sim::byzantine::trick::{Context, Trick},
    wire::{frame::Frame, message::Message},
};

/// The trick.
pub(super) struct Transactions;

impl Trick for Transactions {
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some(link) = context.rng.pick(links).copied() else { return Vec::new() };
        let transaction = invalid(context.spec, context.rng);
        vec![(link, Frame::new(&Message::Transaction(transaction.to_bytes().into())))]
    }
}

/// Spends a genesis coin, or one that never was, and breaks one rule.
fn invalid(spec: &ChainSpec, rng: &mut Rng) -> Transaction {
    let genesis = &spec.genesis.transactions[0];
    let at = usize::try_from(rng.below(genesis.transaction.outputs.len() as u64)).unwrap_or(0);
    let amount = genesis.transaction.outputs[at].amount;
    let owner = (0..10).map(SecretKey::well_known).find(|key| key.address() == genesis.transaction.outputs[at].address);
    let key = owner.unwrap_or_else(|| SecretKey::well_known(0));
    let outpoint = Transaction::outpoint(genesis.txid, at);
    let input = Input { outpoint, amount, public_key: key.public_key(), signature: [0; 64] };
    let output = Output { amount: amount - 1_000, address: key.address() };
    let mut transaction = Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::truncated([input]),
        outputs: List::truncated([output]),
        memo: List::truncated(rng.bytes::<8>()),
    };
    let fault = rng.below(6);
    break_rule(fault, amount, &mut transaction, rng);
    key.sign_transaction(&mut transaction, &spec.genesis_hash());
    if fault == 5 {
        transaction.inputs.as_mut_slice()[0].signature[0] ^= 1;
    }
    transaction
}

/// A transaction that is valid alone and spends a coin that never was.
pub(super) fn of_a_missing_coin(spec: &ChainSpec, rng: &mut Rng) -> Transaction {
    let key = SecretKey::well_known(0);
    let outpoint = OutPoint { txid: Hash(rng.bytes()), index: 0 };
    let outputs = vec![Output { amount: 1_000, address: key.address() }];
    testkit::spend(&[(outpoint, 2_000, &key)], outputs, b"", &spec.genesis_hash())
}

fn break_rule(fault: u64, amount: u64, transaction: &mut Transaction, rng: &mut Rng) {
    match fault {
        0 => transaction.version = 99,
        1 => transaction.outputs.as_mut_slice()[0].amount = 0,
        2 => transaction.outputs.as_mut_slice()[0].amount = amount + 1,
        3 => transaction.inputs.as_mut_slice()[0].outpoint = OutPoint { txid: Hash(rng.bytes()), index: 0 },
        4 => transaction.inputs.as_mut_slice()[0].public_key = SecretKey::well_known(99).public_key(),
        _ => {}
    }
}
