//! Authorities that have another chain file than this node: none of their proposals is valid here, nor are this node's there.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    node::{
        HindranceReporter, Outbox,
        hindrance::{Finding, HindranceId},
    },
};

/// A dispute is worth a word after this time: longer than a restart takes.
const DISPUTE_TOLD: Duration = Duration::from_secs(10);

/// A block about whose next set the files differ.
pub(super) struct Dispute {
    height: u32,
    /// The first view in which one was proposed.
    view: u64,
    since: Time,
    /// The set of this node's file.
    own: Hash,
    /// Which authorities name which others.
    others: BTreeMap<Hash, Vec<usize>>,
}

/// The newest dispute, and what was told of it.
#[derive(Default)]
pub(super) struct Disputes {
    newest: Option<Dispute>,
    hindrances: HindranceReporter,
}

impl Disputes {
    /// The leader of a view has proposed a block of this height that names this set for the next one; the file here names `own`.
    pub(super) fn note(&mut self, now: Now, (height, own): (u32, Hash), (view, leader): (u64, usize), named: Hash) {
        if self.newest.as_ref().is_none_or(|newest| newest.height < height) {
            self.newest = Some(Dispute { height, view, since: now.mono, own, others: BTreeMap::new() });
        }
        let Some(dispute) = self.newest.as_mut().filter(|newest| newest.height == height) else { return };
        dispute.others.values_mut().for_each(|leaders| leaders.retain(|other| *other != leader));
        dispute.others.entry(named).or_default().push(leader);
        dispute.others.retain(|_, leaders| !leaders.is_empty());
    }

    /// Tells one that lasts, until a block is final in this view that is one of those.
    pub(super) fn tell(&mut self, now: Now, last_final: u64, out: &mut Outbox) {
        if self.newest.as_ref().is_some_and(|newest| newest.view <= last_final) {
            self.newest = None;
        }
        if self.newest.is_none() && !self.hindrances.contains(HindranceId::ChainFilesDiffer) {
            return;
        }
        let lasting = self.newest.as_ref().filter(|newest| newest.since + DISPUTE_TOLD <= now.mono);
        self.hindrances.set(now.unix, HindranceId::ChainFilesDiffer, lasting.map(Dispute::finding), out);
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.newest.as_ref().map(|newest| newest.since + DISPUTE_TOLD)
    }
}

impl Dispute {
    fn finding(&self) -> Finding {
        let named = self.others.iter().map(|(set, leaders)| {
            let mut leaders: Vec<String> = leaders.iter().map(ToString::to_string).collect();
            leaders.sort();
            format!("set {set} by authorities {}", leaders.join(", "))
        });
        let named: Vec<String> = named.collect();
        let text = format!(
            "the authorities have different chain files, and no block {} becomes final: for the block behind it this node's file \
             names set {}; proposed was {}",
            self.height,
            self.own,
            named.join("; ")
        );
        Finding::new(text, "agree on one chain file, and start all authorities with it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixTime;

    #[test]
    fn a_dispute_that_lasts_is_told_until_one_of_its_blocks_is_final() {
        let mut disputes = Disputes::default();
        let at = |seconds: u64| Now { mono: Time(seconds * 1_000_000), unix: UnixTime(seconds) };
        let told = |disputes: &mut Disputes, seconds, last_final| {
            let mut out = Outbox::default();
            disputes.tell(at(seconds), last_final, &mut out);
            format!("{:?}", out.drain().collect::<Vec<_>>())
        };
        for (view, leader) in [(9, 2), (10, 1), (13, 1)] {
            disputes.note(at(0), (7, Hash([1; 32])), (view, leader), Hash([2; 32]));
        }
        assert_eq!(told(&mut disputes, 9, 8), "[]", "a restart may mend it");
        let text = told(&mut disputes, 10, 8);
        assert!(text.contains("by authorities 1, 2") && text.contains(&Hash([1; 32]).to_string()), "{text}");
        assert!(told(&mut disputes, 11, 9).contains("finding: None"));
        assert_eq!(disputes.deadline(), None);
    }
}
