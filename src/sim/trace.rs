//! The trace: everything that any role heard, and when, folded into one digest. Two runs of one seed must agree on it.

use crate::{
    base::{
        codec,
        hash::{Domain, Hash},
        time::Time,
    },
    node::{
        CloseReason, Event, LinkEvent, Notice, RoleId,
        notice::{
            ToFetch, ToGossip, ToHandshake, ToHeaders, ToHistory, ToLedger, ToMiner, ToPeers, ToSealer, ToSnapshot,
            ToVerify,
        },
    },
};

/// Bytes that gather before they are folded into the digest.
const FOLD_BYTES: usize = 16 * 1024;

/// The running digest.
#[derive(Debug, Default)]
pub(super) struct Trace {
    digest: Hash,
    pending: Vec<u8>,
    events: u64,
}

impl Trace {
    /// Adds an event that a role hears.
    pub(super) fn note(&mut self, at: Time, node: usize, role: RoleId, event: &Event) {
        self.events += 1;
        self.pending.extend_from_slice(&at.0.to_le_bytes());
        self.pending.extend_from_slice(&(node as u64).to_le_bytes()[..4]);
        self.pending.push(role as u8);
        mark(event, &mut self.pending);
        if self.pending.len() >= FOLD_BYTES {
            self.fold();
        }
    }

    /// How many events there were.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The digest of everything so far.
    pub(super) fn digest(&mut self) -> Hash {
        self.fold();
        self.digest
    }

    fn fold(&mut self) {
        self.pending.extend_from_slice(&self.digest.0);
        self.digest = Domain::STREAM.hash(&self.pending);
        self.pending.clear();
    }
}

/// A few bytes that tell an event from any other that could have happened in its place.
fn mark(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Start => out.push(0),
        Event::Wake => out.push(1),
        Event::Stop => out.push(5),
        Event::Link(event) => {
            out.push(2);
            mark_link(event, out);
        }
        Event::Notice(notice) => {
            out.push(3);
            mark_notice(notice, out);
        }
        Event::Command(ticket, _) => {
            out.push(4);
            out.extend_from_slice(&ticket.0.to_le_bytes());
        }
    }
}

fn mark_link(event: &LinkEvent, out: &mut Vec<u8>) {
    let (code, id) = match event {
        LinkEvent::Opened { link, .. } => (0, link.0),
        LinkEvent::DialFailed { dial, .. } => (1, dial.0),
        LinkEvent::Up { link, .. } => (2, link.0),
        LinkEvent::Frame { link, .. } => (3, link.0),
        LinkEvent::Closed { link, .. } => (4, link.0),
        LinkEvent::NewsLost { link, .. } => (5, link.0),
        LinkEvent::LateFault { link, .. } => (6, link.0),
        LinkEvent::Agree { link, .. } => (7, link.0),
        LinkEvent::Secured { link, .. } => (8, link.0),
        LinkEvent::Drained { link } => (9, link.0),
        LinkEvent::Bringing { link } => (10, link.0),
    };
    out.push(code);
    out.extend_from_slice(&id.to_le_bytes());
    match event {
        LinkEvent::Frame { frame, .. } => {
            out.push(frame.kind as u8);
            out.extend_from_slice(&frame.checksum);
        }
        LinkEvent::Closed { reason, .. } => out.push(match reason {
            CloseReason::Fault(fault) => 100 + u8::try_from(fault.points()).unwrap_or(u8::MAX / 2),
            CloseReason::Local(code) => *code as u8,
            CloseReason::Remote { code, .. } => 50u8.saturating_add(*code),
            CloseReason::Unanswered | CloseReason::Lost(_) => 0,
        }),
        _ => {}
    }
}

