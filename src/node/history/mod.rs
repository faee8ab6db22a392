//! The `history` role: a node that began with a snapshot, or let go of its old blocks, verifies its past and becomes a full
//! node.
//!
//! The headers are here already. The bodies come from `fetch`, which asks for them only while nothing else is missing, and are
//! replayed from genesis on a second ledger with the same rules as on the first. The coins that come out must be those that the header
//! above the lowest whole block commits to: on these the first ledger has built all that it has. Then the blocks go over to the first ledger, the highest first, so that it is whole from
//! some height on at each moment, and at last from genesis. A kill costs what the second ledger had not committed.

mod carry;
mod replay;
#[cfg(test)]
mod tests;

use crate::{
    base::{
        limits::{PAST_OVERLAY_BYTES, scaled},
        time::{Now, Time},
    },
    chain::archive::{HeaderArchive, PastStore, StoreError},
    node::{Halt, Input, Nothing, Outbox, Role, Setup, ledger::past::PastChain, notice::ToHistory, report::Report},
};

use carry::Carry;
use replay::{Replay, Verdict};

/// What the role keeps on disk, and reads.
struct Files {
    store: Box<dyn PastStore>,
    /// The first ledger's headers.
    headers: Box<dyn HeaderArchive>,
}

/// The `history` role.
pub struct History {
    setup: Setup,
    files: Files,
    stage: Stage,
}

/// How far it has come.
enum Stage {
    /// There is nothing to do, yet or any more.
    Idle,
    Replaying(Box<Replay>),
    Carrying(Box<Carry>),
}

