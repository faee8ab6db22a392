//! The counters' names in JSON, metrics and the page.

use crate::node::report::Counter;

/// A counter's names.
pub struct Named {
    /// The counter.
    pub counter: Counter,
    /// The name in JSON; the metric is `tussock_<key>_total`.
    pub key: &'static str,
    /// What is counted, in a line.
    pub help: &'static str,
}

const fn named(counter: Counter, key: &'static str, help: &'static str) -> Named {
    Named { counter, key, help }
}

/// All counters.
pub const ALL: [Named; 22] = [
    named(Counter::SignaturesVerified, "signatures_verified", "Signatures checked."),
    named(Counter::SignaturesReused, "signatures_reused", "Signatures known from the mempool and not checked again."),
    named(Counter::BlocksApplied, "blocks_applied", "Blocks applied to the chain."),
    named(Counter::TransactionsApplied, "transactions_applied", "Transactions applied with them."),
    named(Counter::Reorganisations, "chain_reorganisations", "Reorganisations."),
    named(Counter::HandshakesDone, "handshakes_done", "Handshakes that succeeded."),
    named(Counter::HandshakesFailed, "handshakes_failed", "Handshakes that failed."),
    named(Counter::PeerFaults, "peer_faults", "Peers closed for a fault."),
    named(Counter::TransactionsRelayed, "transactions_relayed", "Transaction messages sent."),
    named(Counter::TransactionsReceived, "transactions_received", "Transaction messages received."),
    named(Counter::TransactionsRepeated, "transactions_repeated", "Transaction messages received that were known."),
    named(Counter::BlocksRelayed, "blocks_relayed", "Block messages sent as news."),
    named(Counter::BlocksServed, "blocks_served", "Blocks served on request."),
    named(Counter::SyncsServed, "syncs_served", "Sync messages served."),
    named(Counter::BlockRequestsReassigned, "block_requests_reassigned", "Block requests passed on to another peer."),
    named(Counter::Stalls, "sync_stalls", "Peers that stalled the download."),
    named(Counter::Hashes, "miner_hashes", "Hashes tried by the miner."),
    named(Counter::BlocksMined, "miner_blocks", "Blocks found by the miner."),
    named(Counter::TransactionsDropped, "transactions_dropped", "Transactions dropped because a queue was full."),
    named(Counter::CompactBlocksRelayed, "compact_blocks_relayed", "CompactBlock messages sent as news."),
    named(Counter::BlocksRebuilt, "blocks_rebuilt", "Blocks put together from a compact block."),
    named(Counter::BlocksNotRebuilt, "blocks_not_rebuilt", "Blocks asked for as a whole in place of a compact one."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Does not compile until a new counter has a place.
    fn place(counter: Counter) -> usize {
        match counter {
            Counter::SignaturesVerified => 0,
            Counter::SignaturesReused => 1,
            Counter::BlocksApplied => 2,
            Counter::TransactionsApplied => 3,
            Counter::Reorganisations => 4,
            Counter::HandshakesDone => 5,
            Counter::HandshakesFailed => 6,
            Counter::PeerFaults => 7,
            Counter::TransactionsRelayed => 8,
            Counter::TransactionsReceived => 9,
            Counter::TransactionsRepeated => 10,
            Counter::BlocksRelayed => 11,
            Counter::BlocksServed => 12,
            Counter::SyncsServed => 13,
            Counter::BlockRequestsReassigned => 14,
            Counter::Stalls => 15,
            Counter::Hashes => 16,
            Counter::BlocksMined => 17,
            Counter::TransactionsDropped => 18,
            Counter::CompactBlocksRelayed => 19,
            Counter::BlocksRebuilt => 20,
            Counter::BlocksNotRebuilt => 21,
        }
    }

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        for (at, one) in ALL.iter().enumerate() {
            assert_eq!(place(one.counter), at, "{}", one.key);
        }
        assert_eq!(ALL.iter().map(|one| one.key).collect::<BTreeSet<_>>().len(), ALL.len());
    }
}
