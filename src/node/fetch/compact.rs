//! News of blocks without their bodies: headers and compact blocks. A header is judged by `headers` before anything else
//! happens; then the body is asked for and put together here, and goes the way of a `Block` that nobody asked for.

use crate::{
    base::{codec::List, hash::Hash, ids::LinkId, limits::WORK_HEADER_BYTES, time::Time},
    chain::{header::Header, transaction::Transaction},
    node::{
        Origin, Outbox, PeerFault,
        fetch::{
            Fetch,
            announced::{Announced, Question},
            questions::What,
            rebuild::Rebuild,
        },
        notice::{ToGossip, ToHeaders},
        report::Counter,
    },
    wire::{
        compact::CompactBlock,
        frame::{Frame, FrameFault},
        message::{Kind, Message},
    },
};

impl Fetch {
    /// A `BlockHeader`.
    pub(super) fn take_header(&mut self, now: Time, link: LinkId, header: Header, out: &mut Outbox) {
        let hash = header.hash();
        out.tell(ToGossip::Shown { link, hash });
        if self.is_echo(now, link, &hash, out) {
            return;
        }
        if let Some(place) = self.place_of(&hash) {
            // It is asked for already; and here is one more to ask.
            self.take_shown(link, &hash);
            if place.is_candidate() {
                out.tell(ToHeaders::PeerTip { link, height: header.height, tip: hash });
            }
            return;
        }
        self.announce(now, link, (hash, header), None, out);
    }

    /// A `CompactBlock`, asked for or not.
    pub(super) fn take_compact(&mut self, now: Time, link: LinkId, compact: Box<CompactBlock>, out: &mut Outbox) {
        let header = compact.header.clone();
        let hash = header.hash();
        let is_answer =
            self.peers.get_mut(link).is_some_and(|peer| peer.questions.answered(&hash, Some(What::Compact)).is_some());
        if is_answer && self.is_known(&hash) {
            return;
        }
        if !is_answer {
            out.tell(ToGossip::Shown { link, hash });
            if self.is_echo(now, link, &hash, out) {
                return;
            }
        }
        self.take_shown(link, &hash);
        self.announce(now, link, (hash, header), Some(compact), out);
    }

    /// Whether a body of this block is here, or was.
    fn is_known(&self, hash: &Hash) -> bool {
        self.recent.contains(hash)
            || self.offers.contains(hash)
            || self.place_of(hash).is_some_and(|place| !self.is_missing(place))
    }

    /// Whether news brings nothing new. Too much of that is a fault.
    fn is_echo(&mut self, now: Time, link: LinkId, hash: &Hash, out: &mut Outbox) -> bool {
        let is_known = self.is_known(hash);
        let is_heard = is_known || self.announced.get_mut(hash).is_some();
        if is_heard && !self.peers.get_mut(link).is_some_and(|peer| peer.repeated(now)) {
            self.punish(link, PeerFault::Flood("known blocks"), out);
            return true;
        }
        is_known
    }

    /// Somebody tells of a block whose body is not here.
    fn announce(
        &mut self,
        now: Time,
        link: LinkId,
        (hash, header): (Hash, Header),
        compact: Option<Box<CompactBlock>>,
        out: &mut Outbox,
    ) {
        if self.announced.get_mut(&hash).is_none() {
            let mut block = Announced::new(now, hash, &header);
            block.told_by(link, |link| self.peers.standing(now, link));
            block.is_judged = self.place_of(&hash).is_some();
            if !block.is_judged {
                block.compact = compact.map(|compact| (link, compact));
                self.announced.insert(block);
                return out.tell(ToHeaders::Announced { link, hash, header: Box::new(header) });
            }
            self.announced.insert(block);
        }
        let Some(block) = self.announced.get_mut(&hash) else { return };
        block.told_by(link, |link| self.peers.standing(now, link));
        let awaits_worse = block.question.is_some_and(|asked| self.peers.is_better(now, link, asked.link));
        match compact {
            Some(compact) if block.is_judged => self.rebuild(now, link, hash, *compact, out),
            Some(compact) => drop(block.compact.get_or_insert((link, compact))),
            None if block.is_judged && (block.question.is_none() || block.is_doubtful || awaits_worse) => {
                self.ask_next(now, &hash, out);
            }
            None => {}
        }
    }

