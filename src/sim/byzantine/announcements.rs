//! Announces transactions and does not deliver them: what it has, or ids of nothing.

use crate::{
    base::{codec::List, ids::LinkId, rng::Rng},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
        short_id::ShortId,
    },
};

/// Ids of nothing in one message.
const JUNK: usize = 40;

/// The trick.
pub(super) struct Announcements {
    /// Whether it invents ids; else it keeps to itself what it announced.
    invents: bool,
    /// Whether the log has it.
    is_told: bool,
}

impl Announcements {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self { invents: rng.chance(300_000), is_told: false }
    }
}

impl Trick for Announcements {
    fn send(&mut self, _link: LinkId, frame: Frame, _context: &mut Context<'_>) -> Vec<Frame> {
        if self.invents || !matches!(frame.kind, Kind::Transaction | Kind::AbsentTransactions) {
            return vec![frame];
        }
        if !std::mem::replace(&mut self.is_told, true) {
            log::debug!(target: "tussock::sim", "a node announces transactions and never sends one");
        }
        Vec::new()
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        if !self.invents {
            return Vec::new();
        }
        if !links.is_empty() && !std::mem::replace(&mut self.is_told, true) {
            log::debug!(target: "tussock::sim", "a node announces transactions that do not exist");
        }
        let ids = List::truncated((0..JUNK).map(|_| ShortId(context.rng.next_u64())));
        let frame = Frame::new(&Message::Announce { salt: 0, ids });
        links.iter().map(|link| (*link, frame.clone())).collect()
    }
}
