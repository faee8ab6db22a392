//! Joining: from the headers to the coins that the ledger takes.

use crate::{
    base::{
        ids::LinkId,
        limits::{
            JOIN_CLAIM_WAIT, JOIN_PEERS, MANIFEST_GATHER, PLAN_ABANDONED, PLAN_TRIAL, PROGRESS_INTERVAL, TOO_SHORT_FOR,
        },
        time::Time,
    },
    chain::{
        archive::StoreError,
        snapshot::{Manifest, SnapshotFault},
    },
    node::{
        Outbox,
        notice::{ToHeaders, ToLedger},
        report::Report,
        snapshot::{
            Snapshot,
            joiner::Joiner,
            offered::{Depth, depth_by_work},
            peer::Peer,
            plan::Plan,
        },
    },
};

impl Snapshot {
    /// All headers are here.
    pub(super) fn take_headers(&mut self, best: u32) -> Result<(), StoreError> {
        self.joiner.iter_mut().for_each(|joiner| joiner.best = Some(best));
        self.find_depth()
    }

    /// A block is final, and all below it.
    pub(super) fn take_final(&mut self, height: u32) -> Result<(), StoreError> {
        self.final_height = Some(height);
        self.find_depth()
    }

    /// How deep the snapshot must be, as far as that is known.
    fn find_depth(&mut self) -> Result<(), StoreError> {
        let Some((files, joiner)) = self.files.as_ref().zip(self.joiner.as_mut()) else { return Ok(()) };
        let Some(best) = joiner.best else { return Ok(()) };
        let before = joiner.depth;
        joiner.depth = match joiner.join.at {
            Some(block) => Some(Depth::Block(block)),
            None if self.spec.seal_rules().needs_certificate() => {
                let most = self.final_height.map(|height| height.min(best.saturating_sub(1)));
                most.filter(|most| *most > 0).map(Depth::UpTo)
            }
            None => Some(depth_by_work(&*files.headers, best, &joiner.join)?.or_up_to(joiner.reaches)),
        };
        if is_much_more(before, joiner.depth) {
            // Who had none that is deep enough may have one now.
            let has_none = |peer: &&mut Peer| peer.has_answered && peer.offers.is_none();
            self.peers.values_mut().filter(has_none).for_each(|peer| peer.again_at = self.now);
        }
        Ok(())
    }

    /// Goes on: chooses a snapshot, asks, checks, and hands the coins to the ledger.
    pub(super) fn go_on(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        if self.joiner.as_ref().is_none_or(|joiner| joiner.best.is_none()) {
            return Ok(());
        }
        if let Some(joiner) = &mut self.joiner {
            let is_nowhere = joiner.depth == Some(Depth::Nowhere);
            joiner.nowhere = is_nowhere.then(|| joiner.nowhere.unwrap_or(now));
        }
        // One peer's short chain must not make this a join without a snapshot for good.
        let is_told = self.peers.values().filter(|peer| peer.is_chosen && !peer.closing).count() >= JOIN_PEERS;
        let patience = if is_told { TOO_SHORT_FOR } else { JOIN_CLAIM_WAIT };
        if self.joiner.as_ref().is_some_and(|joiner| joiner.nowhere.is_some_and(|since| now >= since + patience)) {
            self.joiner = None;
            out.tell(ToLedger::AbandonJoin);
            return self.files.as_mut().map_or(Ok(()), |files| files.store.discard());
        }
        if self.joiner.as_ref().is_some_and(|joiner| joiner.adopting.is_none()) {
            self.time_out_manifests(now, out);
            self.expire(now, out)?;
            self.check_one(now, out)?;
            self.resume(now)?;
            self.abandon_deserted(now)?;
            self.leave_slow(now)?;
            self.contest(now, out);
            self.ask_for_manifests(now, out);
            self.choose(now, out)?;
            self.pump(now, out);
            self.finish(out)?;
            // Of a snapshot that was refused: other ones.
            self.ask_for_manifests(now, out);
        }
        self.tell_progress(now, out);
        Ok(())
    }

    /// Goes on with what an earlier run has fetched, if its block still counts.
    fn resume(&mut self, now: Time) -> Result<(), StoreError> {
        // What is final may be told after the headers.
        let is_known = |joiner: &&mut Joiner| joiner.plan.is_none() && joiner.depth.is_some();
        let Some(staged) = self.joiner.as_mut().filter(is_known).and_then(|one| one.resumes.take()) else {
            return Ok(());
        };
        match self.judge_manifest(&staged.manifest)? {
            Ok(true) => {
                let here = staged.here.iter().filter(|here| **here).count();
                log::info!("snapshot goes on height={} pieces={here}", staged.manifest.height());
                let Some(joiner) = &mut self.joiner else { return Ok(()) };
                joiner.plan = Some(Plan::new(staged));
                joiner.trials.begin(now);
                Ok(())
            }
            _ => self.files.as_mut().map_or(Ok(()), |files| files.store.discard()),
        }
    }

