//! From one set of authorities to the next. A set begins once the block before its first is final by the word of the set before.
//! Nothing is carried over but that block: the next set's views are counted from its view on, and its votes are of another epoch.

use crate::{
    base::{hash::Hash, ids::LinkId, time::Now},
    chain::{
        archive::{SealRecord, StoreError},
        seal::{AuthoritySet, Certificate, Epoch, SignedVote, Stage, Statement},
    },
    node::{Halt, Outbox, PeerFault, notice::ToLedger},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

use super::{
    Sealer, clock, core::Place, keys::Keys, new_core, offers::Offers, questions::Questions, recalling::Recalling,
    worth::Worth,
};

/// The set of which a message is; `None`: it names none.
pub(super) fn epoch_of(message: &Message) -> Option<Epoch> {
    match message {
        Message::Vote(vote) => Some(vote.statement.epoch),
        Message::Certificate(certificate) => Some(certificate.statement.epoch),
        Message::Recall(recall) => Some(recall.epoch),
        Message::Recalled(recalled) => Some(recalled.epoch),
        _ => None,
    }
}

impl Sealer {
    /// What the disk has of sets that may not be in office: the newest block that each holds final.
    pub(super) fn note_ahead(&mut self, record: &SealRecord) {
        let finals = record.certificates.iter().filter(|kept| kept.statement.stage == Stage::Finalize);
        let later = finals.filter(|kept| kept.statement.epoch > self.keys.set.epoch());
        self.ahead = later.map(|kept| (kept.statement.epoch, kept.clone())).collect();
    }

    /// The ledger has a block of this height. Its header and those before it show all handovers, and that it counts.
    pub(super) fn turn_with_ledger(&mut self, now: Now, height: u32, out: &mut Outbox) -> Result<(), Halt> {
        match self.spec.authorities.at(height).filter(|set| set.epoch() > self.keys.set.epoch()).cloned() {
            Some(set) => {
                self.turn(now, set, self.genesis(), None, out)?;
                self.hear_early(now, out)
            }
            None => Ok(()),
        }
    }

    /// Asks where the last final block stands if another set follows it, and where those stand that later sets hold final.
    pub(super) fn look_for_turn(&self, out: &mut Outbox) {
        let ahead = self.ahead.values().map(|shown| shown.statement.block);
        ahead.for_each(|block| out.tell(ToLedger::WantPlace { block }));
        let last = self.finality.told();
        let next = self.spec.authorities.taking_over_at(last.height.saturating_add(1));
        if next.is_some_and(|term| term.set.epoch() > self.keys.set.epoch()) {
            out.tell(ToLedger::WantPlace { block: last.hash });
        }
    }

    /// The ledger has told where a final block stands.
    pub(super) fn on_place(
        &mut self,
        now: Now,
        block: Hash,
        (height, view): (u32, u64),
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        self.finality.tell(out);
        self.turn_if_shown(now, block, height, out)?;
        let next = self.spec.authorities.taking_over_at(height.saturating_add(1)).cloned();
        let next = next.filter(|term| term.set.epoch() > self.keys.set.epoch() && self.finality.told().hash == block);
        let handover = self.core.certified().finality().filter(|finality| finality.statement.block == block).cloned();
        match next.zip(handover) {
            Some((term, handover)) => {
                let base = Place { view: term.base_view(view), block };
                self.turn(now, term.set, base, Some(handover), out)?;
                self.hear_early(now, out)
            }
            None => Ok(()),
        }
    }

    /// A block that a later set holds final stands in the chain, at this height: the set is in office, if the height is in its
    /// term.
    fn turn_if_shown(&mut self, now: Now, block: Hash, height: u32, out: &mut Outbox) -> Result<(), Halt> {
        let Some(set) = self.spec.authorities.at(height).cloned() else { return Ok(()) };
        let is_shown = |shown: &Certificate| shown.statement.block == block;
        let Some(shown) = self.ahead.get(&set.epoch()).filter(|shown| is_shown(shown)).cloned() else { return Ok(()) };
        if set.epoch() > self.keys.set.epoch() || self.contradicts_base(&shown.statement) {
            self.turn(now, set, self.genesis(), None, out)?;
        }
        self.ahead.retain(|epoch, _| *epoch > self.keys.set.epoch());
        // It was looked at when it came.
        drop(self.take_certificate(now, shown));
        self.hear_early(now, out)
    }

    /// A message of a set that has not begun here. A final block of that set is a hint that it has, and the headers tell; the
    /// rest waits.
    pub(super) fn on_later(
        &mut self,
        link: LinkId,
        message: Message,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<Result<Worth, PeerFault>, Halt> {
        let epoch = epoch_of(&message).unwrap_or_default();
        let Some(set) = self.spec.authorities.of(epoch).cloned() else { return Ok(Ok(Worth::Unknown)) };
        if let Message::Certificate(certificate) = message
            && certificate.statement.stage == Stage::Finalize
        {
            return Ok(self.on_certificate_ahead(link, &set, *certificate, out));
        }
        if epoch == self.keys.set.epoch().saturating_add(1)
            && let Some(peer) = self.peers.get_mut(&link).filter(|peer| peer.has_room_for_early(frame))
        {
            peer.early.push(frame.clone());
        }
        Ok(Ok(Worth::Unknown))
    }

    /// A later set says that a block is final. Whoever has its keys can say so before it is in office: nothing follows from
    /// it before the block's header is here, with all that it builds on.
    pub(super) fn on_certificate_ahead(
        &mut self,
        link: LinkId,
        set: &AuthoritySet,
        certificate: Certificate,
        out: &mut Outbox,
    ) -> Result<Worth, PeerFault> {
        let Statement { epoch, view, block, .. } = certificate.statement;
        if self.ahead.get(&epoch).is_some_and(|known| known.statement == certificate.statement) {
            return Ok(Worth::Nothing);
        }
        if !set.certifies(&self.keys.genesis, &certificate) {
            return Err(PeerFault::Unsigned(Kind::Certificate));
        }
        self.ahead.insert(epoch, certificate);
        self.tell_of(epoch, &Place { view, block }, Some(link), out);
        out.tell(ToLedger::WantPlace { block });
        Ok(Worth::Unknown)
    }

    /// Whether this set holds a block final whose view is not above that on which the set builds here. It builds on another
    /// block, then: the set before has handed over twice.
    pub(super) fn contradicts_base(&self, said: &Statement) -> bool {
        let base = self.core.base();
        said.stage == Stage::Finalize
            && said.epoch == self.keys.set.epoch()
            && base.view > 0
            && said.view <= base.view
            && self.core.certified().last_final() == base
    }

    pub(super) fn genesis(&self) -> Place {
        Place { view: 0, block: self.keys.genesis }
    }

    /// From now on this set's votes count. It is in office: the block before its first is final by the word of the set before.
    fn turn(
        &mut self,
        now: Now,
        set: AuthoritySet,
        base: Place,
        handover: Option<Certificate>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        self.perform(now, None, out)?;
        let (epoch, count) = (set.epoch(), set.count());
        self.take_set(now, set, base, handover)?;
        let own = self.keys.own_number().map_or("none".to_owned(), |number| number.to_string());
        log::info!("another set of authorities seals: epoch={epoch} authorities={count} own={own}");
        let last = self.core.certified().last_final();
        if last != base && last.view > 0 {
            // From the disk.
            self.reached(now, last, out);
        }
        self.tell_notarised(out);
        self.note_work(now);
        if let Some((tip, height)) = self.ledger {
            self.note_ledger(now, tip, height);
        }
        self.perform(now, None, out)?;
        if let Some(recall) = self.recalling.ask(now, &self.keys) {
            self.ask(now, &recall, out);
        }
        Ok(())
    }

    /// Judges what peers have said of this set before it began.
    fn hear_early(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        let early: Vec<(LinkId, Frame)> =
            self.peers.iter_mut().flat_map(|(link, peer)| peer.early.drain(..).map(|frame| (*link, frame))).collect();
        early.into_iter().try_for_each(|(link, frame)| self.on_frame(now, link, &frame, out))
    }

    /// Begins with a set as a start does: no vote is cast before a quorum has told what this key signed in this epoch.
    pub(super) fn take_set(
        &mut self,
        now: Now,
        set: AuthoritySet,
        base: Place,
        handover: Option<Certificate>,
    ) -> Result<(), StoreError> {
        let mut record = self.seals.load()?;
        // The set may have been put in the place of another one of the same number, which operators took out of the file.
        let is_of_others =
            |vote: &SignedVote| vote.statement.epoch == set.epoch() && !set.holds(&self.keys.genesis, vote);
        record.heard.retain(|vote| !is_of_others(vote));
        record.evidence.retain(|(first, second)| !is_of_others(first) && !is_of_others(second));
        let of_set = record.double_proposals.iter().filter(|proof| proof.epoch == set.epoch());
        self.double = of_set.filter_map(|proof| proof.liar(&self.keys.genesis, &self.spec.authorities)).collect();
        record.earlier_finals(set.epoch()).for_each(|earlier| self.finality.remember(now, earlier));
        self.keys = Keys::new(self.keys.genesis, set, self.key.as_ref());
        self.core = new_core(&self.sealing, &self.keys, (base, handover), record, clock(now));
        self.recalling = Recalling::new(self.keys.own_number(), self.keys.set.quorum());
        self.questions = Questions::default();
        (self.offers, self.leading) = (Offers::default(), None);
        self.reporter.turn(&self.keys, &self.spec);
        self.ways.keep(self.keys.set.keys());
        if self.recalling.is_done() {
            self.core.allow_votes(clock(now));
        }
        Ok(())
    }

    /// The ledger is applied up to this block.
    pub(super) fn note_ledger(&mut self, now: Now, tip: Hash, height: u32) {
        self.ledger = Some((tip, height));
        let next = self.spec.authorities.taking_over_at(height.saturating_add(1));
        if next.is_some_and(|term| term.set.epoch() > self.keys.set.epoch()) {
            self.core.set_last(tip);
        }
        self.core.set_ledger(tip, clock(now));
    }
}
