//! Hindrances: what keeps a node from its work though nothing is broken.
//!
//! State, reason, warnings, `/readyz`, metrics, page and log all speak from one list of them. [`HindranceId::blocks`] is
//! the one table of what each keeps the node from.

use std::collections::BTreeMap;

use crate::base::time::UnixTime;

/// What a hindrance keeps the node from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Blocks {
    /// The node does not count as synced.
    pub ready: bool,
    /// The node makes no blocks.
    pub mining: bool,
}

impl Blocks {
    const NOTHING: Self = Self { ready: false, mining: false };
    const MINING: Self = Self { ready: false, mining: true };
    const ALL: Self = Self { ready: true, mining: true };

    /// As JSON and metrics name it.
    pub fn names(self) -> Vec<&'static str> {
        [(self.ready, "ready"), (self.mining, "mining")]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| name)
            .collect()
    }
}

/// Which hindrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HindranceId {
    /// This host's clock is behind.
    ClockBehind,
    /// This host's clock is ahead.
    ClockAhead,
    /// This host's clock was set while the node ran.
    ClockStepped,
    /// The node's own chain is from the future of this host's clock.
    OwnTipAhead,
    /// A host name has no address.
    NameUnresolved,
    /// Each known address refuses or does not answer.
    DialFailing,
    /// Each known address is banned or denied.
    AllDenied,
    /// Some known nodes are kept out, or keep this one out.
    PartlyCut,
    /// Nobody ever connected to this node.
    Unreachable,
    /// The data directory is gone or another one.
    DataDirLost,
    /// The data directory cannot be written.
    ReadOnly,
    /// The ledger has less than it had before.
    BlocksLost,
    /// Payments are not kept over a restart.
    PaymentsUnkept,
    /// Others can read secrets.
    KeysExposed,
    /// The file system has no shared memory.
    NoSharedMemory,
    /// Large packets do not reach some peers.
    LargePacketsLost,
    /// A miner waits.
    MiningWaits,
    /// There are no peers.
    Alone,
    /// Memory is short.
    LowMemory,
    /// File descriptors are short.
    LowDescriptors,
    /// No peer keeps the blocks that this node lacks.
    HistoryMissing,
    /// No peer keeps the old blocks that `--history` is to verify.
    PastMissing,
    /// This node joins, and no peer has a snapshot that will do.
    NoSnapshot,
    /// A chain with more work leaves this node's below the blocks that it keeps.
    BranchTooDeep,
    /// Blocks name authorities whom the chain's file does not have.
    UnknownAuthorities,
    /// What authorities hold final is not in this node's chain.
    OtherFinalChain,
    /// Authorities have different chain files, and nothing becomes final.
    ChainFilesDiffer,
    /// Too few authorities are there. Behind what may be the cause: by their order here they are told.
    NoQuorum,
}

impl HindranceId {
    /// Those that this program finds.
    pub const FOUND: [Self; 28] = [
        Self::ClockBehind,
        Self::ClockAhead,
        Self::ClockStepped,
        Self::OwnTipAhead,
        Self::NameUnresolved,
        Self::DialFailing,
        Self::AllDenied,
        Self::PartlyCut,
        Self::Unreachable,
        Self::ReadOnly,
        Self::BlocksLost,
        Self::PaymentsUnkept,
        Self::KeysExposed,
        Self::NoSharedMemory,
        Self::LargePacketsLost,
        Self::MiningWaits,
        Self::Alone,
        Self::LowMemory,
        Self::LowDescriptors,
        Self::DataDirLost,
        Self::NoQuorum,
        Self::UnknownAuthorities,
        Self::OtherFinalChain,
        Self::ChainFilesDiffer,
        Self::HistoryMissing,
        Self::PastMissing,
        Self::NoSnapshot,
        Self::BranchTooDeep,
    ];

