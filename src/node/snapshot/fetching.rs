//! Fetching pieces from all peers that have the snapshot.

use crate::{
    base::{
        bytes::Bytes,
        hash::{Domain, Hash},
        ids::LinkId,
        limits::{MANIFEST_INTERVAL, PIECE_HEDGE, PIECE_STALL, PIECE_TIMEOUT},
        time::Time,
    },
    chain::{
        archive::StoreError,
        snapshot::{SnapshotFault, check_piece},
    },
    node::{
        Outbox, PeerFault,
        snapshot::{Snapshot, peer::Request, plan::Verdict},
    },
    wire::message::{Kind, Message},
};

impl Snapshot {
    /// Asks for whatever may be asked for now, each time the peer that owes the least.
    pub(super) fn pump(&mut self, now: Time, out: &mut Outbox) {
        let Some(plan) = self.joiner.as_mut().and_then(|joiner| joiner.plan.as_mut()) else { return };
        if !plan.lacks_pieces() {
            return;
        }
        let (id, block) = (plan.id, plan.manifest.block());
        let offers = |peer: &super::peer::Peer| !peer.closing && peer.offers == Some(id);
        let links: Vec<LinkId> = self.peers.iter().filter(|(_, peer)| offers(peer)).map(|(link, _)| *link).collect();
        plan.assign_alone(&links);
        // What is late, or of a snapshot that was left, keeps no room from others.
        let is_awaited = |request: &&Request| request.block == block && !request.is_late;
        let mut open = self.peers.values().flat_map(|peer| &peer.open).filter(is_awaited).count();
        while open < self.most_open {
            let is_unproven = |link: &LinkId| plan.proven_by(*link) == 0;
            let mut free: Vec<(usize, bool, LinkId)> = links
                .iter()
                .filter_map(|link| Some((self.peers.get(link).filter(|peer| peer.has_room())?, link)))
                .map(|(peer, link)| (peer.open.len(), is_unproven(link), *link))
                .collect();
            free.sort_unstable();
            let next = free.iter().find_map(|(_, _, link)| Some((*link, plan.next_for(*link)?)));
            let Some((link, number)) = next else { return };
            plan.asked(number);
            if let Some(peer) = self.peers.get_mut(&link) {
                peer.open.push(Request { block, number, sent: now, is_late: false });
            }
            open += 1;
            out.send(link, &Message::GetPiece(block, number));
        }
    }

    /// An answer to our `GetPiece`.
    pub(super) fn take_piece(
        &mut self,
        now: Time,
        link: LinkId,
        (block, number): (Hash, u32),
        bytes: &Bytes,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some(peer) = self.peers.get_mut(&link) else { return Ok(()) };
        if peer.complete(&block, number).is_none() {
            self.punish(link, PeerFault::Unexpected(Kind::Piece), out);
            return Ok(());
        }
        let Some(joiner) = self.joiner.as_mut() else { return Ok(()) };
        let Some(plan) = joiner.plan.as_mut().filter(|plan| plan.manifest.block() == block) else { return Ok(()) };
        if bytes.is_empty() {
            // It has a newer one by now.
            plan.wanted_again(number);
            let again_at = peer.asked_at.map_or(now, |at| now.max(at + MANIFEST_INTERVAL));
            (peer.denied, peer.offers, peer.again_at) = (peer.offers.or(peer.denied), None, again_at);
            peer.lacks = Some(block);
            return self.leave_alone(link);
        }
        if let Err(fault) = check_piece(&plan.manifest, number, bytes) {
            plan.wanted_again(number);
            log::warn!("snapshot: a piece is none link={} number={number} fault={fault}", link.0);
            self.punish(link, PeerFault::Snapshot(fault), out);
            self.leave_alone(link)?;
            self.liar_left(now);
            return Ok(());
        }
        if plan.takes(number, link)
            && let Some(files) = &mut self.files
        {
            if let Err(error) = files.store.put_piece(number, bytes) {
                return self.make_room(now, error);
            }
            plan.arrived(number, link, Domain::FRAME.hash(bytes));
            joiner.trials.arrived(bytes.len());
            peer.gave = Some(now);
        }
        Ok(())
    }