    /// The verdict of `headers` on an announced block.
    pub(super) fn take_judgement(&mut self, now: Time, hash: Hash, is_wanted: bool, out: &mut Outbox) {
        let Some(block) = self.announced.get_mut(&hash) else { return };
        let compact = block.compact.take();
        if !is_wanted {
            let teller = block.tellers.first().map(|teller| teller.link);
            self.announced.remove(&hash);
            // Of what comes with a header, the ids are most.
            let bytes = compact.map_or(0, |(_, compact)| compact.ids.len() * 8) + WORK_HEADER_BYTES;
            return teller.into_iter().for_each(|link| self.count_useless(now, link, bytes, out));
        }
        block.is_judged = true;
        match compact {
            Some((link, compact)) => self.rebuild(now, link, hash, *compact, out),
            None => self.ask_next(now, &hash, out),
        }
    }

    /// Puts a block together, or asks for what is missing.
    fn rebuild(&mut self, now: Time, link: LinkId, hash: Hash, compact: CompactBlock, out: &mut Outbox) {
        let rebuild = match Rebuild::new(compact, &self.checked, &self.remembered) {
            Ok(Some(rebuild)) => rebuild,
            Ok(None) => return self.fall_back(now, link, &hash, out),
            Err(error) => {
                self.punish(link, FrameFault::Body(error).into(), out);
                return self.ask_next(now, &hash, out);
            }
        };
        let missing = rebuild.missing();
        if missing.is_empty() {
            return self.finish(now, link, hash, &rebuild, out);
        }
        let Some(block) = self.announced.get_mut(&hash) else { return };
        let is_awaited = |asked: Question| {
            asked.what == What::Transactions && asked.link != link && !self.peers.is_better(now, link, asked.link)
        };
        if block.question.is_some_and(is_awaited) {
            // Another peer was asked a moment ago. This one is the next.
            return;
        }
        block.is_done_with(link);
        // If most of the block is not here, the whole of it is not much more.
        let is_most = missing.len() > rebuild.count() / 2;
        let peer = self.peers.get_mut(link).filter(|_| !is_most);
        let asks = peer.is_some_and(|peer| peer.questions.may_ask(now, hash, What::Transactions));
        if !asks {
            return self.ask_whole(now, link, &hash, out);
        }
        block.await_transactions(link, rebuild);
        out.send(link, &Message::GetBlockTransactions(hash, List::truncated(missing)));
        self.note_question(now, link, &hash, What::Transactions);
    }

    /// A `BlockTransactions`. Without transactions it says that the peer does not serve the block.
    pub(super) fn take_transactions(
        &mut self,
        now: Time,
        link: LinkId,
        (hash, transactions): (Hash, Vec<Transaction>),
        out: &mut Outbox,
    ) {
        let is_none = transactions.is_empty();
        let asked = self.peers.get_mut(link).and_then(|peer| match is_none {
            true => peer.questions.answered(&hash, None),
            false => peer.questions.answered(&hash, Some(What::Transactions)),
        });
        let Some(asked) = asked else {
            return self.punish(link, PeerFault::Unexpected(Kind::BlockTransactions), out);
        };
        let block = self.announced.get_mut(&hash);
        let rebuild = block.and_then(|block| {
            block.question.take_if(|question| question.link == link && question.what == asked);
            block.take_rebuild(link).filter(|_| asked == What::Transactions)
        });
        match rebuild {
            Some(mut rebuild) if !is_none => match rebuild.fill(transactions) {
                Some(()) => self.finish(now, link, hash, &rebuild, out),
                None => self.punish(link, PeerFault::Unexpected(Kind::BlockTransactions), out),
            },
            // Whoever has passed on a compact block unchecked may lack the rest. Who tells of a header may not.
            None if is_none && asked == What::Compact => self.punish(link, PeerFault::NotServed, out),
            _ => {}
        }
        if self.announced.get_mut(&hash).is_some_and(|block| block.question.is_none()) {
            self.ask_next(now, &hash, out);
        }
    }

