//! A clean replay of the blocks, by the rules alone, comes to the coins and the state digest that every node has.

use std::collections::BTreeMap;

use crate::{
    chain::{
        block::HashedBlock,
        coin::{Coin, coins_created},
        coin_key::CoinKey,
        digest::StateSum,
        header::Header,
        key, rules,
        spec::ChainSpec,
        transaction::OutPoint,
    },
    sim::world::World,
};

/// Coins of each node that are compared one by one.
const COMPARED: usize = 300;

/// The coins and their sum, after some blocks.
pub(in crate::sim) struct Replay {
    /// All coins.
    pub coins: BTreeMap<OutPoint, Coin>,
    sum: StateSum,
}

impl Replay {
    fn genesis(spec: &ChainSpec) -> Self {
        let coins = coins_created(&spec.genesis.transactions[0], 0).collect();
        Self { coins, sum: spec.genesis_sum() }
    }

    /// Applies the next block, or says which rule it breaks.
    fn apply(&mut self, spec: &ChainSpec, block: &HashedBlock) -> Result<(), String> {
        let height = block.header.height;
        let fault = |fault: &dyn std::fmt::Display| format!("block {height} is invalid: {fault}");
        if block.header.state_digest != self.sum.digest() {
            return Err(fault(&"state digest"));
        }
        rules::check_block(block).map_err(|error| fault(&error))?;
        let mut fees = 0;
        for hashed in &block.transactions {
            let mut claims = key::claims(&hashed.transaction, &hashed.txid, &spec.genesis_hash());
            if !claims.all(|claim| key::verify(&claim.public_key, &claim.hash, &claim.signature)) {
                return Err(fault(&"signature"));
            }
            let inputs = &hashed.transaction.inputs;
            let coins: Vec<Option<Coin>> = inputs.iter().map(|input| self.coins.remove(&input.outpoint)).collect();
            if !hashed.transaction.is_coinbase() {
                fees += rules::check_spend(spec, &hashed.transaction, &coins, height).map_err(|error| fault(&error))?;
            }
            for (input, coin) in inputs.iter().zip(coins.into_iter().flatten()) {
                if input.amount != coin.amount {
                    return Err(fault(&format!("an input names {} of a coin of {}", input.amount, coin.amount)));
                }
                self.sum.remove(&CoinKey::of(&input.outpoint), &coin);
            }
            for (outpoint, coin) in coins_created(hashed, height) {
                self.sum.add(&CoinKey::of(&outpoint), &coin);
                self.coins.insert(outpoint, coin);
            }
        }
        let coinbase = &block.transactions[0].transaction;
        rules::check_coinbase_amount(spec, coinbase, height, fees).map_err(|error| fault(&error))
    }
}

impl World {
    /// Replays the first node's chain and compares every node that has the same tip.
    pub(in crate::sim) fn check_replay(&mut self) {
        let replayed = self.applied_chain(0).and_then(|chain| self.replay(0, &chain));
        let (replay, tip) = match replayed {
            Ok(replayed) => replayed,
            Err(what) => return self.fail("replay", Some(0), what),
        };
        self.check_supply(&replay, tip.height);
        for node in 0..self.options.nodes {
            if let Err(what) = self.compare(node, &replay, &tip) {
                return self.fail("replay", Some(node), what);
            }
        }
    }

    pub(super) fn replay(&self, node: usize, chain: &[Header]) -> Result<(Replay, Header), String> {
        let mut replay = Replay::genesis(&self.spec);
        for header in &chain[1..] {
            let hash = header.hash();
            let body = self.nodes[node].disk.read(|ledger| ledger.body(&hash));
            // Others may have let go of it.
            let body = body.ok().flatten().or_else(|| self.checkers.kept.bodies.get(&hash).cloned());
            let bytes = body.ok_or_else(|| format!("the body of block {} is missing", header.height))?;
            let block = HashedBlock::decode(bytes).map_err(|error| error.to_string())?;
            replay.apply(&self.spec, &block)?;
        }
        let tip = chain.last().ok_or("no chain at all")?;
        Ok((replay, tip.clone()))
    }

    fn compare(&self, node: usize, replay: &Replay, end: &Header) -> Result<(), String> {
        self.nodes[node].disk.read(|ledger| {
            let tip = ledger.tip().map_err(|error| error.to_string())?;
            if tip.hash != end.hash() {
                return Ok(());
            }
            let sum = ledger.state_sum().map_err(|error| error.to_string())?;
            if tip.digest != replay.sum.clone().digest() || sum != replay.sum {
                return Err(format!("the state digest at height {} is not that of a clean replay", tip.height));
            }
            for (outpoint, coin) in replay.coins.iter().take(COMPARED) {
                let found = ledger.coin(&CoinKey::of(outpoint)).map_err(|error| error.to_string())?;
                if found.as_ref() != Some(coin) {
                    return Err(format!("coin {outpoint:?} is {found:?}, by the blocks {coin:?}"));
                }
            }
            Ok(())
        })
    }
}
