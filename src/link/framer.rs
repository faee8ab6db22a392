//! The one place where bytes become frames and frames become bytes, with the gate and the send queue of a link.
//!
//! Until the handshake role promotes the link, frames come out one at a time and only once the role is ready for the
//! next, because `Verack` and the first `GetSync` may arrive in one segment.

use crate::{
    base::hash::Hash,
    link::{
        flow::{Backlog, Bounds},
        near_tip::Serves,
        requests::{Requests, asked_block},
        send_queue::{Class, SendQueue, block_of},
    },
    wire::{
        frame::{Frame, FrameFault, FrameReader},
        message::Kind,
    },
};

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In the handshake, ready to hand out the next frame.
    Handshake,
    /// In the handshake, a frame was handed out and the role has not answered yet.
    Waiting,
    /// A peer.
    Open,
    /// Said goodbye: no frame is handed out any more; what is queued is still sent.
    Closing,
}

/// Why a frame could not be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SendOverflow;

/// News that found no room since the peer was last told of such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) block: bool,
    pub(super) transactions: bool,
}

/// One link: bytes in, frames out; frames in, bytes out.
#[derive(Debug)]
pub(super) struct Framer {
    magic: [u8; 4],
    bounds: Bounds,
    phase: Phase,
    reader: FrameReader,
    queue: SendQueue,
    requests: Requests,
    lost: Lost,
    /// Much waits on all links together.
    is_crowded: bool,
    /// Requests that are handed on: those whose answers no limit of uploads keeps back.
    serves: Serves,
}

impl Framer {
    /// A link on the network with this magic, before its handshake.
    pub(super) fn new(magic: [u8; 4], bounds: Bounds) -> Self {
        Self {
            magic,
            bounds,
            phase: Phase::Handshake,
            reader: FrameReader::new(magic),
            queue: SendQueue::default(),
            requests: Requests::new(),
            lost: Lost::default(),
            is_crowded: false,
            serves: Serves::All,
        }
    }

