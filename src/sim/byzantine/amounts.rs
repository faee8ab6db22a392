//! Names other amounts than its coins have: in transactions, and in blocks whose coinbase takes what they seem to pay.

use crate::{
    base::{hash::Hash, ids::LinkId},
    chain::{
        block::{HashedBlock, HashedTransaction},
        coin_key::CoinKey,
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        rules,
        seal::Seal,
        testkit,
        transaction::{Output, Transaction},
    },
    sim::{
        byzantine::trick::{Context, Trick},
        setup::ACCOUNTS,
    },
    wire::{frame::Frame, message::Message},
};

/// Ticks for each block, on average.
const TICKS: u64 = 15;
/// Genesis coins that are tried before the node gives up: others may have spent them.
const TRIES: usize = 8;
/// The fee by the named amount.
const FEE: u64 = 1_000;

/// The trick.
pub(super) struct Amounts;

impl Trick for Amounts {
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some(transaction) = misnamed(context) else { return Vec::new() };
        if context.rng.below(TICKS) == 0 {
            let block = block(transaction, context).map(|block| Frame::new(&Message::Block(block.bytes)));
            return links.iter().filter_map(|link| Some((*link, block.clone()?))).collect();
        }
        let Some(link) = context.rng.pick(links).copied() else { return Vec::new() };
        vec![(link, Frame::new(&Message::Transaction(transaction.to_bytes().into())))]
    }
}

/// A transaction of an unspent coin that is valid but for the amount that it names.
fn misnamed(context: &mut Context<'_>) -> Option<Transaction> {
    let genesis = &context.spec.genesis.transactions[0];
    let outputs = &genesis.transaction.outputs;
    for _ in 0..TRIES {
        let at = usize::try_from(context.rng.below(outputs.len() as u64)).unwrap_or(0);
        let outpoint = Transaction::outpoint(genesis.txid, at);
        let Ok(Some(coin)) = context.disk.read(|ledger| ledger.coin(&CoinKey::of(&outpoint))) else { continue };
        let key = (0..ACCOUNTS).map(SecretKey::well_known).find(|key| key.address() == coin.address)?;
        let named = match context.rng.below(4) {
            0 => coin.amount + 1,
            1 => coin.amount - 1,
            2 => coin.amount * 2,
            _ => context.rng.between(1, coin.amount - 1),
        };
        let output = Output { amount: named.saturating_sub(FEE).max(1), address: key.address() };
        let memo = context.rng.bytes::<8>();
        return Some(testkit::spend(&[(outpoint, named, &key)], vec![output], &memo, &context.spec.genesis_hash()));
    }
    None
}

/// A block on the node's tip with the transaction.
fn block(transaction: Transaction, context: &mut Context<'_>) -> Option<HashedBlock> {
    let (tip, parent) = context.tip()?;
    let height = parent.height + 1;
    let reward = context.spec.subsidy(height) + rules::fee(&transaction).ok()?;
    let coinbase = testkit::coinbase(height, SecretKey::well_known(0).address(), reward, &context.rng.bytes::<8>());
    let header = Header {
        version: HEADER_VERSION,
        height,
        previous: tip.hash,
        merkle_root: Hash::ZERO,
        state_digest: tip.digest,
        time: parent.time + 1,
        seal: Seal::unsolved(rules::next_target(context.spec, parent.time, parent.height)),
    };
    log::debug!(target: "tussock::sim", "node {} makes a block with a wrong amount height={height}", context.node);
    Some(testkit::seal(header, [coinbase, transaction].map(HashedTransaction::new).into()))
}
