//! Lies about snapshots: leaves or a height that no header names, an old manifest, pieces that are changed, swapped, reordered,
//! repeated, missing or late, and coins that are repeated until they add up to nothing.

use std::collections::VecDeque;

use super::repeated::Repeated;
use crate::{
    base::{bytes::Bytes, ids::LinkId, rng::Rng},
    chain::snapshot::{put_coin, take_coin},
    sim::{
        byzantine::trick::{Context, Trick},
        options::Options,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Where the leaves of a manifest begin, and their bytes.
const LEAVES: (usize, u64) = (36, 64 * 32);
/// Bytes of a full piece.
const FULL: u32 = 256 * 1024;
/// Pieces that wait for their time, and old ones that are remembered.
const MOST: usize = 16;

/// What it does. A number: one piece in so many is not what it should be.
#[derive(Debug)]
enum Lie {
    /// Its chain is the lie.
    Nothing,
    Leaves,
    Height,
    /// The first manifest that it gave, for ever.
    Old(Option<Bytes>),
    Changed(u64),
    Swapped(u64),
    Reordered(u64),
    Twice(u64),
    Empty(u64),
    /// No piece at all, or only empty ones.
    Hollow {
        is_silent: bool,
    },
    Late,
    /// The manifest names a shorter piece than there is …
    Cut,
    /// … and so are the pieces.
    Shorter,
    /// Many more pieces than there are coins for, of noise.
    Huge,
    Repeated(Box<Repeated>),
}

/// The trick.
pub(super) struct Snapshots {
    lie: Lie,
    /// Pieces before.
    before: VecDeque<Bytes>,
    late: VecDeque<(LinkId, Frame)>,
}

impl Snapshots {
    pub(super) fn draw(options: &Options, rng: &mut Rng) -> Self {
        let one_in = [1, 3, 20][usize::try_from(rng.below(3)).unwrap_or(0)];
        let lie = match rng.below(18) {
            _ if options.minted => Lie::Nothing,
            0 => Lie::Leaves,
            1 => Lie::Height,
            2 => Lie::Old(None),
            3 | 4 => Lie::Changed(one_in),
            5 => Lie::Swapped(one_in),
            6 | 7 => Lie::Reordered(one_in),
            8 => Lie::Twice(one_in),
            9 => Lie::Empty(one_in),
            10 => Lie::Cut,
            11 => Lie::Repeated(Box::default()),
            12 => Lie::Hollow { is_silent: true },
            13 => Lie::Hollow { is_silent: false },
            14 => Lie::Shorter,
            15 => Lie::Huge,
            _ => Lie::Late,
        };
        Self { lie, before: VecDeque::new(), late: VecDeque::new() }
    }

    fn manifest(&mut self, honest: &Bytes, context: &mut Context<'_>) -> Message {
        let mut bytes = honest.to_vec();
        let at = LEAVES.0 + usize::try_from(context.rng.below(LEAVES.1)).unwrap_or(0);
        match &mut self.lie {
            Lie::Leaves => bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= 1),
            Lie::Height => bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1),
            Lie::Old(first) => return Message::Snapshot(first.get_or_insert_with(|| honest.clone()).clone()),
            // The last bucket's last piece seems to be shorter.
            Lie::Cut | Lie::Shorter => {
                bytes.iter_mut().rev().nth(3).into_iter().for_each(|byte| *byte = byte.saturating_sub(1).max(1));
            }
            Lie::Huge => bytes = huge(bytes, context.rng),
            Lie::Repeated(repeated) => return Message::Snapshot(repeated.manifest(honest, context)),
            _ => {}
        }
        Message::Snapshot(bytes.into())
    }

    fn piece(&mut self, number: u32, bytes: Bytes, rng: &mut Rng) -> Bytes {
        let other = self.before.iter().rev().find(|other| other.len() == bytes.len() && **other != bytes);
        let other = other.or(self.before.back()).cloned();
        if self.before.len() >= MOST {
            self.before.pop_front();
        }
        self.before.push_back(bytes.clone());
        match &self.lie {
            Lie::Changed(one_in) if rng.below(*one_in) == 0 => changed(&bytes, rng),
            Lie::Swapped(one_in) if rng.below(*one_in) == 0 => other.unwrap_or(bytes),
            Lie::Reordered(one_in) if rng.below(*one_in) == 0 => reordered(&bytes),
            Lie::Empty(one_in) if rng.below(*one_in) == 0 => Bytes::default(),
            Lie::Hollow { .. } => Bytes::default(),
            // Some of them are the last.
            Lie::Shorter if rng.below(2) == 0 && bytes.len() > 1 => bytes[..bytes.len() - 1].to_vec().into(),
            Lie::Huge => noise(rng),
            Lie::Repeated(repeated) => repeated.piece(number).unwrap_or(bytes),
            _ => bytes,
        }
    }
}

