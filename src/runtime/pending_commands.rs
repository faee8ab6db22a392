//! Commands that wait for their answers. Each is answered exactly once, whatever happens to the role that should.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{base::ids::Ticket, node::command::Reply, runtime::handle::Done};

/// Commands that wait for their answers; beyond it new ones are refused.
const MAX_TICKETS: usize = 1024;

/// Open commands, by ticket.
#[derive(Default)]
pub(super) struct PendingCommands(Mutex<Open>);

#[derive(Default)]
struct Open {
    last: u64,
    waiting: BTreeMap<Ticket, Done>,
    closed: bool,
}

impl PendingCommands {
    /// A ticket whose answer goes to `done`. If none is to be had, `done` has heard why.
    pub(super) fn open(&self, done: Done) -> Option<Ticket> {
        let mut open = self.lock();
        let refusal = match (open.closed, open.waiting.len() >= MAX_TICKETS) {
            (true, _) => Reply::Stopping,
            (_, true) => Reply::Busy,
            _ => {
                open.last += 1;
                let ticket = Ticket(open.last);
                open.waiting.insert(ticket, done);
                return Some(ticket);
            }
        };
        drop(open);
        done(refusal);
        None
    }

    /// Answers a ticket. A second answer goes nowhere.
    pub(super) fn complete(&self, ticket: Ticket, reply: Reply) {
        // The lock is not held while `done` runs: it may submit the next command.
        let done = self.lock().waiting.remove(&ticket);
        match done {
            Some(done) => done(reply),
            None => log::debug!("second answer to a command dropped ticket={}", ticket.0),
        }
    }

    /// Refuses new commands from now on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    /// Refuses all open commands: no role is left to answer them.
    pub(super) fn refuse_all(&self) {
        self.close();
        let waiting = std::mem::take(&mut self.lock().waiting);
        waiting.into_values().for_each(|done| done(Reply::Stopping));
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_ticket_is_answered_exactly_once() {
        let pending = PendingCommands::default();
        let (sender, answers) = mpsc::channel();
        let done = || -> Done {
            let sender = sender.clone();
            Box::new(move |reply| sender.send(reply).unwrap())
        };
        let first = pending.open(done()).unwrap();
        let second = pending.open(done()).unwrap();
        assert_ne!(first, second);
        pending.complete(first, Reply::Done);
        pending.complete(first, Reply::Refused("again".to_owned()));
        pending.refuse_all();
        assert!(pending.open(done()).is_none());
        pending.complete(second, Reply::Done);
        assert_eq!(answers.try_iter().collect::<Vec<_>>(), [Reply::Done, Reply::Stopping, Reply::Stopping]);
    }

    #[test]
    fn more_commands_than_may_wait_are_refused() {
        let pending = PendingCommands::default();
        for _ in 0..MAX_TICKETS {
            assert!(pending.open(Box::new(|_| {})).is_some());
        }
        let (sender, answers) = mpsc::channel();
        assert!(pending.open(Box::new(move |reply| sender.send(reply).unwrap())).is_none());
        assert_eq!(answers.recv(), Ok(Reply::Busy));
    }
}
