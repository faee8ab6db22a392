//! What a node that joins looks for, in words, and why it does not find it.

use crate::{
    base::hash::Hash,
    chain::archive::BlockStatus,
    node::snapshot::{Snapshot, offered::Depth, peer::Peer},
};

impl Snapshot {
    /// How far the join has come, in words.
    pub(super) fn progress(&self) -> String {
        let Some(joiner) = &self.joiner else { return String::new() };
        let is_looking = joiner.plan.is_none() && joiner.adopting.is_none();
        let said = joiner.progress();
        let Some(depth) = joiner.depth.filter(|_| is_looking) else { return said };
        let said = match depth {
            Depth::Nowhere => return said,
            Depth::UpTo(_) => said,
            Depth::Block(block) => match self.block_to_join_at(block, joiner.best.unwrap_or(0)) {
                Ok(said) => said,
                Err(problem) => return problem,
            },
        };
        let serving: Vec<&Peer> = self.peers.values().filter(|peer| peer.serves && !peer.closing).collect();
        if serving.is_empty() {
            return format!("{said}; no linked peer serves any (--serve-snapshots)");
        }
        if let Some(newest) = serving.iter().filter_map(|peer| peer.newest.filter(|_| peer.offers.is_none())).max() {
            return format!("{said}; the newest that a linked peer offers is of block {newest}");
        }
        let has_none = |peer: &&&Peer| peer.has_answered && peer.offers.is_none();
        match serving.iter().filter(has_none).count() {
            none if none < serving.len() => said,
            1 => format!("{said}; the one linked peer that serves snapshots has none"),
            all => format!("{said}; none of the {all} linked peers that serve snapshots has one"),
        }
    }

    /// The block that the operator has named, in words; or why no snapshot of it will ever do.
    fn block_to_join_at(&self, block: Hash, best: u32) -> Result<String, String> {
        let row = self.files.as_ref().and_then(|files| files.headers.header(&block).ok()).flatten();
        let Some(height) = row.filter(|row| row.status == BlockStatus::Applied).map(|row| row.header.height) else {
            return Err(format!("no block of this chain, up to height {best}, is {block} (--join-at)"));
        };
        if height == 0 {
            return Err("--join-at names genesis, whose coins every node has: name a later block".to_owned());
        }
        if height >= best {
            return Err(format!("waiting for a block above {height}, which --join-at names: it proves the coins"));
        }
        Ok(format!("looking for a snapshot of block {height}, {block}"))
    }
}
