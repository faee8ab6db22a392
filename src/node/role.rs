//! What a role is, to its author and to its drivers.

use crate::{
    base::time::{Now, Time},
    node::{Halt, event::Event, outbox::Outbox},
};

/// A protocol worker.
pub trait Role: Send {
    /// What the role hears: an [`Input`](crate::node::Input) of its own types.
    type Input: TryFrom<Event>;

    /// Takes one input. Total: no panic on remote input, never blocks.
    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox);

    /// When the role wants a wake. Read again after each input; an early wake does nothing. A timer is state, so that it
    /// can neither starve nor get lost.
    fn deadline(&self) -> Option<Time>;
}

/// A role of any kind, as drivers hold it.
pub trait AnyRole: Send {
    /// Hands an event to the role. An event of another role is a bug of the driver and halts the node.
    fn hear(&mut self, now: Now, event: Event, out: &mut Outbox);

    /// [`Role::deadline`].
    fn wake_at(&self) -> Option<Time>;
}

impl<R: Role> AnyRole for R {
    fn hear(&mut self, now: Now, event: Event, out: &mut Outbox) {
        match R::Input::try_from(event) {
            Ok(input) => self.handle(now, input, out),
            Err(_) => {
                out.halt(Halt::Invariant(format!("{} was given another role's event", std::any::type_name::<R>())))
            }
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{ids::Ticket, rng::Rng},
        node::{Action, command::PeersCommand, gossip::Gossip, notice::ToMiner, sync_state::SyncState, testing},
    };

    #[test]
    fn another_role_s_event_halts_the_node() {
        let mut gossip = Gossip::new(&testing::setup(), Rng::from_number(1));
        let mut hear = |event| {
            let mut out = Outbox::default();
            gossip.hear(Now::default(), event, &mut out);
            matches!(out.drain().collect::<Vec<_>>()[..], [Action::Halt(Halt::Invariant(_))])
        };
        assert!(hear(Event::Notice(ToMiner::State(SyncState::Synced).into())));
        assert!(hear(Event::Command(Ticket(1), PeersCommand::Peers.into())));
        assert!(!hear(Event::Wake));
    }
}
