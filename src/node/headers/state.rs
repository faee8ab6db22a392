//! The node's state, decided here by one definition from what the role knows.

use std::{net::SocketAddr, time::Duration};

use crate::{
    base::{
        limits::{
            GET_SYNC_TIMEOUT, ISOLATED_AFTER, LONE_AFTER, REASON_INTERVAL, STALLED_AFTER, SYNCED_SLACK,
            SYNCED_SLACK_BLOCKS,
        },
        time::Time,
    },
    node::report::SyncState,
};

/// What the state is decided from.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The ledger has told its tip.
    pub(super) open: bool,
    pub(super) peers: usize,
    /// A connected peer has answered a `GetSync`.
    pub(super) answered: bool,
    /// Headers may still come.
    pub(super) more: bool,
    /// Branches that ended the state `synced` did not come in whole: answers of peers are not waited for.
    pub(super) is_suspicious: bool,
    /// As many headers as may be are ahead of their blocks.
    pub(super) full: bool,
    /// Each header of the best chain is applied.
    pub(super) all_applied: bool,
    /// Height of the committed tip.
    pub(super) applied: u32,
    /// Height up to which bodies were fetched.
    pub(super) fetched: u32,
    /// Height of the best header.
    pub(super) best: u32,
    /// The peer that is asked for headers, and the height that it claims.
    pub(super) source: Option<(SocketAddr, u32)>,
    /// When a header or block last came.
    pub(super) progress: Time,
    /// What keeps the node from being synced, whatever its peers say.
    pub(super) hindered: Option<String>,
    /// The ledger has no coins yet: how far they have come, in words.
    pub(super) joining: Option<String>,
    /// Why there is no peer: which dial failed last and how, or that all addresses are kept out.
    pub(super) dial_error: Option<String>,
}

/// How a node without peers is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alone {
    /// It should have peers.
    Lacking,
    /// A test chain's node that was given no peers: it may be the whole network, if its peer book is empty too.
    Lone,
    /// A bootnode: others come to it.
    Bootnode,
}

pub(super) struct Machine {
    alone: Alone,
    /// A lone node of such a chain need not wait for its peer book (`dev` starts at once).
    instant: bool,
    state: SyncState,
    reason: String,
    told: Option<(Time, String)>,
    /// Since when there is no peer.
    alone_since: Option<Time>,
    had_peers: bool,
    was_synced: bool,
    /// Since when a node that was caught up knows a header that is not applied.
    behind_since: Option<Time>,
    /// Since when there is work to do.
    busy_since: Option<Time>,
    /// Since when nothing but answers of peers is missing.
    asks_since: Option<Time>,
    /// How long that was so before, with the same block applied.
    asked: (u32, Duration),
    /// Headers have been far enough ahead once: what counts from then on is blocks.
    in_blocks: bool,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) state: SyncState,
    pub(super) reason: String,
    /// The state is another than the one told before.
    pub(super) changed: bool,
}

impl Machine {
    pub(super) fn new(alone: Alone, instant: bool) -> Self {
        Self {
            alone,
            instant,
            state: SyncState::Starting,
            reason: String::new(),
            told: None,
            alone_since: None,
            had_peers: false,
            was_synced: false,
            behind_since: None,
            busy_since: None,
            asks_since: None,
            asked: (0, Duration::ZERO),
            in_blocks: false,
        }
    }

    pub(super) fn state(&self) -> SyncState {
        self.state
    }

    /// Decides the state again. Returns what is to be told: a new state at once, a new reason at most once a second.
    pub(super) fn update(&mut self, now: Time, view: &View) -> Option<Told> {
        let (state, reason) = self.decide(now, view);
        let changed = state != self.state;
        (self.state, self.reason) = (state, reason);
        self.was_synced |= state == SyncState::Synced;
        match &self.told {
            Some((_, told)) if !changed && *told == self.reason => return None,
            Some((at, _)) if !changed && now.since(*at) < REASON_INTERVAL => return None,
            _ => {}
        }
        self.told = Some((now, self.reason.clone()));
        Some(Told { state, reason: self.reason.clone(), changed })
    }

