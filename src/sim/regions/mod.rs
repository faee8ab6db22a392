//! Networks as they are on the internet: nodes in regions, with the latency and bandwidth between these that were measured
//! there, without faults. They show how fast news spreads and at what cost, where the seeded runs show whether rules hold.

mod forks;
mod layout;
mod measures;
mod mesh;
mod report;
mod stale_rates;
mod study;
mod tables;
mod world;

pub use forks::Forks;
pub use mesh::Mesh;
pub use report::{Propagation, Report};
pub use stale_rates::stale_rates;
pub use study::Study;
pub use tables::Regions;

pub(super) use world::Survey;
