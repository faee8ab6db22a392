//! What honest authorities say, heard at their links: each keeps the rules from which agreement follows, over restarts too.
//! The disk has a vote before the wire has. And once all is calm, blocks become final within a few views.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    base::hash::Hash,
    chain::{
        header::Header,
        seal::{Certificate, Epoch, SignedVote, Stage},
    },
    node::{Event, LinkAction, LinkEvent, sealer::core::place_of},
    sim::{options::Options, world::World},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// What was said.
#[derive(Debug, Default)]
pub(in crate::sim) struct Sealing {
    /// Proposed blocks.
    proposed: BTreeMap<Hash, Proposed>,
    /// The block for which each honest authority voted in a view of an epoch.
    voted: BTreeMap<(usize, Epoch, u64), Hash>,
    /// What it said of the view's end.
    ended: BTreeMap<(usize, Epoch, u64), (Stage, Hash)>,
    /// Who was heard to skip a view of an epoch, by their numbers in its set.
    skipped: BTreeMap<(Epoch, u64), BTreeSet<u8>>,
    /// The epoch of which the two below are.
    epoch: Epoch,
    /// The first view by which something must be final: all timers are long enough there.
    due: Option<u64>,
    /// The highest view of a final block.
    last_final: u64,
}

/// A proposed block.
#[derive(Clone, Copy, Debug)]
struct Proposed {
    epoch: Epoch,
    view: u64,
    parent: Hash,
    /// The view of the parent; `None`: it is the last block of another set, and its own view counts.
    parent_view: Option<u64>,
}

impl World {
    /// The role `sealer` of a node hears something.
    pub(in crate::sim) fn note_sealing(&mut self, event: &Event) {
        let Event::Link(LinkEvent::Frame { frame, .. }) = event else { return };
        match (frame.kind, frame.open()) {
            (Kind::Proposal, Ok(Message::Proposal { block, .. })) => self.note_parent(&block),
            (Kind::Vote, Ok(Message::Vote(vote))) => self.note_skip(&vote),
            (Kind::Certificate, Ok(Message::Certificate(certificate))) => {
                certificate.signed_votes().for_each(|vote| self.note_skip(&vote));
            }
            _ => {}
        }
    }

    fn note_parent(&mut self, block: &[u8]) {
        let Some(header) = Header::peek(block) else { return };
        let authorities = &self.spec.authorities;
        if let (Some(seal), Some(set)) = (header.authority_seal(), authorities.at(header.height)) {
            let parent_view = Some(seal.parent_view).filter(|_| authorities.taking_over_at(header.height).is_none());
            let proposed = Proposed { epoch: set.epoch(), view: seal.view, parent: header.previous, parent_view };
            self.checkers.sealing.proposed.insert(header.hash(), proposed);
        }
    }

    fn note_skip(&mut self, vote: &SignedVote) {
        if vote.statement.stage == Stage::Skip {
            let place = (vote.statement.epoch, vote.statement.view);
            self.checkers.sealing.skipped.entry(place).or_default().insert(vote.signer);
        }
    }

    /// Whether a node is to keep the rules: an honest one, and one with an older disk if nothing kept its votes from others.
    pub(in crate::sim) fn keeps_rules(&self, node: usize) -> bool {
        let Options { nodes, older_disks, cuts, crashes, partitions, .. } = &self.options;
        node < *nodes || node < nodes + older_disks && *cuts == 0 && *crashes == 0 && partitions.is_empty()
    }

    /// The role `sealer` of such a node sends something.
    pub(in crate::sim) fn check_said(&mut self, node: usize, action: &LinkAction) {
        let (LinkAction::Send { frame, .. } | LinkAction::Relay { frame, .. }) = action else { return };
        if let Some((checker, what)) = self.is_wrong(node, frame) {
            self.fail(checker, Some(node), what);
        }
    }

    fn is_wrong(&mut self, node: usize, frame: &Frame) -> Option<(&'static str, String)> {
        match (frame.kind, frame.open()) {
            (Kind::Proposal, Ok(Message::Proposal { block, .. })) => self.note_parent(&block),
            (Kind::Vote, Ok(Message::Vote(vote))) => {
                self.note_skip(&vote);
                let own = self.options.signer(vote.statement.epoch, node);
                if own == Some(usize::from(vote.signer)) {
                    return self.breaks_rule(node, &vote).map(|what| ("votes", what));
                }
            }
            (Kind::Certificate, Ok(Message::Certificate(certificate))) => {
                return self.lacks_quorum(&certificate).map(|what| ("certificates", what));
            }
            _ => {}
        }
        None
    }

