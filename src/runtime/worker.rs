//! The loop of a role thread: an event, or a few that wait already, and their actions.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Select, TryRecvError};

use crate::{
    base::time::{Now, Time},
    node::{AnyRole, Event, Outbox, RoleId},
    runtime::{
        channels::{Inbox, NOTICES_IN_A_ROW, Router},
        clock::Clock,
    },
};

/// Events that a role handles, while more wait, before what they ask for is carried out.
const HELD_EVENTS: usize = 32;
/// How long that may wait after the first of them.
const HELD_TIME: Duration = Duration::from_micros(300);

/// Sets the pace of a worker. In production there is nothing to set; the thread tests let one worker step at a time.
pub trait Pace: Send {
    /// Before each step: returns when it is this worker's turn. False: end at once, without a word, as in a crash.
    fn begin(&mut self) -> bool {
        true
    }

    /// The worker is about to handle `event`.
    fn sees(&mut self, now: Now, event: &Event) {
        let _ = (now, event);
    }

    /// After each step that handled an event, or carried out the actions of some.
    fn end(&mut self) {}

    /// There is nothing to do before `deadline`; `wait` returns when there may be.
    fn rest(&mut self, deadline: Option<Time>, wait: &mut dyn FnMut()) {
        let _ = deadline;
        wait();
    }
}

/// No pace: as fast as it goes.
pub struct Unpaced;

impl Pace for Unpaced {}

/// A role with its thread's end of everything.
pub(super) struct Worker {
    pub(super) id: RoleId,
    pub(super) role: Box<dyn AnyRole>,
    pub(super) inbox: Inbox,
    pub(super) router: Arc<Router>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pace: Box<dyn Pace>,
    /// Disconnected: end. Nothing is ever sent.
    pub(super) stop: Receiver<()>,
    pub(super) due: Due,
}

/// Whether a role is to be woken.
#[derive(Default)]
pub(super) struct Due {
    /// Whether its deadline has come. `None`: look.
    now: Option<bool>,
    /// Events that it hears before its next wake, if it is due all the time.
    after: usize,
}

/// How often a role yields its core after an urgent action, to the roles that carry it on. A role with more to do would
/// otherwise keep the core for its time slice, some milliseconds, while they wait. With this, five nodes in a line on two
/// cores have a large block a sixth sooner; more yields help no more.
const YIELDS: usize = 4;

/// Events whose actions are not carried out yet. While more events wait, a role goes on, so that the threads it then wakes
/// find several things to do at once. With a wake for each event, a sync of small blocks took a fifth longer.
#[derive(Default)]
struct Held {
    events: usize,
    /// When the first was handled.
    since: Time,
}

impl Held {
    fn add(&mut self, now: Time) {
        if self.events == 0 {
            self.since = now;
        }
        self.events += 1;
    }

    fn is_due(&self, now: Time) -> bool {
        self.events >= HELD_EVENTS || (self.events > 0 && now.since(self.since) >= HELD_TIME)
    }
}

impl Worker {
    /// Runs until the stop channel is disconnected. A panic stops the node: a role that lost its state must not limp
    /// on, and the others must not wait for it.
    pub(super) fn run(self) {
        let (id, router) = (self.id, Arc::clone(&self.router));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_unguarded())) {
            router.stopper.broken(format!("{} panicked: {}", id.name(), panic_message(&*panic)));
        }
    }

    fn run_unguarded(mut self) {
        let mut out = Outbox::default();
        let mut held = Held::default();
        let mut next = Some(Event::Start);
        while self.pace.begin() {
            let now = self.clock.now();
            if out.hurries() {
                self.send(&mut out, &mut held);
                (0..YIELDS).for_each(|_| thread::yield_now());
            } else if held.is_due(now.mono) {
                self.send(&mut out, &mut held);
            }
            let event = match next.take() {
                Some(event) => event,
                None if self.stop.try_recv() == Err(TryRecvError::Disconnected) => Event::Stop,
                None => match self.next_event(now.mono, held.events == 0) {
                    Some(event) => event,
                    None if held.events > 0 => {
                        self.send(&mut out, &mut held);
                        self.pace.end();
                        continue;
                    }
                    None => {
                        self.rest();
                        continue;
                    }
                },
            };
            let last = matches!(event, Event::Stop);
            self.pace.sees(now, &event);
            self.role.hear(now, event, &mut out);
            held.add(now.mono);
            if last {
                self.send(&mut out, &mut held);
            }
            self.pace.end();
            if last {
                return;
            }
        }
    }

    fn send(&self, out: &mut Outbox, held: &mut Held) {
        self.router.dispatch(self.id, out.drain());
        *held = Held::default();
    }

    /// A deadline that has come goes first, so that traffic cannot starve it. A role that is due again at once hears
    /// some of what waits before its next wake, so that a busy role does not go deaf.
    ///
    /// `looks`: finds out whether the deadline has come. Events that are held are heard within moments, so one look does for
    /// all of them: a look for each was a ninth of what `fetch` does in a sync of small blocks.
    fn next_event(&mut self, now: Time, looks: bool) -> Option<Event> {
        let is_due = self.due.now.filter(|_| !looks).unwrap_or_else(|| self.has_deadline(now));
        self.due.now = Some(is_due);
        if !is_due {
            self.due.after = 0;
        }
        let wakes_first = is_due && self.due.after == 0;
        let event = if wakes_first { None } else { self.inbox.take() };
        self.due.after = if wakes_first { NOTICES_IN_A_ROW } else { self.due.after.saturating_sub(1) };
        if event.is_none() {
            self.due.now = None;
        }
        event.or_else(|| (is_due && self.has_deadline(now)).then_some(Event::Wake))
    }

    fn has_deadline(&self, now: Time) -> bool {
        self.role.wake_at().is_some_and(|deadline| deadline <= now)
    }

    fn rest(&mut self) {
        let deadline = self.role.wake_at();
        let (stop, inbox, clock) = (&self.stop, &self.inbox, &self.clock);
        self.pace.rest(deadline, &mut || {
            let mut select = Select::new();
            select.recv(stop);
            inbox.watch(&mut select);
            match deadline {
                None => drop(select.ready()),
                Some(deadline) => drop(select.ready_timeout(deadline.since(clock.now().mono))),
            }
        });
    }
}

/// What a panic said.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
