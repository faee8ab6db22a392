//! Says falsely which old blocks it keeps: none below some height of the chain or beyond it, or more than it gives.

use crate::{
    base::{ids::LinkId, rng::Rng},
    chain::header::Header,
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message, SERVICES, pruned_services},
    },
};

/// Blocks below its tip that it does not call old.
const NEW: u32 = 20;

/// The trick.
pub(super) struct Forgets {
    /// Thousandths of its height from which on it says that it keeps blocks; `None`: all of them.
    from: Option<u64>,
    /// Of the old blocks that it is asked for, it denies one in so many.
    denies_one_in: u64,
}

impl Forgets {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let from = if rng.chance(250_000) { None } else { Some(rng.below(1_500)) };
        Self { from, denies_one_in: rng.pick(&[1, 2, 10, u64::MAX]).copied().unwrap_or(1) }
    }
}

impl Trick for Forgets {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let Some((tip, _)) = context.tip() else { return vec![frame] };
        match (frame.kind, frame.open()) {
            (Kind::Version, Ok(Message::Version(mut version))) => {
                let from = self.from.map(|share| u64::from(tip.height) * share / 1_000);
                let from = from.map(|from| u32::try_from(from).unwrap_or(u32::MAX));
                version.services = from.map_or(SERVICES, |from| pruned_services(SERVICES, from));
                vec![Frame::new(&Message::Version(version))]
            }
            (Kind::Block, _) => {
                let header = Header::peek(&frame.body);
                let old = header.filter(|header| header.height.saturating_add(NEW) < tip.height);
                match old.filter(|_| context.rng.below(self.denies_one_in) == 0) {
                    Some(header) => vec![Frame::new(&Message::Absent(header.hash()))],
                    None => vec![frame],
                }
            }
            _ => vec![frame],
        }
    }
}
