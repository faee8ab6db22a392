//! The old blocks that `history` wants.

use crate::{
    base::limits::{PAST_BYTES, PAST_IN_FLIGHT},
    node::fetch::{body_size::BodySize, window::Window},
};

/// The old blocks that are wanted.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) window: Window,
    pub(super) size: BodySize,
}

impl Past {
    /// The next block to ask for.
    pub(super) fn next(&self) -> Option<u32> {
        self.window.to_ask().next()
    }

    /// Whether another block may be asked for, the next one excepted: that always may.
    pub(super) fn has_room(&self) -> bool {
        let open = self.window.being_asked().count();
        open < PAST_IN_FLIGHT && self.size.fits(PAST_BYTES, self.window.held(), open)
    }
}
