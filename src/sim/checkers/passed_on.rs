//! A figure that operators read is right: each request for a block that a node passes on to another peer is counted.

use std::collections::BTreeMap;

use crate::{
    base::{hash::Hash, ids::LinkId, limits::GET_BLOCK_TIMEOUT, time::Time},
    chain::header::Header,
    node::{
        Action, Event, LinkAction, LinkEvent,
        notice::{Notice, ToFetch},
        report::Counter,
    },
    sim::world::World,
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// What one node's role `fetch` has asked for.
#[derive(Debug, Default)]
pub(in crate::sim) struct Requests {
    /// Requests without an answer, and when they were made.
    open: BTreeMap<(Hash, LinkId), Time>,
    /// In the present step: blocks that were asked of one more peer, and how many of these the role has counted.
    passed_on: u64,
    counted: u64,
}

impl Requests {
    /// The role hears something.
    pub(in crate::sim) fn heard(&mut self, event: &Event) {
        match event {
            Event::Link(LinkEvent::Frame { link, frame }) => {
                if let Some(block) = answered(frame) {
                    // Once a body is here nobody owes it, whatever becomes of it.
                    let is_here = frame.kind == Kind::Block;
                    self.open.retain(|(open, of), _| *open != block || of != link && !is_here);
                }
            }
            // Blocks of a new list are asked for from the beginning.
            Event::Notice(Notice::Fetch(ToFetch::Want { .. } | ToFetch::Candidates(_))) => self.open.clear(),
            Event::Link(LinkEvent::Closed { link, .. }) => self.open.retain(|(_, of), _| of != link),
            _ => {}
        }
    }

    /// The role does something.
    pub(in crate::sim) fn did(&mut self, action: &Action, now: Time) {
        match action {
            Action::Count(Counter::BlockRequestsReassigned, count) => self.counted += count,
            Action::Link(LinkAction::Send { link, frame }) if frame.kind == Kind::GetBlock => {
                if let Ok(Message::GetBlock(block)) = frame.open() {
                    let of_block = self.open.range((block, LinkId(0))..=(block, LinkId(u64::MAX)));
                    let is_owed =
                        of_block.filter(|((_, of), _)| of != link).any(|(_, at)| now.since(*at) < GET_BLOCK_TIMEOUT);
                    self.passed_on += u64::from(is_owed);
                    self.open.insert((block, *link), now);
                }
            }
            _ => {}
        }
    }
}

/// The block that a frame brings, or that its sender does not have.
fn answered(frame: &Frame) -> Option<Hash> {
    match frame.kind {
        Kind::Block => Header::peek(&frame.body).map(|header| header.hash()),
        Kind::Absent => frame.body.get(..32).and_then(|bytes| bytes.try_into().ok().map(Hash)),
        _ => None,
    }
}

impl World {
    /// A step of the role has ended.
    pub(in crate::sim) fn check_passed_on(&mut self, node: usize) {
        let Some(life) = &mut self.nodes[node].life else { return };
        let requests = &mut life.watch.requests;
        let (passed_on, counted) = (std::mem::take(&mut requests.passed_on), std::mem::take(&mut requests.counted));
        if passed_on > counted && self.is_honest(node) {
            let what = format!("asks further peers for {passed_on} blocks that others owe, and counts {counted}");
            self.fail("figures", Some(node), what);
        }
    }
}
