//! What this host's clock keeps the node from.
//!
//! A node whose clock is wrong refuses the headers of all others, or makes blocks that all others refuse. Neither is a
//! fault of a peer, and the node cannot set the clock: it says what it sees, and neither counts as synced nor mines.

use std::net::SocketAddr;

use super::{latest_time::OwnBlock, span::span, steps::ClockSteps};

use crate::{
    base::{
        ids::NodeId,
        limits::{CLOCK_LOOK, CLOCK_OFFSET_SECONDS, CLOCK_SAMPLES, OWN_PAST_SECONDS},
        time::{Now, Time, UnixTime},
    },
    chain::{address::Prefix, archive::StoreError, node_id, spec::ChainSpec},
    node::{
        HindranceReporter, Outbox,
        hindrance::{Finding, HindranceId},
        notice::{ToMiner, ToPeers},
    },
};

/// What the clock is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClockFacts {
    /// What the ids of nodes begin with.
    pub(super) prefix: Prefix,
    /// Seconds that a header may be ahead of the clock.
    pub(super) future_limit: u64,
    /// The block of our own chain with the latest time.
    pub(super) own: OwnBlock,
    /// Headers with more work than ours that only the clock refuses.
    pub(super) refused: Option<RefusedBranch>,
    /// The peers' clocks.
    pub(super) clocks: PeerClocks,
}

/// What the peers told of their clocks.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct PeerClocks {
    /// Whether we chose these peers. Those that come to us may all be one attacker's.
    pub(super) are_chosen: bool,
    /// Each peer's clock minus ours, seconds.
    pub(super) offsets: Vec<(i64, ClockPeer)>,
}

/// Whose clock it is. The port of one that has dialled us names nobody; its id does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClockPeer {
    /// The other end of the connection.
    pub(super) address: SocketAddr,
    /// Its id.
    pub(super) node: NodeId,
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
    /// Enough of them show it: the clock must be wrong.
    pub(super) is_certain: bool,
}

/// Judges the clock, and tells it.
pub(super) struct ClockJudge {
    /// The operator says that the clock is not ahead.
    is_forced: bool,
    /// Whether a wrong clock does harm on this chain. If not, what is found is only told.
    is_heeded: bool,
    /// A time that had surely passed when this node started.
    known_time: Option<UnixTime>,
    /// The clock shows an earlier time than that, and no peer agrees with it.
    is_before_known: bool,
    told: HindranceReporter,
    steps: ClockSteps,
    /// Why the miner was told to wait.
    held: Option<String>,
    /// What the last look saw.
    seen: Option<ClockFacts>,
    next_look: Option<Time>,
}

impl ClockJudge {
    /// A judge that has seen nothing yet.
    pub(super) fn new(is_forced: bool, known_time: Option<UnixTime>) -> Self {
        Self {
            is_forced,
            is_heeded: true,
            known_time,
            is_before_known: false,
            told: HindranceReporter::default(),
            steps: ClockSteps::default(),
            held: None,
            seen: None,
            next_look: None,
        }
    }

    /// A judge that hinders nothing, if a wrong clock does no harm on this chain.
    pub(super) fn on_chain(self, spec: &ChainSpec) -> Self {
        Self { is_heeded: spec.seal_rules().heeds_clock(), ..self }
    }

    /// Looks at the clock, if it is time to or something but the time has changed; tells the status and the miner what
    /// is new.
    pub(super) fn look(&mut self, now: Now, facts: ClockFacts, out: &mut Outbox) {
        let is_due = self.next_look.is_none_or(|due| due <= now.mono);
        if !is_due && self.seen.as_ref().is_some_and(|seen| seen.differs_in_time_only(&facts)) {
            return;
        }
        self.next_look = Some(now.mono + CLOCK_LOOK);
        if self.steps.is_set(now) {
            out.tell(ToPeers::ClockSet);
        }
        self.judge(now, &facts, out);
        self.seen = Some(facts);
    }