    /// How far the link has come.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// The handshake role is ready for the next frame.
    pub(super) fn resume(&mut self) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Handshake;
        }
    }

    /// The handshake is done; frames of all kinds may flow.
    pub(super) fn promote(&mut self) {
        if matches!(self.phase, Phase::Waiting | Phase::Handshake) {
            self.phase = Phase::Open;
        }
    }

    /// Nothing more is received; what is queued is still sent.
    pub(super) fn close(&mut self) {
        self.phase = Phase::Closing;
        self.reader.forget();
        self.requests.clear();
        self.queue.drop_later(|_| true);
        self.queue.give_up_proposal();
    }

    /// Whether the link takes bytes now. It does not while the handshake role has a frame of it, nor while the peer has
    /// more requests open than it may have.
    pub(super) fn wants_input(&self) -> bool {
        match self.phase {
            Phase::Handshake => true,
            Phase::Open => self.bounds.reads(&self.backlog()),
            Phase::Waiting | Phase::Closing => false,
        }
    }

    /// Whether [`Framer::receive`] has something to return without any further bytes.
    pub(super) fn has_question(&self) -> bool {
        self.requests.has_held(&self.serves) && self.answers()
    }

    /// Whether the peer has read so much that it may have one more answer.
    fn answers(&self) -> bool {
        self.bounds.answers(&self.backlog(), self.is_crowded)
    }

    /// Whether requests of the peer wait for nothing but the limit of uploads.
    pub(super) fn asks_for_more(&self) -> bool {
        self.requests.has_held(&Serves::All) && self.answers()
    }

    /// Which requests are handed on.
    pub(super) fn set_serves(&mut self, serves: Serves) {
        self.serves = serves;
    }

    /// Whether a request for a piece of a snapshot waits for nothing but memory for the answer.
    pub(super) fn wants_piece(&self) -> bool {
        self.requests.holds_piece() && self.answers()
    }

    /// Whether such a request has no answer yet.
    pub(super) fn has_piece(&self) -> bool {
        self.requests.has_piece()
    }

    /// Whether such requests are handed on.
    pub(super) fn set_pieces(&mut self, may_hand_on: bool) {
        self.requests.set_pieces(may_hand_on);
    }

    /// Whether much waits on all links together. Each link then answers one request for much after the other, so that many
    /// slow peers at once are no reason to close one of them.
    pub(super) fn set_crowded(&mut self, is_crowded: bool) {
        self.is_crowded = is_crowded;
    }

    fn backlog(&self) -> Backlog {
        let mut backlog = Backlog::default();
        self.queue.add_to(&mut backlog);
        self.requests.add_to(&mut backlog);
        backlog
    }

    /// The same with the blocks that wait for their turn, which hold up no answer.
    fn backlog_of_news(&self) -> Backlog {
        let backlog = self.backlog();
        Backlog { queued: backlog.queued + self.queue.later_bytes(), ..backlog }
    }

    /// Bytes that wait to be sent, and an estimate of the answers that the peer has asked for.
    pub(super) fn load(&self) -> usize {
        let backlog = self.backlog();
        backlog.queued.saturating_add(backlog.expected)
    }

    /// Takes bytes from the front of `input` up to the end of one frame. Call again while it returns frames.
    ///
    /// Only requests wait, until earlier ones are answered. Other frames overtake them: among these may be answers to our
    /// own requests, and the peer must not seem slow because our ledger is busy.
    pub(super) fn receive(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, FrameFault> {
        if self.has_question() {
            return Ok(self.requests.release(&self.serves));
        }
        while self.wants_input() {
            let Some(frame) = self.reader.read(input)? else { break };
            if self.phase == Phase::Open && Requests::are(frame.kind) && !self.hands_on(&frame) {
                continue;
            }
            if self.phase == Phase::Handshake {
                self.phase = Phase::Waiting;
            }
            self.forget_push(&frame);
            return Ok(Some(frame));
        }
        Ok(None)
    }

    /// A peer that brings a block needs no copy of it.
    fn forget_push(&mut self, frame: &Frame) {
        if frame.kind == Kind::Block && self.queue.has_later() {
            let brought = block_of(frame);
            self.queue.drop_later(|block| Some(*block) == brought);
        }
    }

    /// Whether a role gets this request now.
    fn hands_on(&mut self, frame: &Frame) -> bool {
        // The block that is asked for is being sent already, as news: that is the answer. If it only waits for its turn as news,
        // the answer takes its place.
        if let Some(block) = asked_block(frame) {
            self.queue.drop_later(|later| *later == block);
            if self.queue.has_block(&block) {
                return false;
            }
        }
        if self.serves.hands_on(frame) && self.requests.may_hand_on(frame.kind) && self.answers() {
            self.requests.hand_on(frame);
            return true;
        }
        self.requests.hold(frame.clone(), &self.bounds, &self.backlog());
        false
    }

    /// The frame that is arriving.
    pub(super) fn reader(&self) -> &FrameReader {
        &self.reader
    }

    /// Takes the memory for all of the body that is arriving, which the link has leased. Returns true.
    pub(super) fn make_room(&mut self) -> bool {
        self.reader.make_room();
        true
    }

    /// Queues a frame of our own.
    pub(super) fn send(&mut self, frame: &Frame) -> Result<(), SendOverflow> {
        if !self.bounds.takes_own(&self.backlog(), frame.wire_len()) {
            return Err(SendOverflow);
        }
        self.queue.push(frame, self.magic, Class::Own);
        Ok(())
    }

    /// Queues the answer to one request. It always fits: requests are handed on only while there is room.
    pub(super) fn answer(&mut self, request: Kind, frames: &[Frame]) -> Result<(), SendOverflow> {
        if self.requests.settle(request, frames) {
            frames.iter().for_each(|frame| self.queue.push(frame, self.magic, Class::Answer));
            return Ok(());
        }
        frames.iter().try_for_each(|frame| self.send(frame))
    }

    /// Whether a block waits to be sent already, or will as an answer.
    pub(super) fn brings(&self, block: &Hash) -> bool {
        self.queue.has_block(block) || self.requests.want(block)
    }

    /// Whether a block that waits as news will be sent once more, as news or as an answer.
    pub(super) fn repeats(&self, block: &Hash) -> bool {
        let is_news = self.queue.pushed().any(|pushed| pushed == *block);
        is_news && self.queue.copies(block) + usize::from(self.requests.want(block)) > 1
    }

    /// Queues news if the link has room. Once a block was left out, those after it are too, until the peer is told: it
    /// could not use them without their parent.
    pub(super) fn relay(&mut self, frame: &Frame) -> bool {
        let backlog = self.backlog_of_news();
        let fits = match frame.kind {
            Kind::Block | Kind::CompactBlock | Kind::BlockHeader => {
                !self.lost.block && self.bounds.takes_block(&backlog)
            }
            _ => self.bounds.takes_transaction(&backlog),
        };
        match block_of(frame) {
            _ if !fits => {}
            Some(block) => self.queue.push_later(block, frame),
            None => self.queue.push(frame, self.magic, Class::News),
        }
        fits
    }

    /// Queues a proposed block. Of those whose sending has not begun only the newest stays.
    pub(super) fn propose(&mut self, name: Hash, frame: &Frame) {
        self.queue.propose(name, frame, self.magic);
    }

    /// Gives up a proposed block whose sending has not begun, since an older one is being sent.
    pub(super) fn give_up_proposal(&mut self) {
        self.queue.give_up_proposal();
    }

    /// Proposed blocks that wait to be sent.
    pub(super) fn proposals(&self) -> impl Iterator<Item = Hash> + '_ {
        self.queue.proposals()
    }

    /// Proposed blocks that have left the queue since the last call.
    pub(super) fn take_left_proposals(&mut self) -> Vec<Hash> {
        self.queue.take_left_proposals()
    }

    /// Queues the next block that waits for its turn, and says how many bytes it has.
    pub(super) fn begin_push(&mut self) -> Option<usize> {
        self.queue.begin_push(self.magic)
    }

    /// Leaves out the blocks that wait for their turn.
    pub(super) fn give_up_pushes(&mut self) {
        if self.queue.drop_later(|_| true) > 0 {
            self.lose(Kind::Block);
        }
    }

    /// Whether an answer is still to be sent.
    pub(super) fn is_answering(&self) -> bool {
        self.queue.is_answering()
    }

    /// Whether blocks wait for their turn, and whether one has its turn.
    pub(super) fn pushes(&self) -> (bool, bool) {
        (self.queue.has_later(), self.queue.is_pushing())
    }

    /// Notes that news was left out.
    pub(super) fn lose(&mut self, kind: Kind) {
        if matches!(kind, Kind::Block | Kind::CompactBlock | Kind::BlockHeader) {
            self.lost.block = true;
        } else {
            self.lost.transactions = true;
        }
    }

    /// What was left out, once there is room to tell of it.
    pub(super) fn take_lost(&mut self) -> Option<Lost> {
        self.bounds.has_recovered(&self.backlog_of_news()).then(|| std::mem::take(&mut self.lost))
    }

    /// Up to `count` chunks to send next, for vectored writes.
    pub(super) fn outputs(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        self.queue.outputs(count)
    }

    /// `count` bytes of what [`Framer::outputs`] offered were sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.queue.sent(count);
    }

    /// Bytes of our own requests and keep-alives that wait to be sent.
    pub(super) fn own(&self) -> usize {
        self.queue.own()
    }

    /// Bytes that wait to be sent.
    pub(super) fn queued(&self) -> usize {
        self.queue.queued()
    }

    /// Bytes of memory that the link alone takes: all but pushed bodies and proposals.
    pub(super) fn unshared(&self) -> usize {
        self.queue.unshared() + self.requests.held_bytes()
    }

    /// Pushed bodies that have left the queue since the last call.
    pub(super) fn take_left(&mut self) -> Vec<Hash> {
        self.queue.take_left()
    }

    /// Transactions that have left the queue since the last call.
    pub(super) fn take_left_transactions(&mut self) -> u64 {
        self.queue.take_left_transactions()
    }

    /// Pushed bodies that are in the queue.
    pub(super) fn pushed(&self) -> impl Iterator<Item = Hash> + '_ {
        self.queue.pushed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{codec::List, limits},
        wire::message::Message,
    };

    const MAGIC: [u8; 4] = [1, 2, 3, 4];

    #[test]
    fn before_promotion_one_message_at_a_time_comes_out() {
        let two: Vec<u8> =
            [Message::Verack(1), Message::GetPeers].iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
        let mut input = &two[..];
        let mut link = Framer::new(MAGIC, Bounds::PROTOCOL);
        assert_eq!(link.receive(&mut input).unwrap().unwrap().kind, Kind::Verack);
        assert_eq!(link.receive(&mut input).unwrap(), None, "the role has not answered yet");
        assert!(!input.is_empty());
        link.promote();
        assert_eq!(link.receive(&mut input).unwrap().unwrap().kind, Kind::GetPeers);
    }

    /// An open link, and the bytes of a peer that asks for this number of blocks at once.
    fn asked(blocks: u16) -> (Framer, Vec<u8>) {
        let mut link = Framer::new(MAGIC, Bounds::PROTOCOL);
        link.promote();
        let asks = |number: u16| Frame::new(&Message::GetBlock(Hash([number as u8; 32]))).to_bytes(MAGIC);
        (link, (0..blocks).flat_map(asks).collect())
    }

    /// Questions that come out until the link takes no more.
    fn questions(link: &mut Framer, input: &mut &[u8]) -> usize {
        std::iter::from_fn(|| link.receive(input).unwrap()).filter(|frame| frame.kind == Kind::GetBlock).count()
    }

    #[test]
    fn a_peer_may_ask_for_many_of_the_largest_blocks_at_once() {
        let (mut link, asked) = asked(16);
        let (mut input, mut answers) = (&asked[..], 0);
        let largest = Frame::new(&Message::Block(vec![7; Kind::Block.max_body()].into()));
        loop {
            let questions = questions(&mut link, &mut input);
            for _ in 0..questions {
                link.answer(Kind::GetBlock, std::slice::from_ref(&largest)).unwrap();
                answers += 1;
                assert!(link.queued() <= limits::SEND_SOFT_BYTES + largest.wire_len());
            }
            if questions == 0 {
                break;
            }
            link.sent(link.queued());
        }
        assert_eq!((answers, input.len()), (16, 0));
    }

    #[test]
    fn behind_questions_that_have_to_wait_the_rest_is_read() {
        let (mut link, mut bytes) = asked(3);
        bytes.extend(Frame::new(&Message::Pong(7)).to_bytes(MAGIC));
        let mut input = &bytes[..];
        let mut kinds = |link: &mut Framer| link.receive(&mut input).unwrap().map(|frame| frame.kind);
        assert_eq!(
            [kinds(&mut link), kinds(&mut link), kinds(&mut link)],
            [Some(Kind::GetBlock), Some(Kind::Pong), None]
        );
        let block = Frame::new(&Message::Block(vec![7; 300_000].into()));
        for question in [1, 2] {
            assert!(!link.has_question(), "one of these at a time");
            link.answer(Kind::GetBlock, std::slice::from_ref(&block)).unwrap();
            link.sent(link.queued());
            assert!(link.has_question());
            let next = link.receive(&mut &[][..]).unwrap().unwrap();
            assert_eq!(next, Frame::new(&Message::GetBlock(Hash([question; 32]))), "in their order");
        }
        link.close();
        assert!(!link.has_question());
    }

    #[test]
    fn small_blocks_are_asked_for_side_by_side() {
        let (mut link, asked) = asked(200);
        let mut input = &asked[..];
        let answers = [Message::Block(vec![7; 500].into()), Message::Absent(Hash([1; 32]))];
        for turn in 0..40 {
            assert!(link.receive(&mut input).unwrap().is_some());
            link.answer(Kind::GetBlock, &[Frame::new(&answers[turn % 8 / 7])]).unwrap();
            link.sent(link.queued());
        }
        assert_eq!(questions(&mut link, &mut input), limits::ANSWERS_AT_ONCE);
        // Large ones after many small ones: what is asked for is still sent, however much it is.
        for _ in 0..limits::ANSWERS_AT_ONCE {
            link.answer(Kind::GetBlock, &[Frame::new(&Message::Block(vec![7; 300_000].into()))]).unwrap();
        }
        link.sent(link.queued());
        assert_eq!(questions(&mut link, &mut input), 1, "one of these at a time");
    }

    #[test]
    fn where_much_waits_on_all_links_large_blocks_are_answered_one_by_one() {
        let (mut link, asked) = asked(5);
        let mut input = &asked[..];
        let block = Frame::new(&Message::Block(vec![7; 20_000].into()));
        assert_eq!(questions(&mut link, &mut input), 1, "how large they are is not known");
        link.answer(Kind::GetBlock, std::slice::from_ref(&block)).unwrap();
        link.sent(link.queued());
        link.set_crowded(true);
        assert_eq!((questions(&mut link, &mut input), link.queued()), (1, 0));
        assert!(link.load() > 0, "it is counted as soon as it is asked for");
        link.answer(Kind::GetBlock, std::slice::from_ref(&block)).unwrap();
        assert_eq!((questions(&mut link, &mut input), link.load()), (0, link.queued()));
        link.sent(link.queued());
        assert_eq!(questions(&mut link, &mut input), 1);
        link.set_crowded(false);
        assert_eq!(questions(&mut link, &mut input), 1, "a second one at the same time");
        link.close();
        assert_eq!(link.load(), 0);
    }

    #[test]
    fn a_link_is_read_whatever_waits_on_it_until_its_peer_asks_for_too_much() {
        let (mut link, asked) = asked(600);
        let block = Frame::new(&Message::Block(vec![0; 300 * 1024].into()));
        assert!(link.relay(&block) && !link.relay(&block), "news is left out instead");
        assert_eq!(link.begin_push(), Some(block.wire_len()));
        assert!(link.wants_input());
        let mut input = &asked[..];
        assert_eq!(questions(&mut link, &mut input), 0, "its requests wait");
        let one = asked.len() / 600;
        assert_eq!((input.len() / one, link.wants_input()), (600 - limits::UNANSWERED_BLOCKS, false));
        link.sent(link.queued());
        assert!(questions(&mut link, &mut input) > 0);
    }

    #[test]
    fn a_peer_that_leaves_very_much_of_our_own_unread_is_refused() {
        let mut link = Framer::new(MAGIC, Bounds::PROTOCOL);
        let ids = Frame::new(&Message::GetMemoryPool(List::truncated([Hash([1; 32]); 1000])));
        let fits = (0..100).take_while(|_| link.send(&ids).is_ok()).count();
        assert_eq!(fits, limits::SEND_OWN_BYTES / ids.wire_len());
    }

    #[test]
    fn requests_for_transactions_wait_for_the_answers_before_and_are_dropped_beyond_a_limit() {
        let mut link = Framer::new(MAGIC, Bounds::PROTOCOL);
        link.promote();
        let ids = |count| Message::GetMemoryPool(List::truncated(vec![Hash([1; 32]); count]));
        let mut bytes = Frame::new(&ids(3)).to_bytes(MAGIC);
        (0..9).for_each(|_| bytes.extend(Frame::new(&ids(500)).to_bytes(MAGIC)));
        bytes.extend(Frame::new(&Message::Pong(7)).to_bytes(MAGIC));
        let mut input = &bytes[..];
        let mut heard = |link: &mut Framer| -> Vec<Kind> {
            std::iter::from_fn(|| link.receive(&mut input).unwrap()).map(|frame| frame.kind).collect()
        };
        assert_eq!(heard(&mut link), [Kind::GetMemoryPool, Kind::Pong]);
        let mut answered = 0;
        while !heard(&mut link).is_empty() || answered == 0 {
            link.answer(Kind::GetMemoryPool, &[]).unwrap();
            answered += 1;
        }
        assert_eq!(answered, 1 + limits::HELD_POOL_BYTES / 16_100);
    }

    #[test]
    fn a_block_that_waits_for_its_turn_is_dropped_when_its_peer_brings_it_or_asks_for_it() {
        for brings in [true, false] {
            let (mut link, _) = asked(0);
            let block = Frame::new(&Message::Block(vec![0; 10_000].into()));
            let other = Frame::new(&Message::Block(vec![1; 10_000].into()));
            let hash = crate::link::send_queue::block_of(&block).unwrap();
            assert!(link.relay(&block) && link.relay(&other) && link.brings(&hash));
            assert_eq!((link.queued(), link.pushes()), (0, (true, false)));
            let said = if brings { block.clone() } else { Frame::new(&Message::GetBlock(hash)) };
            assert_eq!(link.receive(&mut &said.to_bytes(MAGIC)[..]), Ok(Some(said)));
            assert_eq!((link.take_left(), link.repeats(&hash), link.brings(&hash)), (vec![hash], false, !brings));
            assert_eq!((link.begin_push(), link.pushes()), (Some(other.wire_len()), (false, true)));
        }
    }

    #[test]
    fn a_block_that_waits_as_news_answers_a_request_for_it() {
        let (mut link, _) = asked(0);
        let block = Frame::new(&Message::Block(vec![0; 10_000].into()));
        let hash = crate::link::send_queue::block_of(&block).unwrap();
        assert!(link.relay(&block) && link.begin_push().is_some());
        link.sent(5_000);
        let bytes = Frame::new(&Message::GetBlock(hash)).to_bytes(MAGIC);
        assert_eq!(link.receive(&mut &bytes[..]), Ok(None));
        assert!(link.brings(&hash));
        link.sent(link.queued());
        assert!(!link.brings(&hash) && link.receive(&mut &bytes[..]).unwrap().is_some());
        assert!(link.brings(&hash), "it will come as an answer");
    }
}