    /// When time alone may change the state or lets a held-back reason be told.
    pub(super) fn deadline(&self, view: &View) -> Option<Time> {
        // The reason of a stall says how long it has lasted.
        let grows = self.state == SyncState::Stalled && view.hindered.is_none();
        let changes = |told: &String| *told != self.reason || grows;
        let reason = self.told.as_ref().filter(|(_, told)| changes(told)).map(|(at, _)| *at + REASON_INTERVAL);
        let alone = self.alone_since.and_then(|since| match self.state {
            SyncState::Connecting if self.may_be_lone() && view.all_applied => Some(since + LONE_AFTER),
            SyncState::Connecting => Some(since + ISOLATED_AFTER),
            _ => None,
        });
        let behind = self.behind_since.map(|since| since + SYNCED_SLACK);
        let stalled = self
            .busy_since
            .filter(|_| self.state != SyncState::Stalled)
            .map(|since| since.max(view.progress) + STALLED_AFTER);
        let asks = self.asks_since.filter(|_| !self.is_settled(view) && view.all_applied);
        let asks = asks.map(|since| since + GET_SYNC_TIMEOUT.saturating_sub(self.asked.1));
        [reason, alone, behind, stalled, asks].into_iter().flatten().min()
    }

    fn decide(&mut self, now: Time, view: &View) -> (SyncState, String) {
        if !view.open {
            return (SyncState::Starting, "opening the ledger".to_owned());
        }
        if let Some(reason) = &view.hindered {
            (self.busy_since, self.in_blocks, self.behind_since) = (None, false, None);
            (self.asks_since, self.asked.1) = (None, Duration::ZERO);
            return (SyncState::Stalled, reason.clone());
        }
        if view.peers == 0 {
            (self.busy_since, self.in_blocks) = (None, false);
            (self.asks_since, self.asked.1) = (None, Duration::ZERO);
            return self.decide_alone(now, view);
        }
        self.alone_since = None;
        self.had_peers = true;
        if self.is_synced(now, view) {
            self.busy_since = None;
            self.in_blocks = false;
            if let Some(progress) = &view.joining {
                return (SyncState::Snapshot, progress.clone());
            }
            return (SyncState::Synced, synced_reason(view));
        }
        if self.asks_since.is_none() {
            self.behind_since = None;
        }
        let busy_since = *self.busy_since.get_or_insert(now);
        let (state, reason) = self.decide_busy(view);
        let idle = now.since(busy_since.max(view.progress));
        if idle >= STALLED_AFTER {
            return (SyncState::Stalled, format!("no progress for {} s: {reason}", idle.as_secs()));
        }
        (state, reason)
    }

    fn is_synced(&mut self, now: Time, view: &View) -> bool {
        if !self.is_caught_up(now, view) || !view.answered && !self.is_settled(view) {
            self.end_wait(now);
            return false;
        }
        if self.asked.0 != view.applied && self.asks_since.is_none() {
            self.asked = (view.applied, Duration::ZERO);
        }
        // One peer after the other that leaves a question open must not end the state for ever.
        let asks_since = *self.asks_since.get_or_insert(now);
        let asked = self.asked.1 + now.since(asks_since);
        let is_answered = view.is_suspicious || !view.more || asked >= GET_SYNC_TIMEOUT;
        self.is_settled(view) || view.all_applied && is_answered
    }

    /// Whether all that peers had was here when this was last decided.
    fn is_settled(&self, view: &View) -> bool {
        self.state == SyncState::Synced || self.state == SyncState::Snapshot && view.joining.is_some()
    }

