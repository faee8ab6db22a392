//! What the link layer owes to roles and peers, judged from outside of it: the order of what roles hear, goodbyes that fit
//! their reasons, budgets that add up, and deadlines of half frames and of links that have ended.

use std::time::Duration;

use crate::{
    base::{
        ids::LinkId,
        limits::{GOODBYE_LINGER, PARTIAL_BLOCK, PARTIAL_FRAME},
    },
    node::{CloseReason, Direction, LinkEvent, PeerFault, RoleId},
    sim::{net::End, world::World},
    wire::message::{GoodbyeCode, Kind, Message, served_from},
};

/// How much later than its deadline something may happen.
const SLACK: Duration = Duration::from_secs(2);

/// The code that PROTOCOL.md demands of a goodbye.
fn code_for(reason: &CloseReason) -> Option<GoodbyeCode> {
    match reason {
        CloseReason::Local(code) => Some(*code),
        CloseReason::Fault(PeerFault::SendStall) | CloseReason::Remote { .. } => None,
        CloseReason::Unanswered | CloseReason::Lost(_) => None,
        CloseReason::Fault(PeerFault::KeyAgreement(_) | PeerFault::WrongNode(_) | PeerFault::Forged) => {
            Some(GoodbyeCode::Fault)
        }
        CloseReason::Fault(fault) if fault.points() <= 5 => Some(GoodbyeCode::TimedOut),
        CloseReason::Fault(_) => Some(GoodbyeCode::Fault),
    }
}

impl World {
    /// Judges what a node's roles have just been told.
    pub(in crate::sim) fn check_overheard(&mut self, node: usize) {
        let Some(life) = &mut self.nodes[node].life else { return };
        if life.endpoint.sink().overheard.is_empty() {
            return;
        }
        let mut overheard = std::mem::take(&mut life.endpoint.sink_mut().overheard);
        for (role, event) in overheard.drain(..) {
            self.check_event(node, role, &event);
        }
        if let Some(life) = &mut self.nodes[node].life {
            life.endpoint.sink_mut().overheard = overheard;
        }
    }

    fn check_event(&mut self, node: usize, role: RoleId, event: &LinkEvent) {
        self.check_news_event(node, event);
        let now = self.now;
        let Some(life) = &mut self.nodes[node].life else { return };
        if matches!(role, RoleId::Headers | RoleId::Fetch | RoleId::Ledger) {
            life.watch.waiting.entry(role).or_default().push_back(now);
        }
        if let Some(wrong) = life.watch.disorder(role, event) {
            let what = format!("{} hears {event:?} {wrong}", role.name());
            return self.fail("links", Some(node), what);
        }
        match event {
            LinkEvent::Opened { direction: Direction::Outbound(dial), .. } | LinkEvent::DialFailed { dial, .. }
                if role == RoleId::Peers && !life.watch.dial_ends(*dial) =>
            {
                self.fail("completions", Some(node), format!("{dial:?} ends twice"));
            }
            LinkEvent::Frame { link, frame } => {
                life.watch.asks(*link, frame, now);
                if role == RoleId::Fetch {
                    self.note_body(node, *link, frame);
                }
                if frame.kind == Kind::Goodbye
                    && let Ok(Message::Goodbye { code, .. }) = frame.open()
                {
                    self.check_goodbye(node, *link, code);
                }
            }
            LinkEvent::Up { link, peer } if role == RoleId::Peers => {
                let stated = served_from(peer.services);
                life.watch.stated.insert(*link, stated);
                if let Some(peer) = self.end_of(node, *link, 1).map(|end| end.node)
                    && let Some(life) = &mut self.nodes[node].life
                {
                    life.watch.partners.insert(*link, peer);
                    self.check_stated(peer, stated);
                }
            }
            LinkEvent::LateFault { link, fault } => {
                life.watch.pays(*link, fault.points());
                if let Some(peer) = life.watch.partners.get(link).copied() {
                    self.blame(node, peer, &CloseReason::Fault(fault.clone()));
                }
            }
            LinkEvent::Closed { link, reason } if role == RoleId::Peers => {
                life.watch.owed.remove(link);
                if let CloseReason::Fault(fault) = reason {
                    life.watch.pays(*link, fault.points());
                }
                // A full inbox may hold this back until the connection is gone.
                if life.sockets.contains_key(link) {
                    life.watch.ended.insert(*link, (now, reason.clone()));
                }
                self.note_ended(node, *link, reason);
                if let Some(peer) = self.end_of(node, *link, 1).map(|end| end.node) {
                    self.blame(node, peer, reason);
                }
            }
            LinkEvent::DialFailed { address, .. } if role == RoleId::Peers => {
                if let Some(other) = self.at_address.get(address).copied() {
                    self.note_stranger(node, other, false);
                }
            }
            _ => {}
        }
    }

