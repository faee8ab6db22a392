//! What a peer asks for to follow the chain: headers, and the newest blocks. It never waits for the limit of uploads, which
//! is there for what takes much.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    base::hash::Hash,
    chain::header::Header,
    wire::{frame::Frame, message::Kind},
};

/// Blocks that count as new: more than peers fall behind by while news travels, and few enough to compare with each request.
const NEWEST_BLOCKS: usize = 8;

/// The blocks that this node passed on last, which all links share. Each new one pushes out the oldest.
#[derive(Clone, Debug, Default)]
pub(super) struct NearTip(Arc<VecDeque<Hash>>);

impl NearTip {
    /// This is passed on.
    pub(super) fn note(&mut self, frame: &Frame) {
        let is_block = matches!(frame.kind, Kind::Block | Kind::CompactBlock | Kind::BlockHeader);
        let Some(header) = is_block.then(|| Header::peek(&frame.body)).flatten() else { return };
        let hash = header.hash();
        if self.0.contains(&hash) {
            return;
        }
        let blocks = Arc::make_mut(&mut self.0);
        blocks.push_back(hash);
        if blocks.len() > NEWEST_BLOCKS {
            blocks.pop_front();
        }
    }

    /// Whether a peer needs the answer to this request to follow the chain.
    fn needs(&self, request: &Frame) -> bool {
        match request.kind {
            Kind::GetSync | Kind::GetSkeleton => true,
            Kind::GetBlock | Kind::GetBlockTransactions => {
                let hash = request.body.first_chunk().map(|bytes| Hash(*bytes));
                hash.is_some_and(|hash| self.0.contains(&hash))
            }
            _ => false,
        }
    }
}

/// The requests of a link that are handed on now, as far as the limit of uploads goes.
#[derive(Debug)]
pub(super) enum Serves {
    /// All.
    All,
    /// Those that a peer needs to follow the chain.
    Only(NearTip),
}

impl Serves {
    /// Whether this request is among them.
    pub(super) fn hands_on(&self, request: &Frame) -> bool {
        match self {
            Self::All => true,
            Self::Only(near_tip) => near_tip.needs(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::codec::List, link::send_queue::block_of, wire::message::Message};

    #[test]
    fn the_newest_blocks_are_those_that_were_passed_on_last() {
        let mut near_tip = NearTip::default();
        let news: Vec<Frame> =
            (0..10).map(|byte| Frame::new(&Message::Block([&[byte], [0; 999].as_slice()].concat().into()))).collect();
        news.iter().chain(&news[8..]).for_each(|frame| near_tip.note(frame));
        near_tip.note(&Frame::new(&Message::Transaction(vec![3; 500].into())));
        let hashes: Vec<Hash> = news.iter().map(|frame| block_of(frame).unwrap()).collect();
        let serves = Serves::Only(near_tip);
        let asks = |hash: &Hash| {
            let [whole, parts] =
                [Message::GetBlock(*hash), Message::GetBlockTransactions(*hash, List::truncated([0, 1]))];
            let [whole, parts] = [whole, parts].map(|message| serves.hands_on(&Frame::new(&message)));
            assert_eq!(whole, parts);
            whole
        };
        assert_eq!(hashes.iter().filter(|hash| asks(hash)).count(), NEWEST_BLOCKS);
        assert!(!asks(&hashes[1]) && asks(&hashes[2]) && asks(&hashes[9]));
        assert!(serves.hands_on(&Frame::new(&Message::GetSync(List::truncated([hashes[0]])))));
        assert!(!serves.hands_on(&Frame::new(&Message::GetMemoryPool(List::EMPTY))));
        assert!(Serves::All.hands_on(&Frame::new(&Message::GetMemoryPool(List::EMPTY))));
    }
}
