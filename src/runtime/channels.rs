//! The channels between threads: each role's two inboxes, the poll loop's orders, and the way from a role's outbox to
//! all of them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use crossbeam_channel::{SendTimeoutError, TryRecvError, TrySendError};

use crate::{
    base::{gather::gather, ids::Ticket, limits},
    link::{EventSink, Order},
    net::OrderSource,
    node::{
        Action, Event, HostName, LinkEvent, Notice, RoleId,
        command::{Command, Reply},
        notice::ToPeers,
        report::Counter,
    },
    runtime::{
        backpressure::{self, Release, StepBack},
        handle::Done,
        pending_commands::PendingCommands,
        queue::{QueueIn, QueueOut, no_queue, queue},
        resolver::{Resolve, SystemResolver},
        status::SharedStatus,
        stop::{StopReason, Stopper},
    },
};

/// How long a role may wait for another's queue before the node stops as broken.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(30);
/// Blocks and the like that wait for the ledger at which the last of several verifiers leaves it a core.
const LEDGER_BACKLOG: usize = 1;
/// Actions that wait for the poll loop.
const ACTION_QUEUE: usize = 4096;
/// Notices and commands that a role hears in a row while link events wait.
pub(super) const NOTICES_IN_A_ROW: usize = 64;

/// What comes from other threads than the poll loop.
enum Mail {
    Notice(Notice),
    Command(Ticket, Command),
}

/// A role's inboxes, at the receiving end.
pub(super) struct Inbox {
    mail: QueueOut<Box<Mail>>,
    links: QueueOut<LinkEvent>,
    gauge: Arc<Gauge>,
    /// Notices and commands taken in a row.
    in_a_row: usize,
    wake_net: WakeNet,
    /// For another role that has too much to do.
    step_back: Option<StepBack>,
    /// Releases the worker that steps back for this role.
    release: Option<Release>,
}

/// Makes the poll loop look; does nothing where there is none.
pub(super) type WakeNet = Arc<dyn Fn() + Send + Sync>;

/// How full an inbox of link events is, beyond the number of events in it.
#[derive(Default)]
struct Gauge {
    bytes: AtomicUsize,
    /// The poll loop found the inbox full and wants to be woken.
    found_full: AtomicBool,
}

/// The poll loop's way to all roles.
pub(super) struct Sink(BTreeMap<RoleId, (QueueIn<LinkEvent>, Arc<Gauge>)>, Arc<SharedStatus>);

/// The poll loop's orders.
pub(super) struct Orders(QueueOut<Order>);

/// Everything a role's actions can reach.
pub(super) struct Router {
    mail: BTreeMap<RoleId, QueueIn<Box<Mail>>>,
    orders: QueueIn<Order>,
    wake_net: WakeNet,
    pub(super) status: Arc<SharedStatus>,
    pub(super) pending_commands: PendingCommands,
    pub(super) stopper: Arc<Stopper>,
    pub(super) resolver: Arc<dyn Resolve>,
}

/// All ends of a node's channels.
pub(super) struct Channels {
    pub(super) router: Router,
    pub(super) sink: Sink,
    pub(super) orders: Orders,
    pub(super) inboxes: Vec<Inbox>,
}

/// Makes the channels of a node with these roles. Roles of the same id share an inbox of notices; the first of them
/// hears of links.
pub(super) fn open(roles: &[RoleId], wake_net: WakeNet, status: Arc<SharedStatus>, stopper: Arc<Stopper>) -> Channels {
    let (orders, order_source) = queue(ACTION_QUEUE);
    let mut mail: BTreeMap<RoleId, (QueueIn<_>, QueueOut<_>)> = BTreeMap::new();
    let mut sink = Sink(BTreeMap::new(), Arc::clone(&status));
    let mut inboxes = Vec::new();
    for role in roles {
        let (_, mail_out) = mail.entry(*role).or_insert_with(|| queue(limits::NOTICE_QUEUE));
        let gauge = Arc::new(Gauge::default());
        let links = if sink.0.contains_key(role) {
            no_queue()
        } else {
            let (links, links_out) = queue(limits::LINK_QUEUE);
            sink.0.insert(*role, (links, Arc::clone(&gauge)));
            links_out
        };
        let wake_net = Arc::clone(&wake_net);
        let mail = mail_out.clone();
        inboxes.push(Inbox { mail, links, gauge, in_a_row: 0, wake_net, step_back: None, release: None });
    }
    if let Some((ledger, _)) = mail.get(&RoleId::Ledger) {
        leave_a_core_to_the_ledger(roles, ledger, &mut inboxes);
    }
    let mail = gather(mail.into_iter().map(|(role, (sender, _))| (role, sender)));
    let pending_commands = PendingCommands::default();
    let resolver = Arc::new(SystemResolver);
    let router = Router { mail, orders, wake_net, status, pending_commands, stopper, resolver };
    Channels { router, sink, orders: Orders(order_source), inboxes }
}