    /// Takes the best manifest once the peers that were asked have answered, or after a moment.
    fn choose(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(joiner) = self.joiner.as_ref().filter(|joiner| joiner.plan.is_none()) else { return Ok(()) };
        let Some(first) = joiner.first_offer else { return Ok(()) };
        let is_open = self.peers.values().any(|peer| peer.serves && !peer.closing && !peer.has_answered);
        if is_open && now < first + MANIFEST_GATHER {
            return Ok(());
        }
        // Where one is of no use any more, the next is taken at once: no timer would tell of it.
        while self.joiner.as_ref().is_some_and(|joiner| joiner.plan.is_none())
            && let Some(manifest) = self.best_offer(now)
        {
            self.begin(&manifest, now)?;
            self.contest(now, out);
        }
        Ok(())
    }

    fn begin(&mut self, manifest: &Manifest, now: Time) -> Result<(), StoreError> {
        // The chain may have been another when it came.
        if self.judge_manifest(manifest)? != Ok(true) {
            let id = manifest.id();
            self.joiner.iter_mut().for_each(|joiner| drop(joiner.offered.by_id.remove(&id)));
            return Ok(());
        }
        let Some((files, joiner)) = self.files.as_mut().zip(self.joiner.as_mut()) else { return Ok(()) };
        log::info!("snapshot chosen {manifest:?}");
        joiner.plan = match files.store.stage(manifest) {
            Ok(staged) => Some(Plan::new(staged)),
            Err(error) => return self.make_room_for(now, manifest.bytes(), error),
        };
        joiner.trials.begin(now);
        // The time of another that was left while it was contested is not this one's.
        joiner.contest.since = None;
        joiner.deserted = None;
        Ok(())
    }

    /// The disk took no more of the plan.
    pub(super) fn make_room(&mut self, now: Time, error: StoreError) -> Result<(), StoreError> {
        let plan = self.joiner.as_ref().and_then(|joiner| joiner.plan.as_ref());
        let bytes = plan.map_or(0, |plan| plan.manifest.bytes());
        self.make_room_for(now, bytes, error)
    }

    /// The disk has no room for a snapshot of so many bytes. Who offers it may have lied about its size, so a smaller one is tried, if
    /// there is any; nothing of this one stays behind.
    fn make_room_for(&mut self, now: Time, bytes: u64, error: StoreError) -> Result<(), StoreError> {
        let Some(joiner) = &mut self.joiner else { return Err(error) };
        joiner.offered.most_bytes = Some(bytes.saturating_sub(1));
        self.leave(now);
        self.discard()?;
        if self.choices(None).is_empty() {
            return Err(error);
        }
        log::warn!("snapshot: no room on the disk, a smaller one is looked for bytes={bytes} error=\"{error}\"");
        Ok(())
    }

    /// Leaves a snapshot that does not come, if others are offered.
    fn leave_slow(&mut self, now: Time) -> Result<(), StoreError> {
        let Some(joiner) = self.joiner.as_ref().filter(|joiner| now >= joiner.trials.deadline()) else { return Ok(()) };
        let Some(plan) = joiner.plan.as_ref().filter(|plan| plan.lacks_pieces()) else { return Ok(()) };
        let (block, missing) = (plan.manifest.block(), plan.missing_bytes());
        let others = self.choices(Some(block));
        let is_left = self.joiner.as_mut().is_some_and(|joiner| joiner.trials.is_left(now, block, missing, &others));
        if is_left {
            self.leave(now);
        }
        Ok(())
    }

    /// Leaves the snapshot for another. What was fetched stays until that is begun, or this one again. What peers offer still counts.
    pub(super) fn leave(&mut self, now: Time) {
        let Some(joiner) = &mut self.joiner else { return };
        let plan = joiner.plan.take();
        joiner.deserted = None;
        joiner.first_offer.get_or_insert(now);
        if let Some(plan) = plan {
            let (here, all) = plan.progress();
            log::info!("snapshot left height={} pieces={here} of={all}", plan.manifest.height());
        }
    }

    /// Drops what was fetched.
    fn discard(&mut self) -> Result<(), StoreError> {
        self.files.as_mut().map_or(Ok(()), |files| files.store.discard())
    }

