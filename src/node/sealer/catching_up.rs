//! What a peer may miss. After many views without a final block that is more than a link takes at once of a node's own messages:
//! then it goes in portions, or the nodes of such a network could never meet again.

use std::time::Duration;

use crate::{
    base::{
        ids::LinkId,
        limits::{SEND_OWN_BYTES, SIGNED_VOTE_BYTES, VOTE_BYTES},
        time::{Now, Time},
    },
    chain::seal::Certificate,
    node::Outbox,
    wire::message::Message,
};

use super::{Sealer, frames::HELP_PER_SECOND, peer::Owed};

/// Bytes of certificates that a peer is sent at once. The rest of what a link takes is for votes.
const AT_ONCE: usize = SEND_OWN_BYTES / 4;
/// Of more than that it is sent a portion each time this has passed and the portion before has left: on a line of 64 kbit/s it takes
/// eight seconds.
const PORTION_INTERVAL: Duration = Duration::from_secs(1);
/// So much may wait on any link without being waited for: what four authorities say in a view, many times over.
const LITTLE: usize = SEND_OWN_BYTES / 32;

fn bytes_of(certificate: &Certificate) -> usize {
    SIGNED_VOTE_BYTES + VOTE_BYTES * certificate.votes.count()
}

impl Sealer {
    /// Sends a peer what it may miss, or begins to; returns about how many bytes that is.
    pub(super) fn send_all(&mut self, now: Now, link: LinkId, out: &mut Outbox) -> usize {
        let Some(peer) = self.peers.get_mut(&link).filter(|peer| !peer.is_undrained) else { return 0 };
        let certified = self.core.certified();
        if certified.bytes() <= AT_ONCE {
            peer.owed = None;
            let (certificates, votes) = self.core.catch_up();
            let bytes = certificates.iter().map(bytes_of).sum::<usize>() + votes.len() * SIGNED_VOTE_BYTES;
            certificates.into_iter().for_each(|one| out.send(link, &Message::Certificate(Box::new(one))));
            votes.into_iter().for_each(|vote| out.send(link, &Message::Vote(vote)));
            if bytes > LITTLE {
                peer.is_undrained = true;
                out.await_drained(link);
            }
            return bytes;
        }
        if peer.owed.is_none() {
            // It takes the peer to the present view, whatever else comes when.
            let newest = certified.newest().cloned();
            newest.into_iter().for_each(|one| out.send(link, &Message::Certificate(Box::new(one))));
            peer.owed = Some(Owed { from: 0, at: now.mono });
        }
        certified.bytes()
    }

    /// Sends portions that are due.
    pub(super) fn send_owed(&mut self, now: Now, out: &mut Outbox) {
        let due = self.peers.iter().filter_map(|(link, peer)| Some((*link, peer.due()?)));
        let due = due.filter(|(_, owed)| owed.at <= now.mono);
        for (link, owed) in due.collect::<Vec<_>>() {
            let next = self.send_portion(link, owed.from, out);
            out.await_drained(link);
            if let Some(peer) = self.peers.get_mut(&link) {
                peer.owed = next.map(|from| Owed { from, at: now.mono + PORTION_INTERVAL });
                peer.is_undrained = true;
            }
        }
    }

    /// All that the peer was sent has left.
    pub(super) fn on_drained(&mut self, link: LinkId) {
        self.peers.get_mut(&link).into_iter().for_each(|peer| peer.is_undrained = false);
    }

    /// Sends certificates of views from this one on. Returns the first view that is left for the next time.
    fn send_portion(&self, link: LinkId, from: u64, out: &mut Outbox) -> Option<u64> {
        let certified = self.core.certified();
        let finality = certified.finality().filter(|_| from == 0);
        let (mut bytes, mut last) = (0, 0);
        for one in finality.into_iter().chain(certified.iter_from(from)) {
            let view = one.statement.view;
            if bytes >= HELP_PER_SECOND && view > last {
                return Some(view);
            }
            (bytes, last) = (bytes + bytes_of(one), view);
            out.send(link, &Message::Certificate(Box::new(one.clone())));
        }
        self.core.wanted_votes().into_iter().for_each(|vote| out.send(link, &Message::Vote(vote)));
        None
    }

    /// When the next portion goes.
    pub(super) fn owed_at(&self) -> Option<Time> {
        self.peers.values().filter_map(|peer| Some(peer.due()?.at)).min()
    }
}