/// The last of several verifiers steps back while blocks wait for the ledger.
fn leave_a_core_to_the_ledger(roles: &[RoleId], to_ledger: &QueueIn<Box<Mail>>, inboxes: &mut [Inbox]) {
    let verifiers = roles.iter().filter(|role| **role == RoleId::Verify).count();
    let last = roles.iter().rposition(|role| *role == RoleId::Verify).filter(|_| verifiers > 1);
    let ledger = roles.iter().position(|role| *role == RoleId::Ledger);
    if let (Some(last), Some(ledger)) = (last, ledger) {
        // Not a clone of the receiver: senders must notice when a role has ended.
        let sender = to_ledger.clone();
        let (step_back, release) = backpressure::pair(LEDGER_BACKLOG, move || sender.len());
        inboxes[last].step_back = Some(step_back);
        inboxes[ledger].release = Some(release);
    }
}

impl Inbox {
    /// The next event, if there is one. Notices come first, but not for ever: links have their turn after
    /// [`NOTICES_IN_A_ROW`] of them.
    pub(super) fn take(&mut self) -> Option<Event> {
        if self.in_a_row < NOTICES_IN_A_ROW
            && let Some(event) = self.take_mail()
        {
            self.in_a_row += 1;
            return Some(event);
        }
        self.in_a_row = 0;
        self.take_link().or_else(|| self.take_mail())
    }

    /// The channels to wait on.
    pub(super) fn watch<'a>(&'a self, select: &mut crossbeam_channel::Select<'a>) {
        match &self.step_back {
            Some(step_back) if step_back.would_be_due() => step_back.watch(select),
            _ => {
                self.mail.watch(select);
                self.links.watch(select);
            }
        }
    }

    /// A view of the same channels that tells whether there is something in them.
    #[cfg(test)]
    pub(super) fn probe(&self) -> impl Fn() -> bool + Send + use<> {
        let (mail, links, step_back) = (self.mail.clone(), self.links.clone(), self.step_back.clone());
        let steps_back = move || step_back.as_ref().is_some_and(StepBack::would_be_due);
        move || !steps_back() && (!mail.is_empty() || !links.is_empty())
    }

    fn take_mail(&mut self) -> Option<Event> {
        if self.step_back.as_ref().is_some_and(StepBack::is_due) {
            return None;
        }
        match self.mail.try_recv() {
            Ok(mail) => {
                if let Some(release) = &self.release {
                    release.say(self.mail.len());
                }
                Some(match *mail {
                    Mail::Notice(notice) => Event::Notice(notice),
                    Mail::Command(ticket, command) => Event::Command(ticket, command),
                })
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                // A disconnected channel counts as ready for ever, and waiting on it would spin.
                self.mail = no_queue();
                None
            }
        }
    }

    fn take_link(&mut self) -> Option<Event> {
        match self.links.try_recv() {
            Ok(event) => {
                let bytes = self.gauge.bytes.fetch_sub(size(&event), SeqCst).saturating_sub(size(&event));
                let roomy = self.links.len() <= limits::LINK_QUEUE / 2 && bytes <= limits::LINK_QUEUE_BYTES / 2;
                if roomy && self.gauge.found_full.swap(false, SeqCst) {
                    (self.wake_net)();
                }
                Some(Event::Link(event))
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                self.links = no_queue();
                None
            }
        }
    }
}

fn size(event: &LinkEvent) -> usize {
    if let LinkEvent::Frame { frame, .. } = event { frame.wire_len() } else { 0 }
}

impl EventSink for Sink {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        let Some((links, gauge)) = self.0.get(&role) else { return Ok(()) };
        let event = match gauge.put(links, event) {
            Ok(()) => return Ok(()),
            Err(event) => event,
        };
        // The role may have made room between the attempt and the flag, and would not see it: hence once more.
        gauge.found_full.store(true, SeqCst);
        gauge.put(links, event)
    }

    fn count(&mut self, counter: Counter, by: u64) {
        self.1.count(counter, by);
    }
}

