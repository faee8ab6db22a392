//! Announces transactions and does not deliver them: what it has, or ids of nothing.

use std::collections::{BTreeMap, VecDeque};

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
/// Ids that it denies to have and announces again.
const DENIED: usize = 8;

/// The trick.
pub(super) struct Announcements {
    way: Way,
    /// What it announced last to each peer, and with which number of a salt.
    announced: BTreeMap<LinkId, (u8, VecDeque<ShortId>)>,
    /// Whether the log has it.
    is_told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It invents ids.
    Invents,
    /// It keeps to itself what it announced.
    Keeps,
    /// It says that it has not what it announced, and announces it again.
    Denies,
}

impl Way {
    fn told(self) -> &'static str {
        match self {
            Self::Invents => "a node announces transactions that do not exist",
            Self::Keeps => "a node announces transactions and never sends one",
            Self::Denies => "a node announces transactions, denies to have them and announces them again",
        }
    }
}

impl Announcements {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let way = match rng.below(3) {
            0 => Way::Invents,
            1 => Way::Keeps,
            _ => Way::Denies,
        };
        Self { way, announced: BTreeMap::new(), is_told: false }
    }

    fn tell(&mut self) {
        if !std::mem::replace(&mut self.is_told, true) {
            log::debug!(target: "tussock::sim", "{}", self.way.told());
        }
    }

    fn note(&mut self, link: LinkId, frame: &Frame) {
        if let Ok(Message::Announce { salt, ids }) = frame.open() {
            let (last, announced) = self.announced.entry(link).or_default();
            if *last != salt {
                (*last, *announced) = (salt, VecDeque::new());
            }
            announced.extend(ids.iter().copied());
            announced.drain(..announced.len().saturating_sub(DENIED));
        }
    }
}

impl Trick for Announcements {
    fn send(&mut self, link: LinkId, frame: Frame, _context: &mut Context<'_>) -> Vec<Frame> {
        if self.way == Way::Denies && frame.kind == Kind::Announce {
            self.note(link, &frame);
        }
        if self.way == Way::Invents || !matches!(frame.kind, Kind::Transaction | Kind::AbsentTransactions) {
            return vec![frame];
        }
        self.tell();
        Vec::new()
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        if links.is_empty() {
            return Vec::new();
        }
        match self.way {
            Way::Invents => {
                self.tell();
                let ids = List::truncated((0..JUNK).map(|_| ShortId(context.rng.next_u64())));
                let frame = Frame::new(&Message::Announce { salt: 0, ids });
                links.iter().map(|link| (*link, frame.clone())).collect()
            }
            Way::Keeps => Vec::new(),
            Way::Denies => {
                self.announced.retain(|link, _| links.contains(link));
                let again = |(link, (salt, ids)): (&LinkId, &(u8, VecDeque<ShortId>))| {
                    let ids = ids.iter().copied();
                    let denied = Frame::new(&Message::AbsentTransactions(List::truncated(ids.clone())));
                    let announced = Frame::new(&Message::Announce { salt: *salt, ids: List::truncated(ids) });
                    [(*link, denied), (*link, announced)]
                };
                self.announced.iter().flat_map(again).collect()
            }
        }
    }
}
