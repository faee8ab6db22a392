//! Mines, and tells half of its peers of one block and the other half of another at the same height.

use std::collections::BTreeMap;

use crate::{
    base::{bytes::Bytes, codec::List, hash::Hash, ids::LinkId},
    chain::block::{HashedBlock, HashedTransaction},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Twins that are remembered.
const MAX_TWINS: usize = 64;

/// The trick.
#[derive(Default)]
pub(super) struct Equivocate {
    /// By the hash of the block that the roles made.
    twins: BTreeMap<Hash, HashedBlock>,
}

impl Trick for Equivocate {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        match frame.kind {
            Kind::Block if (link.0 / 2).is_multiple_of(2) => match self.twin(&frame.body, context) {
                Some(twin) => vec![Frame::new(&Message::Block(twin))],
                None => vec![frame],
            },
            Kind::Absent => {
                let asked = frame.body.get(..32).and_then(|bytes| bytes.try_into().ok()).map(Hash);
                match self.twins.values().find(|twin| Some(twin.hash) == asked) {
                    Some(twin) => vec![Frame::new(&Message::Block(twin.bytes.clone()))],
                    None => vec![frame],
                }
            }
            _ => vec![frame],
        }
    }

    fn mines(&self) -> bool {
        true
    }
}

impl Equivocate {
    /// Another valid block with the same parent: the memo of the coinbase is free.
    fn twin(&mut self, bytes: &Bytes, context: &mut Context<'_>) -> Option<Bytes> {
        let block = HashedBlock::decode(bytes.clone()).ok()?;
        if let Some(twin) = self.twins.get(&block.hash) {
            return Some(twin.bytes.clone());
        }
        let mut transactions = block.transactions.clone();
        let mut coinbase = transactions[0].transaction.clone();
        let mut memo = coinbase.memo.clone().into_vec();
        memo.truncate(64);
        memo.extend_from_slice(b"twin");
        coinbase.memo = List::truncated(memo);
        transactions[0] = HashedTransaction::new(coinbase);
        let mut header = block.header.clone();
        header.merkle_root = HashedBlock::new(header.clone(), transactions.clone()).merkle_root();
        if let Some(proof) = header.proof_mut() {
            proof.nonce = context.rng.next_u64() >> 1;
        }
        while !header.has_work(&header.hash()) {
            header.next_nonce();
        }
        while self.twins.len() >= MAX_TWINS {
            self.twins.pop_first();
        }
        let twin = HashedBlock::new(header, transactions);
        let bytes = twin.bytes.clone();
        self.twins.insert(block.hash, twin);
        Some(bytes)
    }
}