impl Gauge {
    fn put(&self, links: &QueueIn<LinkEvent>, event: LinkEvent) -> Result<(), LinkEvent> {
        let size = size(&event);
        let bytes = self.bytes.load(SeqCst);
        // One frame always fits, however large, so that none waits for ever.
        if bytes > 0 && bytes + size > limits::LINK_QUEUE_BYTES {
            return Err(event);
        }
        // Before the event can be taken out, so that the sum never falls below zero.
        self.bytes.fetch_add(size, SeqCst);
        match links.try_send(event) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(event)) => {
                self.bytes.fetch_sub(size, SeqCst);
                Err(event)
            }
        }
    }
}

impl Orders {
    /// Whether there is an order to take.
    #[cfg(test)]
    pub(super) fn has_next(&self) -> bool {
        !self.0.is_empty()
    }
}

impl OrderSource for Orders {
    fn next_order(&mut self) -> Option<Order> {
        self.0.try_recv().ok()
    }
}

impl Router {
    /// Carries out what a role wants: first all reports, so that whoever gets an answer finds the status as it is by then.
    /// Notices that can be said in one are.
    pub(super) fn dispatch(&self, from: RoleId, actions: impl Iterator<Item = Action>) {
        let mut reports = Vec::new();
        let take_report = |action| match action {
            Action::Report(report) => {
                reports.push(report);
                None
            }
            other => Some(other),
        };
        let actions: Vec<Action> = actions.filter_map(take_report).collect();
        if !reports.is_empty() {
            self.status.report_all(reports);
        }
        let mut ordered = false;
        let mut actions = actions.into_iter().peekable();
        while let Some(mut action) = actions.next() {
            if let Action::Tell(notice) = &mut action {
                while let Some(Action::Tell(next)) = actions.peek_mut()
                    && notice.take_in(next)
                {
                    actions.next();
                }
            }
            let Action::Link(action) = action else {
                self.dispatch_local(from, action);
                continue;
            };
            self.order_unwoken(Order::Link(action));
            ordered = true;
        }
        if ordered {
            (self.wake_net)();
        }
    }

    /// Gives the poll loop an order.
    pub(super) fn order(&self, order: Order) {
        self.order_unwoken(order);
        (self.wake_net)();
    }

    /// Passes a command on to its role. `done` hears exactly one answer, whatever happens.
    pub(super) fn submit(&self, command: Command, done: Done) {
        let role = command.role();
        let Some(ticket) = self.pending_commands.open(done) else { return };
        let refusal = match self.mail.get(&role) {
            None => Reply::Stopping,
            Some(mail) => match mail.try_send(Box::new(Mail::Command(ticket, command))) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => Reply::Busy,
                Err(TrySendError::Disconnected(_)) => Reply::Stopping,
            },
        };
        self.pending_commands.complete(ticket, refusal);
    }

    fn dispatch_local(&self, from: RoleId, action: Action) {
        match action {
            Action::Tell(notice) => self.tell(from, notice),
            Action::Resolve(name) => self.resolve(name),
            Action::Reply(ticket, reply) => self.pending_commands.complete(ticket, reply),
            Action::Report(report) => self.status.report(report),
            Action::Count(counter, by) => self.status.count(counter, by),
            Action::Halt(halt) => self.stopper.stop(StopReason::Halt(halt)),
            Action::Link(action) => self.order(Order::Link(action)),
        }
    }

    fn tell(&self, from: RoleId, notice: Notice) {
        let to = notice.role();
        let Some(mail) = self.mail.get(&to) else { return };
        match mail.send_timeout(Box::new(Mail::Notice(notice)), NOTICE_TIMEOUT) {
            // A role that has ended hears nothing any more: the node is stopping.
            Ok(()) | Err(SendTimeoutError::Disconnected(_)) => {}
            Err(SendTimeoutError::Timeout(_)) => self.stuck(to.name(), from),
        }
    }

    fn resolve(&self, name: HostName) {
        let Some(mail) = self.mail.get(&RoleId::Peers).cloned() else { return };
        let question = Resolving(Some((name.clone(), mail)));
        self.resolver.resolve(&name, Box::new(move |result| question.complete(result)));
    }

    fn order_unwoken(&self, order: Order) {
        let order = match self.orders.try_send(order) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => return,
            Err(TrySendError::Full(order)) => order,
        };
        // The poll loop may not know yet that there is anything to take.
        (self.wake_net)();
        if let Err(SendTimeoutError::Timeout(_)) = self.orders.send_timeout(order, NOTICE_TIMEOUT) {
            self.stopper.broken("the poll loop takes no orders".to_owned());
        }
    }

    fn stuck(&self, role: &str, from: RoleId) {
        let seconds = NOTICE_TIMEOUT.as_secs();
        self.stopper.broken(format!("{role} took nothing from {} for {seconds} s", from.name()));
    }
}

