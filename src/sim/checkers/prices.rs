//! Every fault has its price: a byzantine node that sends a node what nobody may send loses its link to that node soon.
//!
//! Five kinds of faults are certain enough to be checked from outside: a block without the work that it states, junk under
//! the header of a block that the node has applied, an invalid body or transaction once the node has found it invalid, and an
//! answer to a question that nobody has asked.

use std::time::Duration;

use crate::{
    base::{hash::Hash, ids::LinkId, time::Time},
    chain::{block::HashedTransaction, coin_key::CoinKey, header::Header},
    node::{Origin, Refusal},
    sim::{net::ConnId, world::World},
    wire::{frame::Frame, message::Kind},
};

/// How long a node may take to read, judge and close.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same over small lines: junk waits there behind junk that cannot be judged, and costs its sender first.
const SMALL_LINE_PATIENCE: Duration = Duration::from_secs(120);
/// Points of an invalid body.
const INVALID: u32 = 100;
/// Points of an invalid transaction.
const INVALID_TRANSACTION: u32 = 50;
/// Bodies of one node whose deliverers are remembered.
const MAX_DELIVERED: usize = 4096;

impl World {
    /// A byzantine node sends a frame of its own.
    pub(in crate::sim) fn expect_price(&mut self, node: usize, link: LinkId, frame: &Frame) {
        if frame.kind == Kind::Skeleton {
            return self.expect_end(node, link);
        }
        // Genesis needs no work.
        let header = Header::peek(&frame.body).filter(|header| frame.kind == Kind::Block && header.height > 0);
        let (Some(header), Some(life)) = (header, &self.nodes[node].life) else { return };
        let Some((id, side)) = life.sockets.get(&link).copied() else { return };
        let Some(end) = self.conns[id].as_ref().map(|conn| &conn.ends[1 - side]) else { return };
        let (peer, hash) = (end.node, header.hash());
        let is_junk = self.is_junk(node, &hash, frame);
        let Some(there) = self.nodes[peer].life.as_ref().filter(|_| self.is_honest(peer)) else { return };
        if !header.has_work(&hash) || is_junk && there.watch.applied.contains(&hash) {
            self.checkers.owed_faults.entry(id).or_insert((peer, self.now));
        }
    }

    /// A byzantine node sends what nobody has asked for: an honest peer ends the link.
    fn expect_end(&mut self, node: usize, link: LinkId) {
        let Some((id, side)) = self.nodes[node].life.as_ref().and_then(|life| life.sockets.get(&link).copied()) else {
            return;
        };
        if let Some(peer) = self.conns[id].as_ref().map(|conn| conn.ends[1 - side].node)
            && self.is_honest(peer)
        {
            self.checkers.owed_faults.entry(id).or_insert((peer, self.now));
        }
    }

    /// Whether a block's body is another one than the sender itself has.
    fn is_junk(&self, node: usize, hash: &Hash, frame: &Frame) -> bool {
        let body = self.nodes[node].disk.read(|ledger| ledger.body(hash)).ok().flatten();
        body.is_some_and(|body| body != frame.body)
    }

    /// A node hears a body.
    pub(in crate::sim) fn note_body(&mut self, node: usize, link: LinkId, frame: &Frame) {
        let Some(header) = Header::peek(&frame.body).filter(|_| frame.kind == Kind::Block) else { return };
        if let Some(life) = &mut self.nodes[node].life
            && life.watch.delivered.len() < MAX_DELIVERED
        {
            life.watch.fresh.push(header.hash());
            life.watch.delivered.entry(header.hash()).or_default().push(link);
        }
    }

    /// A node has found a block invalid. One of those that delivered it pays.
    pub(in crate::sim) fn expect_deliverer_pays(&mut self, node: usize, culprit: &Hash) {
        let Some(life) = &self.nodes[node].life else { return };
        let links = life.watch.delivered.get(culprit).cloned().unwrap_or_default();
        let conns: Option<Vec<ConnId>> =
            links.iter().map(|link| life.sockets.get(link).map(|(conn, _)| *conn)).collect();
        // With several deliverers it is not known whose body was judged.
        if let Some(&[conn]) = conns.as_deref() {
            self.checkers.owed_faults.entry(conn).or_insert((node, self.now));
        }
        if let (&[link], Some(life)) = (&links[..], &mut self.nodes[node].life) {
            life.watch.owes(link, INVALID, self.now);
        }
    }

    /// A node's ledger has judged a transaction. What no block can make valid costs its sender; and the mempool must not take
    /// an input that names another amount than the coin has.
    pub(in crate::sim) fn note_judged(
        &mut self,
        node: usize,
        origin: Origin,
        transaction: &HashedTransaction,
        result: &Result<(), Refusal>,
    ) {
        match (result, origin, &mut self.nodes[node].life) {
            (Err(Refusal::Invalid(fault)), Origin::Link(link), Some(life)) if fault.is_permanent() => {
                life.watch.owes(link, INVALID_TRANSACTION, self.now);
                if let Some((conn, _)) = life.sockets.get(&link) {
                    self.checkers.owed_faults.entry(*conn).or_insert((node, self.now));
                }
            }
            (Ok(()), ..) => {
                let disk = &self.nodes[node].disk;
                for input in &transaction.transaction.inputs {
                    let coin = disk.read(|ledger| ledger.coin(&CoinKey::of(&input.outpoint))).ok().flatten();
                    if let Some(coin) = coin.filter(|coin| coin.amount != input.amount) {
                        let what = format!("takes an input that names {} of a coin of {}", input.amount, coin.amount);
                        return self.fail("amounts", Some(node), what);
                    }
                }
            }
            _ => {}
        }
    }

    /// Complains of faults that cost their sender nothing, whether its link stands or not.
    fn check_debts(&mut self) {
        let late = |since: &Time| self.now.since(*since) > PATIENCE;
        let found = (0..self.options.nodes).find_map(|node| {
            let there = &self.nodes[node];
            let life =
                there.life.as_ref().filter(|life| there.slow.is_none() && !life.endpoint.sink().is_any_full())?;
            let gone = |link: &&LinkId| !life.sockets.contains_key(link);
            let (link, _) = life.watch.debts.iter().find(|(link, (_, since))| late(since) && gone(link))?;
            Some((node, *link))
        });
        if let Some((node, link)) = found {
            self.fail(
                "prices",
                Some(node),
                format!("{link:?} delivered what is invalid, ended, and paid nothing for it"),
            );
        }
    }

    /// Complains of links that should have ended.
    pub(in crate::sim) fn check_prices(&mut self) {
        self.check_debts();
        let mut owed = std::mem::take(&mut self.checkers.owed_faults);
        owed.retain(|conn, _| self.conns[*conn].as_ref().is_some_and(|conn| conn.stands()));
        for (conn, (node, since)) in &mut owed {
            let other = |end: &crate::sim::net::End| end.node;
            let ends = self.conns[*conn].as_ref().map(|conn| [other(&conn.ends[0]), other(&conn.ends[1])]);
            let is_cut = ends.is_some_and(|[one, other]| self.severed(one, other).is_some());
            if self.nodes[*node].slow.is_some() || is_cut {
                *since = self.now;
            }
        }
        let patience = if self.options.small_lines_ppm > 0 { SMALL_LINE_PATIENCE } else { PATIENCE };
        let late = owed.values().find(|(_, since)| self.now.since(*since) > patience).copied();
        self.checkers.owed_faults = owed;
        if let Some((node, since)) = late {
            let what = format!("keeps a link over which it got what costs the link at {:.1} s", since.0 as f64 / 1e6);
            self.fail("prices", Some(node), what);
        }
    }
}
