//! What the role knows of the authorities' decisions.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    chain::{seal::Epoch, spec::ChainSpec},
    node::{
        Finals, HindranceReporter, Outbox,
        hindrance::{Finding, HindranceId},
    },
};

/// Notarised blocks that are remembered, in case their headers come later. Far more than there are between two messages of
/// one peer.
const NOTARISED: usize = 64;
/// How soon another peer is asked for the header of a notarised block, at first; twice as long each time.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The longest such time; then the poll of a synced node and the pings of its peers will do.
pub(super) const LAST_RETRY: Duration = Duration::from_secs(8);

/// A final block that is not in this node's chain is worth a word after this time: longer than a reorganisation takes.
pub(super) const OFF_TOLD: Duration = Duration::from_secs(10);

/// What authorities have decided. Empty on chains of proof of work.
#[derive(Debug, Default)]
pub(super) struct Certified {
    notarised: VecDeque<(Hash, Epoch)>,
    pub(super) finals: Finals,
    pub(super) missing: Option<Missing>,
    /// Since when the newest final block is not in this node's chain, though that is as high.
    pub(super) off_since: Option<Time>,
    told: HindranceReporter,
}

/// The newest notarised block whose header is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) hash: Hash,
    pub(super) again: Time,
    pub(super) wait: Duration,
}

impl Certified {
    /// A block that counts names authorities for the next one whom the chain's file does not have. The node waits until its
    /// operator has the file that has them.
    pub(super) fn lack(&mut self, now: Now, height: u32, set: Hash, out: &mut Outbox) {
        if self.told.contains(HindranceId::UnknownAuthorities) {
            return;
        }
        log::error!(
            "the chain file lacks the authorities that seal from here on: height={height} next_authorities={set}"
        );
        let text = format!(
            "block {height} hands over to authorities whom this node's chain file does not have, or has from another height: \
             their set is {set}"
        );
        let advice = "get the chain file of whoever changed the authorities, and start this node again with it";
        let finding = (HindranceId::UnknownAuthorities, Some(Finding::new(text, advice)));
        self.told.replace(now.unix, [finding], out);
    }

    /// A quorum of this set has notarised a block. False: that is known.
    pub(super) fn note(&mut self, hash: Hash, epoch: Epoch) -> bool {
        let is_news = !self.contains(&hash, epoch);
        if is_news {
            self.notarised.push_back((hash, epoch));
            if self.notarised.len() > NOTARISED {
                self.notarised.pop_front();
            }
        }
        is_news
    }

    /// Whether this set has notarised this block lately.
    fn contains(&self, hash: &Hash, epoch: Epoch) -> bool {
        self.notarised.contains(&(*hash, epoch))
    }

    /// Whether those who seal at this height have notarised this block lately. What others say of it counts for nothing.
    pub(super) fn counts(&self, spec: &ChainSpec, height: u32, hash: &Hash) -> bool {
        spec.authorities.at(height).is_some_and(|set| self.contains(hash, set.epoch()))
    }

    /// The blocks that sets after this one have certified lately.
    pub(super) fn of_later(&self, epoch: Epoch) -> impl Iterator<Item = Hash> {
        self.notarised.iter().filter(move |(_, of)| *of > epoch).map(|(hash, _)| *hash)
    }

    /// This node's chain is not the one that authorities hold final.
    pub(super) fn contradict(&mut self, now: Now, height: u32, hash: Hash, out: &mut Outbox) {
        if self.told.contains(HindranceId::OtherFinalChain) {
            return;
        }
        let text = format!(
            "the authorities hold another chain final than this node's: they, or an earlier set of them, have certified what \
             contradicts block {height}, {hash}"
        );
        log::error!("{text}");
        let advice = "compare that block's hash with the operators of the authorities; if it is not theirs, stop this node, move \
                      ledger.db and seals.db away, and start it with --peer to one of theirs";
        let finding = (HindranceId::OtherFinalChain, Some(Finding::new(text, advice)));
        self.told.replace(now.unix, [finding], out);
    }

    /// The newest final block is in this node's chain.
    pub(super) fn agree(&mut self, now: Now, out: &mut Outbox) {
        self.told.replace(now.unix, [(HindranceId::OtherFinalChain, None)], out);
    }

    /// When another peer is to be asked for a missing header, or something is worth a word.
    pub(super) fn deadline(&self, now: Time) -> Option<Time> {
        let off = self.off_since.map(|since| since + OFF_TOLD).filter(|at| *at > now);
        [self.missing.map(|missing| missing.again), off].into_iter().flatten().min()
    }
}