/// A question for a name. It is answered even if the resolver drops it.
struct Resolving(Option<(HostName, QueueIn<Box<Mail>>)>);

impl Resolving {
    fn complete(mut self, result: Result<Vec<SocketAddr>, String>) {
        self.answer(result);
    }

    fn answer(&mut self, result: Result<Vec<SocketAddr>, String>) {
        let Some((name, mail)) = self.0.take() else { return };
        let notice = Mail::Notice(ToPeers::Resolved { name, result }.into());
        // A role that has ended hears nothing any more: the node is stopping.
        drop(mail.send_timeout(Box::new(notice), NOTICE_TIMEOUT));
    }
}

impl Drop for Resolving {
    fn drop(&mut self) {
        self.answer(Err("nobody could be asked".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::hash::Hash,
        chain::snapshot::JoinState,
        node::{
            notice::{ToFetch, ToLedger, ToVerify},
            report::Report,
        },
    };

    /// A node that had verified its past said for a moment that it had all blocks, and that others vouched for some of them.
    #[test]
    fn nobody_sees_a_part_of_what_an_event_reports() {
        let status = Arc::new(SharedStatus::default());
        let (sender, seen) = crossbeam_channel::unbounded();
        let watched = Arc::downgrade(&status);
        status.watch(Box::new(move || {
            let now = watched.upgrade().expect("it is there as long as it is reported to").snapshot();
            sender.send((now.kept_from, now.joined)).expect("the test listens");
        }));
        let channels = open(&[RoleId::Ledger], Arc::new(|| {}), status, Arc::new(Stopper::new()));
        let told = Action::Tell(ToLedger::StoreHeaders(Vec::new()).into());
        let done = Action::Report(Report::Joined(JoinState::History));
        channels.router.dispatch(RoleId::Ledger, [Action::Report(Report::KeptFrom(1)), told, done].into_iter());
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [(1, Some(JoinState::History))]);
    }

    #[test]
    fn blocks_that_the_ledger_took_are_told_together() {
        let mut channels = open(&[RoleId::Fetch], Arc::new(|| {}), Arc::default(), Arc::new(Stopper::new()));
        let taken = |heights: &[u32]| {
            let blocks = heights.iter().map(|height| (*height, Hash([7; 32]))).collect();
            Action::Tell(ToFetch::BodiesTaken { blocks }.into())
        };
        let other = Action::Tell(ToFetch::Candidates(Vec::new()).into());
        let told = [taken(&[1]), taken(&[2, 3]), other.clone(), taken(&[4])];
        channels.router.dispatch(RoleId::Ledger, told.into_iter());
        let heard = std::iter::from_fn(|| channels.inboxes[0].take());
        let heard = heard.map(|event| match event {
            Event::Notice(notice) => Action::Tell(notice),
            other => panic!("{other:?}"),
        });
        assert_eq!(heard.collect::<Vec<_>>(), [taken(&[1, 2, 3]), other, taken(&[4])]);
    }

    #[test]
    fn the_last_verifier_leaves_its_core_to_a_ledger_that_has_something_to_do() {
        let roles = [RoleId::Verify, RoleId::Verify, RoleId::Ledger];
        let mut channels = open(&roles, Arc::new(|| {}), Arc::default(), Arc::new(Stopper::new()));
        let check = || Action::Tell(ToVerify::CheckTransactions(Vec::new()).into());
        let store = Action::Tell(ToLedger::StoreHeaders(Vec::new()).into());
        channels.router.dispatch(RoleId::Fetch, [check(), check(), store].into_iter());
        let has_mail: Vec<_> = channels.inboxes.iter().map(Inbox::probe).collect();
        let mut take = |at: usize| channels.inboxes[at].take().is_some();
        assert!(!take(1) && !has_mail[1](), "blocks wait for the ledger");
        assert!(take(0) && has_mail[0](), "the other verifier goes on");
        assert!(take(2) && has_mail[1]() && take(1), "nothing waits any more");
    }
}
