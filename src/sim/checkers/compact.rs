//! What a node puts together is the block, and it asks for nothing of a block before it knows the header's work.

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
                (!is_whole).then(|| format!("takes for block {hash:?} what is not it"))
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
}

/// The block of which a frame asks for the compact form or for transactions.
fn asked_for(frame: &Frame) -> Option<Hash> {
    match (frame.kind == Kind::GetBlockTransactions).then(|| frame.open()) {
        Some(Ok(Message::GetBlockTransactions(hash, _))) => Some(hash),
        _ => None,
    }
}
