//! Reading: bytes in, in turns of limited size, and frames on to the roles.

use crate::{
    base::{ids::LinkId, limits, time::Time},
    link::{
        Endpoint, EventSink,
        link::{Around, Progress},
        near_tip::Serves,
    },
    node::{CloseReason, LinkEvent, PeerFault, RoleId, limit::Limit},
};

/// The part of the send budget beyond which peers get the blocks that they ask for one by one: as many peers as there
/// may be, each with a block of usual size, then stay below the budget.
const CROWDED_PART: usize = 4;
/// How often slow holders of leases are looked for while somebody waits for one.
pub(super) const LEASE_CHECK: std::time::Duration = std::time::Duration::from_secs(1);

impl<S: EventSink> Endpoint<S> {
    /// The next link that has something to do; its turn begins. The driver sends what [`Endpoint::transmit`] offers and
    /// reads while [`Endpoint::wants`] asks for bytes.
    pub fn next_turn(&mut self) -> Option<LinkId> {
        loop {
            let id = self.listed.pop_front()?;
            if let Some(link) = self.links.get_mut(&id) {
                link.listed = false;
                link.turn = Default::default();
                return Some(id);
            }
        }
    }

    /// How many links have something to do.
    pub fn turns(&self) -> usize {
        self.listed.len()
    }

    /// The connection may have bytes to read, or take bytes again.
    pub fn ready(&mut self, id: LinkId) {
        self.list(id);
    }

    /// Hands on what has arrived, as far as the roles' inboxes allow, and says how many bytes may be read now; 0: none,
    /// it is another link's turn, or something has to happen first.
    pub fn wants(&mut self, now: Time, id: LinkId) -> usize {
        let Some(link) = self.links.get(&id) else { return 0 };
        if link.ends.is_some() {
            // Read and thrown away: a connection that ends with unread bytes is reset, and the goodbye could be lost.
            let left = limits::LINK_TURN_BYTES.saturating_sub(link.turn.received);
            if left == 0 {
                self.list(id);
            }
            return left;
        }
        match self.advance(now, id, None, None) {
            Some(Progress::Reads) => self.links.get(&id).map_or(0, |link| link.read_size()),
            _ => 0,
        }
    }

    /// Bytes have arrived, at most as many as [`Endpoint::wants`] asked for.
    pub fn received(&mut self, now: Time, id: LinkId, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.ends.is_some() {
            link.turn.received += bytes.len();
            return;
        }
        if link.goes_on_bringing(now, bytes.len(), self.config.lease_free_bytes) {
            for role in [RoleId::Headers, RoleId::Fetch] {
                self.delivery.hint(role, LinkEvent::Bringing { link: id });
            }
        }
        self.advance(now, id, Some(bytes), None);
    }

    /// Inboxes that were full may have room again: first what happened to links goes in, then the frames of the links
    /// in line, each in its turn.
    pub fn flush(&mut self, now: Time) {
        for role in LinkEvent::ROLES {
            let mut open = self.delivery.flush(role);
            while open {
                let Some(id) = self.delivery.next_waiting(role) else { break };
                if let Some(link) = self.links.get_mut(&id) {
                    link.turn = Default::default();
                }
                let progress = self.advance(now, id, None, Some(role));
                if progress == Some(Progress::Reads) {
                    self.list(id);
                }
                open = progress != Some(Progress::Inbox(role));
            }
        }
    }

    pub(super) fn advance(
        &mut self,
        now: Time,
        id: LinkId,
        bytes: Option<&[u8]>,
        turn_at: Option<RoleId>,
    ) -> Option<Progress> {
        let serves = self.may_serve(id);
        self.lease_pieces(now, id);
        // With a limit of uploads, one request for much is answered after the other.
        let is_crowded = self.upload.is_some() || self.load > self.config.send_budget / CROWDED_PART;
        let link = self.links.get_mut(&id)?;
        let waited = self.leases.waits(id);
        link.framer.set_crowded(is_crowded);
        link.framer.set_serves(if serves { Serves::All } else { Serves::Only(self.near_tip.clone()) });
        let (delivery, leases) = (&mut self.delivery, &mut self.leases);
        let mut around = Around {
            delivery,
            leases,
            lease_free_bytes: self.config.lease_free_bytes,
            agreements: &mut self.agreements,
            members: self.config.members.as_ref(),
            plain: &mut self.plain,
            turn_at,
            now,
        };
        let progress = match bytes {
            Some(bytes) => link.received(bytes, &mut around),
            None => link.go_on(&mut around),
        };
        self.count_left(id);
        self.count(id);
        self.keep_send_budget(now);
        self.note_asker(id, serves);
        self.ask_for_lease(id);
        let progress = match progress {
            Ok(progress) => progress,
            Err(reason) => {
                self.close(now, id, reason, 0);
                return None;
            }
        };
        if progress == Progress::Introduced {
            self.introduced(now, id);
            return None;
        }
        if progress == Progress::Lease && !waited {
            self.meters.hit(now, Limit::Receive);
            self.lease_check.get_or_insert(now + LEASE_CHECK);
        }
        if progress == Progress::Enough {
            self.list(id);
        }
        self.arm(id);
        self.call_lease();
        Some(progress)
    }

    /// Gives the link a turn that may have a lease now.
    pub(super) fn call_lease(&mut self) {
        self.leases.call().into_iter().for_each(|next| self.list(next));
    }

    /// While a link waits for a lease, gives up holders whose large frames hardly arrive.
    pub(super) fn check_leases(&mut self, now: Time) {
        self.lease_check = self.leases.contended().then(|| now + LEASE_CHECK);
        if self.lease_check.is_none() {
            return;
        }
        let min_rate = self.config.lease_min_rate;
        for id in self.leases.holders().collect::<Vec<_>>() {
            if self.links.get_mut(&id).is_some_and(|link| link.dawdles(now, min_rate)) {
                log::debug!("slow large frame given up link={}", id.0);
                self.close(now, id, CloseReason::Fault(PeerFault::PartialFrame), 0);
            }
        }
    }
}