    /// The end of a link that a node has, or, at distance 1, the other end.
    pub(super) fn end_of(&self, node: usize, link: LinkId, distance: usize) -> Option<&End> {
        let (conn, side) = self.nodes[node].life.as_ref()?.sockets.get(&link)?;
        Some(&self.conns[*conn].as_ref()?.ends[(side + distance) % 2])
    }

    /// A node hears a goodbye: does its code say why the other side has ended the link?
    fn check_goodbye(&mut self, node: usize, link: LinkId, code: u8) {
        let Some(sender) = self.end_of(node, link, 1) else { return };
        let (from, theirs) = (sender.node, sender.link);
        let there = &self.nodes[from];
        let Some(life) = there.life.as_ref().filter(|_| there.lives == sender.life && self.is_honest(from)) else {
            return;
        };
        let Some((_, reason)) = life.watch.ended.get(&theirs) else { return };
        let demanded = code_for(reason).map(|code| code as u8);
        if demanded != Some(code) {
            let what = format!("said goodbye {code} to {node}, but {demanded:?} is demanded for: {reason}");
            self.fail("links", Some(from), what);
        }
    }

    /// A node's endpoint has given up a connection.
    pub(in crate::sim) fn check_dropped(&mut self, node: usize, link: LinkId) {
        if let Some(life) = &mut self.nodes[node].life {
            life.watch.ended.remove(&link);
        }
    }

    /// Looks whether budgets add up and deadlines were kept.
    pub(in crate::sim) fn check_links(&mut self) {
        for node in 0..self.options.nodes {
            if let Some(what) = self.wrong_budget(node).or_else(|| self.missed_deadline(node)) {
                return self.fail("links", Some(node), what);
            }
        }
    }

    fn wrong_budget(&self, node: usize) -> Option<String> {
        let life = self.nodes[node].life.as_ref()?;
        let usage = life.endpoint.usage();
        let queued: usize = life.sockets.keys().map(|link| life.endpoint.queued(*link)).sum();
        let accepted = life.sockets.values().filter(|(_, side)| *side == 1).count();
        if (usage.queued, usage.accepted) != (queued, accepted) {
            return Some(format!(
                "{usage:?}, but {queued} bytes are queued on links of which {accepted} were accepted"
            ));
        }
        // Of sealed bytes only the link layer knows where a frame ends.
        if self.options.encryption {
            return None;
        }
        let lengths = life.sockets.keys().filter_map(|link| self.end_of(node, *link, 0));
        let arriving: usize =
            lengths.filter(|end| end.arriving.since().is_some()).map(|end| end.arriving.length()).sum();
        let waits = life.endpoint.sink().is_any_full();
        (usage.leased > arriving && !waits).then(|| format!("{usage:?}, but {arriving} bytes are arriving"))
    }

    fn missed_deadline(&self, node: usize) -> Option<String> {
        let life = self.nodes[node].life.as_ref()?;
        if self.nodes[node].slow.is_some() || life.endpoint.sink().is_any_full() {
            return None;
        }
        let lingers = life.watch.ended.iter().find(|(_, (at, _))| self.now.since(*at) > GOODBYE_LINGER + SLACK);
        if let Some((link, (_, reason))) = lingers {
            return Some(format!("{link:?} lingers after: {reason}"));
        }
        if self.options.encryption {
            return None;
        }
        let leased = life.endpoint.usage().leased;
        let late = |link: &&LinkId| {
            let Some(end) = self.end_of(node, **link, 0) else { return false };
            let (length, Some(since)) = (end.arriving.length(), end.arriving.since()) else { return false };
            let is_large = length > self.options.lease_free_bytes;
            let time = if is_large { PARTIAL_BLOCK } else { PARTIAL_FRAME };
            // The time does not count during which the node does not read, by its own choice.
            let held = end.unread() > 0 || life.endpoint.is_gated(**link) || is_large && leased != length;
            life.endpoint.is_live(**link) && !held && self.now.since(since.max(end.caught_up)) > time + SLACK
        };
        let link = life.sockets.keys().find(late)?;
        Some(format!("waits for the rest of a frame on {link:?}"))
    }
}
