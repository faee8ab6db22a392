//! Why a miner makes no blocks, for people to see.

use crate::{
    base::{
        limits,
        time::{Now, Time},
    },
    node::{
        Outbox, SyncState,
        hindrance::{Finding, HindranceId},
        report::Report,
    },
};

/// Tells that a miner waits, once it has waited for a while.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    since: Option<Time>,
    told: Option<Finding>,
}

impl Waiting {
    /// Notes what the miner waits for; `None`: it does not wait.
    pub(super) fn note(&mut self, now: Now, why: Option<Finding>, out: &mut Outbox) {
        let since = why.as_ref().map(|_| self.since.unwrap_or(now.mono));
        self.since = since;
        let finding = why.filter(|_| since.is_some_and(|since| now.mono >= since + limits::MINE_WAIT_TOLD));
        if finding != self.told {
            self.told.clone_from(&finding);
            out.report(Report::Hindrance { id: HindranceId::MiningWaits, now: now.unix, finding });
        }
    }

    /// When it is to be told.
    pub(super) fn deadline(&self) -> Option<Time> {
        let since = self.since.filter(|_| self.told.is_none())?;
        Some(since + limits::MINE_WAIT_TOLD)
    }
}

/// What a miner waits for in this state. `host`: why the host keeps the node from mining; `clock`: why the clock does. Whoever
/// names other nodes does not begin a network.
pub(super) fn reason(state: SyncState, host: Option<&str>, clock: Option<&str>, names_others: bool) -> Option<Finding> {
    if let Some(reason) = host {
        return Some(Finding::new("mining waits: this host", reason));
    }
    if let Some(reason) = clock {
        return Some(Finding::new("mining waits: clock", reason));
    }
    match state {
        SyncState::Synced | SyncState::Starting => None,
        SyncState::Connecting | SyncState::Isolated => Some(Finding::new(
            "mining waits: no peers",
            match names_others {
                true => "none of the nodes that it was told of is linked: see the state's reason",
                false => {
                    "connect this node to another one with --connect; the first node of a network mines with --is-bootnode"
                }
            },
        )),
        SyncState::Headers | SyncState::Snapshot | SyncState::Blocks => {
            Some(Finding::new("mining waits: blocks of the network", "none: it mines once it is synced"))
        }
        SyncState::Stalled => Some(Finding::new("mining waits: sync is stalled", "see the state's reason")),
    }
}
