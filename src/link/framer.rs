//! The one place where bytes become frames and frames become bytes, with the gate and the send queue of a link.
//!
//! Until the handshake role promotes the link, frames come out one at a time and only once the role is ready for the
//! next, because `Verack` and the first `GetSync` may arrive in one segment.

use std::collections::VecDeque;

use crate::{
    base::{bytes::Bytes, limits},
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

/// One link: bytes in, frames out; frames in, bytes out.
#[derive(Debug)]
pub(super) struct Framer {
    magic: [u8; 4],
    phase: Phase,
    reader: FrameReader,
    queue: VecDeque<Bytes>,
    /// Bytes of the queue's first chunk that have been sent.
    sent_of_first: usize,
    queued_bytes: usize,
    /// Questions for blocks that wait until those before them are answered.
    put_back: VecDeque<Frame>,
    /// Blocks that the peer has asked for, without those put back, and that are not queued yet.
    owed: usize,
    /// The size that each of them is taken to have: that of the largest recent one, which fades slowly.
    owed_size: usize,
    /// Much waits on all links together.
    is_crowded: bool,
}

impl Framer {
    /// A link on the network with this magic, before its handshake.
    pub(super) fn new(magic: [u8; 4]) -> Self {
        Self {
            magic,
            phase: Phase::Handshake,
            reader: FrameReader::new(magic),
            queue: VecDeque::new(),
            sent_of_first: 0,
            queued_bytes: 0,
            put_back: VecDeque::new(),
            owed: 0,
            owed_size: limits::SEND_SOFT_BYTES,
            is_crowded: false,
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
        self.put_back.clear();
        self.owed = 0;
    }

    /// Whether the link takes bytes now. It does not while the handshake role has a frame of it, nor while the peer
    /// leaves our answers unread, or has asked for as many blocks as may wait for it.
    pub(super) fn wants_input(&self) -> bool {
        match self.phase {
            Phase::Handshake => true,
            Phase::Open => {
                let asked = self.owed + self.put_back.len();
                self.queued_bytes < limits::SEND_SOFT_BYTES && asked < limits::BLOCKS_IN_FLIGHT_PER_PEER
            }
            Phase::Waiting | Phase::Closing => false,
        }
    }

    /// Whether [`Framer::receive`] has something to return without any further bytes.
    pub(super) fn has_question(&self) -> bool {
        !self.put_back.is_empty() && self.may_answer()
    }

    /// Whether one more question for a block may be handed on. Questions arrive faster than their answers are found. If
    /// only queued bytes counted, sixteen questions would be handed on at once, and sixteen megabytes be queued for a
    /// peer that has done nothing wrong.
    fn may_answer(&self) -> bool {
        let room = if self.is_crowded { limits::SEND_CROWDED_BYTES } else { limits::SEND_SOFT_BYTES };
        self.load() < room
    }

    /// Whether much waits on all links together. Each link then answers one question for a large block after the other,
    /// so that many slow peers at once are no reason to close one of them.
    pub(super) fn set_crowded(&mut self, is_crowded: bool) {
        self.is_crowded = is_crowded;
    }

    /// Bytes that wait to be sent, and an estimate of the blocks that the peer has asked for.
    pub(super) fn load(&self) -> usize {
        self.queued_bytes.saturating_add(self.owed.saturating_mul(self.owed_size))
    }

    /// Takes bytes from the front of `input` up to the end of one frame. Call again while it returns frames.
    ///
    /// Only questions for blocks wait, until earlier ones are answered. Other frames overtake them: among these may be
    /// answers to our own questions, and the peer must not seem slow because our ledger is busy.
    pub(super) fn receive(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, FrameFault> {
        if self.has_question() {
            self.owed += 1;
            return Ok(self.put_back.pop_front());
        }
        while self.wants_input() {
            let Some(frame) = self.reader.read(input)? else { break };
            match self.phase {
                Phase::Open if frame.kind == Kind::GetBlock && !self.may_answer() => {
                    self.put_back.push_back(frame);
                    continue;
                }
                Phase::Open if frame.kind == Kind::GetBlock => self.owed += 1,
                Phase::Handshake => self.phase = Phase::Waiting,
                _ => {}
            }
            return Ok(Some(frame));
        }
        Ok(None)
    }

    /// The frame that is arriving.
    pub(super) fn reader(&self) -> &FrameReader {
        &self.reader
    }

    /// Queues a frame to be sent. Blocks that the peer has asked for always fit: their number is limited.
    pub(super) fn send(&mut self, frame: &Frame) -> Result<(), SendOverflow> {
        let is_owed = self.settle(frame);
        if !is_owed && self.queued_bytes + frame.wire_len() > limits::SEND_HARD_BYTES && !self.queue.is_empty() {
            return Err(SendOverflow);
        }
        self.queued_bytes += frame.wire_len();
        if frame.kind == Kind::Block || frame.body.len() > 4096 {
            // Large bodies are shared between all links that send them; only the head is copied.
            self.queue.push_back(frame.head(self.magic).to_vec().into());
            self.queue.push_back(frame.body.clone());
        } else {
            self.queue.push_back(frame.to_bytes(self.magic).into());
        }
        Ok(())
    }

    /// Counts a `Block` or `Absent` as an answer, if one is owed. Returns whether it is one.
    fn settle(&mut self, frame: &Frame) -> bool {
        if self.owed == 0 || !matches!(frame.kind, Kind::Block | Kind::Absent) {
            return false;
        }
        self.owed -= 1;
        if frame.kind == Kind::Block {
            self.owed_size = frame.wire_len().max(self.owed_size - self.owed_size / 8);
        }
        true
    }

    /// Up to `count` chunks to send next, for vectored writes.
    pub(super) fn outputs(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let skip = |at| if at == 0 { self.sent_of_first } else { 0 };
        self.queue.iter().take(count).enumerate().map(move |(at, chunk)| &chunk[skip(at)..])
    }

    /// `count` bytes of what [`Framer::outputs`] offered were sent.
    pub(super) fn sent(&mut self, mut count: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(count);
        while let Some(first) = self.queue.front() {
            let left = first.len() - self.sent_of_first;
            if count < left {
                self.sent_of_first += count;
                return;
            }
            count -= left;
            self.sent_of_first = 0;
            self.queue.pop_front();
        }
    }

    /// Bytes that wait to be sent.
    pub(super) fn queued(&self) -> usize {
        self.queued_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::Hash, wire::message::Message};

    const MAGIC: [u8; 4] = [1, 2, 3, 4];

    #[test]
    fn before_promotion_one_message_at_a_time_comes_out() {
        let two: Vec<u8> =
            [Message::Verack(1), Message::GetPeers].iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
        let mut input = &two[..];
        let mut link = Framer::new(MAGIC);
        assert_eq!(link.receive(&mut input).unwrap().unwrap().kind, Kind::Verack);
        assert_eq!(link.receive(&mut input).unwrap(), None, "the role has not answered yet");
        assert!(!input.is_empty());
        link.promote();
        assert_eq!(link.receive(&mut input).unwrap().unwrap().kind, Kind::GetPeers);
    }

    #[test]
    fn output_is_the_frames_in_order_however_it_is_cut() {
        let frames = [Message::Verack(1), Message::Block(vec![5; 10_000].into()), Message::GetPeers];
        let expected: Vec<u8> = frames.iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
        for step in [1, 7, 5000, 100_000] {
            let mut link = Framer::new(MAGIC);
            frames.iter().for_each(|message| link.send(&Frame::new(message)).unwrap());
            let mut out = Vec::new();
            while link.queued() > 0 {
                let chunk: Vec<u8> = link.outputs(3).flatten().copied().take(step).collect();
                link.sent(chunk.len());
                out.extend(chunk);
            }
            assert_eq!(out, expected);
            assert_eq!(link.queued(), 0);
        }
    }

    /// An open link, and the bytes of a peer that asks for this number of blocks at once.
    fn asked(blocks: u8) -> (Framer, Vec<u8>) {
        let mut link = Framer::new(MAGIC);
        link.promote();
        let asks = |byte| Frame::new(&Message::GetBlock(Hash([byte; 32]))).to_bytes(MAGIC);
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
                link.send(&largest).unwrap();
                answers += 1;
                assert!(link.queued() <= limits::SEND_HARD_BYTES);
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
            link.send(&block).unwrap();
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
        let (mut link, asked) = asked(100);
        let mut input = &asked[..];
        let answers = [Message::Block(vec![7; 500].into()), Message::Absent(Hash([1; 32]))];
        for turn in 0..40 {
            assert!(link.receive(&mut input).unwrap().is_some());
            link.send(&Frame::new(&answers[turn % 8 / 7])).unwrap();
            link.sent(link.queued());
        }
        assert_eq!(questions(&mut link, &mut input), limits::BLOCKS_IN_FLIGHT_PER_PEER);
        // Large ones after many small ones: what is asked for is still sent, however much it is.
        for _ in 0..limits::BLOCKS_IN_FLIGHT_PER_PEER {
            assert!(!link.wants_input());
            link.send(&Frame::new(&Message::Block(vec![7; 300_000].into()))).unwrap();
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
        link.send(&block).unwrap();
        link.sent(link.queued());
        link.set_crowded(true);
        assert_eq!((questions(&mut link, &mut input), link.queued()), (1, 0));
        assert!(link.load() > 0, "it is counted as soon as it is asked for");
        link.send(&block).unwrap();
        assert_eq!((questions(&mut link, &mut input), link.load()), (0, link.queued()));
        link.sent(link.queued());
        assert_eq!(questions(&mut link, &mut input), 1);
        link.set_crowded(false);
        assert_eq!(questions(&mut link, &mut input), 1, "a second one at the same time");
        link.close();
        assert_eq!(link.load(), 0);
    }

    #[test]
    fn a_peer_that_reads_nothing_is_read_no_further_and_then_refused() {
        let mut link = Framer::new(MAGIC);
        link.promote();
        let block = Frame::new(&Message::Block(vec![0; 300 * 1024].into()));
        link.send(&block).unwrap();
        assert!(!link.wants_input());
        for _ in 0..3 {
            link.send(&block).unwrap();
        }
        assert_eq!(link.send(&block), Err(SendOverflow));
    }
}
