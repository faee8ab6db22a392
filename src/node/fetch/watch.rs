//! What is overdue: single requests, the block that holds up the download, a chain that no peer delivers.

use crate::{
    base::{
        ids::LinkId,
        limits::{BLOCK_HEDGE, GATHER_BLOCKS, GET_BLOCK_TIMEOUT, NEAR_TIP_BLOCKS},
        time::{Now, Time},
    },
    node::{
        Outbox, PeerFault,
        command::Reply,
        fetch::{
            Fetch,
            keeping::Pruned,
            sources::{BodySource, Choice},
            window::{Slot, Window},
        },
        hindrance::{Finding, HindranceId},
        notice::{ToHeaders, ToPeers},
        report::Counter,
    },
};

/// Peers that are asked for one block, one after the other. If none of them delivers the lowest one, all others are asked.
const MAX_ASKED: usize = 3;
/// What helps if no peer keeps a block.
const CONNECT_ADVICE: &str = "connect to a node that keeps the whole history: tussock peers add IP:PORT";

impl Fetch {
    /// At the start of a large download: whether to wait a moment for more peers.
    pub(super) fn gathers(&self, now: Time) -> bool {
        self.peers.len() < self.gather
            && self.window.missing() > GATHER_BLOCKS
            && self.gather_until.is_some_and(|until| now < until)
    }

    /// Ends requests whose time is over.
    pub(super) fn expire(&mut self, now: Time, out: &mut Outbox) {
        while let Some(ticket) = self.submitted.take_expired(now) {
            out.reply(ticket, Reply::Refused("no verdict in time".to_owned()));
        }
        if self.next_timeout().is_none_or(|at| at > now) {
            return;
        }
        let links: Vec<LinkId> = self.peers.iter().map(|(link, _)| link).collect();
        for link in links {
            self.expire_of(now, link, out);
        }
    }

    fn expire_of(&mut self, now: Time, link: LinkId, out: &mut Outbox) {
        let mut silent = false;
        while let Some(peer) = self.peers.get_mut(link)
            && let Some(request) = peer.take_expired(now)
        {
            peer.timed_out(&request);
            silent |= peer.was_silent(now, &request);
            self.completions.timeouts += 1;
            if self.window_of(&request.hash).is_some_and(|window| window.in_vain(&request.hash, link, None)) {
                out.count(Counter::BlockRequestsReassigned, 1);
            }
        }
        let others = self.peers.iter().any(|(other, peer)| other != link && !peer.closing);
        if silent && others && self.peers.get(link).is_some_and(|peer| !peer.closing) {
            log::info!("silent peer closed link={} after_ms={}", link.0, GET_BLOCK_TIMEOUT.as_millis());
            self.peers.stalled(now, link);
            self.punish(link, PeerFault::BlockStall, out);
        }
    }

    /// Looks after the blocks that everything waits for.
    pub(super) fn watch(&mut self, now: Time, out: &mut Outbox) {
        let lowest = self.window.lowest_missing();
        let slot = lowest.and_then(|height| self.window.slot(height));
        self.watch.see(now, slot.map(|slot| slot.hash));
        let Some(lowest) = lowest else { return };
        self.window.ask_again(lowest, now);
        if self.window.missing() <= NEAR_TIP_BLOCKS {
            let heights: Vec<u32> = self.window.being_asked().collect();
            heights.into_iter().for_each(|height| self.hedge(now, height, out));
        } else {
            self.hedge(now, lowest, out);
            self.end_stall(now, lowest, out);
        }
        self.report_overdue(now, lowest, out);
    }

    /// Asks a second and a third peer for a block that is late.
    fn hedge(&mut self, now: Time, height: u32, out: &mut Outbox) {
        while let Some(due) = self.hedge_due(height)
            && due <= now
        {
            let Some(slot) = self.window.slot(height) else { return };
            let Choice::Ask(link) = self.peers.choose(height, slot, true, None) else { return };
            self.ask(now, height, link, out);
        }
    }

