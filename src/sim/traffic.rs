//! Users submit transactions to nodes from time to time.

use crate::{
    base::{ids::Ticket, time::Time},
    chain::block::HashedBlock,
    node::{
        ChainMove, SyncState,
        command::{GossipCommand, Reply},
    },
    sim::{
        checkers::Question,
        world::{Happening, World},
    },
};

impl World {
    /// Puts the next transaction into the event queue.
    pub(super) fn next_submission(&mut self) {
        if let Some(mean_doubled) = (2 * 60_000_000u64).checked_div(self.options.transactions) {
            let wait = self.wallet.rng.below(mean_doubled) + 1;
            self.at(Time(self.now.0 + wait), Happening::Submit);
        }
    }

    /// Somebody submits a transaction to some synced node.
    pub(super) fn submit(&mut self) {
        self.next_submission();
        let synced = |node: &usize| self.is_up(*node) && self.nodes[*node].view.state == SyncState::Synced;
        let ready: Vec<usize> = (0..self.options.nodes).filter(synced).collect();
        let Some(node) = self.wallet.rng.pick(&ready).copied() else { return };
        let double_ppm = self.options.double_spend_ppm;
        let made = self.nodes[node].disk.read(|ledger| self.wallet.make(&self.spec, ledger, double_ppm));
        if let Some(made) = made {
            let command = GossipCommand::SubmitTransaction { bytes: made.transaction.to_bytes().into(), replace: true };
            // Of those from before, a crash may lose some.
            let payment = (self.options.authorities > 0 && self.faults.calm).then(|| Box::new(made));
            self.command(node, command, Question::Submit(payment));
        }
    }

    /// A node's chain has moved. On a sealed chain a block may be there before its transactions are, and nobody passes it on
    /// as a block of a mined chain: what it carries has come with it.
    pub(super) fn note_carried(&mut self, node: usize, moved: &ChainMove) {
        if self.options.authorities == 0 {
            return;
        }
        for (hash, _) in &moved.added {
            let body = self.nodes[node].disk.read(|ledger| ledger.body(hash));
            let block = body.ok().flatten().and_then(|bytes| HashedBlock::decode(bytes).ok());
            for transaction in block.iter().flat_map(|block| &block.transactions) {
                self.stats.carried_at(node, transaction.txid, self.now);
            }
        }
    }

    /// A command was answered.
    pub(super) fn replied(&mut self, node: usize, ticket: Ticket, reply: &Reply) {
        let known = self.nodes[node].life.as_mut().and_then(|life| life.tickets.remove(&ticket));
        let Some((_, question)) = known else {
            let what = format!("{ticket:?} was answered twice, or never asked: {reply:?}");
            return self.fail("completions", Some(node), what);
        };
        if let Question::Pooled(returned) = question {
            return self.check_returned(returned, reply);
        }
        match reply {
            Reply::Accepted(_) => {
                self.stats.submitted.0 += 1;
                if let Question::Submit(Some(payment)) = question {
                    self.note_payment(&payment);
                }
            }
            reply @ (Reply::Refused(_) | Reply::NotTaken(_)) => {
                if let Some(survey) = &mut self.survey {
                    survey.refused();
                }
                log::debug!(target: "tussock::sim", "node {node} refuses a transaction: {reply:?}");
                self.stats.submitted.1 += 1;
            }
            _ => {}
        }
    }
}
