//! What PROTOCOL.md promises of transactions: a node asks one peer at a time for what was announced, gets in the end what an
//! honest peer announced, and sends a transaction whole to few.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::LinkId,
        limits::{ANNOUNCED_TIMEOUT, PUSHED_PEERS},
        time::Time,
    },
    chain::merkle,
    node::{
        Action, Event, LinkAction, LinkEvent, SyncState,
        notice::{Notice, ToGossip},
    },
    sim::world::World,
    wire::{
        message::{Kind, Message},
        short_id::{Salt, ShortId},
    },
};

/// How long an announced transaction may take: some silent peers may be asked first.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same over small lines, where it waits behind blocks.
const SMALL_LINE_PATIENCE: Duration = Duration::from_secs(120);

/// What one node's role `gossip` has been told and has asked for.
#[derive(Debug, Default)]
pub(in crate::sim) struct Announced {
    is_synced: bool,
    /// The salts that it told, by their numbers.
    salts: BTreeMap<u8, Salt>,
    /// Peers that told theirs.
    listeners: BTreeSet<LinkId>,
    /// Leaves of transactions that came, and how often.
    copies: BTreeMap<Hash, u32>,
    /// Leaves of transactions that are here, and what the node's salts make of them.
    leaves: BTreeSet<Hash>,
    here: BTreeSet<ShortId>,
    /// What it asked for and has no answer to.
    asked: BTreeMap<ShortId, (LinkId, Time)>,
    /// What was announced and has not come: since when, and by whom.
    offered: BTreeMap<ShortId, (Time, BTreeSet<LinkId>)>,
    /// In the present step: to how many peers each transaction went whole.
    pushed: BTreeMap<Hash, usize>,
    complaint: Option<String>,
}

impl Announced {
    /// The role hears something.
    pub(in crate::sim) fn heard(&mut self, event: &Event, now: Time) {
        match event {
            Event::Link(LinkEvent::Frame { link, frame }) => match frame.open() {
                Ok(Message::RelaySalt { .. }) => drop(self.listeners.insert(*link)),
                Ok(Message::Announce { salt, ids }) => self.announced(*link, salt, &ids, now),
                Ok(Message::AbsentTransactions(ids)) => {
                    ids.iter().for_each(|id| self.answered(id, *link));
                }
                Ok(Message::Transaction(bytes)) => self.came(&bytes),
                _ => {}
            },
            Event::Link(LinkEvent::Closed { link, .. }) => {
                self.listeners.remove(link);
                self.asked.retain(|_, (of, _)| of != link);
                self.offered.values_mut().for_each(|(_, links)| {
                    links.remove(link);
                });
            }
            Event::Notice(Notice::Gossip(ToGossip::State(state))) => {
                self.is_synced = *state == SyncState::Synced;
                if !self.is_synced {
                    self.asked.clear();
                    self.offered.clear();
                }
            }
            Event::Notice(Notice::Gossip(ToGossip::Admitted { transaction, .. })) => self.is_here(&transaction.leaf),
            _ => {}
        }
    }

    /// The role does something.
    pub(in crate::sim) fn did(&mut self, action: &Action, now: Time) {
        match action {
            Action::Link(LinkAction::Send { link, frame }) => match frame.open() {
                Ok(Message::RelaySalt { number, salt }) => self.tells(number, salt),
                Ok(Message::GetTransactions(ids)) => ids.iter().for_each(|id| self.asks(*id, *link, now)),
                _ => {}
            },
            Action::Link(LinkAction::Relay { link, frame }) if frame.kind == Kind::Transaction => {
                let count = self.pushed.entry(merkle::leaf(&frame.body)).or_default();
                *count += usize::from(self.listeners.contains(link));
                if *count > PUSHED_PEERS {
                    self.complaint.get_or_insert(format!("sends a transaction whole to {count} peers"));
                }
            }
            _ => {}
        }
    }

    /// The node tells a salt, by which peers may announce what has long been here.
    fn tells(&mut self, number: u8, salt: Salt) {
        if self.salts.insert(number, salt) != Some(salt) {
            self.here.extend(self.leaves.iter().map(|leaf| salt.short_id(leaf)));
        }
    }

