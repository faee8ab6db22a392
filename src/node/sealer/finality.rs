//! The last final block, and how others hear of it.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        time::{Now, UnixTime},
    },
    chain::{
        seal::{AuthoritySet, Certificate, Epoch, Statement},
        spec::ChainSpec,
    },
    node::{
        ChainMove, Outbox,
        notice::{ToHeaders, ToLedger, ToSnapshot},
        report::FinalBlock,
    },
};

/// Blocks whose heights are remembered.
const HEIGHTS: usize = 256;
/// Final blocks that wait until this node's chain has them; the oldest makes room.
const COMING: usize = 64;

/// The last final block, and the heights by which others know blocks.
pub(super) struct Finality {
    spec: Arc<ChainSpec>,
    /// What nobody here must leave any more: the newest final block whose height is known.
    told: FinalBlock,
    /// The newest one told that this node's chain has.
    told_held: Hash,
    /// Final, and not told: its height is not known yet.
    untold: Option<Reached>,
    heights: VecDeque<(Hash, u32)>,
    /// The newest final block that this node's chain has, and what shows that it is.
    last: FinalBlock,
    shown: Option<Arc<Certificate>>,
    /// Final, and not known to be in this node's chain; the newest last.
    coming: VecDeque<Reached>,
    /// The newest blocks of this node's chain.
    applied: VecDeque<(Hash, u32)>,
}

/// A block that a set holds final.
#[derive(Clone)]
pub(super) struct Reached {
    pub(super) block: Hash,
    pub(super) epoch: Epoch,
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) since: UnixTime,
}

impl Finality {
    pub(super) fn new(spec: Arc<ChainSpec>) -> Self {
        let genesis = FinalBlock { height: 0, hash: spec.genesis_hash(), since: UnixTime(0) };
        let own = VecDeque::from([(genesis.hash, 0)]);
        Self {
            spec,
            told: genesis,
            told_held: genesis.hash,
            untold: None,
            heights: own.clone(),
            last: genesis,
            shown: None,
            coming: VecDeque::new(),
            applied: own,
        }
    }

    pub(super) fn start(&mut self, now: Now) {
        self.last.since = now.unix;
    }

    /// What people are told: nothing counts as final that this node's chain does not have.
    pub(super) fn last(&self) -> FinalBlock {
        self.last
    }

    /// What shows that it is final.
    pub(super) fn shown(&self) -> Option<Arc<Certificate>> {
        self.shown.clone()
    }

    /// The newest final block whose height is known, whether or not this node's chain has it.
    pub(super) fn told(&self) -> FinalBlock {
        self.told
    }

    pub(super) fn note_move(&mut self, moved: &ChainMove) {
        if !moved.removed.is_empty() {
            self.applied.retain(|(hash, _)| !moved.removed.contains(hash));
        }
        if moved.removed.contains(&self.last.hash) {
            // A later set's word has undone it.
            let since = self.last.since;
            self.last = FinalBlock { height: 0, hash: self.spec.genesis_hash(), since };
            self.shown = None;
        }
        let added = moved.added.iter().copied().chain([(moved.tip.hash, moved.tip.height)]);
        for (hash, height) in added {
            keep(&mut self.heights, (hash, height));
            keep(&mut self.applied, (hash, height));
        }
        self.settle();
    }

    /// The ledger has told a block's height, and whether its chain has it.
    pub(super) fn note_place(&mut self, hash: Hash, height: u32, is_applied: bool) {
        keep(&mut self.heights, (hash, height));
        if is_applied {
            keep(&mut self.applied, (hash, height));
            self.settle();
        }
    }

    /// Asks for the places of final blocks that are not known.
    pub(super) fn look(&self, out: &mut Outbox) {
        let untold = self.untold.as_ref().map(|reached| reached.block);
        let coming = self.coming.back().map(|reached| reached.block).filter(|block| Some(*block) != untold);
        let earlier = self.shown.is_none().then(|| self.coming.front()).flatten().map(|reached| reached.block);
        let earlier = earlier.filter(|block| Some(*block) != untold && Some(*block) != coming);
        untold.into_iter().chain(coming).chain(earlier).for_each(|block| out.tell(ToLedger::WantPlace { block }));
    }

