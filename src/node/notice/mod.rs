//! What roles tell each other. Plain data; each role has an enum of its own of what it may be told.
//!
//! A notice knows its role, so a sender cannot address it wrongly, and a role matches its own enum exhaustively.

mod fetch;
mod gossip;
mod handshake;
mod headers;
mod history;
mod ledger;
mod miner;
mod peers;
mod sealer;
mod snapshot;
mod verify;

pub use self::{
    fetch::{Candidate, ToFetch},
    gossip::{ToGossip, TransactionVerdict},
    handshake::{KeptOut, ToHandshake, Useful},
    headers::ToHeaders,
    history::ToHistory,
    ledger::ToLedger,
    miner::ToMiner,
    peers::ToPeers,
    sealer::{ProposalFault, ToSealer},
    snapshot::ToSnapshot,
    verify::{CheckedTransactions, Parts, ToVerify, UncheckedTransaction},
};

use crate::node::addressed::addressed;

addressed! {
    /// One thing that one role tells another.
    pub enum Notice {
        Handshake(ToHandshake),
        Peers(ToPeers),
        Headers(ToHeaders),
        Fetch(ToFetch),
        Verify(ToVerify),
        Ledger(ToLedger),
        Gossip(ToGossip),
        Miner(ToMiner),
        Sealer(ToSealer),
        Snapshot(ToSnapshot),
        History(ToHistory),
    }
}

impl Notice {
    /// Takes in what a notice that comes right behind this one says, if one notice can say both.
    ///
    /// During a sync of small blocks, what `fetch` does for each notice takes longer than what it does for each block.
    pub fn take_in(&mut self, next: &mut Self) -> bool {
        match (self, next) {
            (Self::Fetch(ToFetch::BodiesTaken { blocks }), Self::Fetch(ToFetch::BodiesTaken { blocks: more })) => {
                blocks.append(more);
                true
            }
            _ => false,
        }
    }
}