    /// When a further peer is to be asked for a block: for the lowest one soon, near the tip for any later.
    fn hedge_due(&self, height: u32) -> Option<Time> {
        let slot = self.window.slot(height).filter(|slot| !slot.asked.is_empty())?;
        let (first, link) = self.owed_since(slot)?;
        let lowest = self.window.lowest_missing() == Some(height);
        let near = self.window.missing() <= NEAR_TIP_BLOCKS;
        let asked = u32::try_from(slot.asked.len().min(MAX_ASKED)).unwrap_or(1);
        let patience = match lowest {
            true if near || self.peers.has_other(link, height, slot) => BLOCK_HEDGE.min(self.watch.patience()),
            false if near && slot.asked.len() < MAX_ASKED => BLOCK_HEDGE,
            // Only peers with a bad name are left. The clock of who owes it begins again with each other block that it delivers, so
            // it could take as long as it likes for each.
            true => return self.asked_first(slot).map(|at| at + BLOCK_HEDGE * asked),
            false => return None,
        };
        Some(first + patience * asked)
    }

    /// When the first of the open questions for the block was asked.
    fn asked_first(&self, slot: &Slot) -> Option<Time> {
        self.longest(slot, |peer| peer.asked_at(&slot.hash)).map(|(at, _)| at)
    }

    /// During a large download: closes a peer that holds up the others' blocks for too long, if there is another peer.
    fn end_stall(&mut self, now: Time, lowest: u32, out: &mut Outbox) {
        let Some((due, link)) = self.stall_due(lowest) else { return };
        let Some(slot) = self.window.slot(lowest).filter(|_| due <= now) else { return };
        let choice = self.peers.choose(lowest, slot, true, None);
        log::info!("stall link={} height={lowest} after_ms={}", link.0, self.watch.stall.as_millis());
        self.watch.stalled();
        out.count(Counter::Stalls, 1);
        if let Choice::Ask(other) = choice {
            self.ask(now, lowest, other, out);
        }
        self.peers.stalled(now, link);
        self.punish(link, PeerFault::BlockStall, out);
    }

    /// When the lowest missing block counts as stalled, and the peer that owes it. `None` if it holds up nothing, or there
    /// is no other peer.
    fn stall_due(&self, lowest: u32) -> Option<(Time, LinkId)> {
        let slot = self.window.slot(lowest).filter(|_| self.window.holds_up(lowest))?;
        let (since, link) = self.longest(slot, |peer| peer.idle_since(&slot.hash))?;
        self.peers.has_other(link, lowest, slot).then_some((since + self.watch.stall, link))
    }

    /// The peer that has owed the block for the longest time, and since when.
    pub(super) fn owed_since(&self, slot: &Slot) -> Option<(Time, LinkId)> {
        self.longest(slot, |peer| peer.owes_since(&slot.hash))
    }

    /// Of the peers that were asked for the block, the one with the earliest time. Those that are being closed do not count.
    fn longest(&self, slot: &Slot, since: impl Fn(&BodySource) -> Option<Time>) -> Option<(Time, LinkId)> {
        let owed = slot.asked.iter().filter_map(|link| {
            let peer = self.peers.get(*link).filter(|peer| !peer.closing)?;
            Some((since(peer)?, *link))
        });
        owed.min()
    }

    /// Tells `headers` that the lowest block is overdue, and that nobody has it.
    fn report_overdue(&mut self, now: Time, lowest: u32, out: &mut Outbox) {
        if self.peers.none_keeps(lowest).is_some() {
            return; // said in another way, and no fault of anybody
        }
        let late = self.late_at().is_some_and(|at| at <= now);
        let nowhere = self.is_nowhere(lowest);
        let Some(told) = self.watch.lowest.as_mut().filter(|told| late || (nowhere && !told.nowhere)) else { return };
        (told.late, told.nowhere) = (told.late | late, told.nowhere | nowhere);
        let (hash, nowhere) = (told.hash, told.nowhere);
        log::info!("overdue height={lowest} block={hash} nowhere={nowhere}");
        // The next block that the ledger takes is told at once: it ends this.
        self.delivered = None;
        out.tell(ToHeaders::Overdue { hash, nowhere });
    }

