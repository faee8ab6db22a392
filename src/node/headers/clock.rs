//! What this host's clock keeps the node from.
//!
//! A node whose clock is wrong refuses the headers of all others, or makes blocks that all others refuse. Neither is a
//! fault of a peer, and the node cannot set the clock: it says what it sees, and neither counts as synced nor mines.

use std::collections::BTreeMap;

use crate::{
    base::{
        limits::CLOCK_LOOK,
        time::{Now, Time, UnixTime},
    },
    node::{
        Outbox,
        hindrance::{Finding, HindranceId},
        notice::ToMiner,
        report::Report,
    },
};

/// What the clock is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClockFacts {
    /// Seconds that a header may be ahead of the clock.
    pub(super) future_limit: u64,
    /// Height and time of the newest block of our own chain.
    pub(super) own: (u32, u64),
    /// Headers with more work than ours that only the clock refuses.
    pub(super) refused: Option<RefusedBranch>,
}

/// Valid headers, with more work than ours, that are too far ahead of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefusedBranch {
    /// How many.
    pub(super) headers: u32,
    /// The latest time among them.
    pub(super) latest: u64,
    /// Peers that show them.
    pub(super) peers: usize,
    /// Peers that could.
    pub(super) of: usize,
}

/// Judges the clock, and tells it.
#[derive(Default)]
pub(super) struct ClockJudge {
    told: BTreeMap<HindranceId, Finding>,
    /// Why the miner was told to wait.
    held: Option<String>,
    next_look: Option<Time>,
}

impl ClockJudge {
    /// Looks at the clock; tells the status and the miner what has changed.
    pub(super) fn look(&mut self, now: Now, facts: &ClockFacts, out: &mut Outbox) {
        self.next_look = Some(now.mono + CLOCK_LOOK);
        let found: BTreeMap<HindranceId, Finding> = [
            (HindranceId::OwnTipAhead, own_tip_ahead(now.unix, facts)),
            (HindranceId::ClockBehind, headers_refused(now.unix, facts)),
        ]
        .into_iter()
        .filter_map(|(id, finding)| Some((id, finding?)))
        .collect();
        let before = std::mem::replace(&mut self.told, found);
        for id in before.keys().filter(|id| !self.told.contains_key(id)) {
            out.report(Report::Hindrance { id: *id, now: now.unix, finding: None });
        }
        for (id, finding) in self.told.iter().filter(|(id, finding)| before.get(id) != Some(finding)) {
            out.report(Report::Hindrance { id: *id, now: now.unix, finding: Some(finding.clone()) });
        }
        let held = self.blocking(|blocks| blocks.mining);
        if held != self.held {
            self.held.clone_from(&held);
            out.tell(ToMiner::Hold(held));
        }
    }

    /// Why the node does not count as synced, whatever its peers say.
    pub(super) fn unready(&self) -> Option<String> {
        self.blocking(|blocks| blocks.ready)
    }

    /// When to look again, though nothing happens: clocks are set without notice.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next_look
    }

    fn blocking(&self, what: fn(crate::node::hindrance::Blocks) -> bool) -> Option<String> {
        let blocks = |(id, finding): &(&HindranceId, &Finding)| what(finding.blocks(**id));
        self.told.iter().find(blocks).map(|(_, finding)| finding.text.clone())
    }
}

fn own_tip_ahead(now: UnixTime, facts: &ClockFacts) -> Option<Finding> {
    let (height, time) = facts.own;
    let ahead = time.saturating_sub(now.0);
    if ahead <= facts.future_limit {
        return None;
    }
    let what = if height == 0 { "the chain's genesis block" } else { "this node's own newest block" };
    let advice = "set this host's clock; if the clock is right, the block was made by a clock that ran ahead: see \
                  \"A chain from the future\" in tussock print protocol";
    Some(Finding::new(format!("{what} is {} ahead of this clock", span(ahead)), advice))
}

fn headers_refused(now: UnixTime, facts: &ClockFacts) -> Option<Finding> {
    let RefusedBranch { headers, latest, peers, of } = facts.refused?;
    let what = format!("{headers} header{}", if headers == 1 { "" } else { "s" });
    let ahead = span(latest.saturating_sub(now.0));
    if peers * 2 > of {
        let text = format!("peers show {what} up to {ahead} ahead of this clock");
        return Some(Finding::new(text, "set this host's clock"));
    }
    let text = format!("{peers} of {of} peers show {what} up to {ahead} ahead of this clock");
    Some(Finding::suspicion(text, "this clock or theirs is wrong: check this one"))
}

/// A time in words, rounded down.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::hindrance::Blocks;

    const NOW: UnixTime = UnixTime(1_000_000);

    fn facts() -> ClockFacts {
        ClockFacts { future_limit: 7_200, own: (5, NOW.0), refused: None }
    }

    #[test]
    fn a_tip_from_the_future_blocks_everything_until_the_limit_is_reached() {
        assert_eq!(own_tip_ahead(NOW, &ClockFacts { own: (5, NOW.0 + 7_200), ..facts() }), None);
        let found = own_tip_ahead(NOW, &ClockFacts { own: (0, NOW.0 + 7_201), ..facts() }).unwrap();
        assert_eq!(found.text, "the chain's genesis block is 2 h ahead of this clock");
        assert_eq!(found.blocks(HindranceId::OwnTipAhead), Blocks { ready: true, mining: true });
    }

    #[test]
    fn the_word_of_most_peers_blocks_and_that_of_few_does_not() {
        let refused = |peers| Some(RefusedBranch { headers: 8, latest: NOW.0 + 3 * 3_600, peers, of: 4 });
        let blocks = |peers| {
            let found = headers_refused(NOW, &ClockFacts { refused: refused(peers), ..facts() }).unwrap();
            (found.blocks(HindranceId::ClockBehind).ready, found.text)
        };
        assert_eq!(blocks(3), (true, "peers show 8 headers up to 3 h ahead of this clock".to_owned()));
        assert!(!blocks(2).0);
    }

    #[test]
    fn each_change_is_told_once() {
        let (mut judge, mut out) = (ClockJudge::default(), Outbox::default());
        let now = Now { mono: Time(0), unix: NOW };
        let ahead = ClockFacts { own: (5, NOW.0 + 86_400), ..facts() };
        for (facts, expected) in
            [(&facts(), (0, false)), (&ahead, (2, true)), (&ahead, (0, true)), (&facts(), (2, false))]
        {
            judge.look(now, facts, &mut out);
            assert_eq!((out.drain().count(), judge.unready().is_some()), expected);
        }
        assert_eq!(judge.deadline(), Some(Time(0) + CLOCK_LOOK));
    }
}
