//! The old blocks that `history` wants.

use crate::{
    base::limits::{BODY_ESTIMATE_BYTES, PAST_BYTES, PAST_IN_FLIGHT},
    node::fetch::window::Window,
};

/// The old blocks that are wanted.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) window: Window,
    /// Bytes that a body is assumed to have until it is here.
    pub(super) estimate: usize,
}

impl Default for Past {
    fn default() -> Self {
        Self { window: Window::default(), estimate: BODY_ESTIMATE_BYTES }
    }
}

impl Past {
    /// The next block to ask for.
    pub(super) fn next(&self) -> Option<u32> {
        self.window.to_ask().next()
    }

    /// Whether another block may be asked for, the next one excepted: that always may.
    pub(super) fn has_room(&self) -> bool {
        let open = self.window.being_asked().count();
        open < PAST_IN_FLIGHT && self.window.held() + (open + 1).saturating_mul(self.estimate) <= PAST_BYTES
    }
}