fn mark_notice(notice: &Notice, out: &mut Vec<u8>) {
    match notice {
        Notice::Handshake(notice) => mark_to_handshake(notice, out),
        Notice::Peers(notice) => mark_to_peers(notice, out),
        Notice::Headers(notice) => mark_to_headers(notice, out),
        Notice::Fetch(notice) => mark_to_fetch(notice, out),
        Notice::Verify(notice) => mark_to_verify(notice, out),
        Notice::Ledger(notice) => mark_to_ledger(notice, out),
        Notice::Gossip(notice) => mark_to_gossip(notice, out),
        Notice::Miner(notice) => mark_to_miner(notice, out),
        Notice::Sealer(notice) => mark_to_sealer(notice, out),
        Notice::Snapshot(notice) => mark_to_snapshot(notice, out),
        Notice::History(notice) => mark_to_history(notice, out),
    }
}

fn hash(code: u8, hash: &Hash, out: &mut Vec<u8>) {
    out.push(code);
    out.extend_from_slice(&hash.0[..8]);
}

fn mark_to_handshake(notice: &ToHandshake, out: &mut Vec<u8>) {
    match notice {
        ToHandshake::Barred(kept) => {
            out.extend([1, kept.ips.len() as u8, kept.addresses.len() as u8, kept.nodes.len() as u8]);
        }
        ToHandshake::Useful { link, .. } => out.extend_from_slice(&codec::encode(&(27u8, link.0))),
        ToHandshake::KeptFrom(height) => out.extend_from_slice(&codec::encode(&(41u8, *height))),
        ToHandshake::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
    }
}

fn mark_to_peers(notice: &ToPeers, out: &mut Vec<u8>) {
    match notice {
        ToPeers::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToPeers::Resolved { result, .. } => out.extend([36, u8::from(result.is_ok())]),
        ToPeers::TipUntold => out.push(33),
        ToPeers::ClockSet => out.push(39),
        ToPeers::Lacks(height) => out.extend_from_slice(&codec::encode(&(37u8, height.unwrap_or(0)))),
        ToPeers::LacksSnapshot { lacks, idle } => {
            out.extend([68, u8::from(*lacks)]);
            idle.iter().for_each(|link| out.extend_from_slice(&codec::encode(&link.0)));
        }
        ToPeers::BlockMissed { link } => out.extend_from_slice(&codec::encode(&(36u8, link.0))),
        ToPeers::LeadsTo { link, .. } => out.extend_from_slice(&codec::encode(&(34u8, link.0))),
    }
}

fn mark_to_headers(notice: &ToHeaders, out: &mut Vec<u8>) {
    match notice {
        ToHeaders::PeerTip { tip, .. } => hash(0, tip, out),
        ToHeaders::PeerClock { link, clock } => out.extend_from_slice(&codec::encode(&(40u8, link.0, clock.0))),
        ToHeaders::Offered { hash: block, .. } => hash(6, block, out),
        ToHeaders::Announced { hash: block, .. } => hash(41, block, out),
        ToHeaders::Notarised { hash: block, .. } => hash(46, block, out),
        ToHeaders::Final { hash: block, .. } => hash(47, block, out),
        ToHeaders::DialsFail(error) => out.extend([35, u8::from(error.is_some())]),
        ToHeaders::Delivered => out.push(30),
        ToHeaders::CandidateTaken { hash: block } => hash(36, block, out),
        ToHeaders::Fetched { height } => out.extend_from_slice(&codec::encode(&(25u8, height))),
        ToHeaders::Overdue { hash: block, .. } => hash(26, block, out),
        ToHeaders::Denied { hash: block, .. } => hash(34, block, out),
        ToHeaders::Joining => out.push(54),
        ToHeaders::Rest => out.push(70),
        ToHeaders::JoinProgress(text) => out.extend([55, text.len() as u8]),
        ToHeaders::Joined => out.push(56),
        ToHeaders::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToHeaders::BlocksValidAgain(rows) => rows.iter().for_each(|row| hash(66, &row.hash, out)),
        ToHeaders::ClockSet => out.push(67),
        ToHeaders::BlocksInvalid { hashes, .. } => hashes.iter().for_each(|block| hash(14, block, out)),
    }
}