    fn announced(&mut self, link: LinkId, salt: u8, ids: &[ShortId], now: Time) {
        if !self.is_synced || !self.salts.contains_key(&salt) {
            return;
        }
        for id in ids.iter().filter(|id| !self.here.contains(id)) {
            self.offered.entry(*id).or_insert((now, BTreeSet::new())).1.insert(link);
        }
    }

    fn answered(&mut self, id: &ShortId, link: LinkId) {
        if self.asked.get(id).is_some_and(|(of, _)| *of == link) {
            self.asked.remove(id);
        }
    }

    fn came(&mut self, bytes: &Bytes) {
        if self.is_synced {
            let leaf = merkle::leaf(bytes);
            *self.copies.entry(leaf).or_default() += 1;
            self.is_here(&leaf);
        }
    }

    fn is_here(&mut self, leaf: &Hash) {
        self.leaves.insert(*leaf);
        for salt in self.salts.values() {
            let id = salt.short_id(leaf);
            self.here.insert(id);
            self.asked.remove(&id);
            self.offered.remove(&id);
        }
    }

    fn asks(&mut self, id: ShortId, link: LinkId, now: Time) {
        if let Some((of, at)) = self.asked.insert(id, (link, now))
            && now.since(at) < ANNOUNCED_TIMEOUT
        {
            self.complaint.get_or_insert(format!("asks {link:?} for a transaction, and asked {of:?} just before"));
        }
    }

    /// How many transactions came, and how many different ones.
    fn copies(&self) -> (u64, u64) {
        (self.copies.values().map(|count| u64::from(*count)).sum(), self.copies.len() as u64)
    }
}

impl World {
    /// A step of the role has ended.
    pub(in crate::sim) fn check_announcing(&mut self, node: usize) {
        let Some(life) = &mut self.nodes[node].life else { return };
        life.watch.announced.pushed.clear();
        if let Some(what) = life.watch.announced.complaint.take().filter(|_| self.is_honest(node)) {
            self.fail("announcements", Some(node), what);
        }
    }

    /// How often a transaction came to an honest node, the mean over all nodes and transactions; 0 if none came.
    pub(in crate::sim) fn transaction_copies(&self) -> f64 {
        let honest = self.nodes[..self.options.nodes].iter().filter_map(|there| there.life.as_ref());
        let counts = honest.map(|life| life.watch.announced.copies());
        let (all, different) = counts.fold((0, 0), |(all, different), of| (all + of.0, different + of.1));
        if different == 0 { 0.0 } else { all as f64 / different as f64 }
    }

    /// Looks for transactions that an honest peer announced and that never came.
    pub(in crate::sim) fn check_announced(&mut self) {
        let patience = if self.options.small_lines_ppm > 0 { SMALL_LINE_PATIENCE } else { PATIENCE };
        for node in 0..self.options.nodes {
            let now = self.nodes[node].clock.read(self.now).mono;
            let Some(life) = &self.nodes[node].life else { continue };
            let partners: BTreeSet<LinkId> =
                life.sockets.keys().filter(|link| self.can_deliver(node, **link)).copied().collect();
            let Some(life) = &mut self.nodes[node].life else { continue };
            let mut late = None;
            for (id, (since, links)) in &mut life.watch.announced.offered {
                if links.is_disjoint(&partners) {
                    *since = now;
                } else if now.since(*since) > patience {
                    late = Some(*id);
                }
            }
            if let Some(id) = late {
                return self.fail(
                    "announcements",
                    Some(node),
                    format!("never gets {id:?}, which an honest peer announced"),
                );
            }
        }
    }

    /// Whether the node at the other end of a link would answer.
    fn can_deliver(&self, node: usize, link: LinkId) -> bool {
        let Some(peer) = self.end_of(node, link, 1).map(|end| end.node) else { return false };
        let works = |node: usize| {
            let there = &self.nodes[node];
            let life = there.life.as_ref().filter(|_| there.slow.is_none());
            life.is_some_and(|life| !life.endpoint.sink().is_any_full())
        };
        let is_up = self.nodes[node].life.as_ref().is_some_and(|life| life.endpoint.is_up(link));
        is_up && self.is_honest(peer) && works(node) && works(peer) && self.severed(node, peer).is_none()
    }
}
