//! Why the node stops, and how that is told.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{chain::archive::StoreError, node::Halt};

/// Why a node stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// An operator or a program asked for it.
    Asked,
    /// The process got this signal.
    Signal(i32),
    /// Nobody could find or ask it, for this reason.
    NotServed(String),
    /// It had to: not a peer's doing.
    Halt(Halt),
}

impl StopReason {
    /// The process's exit code: 0 for what was asked for, 9 for what waiting does not mend, such as the wrong database, 10 for disk trouble, 1 for bugs.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Asked | Self::Signal(_) => 0,
            Self::NotServed(_) => 1,
            Self::Halt(
                Halt::Store(StoreError::Mismatch(_))
                | Halt::SignedElsewhere(_)
                | Halt::Authorities(_)
                | Halt::History(_),
            ) => 9,
            Self::Halt(Halt::Store(StoreError::Io(_) | StoreError::Corrupt(_))) => 10,
            Self::Halt(Halt::Store(StoreError::InUse(_))) => 7,
            Self::Halt(Halt::Store(StoreError::Other(_) | StoreError::Pruned { .. }) | Halt::Invariant(_)) => 1,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked to stop"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::NotServed(why) => f.write_str(why),
            Self::Halt(halt) => halt.fmt(f),
        }
    }
}

/// Takes reasons to stop, from any thread.
pub(super) struct Stopper {
    reason: Mutex<Option<StopReason>>,
    ring: Sender<()>,
    rung: Receiver<()>,
}

impl Stopper {
    pub(super) fn new() -> Self {
        let (ring, rung) = bounded(1);
        Self { reason: Mutex::new(None), ring, rung }
    }

    /// Asks for a stop. The first reason counts; only a halt counts more than a stop that was asked for.
    pub(super) fn stop(&self, reason: StopReason) {
        if let StopReason::Halt(halt) = &reason {
            log::error!("the node must stop reason={:?}", halt.to_string());
        }
        let mut known = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        let graver = matches!(reason, StopReason::Halt(_)) && !matches!(*known, Some(StopReason::Halt(_)));
        if known.is_none() || graver {
            *known = Some(reason);
        }
        // Full: it rings already.
        let _ = self.ring.try_send(());
    }

    /// A broken invariant, found by the runtime itself.
    pub(super) fn broken(&self, what: String) {
        self.stop(StopReason::Halt(Halt::Invariant(what)));
    }

    /// Waits until there is a reason.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        match timeout {
            None => self.rung.recv().is_ok(),
            Some(timeout) => self.rung.recv_timeout(timeout).is_ok(),
        }
    }

    /// Tells once that there is a reason.
    pub(super) fn stopping(&self) -> &Receiver<()> {
        &self.rung
    }

    /// The reason so far.
    pub(super) fn reason(&self) -> Option<StopReason> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts_unless_a_halt_follows() {
        let stopper = Stopper::new();
        assert!(!stopper.wait(Some(Duration::ZERO)));
        stopper.stop(StopReason::Signal(15));
        stopper.stop(StopReason::Asked);
        assert!(stopper.wait(None));
        assert_eq!(stopper.reason(), Some(StopReason::Signal(15)));
        stopper.broken("one".to_owned());
        stopper.broken("two".to_owned());
        assert_eq!(stopper.reason(), Some(StopReason::Halt(Halt::Invariant("one".to_owned()))));
        let full = StopReason::Halt(StoreError::Io("full".to_owned()).into());
        assert_eq!((full.exit_code(), StopReason::Asked.exit_code()), (10, 0));
    }
}
