//! Compact blocks: made for blocks that are passed on and for peers that ask, and the transactions that they lack.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{
        bytes::Bytes,
        codec::{self, CodecError, List},
        hash::{Domain, Hash},
        ids::LinkId,
        limits::{COMPACT_BLOCKS_KEPT, COMPACT_QUESTIONS_PER_SECOND, COMPACT_WHOLE_BYTES, MAX_COMPACT_WHOLE},
        time::Time,
    },
    chain::{
        archive::StoreError, checked::CheckedBlock, header::Header, merkle, transaction::Transaction, transaction_view,
    },
    node::{Outbox, PeerFault, Setup, notice::ToGossip, rate_limit::RateLimit, report::Counter},
    wire::{
        compact::{CompactBlock, ShortIds},
        frame::{Frame, FrameFault},
        message::{Kind, Message},
    },
};

use super::{chainstate::Chainstate, pool::Pool};

/// Makes and serves compact blocks.
pub(super) struct CompactBlocks {
    /// Blocks up to this size have no compact form when they are passed on.
    whole_block_bytes: usize,
    /// Makes nonces that differ from those of other nodes.
    salt: Hash,
    /// Those of the last blocks, oldest first.
    latest: VecDeque<(Hash, Message)>,
    /// How often each peer may ask.
    questions: BTreeMap<LinkId, RateLimit>,
}

impl CompactBlocks {
    /// Nonces are the node's own, or whoever finds short ids that collide for one would do so for all.
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            whole_block_bytes: setup.whole_block_bytes,
            salt: setup.key.salt("compact blocks"),
            latest: VecDeque::new(),
            questions: BTreeMap::new(),
        }
    }

    /// The link is gone.
    pub(super) fn closed(&mut self, link: LinkId) {
        self.questions.remove(&link);
    }

    /// The compact form of a new block, with the transactions that were not in the mempool: peers may lack them, too. `None`
    /// if it is not much shorter than the block.
    pub(super) fn make_news(&mut self, block: &CheckedBlock, pool: &Pool) -> Option<Frame> {
        if block.bytes.len() <= self.whole_block_bytes {
            return None;
        }
        let mut room = COMPACT_WHOLE_BYTES;
        let mut is_short = true;
        let compact = self.make(&block.hash, &block.bytes, block.leaves.as_deref(), |at, size| {
            let is_unknown = block.txids.get(at).is_none_or(|txid| pool.entry(txid).is_none());
            let left = room.checked_sub(size).filter(|_| is_unknown);
            // What has no room either is what peers would have to ask for.
            is_short &= left.is_some() || !is_unknown;
            room = left.unwrap_or(room);
            left.is_some()
        })?;
        let message = Message::CompactBlock(Box::new(compact));
        let frame = Frame::new(&message);
        self.keep(block.hash, message);
        (is_short && frame.body.len() <= block.bytes.len() / 2).then_some(frame)
    }

    fn keep(&mut self, hash: Hash, message: Message) {
        if self.latest.len() >= COMPACT_BLOCKS_KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back((hash, message));
    }

    /// `is_whole`: whether the transaction at this position and of this size is included.
    /// `leaves`: those of its transactions, if they are known.
    fn make(
        &self,
        hash: &Hash,
        body: &Bytes,
        leaves: Option<&[Hash]>,
        mut is_whole: impl FnMut(usize, usize) -> bool,
    ) -> Option<CompactBlock> {
        let header = Header::peek(body)?;
        let nonce = Domain::STREAM.hash(&codec::encode(&(self.salt, hash))).first_eight();
        let short = ShortIds::new(hash, nonce);
        let (mut ids, mut whole) = (Vec::new(), Vec::new());
        for (at, one) in transaction_view::transactions(body)?.enumerate() {
            let (_, bytes) = one?;
            if at == 0 || whole.len() < MAX_COMPACT_WHOLE && is_whole(at, bytes.len()) {
                whole.push((u16::try_from(at).ok()?, codec::decode::<Transaction>(bytes).ok()?));
            } else {
                let known = leaves.and_then(|leaves| leaves.get(at));
                ids.push(short.of(&known.copied().unwrap_or_else(|| merkle::leaf(bytes))));
            }
        }
        Some(CompactBlock { header, nonce, ids: List::new(ids).ok()?, whole: List::new(whole).ok()? })
    }

    /// Answers a `GetBlockTransactions`.
    pub(super) fn answer(
        &mut self,
        now: Time,
        link: LinkId,
        (hash, positions): (Hash, &[u16]),
        chain: &Chainstate,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let limit = || RateLimit::per_second(COMPACT_QUESTIONS_PER_SECOND);
        if !self.questions.entry(link).or_insert_with(limit).take(now) {
            out.fault(link, PeerFault::Flood("GetBlockTransactions"));
            return Ok(());
        }
        if !positions.is_sorted_by(|one, next| one < next) {
            let fault = CodecError::Malformed("positions are out of order".to_owned());
            out.fault(link, FrameFault::Body(fault).into());
            return Ok(());
        }
        let answer = match positions.is_empty() {
            true => {
                out.tell(ToGossip::BlockAsked { link });
                self.whole(&hash, chain)?
            }
            false => chain.served_body(&hash)?.and_then(|body| picked(hash, &body, positions)),
        };
        if answer.is_some() {
            out.count(Counter::BlocksServed, u64::from(positions.is_empty()));
        }
        out.answer(link, Kind::GetBlockTransactions, [answer.unwrap_or(Message::BlockTransactions(hash, List::EMPTY))]);
        Ok(())
    }

    /// The compact form of a block of the chain.
    fn whole(&mut self, hash: &Hash, chain: &Chainstate) -> Result<Option<Message>, StoreError> {
        if let Some((_, message)) = self.latest.iter().find(|(latest, _)| latest == hash) {
            return Ok(Some(message.clone()));
        }
        let body = chain.served_body(hash)?;
        let made = body.and_then(|body| self.make(hash, &body, None, |_, _| false));
        let message = made.map(|compact| Message::CompactBlock(Box::new(compact)));
        message.iter().for_each(|message| self.keep(*hash, message.clone()));
        Ok(message)
    }
}

/// The transactions at these positions, ascending; `None` if the block has not all of them.
fn picked(hash: Hash, body: &Bytes, positions: &[u16]) -> Option<Message> {
    let mut all = transaction_view::transactions(body)?;
    let mut next = 0;
    let mut picked = Vec::with_capacity(positions.len());
    for position in positions {
        let position = usize::from(*position);
        let (_, bytes) = all.nth(position - next)??;
        picked.push(codec::decode(bytes).ok()?);
        next = position + 1;
    }
    Some(Message::BlockTransactions(hash, List::new(picked).ok()?))
}