    /// Checks one bucket whose pieces are all here.
    pub(super) fn check_one(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(joiner) = self.joiner.as_mut() else { return Ok(()) };
        let Some(plan) = joiner.plan.as_mut() else { return Ok(()) };
        let Some((bucket, files)) = plan.take_unchecked().zip(self.files.as_mut()) else { return Ok(()) };
        let result = files.store.check_bucket(bucket)?;
        match (plan.judge(bucket, &result), result) {
            (Verdict::Right(liars), _) => {
                for link in liars {
                    log::warn!("snapshot: other pieces than those that are right link={} bucket={bucket}", link.0);
                    self.punish(link, PeerFault::Snapshot(SnapshotFault::Leaf(bucket)), out);
                }
            }
            (Verdict::Wrong(culprit), fault) => {
                files.store.drop_bucket(bucket)?;
                let lengths = plan.manifest.lengths_of(bucket);
                joiner.trials.dropped(lengths.iter().map(|length| u64::from(*length)).sum());
                // What is proven elsewhere speaks for the plan, and against whoever sent this bucket. Others that offer it are asked first:
                // with another plan all that is here would be lost.
                let gives_way = plan.contests(bucket) && !plan.is_proven_anywhere();
                let fault = fault.err().unwrap_or(SnapshotFault::Leaf(bucket));
                let culprit_link = culprit.map_or(0, |link| link.0);
                log::warn!("snapshot: bucket is wrong bucket={bucket} fault={fault} sender={culprit_link}");
                if let Some(link) = culprit {
                    self.punish(link, PeerFault::Snapshot(fault), out);
                }
                if gives_way {
                    self.give_way(now);
                } else if culprit.is_some() {
                    self.liar_left(now);
                }
            }
        }
        Ok(())
    }

    /// What is late is asked of others, and who stalls is closed if there are others.
    pub(super) fn expire(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(plan) = self.joiner.as_mut().and_then(|joiner| joiner.plan.as_mut()) else { return Ok(()) };
        let block = plan.manifest.block();
        let (mut late, mut stalled) = (Vec::new(), Vec::new());
        let others = self.peers.values().filter(|peer| !peer.closing && peer.offers.is_some()).count() > 1;
        for (link, peer) in &mut self.peers {
            for request in &mut peer.open {
                let time = now.since(request.sent);
                if !request.is_late && time >= PIECE_TIMEOUT {
                    request.is_late = true;
                    if request.block == block {
                        plan.wanted_again(request.number);
                        late.push(*link);
                    }
                }
                if time >= PIECE_STALL && others && !peer.closing {
                    stalled.push(*link);
                }
            }
        }
        for link in late {
            self.leave_alone(link)?;
        }
        stalled.into_iter().for_each(|link| self.punish(link, PeerFault::BlockStall, out));
        self.hedge(now)
    }

    /// What has been asked of one peer for a while is wanted of idle ones, too. Of whoever was to send a bucket alone the whole bucket is.
    fn hedge(&mut self, now: Time) -> Result<(), StoreError> {
        let Some(plan) = self.joiner.as_mut().and_then(|joiner| joiner.plan.as_mut()) else { return Ok(()) };
        let (id, block) = (plan.id, plan.manifest.block());
        let idle = |peer: &super::peer::Peer| !peer.closing && peer.open.is_empty() && peer.offers == Some(id);
        if !self.peers.values().any(idle) {
            return Ok(());
        }
        let mut slow = Vec::new();
        for (link, peer) in &mut self.peers {
            for request in peer.open.iter_mut().filter(|request| !request.is_late && request.block == block) {
                let alone = plan.patience_alone(request.number);
                if now.since(request.sent) >= alone.unwrap_or(PIECE_HEDGE) {
                    request.is_late = true;
                    plan.wanted_again(request.number);
                    slow.extend(alone.map(|_| *link));
                }
            }
        }
        slow.into_iter().try_for_each(|link| self.leave_alone(link))
    }

    /// Buckets that this peer was to send alone are fetched from another one.
    pub(super) fn leave_alone(&mut self, link: LinkId) -> Result<(), StoreError> {
        let Some(plan) = self.joiner.as_mut().and_then(|joiner| joiner.plan.as_mut()) else { return Ok(()) };
        let Some(files) = &mut self.files else { return Ok(()) };
        plan.give_up_alone(link).into_iter().try_for_each(|bucket| files.store.drop_bucket(bucket))
    }

    /// The link is gone, or is closed by us: all that was asked of it is asked elsewhere.
    pub(super) fn lose(&mut self, link: LinkId) -> Result<(), StoreError> {
        let Some(peer) = self.peers.get_mut(&link) else { return Ok(()) };
        peer.offers = None;
        let open = std::mem::take(&mut peer.open);
        if let Some(plan) = self.joiner.as_mut().and_then(|joiner| joiner.plan.as_mut()) {
            let of_plan = open.iter().filter(|request| request.block == plan.manifest.block() && !request.is_late);
            let numbers: Vec<u32> = of_plan.map(|request| request.number).collect();
            numbers.into_iter().for_each(|number| plan.wanted_again(number));
        }
        self.leave_alone(link)
    }
}