/// The last coin belongs to somebody else, or another bit differs.
fn changed(bytes: &Bytes, rng: &mut Rng) -> Bytes {
    let mut bytes = bytes.to_vec();
    let at = if rng.below(2) == 0 { 0 } else { usize::try_from(rng.below(bytes.len() as u64)).unwrap_or(0) };
    bytes.iter_mut().rev().nth(at).into_iter().for_each(|byte| *byte ^= 1);
    bytes.into()
}

/// The same coins, the last one first: they add up to the same.
fn reordered(bytes: &Bytes) -> Bytes {
    let (mut rest, mut coins) = (&bytes[..], Vec::new());
    while let Some(coin) = take_coin(&mut rest) {
        coins.push(coin);
    }
    let mut out = Vec::new();
    coins.iter().rev().for_each(|(outpoint, coin)| put_coin(&mut out, outpoint, coin));
    out.into()
}

/// The manifest, with its leaves, of a first bucket with thousands of pieces.
fn huge(mut manifest: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    manifest.truncate(LEAVES.0 + 64 * 32);
    let count = u32::try_from(rng.between(100, 60_000)).unwrap_or(100);
    manifest.extend(count.to_le_bytes());
    (0..count).for_each(|_| manifest.extend(FULL.to_le_bytes()));
    (1..64).for_each(|_| manifest.extend(0u32.to_le_bytes()));
    manifest
}

fn noise(rng: &mut Rng) -> Bytes {
    let word: [u8; 64] = rng.bytes();
    word.repeat(FULL as usize / word.len()).into()
}

impl Trick for Snapshots {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let message = match (frame.kind, frame.open()) {
            (Kind::Snapshot, Ok(Message::Snapshot(bytes))) if !bytes.is_empty() => self.manifest(&bytes, context),
            (Kind::Piece, Ok(Message::Piece { block, number, bytes })) => {
                Message::Piece { block, number, bytes: self.piece(number, bytes, context.rng) }
            }
            _ => return vec![frame],
        };
        log::debug!(target: "tussock::sim", "node {} may lie about a snapshot: {:?}", context.node, self.lie);
        let frame = Frame::new(&message);
        match (&self.lie, frame.kind) {
            (Lie::Hollow { is_silent: true }, Kind::Piece) => Vec::new(),
            (Lie::Late, Kind::Piece) if self.late.len() < MOST => {
                self.late.push_back((link, frame));
                Vec::new()
            }
            (Lie::Twice(one_in), Kind::Piece) if context.rng.below(*one_in) == 0 => vec![frame.clone(), frame],
            _ => vec![frame],
        }
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        // In any order.
        let at = usize::try_from(context.rng.below(self.late.len().max(1) as u64)).unwrap_or(0);
        let due = if context.rng.below(8) == 0 { self.late.remove(at) } else { None };
        due.into_iter().filter(|(link, _)| links.contains(link)).collect()
    }
}
