//! Inbound links that are refused. One hears why once it is sealed, if nobody needs its place until then.

use std::net::SocketAddr;

use super::{Handshake, eviction, link::Link};
use crate::{
    base::ids::LinkId,
    node::{Outbox, netgroup::host},
    wire::message::GoodbyeCode,
};

/// Refused links of one address that wait to hear why. The oldest makes room.
const REFUSED_PER_ADDRESS: usize = 2;

impl Handshake {
    /// Refuses a link that another node has opened.
    pub(super) fn refuse(&mut self, link: LinkId, state: Link, code: GoodbyeCode, out: &mut Outbox) {
        let waits = self.may_wait(state.remote, code, out);
        self.links.insert(link, Link { refused: Some(code), ..state });
        if !waits {
            self.goodbye(link, code, out);
        }
    }

    /// Whether a refused link may wait until it is sealed. Another refused link may have to go for it.
    fn may_wait(&mut self, remote: SocketAddr, code: GoodbyeCode, out: &mut Outbox) -> bool {
        // A key agreement tells which node it is, which changes nothing if no node of a banned address may link.
        if code == GoodbyeCode::Banned && !self.admission.spares_nodes() {
            return false;
        }
        let refused = || self.links.iter().filter(|(_, link)| link.refused.is_some());
        let same = || refused().filter(|(_, link)| host(link.remote.ip()) == host(remote.ip()));
        let other = if same().count() >= REFUSED_PER_ADDRESS {
            same().min_by_key(|(id, link)| (link.opened, *id)).map(|(id, _)| id)
        } else if !self.is_crowded() {
            return true;
        } else {
            eviction::least_promising(refused())
        };
        let Some((other, code)) = other.and_then(|id| Some((id, self.links.get(&id)?.refused?))) else { return false };
        self.goodbye(other, code, out);
        true
    }
}