    /// The word used everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClockBehind => "clock_behind",
            Self::ClockAhead => "clock_ahead",
            Self::ClockStepped => "clock_stepped",
            Self::OwnTipAhead => "own_tip_ahead",
            Self::NameUnresolved => "name_unresolved",
            Self::DialFailing => "dial_failing",
            Self::AllDenied => "all_denied",
            Self::PartlyCut => "partly_cut",
            Self::Unreachable => "unreachable",
            Self::DataDirLost => "data_dir_lost",
            Self::ReadOnly => "read_only",
            Self::BlocksLost => "blocks_lost",
            Self::PaymentsUnkept => "payments_unkept",
            Self::KeysExposed => "keys_exposed",
            Self::NoSharedMemory => "no_shared_memory",
            Self::LargePacketsLost => "large_packets_lost",
            Self::MiningWaits => "mining_waits",
            Self::Alone => "alone",
            Self::LowMemory => "low_memory",
            Self::LowDescriptors => "low_descriptors",
            Self::NoQuorum => "no_quorum",
            Self::UnknownAuthorities => "unknown_authorities",
            Self::OtherFinalChain => "other_final_chain",
            Self::ChainFilesDiffer => "chain_files_differ",
            Self::HistoryMissing => "history_missing",
            Self::PastMissing => "past_missing",
            Self::NoSnapshot => "no_snapshot",
            Self::BranchTooDeep => "branch_too_deep",
        }
    }

    /// What it keeps the node from once it is certain. A suspicion keeps it from nothing.
    pub fn blocks(self) -> Blocks {
        match self {
            Self::ClockBehind | Self::OwnTipAhead => Blocks::ALL,
            Self::DataDirLost | Self::ReadOnly => Blocks::ALL,
            Self::NoQuorum | Self::UnknownAuthorities => Blocks::ALL,
            Self::OtherFinalChain | Self::ChainFilesDiffer => Blocks::ALL,
            Self::HistoryMissing | Self::NoSnapshot | Self::BranchTooDeep => Blocks::ALL,
            Self::ClockAhead | Self::ClockStepped => Blocks::MINING,
            Self::NameUnresolved | Self::DialFailing | Self::AllDenied => Blocks::NOTHING,
            Self::PartlyCut | Self::Unreachable | Self::LargePacketsLost => Blocks::NOTHING,
            // Peers have them, and the node takes part as a newcomer does.
            Self::BlocksLost | Self::PaymentsUnkept | Self::PastMissing => Blocks::NOTHING,
            Self::KeysExposed | Self::NoSharedMemory | Self::LowMemory | Self::LowDescriptors => Blocks::NOTHING,
            // Each follows from something that blocks already.
            Self::MiningWaits | Self::Alone => Blocks::NOTHING,
        }
    }
}

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, in one line.
    pub text: String,
    /// What an operator can do, in one line.
    pub advice: String,
    /// Nobody but one peer says so: it blocks nothing.
    pub is_suspicion: bool,
}

impl Finding {
    /// Something certain.
    pub fn new(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { text: text.into(), advice: advice.into(), is_suspicion: false }
    }

    /// Something that blocks nothing.
    pub fn suspicion(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { is_suspicion: true, ..Self::new(text, advice) }
    }

    /// [`HindranceId::BranchTooDeep`]: a chain with more work leaves this node's after the block at `fork`, and this node keeps
    /// whole blocks from height `kept_from` on.
    pub fn too_deep(fork: u32, kept_from: u32) -> Self {
        let text = format!(
            "a chain with more work leaves this node's after block {fork}, and this node keeps whole blocks from {kept_from} on \
             only: it cannot follow"
        );
        Self::new(
            text,
            "if most nodes follow that chain, stop this node, move ledger.db away (not the keys) and start it again, with --join \
             snapshot if it is to join as before: it then fetches that chain",
        )
    }

    /// What it keeps the node from.
    pub fn blocks(&self, id: HindranceId) -> Blocks {
        if self.is_suspicion { Blocks::NOTHING } else { id.blocks() }
    }
}

/// A hindrance that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// When it began, by this host's clock.
    pub since: UnixTime,
    /// What it is.
    pub finding: Finding,
    /// What it keeps the node from.
    pub blocks: Blocks,
}

impl Hindrance {
    /// What it is and what to do, in one line.
    pub fn line(&self) -> String {
        format!("{}; {}", self.finding.text, self.finding.advice)
    }
}

