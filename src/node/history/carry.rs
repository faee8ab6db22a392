//! Verified blocks on their way to the first ledger, the highest first.

use crate::{
    base::{
        limits::{PAST_CARRIED_BLOCKS, PAST_CARRIED_BYTES, PAST_CARRY_PAUSE},
        time::Time,
    },
    chain::archive::StoreError,
    node::{
        Outbox,
        ledger::past::PastChain,
        notice::{ToFetch, ToLedger},
    },
};

/// What is carried over.
pub(super) struct Carry {
    past: PastChain,
    /// The highest block that the first ledger lacked at the start.
    pub(super) goal: u32,
    /// The next block.
    next: u32,
    /// When it goes; `None`: the first ledger has not yet kept those before.
    at: Option<Time>,
    /// The first ledger is whole from this height on.
    pub(super) kept_from: u32,
    now: Time,
    is_told: bool,
}

impl Carry {
    pub(super) fn new(past: PastChain, goal: u32, now: Time) -> Self {
        Self { past, goal, next: goal, at: Some(now), kept_from: goal.saturating_add(1), now, is_told: false }
    }

    /// Sends some blocks, if it is time.
    pub(super) fn step(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        self.now = now;
        if !std::mem::replace(&mut self.is_told, true) {
            out.tell(ToFetch::WantPast { above: self.goal, hashes: Vec::new() });
        }
        if self.at.is_none_or(|at| now < at) || self.next == 0 {
            return Ok(());
        }
        let (mut blocks, mut bytes) = (Vec::new(), 0);
        while self.next > 0 && blocks.len() < PAST_CARRIED_BLOCKS && bytes < PAST_CARRIED_BYTES {
            let block = self.past.block_at(self.next)?;
            bytes += block.bytes();
            blocks.push(block);
            self.next -= 1;
        }
        self.at = None;
        out.tell(ToLedger::KeepPast(blocks));
        Ok(())
    }

    /// The first ledger has kept them, and is whole from this height on.
    pub(super) fn kept(&mut self, kept_from: u32) {
        (self.next, self.kept_from) = (kept_from.saturating_sub(1), kept_from);
        self.at = Some(self.now + PAST_CARRY_PAUSE);
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.at.filter(|_| self.next > 0)
    }
}
