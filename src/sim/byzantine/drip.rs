//! Answers one byte at a time.

use crate::sim::byzantine::trick::Trick;

/// The trick.
pub(super) struct Drip;

impl Trick for Drip {
    fn drips(&self) -> bool {
        true
    }
}