fn mark_to_fetch(notice: &ToFetch, out: &mut Vec<u8>) {
    match notice {
        ToFetch::PeerTip { link, height, .. } => out.extend_from_slice(&codec::encode(&(0u8, link.0, height))),
        ToFetch::Want { fork, above, hashes } => {
            out.extend_from_slice(&codec::encode(&(3u8, fork, above)));
            hashes.iter().for_each(|wanted| hash(3, wanted, out));
        }
        ToFetch::WantPast { above, .. } => out.extend_from_slice(&codec::encode(&(65u8, above))),
        ToFetch::Candidates(list) => {
            out.push(37);
            list.iter().flat_map(|one| &one.hashes).for_each(|wanted| hash(37, wanted, out));
        }
        ToFetch::OfferPasses { hash: block } => hash(29, block, out),
        ToFetch::HeaderJudged { hash: block, is_wanted } => hash(42 + u8::from(*is_wanted), block, out),
        ToFetch::OfferDropped { hash: block, .. } => hash(4, block, out),
        ToFetch::Proposed { hash: block, .. } => hash(48, block, out),
        ToFetch::Produced { block } => out.extend_from_slice(&codec::encode(&(7u8, block.len() as u64))),
        ToFetch::BodyRefused { hash: block, .. } => hash(10, block, out),
        ToFetch::BodiesTaken { blocks } => blocks.iter().for_each(|(_, block)| hash(12, block, out)),
        ToFetch::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToFetch::BlocksInvalid { hashes, .. } => hashes.iter().for_each(|block| hash(14, block, out)),
        ToFetch::PoolChanged { added, removed } => {
            added.iter().for_each(|one| hash(21, &one.leaf, out));
            removed.iter().for_each(|leaf| hash(22, leaf, out));
        }
    }
}

fn mark_to_verify(notice: &ToVerify, out: &mut Vec<u8>) {
    match notice {
        ToVerify::CheckBlock { hash: block, .. } => hash(8, block, out),
        ToVerify::CheckTransactions(list) => {
            out.push(15);
            list.iter().for_each(|one| out.extend_from_slice(&one.transaction.leaf.0[..4]));
        }
    }
}

fn mark_to_ledger(notice: &ToLedger, out: &mut Vec<u8>) {
    match notice {
        ToLedger::StoreHeaders(rows) => rows.iter().for_each(|row| hash(2, &row.hash, out)),
        ToLedger::HeadersRest => out.push(69),
        ToLedger::BestChain { height, .. } => out.extend_from_slice(&codec::encode(&(28u8, height))),
        ToLedger::NotarisedAgain { hash: block, .. } => hash(61, block, out),
        ToLedger::State(state) => out.extend([5, *state as u8]),
        ToLedger::BlockChecked { block, .. } => hash(9, &block.hash, out),
        ToLedger::BodyInvalid { hash: block, .. } => hash(11, block, out),
        ToLedger::Admit { transaction, .. } => hash(18, &transaction.txid, out),
        ToLedger::OfferPool { link } => out.extend_from_slice(&codec::encode(&(38u8, link.0))),
        ToLedger::WantProposal { parent, .. } => hash(49, parent, out),
        ToLedger::AdoptSnapshot(manifest) => hash(57, &manifest.block(), out),
        ToLedger::AbandonJoin => out.push(58),
        ToLedger::KeepPast(blocks) => blocks.iter().for_each(|block| hash(62, &block.hash, out)),
        ToLedger::WantPlace { block } => hash(52, block, out),
        ToLedger::Final { hash: block, .. } => hash(47, block, out),
        ToLedger::WantTemplate { address } => out.extend([23, address.0[0]]),
    }
}

