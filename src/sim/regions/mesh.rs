//! Nodes at home: each is linked to each other over a slow line, and one makes large blocks whose payments nobody has heard of.

use serde::Serialize;

use crate::{
    base::rng::Rng,
    chain::{
        address::Address,
        block::{HashedBlock, HashedTransaction},
        key::SecretKey,
        testkit::{self, BlockMaker},
        transaction::Output,
    },
};

/// Base units that each payment costs.
const FEE: u64 = 1_000;

/// What the lines of all nodes are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mesh {
    /// One way, milliseconds.
    pub latency_ms: u64,
    /// Bytes per second that a node sends on all its links together.
    pub uplink: u64,
    /// Bytes of one link that its host has taken and the other side has not.
    pub window: usize,
}

/// Makes the blocks.
pub(super) struct Blocks {
    maker: BlockMaker,
    rng: Rng,
}

impl Blocks {
    pub(super) fn new(maker: BlockMaker, rng: Rng) -> Self {
        Self { maker, rng }
    }

    /// The next block, of at least this many bytes: payments to strangers, each of which spends what the one before left over.
    pub(super) fn next(&mut self, bytes: u64) -> HashedBlock {
        let (key, genesis) = (SecretKey::well_known(0), self.maker.spec().genesis_hash());
        let own = key.address();
        let first = self.maker.spendable(&own).next().map(|(outpoint, coin)| (outpoint, coin.amount));
        let (mut left, mut size, mut payments) = (first, 0, Vec::new());
        while let Some((outpoint, amount)) = left.filter(|(_, amount)| size < bytes && *amount > FEE + 1) {
            let change = Output { amount: amount - FEE - 1, address: own };
            let paid = Output { amount: 1, address: Address(self.rng.bytes()) };
            let payment = testkit::spend(&[(outpoint, amount, &key)], vec![change, paid], b"", &genesis);
            let hashed = HashedTransaction::new(payment);
            left = hashed.outpoints().next().map(|outpoint| (outpoint, amount - FEE - 1));
            size += hashed.transaction.to_bytes().len() as u64;
            payments.push(hashed.transaction);
        }
        self.maker.next_block(payments, own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{
        self,
        regions::{Regions, Report, Study},
    };

    fn report(seed: u64, seconds: u64) -> Report {
        let mesh = Mesh { latency_ms: 80, uplink: 250_000, window: 128 * 1024 };
        sim::study(&Study {
            block_time_ms: 5_000,
            block_bytes: 510_000,
            transactions: 0,
            mesh: Some(mesh),
            ..Study::new(seed, Regions::Bitcoin2019, 6, seconds)
        })
    }

    /// Six nodes, each of which sends two megabits a second. A block of 510 KB takes such a line two of the five seconds to the
    /// next.
    #[test]
    fn nobody_has_a_block_sooner_than_the_line_of_its_maker_allows() {
        let report = report(1, 16);
        assert_eq!((report.blocks.count, report.refused, report.faults.len()), (3, 0, 0), "{report}");
        let first = &report.late_ms[0];
        assert!(first.len() == 5 && first[0] >= 510 / 250 * 1_000 + 80, "{first:?}");
    }
}
