//! Answers one byte at a time.

use crate::sim::liars::Trick;

/// The trick.
pub(super) struct Drip;

impl Trick for Drip {
    fn drips(&self) -> bool {
        true
    }
}
