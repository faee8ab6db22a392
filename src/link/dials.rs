//! Connection attempts of our own: the half-open limit and their deadlines.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
};

use crate::base::{
    ids::{DialId, LinkId, NodeId},
    limits,
    time::Time,
};

/// An attempt under way. It has the id of the link that it may become.
pub(super) struct Attempt {
    pub(super) dial: DialId,
    pub(super) address: SocketAddr,
    /// Who must be there; `None`: anybody.
    pub(super) node: Option<NodeId>,
    pub(super) deadline: Time,
}

/// All attempts under way, at most [`limits::MAX_DIALS`].
#[derive(Default)]
pub(super) struct Dials {
    attempts: BTreeMap<LinkId, Attempt>,
    /// Attempts that the driver has not begun yet.
    wanted: VecDeque<LinkId>,
}

impl Dials {
    pub(super) fn is_full(&self) -> bool {
        self.attempts.len() >= limits::MAX_DIALS
    }

    pub(super) fn add(&mut self, id: LinkId, attempt: Attempt) {
        self.attempts.insert(id, attempt);
        self.wanted.push_back(id);
    }

    /// The next attempt that the driver has to begin.
    pub(super) fn next_wanted(&mut self) -> Option<(LinkId, SocketAddr)> {
        loop {
            let id = self.wanted.pop_front()?;
            if let Some(attempt) = self.attempts.get(&id) {
                return Some((id, attempt.address));
            }
        }
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<Attempt> {
        self.attempts.remove(&id)
    }

    /// The oldest attempt.
    pub(super) fn first(&self) -> Option<LinkId> {
        self.attempts.keys().next().copied()
    }

    /// The oldest attempt whose time is over.
    pub(super) fn overdue(&self, now: Time) -> Option<LinkId> {
        self.attempts.iter().find_map(|(id, attempt)| (attempt.deadline <= now).then_some(*id))
    }

    /// The next deadline.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.attempts.values().map(|attempt| attempt.deadline).min()
    }
}
