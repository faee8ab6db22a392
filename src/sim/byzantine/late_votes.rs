//! Votes for a block that come once its view is skipped and the next block is proposed. If another authority is away, the block
//! is then notarised too late, and has a rival of a later view.

use crate::{
    base::rng::Rng,
    chain::seal::{Epoch, Stage},
    wire::{frame::Frame, message::Message},
};

/// How many liars do this, in a million.
const LATE_PPM: u64 = 400_000;
/// Frames of a view that are held back: its vote, and the certificate that its roles have of it.
const MOST_HELD: usize = 16;

/// What is held back of every other view.
#[derive(Debug)]
pub(super) struct LateVotes {
    /// The epoch and the view of which it is.
    place: (Epoch, u64),
    held: Vec<Frame>,
    /// Whether it has voted to skip that view.
    has_skipped: bool,
}

impl LateVotes {
    /// Drawn apart from what else its node is like.
    pub(super) fn draw(seed: u64, node: usize) -> Option<Self> {
        let mut rng = Rng::from_number(seed ^ (node as u64) << 40).fork("late votes");
        rng.chance(LATE_PPM).then_some(Self { place: (0, 0), held: Vec::new(), has_skipped: false })
    }

    /// Whether a message is not to go out now. Nothing is said of finality, which would contradict the skip.
    pub(super) fn holds_back(&mut self, message: &Message, frame: &Frame) -> bool {
        let statement = match message {
            Message::Vote(vote) => vote.statement,
            Message::Certificate(certificate) => certificate.statement,
            _ => return false,
        };
        let place = (statement.epoch, statement.view);
        if statement.view % 2 == 0 || statement.stage == Stage::Skip || place < self.place {
            return false;
        }
        if self.place < place {
            *self = Self { place, held: Vec::new(), has_skipped: false };
        }
        if statement.stage == Stage::Notarise && self.held.len() < MOST_HELD && !self.held.contains(frame) {
            self.held.push(frame.clone());
        }
        true
    }

    /// Another skips this view: whether to skip it, too.
    pub(super) fn skips(&mut self, epoch: Epoch, view: u64) -> bool {
        let is_new = (epoch, view) == self.place && !self.held.is_empty() && !self.has_skipped;
        self.has_skipped |= is_new;
        is_new
    }

    /// A block is proposed in this view: what was held back of the one before.
    pub(super) fn release(&mut self, (epoch, view): (Epoch, u64)) -> Vec<Frame> {
        if self.place >= (epoch, view) || self.held.is_empty() {
            return Vec::new();
        }
        // Nothing more of that view is held back.
        self.place = (epoch, view);
        std::mem::take(&mut self.held)
    }
}
