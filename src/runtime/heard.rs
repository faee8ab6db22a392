//! The last messages that peers sent, for those who watch a test network: a short list, and nothing of what is in them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    base::ids::LinkId,
    link::EventSink,
    node::{LinkEvent, RoleId, report::Counter},
    runtime::clock::unix_now,
    wire::message::Kind,
};

/// Messages that are kept; older ones are forgotten.
const KEPT: usize = 32;

/// A message that a role has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When, unix seconds.
    pub time: u64,
    /// Over which link.
    pub link: LinkId,
    /// What it is.
    pub kind: Kind,
}

/// The last messages, signs of life left out.
#[derive(Debug, Default)]
pub struct LastHeard(Mutex<VecDeque<Heard>>);

impl LastHeard {
    /// The last messages, the oldest first.
    pub fn list(&self) -> Vec<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    fn note(&self, link: LinkId, kind: Kind) {
        if matches!(kind, Kind::Ping | Kind::Pong) {
            return;
        }
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() == KEPT {
            list.pop_front();
        }
        list.push_back(Heard { time: unix_now().0, link, kind });
    }
}

/// Notes what passes into the inboxes.
struct NotingSink<S> {
    sink: S,
    heard: Arc<LastHeard>,
}

/// A sink that notes what passes. Without a list, which is only kept where somebody may watch, it is the sink itself.
pub(super) fn noting(
    sink: impl EventSink + Send + 'static,
    heard: Option<Arc<LastHeard>>,
) -> Box<dyn EventSink + Send> {
    match heard {
        Some(heard) => Box::new(NotingSink { sink, heard }),
        None => Box::new(sink),
    }
}

impl<S: EventSink> EventSink for NotingSink<S> {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        let message = match &event {
            LinkEvent::Frame { link, frame } => Some((*link, frame.kind)),
            _ => None,
        };
        // A full inbox gives it back, and it comes again.
        self.sink.try_deliver(role, event)?;
        if let Some((link, kind)) = message {
            self.heard.note(link, kind);
        }
        Ok(())
    }

    fn count(&mut self, counter: Counter, by: u64) {
        self.sink.count(counter, by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::Message;

    /// Takes one event, and then no more.
    struct Room(usize);

    impl EventSink for Room {
        fn try_deliver(&mut self, _: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
            self.0 = self.0.checked_sub(1).ok_or(event)?;
            Ok(())
        }
    }

    #[test]
    fn messages_are_noted_once_when_they_are_taken() {
        let heard = Arc::new(LastHeard::default());
        let mut sink = noting(Room(1), Some(Arc::clone(&heard)));
        let frame =
            |link| LinkEvent::Frame { link: LinkId(link), frame: crate::wire::frame::Frame::new(&Message::Verack(7)) };
        assert!(sink.try_deliver(RoleId::Handshake, frame(1)).is_ok());
        assert!(sink.try_deliver(RoleId::Handshake, frame(2)).is_err());
        let kinds: Vec<_> = heard.list().iter().map(|one| (one.link, one.kind)).collect();
        assert_eq!(kinds, [(LinkId(1), Kind::Verack)]);
    }

    #[test]
    fn only_the_last_are_kept_and_signs_of_life_push_out_none() {
        let heard = LastHeard::default();
        for link in 0..40 {
            heard.note(LinkId(link), Kind::Block);
            heard.note(LinkId(link), Kind::Ping);
        }
        let links: Vec<_> = heard.list().iter().map(|one| one.link).collect();
        assert_eq!(links, (8..40).map(LinkId).collect::<Vec<_>>());
    }
}
