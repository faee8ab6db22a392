//! Transactions of an abandoned branch return to the mempool, unless the other branch has them or spends their coins:
//! once the node is synced, since until then any block may have them.

use std::time::Duration;

use crate::{
    base::{hash::Hash, limits},
    chain::{block::HashedBlock, coin_key::CoinKey, transaction::OutPoint},
    node::{
        SyncState,
        command::{LedgerCommand, Reply},
    },
    sim::{
        checkers::state::{Question, Returned},
        world::World,
    },
};

/// How long a transaction may be neither in the mempool nor on the disk: a block that has it is applied at once, but
/// committed with others, and a busy ledger may be late.
const PATIENCE: Duration = limits::COMMIT_INTERVAL.saturating_mul(3);

/// Transactions that are looked for at a time.
const MAX_RETURNED: usize = 256;

impl World {
    /// A node's chain has lost these blocks. With double spends about, too little is certain.
    pub(in crate::sim) fn expect_returned(&mut self, node: usize, removed: &[Hash]) {
        if self.options.double_spend_ppm > 0 {
            return;
        }
        for hash in removed {
            let body = self.nodes[node].disk.read(|ledger| ledger.body(hash)).ok().flatten();
            let Some(block) = body.and_then(|bytes| HashedBlock::decode(bytes).ok()) else { continue };
            for hashed in &block.transactions[1..] {
                let inputs = hashed.transaction.inputs.iter().map(|input| input.outpoint).collect();
                let (life, since) = (self.nodes[node].lives, self.now);
                self.checkers.returned.push(Returned { node, life, since, txid: hashed.txid, inputs });
            }
        }
        self.checkers.returned.truncate(MAX_RETURNED);
    }

    /// Looks for what came back since the last look.
    pub(in crate::sim) fn look_for_returned(&mut self) {
        for returned in std::mem::take(&mut self.checkers.returned) {
            if self.is_spendable(&returned) {
                let (node, txid) = (returned.node, returned.txid);
                self.command(node, LedgerCommand::PoolEntry(txid), Question::Pooled(returned));
            }
        }
    }

    /// Whether the node's chain neither has the transaction nor conflicts with it.
    fn is_spendable(&self, returned: &Returned) -> bool {
        let node = &self.nodes[returned.node];
        let there =
            |outpoint: &OutPoint| node.disk.read(|ledger| matches!(ledger.coin(&CoinKey::of(outpoint)), Ok(Some(_))));
        node.life.is_some() && node.lives == returned.life && returned.inputs.iter().all(there)
    }

    /// The node's answer. A missing transaction is looked for again: the ledger may have applied a block with it that
    /// it has not committed yet.
    pub(in crate::sim) fn check_returned(&mut self, mut returned: Returned, reply: &Reply) {
        if !matches!(reply, Reply::NotFound(_)) || !self.is_spendable(&returned) {
            return;
        }
        if self.nodes[returned.node].view.state != SyncState::Synced {
            returned.since = self.now;
        }
        if self.now.since(returned.since) > PATIENCE {
            let what = format!("transaction {:?} of an abandoned block is not in the mempool", returned.txid);
            return self.fail("mempool", Some(returned.node), what);
        }
        self.checkers.returned.push(returned);
    }
}