/// How a report changed the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there before, or blocks something else than before.
    Begun,
    /// It is gone.
    Ended,
    /// Its words changed at most.
    None,
}

/// The hindrances that stand.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hindrances(BTreeMap<HindranceId, Hindrance>);

impl Hindrances {
    /// Notes what is found now, or that it is over.
    pub fn set(&mut self, now: UnixTime, id: HindranceId, finding: Option<Finding>) -> Change {
        let Some(finding) = finding else {
            return if self.0.remove(&id).is_some() { Change::Ended } else { Change::None };
        };
        let blocks = finding.blocks(id);
        let before = self.0.get(&id).map(|before| (before.since, before.blocks));
        let since = before.map_or(now, |(since, _)| since);
        self.0.insert(id, Hindrance { since, finding, blocks });
        if before.is_some_and(|(_, before)| before == blocks) { Change::None } else { Change::Begun }
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (HindranceId, &Hindrance)> {
        self.0.iter().map(|(id, hindrance)| (*id, hindrance))
    }

    /// One that stands.
    pub fn get(&self, id: HindranceId) -> Option<&Hindrance> {
        self.0.get(&id)
    }

    /// The first that keeps the node from being ready.
    pub fn unready(&self) -> Option<&Hindrance> {
        self.0.values().find(|hindrance| hindrance.blocks.ready)
    }

    /// The first by which this host's clock keeps the node from being ready. Until it is over, what the ledger says of time
    /// and order may not be what the network says.
    pub fn wrong_clock(&self) -> Option<&Hindrance> {
        let ids =
            [HindranceId::ClockBehind, HindranceId::ClockAhead, HindranceId::ClockStepped, HindranceId::OwnTipAhead];
        ids.iter().filter_map(|id| self.get(*id)).find(|hindrance| hindrance.blocks.ready)
    }

    /// What may make what a synced node has useless, though nobody can be certain: people should hear of it where they read that
    /// the node is synced.
    pub fn doubt(&self) -> Option<&Hindrance> {
        let ids = [HindranceId::UnknownAuthorities, HindranceId::NoQuorum];
        ids.iter().filter_map(|id| self.get(*id)).find(|hindrance| !hindrance.blocks.ready)
    }

    /// The first that keeps the node from making blocks.
    pub fn no_mining(&self) -> Option<&Hindrance> {
        self.0.values().find(|hindrance| hindrance.blocks.mining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who waits where others have another set hears of no authority either.
    #[test]
    fn what_may_be_the_cause_of_a_missing_quorum_is_told_before_it() {
        use HindranceId::{ChainFilesDiffer, NoQuorum, OtherFinalChain, UnknownAuthorities};
        for cause in [UnknownAuthorities, OtherFinalChain, ChainFilesDiffer] {
            let mut list = Hindrances::default();
            for id in [NoQuorum, cause] {
                list.set(UnixTime(5), id, Some(Finding::new(id.name(), "look")));
            }
            assert_eq!(list.unready().map(|one| one.finding.text.as_str()), Some(cause.name()));
        }
    }

    #[test]
    fn a_hindrance_keeps_its_start_until_it_ends_and_a_suspicion_blocks_nothing() {
        let (mut list, id) = (Hindrances::default(), HindranceId::ClockBehind);
        assert_eq!(list.set(UnixTime(5), id, Some(Finding::suspicion("perhaps", "look"))), Change::Begun);
        assert!(list.unready().is_none() && list.no_mining().is_none());
        assert_eq!(list.set(UnixTime(6), id, Some(Finding::new("surely", "look"))), Change::Begun, "it blocks now");
        assert_eq!(list.set(UnixTime(7), id, Some(Finding::new("surely!", "look"))), Change::None);
        assert_eq!(list.unready().map(|one| (one.since, one.line())), Some((UnixTime(5), "surely!; look".to_owned())));
        assert_eq!(list.no_mining().map(|one| one.blocks.names()), Some(vec!["ready", "mining"]));
        assert_eq!(list.set(UnixTime(8), id, None), Change::Ended);
        assert_eq!((list.set(UnixTime(9), id, None), list.iter().count()), (Change::None, 0));
    }
}
