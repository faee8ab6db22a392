//! Answers to peers: blocks, and the mempool's transactions.

use std::collections::BTreeMap;

use crate::{
    base::{codec::List, hash::Hash, ids::LinkId, limits},
    chain::archive::StoreError,
    node::{Outbox, PeerFault, report::Counter},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

use super::{
    chainstate::Chainstate,
    pool::{Pool, Rank},
};

/// Serves blocks and mempool transactions.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// Where a link's next page of the mempool's list begins.
    pages: BTreeMap<LinkId, Rank>,
}

impl Server {
    /// Answers one frame. Requests are small and answered one per event: the poll loop is fair between links, and hands on
    /// a further request only once the peer has read most of the answers before.
    pub(super) fn answer(
        &mut self,
        link: LinkId,
        frame: &Frame,
        chain: &Chainstate,
        pool: &Pool,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        match frame.open() {
            Ok(Message::GetBlock(hash)) => return serve_block(link, hash, chain, out),
            Ok(Message::GetMemoryPool(ids)) if ids.is_empty() => self.serve_ids(link, pool, out),
            Ok(Message::GetMemoryPool(ids)) => serve_transactions(link, &ids, pool, out),
            Ok(other) => out.fault(link, PeerFault::Unexpected(other.kind())),
            Err(fault) => out.fault(link, fault.into()),
        }
        Ok(())
    }

    /// The link is gone.
    pub(super) fn closed(&mut self, link: LinkId) {
        self.pages.remove(&link);
    }

    /// Lists the top of the mempool to a peer that did not ask for it.
    pub(super) fn offer_pool(&mut self, link: LinkId, pool: &Pool, out: &mut Outbox) {
        self.pages.remove(&link);
        out.send(link, &self.page(link, pool));
    }

    fn serve_ids(&mut self, link: LinkId, pool: &Pool, out: &mut Outbox) {
        out.answer(link, Kind::GetMemoryPool, [self.page(link, pool)]);
    }

    /// A page of the mempool's list. It goes on where the link's last one ended; after a page that is not full, the list
    /// starts again from the top.
    fn page(&mut self, link: LinkId, pool: &Pool) -> Message {
        let page = pool.page(self.pages.remove(&link), limits::MAX_MEMORY_POOL_IDS);
        if page.len() == limits::MAX_MEMORY_POOL_IDS
            && let Some((rank, _)) = page.last()
        {
            self.pages.insert(link, *rank);
        }
        Message::MemoryPool(List::truncated(page.into_iter().map(|(_, txid)| txid)))
    }
}

fn serve_block(link: LinkId, hash: Hash, chain: &Chainstate, out: &mut Outbox) -> Result<(), StoreError> {
    match chain.served_body(&hash)? {
        Some(body) => {
            out.answer(link, Kind::GetBlock, [Message::Block(body)]);
            out.count(Counter::BlocksServed, 1);
        }
        None => out.answer(link, Kind::GetBlock, [Message::Absent(hash)]),
    }
    Ok(())
}

/// Sends the wanted transactions that are in the mempool, as many as a link takes at once.
fn serve_transactions(link: LinkId, ids: &[Hash], pool: &Pool, out: &mut Outbox) {
    let mut room = limits::SEND_SOFT_BYTES;
    let wanted = ids.iter().filter_map(|txid| pool.entry(txid)).take_while(|entry| {
        let left = room.checked_sub(entry.transaction.size);
        room = left.unwrap_or(0);
        left.is_some()
    });
    let found = wanted.map(|entry| Message::Transaction(entry.transaction.transaction.to_bytes().into()));
    out.answer(link, Kind::GetMemoryPool, found);
}