    /// All transactions are here: the block goes the way of a `Block`, unless these are not its transactions.
    fn finish(&mut self, now: Time, link: LinkId, hash: Hash, rebuild: &Rebuild, out: &mut Outbox) {
        let Some((bytes, parts)) = rebuild.finish() else {
            log::debug!("compact block does not fit its header link={} block={hash}", link.0);
            return self.fall_back(now, link, &hash, out);
        };
        let Some(header) = Header::peek(&bytes) else { return };
        out.count(Counter::BlocksRebuilt, 1);
        let (origin, body) = (Origin::Rebuilt(link), (Frame::new(&Message::Block(bytes)), Some(parts)));
        let Some(place) = self.place_of(&hash) else { return self.offer(origin, hash, header, body, out) };
        self.announced.remove(&hash);
        self.check_body(origin, place, hash, body, out);
    }

    /// The compact block of a peer is of no use: asks another peer, or this one for the whole block.
    fn fall_back(&mut self, now: Time, link: LinkId, hash: &Hash, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(link) {
            peer.misled = true;
        }
        let Some(block) = self.announced.get_mut(hash) else { return };
        block.is_done_with(link);
        block.is_doubtful = true;
        if block.tellers.iter().any(|teller| !teller.is_done) {
            return self.ask_next(now, hash, out);
        }
        self.ask_whole(now, link, hash, out);
    }

    /// Asks for the whole block.
    fn ask_whole(&mut self, now: Time, link: LinkId, hash: &Hash, out: &mut Outbox) {
        out.count(Counter::BlocksNotRebuilt, 1);
        let owes = self.peers.get(link).is_some_and(|peer| peer.owes_since(hash).is_some());
        if let Some(window) = self.window_of(hash) {
            // The window asks, and this peer last.
            if !owes {
                window.in_vain(hash, link, None);
            }
            self.announced.remove(hash);
            return;
        }
        if owes || self.peers.get(link).is_none_or(|peer| peer.closing) {
            return self.ask_next(now, hash, out);
        }
        let is_owed = self.peers.owe(hash);
        self.send_request(now, link, *hash, is_owed, out);
        self.announced.note_whole(*hash);
        self.note_question(now, link, hash, What::Block);
    }

    /// Asks the next peer that told of the block. If there is none, the block is left to `headers`: it asks the tellers for
    /// the header, and then all peers may be asked for the body.
    fn ask_next(&mut self, now: Time, hash: &Hash, out: &mut Outbox) {
        let (Some(block), peers) = (self.announced.get_mut(hash), &mut self.peers) else { return };
        let is_there = |link| peers.get(link).is_some_and(|peer| !peer.closing);
        let standing = |link| peers.standing(now, link);
        let next = if block.is_old(now) { None } else { block.next_teller(is_there, standing) };
        let Some(link) = next else { return self.give_up(hash, out) };
        if !peers.get_mut(link).is_some_and(|peer| !peer.misled && peer.questions.may_ask(now, *hash, What::Compact)) {
            return self.ask_whole(now, link, hash, out);
        }
        out.send(link, &Message::GetBlockTransactions(*hash, List::EMPTY));
        self.note_question(now, link, hash, What::Compact);
    }

    fn note_question(&mut self, now: Time, link: LinkId, hash: &Hash, what: What) {
        let Some(block) = self.announced.get_mut(hash) else { return };
        block.question = Some(Question { link, what, sent: now });
    }

    fn give_up(&mut self, hash: &Hash, out: &mut Outbox) {
        let Some(block) = self.announced.remove(hash) else { return };
        for teller in block.tellers {
            out.tell(ToHeaders::PeerTip { link: teller.link, height: block.height, tip: *hash });
        }
    }

    /// Asks others where an answer is late.
    pub(super) fn watch_announced(&mut self, now: Time, out: &mut Outbox) {
        for hash in self.announced.overdue(now) {
            let asked = self.announced.get_mut(&hash).and_then(|block| block.question);
            if let Some(peer) = asked.and_then(|asked| self.peers.get_mut(asked.link)) {
                peer.questions.lapse(now, &hash);
            }
            self.ask_next(now, &hash, out);
        }
    }

    /// The link is gone: others are asked for what it owed.
    pub(super) fn lose_teller(&mut self, now: Time, link: LinkId, out: &mut Outbox) {
        let owed: Vec<Hash> =
            self.announced.iter_mut().filter_map(|block| block.lose(link).then_some(block.hash)).collect();
        for hash in owed {
            self.ask_next(now, &hash, out);
        }
    }
}
