//! Honest nodes have the same blocks, up to a few at the end that may still change.

use crate::{chain::header::Header, sim::world::World};

/// Blocks below the lower of two tips that must be the same.
const DEPTH: usize = 6;

impl World {
    /// Compares the applied chains of all honest nodes with the first one's.
    pub(in crate::sim) fn check_agreement(&mut self) {
        let mut first: Option<(usize, Vec<Header>)> = None;
        for node in (0..self.options.nodes).filter(|node| !self.checkers.kept.is_too_deep(*node)) {
            let chain = match self.applied_chain(node) {
                Ok(chain) => chain,
                Err(error) => return self.fail("agreement", Some(node), error),
            };
            let Some((with, reference)) = &first else {
                first = Some((node, chain));
                continue;
            };
            let sure = chain.len().min(reference.len()).saturating_sub(DEPTH);
            if let Some(at) = (0..sure).find(|at| chain[*at] != reference[*at]) {
                let what =
                    format!("block {} is not that of node {with}, {} below the tip", chain[at].height, sure - at);
                return self.fail("agreement", Some(node), what);
            }
        }
    }

    /// The headers of a node's applied chain, genesis first.
    pub(in crate::sim) fn applied_chain(&self, node: usize) -> Result<Vec<Header>, String> {
        self.nodes[node].disk.read(|ledger| {
            let mut chain: Vec<Header> = Vec::new();
            loop {
                let next = u32::try_from(chain.len()).map_err(|error| error.to_string())?;
                let more = ledger.applied_from(next, 500).map_err(|error| error.to_string())?;
                if more.is_empty() {
                    return Ok(chain);
                }
                chain.extend(more);
            }
        })
    }
}
