//! What PROTOCOL.md promises where news and links meet: a peer that missed a block for lack of room hears of the tip soon,
//! no block goes out twice on a link that has not sent it yet, and no honest peer is refused as a duplicate of a link that is
//! not its own.

use std::time::Duration;

use crate::{
    base::{hash::Hash, ids::LinkId, time::Time},
    chain::header::Header,
    node::{CloseReason, LinkAction, LinkEvent, SyncState},
    sim::world::World,
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

/// How long a node may take to tell its tip, once the link has room and the last ping is answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a role may not know that a link has ended.
const UNHEARD: Duration = Duration::from_secs(5);

impl World {
    /// A role wants something of the network.
    pub(super) fn check_news_action(&mut self, node: usize, action: &LinkAction) {
        match action {
            LinkAction::Send { link, frame } if frame.kind == Kind::Ping => {
                if let (Some(life), Some(nonce)) = (&mut self.nodes[node].life, nonce(frame)) {
                    life.watch.untold.remove(link);
                    life.watch.pinged.insert(*link, (nonce, self.now));
                }
            }
            LinkAction::Send { link, frame } => self.check_asked(node, *link, frame),
            LinkAction::Close { link, reason, .. } if **reason == CloseReason::Local(GoodbyeCode::Duplicate) => {
                self.check_duplicate(node, *link);
            }
            _ => {}
        }
    }

    /// A node was told to queue a block as news, or was asked for one.
    pub(in crate::sim) fn check_repeated(&mut self, node: usize, link: LinkId, block: &Hash) {
        let there = self.nodes[node].life.as_ref().filter(|_| self.is_honest(node));
        if there.is_some_and(|life| life.endpoint.repeats(link, block)) {
            self.fail("news", Some(node), format!("will send {block:?} twice on {link:?}"));
        }
    }

    /// A node closes a link because another one joins the same two nodes.
    fn check_duplicate(&mut self, node: usize, link: LinkId) {
        let Some(peer) = self.end_of(node, link, 1).map(|end| end.node) else { return };
        let Some(life) = self.nodes[node].life.as_ref().filter(|_| self.is_honest(node) && self.is_honest(peer)) else {
            return;
        };
        let this = life.sockets.get(&link).map(|(conn, _)| *conn);
        let joins = |at: usize| {
            self.conns[at].as_ref().is_some_and(|conn| {
                let ends = [conn.ends[0].node, conn.ends[1].node];
                ends == [node, peer] || ends == [peer, node]
            })
        };
        let has_other = (0..self.conns.len()).any(|at| Some(at) != this && joins(at));
        let had_other = life.watch.left.get(&peer).is_some_and(|at| self.now.since(*at) < UNHEARD);
        if !has_other && !had_other {
            self.fail(
                "links",
                Some(node),
                format!("refuses honest node {peer} as a duplicate, and has no other link to it"),
            );
        }
    }

    /// A role is told of a link.
    pub(super) fn check_news_event(&mut self, node: usize, event: &LinkEvent) {
        let now = self.now;
        let Some(life) = &mut self.nodes[node].life else { return };
        match event {
            LinkEvent::Frame { link, frame } if frame.kind == Kind::GetBlock => {
                if let Ok(Message::GetBlock(block)) = frame.open() {
                    self.check_repeated(node, *link, &block);
                }
            }
            LinkEvent::NewsLost { link, block: true, .. } => drop(life.watch.untold.entry(*link).or_insert(now)),
            LinkEvent::Frame { link, frame }
                if frame.kind == Kind::Pong && life.watch.pinged.get(link).map(|(nonce, _)| *nonce) == nonce(frame) =>
            {
                if let Some((_, sent)) = life.watch.pinged.remove(link) {
                    life.watch.round_trips.insert(*link, now.since(sent));
                }
                life.watch.untold.entry(*link).and_modify(|since| *since = now);
            }
            LinkEvent::Opened { link, .. } => {
                if let Some(peer) = self.end_of(node, *link, 1).map(|end| end.node)
                    && let Some(life) = &mut self.nodes[node].life
                {
                    life.watch.met.insert(*link, peer);
                }
            }
            LinkEvent::Closed { link, .. } => {
                life.watch.untold.remove(link);
                life.watch.pinged.remove(link);
                life.watch.round_trips.remove(link);
                if let Some(peer) = life.watch.met.get(link).copied() {
                    life.watch.left.insert(peer, now);
                }
            }
            _ => {}
        }
    }

    /// Looks for peers that missed a block and hear of no tip.
    pub(super) fn check_untold(&mut self) {
        let now = self.now;
        let mut found = None;
        for node in 0..self.options.nodes {
            let there = &mut self.nodes[node];
            let busy = there.slow.is_some() || there.view.state != SyncState::Synced;
            let Some(life) = &mut there.life else { continue };
            if busy || life.endpoint.sink().is_any_full() {
                life.watch.untold.values_mut().for_each(|since| *since = now);
            }
            let (watch, endpoint) = (&life.watch, &life.endpoint);
            let late = |(link, since): &(&LinkId, &Time)| {
                now.since(**since) > PATIENCE && !watch.pinged.contains_key(*link) && endpoint.is_up(**link)
            };
            found = found.or(watch.untold.iter().find(late).map(|(link, _)| (node, *link)));
        }
        if let Some((node, link)) = found {
            self.fail("news", Some(node), format!("left out a block on {link:?} and does not tell its tip"));
        }
    }
}

/// The link on which an action queues a block as news, and the block.
pub(in crate::sim) fn pushed_block(action: &LinkAction) -> Option<(LinkId, Hash)> {
    let LinkAction::Relay { link, frame } = action else { return None };
    let header = Header::peek(&frame.body).filter(|_| frame.kind == Kind::Block)?;
    Some((*link, header.hash()))
}

fn nonce(frame: &Frame) -> Option<u64> {
    match frame.open() {
        Ok(Message::Ping { nonce, .. } | Message::Pong(nonce)) => Some(nonce),
        _ => None,
    }
}