    /// Nobody has had the missing pieces for a while, or the chain has left the block: another snapshot is chosen. Without any peer that
    /// has others instead, it waits: a line that is down says nothing of snapshots.
    fn abandon_deserted(&mut self, now: Time) -> Result<(), StoreError> {
        let Some(plan) = self.joiner.as_ref().and_then(|joiner| joiner.plan.as_ref()) else { return Ok(()) };
        let (id, block) = (plan.id, plan.manifest.block());
        let lacks_it = |peer: &Peer| peer.lacks == Some(block) && peer.offers != Some(id);
        let all_lack_it = self.peers.values().filter(|peer| peer.serves && !peer.closing).all(lacks_it);
        let is_served = self.peers.values().any(|peer| !peer.closing && peer.offers == Some(id));
        let is_denied = self.peers.values().any(|peer| peer.serves && !peer.closing && peer.has_answered);
        let is_deserted = plan.lacks_pieces() && !is_served && is_denied;
        let has_others = is_deserted && !self.choices(None).is_empty();
        let is_left = self.has_moved && self.judge_manifest(&plan.manifest)? != Ok(true);
        self.has_moved = false;
        let Some(joiner) = &mut self.joiner else { return Ok(()) };
        joiner.deserted = if is_deserted { joiner.deserted.or(Some(now)) } else { None };
        let time = |since: Time| now.since(since);
        let is_over = joiner.deserted.is_some_and(|since| time(since) >= PLAN_ABANDONED);
        let is_offered_another =
            joiner.deserted.is_some_and(|since| (all_lack_it || time(since) >= PLAN_TRIAL) && has_others);
        if is_left {
            self.abandon(now);
            return self.discard();
        }
        if is_over {
            self.abandon(now);
        } else if is_offered_another {
            joiner.trials.gone(now, block);
            self.leave(now);
        }
        Ok(())
    }

    /// Leaves the snapshot, and asks peers anew. What was fetched stays until one is begun.
    fn abandon(&mut self, now: Time) {
        let Some(joiner) = &mut self.joiner else { return };
        if let Some(plan) = joiner.plan.take() {
            log::info!("snapshot abandoned height={}", plan.manifest.height());
        }
        (joiner.first_offer, joiner.deserted, joiner.offered.by_id) = (None, None, Default::default());
        for peer in self.peers.values_mut() {
            (peer.offers, peer.has_answered, peer.again_at) = (None, false, now);
        }
    }

    /// All buckets are right: the ledger may take the coins, if they are no more than the chain has created.
    fn finish(&mut self, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(joiner) = &mut self.joiner else { return Ok(()) };
        let Some((manifest, id, found)) =
            joiner.plan.as_ref().and_then(|plan| Some((plan.manifest.clone(), plan.id, plan.amount()?)))
        else {
            return Ok(());
        };
        let supply = self.spec.supply(manifest.height());
        if found != supply {
            let fault = SnapshotFault::Supply { found, supply };
            log::error!("snapshot refused height={} fault={fault}", manifest.height());
            let text = format!("the chain of headers vouches for coins that no block may make: {fault}");
            out.report(Report::Warning { key: "snapshot", text: Some(text) });
            joiner.offered.refuse(id);
            self.abandon(self.now);
            return self.discard();
        }
        joiner.adopting = Some((0, manifest.pieces()));
        self.punish_contradictions(manifest.block(), manifest.digest(), out);
        out.tell(ToLedger::AdoptSnapshot(manifest));
        Ok(())
    }

    /// The ledger takes the coins.
    pub(super) fn take_adopting(&mut self, done: u32, all: u32) {
        let adopting = self.joiner.as_mut().and_then(|joiner| joiner.adopting.as_mut());
        adopting.into_iter().for_each(|progress| *progress = (done, all));
    }

    /// The ledger has taken the coins, or refused them.
    pub(super) fn take_adopted(
        &mut self,
        now: Time,
        result: Result<(), (Option<usize>, SnapshotFault)>,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some((files, joiner)) = self.files.as_mut().zip(self.joiner.as_mut()) else { return Ok(()) };
        joiner.adopting = None;
        match (result, joiner.plan.as_mut()) {
            (Ok(()), _) => {
                self.joiner = None;
                // What was wrong with another one is none of this one's.
                out.report(Report::Warning { key: "snapshot", text: None });
                if self.interval.is_some() { files.store.keep_staged() } else { files.store.discard() }
            }
            (Err((Some(bucket), _)), Some(plan)) => {
                // The disk has lost some of it.
                plan.drop_bucket(bucket);
                files.store.drop_bucket(bucket)
            }
            (Err(_), _) => {
                self.abandon(now);
                self.discard()
            }
        }
    }

    fn tell_progress(&mut self, now: Time, out: &mut Outbox) {
        let text = self.progress();
        let Some(joiner) = &mut self.joiner else { return };
        joiner.says.clone_from(&text);
        let is_due = match &joiner.told {
            None => true,
            Some((at, told)) => *told != text && now.since(*at) >= PROGRESS_INTERVAL,
        };
        if is_due {
            joiner.told = Some((now, text.clone()));
            out.tell(ToHeaders::JoinProgress(text));
        }
    }

    /// A peer that serves snapshots came or went.
    pub(super) fn forget(&mut self, link: LinkId) -> Result<(), StoreError> {
        self.lose(link)?;
        self.peers.remove(&link);
        Ok(())
    }
}

/// Whether so many more blocks may be joined at than before that peers are worth asking again at once.
fn is_much_more(before: Option<Depth>, now: Option<Depth>) -> bool {
    match (before, now) {
        (Some(Depth::UpTo(before)), Some(Depth::UpTo(now))) => now / 2 >= before,
        (Some(Depth::Nowhere), Some(Depth::UpTo(_))) => true,
        _ => false,
    }
}
