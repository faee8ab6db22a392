//! Claims a chain that is longer than any, and says where its rounds of headers begin: at hashes that nobody has, or at blocks
//! from elsewhere in the chain. From time to time it says so unasked, which costs the link.

use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::LinkId,
        limits::{MAX_SKELETON_HASHES, MAX_SYNC_HEADERS},
    },
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Blocks that its chain seems to have on top of its own.
const CLAIMED: u32 = (MAX_SKELETON_HASHES * MAX_SYNC_HEADERS) as u32;
/// How often it sends a skeleton that nobody asked for, parts per million of its turns.
const UNASKED_PPM: u64 = 30_000;

/// The trick.
#[derive(Default)]
pub(super) struct Skeletons {
    /// Whether the log has it.
    is_told: bool,
}

impl Trick for Skeletons {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let message = match (frame.kind, frame.open()) {
            (Kind::Version, Ok(Message::Version(mut version))) => {
                (version.height, version.work) = (version.height.saturating_add(CLAIMED), [0x7f; 32]);
                version.tip = Hash(context.rng.bytes());
                Message::Version(version)
            }
            (Kind::Ping, Ok(Message::Ping { nonce, height, .. })) => {
                Message::Ping { nonce, height: height.saturating_add(CLAIMED), tip: Hash(context.rng.bytes()) }
            }
            (Kind::Skeleton, _) => {
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

/// Hashes that do not follow each other.
fn skeleton(context: &mut Context<'_>) -> Message {
    let tip = context.tip().map_or(Hash::ZERO, |(tip, _)| tip.hash);
    let count = context.rng.between(1, 40);
    let hash = |_| if context.rng.chance(300_000) { tip } else { Hash(context.rng.bytes()) };
    Message::Skeleton(List::truncated((0..count).map(hash).collect::<Vec<_>>()))
}
