//! The questions of one peer that are open.

use crate::base::time::Time;

/// `GetSync`s without an answer. Answers come in the order of the questions.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Since when the answer to the oldest is due; `None`: none is open.
    pub(super) since: Option<Time>,
    /// Those besides that one.
    further: usize,
    /// How many of the next answers are of no use.
    vain: usize,
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
