//! Every request has exactly one completion. Dials complete by the driver's own hand; a dial id that is used twice, a
//! command that is answered twice or never, and a `GetBlock` without `Block` or `Absent` are complaints.

use std::time::Duration;

use crate::{
    base::{hash::Hash, time::Time},
    chain::header::Header,
    sim::{net::End, world::World},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// How long a command may take, in a network that may be down.
const PATIENCE: Duration = Duration::from_secs(60);
/// `GetBlock`s of one link that are followed.
const MAX_OWED: usize = 1024;

/// A node hears a frame.
pub(in crate::sim) fn asks(end: &mut End, frame: &Frame, now: Time) {
    if frame.kind == Kind::GetBlock
        && end.owed.len() < MAX_OWED
        && let Ok(Message::GetBlock(hash)) = frame.open()
    {
        end.owed.push((hash, now));
    }
}

/// A node sends a frame. True if it answers a `GetBlock`.
pub(in crate::sim) fn answers(end: &mut End, frame: &Frame) -> bool {
    if end.owed.is_empty() {
        return false;
    }
    let hash = match frame.kind {
        Kind::Block => Header::peek(&frame.body).map(|header| header.hash()),
        Kind::Absent => frame.body.get(..32).and_then(|bytes| bytes.try_into().ok().map(Hash)),
        _ => None,
    };
    let at = hash.and_then(|hash| end.owed.iter().position(|(owed, _)| *owed == hash));
    at.map(|at| end.owed.swap_remove(at)).is_some()
}

impl World {
    /// Complains of requests that have waited for too long.
    pub(in crate::sim) fn check_overdue(&mut self) {
        let overdue = |since: &Time| self.now.since(*since) > PATIENCE;
        for node in 0..self.nodes.len() {
            let Some(life) = &self.nodes[node].life else { continue };
            if let Some((ticket, _)) = life.tickets.iter().find(|(_, (since, _))| overdue(since)) {
                return self.fail("completions", Some(node), format!("{ticket:?} has no answer"));
            }
        }
        let ends = self.conns.iter().flatten().filter(|conn| conn.stands()).flat_map(|conn| &conn.ends);
        let late = ends.filter(|end| end.node < self.options.nodes && end.link.output().is_none()).find_map(|end| {
            let (hash, _) = end.owed.iter().find(|(_, since)| overdue(since))?;
            Some((end.node, *hash))
        });
        if let Some((node, hash)) = late {
            self.fail("completions", Some(node), format!("was asked for block {hash:?} and does not answer"));
        }
    }
}
