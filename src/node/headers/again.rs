//! Blocks that a quorum has notarised again in a later view than their headers'. They count from that view on.
//!
//! The order of notarised blocks is that of the highest views in which they were notarised, for the authorities as for headers
//! and ledger: else the ledger could stay at one block while the authorities vote for another of the same height, for good. What
//! the header says stays what the rules for its children look at. Nothing is stored: after a start `sealer` tells again what
//! was notarised since the last final block.

use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::{HeaderRow, StoreError},
        seal::AuthoritySet,
        spec::ChainSpec,
        target::Work,
    },
    node::{
        Outbox,
        headers::{
            Headers,
            certificates::Certified,
            header_node::{Change, HeaderLookup, HeaderNode},
            index::Index,
        },
        notice::ToLedger,
    },
};

impl Certified {
    /// What a block counts as by the latest view in which those who seal at its height have notarised it lately.
    fn rank(&self, spec: &ChainSpec, height: u32, hash: &Hash) -> Option<Work> {
        let epoch = spec.authorities.at(height)?.epoch();
        self.view_of(hash, epoch).map(|view| Work::of_seal(epoch, view))
    }

    /// A header's child, or its own seal, shows that it is notarised.
    pub(super) fn note_row(&mut self, spec: &ChainSpec, row: &HeaderRow) {
        if let Some(epoch) = spec.authorities.at(row.header.height).map(AuthoritySet::epoch) {
            self.note(row.hash, epoch, row.work.view());
        }
    }
}

impl Index {
    /// What is kept of a header.
    pub(super) fn node_of(&self, row: &HeaderRow) -> HeaderNode {
        let node = HeaderNode::of(row);
        let lifted = self.lifted.filter(|(hash, _)| *hash == row.hash);
        HeaderNode { rank: lifted.map_or(node.rank, |(_, rank)| node.rank.max(rank)), ..node }
    }

    /// A block counts as this much. `None` if that is no news; else the change if the best chain is now another.
    pub(super) fn lift(&mut self, hash: &Hash, rank: Work) -> Result<Option<Option<Change>>, StoreError> {
        let HeaderLookup::Valid(node) = self.find(hash)? else { return Ok(None) };
        if rank <= node.rank {
            return Ok(None);
        }
        // Of several it is enough to remember the one that counts most.
        if self.lifted.is_none_or(|(_, before)| before < rank) {
            self.lifted = Some((*hash, rank));
        }
        let node = HeaderNode { rank, ..node };
        let is_on_best = self.is_on_best(node.height, hash)?;
        if self.nodes.contains_key(hash) || !is_on_best {
            self.nodes.insert(*hash, node);
        }
        if !is_on_best {
            self.fork_headers.insert((node.height, *hash));
        }
        if self.is_tip(hash) {
            self.applied.1 = node;
        }
        if self.best_hash() == *hash {
            self.best = node;
        }
        let leads = !is_on_best && !node.withheld && rank > self.best.rank && !self.is_too_deep(hash)?;
        Ok(Some(if leads { Some(self.adopt(*hash)?) } else { None }))
    }
}

impl Headers {
    /// A block whose header is here may have been notarised again. True: it is the best chain's last now, and was not before.
    pub(super) fn lift(
        &mut self,
        now: Time,
        (hash, height): (Hash, u32),
        out: &mut Outbox,
    ) -> Result<bool, StoreError> {
        let Some((work, index)) = self.certified.rank(&self.spec, height, &hash).zip(self.index.as_mut()) else {
            return Ok(false);
        };
        let Some(change) = index.lift(&hash, work)? else { return Ok(false) };
        log::info!("a block is notarised again: block={hash} height={height} view={}", work.view());
        self.candidates.look_again();
        out.tell(ToLedger::NotarisedAgain { hash, work });
        let is_best = change.is_some();
        self.announce(now, change, false, out)?;
        Ok(is_best)
    }
}
