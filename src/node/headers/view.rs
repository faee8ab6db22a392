//! What the role sees of itself, for the node's state and for people.

use std::time::Duration;

use crate::{
    base::time::Time,
    node::{
        Outbox,
        headers::{Headers, state::View},
        report::Report,
    },
};

/// Shortest time between two reports of the best header's height: people and metrics need no more.
const BEST_REPORT_INTERVAL: Duration = Duration::from_millis(100);

impl Headers {
    pub(super) fn view(&self, now: Time) -> Option<View> {
        let index = self.index.as_ref()?;
        Some(View {
            open: self.open,
            peers: self.peers.len(),
            answered: self.answered,
            more: self.peers.more_expected(now),
            is_suspicious: self.unproven.is_suspicious(now),
            full: !self.has_room(),
            all_applied: index.all_applied() || self.disregards_best(),
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
