//! Lies about snapshots: leaves that no header names, pieces that are changed, swapped, missing or late.

use std::collections::VecDeque;

use crate::{
    base::{bytes::Bytes, ids::LinkId, rng::Rng},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Where the leaves of a manifest begin, and their bytes.
const LEAVES: (usize, u64) = (36, 64 * 32);
/// Pieces that wait for their time.
const MOST: usize = 16;

/// What it does.
#[derive(Clone, Copy, Debug)]
enum Lie {
    Leaves,
    /// One piece in this many is another than it should be.
    Changed(u64),
    Swapped(u64),
    Empty(u64),
    Late,
    Cut,
}

/// The trick.
pub(super) struct Snapshots {
    lie: Lie,
    /// The piece before.
    last: Bytes,
    late: VecDeque<(LinkId, Frame)>,
}

impl Snapshots {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let one_in = [1, 3, 20][usize::try_from(rng.below(3)).unwrap_or(0)];
        let lie = match rng.below(6) {
            0 => Lie::Leaves,
            1 => Lie::Changed(one_in),
            2 => Lie::Swapped(one_in),
            3 => Lie::Empty(one_in),
            4 => Lie::Cut,
            _ => Lie::Late,
        };
        Self { lie, last: Bytes::default(), late: VecDeque::new() }
    }

    fn manifest(&self, bytes: &Bytes, rng: &mut Rng) -> Message {
        let mut bytes = bytes.to_vec();
        let at = LEAVES.0 + usize::try_from(rng.below(LEAVES.1)).unwrap_or(0);
        match self.lie {
            Lie::Leaves => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1),
            // The last bucket's last piece seems to be shorter.
            Lie::Cut => {
                bytes.iter_mut().rev().nth(3).into_iter().for_each(|byte| *byte = byte.saturating_sub(1).max(1))
            }
            _ => {}
        }
        Message::Snapshot(bytes.into())
    }

    fn piece(&mut self, bytes: &Bytes, rng: &mut Rng) -> Bytes {
        let before = std::mem::replace(&mut self.last, bytes.clone());
        match self.lie {
            Lie::Changed(one_in) if rng.below(one_in) == 0 => {
                let mut bytes = bytes.to_vec();
                bytes.last_mut().into_iter().for_each(|byte| *byte ^= 1);
                bytes.into()
            }
            Lie::Swapped(one_in) if rng.below(one_in) == 0 => before,
            Lie::Empty(one_in) if rng.below(one_in) == 0 => Bytes::default(),
            _ => bytes.clone(),
        }
    }
}

impl Trick for Snapshots {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let message = match (frame.kind, frame.open()) {
            (Kind::Snapshot, Ok(Message::Snapshot(bytes))) if !bytes.is_empty() => self.manifest(&bytes, context.rng),
            (Kind::Piece, Ok(Message::Piece { block, number, bytes })) => {
                Message::Piece { block, number, bytes: self.piece(&bytes, context.rng) }
            }
            _ => return vec![frame],
        };
        log::debug!(target: "tussock::sim", "node {} may lie about a snapshot: {:?}", context.node, self.lie);
        let frame = Frame::new(&message);
        match (self.lie, frame.kind) {
            (Lie::Late, Kind::Piece) if self.late.len() < MOST => {
                self.late.push_back((link, frame));
                Vec::new()
            }
            _ => vec![frame],
        }
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let due = if context.rng.below(8) == 0 { self.late.pop_front() } else { None };
        due.into_iter().filter(|(link, _)| links.contains(link)).collect()
    }
}
