//! Whether a peer that does not answer in time is silent, or busy with something large.

use crate::base::{limits::PARTIAL_BLOCK, time::Time};

/// What one peer has left open.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When a large frame of its was last on its way.
    bringing: Option<Time>,
    /// When the first was sent of the requests that it has left without an answer, if it has answered none since.
    unanswered: Option<Time>,
}

impl Silence {
    /// A large frame of the peer is on its way.
    pub(super) fn brings(&mut self, now: Time) {
        self.bringing = Some(now);
    }

    /// It has answered a request, in time or late.
    pub(super) fn answered(&mut self) {
        self.unanswered = None;
    }

    /// It has left a request open that was sent then.
    pub(super) fn left_open(&mut self, sent: Time) {
        self.unanswered.get_or_insert(sent);
    }

    /// Whether it is busy: on a slow line a block may take longer than a request waits. No peer is for longer than one frame may
    /// take, whatever it brings meanwhile.
    pub(super) fn is_busy(&self, now: Time, sent: Time) -> bool {
        let since = self.unanswered.unwrap_or(sent);
        self.bringing.is_some_and(|at| at >= sent) && now.since(since) < PARTIAL_BLOCK
    }
}