    /// Blocks are missing, no longer just answers. If none of them comes, the wait for answers goes on where it was: branches
    /// that nobody delivers must not keep a node from `synced` one after the other.
    fn end_wait(&mut self, now: Time) {
        let Some(since) = self.asks_since.take().filter(|_| self.state != SyncState::Synced) else { return };
        self.asked.1 += self.behind_since.unwrap_or(now).since(since);
    }

    /// Whether the best chain is applied; in a node that was caught up before, a block that was announced a moment ago may
    /// still be on its way through fetch, verify and ledger.
    fn is_caught_up(&mut self, now: Time, view: &View) -> bool {
        if view.all_applied {
            self.behind_since = None;
            return true;
        }
        let near = view.best.saturating_sub(view.applied) <= SYNCED_SLACK_BLOCKS;
        let before = self.is_settled(view) || self.asks_since.is_some();
        before && near && now.since(*self.behind_since.get_or_insert(now)) < SYNCED_SLACK
    }

    fn decide_busy(&mut self, view: &View) -> (SyncState, String) {
        if view.all_applied {
            self.in_blocks = false;
        } else if view.joining.is_none() && (view.full || !view.more) {
            self.in_blocks = true;
        }
        if self.in_blocks {
            let done = view.applied.max(view.fetched);
            return (SyncState::Blocks, format!("{} of {} blocks to go", view.best.saturating_sub(done), view.best));
        }
        let reason = match view.source {
            Some((remote, height)) if height > view.best => {
                format!("fetching headers from {remote}: {} of about {height}", view.best)
            }
            Some((remote, _)) => format!("asking {remote} for headers above {}", view.best),
            None => format!("no peer has answered with headers above {}", view.best),
        };
        (SyncState::Headers, reason)
    }

    fn decide_alone(&mut self, now: Time, view: &View) -> (SyncState, String) {
        let alone_for = now.since(*self.alone_since.get_or_insert(now));
        if self.may_be_lone() && view.joining.is_none() && self.is_caught_up(now, view) {
            return if self.instant || view.applied == 0 || self.was_synced || alone_for >= LONE_AFTER {
                let why =
                    view.dial_error.as_ref().map(|error| format!("no peers: {error}; this node goes on by itself"));
                (SyncState::Synced, why.unwrap_or_else(|| "no peers known; this node is the network".to_owned()))
            } else {
                (SyncState::Connecting, "looking for peers in the peer book".to_owned())
            };
        }
        self.behind_since = None;
        let missing = match view.best.saturating_sub(view.applied) {
            0 => String::new(),
            count => format!("; {count} of {} blocks to go", view.best),
        };
        let missing = view.dial_error.as_ref().map_or_else(|| missing.clone(), |error| format!("; {error}{missing}"));
        if self.had_peers && self.was_synced {
            return (SyncState::Isolated, format!("all peers are gone{missing}"));
        }
        if alone_for >= ISOLATED_AFTER {
            return (SyncState::Isolated, format!("no peer for more than {} s{missing}", ISOLATED_AFTER.as_secs()));
        }
        (SyncState::Connecting, format!("no peer yet{missing}"))
    }

    fn may_be_lone(&self) -> bool {
        match self.alone {
            Alone::Lacking => false,
            Alone::Lone => !self.had_peers,
            Alone::Bootnode => true,
        }
    }
}

