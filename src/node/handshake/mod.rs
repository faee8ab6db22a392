//! The `handshake` role: makes peers of links.
//!
//! A link begins here once the two nodes have agreed on its keys. The dialler sends its `Version`; the receiver answers with its own and a `Verack`; the dialler sends its `Verack`.
//! Each side promotes the link when it has both. Until then nothing else is accepted but a `Goodbye`.

mod admission;
mod eviction;
mod link;
mod refusing;
mod same_node;
#[cfg(test)]
mod tests;
mod version;

use std::{net::SocketAddr, sync::Arc};

use self::{
    admission::Admission,
    link::{Link, Stage},
};
use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{LinkId, NodeId},
        limits::{FULL_RETRY_AFTER, MAX_AGENT_BYTES},
        link_map::LinkMap,
        rng::Rng,
        time::{Now, Time},
    },
    chain::{spec::ChainSpec, target::Work},
    node::{
        CloseReason, Direction, HandshakeLink, Input, Nothing, Outbox, PeerFault, Role, Setup,
        limit::{Limit, Limiter},
        netgroup::canonical,
        notice::{KeptOut, ToHandshake},
        report::{Counter, Report},
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

/// The `handshake` role.
pub struct Handshake {
    spec: Arc<ChainSpec>,
    /// Who we are.
    node: NodeId,
    listen_port: u16,
    services: u64,
    agent: List<u8, MAX_AGENT_BYTES>,
    admission: Admission,
    tip: OurTip,
    /// The lowest height whose block we keep whole; `None`: we keep, and will keep, all.
    kept_from: Option<u32>,
    /// Links in the handshake and up, without those that we closed.
    links: LinkMap<Link>,
    next_warning: Time,
    limiter: Limiter,
    /// Inbound peers and inbound handshakes as last reported; at first numbers that they never are.
    reported: (usize, usize),
    /// When a handshake has taken too long.
    due: Option<Time>,
    /// Decides which network groups are protected from eviction.
    secret: [u8; 32],
    rng: Rng,
}

/// What our `Version` says about our chain.
struct OurTip {
    height: u32,
    hash: Hash,
    work: Work,
}

impl Handshake {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, mut rng: Rng) -> Self {
        let spec = setup.spec.clone();
        let work = spec.genesis_work();
        Self {
            node: setup.key.id(),
            listen_port: setup.listen_port,
            services: setup.services(),
            agent: List::truncated(setup.agent.bytes()),
            admission: Admission {
                max_inbound: setup.max_inbound,
                max_per_address: setup.max_per_address,
                test_chain: spec.test,
                kept_out: KeptOut::default(),
            },
            tip: OurTip { height: 0, hash: spec.genesis_hash(), work },
            kept_from: setup.kept_from,
            links: LinkMap::default(),
            next_warning: Time(0),
            limiter: Limiter::default(),
            reported: (usize::MAX, 0),
            due: None,
            secret: rng.bytes(),
            spec,
            rng,
        }
    }

    fn on_link(&mut self, now: Now, event: HandshakeLink, out: &mut Outbox) {
        match event {
            HandshakeLink::Opened { link, direction, remote } => self.opened(now, link, direction, remote, out),
            HandshakeLink::Secured { link, node } => self.secured(now, link, node, out),
            // Promoted here, where it is known already.
            HandshakeLink::Up(_) => {}
            HandshakeLink::Frame { link, frame } => self.on_message(now, link, &frame, out),
            HandshakeLink::Closed { link, .. } => self.forget(link, out),
        }
    }

    fn on_notice(&mut self, now: Now, notice: ToHandshake) {
        match notice {
            ToHandshake::Barred(kept_out) => self.admission.kept_out = kept_out,
            ToHandshake::Useful { link, what } => {
                if let Some(state) = self.links.get_mut(&link) {
                    state.worth.note(now.mono, what);
                }
            }
            ToHandshake::ChainMoved(moved) => {
                self.tip = OurTip { height: moved.tip.height, hash: moved.tip.hash, work: moved.tip.work };
            }
            // All are, once the past has come back.
            ToHandshake::KeptFrom(height) => self.kept_from = Some(height).filter(|height| *height > 1),
        }
    }

    /// What the time, or any change of the links, may call for.
    fn on_wake(&mut self, now: Now, out: &mut Outbox) {
        self.expire(now, out);
        self.report_use(out);
    }

    fn opened(&mut self, now: Now, link: LinkId, direction: Direction, remote: SocketAddr, out: &mut Outbox) {
        let remote = canonical(remote);
        let refusal = if direction.is_inbound() {
            self.refuse_inbound(now.mono, remote, out)
        } else {
            self.refuse_outbound(remote)
        };
        let state = Link::new(now.mono, direction, remote, self.rng.next_u64());
        let Some((code, why)) = refusal else { return self.links.insert(link, state) };
        log::debug!("link refused link={} remote={remote} code={code:?} why=\"{why}\"", link.0);
        if direction.is_inbound() {
            return self.refuse(link, state, code, out);
        }
        out.count(Counter::HandshakesFailed, 1);
        out.goodbye(link, code, retry_after(code));
    }

    /// The link's keys are agreed on: from here on both sides can speak.
    fn secured(&mut self, now: Now, link: LinkId, node: NodeId, out: &mut Outbox) {
        let Some(state) = self.links.get_mut(&link).filter(|state| state.stage == Stage::Keys) else { return };
        (state.node, state.stage) = (Some(node), Stage::Version);
        let (is_inbound, nonce, remote, refused) =
            (state.direction.is_inbound(), state.nonce, state.remote, state.refused);
        let refused = if refused == Some(GoodbyeCode::Banned) && self.admission.is_spared(node) {
            self.admit(now.mono, remote, out).err().map(|(code, _)| code)
        } else {
            refused
        };
        if let Some(code) = refused.or_else(|| self.admission.barred(remote, Some(node), None)) {
            return self.goodbye(link, code, out);
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.refused = None;
        }
        if self.close_duplicates(link, node, out) && !is_inbound {
            self.send_version(now.unix, link, nonce, out);
        }
    }

    fn refuse_inbound(
        &mut self,
        now: Time,
        remote: SocketAddr,
        out: &mut Outbox,
    ) -> Option<(GoodbyeCode, &'static str)> {
        if let Some(code) = self.admission.barred(remote, None, None) {
            return Some((code, "its address is barred"));
        }
        self.admit(now, remote, out).err()
    }

    /// Finds room for one more link that another node opened.
    fn admit(&mut self, now: Time, remote: SocketAddr, out: &mut Outbox) -> Result<(), (GoodbyeCode, &'static str)> {
        if let Some((limit, why)) = self.admission.no_room(remote.ip(), &self.links) {
            self.limit_hit(now, limit, out);
            let Some(other) = eviction::silent_neighbour(&self.links, remote.ip(), limit) else {
                return Err((GoodbyeCode::Full, why));
            };
            self.goodbye(other, GoodbyeCode::Evicted, out);
        }
        if self.is_crowded() {
            self.limit_hit(now, Limit::Handshakes, out);
            match eviction::least_promising(self.links.iter()) {
                Some(other) => self.goodbye(other, GoodbyeCode::Evicted, out),
                None => return Err((GoodbyeCode::Full, "too many handshakes are under way")),
            }
        }
        Ok(())
    }

    /// Whether there are as many inbound links as there may be, those in the handshake included.
    fn is_crowded(&self) -> bool {
        let (peers, handshakes) = self.inbound();
        peers + handshakes >= self.admission.cap(Limit::Handshakes)
    }

    /// Links that others opened: those that are peers, and those in the handshake.
    fn inbound(&self) -> (usize, usize) {
        let all = self.links.values().filter(|link| link.direction.is_inbound()).count();
        let up = self.links.values().filter(|link| link.direction.is_inbound() && link.stage == Stage::Up).count();
        (up, all - up)
    }

    /// A slot for a newcomer that is through with its handshake. All taken: the least useful peer goes, or, if each is
    /// worth more than somebody unknown, the newcomer.
    fn take_slot(&mut self, now: Time, link: LinkId, out: &mut Outbox) -> bool {
        let inbound = self.links.get(&link).is_some_and(|state| state.direction.is_inbound());
        if !inbound || self.inbound().0 < self.admission.max_inbound {
            return true;
        }
        self.limit_hit(now, Limit::Inbound, out);
        match eviction::least_useful(&self.links, &self.secret) {
            Some(other) => {
                log::debug!("peer evicted for a newcomer link={} newcomer={}", other.0, link.0);
                self.goodbye(other, GoodbyeCode::Evicted, out);
                true
            }
            None => {
                self.goodbye(link, GoodbyeCode::Full, out);
                false
            }
        }
    }

    fn limit_hit(&mut self, now: Time, limit: Limit, out: &mut Outbox) {
        self.limiter.hit(now, limit, self.admission.cap(limit));
        out.report(Report::LimitHit(limit));
    }

    fn report_use(&mut self, out: &mut Outbox) {
        let inbound = self.inbound();
        if inbound == self.reported {
            return;
        }
        self.reported = inbound;
        let (address, network) = self.admission.most(&self.links);
        let used = [
            (Limit::Inbound, inbound.0),
            (Limit::Handshakes, inbound.1),
            (Limit::PerAddress, address),
            (Limit::PerNetwork, network),
        ];
        for (limit, used) in used {
            out.report(Report::Used { limit, used, cap: self.admission.cap(limit) });
        }
    }

    fn refuse_outbound(&self, address: SocketAddr) -> Option<(GoodbyeCode, &'static str)> {
        if let Some(code) = self.admission.barred(address, None, Some(address)) {
            return Some((code, "its address is barred"));
        }
        let reached = |link: &Link| if link.direction.is_inbound() { link.leads_to } else { Some(link.remote) };
        let linked = self.links.values().any(|link| reached(link) == Some(address) && link.refused.is_none());
        linked.then_some((GoodbyeCode::Duplicate, "the node is linked already"))
    }

    fn on_message(&mut self, now: Now, link: LinkId, frame: &Frame, out: &mut Outbox) {
        let Some(state) = self.links.get(&link) else { return };
        let expected = match (&state.stage, frame.kind) {
            (Stage::Up, _) => false,
            (_, Kind::Goodbye) | (Stage::Version, Kind::Version) | (Stage::Verack(_), Kind::Verack) => true,
            _ => false,
        };
        if !expected {
            return self.fault(link, PeerFault::Unexpected(frame.kind), out);
        }
        match frame.open() {
            Err(fault) => self.fault(link, fault.into(), out),
            Ok(Message::Version(version)) => self.version(now, link, version, out),
            Ok(Message::Verack(nonce)) => self.verack(now, link, nonce, out),
            Ok(Message::Goodbye { code, retry_after }) => {
                self.close(link, CloseReason::Remote { code, retry_after }, 0, out);
            }
            Ok(other) => self.fault(link, PeerFault::Unexpected(other.kind()), out),
        }
    }

    fn expire(&mut self, now: Now, out: &mut Outbox) {
        let late = |link: &Link| link.stage != Stage::Up && link.deadline() <= now.mono;
        let expired = self.links.iter().filter(|(_, link)| late(link)).map(|(id, link)| (id, link.refused));
        for (link, refused) in expired.collect::<Vec<_>>() {
            match refused {
                Some(code) => self.goodbye(link, code, out),
                None => self.fault(link, PeerFault::HandshakeTimeout, out),
            }
        }
        let pending = self.links.values().filter(|link| link.stage != Stage::Up);
        self.due = pending.map(Link::deadline).min();
    }

    fn fault(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        self.close(link, CloseReason::Fault(fault), 0, out);
    }

    fn goodbye(&mut self, link: LinkId, code: GoodbyeCode, out: &mut Outbox) {
        self.close(link, CloseReason::Local(code), retry_after(code), out);
    }

    fn close(&mut self, link: LinkId, reason: CloseReason, retry_after: u32, out: &mut Outbox) {
        self.forget(link, out);
        out.close(link, reason, retry_after);
    }

    /// Drops a link that ended or is about to; counts it if it never came up.
    fn forget(&mut self, link: LinkId, out: &mut Outbox) {
        if self.links.remove(&link).is_some_and(|state| state.stage != Stage::Up) {
            out.count(Counter::HandshakesFailed, 1);
        }
    }
}

impl Role for Handshake {
    type Input = Input<HandshakeLink, ToHandshake, Nothing>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        match input {
            Input::Link(event) => self.on_link(now, event, out),
            // Most inputs are notices, and none of them changes a link: the links need no look afterwards.
            Input::Notice(notice) => return self.on_notice(now, notice),
            Input::Start => out.report(Report::Node(self.node)),
            Input::Wake | Input::Stop => {}
        }
        self.on_wake(now, out);
    }

    fn deadline(&self) -> Option<Time> {
        self.due
    }
}

/// Seconds that make sense as advice with a goodbye.
fn retry_after(code: GoodbyeCode) -> u32 {
    match code {
        GoodbyeCode::Full | GoodbyeCode::Evicted => u32::try_from(FULL_RETRY_AFTER.as_secs()).unwrap_or(u32::MAX),
        _ => 0,
    }
}
