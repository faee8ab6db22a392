//! Backpressure: a worker that leaves its core to another role while that role has too much to do.
//!
//! The ledger's one thread decides how long a large sync takes, and verifiers keep every core busy: without this it waited
//! a seventh of the time for a core, only to have verified blocks pile up before it. Lower priorities for verifiers would
//! do the same in a sync, but a busy host would let the next block wait, too.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};

/// The end of the worker that steps back.
#[derive(Clone)]
pub(super) struct StepBack {
    /// How many notices and commands the other role has not taken yet.
    waiting: Arc<dyn Fn() -> usize + Send + Sync>,
    limit: usize,
    released: Receiver<()>,
}

/// The end of the role that has too much to do.
pub(super) struct Release {
    limit: usize,
    released: Sender<()>,
}

/// Both ends: one steps back as soon as `limit` or more are `waiting` for the other.
pub(super) fn pair(limit: usize, waiting: impl Fn() -> usize + Send + Sync + 'static) -> (StepBack, Release) {
    let (release, released) = bounded(1);
    (StepBack { waiting: Arc::new(waiting), limit, released }, Release { limit, released: release })
}

impl StepBack {
    /// Whether to step back now. If so, [`StepBack::watch`] tells when to ask again.
    pub(super) fn is_due(&self) -> bool {
        // What was said before now is not news. First this, then the count: what is said in between is heard later.
        self.released.try_recv() != Err(TryRecvError::Disconnected) && self.would_be_due()
    }

    /// The same for a worker that does not wait afterwards.
    pub(super) fn would_be_due(&self) -> bool {
        (self.waiting)() >= self.limit
    }

    /// Waits for the other role to have less to do, or to end.
    pub(super) fn watch<'a>(&'a self, select: &mut Select<'a>) {
        select.recv(&self.released);
    }
}

impl Release {
    /// The role has taken one, and this many still wait.
    pub(super) fn say(&self, waiting: usize) {
        if waiting < self.limit {
            // Full: it is said already.
            let _ = self.released.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    use super::*;

    fn ready(step_back: &StepBack) -> bool {
        let mut select = Select::new();
        step_back.watch(&mut select);
        select.ready_timeout(Duration::ZERO).is_ok()
    }

    #[test]
    fn a_worker_steps_back_until_it_is_told_that_less_waits() {
        let waiting = Arc::new(AtomicUsize::new(1));
        let seen = Arc::clone(&waiting);
        let (step_back, release) = pair(2, move || seen.load(SeqCst));
        assert!(!step_back.is_due());
        waiting.store(3, SeqCst);
        assert!(step_back.is_due() && !ready(&step_back));
        release.say(2);
        assert!(!ready(&step_back), "that is still too much");
        waiting.store(1, SeqCst);
        release.say(1);
        release.say(0);
        assert!(ready(&step_back) && !step_back.is_due());
        assert!(!ready(&step_back), "old news is forgotten");
    }

    #[test]
    fn nobody_steps_back_for_a_role_that_has_ended() {
        let (step_back, release) = pair(1, || 5);
        assert!(step_back.is_due());
        drop(release);
        assert!(!step_back.is_due());
    }
}