    fn judge(&mut self, now: Now, facts: &ClockFacts, out: &mut Outbox) {
        let was_behind = [HindranceId::OwnTipAhead, HindranceId::ClockBehind].iter().any(|id| self.told.contains(*id));
        let before_known = self.known(now).and_then(|known| before_known_time(now.unix, known, &facts.clocks));
        self.is_before_known = before_known.is_some();
        let behind = headers_refused(now.unix, facts).or(before_known).or_else(|| behind_peers(facts));
        let force = |found: Finding| Finding { is_suspicion: found.is_suspicion || self.is_forced, ..found };
        let found = [
            (HindranceId::OwnTipAhead, own_tip_ahead(self.no_earlier_than_known(now).unix, facts)),
            (HindranceId::ClockBehind, behind),
            (HindranceId::ClockAhead, ahead(now.unix, facts).map(force)),
            (HindranceId::ClockStepped, self.steps.look(now, settles_step(facts), was_behind).map(force)),
        ];
        let heed = |found: Finding| match self.is_heeded {
            true => found,
            false => Finding::suspicion(found.text, UNHEEDED),
        };
        let found = found.map(|(id, finding)| (id, finding.map(heed)));
        self.told.replace(now.unix, found, out);
        let held = self.told.first_blocking(|blocks| blocks.mining);
        if held != self.held {
            self.held.clone_from(&held);
            out.tell(ToMiner::Hold(held));
        }
    }

    /// An operator has set the clock: what it shows is right.
    pub(super) fn expect_step(&mut self) -> Result<(), StoreError> {
        self.steps.expect();
        self.is_forced = true;
        self.next_look = None;
        Ok(())
    }

    /// The time that headers are judged by. A clock without a battery starts in 1970, and all headers would be from its
    /// future; those up to the known time are not. The clock counts as soon as NTP sets it or a peer agrees with it.
    pub(super) fn no_earlier_than_known(&self, now: Now) -> Now {
        let known = self.known(now).filter(|_| self.is_before_known);
        Now { unix: known.map_or(now.unix, |known| known.max(now.unix)), ..now }
    }

    /// The known time and what has passed since.
    fn known(&self, now: Now) -> Option<UnixTime> {
        let passed = now.mono.since(Time(0)).as_secs();
        self.known_time.map(|known| UnixTime(known.0.saturating_add(passed)))
    }

    /// Why the node does not count as synced, whatever its peers say.
    pub(super) fn unready(&self) -> Option<String> {
        self.told.first_blocking(|blocks| blocks.ready)
    }

    /// When to look again, though nothing happens: clocks are set without notice.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next_look
    }
}

impl ClockFacts {
    /// Whether nothing but the time can make these facts differ from others: the same chains and the same peers. The
    /// peers' offsets change as this host's clock drifts or is set.
    fn differs_in_time_only(&self, other: &Self) -> bool {
        let (peers, others) = (self.clocks.offsets.iter(), other.clocks.offsets.iter());
        let are_same = peers.map(|(_, peer)| peer).eq(others.map(|(_, peer)| peer));
        self.own == other.own && self.refused == other.refused && are_same
    }

    /// Whose clock differs, in words: that of one peer, or the median of all.
    fn whose(&self, peer: Option<ClockPeer>) -> String {
        match peer {
            Some(ClockPeer { address, node }) => format!("{} ({address})", node_id::to_text(&node, &self.prefix)),
            None => format!("{} peers (median)", self.clocks.offsets.len()),
        }
    }
}

fn own_tip_ahead(now: UnixTime, facts: &ClockFacts) -> Option<Finding> {
    let OwnBlock { height, time, is_newest } = facts.own;
    let ahead = time.saturating_sub(now.0);
    if ahead <= facts.future_limit {
        return None;
    }
    let what = match (height, is_newest) {
        (0, _) => "the chain's genesis block".to_owned(),
        (_, true) => "this node's own newest block".to_owned(),
        (_, false) => format!("block {height} of this node's own chain"),
    };
    let advice = "set this host's clock; if the clock is right, the block was made by a clock that ran ahead: see \
                  \"A chain from the future\" in tussock print protocol";
    Some(Finding::new(format!("{what} is {} ahead of this clock", span(ahead)), advice))
}

fn headers_refused(now: UnixTime, facts: &ClockFacts) -> Option<Finding> {
    let RefusedBranch { headers, latest, peers, of, is_certain } = facts.refused?;
    let what = format!("{headers} header{}", if headers == 1 { "" } else { "s" });
    let ahead = span(latest.saturating_sub(now.0));
    if is_certain {
        let text = format!("peers show {what} up to {ahead} ahead of this clock");
        return Some(Finding::new(text, "set this host's clock"));
    }
    let text = format!("{peers} of {of} peers show {what} up to {ahead} ahead of this clock");
    Some(Finding::suspicion(text, "this clock or theirs is wrong: check this one"))
}

/// A host without a battery for its clock starts with a time of long ago. Its peers or NTP tell it more.
fn before_known_time(now: UnixTime, known: UnixTime, clocks: &PeerClocks) -> Option<Finding> {
    let behind = known.0.saturating_sub(now.0);
    let is_wrong = behind > CLOCK_OFFSET_SECONDS && !clocks.agree();
    is_wrong.then(|| {
        let text = format!("this clock is {} behind the time when this node last ran", span(behind));
        let advice = "set this host's clock; if the clock is right, stop the node, remove last-time (beside ledger.db), and \
                      start the node again";
        Finding::new(text, advice)
    })
}

