//! A join that finds no snapshot: what peers offer instead, and what an operator can do.

use std::collections::BTreeSet;

use crate::{
    base::limits::JOIN_DEPTH,
    node::{
        hindrance::Finding,
        snapshot::{Snapshot, joiner::Joiner, offered::Depth, peer::Peer},
    },
};

/// How to do without a snapshot.
const OTHERWISE: &str = "start this node with --join history";

impl Snapshot {
    /// What keeps this node from joining, once further peers are looked for in vain.
    pub(super) fn lacks_snapshot(&self) -> Option<Finding> {
        let joiner = self.joiner.as_ref().filter(|joiner| joiner.wants_pieces() && joiner.plan.is_none())?;
        if !self.seeking.is_on() || self.peers.is_empty() {
            return None;
        }
        let serving: Vec<&Peer> = self.peers.values().filter(|peer| peer.serves && !peer.closing).collect();
        if !serving.iter().all(|peer| peer.has_answered && peer.offers.is_none()) {
            return None;
        }
        let offered: BTreeSet<u32> = serving.iter().filter_map(|peer| peer.newest).collect();
        Some(match (offered.first(), serving.len()) {
            (Some(lowest), _) => unfit(joiner, *lowest, &heights(&offered), self.is_sealed())?,
            (None, 0) => Finding::new(
                "no linked peer serves snapshots",
                format!("name one that runs with --serve-snapshots: tussock peers add ADDRESS; or {OTHERWISE}"),
            ),
            (None, _) => Finding::new(
                "no linked peer that serves snapshots has made one yet",
                format!("wait until one has (each makes one every --snapshot-interval blocks), or {OTHERWISE}"),
            ),
        })
    }

    fn is_sealed(&self) -> bool {
        self.spec.seal_rules().needs_certificate()
    }
}

/// Peers offer snapshots, and the join wants none of these.
fn unfit(joiner: &Joiner, lowest: u32, heights: &str, is_sealed: bool) -> Option<Finding> {
    let best = joiner.best?;
    // A text that named the second of each answer would be another one all the time.
    let offered =
        format!("the newest snapshots that linked peers have shown (they are asked once a minute) are of {heights}");
    let below = best.saturating_sub(lowest);
    Some(match joiner.depth? {
        Depth::Nowhere => return None,
        Depth::Block(_) => Finding::new(
            format!("{offered}, and none of the block that --join-at names"),
            format!("name one of these with --join-at, by the hash that somebody you trust tells you, or {OTHERWISE}"),
        ),
        Depth::UpTo(most) if is_sealed => Finding::new(
            format!("{offered}, and only up to {most} is known to be final"),
            format!("wait until more is final (tussock status), or {OTHERWISE}"),
        ),
        Depth::UpTo(most) => {
            let (asked, later) = match joiner.join.depth {
                Some(depth) => {
                    (format!("--join-depth {depth}"), format!("block {}", lowest.saturating_add(depth.max(1))))
                }
                None => {
                    let above = format!("{JOIN_DEPTH} blocks and those of a day");
                    (format!("a join without --join-depth ({above})"), format!("the time when {above} are above it"))
                }
            };
            let wait = format!("or wait: from {later} on block {lowest} will do, if a peer still has it then");
            let advice = match below {
                // No header proves its coins.
                0 => format!("give a smaller --join-depth once a block is above it, {wait}, or {OTHERWISE}"),
                _ => format!(
                    "start this node with --join-depth {below}: fewer blocks vouch for the coins then; {wait}; or {OTHERWISE}"
                ),
            };
            Finding::new(format!("{offered}, and of {best} blocks {asked} takes one of block {most} or below"), advice)
        }
    })
}

/// Heights in words, at most two of them.
fn heights(offered: &BTreeSet<u32>) -> String {
    match (offered.first(), offered.last()) {
        (Some(lowest), Some(highest)) if lowest != highest => format!("blocks {lowest} to {highest}"),
        (lowest, _) => format!("block {}", lowest.copied().unwrap_or_default()),
    }
}
