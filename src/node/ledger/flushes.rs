//! When commits at the tip wait for the disk, and how many blocks wait for a commit.

use std::time::Duration;

use crate::{
    base::time::{Now, Time},
    node::Setup,
};

/// When commits wait for the disk.
#[derive(Debug)]
pub(super) struct Flushes {
    /// Time between two of these commits; zero: each waits.
    every: Duration,
    /// Whether every commit waits, that of an old block too, because authorities vote on what is stored.
    pub(super) all: bool,
    /// When the last one was.
    last: Option<Time>,
    /// When the next one is due although nothing happens.
    pub(super) due: Option<Time>,
    /// Blocks that were told since the last commit; `None`: no commit was postponed.
    pub(super) postponed: Option<usize>,
}

impl Flushes {
    /// By what the chain asks for, else by [`Setup::flush_every`].
    pub(super) fn new(setup: &Setup) -> Self {
        let all = setup.spec.seal_rules().stores_before_telling();
        let every = if all { Duration::ZERO } else { setup.flush_every };
        Self { every, all, last: None, due: None, postponed: None }
    }

    /// Until when flushes may wait; `None`: the next one is due.
    pub(super) fn wait_until(&self, now: Now) -> Option<Time> {
        self.last.map(|last| last + self.every).filter(|next| !self.every.is_zero() && now.mono < *next)
    }

    /// Whether the commit of a new block waits for the disk. If it does not, a flush is due later.
    pub(super) fn take(&mut self, now: Now) -> bool {
        let next = self.wait_until(now);
        self.due = next;
        next.is_none()
    }

    /// Notes that everything is on the disk.
    pub(super) fn flushed(&mut self, now: Now) {
        (self.last, self.due) = (Some(now.mono), None);
    }
}