fn mark_to_gossip(notice: &ToGossip, out: &mut Vec<u8>) {
    match notice {
        ToGossip::PeerTip { tip, .. } => hash(0, tip, out),
        ToGossip::Shown { hash: block, .. } => hash(44, block, out),
        ToGossip::BlockAsked { link } => out.extend_from_slice(&codec::encode(&(45u8, link.0))),
        ToGossip::State(state) => out.extend([5, *state as u8]),
        ToGossip::BlockValidated { hash: block, .. } => hash(32, block, out),
        ToGossip::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToGossip::TransactionsChecked(list) => out.extend(list.iter().map(|one| 16 + u8::from(one.result.is_ok()))),
        ToGossip::PoolHasRoom => out.push(31),
        ToGossip::Admitted { transaction, result, .. } => {
            hash(19 + u8::from(result.is_ok()), &transaction.txid, out);
        }
    }
}

fn mark_to_miner(notice: &ToMiner, out: &mut Vec<u8>) {
    match notice {
        ToMiner::State(state) => out.extend([5, *state as u8]),
        ToMiner::Hold(reason) => out.extend([25, u8::from(reason.is_some())]),
        ToMiner::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToMiner::PoolChanged { added, removed } => {
            out.extend_from_slice(&codec::encode(&(21u8, *added as u64, *removed as u64)));
        }
        ToMiner::Template(template) => hash(24, &template.header.merkle_root, out),
    }
}

fn mark_to_snapshot(notice: &ToSnapshot, out: &mut Vec<u8>) {
    match notice {
        ToSnapshot::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToSnapshot::Joining => out.push(54),
        ToSnapshot::HeadersKnown { hash: block, .. } => hash(59, block, out),
        ToSnapshot::State(state) => out.extend([5, *state as u8]),
        ToSnapshot::Final { hash: block, .. } => hash(47, block, out),
        ToSnapshot::Adopting { done, .. } => out.extend_from_slice(&codec::encode(&(60u8, done))),
        ToSnapshot::Adopted(result) => out.extend([61, u8::from(result.is_ok())]),
        ToSnapshot::KeptFrom(height) => out.extend_from_slice(&codec::encode(&(68u8, *height))),
    }
}

fn mark_to_history(notice: &ToHistory, out: &mut Vec<u8>) {
    match notice {
        ToHistory::Begin { kept_from } => out.extend_from_slice(&codec::encode(&(63u8, kept_from))),
        ToHistory::BlockChecked(block) => hash(9, &block.hash, out),
        ToHistory::BodyInvalid { hash: block, .. } => hash(11, block, out),
        ToHistory::Kept(kept_from) => out.extend_from_slice(&codec::encode(&(64u8, kept_from))),
    }
}

fn mark_to_sealer(notice: &ToSealer, out: &mut Vec<u8>) {
    match notice {
        ToSealer::State(state) => out.extend([5, *state as u8]),
        ToSealer::ChainMoved(moved) => hash(13, &moved.tip.digest, out),
        ToSealer::PoolChanged { added, removed } => {
            out.extend_from_slice(&codec::encode(&(21u8, *added as u64, *removed as u64)));
        }
        ToSealer::Template(Some(template)) => hash(24, &template.header.merkle_root, out),
        ToSealer::Template(None) => out.push(40),
        ToSealer::PlaceFound { block, .. } => hash(53, block, out),
        ToSealer::ProposalChecked { hash: block, result } => hash(41 + u8::from(result.is_ok()), block, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_time_both_count() {
        let digest = |steps: &[(u64, Event)]| {
            let mut trace = Trace::default();
            steps.iter().for_each(|(at, event)| trace.note(Time(*at), 0, RoleId::Peers, event));
            trace.digest()
        };
        let (start, wake) = (Event::Start, Event::Wake);
        let all = [
            digest(&[(1, start.clone()), (2, wake.clone())]),
            digest(&[(1, wake.clone()), (2, start.clone())]),
            digest(&[(1, start.clone()), (3, wake.clone())]),
        ];
        assert!(all[0] != all[1] && all[0] != all[2]);
        assert_eq!(all[0], digest(&[(1, start), (2, wake)]));
    }
}