    fn lacks_quorum(&self, certificate: &Certificate) -> Option<String> {
        let (count, quorum) = (certificate.votes.count(), self.options.quorum(certificate.statement.epoch));
        (count < quorum).then(|| format!("shows a certificate of {count} votes, where {quorum} are needed"))
    }

    /// Which rule an authority's own vote breaks.
    fn breaks_rule(&mut self, node: usize, vote: &SignedVote) -> Option<String> {
        let statement = vote.statement;
        let key = (node, statement.epoch, statement.view);
        let kept = self.nodes[node].disk.own_votes();
        let is_kept = |kept: &SignedVote| {
            kept == vote || kept.statement.stage == statement.stage && place_of(&kept.statement) > place_of(&statement)
        };
        if !kept.iter().any(is_kept) {
            return Some(format!("sends a vote that its disk does not have: {statement:?}"));
        }
        let sealing = &mut self.checkers.sealing;
        if statement.stage != Stage::Notarise {
            let said = *sealing.ended.entry(key).or_insert((statement.stage, statement.block));
            return (said != (statement.stage, statement.block)).then(|| format!("says {said:?} and {statement:?}"));
        }
        let first = *sealing.voted.entry(key).or_insert(statement.block);
        if first != statement.block {
            return Some(format!("votes for {first:?} and {:?} in view {}", statement.block, statement.view));
        }
        let Proposed { epoch, view, parent, parent_view } = *sealing.proposed.get(&statement.block)?;
        let own_view = || Some(self.header_at(node, &parent)?.authority_seal()?.view);
        let parent = parent_view.or_else(own_view)?;
        let (skipped, quorum) = (&self.checkers.sealing.skipped, self.options.quorum(epoch));
        let is_skipped = |view: &u64| skipped.get(&(epoch, *view)).is_some_and(|by| by.len() >= quorum);
        let open = (parent + 1..view).find(|view| !is_skipped(view));
        open.map(|open| format!("votes for a block of view {view} on view {parent}, and view {open} is not skipped"))
    }

    /// Once all timers are long enough, something becomes final within as many views as leaders may be silent, and two.
    pub(in crate::sim) fn check_votes(&mut self) {
        if self.options.authorities == 0 || self.options.is_overthrown() || !self.has_settled() {
            return;
        }
        let all = || (0..self.options.nodes).filter_map(|node| Some((node, self.nodes[node].view.sealing.as_ref()?)));
        let epoch = all().map(|(_, sealing)| sealing.epoch).max().unwrap_or(0);
        let deciding = || all().filter(|(node, _)| self.options.signer(epoch, *node).is_some());
        let have_begun = deciding().all(|(_, sealing)| sealing.epoch == epoch);
        let views: Vec<(u64, Duration)> = deciding().map(|(_, sealing)| (sealing.view, sealing.view_time)).collect();
        let bound = (self.options.members(epoch).len() - self.options.quorum(epoch)) as u64 + 2;
        let last = self.last_final_view();
        let sealing = &mut self.checkers.sealing;
        if !have_begun || sealing.epoch != epoch {
            (sealing.epoch, sealing.due) = (epoch, None);
            return;
        }
        sealing.last_final = last.max(sealing.last_final);
        let (lowest, highest) = (views.iter().map(|view| view.0).min(), views.iter().map(|view| view.0).max());
        let (Some(lowest), Some(highest)) = (lowest, highest) else { return };
        match sealing.due {
            None => {
                let needed = self.view_takes();
                if views.iter().all(|(_, time)| *time >= needed) {
                    self.checkers.sealing.due = Some(highest + 1);
                }
            }
            Some(due) if sealing.last_final >= due => sealing.due = None,
            Some(due) if lowest > due + bound => {
                let last = sealing.last_final;
                let what =
                    format!("views {due} to {lowest} bring nothing final, whose timers are long enough; last {last}");
                self.fail("views", None, what);
            }
            Some(_) => {}
        }
    }

    fn last_final_view(&self) -> u64 {
        let last = |node: usize| {
            let hash = self.nodes[node].view.sealing.as_ref()?.last_final.hash;
            // Read from the header, so that a mistake in how chains are compared is not repeated.
            Some(self.header_at(node, &hash)?.authority_seal()?.view)
        };
        (0..self.options.nodes).filter_map(last).max().unwrap_or(0)
    }
}
