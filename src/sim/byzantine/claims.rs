//! Claims a height and work that nobody has, and proves nothing.

use crate::{
    base::{codec::List, hash::Hash, ids::LinkId},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// A `Version` or `Ping` that claims `blocks` more than the node has, and the most work; `None` for other frames.
pub(super) fn longer_chain(frame: &Frame, blocks: u32, context: &mut Context<'_>) -> Option<Message> {
    match (frame.kind, frame.open()) {
        (Kind::Version, Ok(Message::Version(mut version))) => {
            (version.height, version.work) = (version.height.saturating_add(blocks), [0x7f; 32]);
            version.tip = Hash(context.rng.bytes());
            Some(Message::Version(version))
        }
        (Kind::Ping, Ok(Message::Ping { nonce, height, .. })) => {
            Some(Message::Ping { nonce, height: height.saturating_add(blocks), tip: Hash(context.rng.bytes()) })
        }
        _ => None,
    }
}

/// The trick.
pub(super) struct Claims;

impl Trick for Claims {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let message = match (frame.kind, frame.open()) {
            (Kind::Version, Ok(Message::Version(mut version))) => {
                version.height = 1_000_000;
                version.tip = Hash(context.rng.bytes());
                version.work = [0x7f; 32];
                Message::Version(version)
            }
            (Kind::Ping, Ok(Message::Ping { nonce, .. })) => {
                Message::Ping { nonce, height: 1_000_000, tip: Hash(context.rng.bytes()) }
            }
            (Kind::Sync, _) => Message::Sync(List::EMPTY),
            _ => return vec![frame],
        };
        vec![Frame::new(&message)]
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let ping = Message::Ping { nonce: context.rng.next_u64(), height: u32::MAX, tip: Hash(context.rng.bytes()) };
        links.iter().map(|link| (*link, Frame::new(&ping))).collect()
    }
}
