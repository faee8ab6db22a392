//! What the role sees of itself, for the node's state and for people.

use std::time::Duration;

use crate::{
    base::{limits::GET_SYNC_POLL, time::Time},
    node::{
        Outbox, SyncState,
        headers::{Headers, state::View},
        notice::{ToGossip, ToLedger, ToMiner, ToSealer, ToSnapshot},
        report::Report,
    },
};

/// Shortest time between two reports of the best header's height: people and metrics need no more.
const BEST_REPORT_INTERVAL: Duration = Duration::from_millis(100);

impl Headers {
    pub(super) fn view(&self, now: Time) -> Option<View> {
        let index = self.index.as_ref()?;
        // Nobody is asked meanwhile.
        let rests = self.rests();
        Some(View {
            open: self.open,
            peers: self.peers.len(),
            answered: self.answered || rests,
            more: !rests && self.peers.more_expected(now),
            is_suspicious: self.unproven.is_suspicious(now),
            full: !self.has_room(),
            all_applied: rests || index.all_applied() || self.disregards_best(),
            applied: index.applied().height,
            fetched: self.fetched,
            best: index.best().height,
            source: self.peers.source().map(|peer| (peer.info.remote, peer.height)),
            progress: self.progress,
            hindered: self.clock.unready(),
            joining: self.joining.as_ref().map(|joining| joining.progress.clone()),
            dial_error: if self.peers.len() == 0 { self.dial_error.clone() } else { None },
        })
    }

    /// Decides the node's state, and says what has changed.
    pub(super) fn tell_state(&mut self, now: Time, out: &mut Outbox) {
        let Some(view) = self.view(now) else { return };
        if let Some(told) = self.machine.update(now, &view) {
            if told.changed {
                log::info!("state={} reason=\"{}\" height={}", told.state, told.reason, view.applied);
                out.tell(ToLedger::State(told.state));
                out.tell(ToGossip::State(told.state));
                out.tell(ToMiner::State(told.state));
                out.tell(ToSealer::State(told.state));
                out.tell(ToSnapshot::State(told.state));
                self.next_poll = (told.state == SyncState::Synced).then(|| now + GET_SYNC_POLL);
            }
            out.report(Report::State { state: told.state, reason: told.reason });
        }
    }

    pub(super) fn report_best(&mut self, now: Time, out: &mut Outbox) {
        let due = self.best_report.is_none_or(|at| now.since(at) >= BEST_REPORT_INTERVAL);
        if let Some(index) = self.index.as_ref().filter(|_| self.best_changed && due) {
            (self.best_report, self.best_changed) = (Some(now), false);
            out.report(Report::BestHeader { height: index.best().height, work: index.best().work });
        }
    }

    /// When that is due.
    pub(super) fn next_best_report(&self) -> Option<Time> {
        self.best_report.filter(|_| self.best_changed).map(|at| at + BEST_REPORT_INTERVAL)
    }
}
