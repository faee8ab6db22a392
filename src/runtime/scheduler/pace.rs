//! How steps are granted: a worker's end and the scheduler's end.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{
    base::time::{Now, Time},
    node::Event,
    runtime::worker::Pace,
};

/// What a worker did with its step.
pub(super) enum Report {
    /// It handled this event.
    Did(String),
    /// It found nothing to do before this time.
    Rests(Option<Time>),
    /// Its thread has ended.
    Ended,
}

/// The worker's end.
pub(super) struct GrantedPace {
    granted: Receiver<()>,
    report: Sender<Report>,
    saw: String,
}

/// The scheduler's end.
pub(super) struct Grants {
    grant: Option<Sender<()>>,
    report: Receiver<Report>,
}

/// Both ends for one worker.
pub(super) fn pair() -> (GrantedPace, Grants) {
    let (grant, granted) = bounded(1);
    let (report, reports) = bounded(1);
    (GrantedPace { granted, report, saw: String::new() }, Grants { grant: Some(grant), report: reports })
}

impl Grants {
    /// Lets the worker take one step and waits until it has.
    pub(super) fn step(&self) -> Report {
        match &self.grant {
            // A worker that has ended, even by a panic, has dropped its end.
            Some(grant) if grant.send(()).is_ok() => self.report.recv().unwrap_or(Report::Ended),
            _ => Report::Ended,
        }
    }

    /// The worker never takes another step: its thread ends.
    pub(super) fn end(&mut self) {
        self.grant = None;
    }
}

impl Pace for GrantedPace {
    fn begin(&mut self) -> bool {
        self.granted.recv().is_ok()
    }

    fn sees(&mut self, now: Now, event: &Event) {
        self.saw = format!("{} {event:?}", now.unix);
    }

    fn end(&mut self) {
        let _ = self.report.send(Report::Did(std::mem::take(&mut self.saw)));
    }

    fn rest(&mut self, deadline: Option<Time>, _wait: &mut dyn FnMut()) {
        let _ = self.report.send(Report::Rests(deadline));
    }
}