fn synced_reason(view: &View) -> String {
    match view.peers {
        1 => "up to date with 1 peer".to_owned(),
        peers => format!("up to date with {peers} peers"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn view() -> View {
        View {
            open: true,
            peers: 1,
            answered: true,
            more: false,
            is_suspicious: false,
            full: false,
            all_applied: true,
            applied: 10,
            fetched: 10,
            best: 10,
            source: None,
            progress: Time(0),
            hindered: None,
            joining: None,
            dial_error: None,
        }
    }

    fn view_with_more() -> View {
        View { more: true, ..view() }
    }

    fn machine(alone: Alone) -> Machine {
        Machine::new(alone, false)
    }

    fn state(machine: &mut Machine, at: u64, view: &View) -> SyncState {
        machine.update(Time(0) + SECOND * u32::try_from(at).unwrap(), view);
        machine.state()
    }

    #[test]
    fn a_full_sync_goes_through_each_state_once() {
        let mut machine = machine(Alone::Lacking);
        let none = View { peers: 0, answered: false, ..view() };
        assert_eq!(state(&mut machine, 0, &View { open: false, ..none.clone() }), SyncState::Starting);
        assert_eq!(state(&mut machine, 0, &none), SyncState::Connecting);
        let source = Some(("127.0.0.1:4131".parse().unwrap(), 5000));
        let busy = View { more: true, source, all_applied: false, best: 1200, applied: 0, fetched: 0, ..view() };
        assert_eq!(state(&mut machine, 1, &busy), SyncState::Headers);
        assert_eq!(machine.reason, "fetching headers from 127.0.0.1:4131: 1200 of about 5000");
        let full = View { full: true, best: 4096, ..busy.clone() };
        assert_eq!(state(&mut machine, 2, &full), SyncState::Blocks);
        let room = View { best: 4196, fetched: 4184, ..busy };
        assert_eq!(state(&mut machine, 3, &room), SyncState::Blocks, "it does not fall back to headers");
        assert_eq!(machine.reason, "12 of 4196 blocks to go");
        assert_eq!(state(&mut machine, 4, &View { more: true, ..view() }), SyncState::Headers, "more may come");
        assert_eq!(state(&mut machine, 5, &view()), SyncState::Synced);
    }

    #[test]
    fn a_node_without_coins_is_in_snapshot_once_it_has_all_headers_and_asks_for_no_timer() {
        let mut machine = machine(Alone::Lone);
        let joining = View { joining: Some("half of it".to_owned()), ..view() };
        let none = View { peers: 0, answered: false, ..joining.clone() };
        assert_eq!(state(&mut machine, 0, &none), SyncState::Connecting, "it is no network by itself");
        let busy = View { more: true, all_applied: false, full: true, ..joining.clone() };
        assert_eq!(state(&mut machine, 1, &busy), SyncState::Headers);
        assert_eq!(state(&mut machine, 2, &joining), SyncState::Snapshot);
        assert_eq!((machine.reason.as_str(), machine.deadline(&joining)), ("half of it", None));
        assert_eq!(state(&mut machine, 60, &joining), SyncState::Snapshot);
        let joined = View { answered: false, more: true, ..view() };
        assert_eq!(state(&mut machine, 61, &joined), SyncState::Headers, "what is above is asked for");
    }

    #[test]
    fn synced_needs_an_answer() {
        let mut machine = machine(Alone::Lacking);
        assert_eq!(state(&mut machine, 0, &View { answered: false, ..view() }), SyncState::Headers);
        assert_eq!(state(&mut machine, 1, &view()), SyncState::Synced);
        assert_eq!(state(&mut machine, 1, &View { more: true, ..view() }), SyncState::Synced, "claims prove nothing");
    }

    /// Found by seed 620002491: a liar always had more headers, none of which came, and a block came every few seconds.
    #[test]
    fn blocks_that_come_give_an_open_question_no_new_time() {
        let mut machine = machine(Alone::Lacking);
        let open = |at: u64| View { more: true, progress: Time(at * 1_000_000), best: 10 + at as u32, ..view() };
        for at in 0..=11 {
            let coming = View { all_applied: false, applied: 9 + at as u32, ..open(at) };
            assert_eq!(state(&mut machine, at, &coming), if at > 10 { SyncState::Synced } else { SyncState::Headers });
            assert!(machine.deadline(&coming).is_none_or(|due| due > Time(at * 1_000_000)), "{at}");
            assert_eq!(state(&mut machine, at, &open(at)), if at > 9 { SyncState::Synced } else { SyncState::Headers });
        }
        let mut machine = self::machine(Alone::Lacking);
        let missing = View { all_applied: false, best: 11, ..view_with_more() };
        state(&mut machine, 0, &view_with_more());
        assert_eq!(state(&mut machine, 8, &missing), SyncState::Headers);
        assert_eq!(state(&mut machine, 10, &missing), SyncState::Headers, "its block does not come");
        let applied = View { applied: 11, best: 11, progress: Time(11_000_000), ..view_with_more() };
        assert_eq!(state(&mut machine, 11, &applied), SyncState::Headers, "it came late, so the time begins again");
        assert_eq!(state(&mut machine, 20, &applied), SyncState::Headers);
        assert_eq!(state(&mut machine, 21, &applied), SyncState::Synced);
    }

    /// Found by seed 710012469: a starting node heard of one branch after the other, and nobody delivered any of them.
    #[test]
    fn branches_that_do_not_come_give_an_open_question_no_new_time() {
        let mut machine = machine(Alone::Lacking);
        let missing = View { all_applied: false, best: 60, ..view_with_more() };
        for from in [0, 5, 10] {
            assert_eq!(state(&mut machine, from, &view_with_more()), SyncState::Headers);
            assert_eq!(state(&mut machine, from + 3, &missing), SyncState::Headers);
        }
        assert_eq!(state(&mut machine, 15, &view_with_more()), SyncState::Headers, "nine seconds so far");
        assert_eq!(machine.deadline(&view_with_more()), Some(Time(16_000_000)));
        assert_eq!(state(&mut machine, 16, &view_with_more()), SyncState::Synced);
        assert_eq!(state(&mut machine, 40, &missing), SyncState::Headers, "as headers of a long chain may come");
        assert_eq!(state(&mut machine, 41, &View { peers: 0, ..missing.clone() }), SyncState::Isolated);
        assert_eq!(state(&mut machine, 42, &view_with_more()), SyncState::Headers, "other peers have their time");
    }

    #[test]
    fn a_block_on_its_way_does_not_end_synced_but_a_missing_one_does() {
        let mut machine = machine(Alone::Lacking);
        assert_eq!(state(&mut machine, 0, &view()), SyncState::Synced);
        let one = View { all_applied: false, best: 11, progress: Time(100_000_000), ..view() };
        assert_eq!(state(&mut machine, 100, &one), SyncState::Synced);
        assert_eq!(machine.deadline(&one), Some(Time(102_000_000)));
        assert_eq!(state(&mut machine, 102, &one), SyncState::Blocks);
        assert_eq!(state(&mut machine, 103, &view()), SyncState::Synced);
        let many = View { best: 10 + SYNCED_SLACK_BLOCKS + 1, ..one };
        assert_eq!(state(&mut machine, 104, &many), SyncState::Blocks, "at once");
    }

    #[test]
    fn nothing_moving_while_more_is_known_is_stalled_until_something_moves() {
        let mut machine = machine(Alone::Lacking);
        let behind = View { all_applied: false, best: 50, progress: Time(3_000_000), ..view() };
        assert_eq!(state(&mut machine, 1, &behind), SyncState::Blocks);
        assert_eq!(machine.deadline(&behind), Some(Time(23_000_000)));
        assert_eq!(state(&mut machine, 23, &behind), SyncState::Stalled);
        assert_eq!(machine.reason, "no progress for 20 s: 40 of 50 blocks to go");
        assert_eq!(machine.deadline(&behind), Some(Time(24_000_000)), "to say how long by now");
        let moved = View { progress: Time(24_000_000), ..behind };
        assert_eq!(state(&mut machine, 24, &moved), SyncState::Blocks);
    }

    #[test]
    fn old_progress_is_no_stall_of_new_work() {
        let mut machine = machine(Alone::Lacking);
        assert_eq!(state(&mut machine, 0, &View { peers: 0, answered: false, ..view() }), SyncState::Connecting);
        assert_eq!(state(&mut machine, 900, &View { answered: false, ..view() }), SyncState::Headers);
    }

    #[test]
    fn without_peers_a_node_is_connecting_then_isolated_and_isolated_at_once_after_synced() {
        let none = View { peers: 0, answered: false, ..view() };
        let mut machine = machine(Alone::Lacking);
        assert_eq!(state(&mut machine, 0, &none), SyncState::Connecting);
        assert_eq!(machine.deadline(&none), Some(Time(15_000_000)));
        assert_eq!(state(&mut machine, 15, &none), SyncState::Isolated);
        assert_eq!(state(&mut machine, 16, &view()), SyncState::Synced);
        assert_eq!(state(&mut machine, 17, &none), SyncState::Isolated);
    }

    #[test]
    fn a_node_without_peers_says_which_dial_fails_and_why() {
        let none = View { peers: 0, answered: false, dial_error: Some("9.1.1.1:4130: refused".to_owned()), ..view() };
        let mut machine = machine(Alone::Lacking);
        assert_eq!(state(&mut machine, 0, &none), SyncState::Connecting);
        assert_eq!(machine.reason, "no peer yet; 9.1.1.1:4130: refused");
    }

    #[test]
    fn a_lone_node_is_the_network_unless_it_lost_its_peers() {
        let none = View { peers: 0, answered: false, ..view() };
        let mut lone = machine(Alone::Lone);
        assert_eq!(state(&mut lone, 0, &none), SyncState::Connecting, "its peer book comes first");
        assert_eq!(lone.deadline(&none), Some(Time(2_000_000)));
        assert_eq!(state(&mut lone, 2, &none), SyncState::Synced);
        assert_eq!(lone.reason, "no peers known; this node is the network");
        assert_eq!(state(&mut lone, 3, &view()), SyncState::Synced);
        assert_eq!(state(&mut lone, 4, &none), SyncState::Isolated);
        let empty = View { applied: 0, best: 0, ..none.clone() };
        assert_eq!(state(&mut machine(Alone::Lone), 0, &empty), SyncState::Synced, "nothing to look for");
        assert_eq!(state(&mut Machine::new(Alone::Lone, true), 0, &none), SyncState::Synced);
        let mut bootnode = machine(Alone::Bootnode);
        assert_eq!(state(&mut bootnode, 0, &view()), SyncState::Synced);
        assert_eq!(state(&mut bootnode, 1, &none), SyncState::Synced);
        let behind = View { all_applied: false, best: 12, ..none };
        assert_eq!(state(&mut bootnode, 2, &behind), SyncState::Synced, "its own block on its way");
        assert_eq!(state(&mut bootnode, 4, &behind), SyncState::Isolated);
        assert_eq!(state(&mut machine(Alone::Bootnode), 0, &behind), SyncState::Connecting);
    }

    #[test]
    fn a_hindered_node_is_stalled_with_the_reason_and_asks_for_no_timer() {
        let mut machine = machine(Alone::Bootnode);
        assert_eq!(state(&mut machine, 0, &view()), SyncState::Synced);
        let hindered = View { hindered: Some("the clock".to_owned()), ..view() };
        assert_eq!(state(&mut machine, 1, &hindered), SyncState::Stalled);
        assert_eq!((machine.reason.as_str(), machine.deadline(&hindered)), ("the clock", None));
        assert_eq!(state(&mut machine, 2, &view()), SyncState::Synced);
    }

    #[test]
    fn a_reason_alone_is_told_once_a_second() {
        let mut machine = machine(Alone::Lacking);
        let busy = |best| View { all_applied: false, best, ..view() };
        assert!(machine.update(Time(0), &busy(20)).unwrap().changed);
        assert_eq!(machine.update(Time(1000), &busy(21)), None);
        assert_eq!(machine.deadline(&busy(21)), Some(Time(1_000_000)));
        let told = machine.update(Time(1_000_000), &busy(21)).unwrap();
        assert!(!told.changed && told.reason == "11 of 21 blocks to go", "{told:?}");
        assert_eq!(machine.update(Time(3_000_000), &busy(21)), None);
    }
}
