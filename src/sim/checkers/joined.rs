//! A node that joins with a snapshot has the coins that a clean replay of the blocks comes to, and no others.

use crate::{
    chain::{
        archive::BlockStatus,
        coin::Coin,
        snapshot::{JoinState, SnapshotName},
        transaction::OutPoint,
    },
    node::SyncState,
    sim::world::World,
};

impl World {
    /// A node has just joined: looks at its coins.
    pub(in crate::sim) fn check_joined(&mut self, node: usize, joined: JoinState) {
        let JoinState::Joined { snapshot, .. } = joined else { return };
        if let Err(what) = self.compare_joined(node, snapshot) {
            self.fail("snapshot", Some(node), what);
        }
        self.stats.joined = Some(snapshot.height);
    }

    fn compare_joined(&self, node: usize, snapshot: SnapshotName) -> Result<(), String> {
        let disk = &self.nodes[node].disk;
        let tip = disk.read(|ledger| ledger.tip()).map_err(|error| error.to_string())?;
        if tip.hash != snapshot.block {
            return Ok(());
        }
        let height = snapshot.height;
        let sum = disk.read(|ledger| ledger.coins_sum()).map_err(|error| error.to_string())?;
        if sum.clone().digest() != tip.digest {
            return Err(format!("its coins after block {height} are not those of its digest"));
        }
        let mut coins: Vec<(OutPoint, Coin)> = disk.coins().map_err(|error| error.to_string())?;
        coins.sort_unstable_by_key(|(outpoint, _)| *outpoint);
        if let Some(pair) = coins.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("it has coin {:?} twice after block {height}", pair[0].0));
        }
        let (amount, supply) = (coins.iter().map(|(_, coin)| u128::from(coin.amount)).sum(), self.spec.supply(height));
        if supply != amount {
            return Err(format!("its coins after block {height} come to {amount}, by the schedule {supply}"));
        }
        let Some(provider) = self.has_applied(snapshot, node) else { return Ok(()) };
        let chain = self.applied_chain(provider)?;
        let chain = chain.get(..=height as usize).ok_or("a chain is shorter than it was")?;
        let (replay, _) = self.replay(provider, chain)?;
        if coins.iter().map(|(outpoint, coin)| (outpoint, coin)).ne(&replay.coins) {
            return Err(format!("its coins after block {height} are not those of a clean replay"));
        }
        Ok(())
    }

    /// A run that is about a join alone ends once the node has joined, has come to its peers' tip, and crashes no more.
    pub(super) fn check_join_alone(&mut self) {
        let is_synced = |joiner: usize| self.nodes[joiner].view.state == SyncState::Synced;
        let has_joined = self.stats.joined.is_some() && self.options.joiner().is_some_and(is_synced);
        if has_joined && !self.faults.is_crash_due(self.now) {
            self.stats.converged_at = Some(self.now);
        }
    }

    /// An honest node that has applied this block itself.
    fn has_applied(&self, snapshot: SnapshotName, joiner: usize) -> Option<usize> {
        (0..self.options.nodes).filter(|node| *node != joiner).find(|node| {
            let status = self.nodes[*node].disk.read(|ledger| ledger.status_of(&snapshot.block));
            status == Ok(Some(BlockStatus::Applied))
        })
    }
}
