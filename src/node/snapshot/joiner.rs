//! A node without coins: how far it has come.

use crate::{
    base::{
        limits::{JOIN_CLAIM_WAIT, MANIFEST_GATHER, PLAN_ABANDONED, PLAN_TRIAL, PROGRESS_INTERVAL, TOO_SHORT_FOR},
        time::Time,
    },
    chain::snapshot::Staged,
    node::{
        Join,
        snapshot::{
            contest::Contest,
            offered::{Depth, Offered},
            plan::Plan,
            trials::Trials,
        },
    },
};

/// A node without coins.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    pub(super) join: Join,
    /// A block of this height is deep enough, whatever else is.
    pub(super) reaches: Option<u32>,
    /// The best header, once all are here.
    pub(super) best: Option<u32>,
    pub(super) depth: Option<Depth>,
    pub(super) offered: Offered,
    /// When the first manifest came.
    pub(super) first_offer: Option<Time>,
    pub(super) plan: Option<Plan>,
    /// What an earlier run has fetched.
    pub(super) resumes: Option<Staged>,
    pub(super) trials: Trials,
    pub(super) contest: Contest,
    /// Since when the best chain is too short for a snapshot.
    pub(super) nowhere: Option<Time>,
    /// Since when nobody has what is missing.
    pub(super) deserted: Option<Time>,
    /// The ledger takes the coins: so many pieces of all.
    pub(super) adopting: Option<(u32, u32)>,
    pub(super) told: Option<(Time, String)>,
    /// What there is to tell.
    pub(super) says: String,
}

impl Joiner {
    pub(super) fn new(join: Join, resumes: Option<Staged>) -> Self {
        Self { join, resumes, ..Self::default() }
    }

    /// When it has something to do next, after `now`.
    pub(super) fn deadline(&self, now: Time) -> Option<Time> {
        let gathered = self.first_offer.filter(|_| self.plan.is_none()).map(|at| at + MANIFEST_GATHER);
        let deserted = self.deserted.into_iter().flat_map(|since| [since + PLAN_TRIAL, since + PLAN_ABANDONED]);
        let told = self.told.as_ref().filter(|(_, text)| *text != self.says).map(|(at, _)| *at + PROGRESS_INTERVAL);
        let tried = self.plan.as_ref().map(|_| self.trials.deadline());
        let contested = self.plan.as_ref().and_then(|plan| self.contest.deadline(plan));
        let short = self.nowhere.into_iter().flat_map(|since| [since + TOO_SHORT_FOR, since + JOIN_CLAIM_WAIT]);
        let several = deserted.chain(short);
        [gathered, told, tried, contested].into_iter().flatten().chain(several).filter(|at| *at > now).min()
    }

    /// Whether peers are to give it a snapshot, as far as that is known.
    pub(super) fn wants_pieces(&self) -> bool {
        let may_join = self.depth.is_some_and(|depth| depth != Depth::Nowhere);
        self.best.is_some() && may_join && self.adopting.is_none()
    }

    /// How many buckets of the snapshot that is being fetched are right.
    pub(super) fn right_buckets(&self) -> usize {
        self.plan.as_ref().map_or(0, Plan::right_buckets)
    }

    /// How far it has come, in words.
    pub(super) fn progress(&self) -> String {
        if let Some((done, all)) = self.adopting {
            return format!("taking the coins: {done} of {all} pieces");
        }
        match (&self.plan, self.depth) {
            (Some(plan), _) => {
                let (here, all) = plan.progress();
                format!("fetching the coins after block {}: {here} of {all} pieces", plan.manifest.height())
            }
            (None, Some(Depth::UpTo(most))) => format!("looking for a snapshot of block {most} or below"),
            (None, Some(Depth::Block(block))) => format!("looking for a snapshot of block {block}"),
            (None, Some(Depth::Nowhere)) => {
                let (best, within) = (self.best.unwrap_or_default(), JOIN_CLAIM_WAIT.as_secs());
                format!(
                    "no block up to the best, {best}, is deep enough for a snapshot: if no longer chain comes within {within} s, all \
                     are verified"
                )
            }
            (None, None) => "waiting for a block that is deep enough".to_owned(),
        }
    }
}
