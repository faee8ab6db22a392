//! Claims a chain that is longer than any, and shows its first two hundred headers, which have work and no bodies. Where its
//! further rounds begin it says falsely: at hashes that nobody has, or at blocks from elsewhere in the chain. From time to time
//! it says so unasked, which costs the link.

use std::collections::BTreeMap;

use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::LinkId,
        limits::{MAX_SKELETON_HASHES, MAX_SYNC_HEADERS},
    },
    chain::header::Header,
    sim::byzantine::{
        claims::longer_chain,
        headers,
        trick::{Context, Trick},
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Blocks that its chain seems to have on top of its own.
const CLAIMED: u32 = (MAX_SKELETON_HASHES * MAX_SYNC_HEADERS) as u32;
/// How often it sends a skeleton that nobody asked for, parts per million of its turns.
const UNASKED_PPM: u64 = 30_000;

/// Headers that it shows: a peer asks where rounds begin after the first full one.
const SHOWN: usize = 2 * MAX_SYNC_HEADERS;
/// Hashes that they may cost. Nobody delivers these blocks, so no honest chain loses against them.
const EFFORT: u64 = 1_000_000;

/// The trick.
#[derive(Default)]
pub(super) struct Skeletons {
    branch: Vec<Header>,
    /// How many of its headers each link was shown.
    shown: BTreeMap<LinkId, usize>,
    /// Whether the log has it.
    is_told: bool,
}

impl Trick for Skeletons {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        if let Some(message) = longer_chain(&frame, CLAIMED, context) {
            return vec![Frame::new(&message)];
        }
        let message = match frame.kind {
            Kind::Sync => match self.next_round(link, context) {
                Some(headers) => Message::Sync(List::truncated(headers)),
                None => return vec![frame],
            },
            Kind::Skeleton => {
                if !std::mem::replace(&mut self.is_told, true) {
                    log::debug!(target: "tussock::sim", "a node says falsely where rounds of headers begin");
                }
                skeleton(context)
            }
            _ => return vec![frame],
        };
        vec![Frame::new(&message)]
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some(link) = context.rng.pick(links).copied().filter(|_| context.rng.chance(UNASKED_PPM)) else {
            return Vec::new();
        };
        log::debug!(target: "tussock::sim", "a node says unasked where rounds of headers begin link={}", link.0);
        // The peer may have asked for one, but not for two.
        [skeleton(context), skeleton(context)].map(|message| (link, Frame::new(&message))).into()
    }
}

impl Skeletons {
    /// The next hundred headers of its branch for a link; `None`: there are no more.
    fn next_round(&mut self, link: LinkId, context: &mut Context<'_>) -> Option<Vec<Header>> {
        let mut effort = EFFORT;
        while self.branch.len() < SHOWN {
            let parent = self.branch.last().unwrap_or(&context.spec.genesis.header).clone();
            self.branch.push(headers::solved(&parent, &mut effort, context)?);
        }
        let shown = self.shown.entry(link).or_default();
        let headers = self.branch.get(*shown..*shown + MAX_SYNC_HEADERS)?.to_vec();
        *shown += MAX_SYNC_HEADERS;
        Some(headers)
    }
}

/// Hashes that do not follow each other.
fn skeleton(context: &mut Context<'_>) -> Message {
    let tip = context.tip().map_or(Hash::ZERO, |(tip, _)| tip.hash);
    let count = context.rng.between(1, 40);
    let hash = |_| if context.rng.chance(300_000) { tip } else { Hash(context.rng.bytes()) };
    Message::Skeleton(List::truncated((0..count).map(hash).collect::<Vec<_>>()))
}