    /// When the lowest block's time is over, if `headers` does not know that it is.
    fn late_at(&self) -> Option<Time> {
        let lowest = self.watch.lowest.filter(|lowest| !lowest.late && !lowest.nowhere && self.peers.len() > 0)?;
        Some(lowest.since + self.watch.overdue())
    }

    /// Whether each peer was asked for the lowest block in vain. A peer that says nothing may just be slow; somebody must
    /// have said that the block is not there.
    fn is_nowhere(&self, lowest: u32) -> bool {
        let denied = self.window.slot(lowest).filter(|slot| slot.is_absent && self.peers.len() > 0);
        denied.is_some_and(|slot| {
            self.peers.iter().all(|(link, peer)| slot.tried.contains(&link) || peer.from() > lowest)
        })
    }

    /// Says that no peer keeps the next block, or the next one of the past, or that one does again.
    pub(super) fn report_missing_history(&mut self, now: Now, out: &mut Outbox) {
        let next = self.kept_by_none(&self.window, "this node lacks");
        let lacking = next.as_ref().map(|(height, _)| *height);
        let next = next.map(|(height, text)| Finding::new(text, self.advice_on_history(height)));
        let past = self.kept_by_none(&self.past.window, "--history needs");
        let lacking = lacking.or(past.as_ref().map(|(height, _)| *height));
        if lacking != self.told_lacking {
            self.told_lacking = lacking;
            out.tell(ToPeers::Lacks(lacking));
        }
        let past = past.map(|(_, text)| Finding::new(text, CONNECT_ADVICE));
        self.told.replace(now.unix, [(HindranceId::HistoryMissing, next), (HindranceId::PastMissing, past)], out);
    }

    /// The next block of a window if no peer keeps it, and that in words.
    fn kept_by_none(&self, window: &Window, what: &str) -> Option<(u32, String)> {
        // Whoever was asked for it may have it: the usual case in a download, and the cheaper question.
        let height = window.lowest_missing()?;
        let keeps = |link: &LinkId| self.peers.get(*link).is_some_and(|peer| peer.keeps(height));
        if window.slot(height)?.asked.iter().any(keeps) {
            return None;
        }
        let Pruned { peers, of, lowest } = self.peers.none_keeps(height)?;
        let who = match (peers, of) {
            (1, 1) => "the only peer keeps".to_owned(),
            (peers, of) if peers == of => format!("all {peers} peers keep"),
            (1, of) => format!("1 of {of} peers keeps"),
            (peers, of) => format!("{peers} of {of} peers keep"),
        };
        let rest = match of.saturating_sub(peers) {
            0 => {
                return Some((
                    height,
                    format!("{who} no block below {lowest}, and {what} block {height}: they are pruned"),
                ));
            }
            1 => "the other does",
            _ => "the others do",
        };
        let text =
            format!("{who} no block below {lowest}, {rest} not have block {height}, and {what} it: they are pruned");
        Some((height, text))
    }

    /// What an operator can do about a missing block at this height.
    fn advice_on_history(&self, height: u32) -> String {
        let connect = CONNECT_ADVICE;
        let givers = self.peers.snapshot_givers();
        if givers == 0 {
            return connect.to_owned();
        }
        let who = if givers == 1 { "1 peer gives".to_owned() } else { format!("{givers} peers give") };
        let clear = if height > 1 { "move ledger.db away and " } else { "" };
        format!("{connect}; or stop this node, {clear}start it with --join snapshot, which {who} (tussock help join)")
    }

    /// When this module has something to do.
    pub(super) fn watch_deadline(&self) -> Option<Time> {
        let lowest = self.window.lowest_missing()?;
        let overdue = if self.window.missing() <= NEAR_TIP_BLOCKS {
            self.window.being_asked().filter_map(|height| self.hedge_due(height)).filter(|at| *at > self.now).min()
        } else {
            let stall = self.stall_due(lowest).map(|(at, _)| at);
            [stall, self.hedge_due(lowest)].into_iter().flatten().filter(|at| *at > self.now).min()
        };
        let again = self.window.asks_again_at(lowest);
        overdue.into_iter().chain([self.late_at(), again].into_iter().flatten().filter(|at| *at > self.now)).min()
    }
}
