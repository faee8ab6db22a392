//! All coins together are exactly what the schedule has created.

use crate::sim::{checkers::replay::Replay, world::World};

impl World {
    /// Compares the sum of the replayed coins with the schedule.
    pub(in crate::sim) fn check_supply(&mut self, replay: &Replay, height: u32) {
        let sum: u128 = replay.coins.values().map(|coin| u128::from(coin.amount)).sum();
        let expected = self.spec.supply(height);
        if sum != expected {
            self.fail(
                "supply",
                None,
                format!("{sum} base units exist at height {height} where the schedule has {expected}"),
            );
        }
    }
}