impl History {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, (store, headers): (Box<dyn PastStore>, Box<dyn HeaderArchive>)) -> Self {
        let overlay_bytes = scaled(PAST_OVERLAY_BYTES, setup.memory_percent, 100);
        // What the second chain looks up ahead of time is nothing.
        let setup = Setup { overlay_bytes, memory_percent: 0, ..setup.clone() };
        Self { setup, files: Files { store, headers }, stage: Stage::Idle }
    }

    fn on_notice(&mut self, notice: ToHistory, out: &mut Outbox) -> Result<(), Halt> {
        match notice {
            ToHistory::Begin { kept_from } => self.begin(kept_from, out),
            ToHistory::BlockChecked(block) => {
                if let Stage::Replaying(replay) = &mut self.stage {
                    replay.take(block);
                }
                Ok(())
            }
            ToHistory::BodyInvalid { hash, fault } => match &self.stage {
                Stage::Replaying(replay) => Err(refuted(replay.goal, &format!("block {hash} is invalid: {fault}"))),
                _ => Ok(()),
            },
            ToHistory::Kept(kept_from) => self.take_kept(kept_from, out),
        }
    }

    /// The first ledger has all blocks from this height on.
    fn begin(&mut self, kept_from: u32, out: &mut Outbox) -> Result<(), Halt> {
        self.stage = Stage::Idle;
        let Some(goal) = kept_from.checked_sub(1).filter(|goal| *goal > 0) else {
            // What a kill left after the last block was carried over.
            return Ok(self.files.store.remove()?);
        };
        let past = match self.open(goal) {
            Err(StoreError::Corrupt(problem)) => {
                self.start_over(&problem)?;
                self.open(goal)?
            }
            opened => opened?,
        };
        log::info!("history: verifying from={} to={goal}", past.tip().height);
        self.stage = Stage::Replaying(Box::new(Replay::new(past, goal)));
        self.report(out);
        Ok(())
    }

    /// Opens the second ledger, which must be at a block of the first one's chain.
    fn open(&mut self, goal: u32) -> Result<PastChain, StoreError> {
        let past = PastChain::open(&self.setup, self.files.store.open()?)?;
        let tip = past.tip();
        let row = self.files.headers.applied_at(tip.height)?;
        if row.is_some_and(|row| row.hash == tip.hash) {
            return Ok(past);
        }
        Err(StoreError::Corrupt(format!("block {} is not one of the past up to {goal}", tip.hash)))
    }

    /// Goes on by one step.
    fn step(&mut self, now: Time, out: &mut Outbox) -> Result<(), Halt> {
        let (kept_from, done) = match &mut self.stage {
            Stage::Idle => return Ok(()),
            Stage::Replaying(replay) => (replay.goal.saturating_add(1), replay.step(now, &*self.files.headers, out)),
            Stage::Carrying(carry) => {
                (carry.kept_from, carry.step(now, out).map(|()| Verdict::GoesOn { is_committed: false }))
            }
        };
        match done {
            Ok(Verdict::GoesOn { is_committed: false }) => {}
            Ok(Verdict::GoesOn { is_committed: true }) => self.report(out),
            Ok(Verdict::Refuted(what)) => return Err(refuted(kept_from.saturating_sub(1), &what)),
            Ok(Verdict::Done) => self.begin_to_carry(now, out),
            Err(StoreError::Corrupt(problem)) => {
                self.stage = Stage::Idle;
                self.start_over(&problem)?;
                self.begin(kept_from, out)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The second ledger is damaged. Nothing is lost with it but time.
    fn start_over(&mut self, problem: &str) -> Result<(), StoreError> {
        log::warn!("history begins again, its own ledger is damaged: {problem}");
        self.files.store.remove()
    }

    fn begin_to_carry(&mut self, now: Time, out: &mut Outbox) {
        let Stage::Replaying(replay) = std::mem::replace(&mut self.stage, Stage::Idle) else { return };
        let (goal, past) = (replay.goal, replay.into_past());
        log::info!("history verified: the coins after block {goal} are those that its blocks make");
        self.stage = Stage::Carrying(Box::new(Carry::new(past, goal, now)));
        self.report(out);
    }

    /// The first ledger is whole from this height on, on its disk if that is all.
    fn take_kept(&mut self, kept_from: u32, out: &mut Outbox) -> Result<(), Halt> {
        let Stage::Carrying(carry) = &mut self.stage else { return Ok(()) };
        carry.kept(kept_from);
        self.report(out);
        if kept_from <= 1 {
            self.stage = Stage::Idle;
            self.files.store.remove()?;
            log::info!("history: this node has verified and keeps all blocks");
        }
        Ok(())
    }

    fn report(&self, out: &mut Outbox) {
        let report = match &self.stage {
            Stage::Idle => return,
            Stage::Replaying(replay) => Report::History { verified: replay.height(), goal: replay.goal },
            Stage::Carrying(carry) => Report::History { verified: carry.goal, goal: carry.goal },
        };
        out.report(report);
    }
}

/// What this node must not go on from.
fn refuted(goal: u32, what: &str) -> Halt {
    Halt::History(format!(
        "the history does not lead to the coins with which this node began, those after block {goal}: {what}; whatever vouched \
         for them, work or seals, vouched for coins that no valid chain has, and this node ends like this at each start with \
         --history; trust none of its balances; to verify everything from the first block on, move ledger.db and the folder \
         history away and start without --join; help: tussock help join"
    ))
}

impl Role for History {
    type Input = Input<Nothing, ToHistory, Nothing>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        let done = match input {
            Input::Notice(notice) => self.on_notice(notice, out),
            Input::Start | Input::Wake => Ok(()),
            Input::Stop => {
                if let Stage::Replaying(replay) = &mut self.stage
                    && let Err(error) = replay.stop()
                {
                    log::warn!("history not committed error=\"{error}\"");
                }
                self.stage = Stage::Idle;
                return;
            }
        };
        if let Err(halt) = done.and_then(|()| self.step(now.mono, out)) {
            self.stage = Stage::Idle;
            log::error!("history stops: {halt}");
            out.halt(halt);
        }
    }

    fn deadline(&self) -> Option<Time> {
        match &self.stage {
            Stage::Idle => None,
            Stage::Replaying(replay) => replay.deadline(),
            Stage::Carrying(carry) => carry.deadline(),
        }
    }
}
