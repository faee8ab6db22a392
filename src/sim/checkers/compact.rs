//! What a node puts together is the block, and it asks for nothing of a block before it knows the header's work. It checks no body
//! without that, and passes on no block whose header is not stored.

use crate::{
    base::hash::Hash,
    chain::{block::HashedBlock, header::Header},
    node::{
        Action, Event, LinkAction, LinkEvent, Origin,
        notice::{Notice, ToFetch, ToVerify},
    },
    sim::world::World,
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Headers of one node that are remembered.
const MAX_UNJUDGED: usize = 256;

impl World {
    /// The role `fetch` hears something.
    pub(in crate::sim) fn note_told_of(&mut self, node: usize, event: &Event) {
        // Where authorities seal, no header shows by itself that it counts.
        let Some(life) = self.nodes[node].life.as_mut().filter(|_| self.options.authorities == 0) else { return };
        let unjudged = &mut life.watch.unjudged;
        match event {
            Event::Link(LinkEvent::Frame { frame, .. })
                if matches!(frame.kind, Kind::BlockHeader | Kind::CompactBlock) && unjudged.len() < MAX_UNJUDGED =>
            {
                let header = Header::peek(&frame.body).filter(|header| !header.has_work(&header.hash()));
                unjudged.extend(header.map(|header| header.hash()));
            }
            Event::Notice(Notice::Fetch(ToFetch::HeaderJudged { hash, is_wanted: true }))
                if unjudged.contains(hash) =>
            {
                let what = format!("wants block {hash:?}, whose header has no work");
                self.fail("compact", Some(node), what);
            }
            _ => {}
        }
    }

    /// The role `fetch` does something.
    pub(in crate::sim) fn check_compact(&mut self, node: usize, action: &Action) {
        let Some(life) = self.nodes[node].life.as_ref().filter(|_| self.is_honest(node)) else { return };
        let complaint = match action {
            Action::Tell(Notice::Verify(ToVerify::CheckBlock { origin: Origin::Rebuilt(_), hash, frame, .. })) => {
                let is_whole = HashedBlock::decode(frame.body.clone())
                    .is_ok_and(|block| block.hash == *hash && block.merkle_root() == block.header.merkle_root);
                let is_block = is_whole && !life.watch.unjudged.contains(hash);
                (!is_block).then(|| format!("takes for block {hash:?} what is not it, or has no work"))
            }
            Action::Tell(Notice::Verify(ToVerify::CheckBlock { origin, hash, frame, .. })) => {
                let lacks_work = Header::peek(&frame.body).is_some_and(|header| !header.has_work(hash));
                let is_judged = self.options.authorities == 0 && *origin != Origin::Proposal;
                (is_judged && lacks_work).then(|| format!("checks the body of {hash:?}, whose header has no work"))
            }
            Action::Link(action) => {
                let asked = |frame: &Frame| asked_for(frame).filter(|hash| life.watch.unjudged.contains(hash));
                let LinkAction::Send { frame, .. } = action else { return };
                asked(frame).map(|hash| format!("asks for block {hash:?}, whose header has no work"))
            }
            _ => None,
        };
        if let Some(what) = complaint {
            self.fail("compact", Some(node), what);
        }
    }

    /// The role `ledger` passes on a block.
    pub(in crate::sim) fn check_validated(&mut self, node: usize, hash: &Hash) {
        if self.header_at(node, hash).is_none() {
            self.fail("compact", Some(node), format!("passes on {hash:?} and has not stored its header"));
        }
    }
}

/// The block of which a frame asks for the compact form or for transactions.
fn asked_for(frame: &Frame) -> Option<Hash> {
    match (frame.kind == Kind::GetBlockTransactions).then(|| frame.open()) {
        Some(Ok(Message::GetBlockTransactions(hash, _))) => Some(hash),
        _ => None,
    }
}
