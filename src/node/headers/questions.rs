//! The questions of one peer that are open.

use crate::base::{
    limits::{GET_SYNC_TIMEOUT, PARTIAL_BLOCK},
    time::Time,
};

/// `GetSync`s without an answer. Answers come in the order of the questions.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Since when the answer to the oldest is due; `None`: none is open.
    pub(super) since: Option<Time>,
    /// Those besides that one.
    further: usize,
    /// How many of the next answers are of no use.
    vain: usize,
    /// When the peer was last busy with a large frame.
    busy: Option<Time>,
}

impl Questions {
    /// Another one was sent.
    pub(super) fn add(&mut self, now: Time) {
        match self.since {
            Some(_) => self.further += 1,
            None => self.since = Some(now),
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.since.is_some()) + self.further
    }

    /// The peer is busy with a large frame, behind which its answers come.
    pub(super) fn note_busy(&mut self, now: Time) {
        self.busy = Some(now);
    }

    /// When leaving the oldest open is a fault. A slow line may take longer for a block that was asked for before. Somebody
    /// else is asked long before, so that nothing waits for this; and a peer is busy for no longer than one frame may take.
    pub(super) fn late_at(&self) -> Option<Time> {
        let since = self.since?;
        let busy = self.busy.filter(|busy| *busy > since).unwrap_or(since);
        Some((busy + GET_SYNC_TIMEOUT).min(since + PARTIAL_BLOCK))
    }

    /// The answer to the oldest came. `None` if there is none; else whether the answer is of use.
    pub(super) fn answered(&mut self, now: Time) -> Option<bool> {
        self.since.take()?;
        if self.further > 0 {
            (self.further, self.since) = (self.further - 1, Some(now));
        }
        let useful = self.vain == 0;
        self.vain = self.vain.saturating_sub(1);
        Some(useful)
    }

    /// The answers to those that are open are of no use.
    pub(super) fn give_up(&mut self) {
        self.vain = self.len();
    }
}
