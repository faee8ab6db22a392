//! What the role knows of the authorities' decisions.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    chain::{
        rules::HeaderFault,
        seal::{AuthoritySet, Epoch},
        spec::ChainSpec,
    },
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

/// A final block that is not in this node's chain is worth a word after this time, and so is a peer's last block that this node's
/// file does not explain: longer than a reorganisation takes, and than the certificate of a block.
pub(super) const OFF_TOLD: Duration = Duration::from_secs(10);

/// What helps where one peer alone says that the chain's file is another: anybody may be that peer.
const UNCERTAIN: &str = "ask the operators of the authorities whether their chain file is another one, and take none from anybody \
                         else; if it is not, nothing is to be done: that peer lies, or has an older file";

/// What authorities have decided. Empty on chains of proof of work.
#[derive(Debug, Default)]
pub(super) struct Certified {
    notarised: VecDeque<(Hash, Epoch, u64)>,
    pub(super) finals: Finals,
    pub(super) missing: Option<Missing>,
    /// Since when the newest final block is not in this node's chain, though that is as high.
    pub(super) off_since: Option<Time>,
    /// Where the chain's file was found to lack authorities, and whether that is certain.
    lacking: Option<(u32, bool)>,
    /// The last block of a peer's chain, by which the file lacks authorities if it counts; and since when.
    unexplained: Option<(Time, u32, HeaderFault)>,
    told: HindranceReporter,
}

/// The newest notarised block whose header is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) hash: Hash,
    pub(super) again: Time,
    pub(super) wait: Duration,
}

/// A block by which the chain's file is another one than that of those who sealed it.
pub(super) struct Lacking<'a> {
    pub(super) spec: &'a ChainSpec,
    pub(super) height: u32,
    pub(super) fault: &'a HeaderFault,
}

impl Lacking<'_> {
    /// What is known, and what to do.
    fn words(&self) -> (String, &'static str) {
        let (height, next) = (self.height, self.height.saturating_add(1));
        let of = |height| self.spec.authorities.at(height).map(AuthoritySet::hash);
        match self.fault {
            HeaderFault::NextAuthorities(set) if of(height) == Some(*set) => (
                format!(
                    "block {height} does not hand over at block {next} as this node's chain file says, to set {}: set {set}, \
                     which seals that block, goes on",
                    of(next).unwrap_or_default()
                ),
                "start this node with the chain file that the others have; a change that is meant needs a later height, and the \
                 file on all nodes before it",
            ),
            HeaderFault::Continued { found, expected } => (
                format!(
                    "this node's chain file continues block {expected} with other authorities, and peers have block {found} at \
                     height {height}"
                ),
                "compare the chain files of all operators: all nodes need the same",
            ),
            HeaderFault::NextAuthorities(set) => (
                format!(
                    "block {height} hands over to authorities whom this node's chain file does not have, or has from another \
                     height: their set is {set}"
                ),
                "get the chain file of whoever changed the authorities, and start this node again with it",
            ),
            other => (format!("block {height}: {other}"), "get the chain file that the others have"),
        }
    }
}

impl Certified {
    /// A block that counts names other authorities for the next one than the chain's file. The node waits until its operator has
    /// the file that has them. `is_certain`: else only its parent is known to count, and the block is one peer's word.
    pub(super) fn lack(&mut self, now: Now, lacking: &Lacking<'_>, is_certain: bool, out: &mut Outbox) {
        if self.lacking.is_some_and(|(_, was_certain)| was_certain || !is_certain) {
            return;
        }
        let (text, advice) = lacking.words();
        self.lacking = Some((lacking.height, is_certain));
        let finding = match is_certain {
            true => {
                log::error!("this node's chain file is not that of others: {text}");
                Finding::new(text, advice)
            }
            false => {
                let text = format!("one peer says, of a block that no certificate has shown to count: {text}");
                log::warn!("this node's chain file may not be that of others: {text}");
                Finding::suspicion(text, UNCERTAIN)
            }
        };
        self.told.set(now.unix, HindranceId::UnknownAuthorities, Some(finding), out);
    }

