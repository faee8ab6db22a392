//! The exchange of `Version` and `Verack`.

use std::{net::SocketAddr, time::Duration};

use super::{Handshake, link::Stage};
use crate::{
    base::{
        ids::LinkId,
        time::{Now, Time, UnixTime},
    },
    node::{Outbox, PeerFault, PeerInfo, report::Counter},
    wire::message::{GoodbyeCode, Kind, Message, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Version, pruned_services},
};

/// Time between two warnings about nodes of other networks; the others are logged at `debug`.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

impl Handshake {
    pub(super) fn version(&mut self, now: Now, link: LinkId, version: Version, out: &mut Outbox) {
        let Some(state) = self.links.get(&link) else { return };
        let (remote, inbound, own_nonce) = (state.remote, state.direction.is_inbound(), state.nonce);
        if version.genesis != self.spec.genesis_hash() {
            self.warn_wrong_network(now.mono, remote, &version);
            if inbound {
                // The other side's operator may be the one who is mistaken.
                self.send_version(now.unix, link, own_nonce, out);
            }
            return self.goodbye(link, GoodbyeCode::WrongNetwork, out);
        }
        if !(OLDEST_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&version.protocol) {
            log::debug!("protocol version refused remote={remote} version={}", version.protocol);
            return self.goodbye(link, GoodbyeCode::WrongVersion, out);
        }
        if self.close_self_connection(link, version.nonce, out) || self.close_double(now, link, &version, out) {
            return;
        }
        if inbound && !self.accept_node(link, remote, &version, out) {
            return;
        }
        if inbound {
            self.send_version(now.unix, link, own_nonce, out);
        }
        out.send(link, &Message::Verack(version.nonce));
        out.resume(link);
        if let Some(state) = self.links.get_mut(&link) {
            state.stage = Stage::Verack(Box::new(version));
        }
    }

    /// Both ends of a link to ourselves end here: the one that heard the nonce, and the one that sent it, whose
    /// address the dialler must learn to leave alone.
    fn close_self_connection(&mut self, link: LinkId, nonce: u64, out: &mut Outbox) -> bool {
        let ours = self.links.iter().find(|(_, other)| other.nonce == nonce && other.stage != Stage::Up);
        let Some(sender) = ours.map(|(id, _)| id) else { return false };
        self.goodbye(link, GoodbyeCode::SelfConnection, out);
        if sender != link {
            self.goodbye(sender, GoodbyeCode::SelfConnection, out);
        }
        true
    }

    /// Whether the node that opened this link may have it, now that we know where it listens.
    fn accept_node(&mut self, link: LinkId, remote: SocketAddr, version: &Version, out: &mut Outbox) -> bool {
        if version.listen_port == 0 {
            return true;
        }
        let listens = SocketAddr::new(remote.ip(), version.listen_port);
        let node = self.links.get(&link).and_then(|state| state.node);
        if let Some(code) = self.admission.barred(remote, node, Some(listens)) {
            self.goodbye(link, code, out);
            return false;
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.listens = Some(listens);
        }
        true
    }

    pub(super) fn verack(&mut self, now: Now, link: LinkId, nonce: u64, out: &mut Outbox) {
        let Some(state) = self.links.get_mut(&link) else { return };
        if nonce != state.nonce {
            return self.fault(link, PeerFault::Unexpected(Kind::Verack), out);
        }
        // The operator may have barred it since its Version.
        if let Some(code) = self.admission.barred(state.remote, state.node, state.listens) {
            return self.goodbye(link, code, out);
        }
        if !self.take_slot(now.mono, link, out) {
            return;
        }
        self.close_older(link, out);
        let Some(state) = self.links.get_mut(&link) else { return };
        let Stage::Verack(version) = std::mem::replace(&mut state.stage, Stage::Up) else { return };
        let Some(node) = state.node else { return };
        let peer = PeerInfo {
            node,
            direction: state.direction,
            remote: state.remote,
            listens: state.listens,
            protocol: version.protocol,
            services: version.services,
            height: version.height,
            tip: version.tip,
            work: version.claimed_work(),
            clock_offset: PeerInfo::offset(version.timestamp, now.unix),
            agent: printable(&version.agent),
        };
        out.count(Counter::HandshakesDone, 1);
        out.promote(link, peer);
    }

    pub(super) fn send_version(&self, unix: UnixTime, link: LinkId, nonce: u64, out: &mut Outbox) {
        let version = Version {
            protocol: PROTOCOL_VERSION,
            services: self.services(),
            genesis: self.spec.genesis_hash(),
            height: self.tip.height,
            tip: self.tip.hash,
            work: self.tip.work.to_be_bytes(),
            timestamp: unix.0,
            nonce,
            listen_port: self.listen_port,
            agent: self.agent.clone(),
        };
        out.send(link, &Message::Version(version));
    }

    fn services(&self) -> u64 {
        self.kept_from.map_or(self.services, |from| pruned_services(self.services, from))
    }

    /// Whether a warning is due; others are not, so that strangers cannot fill the log.
    pub(super) fn may_warn(&mut self, mono: Time) -> bool {
        let may = mono >= self.next_warning;
        if may {
            self.next_warning = mono + WARN_INTERVAL;
        }
        may
    }

    fn warn_wrong_network(&mut self, mono: Time, remote: SocketAddr, version: &Version) {
        let level = if self.may_warn(mono) { log::Level::Warn } else { log::Level::Debug };
        let (name, ours, theirs) = (&self.spec.name, self.spec.genesis_hash(), version.genesis);
        let agent = printable(&version.agent);
        log::log!(
            level,
            "peer of another network refused remote={remote} its_agent=\"{agent}\" its_genesis={theirs} \
             our_network={name} our_genesis={ours}"
        );
    }
}

/// Only what cannot upset a terminal or a log.
pub(super) fn printable(agent: &[u8]) -> String {
    agent.iter().filter(|byte| (0x20..0x7f).contains(*byte)).map(|byte| char::from(*byte)).collect()
}
