//! The ends of dials and of links: what they cost, what is logged, and when an address is dialled again.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{Peers, dialer::Purpose, ending::Ending};
use crate::{
    base::{
        ids::{DialId, LinkId, NodeId},
        limits::{OFFLINE_RETRY, REDIAL_FIRST},
        time::Now,
    },
    node::{CloseReason, DialFailure, Outbox, PeerFault, report::Counter},
    wire::{frame::FrameFault, message::GoodbyeCode},
};

impl Peers {
    pub(super) fn dial_failed(&mut self, now: Now, dial: DialId, address: SocketAddr, reason: &DialFailure) {
        log::debug!("dial failed dial={} address={address} reason=\"{reason}\"", dial.0);
        self.dialer.look_again();
        if let Some((address, _)) = self.dialer.ended(dial) {
            self.dial_errors.note(now, address, &reason.to_string(), self.dialer.is_trusted(address));
            if !self.was_offline(now, address, reason) {
                self.unreached(now, address);
            }
        }
    }

    pub(super) fn closed(&mut self, now: Now, link: LinkId, reason: &CloseReason, out: &mut Outbox) {
        let Some((id, link)) = self.links.closed(link).map(|state| (link, state)) else { return };
        self.dialer.look_again();
        let remote = link.remote();
        if let CloseReason::Fault(fault) = reason {
            out.count(Counter::PeerFaults, 1);
            // Who is closed a thousand times a second must not fill the log, in which people look for what went before.
            let level = if self.fault_lines.take(now.mono) { log::Level::Info } else { log::Level::Debug };
            log::log!(level, "peer closed for a fault address={remote} fault=\"{fault}\"");
            // A scanner speaks no protocol at all, and pays nothing.
            let is_scan = link.peer().is_none() && *fault == PeerFault::Frame(FrameFault::Magic);
            if !is_scan {
                let node = link.peer().map(|peer| peer.info().node);
                self.punish(now, (remote.ip(), node), (fault, fault.points()), out);
            }
        } else if link.peer().is_some() && link.purpose() == Purpose::Peer {
            log::info!("peer disconnected address={remote} reason=\"{reason}\"");
        }
        if link.peer().is_some() && link.purpose() == Purpose::Peer {
            self.links.promoted_mut().for_each(|peer| peer.turns.hasten(now.mono));
        }
        if let Some(peer) = link.peer() {
            let paid = if let CloseReason::Fault(fault) = reason { fault.points() } else { 0 };
            self.departed.insert(id, (remote.ip(), peer.info().node), paid);
        }
        if !link.is_inbound() {
            let ending = Ending::of(now.mono, &link, reason);
            let stopping = *reason == CloseReason::Local(GoodbyeCode::Stopping);
            if ending != Ending::StandsElsewhere && !stopping {
                self.dial_errors.note_end(now, remote, reason, self.dialer.is_trusted(remote));
            }
            self.dial_closed(now, remote, ending);
        }
        if let (Some(_), Some(listens)) = (link.peer(), link.listens()) {
            self.book.seen(now.unix, listens);
        }
        if *reason != CloseReason::Local(GoodbyeCode::Stopping) {
            self.outbound_changed(link.is_inbound(), out);
        }
    }

    /// A fault was found after its link had ended.
    pub(super) fn late_fault(&mut self, now: Now, link: LinkId, fault: &PeerFault, out: &mut Outbox) {
        let Some(((ip, node), more)) = self.departed.charge(link, fault.points()) else { return };
        out.count(Counter::PeerFaults, 1);
        log::info!("peer charged for a fault found after its link ended ip={ip} fault=\"{fault}\"");
        self.punish(now, (ip, Some(node)), (fault, more), out);
    }

    /// Adds points for a fault to the address and to the node, and bans them if they are enough. Free are addresses that the
    /// operator gave.
    fn punish(
        &mut self,
        now: Now,
        who: (IpAddr, Option<NodeId>),
        (fault, points): (&PeerFault, u32),
        out: &mut Outbox,
    ) {
        if self.dialer.is_configured_host(who.0) {
            return;
        }
        for ban in self.barred.punish(now, who, fault, points) {
            self.barred.ban_untried(now, ban, &mut self.links, &mut self.peer_db, out);
            self.dialer.look_again();
        }
    }

    /// A link that we opened has ended.
    fn dial_closed(&mut self, now: Now, address: SocketAddr, ending: Ending) {
        match ending {
            Ending::Ourselves => {
                log::info!("dialled ourselves, not again address={address}");
                self.dialer.found_own(address);
                self.book.forget(address);
            }
            Ending::StandsElsewhere => self.dialer.stands_elsewhere(now.mono, address),
            Ending::Stranger => {
                self.book.forget(address);
                self.dialer.back_off(now.mono, address, false, Duration::MAX, &mut self.rng);
            }
            Ending::Garbage => {
                self.dialer.back_off_stranger(now.mono, address, &mut self.rng);
                self.book.failed(now.unix, address);
            }
            Ending::Unreached => self.unreached(now, address),
            Ending::Reached { lasted, advice } => {
                self.dialer.back_off(now.mono, address, lasted, advice, &mut self.rng);
            }
        }
    }

    /// Whether this host's own network may be to blame. Then the address is dialled again soon, so that a network that comes
    /// back is used at once. A stranger's address gets no second packet for that.
    fn was_offline(&mut self, now: Now, address: SocketAddr, reason: &DialFailure) -> bool {
        let is_alone = self.links.peers().next().is_none();
        let is_trusted = self.dialer.is_trusted(address);
        let wait = match reason {
            DialFailure::NoRoute(_) if is_alone || is_trusted => OFFLINE_RETRY,
            DialFailure::NoAnswer(_) if is_alone && (is_trusted || self.book.is_tried(address)) => REDIAL_FIRST,
            DialFailure::NoRoute(_) => return true,
            DialFailure::NoAnswer(_) | DialFailure::Other(_) => return false,
        };
        self.dialer.retry_after(now.mono, address, wait);
        true
    }

    /// A dial led to no peer.
    fn unreached(&mut self, now: Now, address: SocketAddr) {
        self.dialer.back_off(now.mono, address, false, Duration::ZERO, &mut self.rng);
        // A node without any peer is more likely offline itself, and must not forget its whole book over that.
        if self.links.peers().next().is_some() {
            self.book.failed(now.unix, address);
        }
    }
}
