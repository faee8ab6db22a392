//! The baton itself: a worker's end and the stage's end.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::{
    base::time::{Now, Time},
    node::Event,
    runtime::worker::Pace,
};

/// What a worker did with the baton.
pub(super) enum Report {
    /// It handled this event.
    Did(String),
    /// It found nothing to do before this time.
    Rests(Option<Time>),
    /// Its thread has ended.
    Ended,
}

/// The worker's end.
pub(super) struct BatonPace {
    baton: Receiver<()>,
    report: Sender<Report>,
    saw: String,
}

/// The stage's end.
pub(super) struct Batons {
    give: Option<Sender<()>>,
    report: Receiver<Report>,
}

/// Both ends for one worker.
pub(super) fn pair() -> (BatonPace, Batons) {
    let (give, baton) = bounded(1);
    let (report, reports) = bounded(1);
    (BatonPace { baton, report, saw: String::new() }, Batons { give: Some(give), report: reports })
}

impl Batons {
    /// Lets the worker take one step and waits until it has.
    pub(super) fn give(&self) -> Report {
        match &self.give {
            // A worker that has ended, even by a panic, has dropped its end.
            Some(give) if give.send(()).is_ok() => self.report.recv().unwrap_or(Report::Ended),
            _ => Report::Ended,
        }
    }

    /// The worker never gets the baton again: its thread ends.
    pub(super) fn keep(&mut self) {
        self.give = None;
    }
}

impl Pace for BatonPace {
    fn begin(&mut self) -> bool {
        self.baton.recv().is_ok()
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
