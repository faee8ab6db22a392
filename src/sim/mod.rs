//! The simulator: a whole network in one thread, every interleaving of it from one seed.
//!
//! The nodes are made of the roles that production runs ([`crate::node::build()`]), their links
//! are the real [`crate::link::Endpoint`], their ledgers are the real store on SQLite in memory. Only what
//! production has threads, sockets and clocks for is simulated. A run has two phases: in the first, faults of all kinds
//! happen at the rates that the seed draws; in the second, nothing fails any more and all honest nodes must agree
//! within a bound. Checkers look on; the first complaint ends the run, and its seed replays it.

mod arriving;
mod boundless_seals;
mod byzantine;
mod checkers;
mod clock;
mod common_ledger;
mod dial;
mod dice;
mod disk;
mod faults;
mod hangups;
mod history;
mod hosts;
mod inboxes;
mod later_sets;
mod lines;
mod misbehave;
mod names;
pub mod narrate;
mod net;
mod node;
pub mod options;
mod overrides;
mod power;
mod pruned;
pub mod regions;
pub mod report;
mod sealed;
pub mod sealing;
mod setup;
mod siege;
mod snapshots;
mod sockets;
mod stats;
mod step;
mod trace;
mod traffic;
mod wallet;
mod world;

use std::panic::{self, AssertUnwindSafe};

pub use later_sets::LaterSet;
pub use options::Options;
pub use overrides::{Overrides, Partition};
pub use report::Outcome;

/// Runs the network of these options to its end. A panic of a role is a failure like any other.
pub fn run(options: Options) -> Outcome {
    Outcome::of(&mut run_world(options))
}

/// Runs a study to its end.
pub fn study(study: &regions::Study) -> regions::Report {
    regions::Report::of(&mut run_world(study.options())).expect("the world of a study measures")
}

fn run_world(options: Options) -> world::World {
    let mut world = world::World::new(options);
    let end = panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(payload) = end {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.fail("panic", None, text.unwrap_or_default());
    }
    world
}
