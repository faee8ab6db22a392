//! Dials from an honest node's IP address, as a node behind the same router would, and claims that node's port.

use std::net::IpAddr;

use crate::sim::byzantine::trick::Trick;

/// The trick.
pub(super) struct Squat {
    /// The honest node's address.
    pub(super) victim: Option<IpAddr>,
}

impl Trick for Squat {
    fn dials_from(&self) -> Option<IpAddr> {
        self.victim
    }
}
