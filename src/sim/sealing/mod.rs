//! The rules by which authorities agree, alone and by the thousand: [`Core`](crate::node::sealer::core::Core)s with their
//! disks on a made-up network, without ledgers, links and signatures.
//!
//! A run has two phases, as those of whole nodes have: at first messages are late or lost, the network is split, authorities
//! crash between any two of their effects and come back with what their disks have; then all is calm, and a block must
//! become final within a bound. Some authorities lie in both: see [`liar`]. [`checks`] look on.

mod blocks;
mod checks;
mod effects;
mod honest;
mod liar;
mod outcome;
mod plan;
mod progress;
#[cfg(test)]
mod tests;
mod world;

pub use self::{checks::Complaint, outcome::Outcome, plan::Plan};

/// Plays what this seed stands for.
pub fn run(plan: Plan) -> Outcome {
    world::World::new(plan).run()
}