    /// The disk has what made a block final before the last one.
    pub(super) fn remember(&mut self, now: Now, earlier: &Certificate) {
        let Statement { epoch, block, .. } = earlier.statement;
        let certificate = Some(Arc::new(earlier.clone()));
        self.coming.push_front(Reached { block, epoch, certificate, since: now.unix });
    }

    /// The block that the chain must not leave whatever else is final: the newest final one that it has, as far as that is known.
    pub(super) fn held(&self) -> Option<Hash> {
        let coming = || self.coming.front().map(|reached| reached.block);
        self.shown.as_ref().map(|shown| shown.statement.block).or_else(coming)
    }

    /// A block is final.
    pub(super) fn reached(&mut self, reached: Reached, height: Option<u32>) {
        if let Some(height) = height {
            keep(&mut self.heights, (reached.block, height));
        }
        self.coming.push_back(reached.clone());
        if self.coming.len() > COMING {
            self.coming.pop_front();
        }
        self.untold = Some(reached);
        self.settle();
    }

    /// What is final and in this node's chain.
    fn settle(&mut self) {
        let of_chain = |reached: &Reached| self.applied.iter().rev().find(|(hash, _)| *hash == reached.block);
        let newest = self.coming.iter().enumerate().rev().find_map(|(at, reached)| Some((at, of_chain(reached)?.1)));
        let Some((at, height)) = newest else { return };
        let Some(reached) = self.coming.drain(..=at).next_back() else { return };
        if self.is_of_term(reached.epoch, height) && height >= self.last.height {
            self.last = FinalBlock { height, hash: reached.block, since: reached.since };
            self.shown = reached.certificate;
        }
    }

    /// Tells the last final block once its height is known, and the last one that the chain has if that is another.
    pub(super) fn tell(&mut self, out: &mut Outbox) {
        let FinalBlock { height, hash, .. } = self.last;
        if hash == self.told.hash {
            self.told_held = hash;
        }
        self.tell_newest(out);
        if height > 0 && hash != self.told_held && hash != self.told.hash {
            self.told_held = hash;
            out.tell(ToHeaders::Final { height, hash });
            out.tell(ToLedger::Final { height, hash });
        }
    }

    fn tell_newest(&mut self, out: &mut Outbox) {
        let Some(Reached { block: hash, epoch, since, .. }) = self.untold.clone() else { return };
        let Some((_, height)) = self.heights.iter().rev().find(|(known, _)| *known == hash) else { return };
        let height = *height;
        self.untold = None;
        if !self.is_of_term(epoch, height) {
            log::error!("a set of authorities calls a block final that is not its own: block={hash} height={height}");
            return;
        }
        self.told = FinalBlock { height, hash, since };
        out.tell(ToHeaders::Final { height, hash });
        out.tell(ToLedger::Final { height, hash });
        out.tell(ToSnapshot::Final { height, hash });
    }

    /// Whether a set seals at a height.
    fn is_of_term(&self, epoch: Epoch, height: u32) -> bool {
        self.spec.authorities.at(height).map(AuthoritySet::epoch) == Some(epoch)
    }
}

fn keep(blocks: &mut VecDeque<(Hash, u32)>, block: (Hash, u32)) {
    blocks.push_back(block);
    if blocks.len() > HEIGHTS {
        blocks.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::testkit;

    #[test]
    fn so_many_heights_are_remembered_and_no_more() {
        let block = |n: u32| Hash([(n >> 8) as u8, n as u8].repeat(16).try_into().unwrap());
        let mut finality = Finality::new(Arc::new(testkit::sealed_spec(4)));
        for n in 0..1000 {
            let reached = Reached { block: block(n), epoch: 0, certificate: None, since: UnixTime(0) };
            finality.reached(reached, Some(n));
            finality.note_place(block(n), n, false);
        }
        assert!(finality.heights.len() <= HEIGHTS && finality.coming.len() <= COMING, "{}", finality.heights.len());
        finality.tell(&mut Outbox::default());
        assert_eq!((finality.told().height, finality.told().hash), (999, block(999)));
        assert_eq!(finality.last().height, 0, "this node's chain has none of them");
        finality.note_place(block(998), 998, true);
        assert_eq!((finality.last().height, finality.last().hash), (998, block(998)));
    }
}