/// Whether the peers' clocks show that a step did no harm: others accept the blocks of such a clock.
fn settles_step(facts: &ClockFacts) -> bool {
    facts.clocks.agree_within(facts.future_limit.max(CLOCK_OFFSET_SECONDS))
}

/// Where authorities seal, they take the time from a quorum's clocks.
const UNHEEDED: &str = "set the clock that is wrong; no block of this chain waits for it";

const FORCE: &str = "set this host's clock; if it is right, mine with --force-clock";

fn behind_peers(facts: &ClockFacts) -> Option<Finding> {
    let (offset, peer) = facts.clocks.difference().filter(|(offset, _)| *offset > 0)?;
    let text = format!("this clock is {} behind that of {}", span(offset.unsigned_abs()), facts.whose(peer));
    Some(Finding::suspicion(text, facts.clocks.advice()))
}

fn ahead(now: UnixTime, facts: &ClockFacts) -> Option<Finding> {
    if let Some((offset, peer)) = facts.clocks.difference()
        && offset < 0
    {
        let text = format!("this clock is {} ahead of that of {}", span(offset.unsigned_abs()), facts.whose(peer));
        return Some(match facts.clocks.agree_on_less(facts.future_limit) {
            true => Finding::new(text, FORCE),
            false => Finding::suspicion(text, facts.clocks.advice()),
        });
    }
    // Peers whose clocks agree with ours have been away for as long.
    let OwnBlock { height, time, .. } = facts.own;
    let away = now.0.saturating_sub(time);
    let is_far = height > 0 && away > OWN_PAST_SECONDS && facts.clocks.offsets.is_empty();
    is_far.then(|| Finding::new(format!("this clock is {} ahead of the node's own newest block", span(away)), FORCE))
}

impl PeerClocks {
    /// By how much this host's clock is wrong, if it is, and by whose clock: the median of several, with no peer, or that
    /// of each of one or two.
    fn difference(&self) -> Option<(i64, Option<ClockPeer>)> {
        self.difference_above(CLOCK_OFFSET_SECONDS)
    }

    /// The same, if the difference is more than this many seconds.
    fn difference_above(&self, seconds: u64) -> Option<(i64, Option<ClockPeer>)> {
        let mut offsets = self.offsets.clone();
        offsets.sort_unstable();
        let is_wrong = |(offset, _): &&(i64, ClockPeer)| offset.unsigned_abs() > seconds;
        if offsets.len() < CLOCK_SAMPLES {
            return offsets.iter().find(is_wrong).map(|(offset, peer)| (*offset, Some(*peer)));
        }
        let median = offsets.get(offsets.len() / 2).filter(is_wrong)?;
        Some((median.0, None))
    }

    /// Whether there are peers, and their clocks do not contradict this one.
    fn agree(&self) -> bool {
        self.agree_within(CLOCK_OFFSET_SECONDS)
    }

    fn agree_within(&self, seconds: u64) -> bool {
        !self.offsets.is_empty() && self.difference_above(seconds).is_none()
    }

    /// Whether enough peers say that ours is further ahead than this: most of those that we chose, or all others.
    fn agree_on_less(&self, limit: u64) -> bool {
        let less = self.offsets.iter().filter(|(offset, _)| *offset < 0 && offset.unsigned_abs() > limit).count();
        let of = self.offsets.len();
        of >= CLOCK_SAMPLES && if self.are_chosen { less * 2 > of } else { less == of }
    }

