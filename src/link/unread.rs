//! How long a peer has left unread what waits for it.

use std::time::Duration;

use crate::base::time::Time;

/// What waited on a link at some moment, and still does.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// That moment, and the bytes of it that the connection has not taken.
    mark: Option<(Time, usize)>,
}

impl Unread {
    /// These bytes wait now.
    pub(super) fn note(&mut self, now: Time, bytes: usize) {
        if bytes > 0 {
            self.mark.get_or_insert((now, bytes));
        }
    }

    /// The connection has taken bytes. Those that came later wait since the next [`Unread::note`].
    pub(super) fn sent(&mut self, bytes: usize) {
        self.mark = self.mark.and_then(|(since, left)| Some((since, left.checked_sub(bytes)?)));
        self.mark.take_if(|(_, left)| *left == 0);
    }

    /// For how long some of it has waited.
    pub(super) fn age(&self, now: Time) -> Duration {
        self.mark.map_or(Duration::ZERO, |(since, _)| now.since(since))
    }
}