    /// A peer's chain ends with a block at this height by which the file lacks authorities. Its certificate may be under way.
    pub(super) fn meet_last(&mut self, now: Time, height: u32, fault: HeaderFault) {
        self.unexplained.get_or_insert((now, height, fault));
    }

    /// Takes what has stood unexplained for long.
    pub(super) fn unexplained(&mut self, now: Time) -> Option<(u32, HeaderFault)> {
        let (_, height, fault) = self.unexplained.take_if(|(since, ..)| *since + OFF_TOLD <= now)?;
        Some((height, fault))
    }

    /// This node's chain is applied up to a height: what was lacking there was of another chain.
    pub(super) fn passed(&mut self, now: Now, height: u32, out: &mut Outbox) {
        if self.lacking.is_some_and(|(at, _)| at <= height) {
            self.lacking = None;
            self.told.set(now.unix, HindranceId::UnknownAuthorities, None, out);
        }
    }

    /// A quorum of this set has notarised a block in a view. False: that it has is known.
    pub(super) fn note(&mut self, hash: Hash, epoch: Epoch, view: u64) -> bool {
        if let Some((.., known)) = self.notarised.iter_mut().find(|(known, of, _)| (*known, *of) == (hash, epoch)) {
            *known = view.max(*known);
            return false;
        }
        self.notarised.push_back((hash, epoch, view));
        if self.notarised.len() > NOTARISED {
            self.notarised.pop_front();
        }
        true
    }

    /// The latest view in which this set has notarised this block, if it has lately.
    pub(super) fn view_of(&self, hash: &Hash, epoch: Epoch) -> Option<u64> {
        self.notarised.iter().find(|(known, of, _)| known == hash && *of == epoch).map(|(.., view)| *view)
    }

    /// Whether those who seal at this height have notarised this block lately. What others say of it counts for nothing.
    pub(super) fn counts(&self, spec: &ChainSpec, height: u32, hash: &Hash) -> bool {
        spec.authorities.at(height).is_some_and(|set| self.view_of(hash, set.epoch()).is_some())
    }

    /// The blocks that sets after this one have certified lately.
    pub(super) fn of_later(&self, epoch: Epoch) -> impl Iterator<Item = Hash> {
        self.notarised.iter().filter(move |(_, of, _)| *of > epoch).map(|(hash, ..)| *hash)
    }

    /// This node's chain is not the one that authorities hold final.
    pub(super) fn contradict(&mut self, now: Now, height: u32, hash: Hash, out: &mut Outbox) {
        if self.is_contradicted() {
            return;
        }
        let text = format!(
            "the authorities hold another chain final than this node's: they, or an earlier set of them, have certified what \
             contradicts block {height}, {hash}"
        );
        log::error!("{text}");
        let advice = "compare that block's hash with the operators of the authorities; if it is not theirs, stop this node, move \
                      ledger.db and seals.db away, and start it with --connect to one of theirs";
        let finding = Some(Finding::new(text, advice));
        self.told.set(now.unix, HindranceId::OtherFinalChain, finding, out);
    }

    /// The newest final block is in this node's chain.
    pub(super) fn agree(&mut self, now: Now, out: &mut Outbox) {
        self.told.set(now.unix, HindranceId::OtherFinalChain, None, out);
    }

    /// Whether it was said that this node's chain is another.
    pub(super) fn is_contradicted(&self) -> bool {
        self.told.contains(HindranceId::OtherFinalChain)
    }

    /// When another peer is to be asked for a missing header, or something is worth a word.
    pub(super) fn deadline(&self, now: Time) -> Option<Time> {
        let last = self.unexplained.as_ref().map(|(since, ..)| *since);
        let off = self.off_since.into_iter().chain(last).map(|since| since + OFF_TOLD).filter(|at| *at > now).min();
        [self.missing.map(|missing| missing.again), off].into_iter().flatten().min()
    }
}