    fn advice(&self) -> &'static str {
        if self.offsets.len() < CLOCK_SAMPLES {
            "this clock or that one is wrong: check this one"
        } else {
            "check this clock"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::hindrance::Blocks;

    const NOW: UnixTime = UnixTime(1_000_000);

    fn own(height: u32, time: u64) -> OwnBlock {
        OwnBlock { height, time, is_newest: true }
    }

    fn facts() -> ClockFacts {
        let prefix = ChainSpec::local().prefix;
        ClockFacts { prefix, future_limit: 7_200, own: own(5, NOW.0), refused: None, clocks: PeerClocks::default() }
    }

    #[test]
    fn time_alone_changes_nothing_before_the_next_look() {
        let (mut judge, mut out) = (ClockJudge::new(false, None), Outbox::default());
        let at = |seconds, unix| Now { mono: Time(0) + std::time::Duration::from_secs(seconds), unix };
        let facts = |offset| ClockFacts { clocks: clocks(true, &[offset]), ..facts() };
        judge.look(at(1, NOW), facts(600), &mut out);
        assert!(out.is_empty(), "ten minutes are not too much");
        judge.look(at(2, NOW), facts(601), &mut out);
        assert!(out.is_empty(), "a wake-up before the deadline has nothing to do");
        assert!(judge.deadline().is_some_and(|due| due > at(2, NOW).mono));
        judge.look(Now { mono: judge.deadline().unwrap(), unix: NOW }, facts(601), &mut out);
        assert_eq!(out.drain().count(), 1);
        let another_peer = ClockFacts { clocks: clocks(true, &[0, 0]), ..facts(0) };
        judge.look(Now { mono: judge.deadline().unwrap(), unix: NOW }, another_peer, &mut out);
        assert_eq!(out.drain().count(), 1, "what an event has changed is told at once");
    }

    #[test]
    fn a_tip_from_the_future_blocks_everything_until_the_limit_is_reached() {
        assert_eq!(own_tip_ahead(NOW, &ClockFacts { own: own(5, NOW.0 + 7_200), ..facts() }), None);
        let found = own_tip_ahead(NOW, &ClockFacts { own: own(0, NOW.0 + 7_201), ..facts() }).unwrap();
        assert_eq!(found.text, "the chain's genesis block is 2 h ahead of this clock");
        assert_eq!(found.blocks(HindranceId::OwnTipAhead), Blocks { ready: true, mining: true });
    }

    #[test]
    fn the_word_of_most_peers_blocks_and_that_of_few_does_not() {
        let refused =
            |peers| Some(RefusedBranch { headers: 8, latest: NOW.0 + 3 * 3_600, peers, of: 4, is_certain: peers > 2 });
        let blocks = |peers| {
            let found = headers_refused(NOW, &ClockFacts { refused: refused(peers), ..facts() }).unwrap();
            (found.blocks(HindranceId::ClockBehind).ready, found.text)
        };
        assert_eq!(blocks(3), (true, "peers show 8 headers up to 3 h ahead of this clock".to_owned()));
        assert!(!blocks(2).0);
    }

    fn clocks(are_chosen: bool, offsets: &[i64]) -> PeerClocks {
        let peer = ClockPeer { address: ([9, 1, 1, 1], 53_806).into(), node: NodeId([7; 32]) };
        PeerClocks { are_chosen, offsets: offsets.iter().map(|offset| (*offset, peer)).collect() }
    }

    #[test]
    fn one_peer_causes_a_doubt_and_the_median_of_three_stops_a_miner_that_is_far_ahead() {
        let found = |clocks| ahead(NOW, &ClockFacts { clocks, ..facts() }).map(|found| !found.is_suspicion);
        assert_eq!([found(clocks(true, &[-600])), found(clocks(true, &[-601]))], [None, Some(false)]);
        assert_eq!([found(clocks(true, &[-9_000, 0, 1])), found(clocks(true, &[-9_000; 3]))], [None, Some(true)]);
        assert_eq!(found(clocks(true, &[-9_000, -9_000, 0])), Some(true), "most");
        assert_eq!(found(clocks(false, &[-9_000, -9_000, 0])), Some(false), "all of those that came to us");
        assert_eq!(found(clocks(true, &[-3_600; 4])), Some(false), "blocks of this clock are taken yet");
        let behind = |offsets: &[i64]| behind_peers(&ClockFacts { clocks: clocks(false, offsets), ..facts() }).unwrap();
        assert!(behind(&[601]).is_suspicion);
        let node = node_id::to_text(&NodeId([7; 32]), &facts().prefix);
        assert_eq!(behind(&[601]).text, format!("this clock is 10 min behind that of {node} (9.1.1.1:53806)"));
        assert_eq!(behind(&[601; 3]).text, "this clock is 10 min behind that of 3 peers (median)");
    }

    #[test]
    fn a_clock_far_ahead_of_the_own_chain_stops_a_lone_miner() {
        let now = UnixTime(NOW.0 + OWN_PAST_SECONDS + 1);
        assert!(ahead(now, &facts()).is_some_and(|found| !found.is_suspicion));
        assert_eq!(ahead(UnixTime(now.0 - 1), &facts()), None);
        assert_eq!(ahead(now, &ClockFacts { clocks: clocks(true, &[5]), ..facts() }), None, "a peer's clock agrees");
        assert_eq!(ahead(now, &ClockFacts { own: own(0, NOW.0), ..facts() }), None, "a chain that begins");
    }

    #[test]
    fn an_operator_who_says_that_the_clock_is_right_may_mine_far_ahead_of_the_own_chain() {
        let now = Now { mono: Time(0), unix: UnixTime(NOW.0 + OWN_PAST_SECONDS + 1) };
        for is_forced in [false, true] {
            let (mut judge, mut out) = (ClockJudge::new(is_forced, None), Outbox::default());
            judge.look(now, facts(), &mut out);
            assert_eq!(judge.held.is_some(), !is_forced);
            assert!(judge.told.found(HindranceId::ClockAhead).is_some(), "it is said all the same");
        }
        assert!(FORCE.contains("--force-clock"));
    }

    #[test]
    fn where_authorities_seal_a_wrong_clock_holds_up_nothing_and_nobody_is_told_to_mine() {
        let late = Now { mono: Time(0), unix: UnixTime(NOW.0 + OWN_PAST_SECONDS + 1) };
        let early = ClockFacts { own: own(5, NOW.0 + 86_400), ..facts() };
        for (now, facts, id) in
            [(late, facts(), HindranceId::ClockAhead), (Now { unix: NOW, ..late }, early, HindranceId::OwnTipAhead)]
        {
            let (mut judge, mut out) = (ClockJudge::new(false, None), Outbox::default());
            judge.is_heeded = false;
            judge.look(now, facts, &mut out);
            let advice = judge.told.found(id).map(|finding| finding.advice.as_str());
            assert_eq!((advice, &judge.held), (Some(UNHEEDED), &None), "{id:?}");
        }
    }

    #[test]
    fn the_way_out_of_a_chain_from_the_future_is_in_the_protocol() {
        let ahead = ClockFacts { own: own(5, NOW.0 + 86_400), ..facts() };
        let advice = own_tip_ahead(NOW, &ahead).unwrap().advice;
        let heading = advice.split('"').nth(1).expect("it names a heading");
        assert!(include_str!("../../wire/PROTOCOL.md").contains(&format!("### {heading}\n")), "{advice}");
    }

    #[test]
    fn a_clock_behind_a_known_time_blocks_until_it_is_set_or_a_peer_agrees_with_it() {
        let found = |now: u64, clocks| before_known_time(UnixTime(now), NOW, &clocks);
        let nobody = PeerClocks::default();
        assert_eq!(found(NOW.0 - CLOCK_OFFSET_SECONDS, nobody.clone()), None);
        let behind = found(0, nobody).unwrap();
        assert_eq!(behind.blocks(HindranceId::ClockBehind), Blocks { ready: true, mining: true });
        assert_eq!(behind.text, "this clock is 11 days behind the time when this node last ran");
        assert!(found(0, clocks(true, &[1_000_000])).is_some() && found(0, clocks(true, &[600])).is_none());
    }

    /// A miner whose clock was put right waited for ever, because the clocks of its peers differed from it by 11 minutes.
    #[test]
    fn a_step_holds_the_miner_until_peers_accept_blocks_of_the_new_time() {
        const DAY: u64 = 86_400;
        for (offset, is_held) in [(-660, false), (660, false), (-7_200, false), (-7_201, true), (7_201, true)] {
            let (mut judge, mut out) = (ClockJudge::new(false, None), Outbox::default());
            let facts = |offset| ClockFacts { clocks: clocks(true, &[offset]), ..facts() };
            judge.look(Now { mono: Time(0), unix: NOW }, facts(offset - DAY.cast_signed()), &mut out);
            let set = Now { mono: Time(0) + CLOCK_LOOK, unix: UnixTime(NOW.0 + DAY + 10) };
            judge.look(set, ClockFacts { clocks: PeerClocks::default(), ..facts(0) }, &mut out);
            assert!(judge.told.contains(HindranceId::ClockStepped) && judge.held.is_some());
            judge.look(set, facts(offset), &mut out);
            assert_eq!(judge.told.contains(HindranceId::ClockStepped), is_held, "{offset}");
        }
    }

    #[test]
    fn each_change_is_told_once() {
        let (mut judge, mut out) = (ClockJudge::new(false, None), Outbox::default());
        let now = Now { mono: Time(0), unix: NOW };
        let ahead = ClockFacts { own: own(5, NOW.0 + 86_400), ..facts() };
        for (facts, expected) in
            [(&facts(), (0, false)), (&ahead, (2, true)), (&ahead, (0, true)), (&facts(), (2, false))]
        {
            judge.look(now, facts.clone(), &mut out);
            assert_eq!((out.drain().count(), judge.unready().is_some()), expected);
        }
        assert_eq!(judge.deadline(), Some(Time(0) + CLOCK_LOOK));
    }
}
